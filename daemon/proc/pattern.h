/* --include and --exclude: regular expressions on a whole command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A set of them, compiled; NULL is an empty set. */
struct patterns;

/* Compiles n expressions. Returns 0 (with *ret NULL for none), or negative with *err set. */
int patterns_compile(char *const *texts, size_t n, struct patterns **ret, struct error *err);
struct patterns *patterns_free(struct patterns *p);

/* Does one of them match anywhere in text (valid UTF-8)? One that takes too long on it (match limits) does not. */
bool patterns_match(const struct patterns *p, const char *text);
