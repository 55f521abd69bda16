/* The process that takes one look: forked from the sampler, it reads what it may not trust, and ends. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "model/process.h"

#define LOOK_CPU_SECONDS 5 /* a look takes some 1.2 s at most: four parts of 300 ms; what has no clock of its own is cut here */

struct look_child {
        int pidfd;   /* readable when it has ended */
        int pipe_fd; /* what it says: the bytes of a look; non-blocking, closed when it ends */
};

/* Starts one that looks into `id`. proc_fd: the proc folder. Only that child can be signalled by pidfd, and only its parent
 * reaps it. Both descriptors are the caller's. Returns 0, or negative with *err set. */
int look_child_start(int proc_fd, const struct process_id *id, struct look_child *ret, struct error *err);

/* How it ended: 0 as it should, then *ret_cpu_us; positive with *err set: it did not; -EAGAIN: it has not yet. To be asked
 * until it has, and not again. *ret_cpu_us: what it took of one core, -1 where the kernel doesn't tell. */
int look_child_reap(const struct look_child *child, int64_t *ret_cpu_us, struct error *err);
void look_child_kill(const struct look_child *child);

/* From now on the calling process can read the memory of pid, write to pipe_fd, and end. For the child, and for tests. */
int look_child_confine(pid_t pid, int pipe_fd, struct error *err);

/* The bytes of a look that was not taken, or of which nothing came: python is missing for this reason. */
void look_child_refuse(const char *reason, struct buffer *to);
