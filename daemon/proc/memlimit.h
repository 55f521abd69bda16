/* What may stop a process's memory from growing: the limits of its control groups, its own (setrlimit), the machine's
 * memory. A group's files are read once in a while, however many processes it has. */
#pragma once

#include "model/headroom.h"
#include "model/process.h"
#include "proc/cgroup.h"
#include "proc/detail.h"
#include "proc/proc.h"

struct limits;
struct group;

struct limits *limits_new(void); /* NULL: out of memory */
struct limits *limits_free(struct limits *l); /* NULL is fine; returns NULL. Ends all that processes hold of it. */

/* Which limits a process has. */
struct process_limits {
        struct group *group;     /* NULL: none that we can see */
        uint64_t cgroup_hash;    /* of /proc/PID/cgroup, when the group was last looked up */
        int64_t as_bytes, data_bytes; /* the soft limits, -1: none */
};
#define PROCESS_LIMITS_NONE ((struct process_limits){ .as_bytes = -1, .data_bytes = -1 })

/* What /proc/PID/cgroup and /proc/PID/limits say; c is that same text taken apart. Release with limits_leave(). */
void limits_note_group(struct limits *l, const struct proc *p, const char *text, const struct cgroup *c,
                       struct process_limits *of);
void limits_note_own(const char *text, struct process_limits *of);
/* Reads both (20 us). What can't be read stays as it was. */
void limits_look(struct limits *l, const struct proc *p, int32_t pid, struct process_limits *of);
void limits_leave(struct limits *l, struct process_limits *of);

/* Reads the figures of its groups and of the machine, those that are older than fresh_ms: 12 us each, 40 with a limit.
 */
void limits_refresh(struct limits *l, const struct proc *p, const struct process_limits *of, int64_t now_ms,
                    int64_t fresh_ms);

/* The nearest limit by the figures that were read last. use: how much of its address space is in use. */
void limits_nearest(const struct limits *l, const struct proc *p, const struct process_limits *of,
                    const struct address_use *use, struct headroom *ret);
