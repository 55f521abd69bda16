/* A process's memory made of bytes: regions at addresses of one's choice, and a reader over them for remote_init(). */
#pragma once

#include <stdint.h>

#include "pyheap/mappings.h"
#include "pyheap/remote.h"

#define FAKE_REGIONS 8

struct fake_memory {
        struct { uint64_t address; size_t size; unsigned char *bytes; } regions[FAKE_REGIONS];
        size_t n;
        unsigned calls;
        int answer; /* not 0: what every read answers, as -errno */
};

/* Zeroed bytes at this address, freed by fake_memory_done(). */
unsigned char *fake_memory_map(struct fake_memory *m, uint64_t address, size_t size);
void fake_memory_done(struct fake_memory *m);
void fake_memory_put(struct fake_memory *m, uint64_t address, uint64_t word);
void fake_memory_put_bytes(struct fake_memory *m, uint64_t address, const void *bytes, size_t size);
remote_read_fn fake_memory_read;

/* A compact ASCII str of the given version's layout; type may be 0. Returns address. */
uint64_t fake_memory_str(struct fake_memory *m, uint64_t address, uint64_t type, const char *text, unsigned minor);

/* All regions as anonymous writable mappings, in ascending order of what was mapped; to be released by the caller. */
struct mappings fake_memory_mappings(const struct fake_memory *m);

#define GENEROUS ((struct remote_budget){ 1 << 30, INT64_C(20000000000), INT64_C(20000000000) })
