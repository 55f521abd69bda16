/* A made-up /proc in a temporary folder. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "proc/proc.h"

struct proc_tree {
        char path[64];
        struct proc proc; /* of it; 100 ticks a second, boot id b3f2c1d0; cgroups below cgroup/ */
};

struct proc_tree *proc_tree_new(void);
struct proc_tree *proc_tree_free(struct proc_tree *t);
DEFINE_CLEANUP(struct proc_tree *, proc_tree_free)

struct fake_process {
        int32_t pid, ppid;
        uint64_t start_ticks;
        const char *comm;         /* "python3" */
        char state;               /* 'S' */
        uint32_t flags;
        uint64_t start_stack;     /* 0x7ffd00000000 */
        const char *exe;          /* NULL: none, as a kernel thread's */
        const char *cmdline;      /* cmdline_size bytes */
        size_t cmdline_size;
        const char *cgroup, *maps, *limits, *cwd; /* NULL: none */
};
/* Makes it, or makes it anew. */
void proc_tree_add(struct proc_tree *t, struct fake_process p);
void proc_tree_remove(struct proc_tree *t, int32_t pid);
/* Any file below it. */
void proc_tree_write(struct proc_tree *t, const char *path, const char *bytes, size_t size);
void proc_tree_write_text(struct proc_tree *t, const char *path, const char *text);
