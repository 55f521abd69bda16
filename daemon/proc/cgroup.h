/* What a process's control group says: where it is, the systemd unit, the container, the memory limit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* The lowest memory limit of a group and those above it, in bytes; -1 with none. cgroup_fd: /sys/fs/cgroup. */
int64_t cgroup_limit(int cgroup_fd, const struct cgroup *c);
