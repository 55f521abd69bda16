/* What a process is doing just now. */
#include "proc/state.h"

#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "proc/parse.h"

int process_state_read(int proc_fd, int32_t pid, struct process_state *ret)
{
        char path[32], text[4096];
        struct stat_line stat;
        int64_t tracer;
        ssize_t n;

        snprintf(path, sizeof path, "%d/stat", pid);
        n = file_read_at(proc_fd, path, text, sizeof text);
        if (n <= 0 || !stat_parse(text, (size_t)n, &stat))
                return -ESRCH;
        *ret = (struct process_state){ .letter = stat.state, .start_ticks = stat.start_ticks, .rss_bytes = -1, .swap_bytes = -1 };
        snprintf(path, sizeof path, "%d/status", pid);
        if (file_read_at(proc_fd, path, text, sizeof text) <= 0)
                return 0;
        tracer = field_parse(text, "TracerPid");
        ret->tracer_pid = tracer > 0 && tracer <= INT32_MAX ? (int32_t)tracer : 0;
        ret->rss_bytes = field_parse_kib(text, "VmRSS");
        ret->swap_bytes = field_parse_kib(text, "VmSwap");
        return 0;
}
