/* What a process's control group says: where it is, the systemd unit, the container, the memory limit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/proc.h"

#define CGROUP_LEVELS_MAX 64 /* a group and those above it that are looked at, from below */

/* Strings are allocated, NULL where there is none. Release with cgroup_done(). */
struct cgroup {
        char *path;      /* below the root of its hierarchy: v2's; with v1, the memory controller's, else systemd's */
        char *unit;      /* the innermost service */
        char *container; /* the innermost one: the first 12 hex digits of its id, or its name */
        bool v1;         /* path is of v1's memory controller */
};

/* Takes apart /proc/PID/cgroup. Pure. Returns 0 or -ENOMEM. */
int cgroup_parse(const char *text, struct cgroup *ret);
void cgroup_done(struct cgroup *c);

/* The folder of a group below p->cgroup_fd, without a slash at its end: "./a/b" (v2), "memory/a/b" (v1), "." and
 * "memory" at the top. Cut at its slashes it gives the groups above. False where we can't see the group: what has its
 * name here may be another. */
bool cgroup_folder(const struct proc *p, const struct cgroup *c, char *ret, size_t room);

/* The number in a file of a folder; -1: none, or no limit ("max", and v1's numbers near 2^63). */
int64_t cgroup_read_number(const struct proc *p, const char *folder, const char *file);

/* The lowest memory limit of a group and those above it, in bytes; -1 with none. */
int64_t cgroup_limit(const struct proc *p, const struct cgroup *c);
