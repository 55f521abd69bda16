/* From a pid to a number: where it is in a table. */
#pragma once

#include <stdint.h>

#define PIDMAP_NONE UINT32_MAX

/* All zero is an empty one. */
struct pidmap {
        int32_t *pids; /* 0: free */
        uint32_t *values;
        uint32_t room, n;
};

void pidmap_done(struct pidmap *m);
uint32_t pidmap_get(const struct pidmap *m, int32_t pid); /* PIDMAP_NONE where it isn't there */
int pidmap_set(struct pidmap *m, int32_t pid, uint32_t value); /* 0 or -ENOMEM */
void pidmap_remove(struct pidmap *m, int32_t pid);
