/* The questions that are asked of every finding, in their order, and what to do. Pure: evidence in, JSON out. Each
 * question is answered yes, no or unknown, with a sentence that states the measurement; what is not known says what was
 * missing.
 *
 * The thirteen questions: growing, holding, loading, dataframes, long-running, workload, threads, forked, native,
 * fragmentation, gc, limit, unclear. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "detect/detector.h"
#include "detect/generations.h"
#include "model/finding.h"
#include "model/headroom.h"
#include "model/look.h"
#include "model/process.h"

/* What is known of a process when its finding is told. Negative, NULL, NAN: not known; nor is a time or limit of 0. */
struct circumstances {
        enum finding_kind kind;
        int64_t now_ms, interval_ms;
        const char *app_name;        /* never NULL */
        const char *process_name;    /* NULL: of the app as a whole */
        int32_t pid;
        const char *framework, *unit, *python;
        char *const *args; size_t n_args;
        const struct trend *trend;   /* never NULL (of the app's generations: VERDICT_LEAK with their figures) */
        const struct generations_trend *generations; /* NULL: not the app's */
        const struct low *lows; size_t n_lows; /* of the process, oldest first */
        int64_t exact_bytes;         /* anon + swap by smaps_rollup at the opening; -1 */
        const struct headroom *headroom; /* NULL: not known */
        int64_t limit_at_ms;
        struct detail then, now;     /* costlier figures at the window's (or step's) beginning and now */
        int64_t then_ms;             /* when `then` was read; -1: never */
        struct detail after;         /* of a step: figures read soon after it */
        int64_t after_ms;            /* when */
        int64_t started_at_ms;       /* of the process */
        int64_t fds_limit;           /* RLIMIT_NOFILE of the process */
        const struct look *look;     /* the newest into its heap, with its past; NULL: none, and why_no_look says why */
        const char *why_no_look;     /* half a sentence after "it was not looked into: "; NULL: not known */
        int64_t next_look_ms;        /* when there will be one; -1: never */
        bool look_of_member;         /* the finding is of the app, the look of one of its processes */
};

/* One line for people: "gunicorn: shop grows by 46.0 MiB an hour since 14:02 UTC". Times are UTC, with the day unless
 * it is that of now_ms. */
void diagnosis_title(const struct circumstances *c, struct buffer *to);
/* JSON on one line each. Evidence: from_bytes, to_bytes, from_at, to_at, span_seconds, bytes_per_hour,
 * low_bytes_per_hour, high_bytes_per_hour, confidence, rises, slots, exact_bytes, troughs [[at, bytes], …] (at most 32),
 * limit {kind, place, limit_bytes, used_bytes, room_bytes, at} or null, generations {alike, of, lifetime_seconds} or
 * null, note. */
void diagnosis_evidence(const struct circumstances *c, struct buffer *to);
/* A list in JSON: {"kind": "container" | "type" | "extension", "name", "type", "from", "to", "from_at", "per_hour",
 * "explains_bytes", "agent"} by what each explains; what does not fit a kind is null, agent is there for extensions only. */
void diagnosis_suspects(const struct circumstances *c, struct buffer *to);
/* Both lists at once, as the advice depends on the answers. */
void diagnosis_answers(const struct circumstances *c, struct buffer *to_diagnosis, struct buffer *to_advice);
