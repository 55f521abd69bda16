/* What is sent back: a status, a few fields, and a body that several connections may share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "api/query.h"

/* Bytes of all bodies that are being sent or kept. A thousand command lines of 32 KiB make a body of 32 MiB, and 256
 * slow readers could each hold another one: beyond the limit the answer is 503. */
struct body_pool {
        size_t bytes, limit;
};

struct body {
        unsigned refs;
        struct body_pool *pool;
        char *data;
        size_t size, room;
};

/* Takes the bytes of from, which is empty then. NULL: out of memory, or the pool is. */
struct body *body_new(struct body_pool *pool, struct buffer *from);
struct body *body_ref(struct body *b);
struct body *body_unref(struct body *b); /* NULL is fine; returns NULL */
DEFINE_CLEANUP(struct body *, body_unref)

/* Goes with every answer. */
#define ANSWER_FIELDS "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"

struct answer {
        int status;
        const char *type;       /* Content-Type */
        char fields[1280];      /* further header lines, each with its CR LF; see answer_field() */
        char lead[64];          /* the first bytes of the body, where they differ from one request to the next */
        size_t lead_size;
        struct body *body;      /* what follows them; NULL: nothing */
        const char *fixed;      /* instead of lead and body: for when memory is short */
        bool cache;             /* the body stays right until the next tick */
};

void answer_done(struct answer *a);

/* Adds a header line; one that doesn't fit is left out. */
void answer_field(struct answer *a, const char *name, const char *value);

/* Makes the buffer (emptied) the body; out of memory makes it a 503. */
void answer_finish(struct answer *a, struct body_pool *pool, struct buffer *text, const char *type);
/* The same for JSON whose text begins behind "now_at": the answer puts that in front when it is sent. */
void answer_finish_now(struct answer *a, struct body_pool *pool, struct buffer *text);
/* Writes now_at into the lead of such an answer. */
void answer_set_now(struct answer *a, int64_t now_ms);

/* application/problem+json (RFC 9457). What is NULL is left out. */
struct problem {
        int status;
        const char *detail, *parameter, *allowed, *reason;
};
void answer_problem(struct answer *a, struct body_pool *pool, const struct problem *p);

const char *status_title(int status);
