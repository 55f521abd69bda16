/* Containers by the names a program gave them, by walking from sys.modules: module dicts, classes, instances, functions with
 * their closures and defaults, lru_cache's. Breadth first, each object once, at the least depth; every number bounded. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "model/look.h"
#include "pyheap/find.h"
#include "pyheap/types.h"

#define CONTAINER_LENGTH_LEAST 16

/* The longest ones, at most `most`, of length 16 and more, into look->containers. Returns 0, 1 where the walk was cut by
 * its bounds or the budget (*err has which), or negative with *err set. */
int containers_find(struct types *t, const struct python *p, size_t most, struct look *look, struct error *err);
