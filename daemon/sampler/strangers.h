/* Processes that are not watched, but may become so: a shell that execs Python, a program that loads libpython later.
 * Each is looked at again after a quarter of its age, from a tick to a minute later. Pure: the time is given. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sampler/pidmap.h"

#define STRANGERS_MAX 16384 /* beyond, newcomers are left to the pass over everything that is made each minute */

struct stranger {
        int32_t pid;
        int64_t since_ms;    /* when it was first seen, or began */
        int64_t due_ms, maps_due_ms;
};

struct strangers {
        struct stranger *list;
        uint32_t n, room;
        int64_t due_ms; /* none is due before */
        struct pidmap by_pid;
};

void strangers_done(struct strangers *s);

/* A new one, or one whose pid was reused. due_ms: when to look at it. */
void strangers_add(struct strangers *s, int32_t pid, int64_t since_ms, int64_t due_ms);
bool strangers_has(const struct strangers *s, int32_t pid);
void strangers_remove(struct strangers *s, int32_t pid);

/* The next that is due, from *at on (begin with 0); NULL: no more. Then call strangers_looked() or strangers_remove().
 */
struct stranger *strangers_next(struct strangers *s, uint32_t *at, int64_t now_ms);

/* Is it old enough for another look at its maps? At 1 s, 10 s, 60 s and 10 min of age, then each hour. */
bool stranger_wants_maps(const struct stranger *one, int64_t now_ms);
/* They were looked at. start_ms: when the process began, now that this is known; 0: it isn't. */
void stranger_maps_looked(struct stranger *one, int64_t now_ms, int64_t start_ms);

/* It was looked at: sets when next. */
void strangers_looked(struct strangers *s, struct stranger *one, int64_t now_ms, int64_t interval_ms);
