/* A process: who it is, what it is, what it uses. What is not known is NULL, -1 or BYTES_UNKNOWN, never "" or 0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BYTES_UNKNOWN ((int64_t)-1)
#define PROCESS_ID_MAX 48 /* room for a formatted id, its NUL counted */
#define CMDLINE_KEPT (32 * 1024)

/* A reused pid is a new process: start_ticks (kernel clock ticks since boot, field 22 of stat) tells them apart. */
struct process_id {
        int32_t pid;
        uint64_t start_ticks;
        uint32_t boot; /* the first 8 hex digits of /proc/sys/kernel/random/boot_id */
};

bool process_id_equal(const struct process_id *a, const struct process_id *b);
/* "4242-1833921-b3f2c1d0" */
void process_id_format(const struct process_id *id, char ret[static PROCESS_ID_MAX]);
/* Takes any prefix of whole parts: parts is set to 1 (pid), 2 or 3. False when the text is no id. */
bool process_id_parse(const char *text, struct process_id *ret, int *parts);

/* Read once per process, and again after an exec. Strings are valid UTF-8 and owned by the struct; secrets in args are
 * masked already. */
struct identity {
        char *name;        /* comm, completed from argv[0] where the kernel cut it; never NULL */
        char **args;       /* NULL-terminated, n_args of them; empty for an empty command line */
        size_t n_args;
        bool cmdline_truncated;
        int32_t ppid;
        int64_t uid;       /* real uid, -1 */
        char *user;        /* name of uid, filled in by the engine (a lookup may need the network), NULL when it has none */
        char *python;      /* "3.11", "2.7"; NULL when not known or not Python */
        char *framework;   /* one of interface.md's words, or NULL */
        char *application; /* what runs: "shop", a script's path, "-m" module's name; never NULL */
        char *folder;      /* working folder, only where it is what tells two applications apart (relative script); or NULL */
        char *unit;        /* systemd unit, or NULL */
        char *container;   /* first 12 hex digits of a container's id, or its name, or NULL */
        char *cgroup;      /* path below the hierarchy's root, or NULL */
        int64_t limit_bytes; /* the lowest memory limit in force, or BYTES_UNKNOWN */
        char *limit_kind;  /* "cgroup", "rlimit-as", "rlimit-data"; NULL with no limit */
        int64_t started_at_ms; /* since 1970, UTC */
        bool forked;       /* it was forked and has not exec'ed since: it runs its parent's program */
};

void identity_done(struct identity *who);

/* The costlier figures, read at the detail interval. -1: could not be read. */
struct detail {
        int64_t swap_bytes, pss_bytes, uss_bytes;
        int64_t peak_rss_bytes; /* VmHWM */
        int64_t threads, fds;
        int64_t cpu_ms;         /* user and system, ended threads included */
        int64_t rchar_bytes, read_bytes; /* /proc/PID/io */
};
#define DETAIL_UNKNOWN ((struct detail){ -1, -1, -1, -1, -1, -1, -1, -1, -1 })

/* What statm says at a tick, in bytes. anon_bytes is RSS less file-backed and shared pages. */
struct figures {
        int64_t rss_bytes, anon_bytes;
};
