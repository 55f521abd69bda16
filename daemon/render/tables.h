/* The tables of processes, apps and findings: one hand for the client's terminal and the api's text/plain. Pure: rows
 * in, text out. Every string is cleaned here (control characters as U+FFFD); wide characters are counted as two columns. */
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

/* severity, kind and state are the API's words. pid -1: of the app as a whole. */
struct finding_row {
        int64_t number, pid;
        const char *severity, *kind, *state, *app, *title;
        bool growth_known;
        double bytes_per_hour;
        int64_t step_bytes; /* of a step: how much it jumped, which stands in place of the growth; else -1 */
        int64_t since_ms, limit_at_ms, now_ms;
};

void render_process_table(const struct process_row *rows, size_t n, const struct table_options *options,
                          struct buffer *out);
void render_app_table(const struct app_row *rows, size_t n, const struct table_options *options, struct buffer *out);
void render_finding_table(const struct finding_row *rows, size_t n, const struct table_options *options,
                          struct buffer *out);
