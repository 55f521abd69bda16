/* A look: what one reading of a process's Python heap found, and what it knows of the looks before. What could not be had
 * is NULL, -1 or empty, and named in missing. Names only, never values. Strings are valid UTF-8 and owned by the look. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOK_ALIASES 2
#define LOOK_UNNAMED_LEAST 1000 /* shorter containers that nothing named leads to are not listed */
#define LOOK_PAST 8 /* earlier looks that a look knows of: the first, and others spread over the time since */

struct look_type {
        char *name;       /* module.Qual, without "builtins." */
        int64_t objects;  /* all of them, free lists' included; -1: not seen this time, but in an earlier look */
        int64_t tracked;  /* those the collector knows: what gc.get_objects() counts */
        int64_t bytes;    /* of the objects themselves, as allocated */
        int64_t past_objects[LOOK_PAST], past_bytes[LOOK_PAST]; /* at look.past[i]; -1: not known */
};

struct look_container {
        char *name;       /* shop.cache.ORDERS, shop.web.SEEN['ids'], shop.price.<closure>.memo; <shop.service.Service object>.jobs;
                           * <list #3fa2>, which nothing named leads to: the number tells it from others, look by look */
        char *aliases[LOOK_ALIASES];
        size_t n_aliases;
        char *type;
        int64_t length;   /* -1: not seen this time, but in an earlier look */
        int64_t past[LOOK_PAST];
};

struct look_gc {
        int enabled;      /* 1, 0, or -1 */
        bool collecting;
        int64_t thresholds[3], counts[3];
        int64_t uncollectable; /* in gc.garbage */
        int64_t frozen;   /* by gc.freeze() */
};
#define LOOK_GC_UNKNOWN ((struct look_gc){ -1, false, { -1, -1, -1 }, { -1, -1, -1 }, -1, -1 })

/* Resident bytes; -1 is unknown. The first five add up to RSS; the rest says of native_bytes where they lie. */
struct look_memory {
        int64_t python_bytes;      /* in small objects */
        int64_t python_free_bytes; /* in pools, but free */
        int64_t native_bytes;      /* malloc's and others' anonymous memory: large objects too */
        int64_t file_bytes, shmem_bytes;
        int64_t heap_bytes;        /* [heap]: what brk(2) gave to malloc */
        int64_t arena_bytes;       /* malloc's further arenas, one set a thread: 64 MiB aligned */
        int64_t arenas;            /* how many */
        int64_t large_bytes;       /* single anonymous areas of 8 MiB and more that are not pools: large buffers, arrays */
};
#define LOOK_MEMORY_UNKNOWN ((struct look_memory){ -1, -1, -1, -1, -1, -1, -1, -1, -1 })

struct look_missing {
        char *part;   /* "python", "gc", "types", "containers", "memory", "frozen" */
        char *reason; /* one sentence */
};

/* An earlier look of the same process. */
struct look_past {
        int64_t at_ms;
        bool complete;
        int64_t tracked_objects;
        struct look_gc gc;
        struct look_memory memory;
};

/* What is not in the lists has at most so much; -1: nothing is known of it. */
struct look_cuts {
        int64_t own_bytes;     /* of an application's types (a dot in the name) */
        int64_t builtin_bytes; /* of the others */
        int64_t length;        /* of containers */
};
#define LOOK_CUTS_UNKNOWN ((struct look_cuts){ -1, -1, -1 })

struct look {
        int64_t at_ms;             /* since 1970, UTC */
        int64_t took_us, cpu_us;   /* by the wall, and of one core; cpu_us -1: not known */
        bool complete;             /* nothing was sampled, cut for want of time, or missing */
        char python[32];           /* "3.11.2"; "" where it is not known */
        int64_t tracked_objects;   /* -1: not known */
        struct look_gc gc;
        struct look_memory memory;
        struct look_type *types;   /* an application's own first (a dot in the name); ranked by looks_rank(), detect/looks.h */
        size_t n_types;
        struct look_container *containers; /* ranked */
        size_t n_containers;
        struct look_cuts cuts;
        char **libraries;          /* packages outside the standard library with shared objects mapped ("numpy", "_speedups"),
                                    * the newest mapped first; and "glibc", "musl" or neither */
        size_t n_libraries;
        struct look_missing *missing;
        size_t n_missing;
        bool hopeless;             /* its interpreter is none that can be looked into: no later look will say more */
        struct look_past past[LOOK_PAST]; /* earlier looks, oldest first */
        size_t n_past;
};

void look_init(struct look *look);
void look_done(struct look *look);

/* Names a part that could not be had. Returns 0 or -ENOMEM. */
int look_miss(struct look *look, const char *part, const char *reason);
/* Why that part could not be had; NULL where it could. */
const char *look_missing(const struct look *look, const char *part);

/* Whether it is of an application or a library, by the dot in its name; builtin types have none. */
bool look_is_own(const struct look_type *type);
/* Whether nothing named leads to that container: "<list #3fa2>". */
bool look_is_unnamed(const char *name);

/* Since which earlier look a name's growth is told: the first that knew it; -1: none did. past: of one of its names. */
int look_since(const struct look *look, const int64_t past[static LOOK_PAST]);
/* What it grows by an hour since then, NAN where it was never seen before or isn't now. The lower of the last two values
 * counts, each at its own time: what goes up and down is not growth. */
double look_rate(const struct look *look, const int64_t past[static LOOK_PAST], int64_t now);
