/* A growable run of bytes. Out of memory is remembered (failed) and checked once, at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
        char *data;
        size_t size, room;
        bool failed; /* an append did not fit into memory: what is there is incomplete */
};

void buffer_done(struct buffer *b);
void buffer_clear(struct buffer *b); /* empty, the memory kept */
bool buffer_reserve(struct buffer *b, size_t more);
void buffer_add(struct buffer *b, const void *bytes, size_t size);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_add_char(struct buffer *b, char c);
void buffer_add_int(struct buffer *b, int64_t value);
void buffer_format(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first bytes: what a reader has dealt with. */
void buffer_drop(struct buffer *b, size_t size);
/* Its bytes with a NUL behind them, owned by the caller; the buffer is empty then. NULL when it failed. */
char *buffer_take(struct buffer *b, size_t *ret_size);
