/* A leak that hides behind recycling: workers are replaced (gunicorn's max_requests, Celery's max_tasks_per_child, a
 * supervisor) before any of them is old enough for a verdict, but each generation grows the same way from its start.
 * Pure, of constant size: one struct generations for an app.
 *
 * A generation is the life of one process of the app that ended, and was followed by another without a gap (a batch job
 * run by a timer has gaps, and is none). What it looks at is said in generations.c.
 *
 * One life alone is no evidence: a step, or chance, can look like a leak. Several that grow alike, from their start to
 * their end, are. One life grows by to_bytes - from_bytes, all together by that times `alike`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "detect/detector.h"

#define GENERATIONS_KEPT 12
#define GENERATIONS_BEGINS 16

/* One life, summed up from its detector's lows when it ended. */
struct generation {
        int64_t began_ms, ended_ms;
        /* What was kept, from behind its start-up (a tenth of its life, or a third where it warms up for longer), at
         * half of that and at the end; over how long. */
        int64_t first_bytes, middle_bytes, last_bytes, growing_ms;
        uint64_t samples;
        bool rising;            /* it grew in its second half nearly as it did in its first */
        bool leaked;            /* it lived long enough for the detector to say so by itself */
        bool followed;          /* another began when it ended: only such count */
};

struct generations {
        struct generation kept[GENERATIONS_KEPT]; /* the newest, a ring */
        uint32_t n, next;
        uint64_t seen;          /* in all */
        int64_t begins_ms[GENERATIONS_BEGINS]; /* the newest that follow nobody yet, a ring; -1: empty */
        uint32_t next_begin;
        int64_t growing_since_ms; /* -1: not growing */
};

/* What they say together. */
struct generations_trend {
        bool growing;
        double bytes_per_hour;  /* of one worker's life, the median */
        double confidence;
        int64_t since_ms;       /* the start of the oldest generation that counted when it was found; -1 */
        int64_t from_bytes, to_bytes; /* medians of first and last levels */
        int64_t lifetime_ms;    /* median */
        uint32_t alike, of;     /* so many of the newest so many grow the same way */
        int64_t ended_ms;       /* when the newest of those alike ended */
};

void generations_init(struct generations *g);
/* A process of the app ended at at_ms. lows and n: detector_lows(). A life too short to say anything is left out. */
void generations_add(struct generations *g, const struct trend *trend, const struct low *lows, size_t n, int64_t at_ms);
/* A process of the app began: tells replacement from a batch job. */
void generations_begin(struct generations *g, int64_t at_ms);
void generations_trend(const struct generations *g, struct generations_trend *ret);
/* It is known otherwise that the leak is gone: what was seen before is no evidence any more. */
void generations_mended(struct generations *g);
