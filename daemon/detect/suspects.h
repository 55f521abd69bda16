/* What looks say of one name, and of the process, one after the other. Pure; of use to what is concluded from looks. */
#pragma once

#include "detect/looks.h"

#define SERIES_MOST (LOOK_PAST + 1)

/* The values of one name in the looks that knew it, oldest first. */
struct series {
        size_t n;
        size_t gaps;             /* complete looks in between that did not see it */
        int64_t value[SERIES_MOST], at_ms[SERIES_MOST];
        int64_t private_bytes[SERIES_MOST]; /* of the process then; -1 */
};
/* now -1: not seen this time. Then it is gone and the series is empty, unless that part of the look is missing: then it
 * ends with the look before. */
void series_read(const struct look *look, const char *part, const int64_t past[static LOOK_PAST], int64_t now,
                 struct series *ret);
/* It rose, never fell by more than a tenth, and does not lag behind in its second half: what filled up once while the
 * process grew on is not what grows. A gap may be a torn read, or it was emptied then: one is forgiven what was seen
 * three times. */
bool series_keeps_growing(const struct series *s);
/* Kendall's rank correlation of the name with the process's memory; NAN with fewer than three looks. */
double series_with_memory(const struct series *s);

/* Anonymous memory: Python's and all other; -1 where a part of it is not known. */
int64_t look_private_bytes(const struct look_memory *m);
/* By how much that grew since the first look that knew it; -1: not known, or it did not grow. */
int64_t look_grown_bytes(const struct look *look);

/* Types whose bodies lie outside of what a look counts: pandas' and polars' frames, numpy's arrays, tensors. */
bool type_is_frames(const char *name);
/* A Python package that watches the process it runs in. */
bool library_is_agent(const char *name);
