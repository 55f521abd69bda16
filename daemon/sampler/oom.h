/* Which of those that exited did the kernel kill for want of memory? */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proc/libproc.h"

struct oom_watch {
        int64_t kills;      /* of libproc_oom_kills(), -1: not known */
        int64_t checked_ms;
};

/* How many more the kernel has killed since the last call; 0 where it isn't known. */
int64_t oom_kills_since(struct oom_watch *w, struct libproc *libproc, int64_t now_ms);
/* Keeps the count fresh, so that a kill of something else, long ago, is not laid to who exits now. */
void oom_keep_fresh(struct oom_watch *w, struct libproc *libproc, int64_t now_ms);
/* May a process that is gone have been killed? Its parent hasn't waited for it yet, and it did not die of SIGKILL: no.
 */
bool oom_may_have_killed(int proc_fd, int32_t pid, uint64_t start_ticks);
