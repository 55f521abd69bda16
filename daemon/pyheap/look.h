/* A look into a live CPython heap from outside, by process_vm_readv(2) alone: the process is neither stopped nor changed.
 * What can't be had is named with its reason, each part on its own. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/look.h"
#include "pyheap/remote.h"

/* All files that a look needs, opened beforehand: it then needs no right to open any. */
struct look_files {
        FILE *maps, *smaps;  /* NULL: *_errno says why */
        int maps_errno, smaps_errno;
        FILE *pagemap;       /* NULL where it can't be had: then pages never touched are read, too */
        char exe[4096];      /* what /proc/PID/exe leads to; "" where it can't be read */
        int ptrace_scope;    /* Yama's, 0 to 3; -1 where there is none */
};
void look_open(int proc_fd, pid_t pid, struct look_files *ret);
void look_close(struct look_files *files);

struct look_options {
        int64_t cpu_ms, wall_ms;     /* for each part: finding, gc, census, containers */
        size_t types_most, containers_most;
        bool without_symbols;        /* for tests: see find.h */
        remote_read_fn *read;        /* for tests and the fuzzer: instead of process_vm_readv(2); NULL */
        void *read_context;
};
#define LOOK_OPTIONS ((struct look_options){ .cpu_ms = 300, .wall_ms = 3000, .types_most = 4000, .containers_most = 2000 })

/* Takes at most some 40 MiB for a moment, beside 16 bytes a pool. files stay the caller's, read to their end. Returns 0 with
 * the look, also where only parts of it or none could be had (missing tells); negative with *err set when out of memory.
 * Release with look_done(). Whether pid is still the same process, the caller compares by its start time, before and after. */
int look_take(struct look_files *files, pid_t pid, const struct look_options *options, struct look *ret, struct error *err);
