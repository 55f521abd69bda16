/* Which of those that exited did the kernel kill for want of memory? */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proc/libproc.h"

struct oom_watch {
        int64_t kills;      /* of libproc_oom_kills(), -1: not known */
        int64_t checked_ms;
        int64_t unclaimed;  /* kills of which nobody is known to have been the one */
        int unclaimed_ticks; /* since the last of them was seen */
};

/* How many the kernel has killed lately of whom nobody was the one yet; 0 where it isn't known. */
int64_t oom_kills_unclaimed(struct oom_watch *w, struct libproc *libproc, int64_t now_ms);
void oom_claim(struct oom_watch *w); /* one of them was found */
/* At the end of each tick. Keeps the count fresh, so that a kill of something else, long ago, is not laid to who exits
 * now; one that was seen before its process was gone waits for it during two ticks. */
void oom_end_tick(struct oom_watch *w, struct libproc *libproc, int64_t now_ms);
/* May a process that is gone have been killed? Its parent hasn't waited for it yet, and it did not die of SIGKILL: no.
 */
bool oom_may_have_killed(int proc_fd, int32_t pid, uint64_t start_ticks);
