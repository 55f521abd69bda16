/* What the resident memory of a process is made of. */
#pragma once

#include "model/look.h"
#include "pyheap/mappings.h"
#include "pyheap/pools.h"
#include "pyheap/remote.h"

/* From smaps, the pools, and the headers that glibc's arenas begin with, read by r behind its budget: where they can't be
 * read, arenas stay -1. pagemap_fd: see pagemap.h. p: NULL where it is not known which there are; then, and where there are none, python and native
 * bytes are not told apart and stay -1. */
void memory_split(const struct mappings *smaps, const struct pools *p, struct remote *r, int pagemap_fd, struct look_memory *ret);
