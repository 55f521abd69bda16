/* Who a process is, and whether it is to be watched at all. */
#pragma once

#include "model/process.h"
#include "proc/framework.h"
#include "proc/memlimit.h"
#include "proc/pattern.h"
#include "proc/proc.h"

/* What an exec changes and nothing else does: two that differ have an exec between them. */
struct exec_mark {
        uint64_t start_code, start_stack; /* where the kernel put them; 0 without the right to know */
        bool forked;                      /* it has not exec'ed since it was forked */
        char comm[16];                    /* compared only where the above isn't known: threads may rename themselves */
};
bool exec_mark_differs(const struct exec_mark *a, const struct exec_mark *b);

/* How the caller wants processes to be read. */
struct identity_rules {
        const struct patterns *include, *exclude;
        bool show_secrets;
        bool open_statm; /* hand out a descriptor of statm */
        struct limits *limits; /* where the limits are noted; NULL: nowhere */
        int32_t own_pid; /* of memtided, which is not watched, nor are its roles: its command line holds its patterns; 0: none */
        int32_t reader_pid; /* of whoever reads: what it forked looks into heaps for a moment, and is not watched; 0: none */
};

/* What a look at a process says before anything dear is read. */
enum first_look {
        LOOK_GONE = 1,  /* exited, a zombie or a kernel thread */
        LOOK_PYTHON,    /* by the name of its executable */
        LOOK_STRANGER,  /* something else, as far as its executable's name tells */
        LOOK_DENIED,    /* the executable can't be known: its comm and argv[0] tell */
};
/* 2 us: nothing but the link to its executable. Never fails. */
enum first_look process_look(const struct proc *p, int32_t pid);

/* Does it map libpython? Tens of microseconds, more for many mappings. False also where the maps can't be read. Writes
 * when it began, in milliseconds since boot, where that can be known. */
bool process_maps_python(const struct proc *p, int32_t pid, int64_t *ret_start_ms);

enum identity_result {
        IDENTITY_READ = 0,
        IDENTITY_GONE,     /* it exited meanwhile, or is a zombie or a kernel thread */
        IDENTITY_STRANGER, /* it isn't Python and not included, or it is excluded */
        IDENTITY_EARLY,    /* between fork and exec: not yet known */
};

/* How it is known to be Python already; IDENTITY_BY_NAME also spares all reads that may hang. */
enum identity_known { IDENTITY_BY_LOOK, IDENTITY_BY_MAPS, IDENTITY_BY_NAME };

/* All that is told of a process beside its identity. */
struct identity_extra {
        struct process_id id;
        struct exec_mark mark;
        bool spawned;    /* multiprocessing started it: its parent's program is its own */
        bool unreadable; /* known by name only, for want of the right to read it */
        struct process_limits limits; /* the caller's */
        int statm_fd;    /* the caller's; -1 where not asked for or no descriptor is left. After the exit it says
                          * ESRCH, never what another process of the same pid has */
};

/* Reads it. now_boot_ms: time since boot, for how old it is. Returns enum identity_result, negative when memory is
 * short. *ret and *ret_extra are written on IDENTITY_READ alone; release *ret with identity_done(). user is left NULL.
 */
int identity_read(const struct proc *p, const struct identity_rules *rules, int32_t pid, enum identity_known known,
                  int64_t now_boot_ms, struct identity *ret, struct identity_extra *ret_extra);

/* The mark as it is now and start_ticks: 6 us. Returns 0, or -ESRCH where it is gone, a zombie, or has another start.
 */
int exec_mark_read(const struct proc *p, const struct process_id *id, struct exec_mark *ret);
