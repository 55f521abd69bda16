/* Whose a name is: the standard library's or an application's. */
#pragma once

#include <stdbool.h>

/* Whether a dotted name ("collections.deque", "threading._active", "<interpreter 1>.re._cache") begins with a module of
 * the standard library. A name without a dot is nobody's: false. */
bool stdlib_owns(const char *name);
