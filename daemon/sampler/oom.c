/* Which of those that exited did the kernel kill for want of memory? The kernel says it by name only in its log, which
 * the sampler has no right to read; it counts kills in vmstat, those within a cgroup's limit as well. */
#include "sampler/oom.h"

#include <signal.h>
#include <stdio.h>

#include "base/file.h"
#include "proc/parse.h"

enum {
        FRESH_MS = 10 * 1000, /* 40 us a reading */
        UNCLAIMED_TICKS = 2,
};

int64_t oom_kills_unclaimed(struct oom_watch *w, struct libproc *libproc, int64_t now_ms)
{
        int64_t kills = libproc_oom_kills(libproc);

        if (w->checked_ms && w->kills >= 0 && kills > w->kills) {
                w->unclaimed += kills - w->kills;
                w->unclaimed_ticks = 0;
        }
        w->kills = kills;
        w->checked_ms = now_ms ? now_ms : 1;
        return w->unclaimed;
}

void oom_claim(struct oom_watch *w)
{
        w->unclaimed--;
}

void oom_end_tick(struct oom_watch *w, struct libproc *libproc, int64_t now_ms)
{
        if (!w->checked_ms || now_ms - w->checked_ms >= FRESH_MS)
                oom_kills_unclaimed(w, libproc, now_ms);
        if (w->unclaimed_ticks++ == UNCLAIMED_TICKS)
                w->unclaimed = 0;
}

bool oom_may_have_killed(int proc_fd, int32_t pid, uint64_t start_ticks)
{
        char path[32], text[1024];
        struct stat_line stat;
        ssize_t n;

        snprintf(path, sizeof path, "%d/stat", pid);
        n = file_read_at(proc_fd, path, text, sizeof text);
        if (n <= 0 || !stat_parse(text, (size_t)n, &stat) || stat.start_ticks != start_ticks)
                return true;
        return stat.exit_code == 0 || (stat.exit_code & 0x7f) == SIGKILL;
}
