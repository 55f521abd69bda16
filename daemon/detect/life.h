/* The life of findings: when one opens, becomes more severe, and closes. Pure. One struct life for each process under
 * watch, beside its detector; it holds at most one open finding of a kind.
 *
 *   none --due--> asked --confirmed--> open --calm long enough, or its process ended--> none
 *                   |                   |^
 *                   +--refuted: waits   ++ worsens: its severity rises, never told twice
 *
 * A leak is due when the detector says so and it has grown by min_growth in all. A step is due when it stayed for an hour
 * (720 ticks). A limit is due when it is reached within a day at this rate, or 90 % of it is in use. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "detect/detector.h"
#include "model/finding.h"
#include "model/headroom.h"

struct life_rules {
        int64_t min_growth_bytes;
        int64_t interval_ms;    /* a tick */
        bool mute;              /* nothing opens; what is open closes */
};

struct life_kind {
        enum { LIFE_NONE, LIFE_ASKED, LIFE_OPEN } state;
        enum severity severity;      /* the highest told */
        int64_t opened_at_ms;
        int64_t calm_since_ms;       /* -1: not calm */
        int64_t wait_until_ms;       /* after a refusal */
};

struct life {
        struct life_kind leak, step, limit;
};

/* What is known now. */
struct life_facts {
        int64_t at_ms;
        const struct trend *trend;
        int64_t level_bytes;         /* anon + swap at this tick; -1 */
        const struct headroom *headroom; /* NULL or LIMIT_NONE: not known */
        double shared_bytes_per_hour;    /* growth of all that share the headroom; at least its own */
        bool largest;                /* of those that share the limit it is the largest: use without growth is told of it alone */
};

enum life_action { LIFE_ASK /* read it exactly, then life_answer() */, LIFE_OPENS, LIFE_WORSENS, LIFE_CLOSES };
struct life_event {
        enum life_action action;
        enum finding_kind kind;
        enum severity severity;
};
#define LIFE_EVENTS_MAX 6

void life_init(struct life *l);
/* One look at the facts: after detector_add() returned true, after headroom changed, and at least once in 60 ticks while
 * something is open. Returns how many events it wrote. */
unsigned life_step(struct life *l, const struct life_rules *rules, const struct life_facts *facts,
                   struct life_event ret[static LIFE_EVENTS_MAX]);
/* The exact read's answer: anon + swap by smaps_rollup, -1 where it can't be read (then the samples are believed). */
unsigned life_answer(struct life *l, const struct life_rules *rules, const struct life_facts *facts,
                     enum finding_kind kind, int64_t exact_bytes, struct life_event ret[static LIFE_EVENTS_MAX]);
/* The process ended: closes what is open. */
unsigned life_end(struct life *l, int64_t at_ms, struct life_event ret[static LIFE_EVENTS_MAX]);
/* A finding that the store holds open from before a restart goes on; nothing is told again. */
void life_resume(struct life *l, enum finding_kind kind, enum severity severity, int64_t opened_at_ms);

/* When its limit is reached at this rate, ms; -1: never, not known, or too far away to say (beyond a month). */
int64_t life_limit_at_ms(const struct life_facts *facts);
