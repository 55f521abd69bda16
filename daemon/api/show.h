/* A process as it is shown: in a list, alone, in a table. */
#pragma once

#include "base/json.h"
#include "api/state.h"
#include "render/tables.h"

struct shown {
        struct known *who;      /* held */
        int64_t exited_at_ms, sampled_at_ms; /* negative: null */
        struct figures now;
        struct detail detail;
        int64_t peak_rss_bytes;
        struct growth growth;
        const struct open_findings *findings; /* the snapshot's */
};

/* From the rows of a snapshot, or from the store, with the growth that the store has of it. False: out of memory.
 * Release with shown_done(). */
bool show_row(const struct row *row, const struct snapshot *s, struct shown *ret);
bool show_stored(const struct store_process *p, const struct snapshot *s, const struct growth *growth,
                 struct shown *ret);
void shown_done(struct shown *s);

/* The members from "state" to "findings". */
void show_write_figures(struct json *j, const struct shown *s);
/* An element of a list. */
void show_write(struct json *j, const struct shown *s);

/* Is the needle (folded; empty fits anything) in name, command line, app or unit? Both scratch buffers are
 * overwritten. */
bool show_matches(const struct known *who, const struct buffer *needle, struct buffer scratch[2]);

/* "growth": {…} */
void show_write_growth(struct json *j, const struct growth *g);
/* The rate in whole bytes an hour, as it is shown and sorted by; false: not known. */
bool show_growth_rate(const struct growth *g, int64_t *ret);

/* A table of them; false: out of memory. */
bool show_write_table(struct buffer *to, const struct shown *list, size_t n, int64_t now_ms);
