/* What a detector keeps, between detector.c (samples into buckets), trend.c (what the buckets say) and detector_save.c. */
#pragma once

#include "detect/detector.h"

#define BUCKETS 128
#define BUCKET_EMPTY UINT32_MAX
#define UNIT 4096 /* bytes: levels are kept in units of a page */
#define GAPS 4

/* A stretch without samples that was left out of the detector's own time. */
struct gap {
        int64_t at_ms;      /* of its own time */
        int64_t skipped_ms; /* in all, up to and with this one */
};

/* Its own time begins with 0 at the first sample, and stands still while nobody looked and nothing changed: a machine that
 * slept, a daemon that was down. Bucket i covers [i, i + 1) * width_ms of it. */
struct detector {
        struct trend trend;
        int64_t first_ms, last_ms; /* as given */
        int64_t clock_ms;          /* own time of the newest sample */
        int64_t width_ms;          /* 0: only one sample so far */
        int64_t look_at_ms;        /* own time of the next look */
        uint64_t samples;
        uint32_t n;                /* buckets begun */
        uint32_t last;             /* the newest level */
        uint32_t n_gaps, hits, misses; /* hits, misses: looks in a row */
        struct gap gaps[GAPS];
        uint32_t low[BUCKETS];     /* units; BUCKET_EMPTY */
};

/* Own time to the samples' time. */
int64_t detector_wall_ms(const struct detector *d, int64_t own_ms);

/* A look at the buckets: fills d->trend, counts hits and misses. */
void trend_look(struct detector *d);
