/* The memory of a process as it was at one moment, kept: so that a reader of heaps can be tried on it again and again. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct region {
        uint64_t start, end;
        unsigned char *bytes;
};

struct snapshot {
        struct region *regions; /* ascending */
        size_t n;
        char *maps, *smaps;     /* the files' text, NUL-terminated */
        char exe[4096];
};

/* Runs the interpreter with this program, which prints a line when its heap is as wanted and then waits for its input's end;
 * takes all that can be read of it, and ends it. The same addresses each time, as far as the kernel gives them. Exits with a
 * message where that can't be had. */
void snapshot_take(const char *interpreter, const char *program, struct snapshot *ret);

/* As process_vm_readv(2), from the snapshot: context is one. */
ssize_t snapshot_read(void *context, void *to, const struct iovec *pieces, size_t n);
