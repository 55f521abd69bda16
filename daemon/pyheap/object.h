/* Reading single objects: str, dict, attributes. Everything comes from memory that others write: lengths are bounded, every
 * pointer goes through the checked reader, and a table torn while it was read gives fewer entries, never a crash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pyheap/types.h"

/* A str as UTF-8 (surrogates as U+FFFD), cut at a character's edge to fit room. False where it is none or can't be read. */
bool object_read_str(struct remote *r, const struct layout *l, uint64_t str, char *ret, size_t room);

/* Called for each entry; false ends it. */
typedef bool object_entry_fn(void *context, uint64_t key, uint64_t value);

/* The entries of a dict in their order, at most `most`; nothing where it is not readable as one. */
void object_each_entry(struct remote *r, const struct layout *l, uint64_t dict, size_t most, object_entry_fn *each, void *context);

/* The value of a key that is a str and reads so; 0 where there is none among the first `most`. */
uint64_t object_find_entry(struct remote *r, const struct layout *l, uint64_t dict, const char *key, size_t most);

/* The attributes in an instance's __dict__, wherever its version keeps them. */
void object_each_attribute(struct remote *r, const struct layout *l, const struct type *type, uint64_t object, size_t most,
                           object_entry_fn *each, void *context);

/* A small int of one or two digits; false where it is longer or negative. */
bool object_read_int(struct remote *r, const struct layout *l, uint64_t object, int64_t *ret);
