/* The board: shared memory in which the engine keeps the growth of each running process, for the api to read. It changes
 * far too often to be worth writing to the disk, and the engine works it out anew from the history after a restart.
 *
 * An entry is written by the engine alone, under a counter that is odd meanwhile (a seqlock): a reader that finds it odd,
 * or changed, reads again. Entries of processes that ended are emptied (process 0) and used again. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "model/growth.h"

#define BOARD_ENTRIES_MAX (1u << 20) /* of address space; pages that were never written cost nothing */

struct board_entry {
        _Atomic uint32_t version;
        _Atomic uint32_t process; /* its number in the store; 0: empty */
        _Atomic uint32_t verdict; /* enum verdict */
        _Atomic float confidence;
        _Atomic double bytes_per_hour;
        _Atomic int64_t since_at_ms, limit_at_ms;
};

struct board {
        _Atomic uint32_t n_entries; /* those behind were never used */
        struct board_entry entries[];
};

void board_write(struct board *b, uint32_t entry, uint32_t process, const struct growth *growth);
void board_clear(struct board *b, uint32_t entry);
/* The process's number and its growth; 0 when the entry is empty. */
uint32_t board_read(const struct board *b, uint32_t entry, struct growth *ret);
