/* The costlier figures of a process. */
#pragma once

#include "model/process.h"
#include "model/report.h"
#include "proc/proc.h"

/* How long a process has run on a CPU, all its threads, ended ones too; -1: gone. 0.2 us, needs no right. */
int64_t detail_cpu_ns(int32_t pid);

/* What resource limits are held against, -1: not known. */
struct address_use {
        int64_t size_bytes; /* VmSize, for RLIMIT_AS */
        int64_t data_bytes; /* VmData, for RLIMIT_DATA */
};

/* Reads what status, io and fd tell (some 20 us; pss_bytes and uss_bytes stay -1). What can't be had is -1. The caller
 * makes sure afterwards that the process is still the same. */
void detail_read(const struct proc *p, const struct process_id *id, struct detail *ret, struct address_use *ret_use);

/* Reads pss_bytes and uss_bytes from smaps_rollup: 20 us to 11 ms a GiB of RSS, during which the process can't change
 * its mappings. Returns false where it can't be read (they stay as they were). */
bool detail_read_rollup(const struct proc *p, const struct process_id *id, struct detail *ret);
/* The same file's RSS, anonymous and swapped bytes, which the kernel counts page by page. All -1 where it can't be
 * read. */
void detail_read_exact(const struct proc *p, const struct process_id *id, struct report_exact *ret);
