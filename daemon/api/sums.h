/* What the running processes of each app use together. */
#pragma once

#include "api/state.h"

/* Sums are of those that are known, BYTES_UNKNOWN where none is. limit_bytes is the lowest of its processes' limits. */
struct app_sum {
        int64_t processes, rss_bytes, pss_bytes, uss_bytes, swap_bytes, limit_bytes;
};

/* One for each of snapshot->apps->list, in its order, allocated; NULL: out of memory. */
struct app_sum *app_sums(const struct snapshot *s);

/* Adds a figure to a sum, both of which may be unknown. */
void sum_add(int64_t *sum, int64_t value);
