/* The roster: which process sits on which of the sampler's seats, and what the sampler's frames mean for the store. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "engine/users.h"
#include "engine/watch.h"
#include "model/report.h"
#include "store/store.h"

struct roster;

/* watch is told of all that comes in; lent. NULL when out of memory. */
struct roster *roster_new(struct watch *watch);
struct roster *roster_free(struct roster *r);

/* Takes over one whole round, a TICK at its end (report_find_tick()), as of at_ms. 0, or negative with *err when the
 * sampler said something that can't be: then the round counts as far as it was read. */
int roster_apply(struct roster *r, const char *round, size_t size, int64_t at_ms, struct users *users, struct store *store,
                 struct error *err);

/* The sampler is gone: every seat is empty; a process that the next sampler doesn't name in its first round has exited. */
void roster_clear_seats(struct roster *r);

uint32_t roster_count(const struct roster *r);
/* Of the last round: processes whose figures could be read before and could not now. */
uint32_t roster_failed_samples(const struct roster *r);
