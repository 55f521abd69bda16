/* What memory a process may still take before something stops it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum limit_kind {
        LIMIT_NONE,        /* none could be read */
        LIMIT_CGROUP_MAX,  /* memory.max (v2), memory.limit_in_bytes (v1): the kernel kills */
        LIMIT_CGROUP_HIGH, /* memory.high: the kernel slows it down */
        LIMIT_RLIMIT_AS,
        LIMIT_RLIMIT_DATA,
        LIMIT_MACHINE,     /* MemAvailable */
        LIMIT_KINDS,
};

/* "memory.max", "memory.high", "RLIMIT_AS", "RLIMIT_DATA", "MemAvailable" (NULL for LIMIT_NONE) */
const char *limit_kind_name(enum limit_kind kind);

#define HEADROOM_PLACE_SIZE 96

/* The nearest limit: the one with the least room left. */
struct headroom {
        enum limit_kind kind;
        int64_t limit_bytes;  /* the limit itself (for the machine: MemTotal) */
        int64_t used_bytes;   /* what counts against it now: of the whole group with a cgroup, page cache that can be dropped
                               * left out; of the process with a resource limit */
        int64_t room_bytes;   /* limit_bytes - used_bytes, not below 0; for the machine MemAvailable */
        uint64_t shared_by;   /* a hash of what it is a limit of: processes with the same one share the room; with a
                               * resource limit it is 0: the room is its own */
        int64_t oom_kills;    /* that group's count of them; -1: not known */
        char place[HEADROOM_PLACE_SIZE]; /* the group's path, cut at the left where long; "" for other kinds */
};
#define HEADROOM_UNKNOWN ((struct headroom){ LIMIT_NONE, -1, -1, -1, 0, -1, "" })

/* A limit with that much used of it: becomes *nearest if it leaves less room (place, shared_by and oom_kills are then
 * the caller's to fill in). A limit or a use that is not known, below 0, counts as none. Returns whether it did. */
bool headroom_consider(struct headroom *nearest, enum limit_kind kind, int64_t limit_bytes, int64_t used_bytes);
void headroom_set_place(struct headroom *h, const char *path /* UTF-8 */);

/* What was last told of a process, in short. All zero: nothing yet. */
struct headroom_told {
        enum limit_kind kind;
        int64_t limit_bytes, room_bytes, oom_kills;
        uint64_t shared_by;
};
/* Is it worth telling: another limit, another kill, or room that moved by more than 1 % of the limit? Then it counts as
 * told. */
bool headroom_tell(struct headroom_told *told, const struct headroom *now);
