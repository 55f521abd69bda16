/* How a process's memory has grown so far: what the detector says, as everybody shows it. */
#pragma once

#include <stdint.h>

enum verdict {
        VERDICT_INSUFFICIENT_DATA, /* too young to tell */
        VERDICT_STABLE,
        VERDICT_WARMING_UP,        /* rises, and bends down */
        VERDICT_STEP,              /* rose at once, and stayed there */
        VERDICT_LEAK,              /* rises steadily */
        VERDICTS,
};

/* "insufficient-data", "stable", "warming-up", "step", "leak" */
const char *verdict_name(enum verdict verdict);

struct growth {
        enum verdict verdict;
        double bytes_per_hour;  /* NAN: not known */
        double confidence;      /* in the verdict, 0 to 1; NAN: not known */
        int64_t since_at_ms;    /* where what the verdict speaks of began; -1: not known */
        int64_t limit_at_ms;    /* when the nearest limit is reached at this rate; -1: not known, or never */
};
#define GROWTH_UNKNOWN ((struct growth){ VERDICT_INSUFFICIENT_DATA, __builtin_nan(""), __builtin_nan(""), -1, -1 })
