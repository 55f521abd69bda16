/* What the running processes of each app use together, and how the app grows. */
#pragma once

#include "api/state.h"

/* Sums are of those that are known, BYTES_UNKNOWN where none is. limit_bytes is the lowest of its processes' limits.
 *
 * growth is that of the app's own open leak, if it has one (a leak that hides behind recycled workers). Else the
 * verdict is the one that tells most among its running processes, its confidence the highest and its beginning the
 * earliest of those with that verdict; the rate is the sum of the processes that leak, of all where none does; the
 * limit is the nearest. */
struct app_sum {
        int64_t processes, rss_bytes, pss_bytes, uss_bytes, swap_bytes, limit_bytes;
        struct growth growth;
};

/* One for each of snapshot->apps->list, in its order, allocated; NULL: out of memory. */
struct app_sum *app_sums(const struct snapshot *s);

/* Adds a figure to a sum, both of which may be unknown. */
void sum_add(int64_t *sum, int64_t value);
