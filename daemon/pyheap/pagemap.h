/* Which pages of a process were ever touched: proc_pid_pagemap(5). To read one that never was costs time, and page tables in the
 * target. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGEMAP_PAGE UINT64_C(4096)
#define PAGEMAP_WINDOW (8192 * PAGEMAP_PAGE) /* 32 MiB: so much of a pagemap is read at once */

struct pagemap_window {
        uint64_t start;
        uint64_t words[PAGEMAP_WINDOW / PAGEMAP_PAGE];
        bool known;
};

/* From start to end, both a page's and at most a window apart. fd: an open /proc/PID/pagemap, or -1. Where it can't be read, all
 * pages pass for touched. */
void pagemap_read(int fd, uint64_t start, uint64_t end, struct pagemap_window *ret);

/* Is the page of this address, which lies in the window, in memory or swapped out? */
static inline bool pagemap_touched(const struct pagemap_window *w, uint64_t address)
{
        return !w->known || w->words[(address - w->start) / PAGEMAP_PAGE] >> 62; /* bit 63 present, 62 swapped */
}

/* The same for a single page. */
bool pagemap_touched_at(int fd, uint64_t address);
