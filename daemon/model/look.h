/* A look: what one reading of a process's Python heap found. What could not be had is NULL, -1 or empty, and named in
 * missing. Names only, never values. Strings are valid UTF-8 and owned by the look. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOK_ALIASES 2

struct look_type {
        char *name;       /* module.Qual, without "builtins." */
        int64_t objects;  /* all of them, free lists' included */
        int64_t tracked;  /* those the collector knows: what gc.get_objects() counts */
        int64_t bytes;    /* of the objects themselves, as allocated */
};

struct look_container {
        char *name;       /* shop.cache.ORDERS, shop.web.SEEN['ids'], shop.price.<closure>.memo */
        char *aliases[LOOK_ALIASES];
        size_t n_aliases;
        char *type;
        int64_t length;
};

struct look_gc {
        int enabled;      /* 1, 0, or -1 */
        bool collecting;
        int64_t thresholds[3], counts[3];
        int64_t uncollectable; /* in gc.garbage */
        int64_t frozen;   /* by gc.freeze() */
};
#define LOOK_GC_UNKNOWN ((struct look_gc){ -1, false, { -1, -1, -1 }, { -1, -1, -1 }, -1, -1 })

/* Resident bytes; -1 is unknown. They add up to RSS. */
struct look_memory {
        int64_t python_bytes;      /* in small objects */
        int64_t python_free_bytes; /* in pools, but free */
        int64_t native_bytes;      /* malloc's and others' anonymous memory: large objects too */
        int64_t file_bytes, shmem_bytes;
};
#define LOOK_MEMORY_UNKNOWN ((struct look_memory){ -1, -1, -1, -1, -1 })

struct look_missing {
        char *part;   /* "python", "gc", "types", "containers", "memory", "frozen" */
        char *reason; /* one sentence */
};

struct look {
        int64_t at_ms;             /* since 1970, UTC */
        int64_t took_us;
        bool complete;             /* nothing was sampled, cut or missing */
        char python[32];           /* "3.11.2"; "" where it is not known */
        int64_t tracked_objects;   /* -1: not known */
        struct look_gc gc;
        struct look_memory memory;
        struct look_type *types;   /* an application's own first (a dot in the name), each part by bytes, descending */
        size_t n_types;
        struct look_container *containers; /* by length, descending */
        size_t n_containers;
        struct look_missing *missing;
        size_t n_missing;
};

void look_init(struct look *look);
void look_done(struct look *look);

/* Names a part that could not be had. Returns 0 or -ENOMEM. */
int look_miss(struct look *look, const char *part, const char *reason);
