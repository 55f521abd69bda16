/* What a process has mapped, from /proc/PID/maps or smaps: proc_pid_maps(5), proc_pid_smaps(5). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define MAPPINGS_MOST 200000 /* the kernel's default limit is 65,530; more are cut, which mappings.cut tells */

enum mapping_kind {
        MAPPING_FILE,
        MAPPING_ANONYMOUS, /* named ones ("[anon:...]") too */
        MAPPING_HEAP,      /* brk's */
        MAPPING_STACK,
        MAPPING_SHMEM,     /* shared memory of any kind: anonymous, /dev/shm, memfd, System V */
        MAPPING_KERNEL,    /* vdso, vvar, vsyscall */
};

struct mapping {
        uint64_t start, end, offset;
        bool readable, writable, shared;
        enum mapping_kind kind;
        char *path; /* a file's, " (deleted)" with it; NULL for others */
        int64_t rss_bytes; /* from smaps; -1 from maps */
};

struct mappings {
        struct mapping *v; /* ascending, not overlapping */
        size_t n, room;
        bool cut;
};

/* Reads a file of either form to its end. What is not a mapping's line or a figure of it is passed over, as is a mapping
 * that lies before the one above it. Returns 0, or negative with *err set when out of memory or when reading failed. */
int mappings_load(FILE *from, struct mappings *ret, struct error *err);
void mappings_done(struct mappings *m);

/* The mapping that holds this address, or NULL. */
const struct mapping *mappings_find(const struct mappings *m, uint64_t address);
bool mappings_writable(const struct mappings *m, uint64_t address);
