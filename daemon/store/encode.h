/* A chunk: the figures of one process over one segment, as text in which every character is an operation, so that plain
 * SQL can unfold it (schema/views.sql) as well as this code. Memory figures are in units of 4 KiB.
 *
 * Two states, rss and shared (= rss - anon), begin at 0, which means absent or unknown; else a state is its figure + 1.
 *
 *      U+0020 ..        ticks passed as things stand: 1 to 32
 *      U+0040 .. 007E   rss changes by zigzag 1 to 63, and one tick passes
 *      U+00A0 ..        ticks passed: 33 to 896
 *      U+0400 ..        rss changes by a hexadecimal digit (bits 0 to 3) times 2^18 times 16^level (bits 5, 6), down
 *                       where bit 4 is set; no tick
 *      U+0480 ..        shared changes the same way; no tick
 *      U+0500 ..        v = what is above that (U+D800 to U+FFFF are jumped over); even: rss changes by zigzag v / 2
 *                       and one tick passes; odd: shared changes by zigzag v / 2; no tick
 *
 * Why: measured by tests/bench/encodings.py on 1,000 processes over 1,440 ticks, 30 % changing at every tick (Debian
 * 12, SQLite 3.40.1, a warm file): bytes per process and tick in the file, and ms for all samples of one process in
 * plain SQL:
 *
 *                                           B     ms, mean  worst
 *      a row a sample, and an index        35.393       2.65    6.14
 *      a row a sample, clustered           18.264       0.45    0.56
 *      JSON deltas, 720 ticks a chunk       2.000       2.06    3.59
 *      varint blob, 720 ticks               0.398      37.36   74.94  (RSS alone is read, its runs not unfolded)
 *      this text, 180 ticks                 0.486       1.39    2.20
 *      this text, 360 ticks                 0.441       1.38    2.23
 *      this text, 720 ticks                 0.412       1.47    3.69
 *
 * A segment is 360 ticks: with 720 the ring (store.h) would be twice as large, and what is unsealed is slow to read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/process.h"

#define UNIT_BYTES 4096
#define SERIES_TICKS_MAX 896

struct series {
        char *text; /* owned; not NUL-terminated */
        uint32_t size, room;
        uint32_t ticks;       /* how many the text covers */
        uint32_t rss, shared; /* the states they end in */
        bool failed;          /* out of memory: incomplete */
};

void series_done(struct series *s);
/* The states from tick on (counted from the segment's begin; not before the last one fed). */
void series_feed(struct series *s, uint32_t tick, uint32_t rss, uint32_t shared);
/* Ends it after n_ticks and hands the text on; s is empty then. NULL with *ret_size 0 when it never left state 0. */
char *series_finish(struct series *s, uint32_t n_ticks, uint32_t *ret_size);
/* Goes on where a stored chunk ended. False when the text is none. */
bool series_resume(struct series *s, const char *text, size_t size);

/* Reading: each call gives the next run of ticks alike. False at the end, or where the text is damaged. */
struct series_cursor {
        const char *text;
        size_t size, at;
        uint32_t first, ticks; /* the run: its first tick and how many */
        uint32_t rss, shared;  /* states in it */
        bool damaged;
};
bool series_next(struct series_cursor *c);

/* Figures of the two states. */
struct figures series_figures(uint32_t rss, uint32_t shared);
/* The states of figures; larger ones than fit are cut to what does. */
void series_states(int64_t rss_bytes, int64_t anon_bytes, uint32_t *ret_rss, uint32_t *ret_shared);

/* The costlier figures of one process over one segment, the same way. Nine states: swap, pss, uss, peak in KiB;
 * threads, fds; cpu in ms; rchar, read in bytes; each 0 for unknown, else its figure + 1.
 *
 *      U+0020 .. 007D   a reading, 1 to 94 ticks after the one before (the first: after the tick before the segment)
 *      U+007E           94 ticks pass, no reading
 *      U+00A0 ..        ((digit * 2 + sign) * 4 + level) * 9 + state: that state changes by digit * 4096^level (the
 *                       same characters are jumped over) */
#define DETAIL_STATES 9
#define DETAIL_STATE_MAX (INT64_C(1) << 52)

struct detail_series {
        char *text;
        uint32_t size, room;
        uint32_t ticks; /* one more than the tick of the last reading */
        int64_t states[DETAIL_STATES];
        bool failed;
};

void detail_series_done(struct detail_series *s);
/* A second reading at the same tick is left out. */
void detail_series_feed(struct detail_series *s, uint32_t tick, const int64_t states[static DETAIL_STATES]);
char *detail_series_finish(struct detail_series *s, uint32_t *ret_size);
bool detail_series_resume(struct detail_series *s, const char *text, size_t size);

struct detail_cursor {
        const char *text;
        size_t size, at;
        uint32_t ticks; /* the reading's tick + 1 */
        int64_t states[DETAIL_STATES];
        bool damaged;
};
bool detail_next(struct detail_cursor *c);

void detail_to_states(const struct detail *d, int64_t ret[static DETAIL_STATES]);
struct detail detail_from_states(const int64_t states[static DETAIL_STATES]);
