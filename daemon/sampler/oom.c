/* Which of those that exited did the kernel kill for want of memory? The kernel says it by name only in its log, which
 * the sampler has no right to read; it counts kills in vmstat, those within a cgroup's limit as well. */
#include "sampler/oom.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "proc/parse.h"

enum {
        FRESH_MS = 10 * 1000, /* 40 us a reading */
};

static int64_t read_kills(int proc_fd)
{
        static const char key[] = "\noom_kill ";
        char text[16 * 1024];
        const char *line;

        if (file_read_at(proc_fd, "vmstat", text, sizeof text) <= 0)
                return -1;
        line = strstr(text, key);
        return line ? strtoll(line + sizeof key - 1, NULL, 10) : -1;
}

int64_t oom_kills_since(struct oom_watch *w, int proc_fd, int64_t now_ms)
{
        int64_t kills = read_kills(proc_fd), more = kills > w->kills && w->checked_ms && w->kills >= 0 ?
                kills - w->kills : 0;

        w->kills = kills;
        w->checked_ms = now_ms ? now_ms : 1;
        return more;
}

void oom_keep_fresh(struct oom_watch *w, int proc_fd, int64_t now_ms)
{
        if (!w->checked_ms || now_ms - w->checked_ms >= FRESH_MS)
                oom_kills_since(w, proc_fd, now_ms);
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
