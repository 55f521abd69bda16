/* Containers by the names a program gave them, by walking from sys.modules: module dicts, classes, instances, functions with
 * their closures and defaults, lru_cache's. Breadth first, each object once, at the least depth; every number bounded.
 *
 * What no module leads to comes after that: attributes of an object that is the only one of its class, or one of two
 * ("<shop.service.Service object>.cache"), and long containers that nothing met so far leads to ("<list #3fa2>": in a variable of
 * a function, or deep inside an object; the number tells it from others, look by look). */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "model/look.h"
#include "pyheap/find.h"
#include "pyheap/orphans.h"
#include "pyheap/types.h"

#define CONTAINER_LENGTH_LEAST 16

/* orphans: as a census noted them. The longest ones, at most `most`, of length 16 and more, into look->containers. Returns 0, 1 where the walk was cut by
 * its bounds or the budget (*err has which), or negative with *err set. */
int containers_find(struct types *t, const struct python *p, struct orphans *orphans, size_t most, struct look *look,
                    struct error *err);
