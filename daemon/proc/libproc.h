/* libproc2: the kernel's figures as procps reads them. The one file that knows it. What is read at every tick, or at
 * every detail interval, is read directly (sampler.c, detail.c, which says why). */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/process.h"

struct libproc;

/* Looks at the real /proc. Opens what it will need, so that it works on under a filter of system calls. */
int libproc_new(struct libproc **ret, struct error *err);
struct libproc *libproc_free(struct libproc *l); /* NULL is fine; returns NULL */

/* The real uid; -1 where it can't be had, or the pid is another process's by now. */
int64_t libproc_uid(struct libproc *l, const struct process_id *id);

/* How many processes the kernel has killed for want of memory since boot, within a cgroup's limit too; -1: not known. */
int64_t libproc_oom_kills(struct libproc *l);
