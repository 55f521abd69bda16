/* A recorded trace through the daemon's detector and the life of its findings, as if live: what is known of a time uses
 * nothing recorded later. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "client/trace.h"
#include "detect/detector.h"
#include "detect/life.h"

struct replay {
        struct detector *detector;
        struct life life;
        int64_t min_growth_bytes;
        int64_t first_ms, last_ms;
        double first_s, last_s;
        uint64_t samples;       /* all that count, those not known too */
        uint64_t left_out;      /* whose time was not later than that before */
        double detected_s, closed_s; /* when a leak finding first opened, and when it last closed; NAN */
};

/* What came out. Times are the trace's own seconds, NAN where there is none. */
struct replay_result {
        enum verdict verdict;   /* the last one */
        double bytes_per_hour, confidence;
        double detected_s, closed_s, since_s;
        int64_t from_bytes, to_bytes; /* negative: not known */
        double first_s, span_s;
        uint64_t samples;
        bool found;             /* a leak finding opened, or the last verdict is a leak */
};

int replay_init(struct replay *r, int64_t min_growth_bytes, struct error *err);
void replay_done(struct replay *r);
void replay_add(struct replay *r, const struct trace_sample *sample);
void replay_end(const struct replay *r, struct replay_result *ret);
