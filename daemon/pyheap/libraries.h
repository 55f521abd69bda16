/* Which packages outside the standard library have shared objects mapped, and which libc. */
#pragma once

#include "model/look.h"
#include "pyheap/mappings.h"

#define LIBRARIES_MOST 100

/* Into look->libraries. Returns 0 or -ENOMEM. */
int libraries_find(const struct mappings *maps, struct look *look);
