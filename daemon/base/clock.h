/* Clocks, and a timeline that runs forward only. */
#pragma once

#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970, UTC */
int64_t clock_mono_ns(void); /* CLOCK_MONOTONIC */
int64_t clock_boot_ms(void); /* CLOCK_BOOTTIME: counts on while the machine sleeps; what start_ticks are measured on */
int64_t clock_cpu_ns(void);  /* CPU time of this process */

/* Wall time for samples: strictly rising whatever the wall clock does. It follows jumps forward at once; after a
 * jump backward it runs at 7/8 speed on the monotonic clock until the wall clock has caught up. */
struct timeline {
        int64_t wall_ms;    /* what was last given out */
        int64_t boot_ms;    /* when, on CLOCK_BOOTTIME */
        int64_t seen_ms;    /* what the wall clock said then */
        int64_t jumped_ms;  /* boot_ms of the last jump of more than 10 s either way; 0: none seen */
};

/* The time to write at a tick. last_ms: newest time already stored, given at the first call through timeline->wall_ms. */
int64_t timeline_next(struct timeline *t, int64_t wall_ms, int64_t boot_ms);
