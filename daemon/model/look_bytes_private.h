/* What the writer and the reader of a look's bytes agree on. How they are laid out: look_bytes.c. */
#pragma once

#include "model/look_bytes.h"

#define LOOK_VERSION 1
#define LOOK_NUMBER_MOST (INT64_C(1) << 56) /* more than an address space holds */
/* Of all its names: some that share much unfold to far more than was read. */
#define LOOK_TEXT_MOST ((size_t)LOOK_BYTES_MOST / 2)
#define LOOK_MISSING_MOST 64
#define LOOK_FIGURES 21

/* What is told of a look as a whole, now and of the earlier ones, in one order; within what can be. */
void look_figures_take(const struct look_past *p, int64_t to[static LOOK_FIGURES]);
void look_figures_give(const int64_t f[static LOOK_FIGURES], struct look_past *p);
struct look_past look_as_past(const struct look *look);

/* What an earlier value most likely was, from the look after it. With as many bytes an object, bytes follow from objects.
 * Values wrap: both sides guess the same, and what comes out is checked. */
int64_t look_guess(int64_t newer, int64_t newer_objects, int64_t objects);
