/* The state of CPython's collector. Its structure drifts within minor versions (the first generation stands at 24 in 3.13.0
 * and at 20 in 3.13.5), so the generations are found by what every list head satisfies: the next one's previous is the head
 * itself. */
#pragma once

#include "base/error.h"
#include "model/look.h"
#include "pyheap/find.h"
#include "pyheap/remote.h"

/* What of it can be had. Returns 0; negative with *err set where nothing is known of it, or (-EAGAIN) where the generations
 * could not be recognised and thresholds and counts stay -1. */
int gc_read(struct remote *r, const struct python *p, struct look_gc *ret, struct error *err);
