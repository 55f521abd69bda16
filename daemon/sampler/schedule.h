/* When what is due. Pure: clocks are given. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The tick after the one that was due at due_ns, and is over at now_ns: the next multiple of the interval on the
 * monotonic clock. Those that were missed are skipped, never made up for in a bunch: *skipped grows by how many. first:
 * due_ns is when sampling began, no multiple; the next is then at least half an interval away. */
int64_t schedule_next(int64_t due_ns, int64_t now_ns, int64_t interval_ns, bool first, uint32_t *skipped);

/* The detail readings, spread evenly: each seat once in a detail interval, in turn. */
struct rotation {
        int64_t interval_ms; /* the detail interval */
        int64_t last_ms;     /* when it was last asked; 0: never */
        double due;          /* seats that are due now, from cursor on */
        uint32_t cursor;
        uint32_t rounds;     /* how often the cursor came round */
};
/* Time has passed: more seats are due, at most all n of them once. */
void rotation_advance(struct rotation *r, uint32_t n, int64_t now_ms);
/* The next seat that is due; -1: none. */
int64_t rotation_take(struct rotation *r, uint32_t n);
/* The one that was taken last stays due. */
void rotation_put_back(struct rotation *r);

/* What reading smaps_rollup may cost: it is by far the dearest, and holds the map lock of the process that it reads.
 *
 * The ceiling: at most this part of a core, averaged over a detail interval (a bucket of that size, full at the start,
 * so that every process soon has a first reading). The measure: where there are many processes, at most a part of what
 * plain sampling costs; each then has its turn only at every n-th visit. */
struct allowance {
        int64_t full_ns, left_ns;
        int64_t last_ms;
        int64_t wanted_ns;  /* what all that were visited in this round would have cost */
        uint32_t every;     /* visits a process waits for its turn, 1: none is left out */
};
#define ROLLUP_MOST_BYTES (INT64_C(4) << 30) /* larger processes are never read: 44 ms and more with their map locked */

void allowance_init(struct allowance *a, int64_t detail_interval_ms, int64_t now_ms);
void allowance_refill(struct allowance *a, int64_t now_ms);
/* A round of visits is over. share_ns: what it may cost, 0: no measure, the ceiling alone counts. */
void allowance_round(struct allowance *a, int64_t share_ns);

struct rollup_case {
        int64_t rss_bytes;
        int64_t cost_ns;  /* what its last reading took, 0: it had none */
        int64_t read_ms;  /* when that was */
        uint32_t visits;
};
/* What reading it takes, as far as can be told. */
int64_t rollup_cost_ns(const struct rollup_case *c);
/* Is a process to be read at this visit? */
bool allowance_grants(struct allowance *a, const struct rollup_case *c, int64_t now_ms);
void allowance_spend(struct allowance *a, int64_t cost_ns);
