/* Standard output: whether it is a terminal, what that can show, and writing to it. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "render/tables.h"

struct screen {
        bool terminal;
        struct table_options table; /* width 0 in a pipe */
};

/* color: "always", "never", else auto. Sets the locale's character type, which says whether UTF-8 is understood. */
struct screen screen_init(const char *color);

/* Writes all of it to standard output. 0, or negative with *err: -EPIPE once nobody reads on. */
int screen_write(const struct buffer *text, struct error *err);

/* The same for JSON from elsewhere: on a terminal, the controls that JSON may hold raw are written as \u00.. */
int screen_write_json(const struct screen *screen, const char *json, size_t size, struct error *err);
