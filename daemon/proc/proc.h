/* The machine that is watched: where its /proc and its cgroups are. Tests pass made-up folders. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/busy.h"
#include "proc/libproc.h"

struct proc {
        int fd;        /* the proc folder */
        int cgroup_fd; /* /sys/fs/cgroup; -1 where there is none: then no cgroup limit is known */
        /* Which group's folder the top of cgroup_fd is (v2) and that of memory/ below it (v1), as paths in
         * /proc/PID/cgroup have it: a container may see a part of the tree alone. Owned; NULL: "/". */
        char *v2_root, *v1_root;
        uint32_t boot; /* the first 8 hex digits of the boot id */
        int64_t ticks_per_second;    /* of start_ticks */
        int64_t wall_less_boot_ms;   /* wall time less time since boot, kept fresh by the caller */
        struct libproc *libproc;     /* owned; NULL where fd is a made-up folder, which libproc2 can't look into */
        struct sampler_busy *busy;   /* told before a read that could hang; NULL: nobody wants to know */
};

/* Release with proc_close(), which accepts a struct that is all zero but for fds of -1. */
int proc_open(const char *proc_path, const char *cgroup_path, struct proc *ret, struct error *err);
void proc_close(struct proc *p);

/* Milliseconds since boot at which a process began. */
int64_t proc_start_ms(const struct proc *p, uint64_t start_ticks);

/* Around reads that may hang on the lock of a process's memory map (cmdline, exe, maps, smaps_rollup, io). */
void proc_busy(const struct proc *p, int32_t pid, uint64_t start_ticks);
void proc_idle(const struct proc *p);
