/* The life of findings: when one opens, becomes more severe, and closes. Pure. One struct life for each process under
 * watch, beside its detector; it holds at most one open finding of a kind.
 *
 *   none --due--> asked --confirmed--> open --calm long enough, or its process ended--> none
 *                   |                   |^
 *                   +--refuted: waits   ++ worsens: its severity rises, never told twice
 *
 * A leak is due when the detector says so and it has grown by min_growth in all. It closes 12 ticks after the verdict is
 * another one: the detector is slow enough to change its mind by itself.
 * A step of at least 32 MiB and 10 % is due when it stayed for an hour (720 ticks). It closes when half of it is given
 * back, or after a day (17,280 ticks): by then it is how the program is.
 * A limit is due when it is reached within a day at this rate, or when 90 % of it is in use for three ticks: of a limit of
 * a cgroup or of the process, as the machine's memory is there to be used. It closes when, for 60 ticks, it is farther
 * than 30 hours away and used to less than 85 %. One limit that many share is told once.
 * Critical is what reaches its limit within an hour, or has 95 % of it in use; but memory.high, which kills nothing, and the
 * machine's memory where others fill it nearly alone, are warnings.
 *
 * No stream of alarms: after a leak or a step has closed, the process must keep more than it did then before another one
 * is due: by min_growth (for a step 32 MiB) and by 10 %. What it gives back in between lowers that mark, so one that
 * starts over from below is told again. */
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
        bool told_by_app;       /* a finding on its app tells of the growth of each of its processes, none of which lives long:
                                 * no leak and no limit ahead is told of this one besides */
};

struct life_kind {
        enum { LIFE_NONE, LIFE_ASKED, LIFE_OPEN } state;
        enum severity severity;      /* the highest told */
        int64_t asked_at_ms, opened_at_ms;
        int64_t due_since_ms;        /* of a limit in use; -1: not due */
        int64_t calm_since_ms;       /* -1: not calm */
        int64_t wait_until_ms;       /* after a refusal; -1 */
        int64_t from_bytes, to_bytes; /* of what is open; -1: not known */
        int64_t mark_bytes;          /* after a closing: what must be outgrown; -1 */
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
        bool teller;                 /* of those that share the limit, it is told of this one alone */
};

enum life_action { LIFE_ASK /* read it exactly, then life_answer() */, LIFE_OPENS, LIFE_WORSENS, LIFE_CLOSES };
struct life_event {
        enum life_action action;
        enum finding_kind kind;
        enum severity severity;
};
#define LIFE_EVENTS_MAX 6

void life_init(struct life *l);
/* One look at the facts: after detector_add() returned true, after headroom changed, and at every tick while life_busy().
 * Returns how many events it wrote. */
unsigned life_step(struct life *l, const struct life_rules *rules, const struct life_facts *facts,
                   struct life_event ret[static LIFE_EVENTS_MAX]);
/* Something is asked, open, or about to be. */
bool life_busy(const struct life *l);
/* The exact read's answer: anon + swap by smaps_rollup, -1 where it can't be read (then the samples are believed). Refuted
 * where less than half of the growth is there: asked again when the window has become a tenth longer. Nothing where it was
 * not asked for that kind. */
unsigned life_answer(struct life *l, const struct life_rules *rules, const struct life_facts *facts,
                     enum finding_kind kind, int64_t exact_bytes, struct life_event ret[static LIFE_EVENTS_MAX]);
/* The process ended: closes what is open. */
unsigned life_end(struct life *l, int64_t at_ms, struct life_event ret[static LIFE_EVENTS_MAX]);
/* A finding that the store holds open from before a restart goes on; nothing is told again. from, to: as its evidence has
 * them, -1 where not known. */
void life_resume(struct life *l, enum finding_kind kind, enum severity severity, int64_t opened_at_ms, int64_t from_bytes,
                 int64_t to_bytes);

/* When its limit is reached at this rate, ms; -1: never, not known, or too far away to say (beyond a month). */
int64_t life_limit_at_ms(const struct life_facts *facts);
