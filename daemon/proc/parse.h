/* The kernel's texts below /proc/PID, taken apart. Pure; whatever the text, nothing is read beyond its size. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAT_FORK_NO_EXEC 0x40u     /* PF_FORKNOEXEC of flags: forked, and has not exec'ed since */
#define STAT_KERNEL_THREAD 0x200000u /* PF_KTHREAD */

/* In pages. All zero: a zombie or a kernel thread, which have no memory. */
struct statm {
        uint64_t size, resident, shared, text;
};
bool statm_parse(const char *text, size_t size, struct statm *ret);

struct stat_line {
        char comm[128];      /* as it is: may hold anything but NUL */
        char state;
        int32_t ppid;
        uint32_t flags;
        uint64_t start_ticks;
        uint64_t start_code, start_stack; /* 0 or 1 without the right to know them */
        int exit_code;       /* as wait(2) tells it; 0 without the right to know it */
};
/* comm stands in parentheses and may hold parentheses, spaces and newlines itself: the last ')' ends it. */
bool stat_parse(const char *text, size_t size, struct stat_line *ret);

/* The number behind "Key:" at the start of a line of status, io or smaps_rollup; -1 where there is no such line. */
int64_t field_parse(const char *text, const char *key);
/* The same of a figure in kB, in bytes. */
int64_t field_parse_kib(const char *text, const char *key);

/* The number of a line "key number", as cgroups have them; -1 where there is no such line. */
int64_t keyed_parse(const char *text, const char *key);

/* The soft limit of a line of /proc/PID/limits ("Max address space"), -1 where there is none. */
int64_t limit_parse(const char *text, const char *name);

/* "0.08 0.03 0.01 1/92 7024": threads there are, and the newest pid. */
bool loadavg_parse(const char *text, int64_t *ret_threads, int32_t *ret_newest);
