/* Looks made up for tests: a few in a row, with what each of them saw. */
#pragma once

#include <stdint.h>

#include "model/look.h"

#define LOOKS 4 /* in a row, the newest last */
#define NOT_SEEN INT64_C(-1)

/* LOOKS of them, step_ms apart, the newest at now_ms, into a CPython 3.11 with its collector on, glibc mapped. Release
 * with look_done(). */
void make_looks(struct look *look, int64_t now_ms, int64_t step_ms);
void add_container(struct look *look, const char *name, const char *type, const int64_t lengths[static LOOKS]);
void add_alias(struct look *look, const char *name); /* of the container added last */
/* Each object takes that many bytes. */
void add_type(struct look *look, const char *name, int64_t each_bytes, const int64_t objects[static LOOKS]);
void add_library(struct look *look, const char *name);
/* The memory in MiB at each look: what objects take, what is free in pools, malloc's in [heap]. */
void set_memory(struct look *look, const int64_t python[static LOOKS], const int64_t python_free[static LOOKS],
                const int64_t heap[static LOOKS]);
struct look_memory *memory_at(struct look *look, int i);
struct look_gc *gc_at(struct look *look, int i);
/* Only the newest is left: the first look of all. */
void forget_past(struct look *look);
