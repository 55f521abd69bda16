/* What the sampler is reading now: a page shared with the engine, so that when a read of /proc hangs, the engine knows whose
 * it was, leaves that process out, and starts another sampler. The sampler writes, the engine reads. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct sampler_busy {
        _Atomic int32_t pid;          /* 0: nothing that could hang */
        _Atomic uint64_t start_ticks; /* 0: not yet known */
};
