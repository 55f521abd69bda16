/* The snapshots that cursors lead to, kept for as long as those are good: ten minutes, and 4 MiB in all, beyond which
 * the one whose last cursor is oldest goes first (its cursors are answered 410). */
#pragma once

#include <stdint.h>

#include "api/state.h"

#define KEEP_MS 600000
#define KEEP_BYTES (4 << 20)
#define KEEP_MAX 1024

struct keep {
        struct kept {
                struct snapshot *snapshot;
                int64_t given_ms;       /* boot clock: when its last cursor was given out */
                int64_t replaced_bytes; /* the state's, when it was kept first */
        } list[KEEP_MAX];               /* by given_ms */
        uint32_t n;
};

void keep_done(struct keep *k);
/* A cursor that leads to it is given out now. */
void keep_snapshot(struct keep *k, struct snapshot *s, int64_t replaced_bytes, int64_t now_ms);
/* NULL: no longer kept. Lent. */
struct snapshot *keep_find(const struct keep *k, int64_t tick, int64_t now_ms);
/* Lets go of what is too old, at most once a tick or so. */
void keep_trim(struct keep *k, int64_t replaced_bytes, int64_t now_ms);
