/* The dynamic symbols of a loaded ELF object, read from the memory of the process that loaded it: no file is opened, so
 * chroots, containers and files that an upgrade has replaced make no difference. Formats: elf(5), the System V ABI; the GNU
 * hash table has no specification but glibc's elf/dl-lookup.c and binutils. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pyheap/remote.h"

struct elf_memory {
        uint64_t bias;             /* what is added to an address of the file */
        uint64_t symbols, strings, gnu_hash; /* where they are now; 0: there is none */
        uint64_t data_start, data_end; /* the writable segments, from the lowest to the highest address; 0, 0: none */
};

enum elf_verdict { ELF_NONE, ELF_READ, ELF_OTHER_MACHINE };

/* The object whose first bytes are mapped at start. ELF_OTHER_MACHINE: 32-bit, big-endian or not x86-64. */
enum elf_verdict elf_memory_open(struct remote *r, uint64_t start, struct elf_memory *ret);

/* The address of a defined symbol, or 0. */
uint64_t elf_memory_symbol(struct remote *r, const struct elf_memory *elf, const char *name);
