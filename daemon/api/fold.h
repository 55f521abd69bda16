/* ?step=: samples folded into steps, aligned to whole multiples of the step since 1970 in UTC. Pure: samples in, one
 * row a step out, as soon as the step is over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/process.h"

/* The step's first moment; lowest, mean and highest; BYTES_UNKNOWN where no sample had a figure. */
struct step {
        int64_t at_ms;
        int64_t rss_min_bytes, rss_mean_bytes, rss_max_bytes, anon_min_bytes;
};

struct fold {
        int64_t step_ms;
        bool open;               /* a step has samples */
        struct step step;
        int64_t rss_samples;
        __int128 rss_sum;
};

/* The first moment of the step that a time belongs to, before 1970 too. */
int64_t step_begin(int64_t at_ms, int64_t step_ms);

/* One sample, in order of time. True: *ret is the step before it, which is over. */
bool fold_add(struct fold *f, int64_t at_ms, const struct figures *figures, struct step *ret);
/* The step that is open, if any: the samples end here. */
bool fold_end(struct fold *f, struct step *ret);
