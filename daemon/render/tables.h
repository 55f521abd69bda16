/* The tables of processes and apps: one hand for the client's terminal and the api's text/plain. Pure: rows in, text
 * out. Every string is cleaned here (control characters as U+FFFD); wide characters are counted as two columns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct table_options {
        int width;  /* columns of the terminal; 0: a pipe, nothing is cut */
        bool color; /* bold, dim, yellow, red as visual.md says */
        bool utf8;  /* else ASCII alone: - for unknown, no thin spaces */
};

/* Numbers are -1 and strings NULL where not known. verdict is the API's word. */
struct process_row {
        int32_t pid;
        const char *name, *app, *user, *state, *verdict, *cmdline;
        int64_t rss_bytes, pss_bytes, swap_bytes;
        bool growth_known;
        double bytes_per_hour;
        int64_t started_at_ms, now_ms;
};

struct app_row {
        const char *name, *unit, *verdict;
        int64_t processes, rss_bytes, pss_bytes, swap_bytes, limit_bytes;
        bool growth_known;
        double bytes_per_hour;
};

void render_process_table(const struct process_row *rows, size_t n, const struct table_options *options,
                          struct buffer *out);
void render_app_table(const struct app_row *rows, size_t n, const struct table_options *options, struct buffer *out);
