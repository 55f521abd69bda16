/* A growable run of bytes. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_done(struct buffer *b)
{
        free(b->data);
        *b = (struct buffer){};
}

void buffer_clear(struct buffer *b)
{
        b->size = 0;
        b->failed = false;
}

bool buffer_reserve(struct buffer *b, size_t more)
{
        size_t room = b->room ? b->room : 256;
        char *data;

        if (b->failed || more > SIZE_MAX / 4)
                return b->failed = true, false;
        if (b->size + more <= b->room)
                return true;
        while (room < b->size + more)
                room *= 2;
        data = realloc(b->data, room);
        if (!data)
                return b->failed = true, false;
        b->data = data;
        b->room = room;
        return true;
}

void buffer_add(struct buffer *b, const void *bytes, size_t size)
{
        if (!size || !buffer_reserve(b, size))
                return;
        memcpy(b->data + b->size, bytes, size);
        b->size += size;
}

void buffer_add_text(struct buffer *b, const char *text)
{
        buffer_add(b, text, strlen(text));
}

void buffer_add_char(struct buffer *b, char c)
{
        buffer_add(b, &c, 1);
}

void buffer_add_int(struct buffer *b, int64_t value)
{
        char digits[20], *p = digits + sizeof digits;
        uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

        do
                *--p = (char)('0' + rest % 10);
        while (rest /= 10);
        if (value < 0)
                *--p = '-';
        buffer_add(b, p, (size_t)(digits + sizeof digits - p));
}

void buffer_format(struct buffer *b, const char *format, ...)
{
        va_list args;
        int need;

        va_start(args, format);
        need = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (need < 0 || !buffer_reserve(b, (size_t)need + 1)) {
                b->failed = true;
                return;
        }
        va_start(args, format);
        vsnprintf(b->data + b->size, (size_t)need + 1, format, args);
        va_end(args);
        b->size += (size_t)need;
}

void buffer_drop(struct buffer *b, size_t size)
{
        if (size >= b->size) {
                b->size = 0;
                return;
        }
        memmove(b->data, b->data + size, b->size - size);
        b->size -= size;
}

char *buffer_take(struct buffer *b, size_t *ret_size)
{
        char *data;

        buffer_add(b, "", 1);
        if (b->failed) {
                buffer_done(b);
                return NULL;
        }
        data = b->data;
        if (ret_size)
                *ret_size = b->size - 1;
        *b = (struct buffer){};
        return data;
}
