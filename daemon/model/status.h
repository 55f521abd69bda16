/* The status page: one shared page of memory in which the engine says how it is. The engine maps it writable, the api
 * read-only: what must be told even when the database can't be written. Every member is written alone, by relaxed
 * atomic stores; a reader may see members of two different ticks, never a torn one. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "model/health.h"

struct status {
        _Atomic int32_t health;             /* enum health; HEALTH_LATE is for the api to see by itself, from last_tick */
        _Atomic int64_t last_tick_boot_ms;  /* CLOCK_BOOTTIME of the newest tick that was stored; 0 before the first */
        _Atomic int64_t last_tick_at_ms;    /* the same in wall time */
        _Atomic int64_t samples;            /* process-samples taken since the daemon started */
        _Atomic int64_t ticks, ticks_late;
        _Atomic int64_t tick_ns;            /* time spent in ticks, in all: from its due time until it was stored */
        _Atomic int64_t errors_unreadable;  /* samples that could not be read of a process that is there */
        _Atomic int64_t errors_not_stored;  /* samples dropped because they could not be stored in time */
        _Atomic int64_t errors_sampler;     /* samplers that died or hung and were replaced */
        _Atomic int64_t cpu_ns;             /* of all roles but the api, ended ones included */
        _Atomic int64_t rss_bytes;          /* of all roles but the api */
        _Atomic int64_t fds;                /* of the engine */
        _Atomic int64_t started_at_ms;      /* of the daemon, wall time */
        _Atomic int32_t engine_pid, sampler_pid;
        _Atomic int64_t unreadable_now;     /* processes known by name only, for want of the right to read them */
};
