/* Small files, read whole and bounded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads at most room - 1 bytes of a file below a folder (AT_FDCWD: a path) and puts a NUL behind them.
 * Returns how many bytes, or -errno. A file larger than that is cut. */
ssize_t file_read_at(int folder_fd, const char *path, char *ret, size_t room);

/* A whole file, at most limit bytes, allocated with a NUL behind it. Returns 0, -EFBIG, or -errno. */
int file_load(int folder_fd, const char *path, size_t limit, char **ret, size_t *ret_size);

/* An anonymous file in memory that holds these bytes, its offset at 0; -errno when that failed. Close it. */
int file_memory(const char *name, const void *bytes, size_t size);
