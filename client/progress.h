/* How far a long run is: one line on standard error, on a terminal alone, and only once it took half a second. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct progress {
        bool shown_at_all;    /* standard error is a terminal that can take a line back */
        bool utf8;
        bool drawn;           /* a line stands there now */
        int64_t began_ns, drawn_ns;
        size_t input, inputs; /* the one at hand, from 0; of so many */
};

struct progress progress_begin(size_t inputs, bool utf8);
/* name: of the input at hand; size 0: nobody knows it. Draws now and then. */
void progress_step(struct progress *p, const char *name, int64_t done, int64_t size);
/* Takes the line away: before anything else is written, and at the end. */
void progress_clear(struct progress *p);

/* The line, at most width columns of it, without taking the former one away. */
void progress_line(const struct progress *p, const char *name, int64_t done, int64_t size, int width,
                   struct buffer *out);
