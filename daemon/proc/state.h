/* What a process is doing just now, and how much of it is swapped out: from files that take no lock of its memory map, so
 * that asking never hangs. */
#pragma once

#include <stdint.h>

struct process_state {
        char letter;          /* of its main thread, as in /proc/PID/stat: R, S, D, T, t, Z, X ... */
        uint64_t start_ticks;
        int32_t tracer_pid;   /* who traces it; 0: nobody */
        int64_t rss_bytes, swap_bytes; /* -1: unknown */
};

/* proc_fd: the proc folder. Returns 0, or -ESRCH where it is gone. */
int process_state_read(int proc_fd, int32_t pid, struct process_state *ret);
