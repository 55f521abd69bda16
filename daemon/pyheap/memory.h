/* What the resident memory of a process is made of. */
#pragma once

#include "model/look.h"
#include "pyheap/mappings.h"
#include "pyheap/pools.h"

/* From smaps and the pools; p may be NULL where there are none: then python and native bytes are not told apart and stay -1. */
void memory_split(const struct mappings *smaps, const struct pools *p, struct look_memory *ret);
