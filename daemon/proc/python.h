/* Is it Python, and which? By the name of its executable, else by the libpython it maps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proc/proc.h"

#define PYTHON_VERSION_SIZE 16 /* "3.11" and a NUL; empty: not known */

/* Is a program of this name (or path; " (deleted)" is left off) CPython or PyPy? "python", "python2", "python3",
 * "python3.11" with "t", "d" or "-dbg"; all that begins with "pypy". Writes the version the name tells. */
bool python_by_name(const char *path, char ret_version[static PYTHON_VERSION_SIZE]);

/* Looks for mapped Python in /proc/PID/maps, fed in pieces. */
struct python_search {
        bool found;      /* libpython*.so or libpypy*.so is mapped */
        char version[PYTHON_VERSION_SIZE]; /* of it, or of a lib/python3.11 folder something is mapped from */
        char line[4352]; /* what the last piece ended with: the beginning of a line (a path has 4096 bytes at most) */
        size_t n_line;
};
void python_search_feed(struct python_search *s, const char *piece, size_t size);

/* Reads the maps of a process: at most 1 MiB of them, up to what was looked for. pid_fd: its folder below /proc.
 * Returns 0, or -errno (-EACCES, -ESRCH). until_version: go on after libpython is found until the version is known. */
int python_search_maps(int pid_fd, bool until_version, struct python_search *ret);
