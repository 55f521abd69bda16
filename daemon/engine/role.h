/* Roles: the other executables of the daemon, each started afresh with just the descriptors it is given and no more
 * rights than it needs. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define ROLE_FDS_MAX 64

struct role_start {
        const char *name;            /* "memtide-sampler" */
        const char *const *args;     /* after the name, NULL-terminated */
        int fds[ROLE_FDS_MAX];       /* become 3, 4, …; stay the caller's */
        int n_fds;
        bool reads_processes;        /* it gets CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH where we have them */
};

/* What may be handed on to a role: the engine keeps it permitted, not in force. */
int role_keep_capabilities(struct error *err);

/* Starts one. It is looked for beside this executable (as it lies in a build folder), then in the installed place.
 * Its end is told by SIGCHLD; it is sent SIGTERM should this process end first. Returns its pid, or negative. */
pid_t role_start(const struct role_start *start, struct error *err);
