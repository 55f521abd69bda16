/* Clocks, and a timeline that runs forward only. */
#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
        return clock_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_mono_ns(void)
{
        return clock_ns(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
        return clock_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t clock_cpu_ns(void)
{
        return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t timeline_next(struct timeline *t, int64_t wall_ms, int64_t boot_ms)
{
        int64_t next = wall_ms;

        if (t->boot_ms) {
                int64_t passed = boot_ms - t->boot_ms;

                if (llabs(wall_ms - t->seen_ms - passed) > 10000)
                        t->jumped_ms = boot_ms;
                if (wall_ms < t->wall_ms + passed - passed / 8)
                        next = t->wall_ms + passed - passed / 8;
        }
        if (next <= t->wall_ms)
                next = t->wall_ms + 1;
        t->wall_ms = next;
        t->boot_ms = boot_ms;
        t->seen_ms = wall_ms;
        return next;
}
