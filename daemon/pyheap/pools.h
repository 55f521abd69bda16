/* pymalloc's pools: where CPython keeps every object of up to 512 bytes. Format: struct pool_header in Objects/obmalloc.c
 * (Include/internal/pycore_obmalloc.h from 3.12 on); pools of 4 KiB up to 3.9, of 16 KiB from 3.10 on, aligned to their size. A
 * pool tells its block size and how many blocks are in use, so that no list need be followed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "pyheap/mappings.h"
#include "pyheap/remote.h"

#define POOL_HEAD 48
#define POOL_CLASSES 32        /* block sizes: 16 to 512 bytes */
#define POOL_BLOCK_LEAST 16
#define POOLS_MOST (4u << 20)  /* 64 GiB of heap, in 64 MiB of ours */

struct pool_head {
        uint32_t used; /* blocks */
        uint32_t padding;
        uint64_t free, next, previous;
        uint32_t arena, class, next_offset, last_offset;
};

struct pool {
        uint64_t address;
        uint32_t used;
        uint8_t class;
};

struct pools {
        struct pool *v; /* ascending */
        size_t n, room;
        uint32_t size;  /* of a pool, in bytes */
        uint64_t used_blocks[POOL_CLASSES], used_pools[POOL_CLASSES];
        uint64_t used_bytes; /* in blocks */
        bool cut;       /* not all could be looked for */
};

static inline uint32_t pool_block_size(unsigned class)
{
        return (class + 1) * POOL_BLOCK_LEAST;
}

/* Does a pool of this size begin so? No false one was ever seen. */
bool pool_head_holds(const struct pool_head *head, uint32_t size);

/* All pools in a process. Running out of budget only cuts. pagemap_fd: its /proc/PID/pagemap, so that pages never touched are
 * passed over: reading them would cost time, and page tables in the target; -1: all are read. Returns 0, or -ENOMEM with *err set. */
int pools_find(struct remote *r, const struct mappings *m, uint32_t size, int pagemap_fd, struct pools *ret, struct error *err);
void pools_done(struct pools *p);

/* Does this address lie in a pool? */
bool pools_hold(const struct pools *p, uint64_t address);
