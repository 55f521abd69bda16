/* A page of processes or of apps: chosen, put in order, cut. Every order is total, so that a page can go on behind the
 * last item of the one before. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/query.h"
#include "base/buffer.h"

#define ROW_EXITED UINT32_MAX
#define KEY_NULL INT64_MIN

struct item {
        int64_t key;          /* what is sorted by, or KEY_NULL */
        const char *text;     /* instead of it, NULL: none */
        int64_t pid;          /* of equals, the lower goes first; then the lower start, then the lower number */
        uint64_t start_ticks;
        uint32_t number;      /* says which one it is: the process's number, the app's place */
        uint32_t row;         /* in the snapshot, or ROW_EXITED */
};

/* A figure as a key: negative is not known. */
int64_t listing_known_key(int64_t figure);
/* Puts them in order. Nulls come last in either direction. */
void listing_sort(struct item *items, size_t n, bool descending);

/* Where in sorted items the page begins that follows the item of that number; n + 1: there is no such item. */
size_t listing_after(const struct item *items, size_t n, uint32_t number);
