/* Running the program that alerts go to. */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* Becomes the program: standard input, output and error as they are, no arguments, an environment of its own with
 * MEMTIDE_EVENT, MEMTIDE_FINDING, MEMTIDE_KIND and MEMTIDE_SEVERITY out of the body. Returns, negative, only where it can't. */
int program_become(const char *path, const char *body, size_t size, struct error *err);
