/* Finds a thing by a number: open addressing, keys unique. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
        struct table_entry { uint64_t key; void *value; } *entries; /* value NULL: empty */
        size_t n, room; /* room is a power of two, or 0 */
};

void table_done(struct table *t);
void *table_get(const struct table *t, uint64_t key); /* NULL: none */
bool table_put(struct table *t, uint64_t key, void *value); /* replaces; false: out of memory */
void table_remove(struct table *t, uint64_t key);
