/* A command line: read bounded, split into arguments, its secrets masked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* NULL-terminated; n of them; each valid UTF-8. Release with cmdline_done(). */
struct cmdline {
        char **args;
        size_t n;
        bool truncated; /* it has more than CMDLINE_KEPT bytes: what is there is its beginning */
};

/* Takes apart the bytes of /proc/PID/cmdline. A process may have written its title over it, with no NUL in it and many
 * behind it: empty arguments at the end are kept only while so few that somebody may have given them. Pure.
 * Returns 0 or -ENOMEM. */
int cmdline_parse(const char *bytes, size_t size, bool truncated, struct cmdline *ret);

/* Reads it; its length is never trusted (it may be rewritten meanwhile). pid_fd: the process's folder below /proc.
 * Returns 0 or -errno (-ESRCH: gone). */
int cmdline_read(int pid_fd, struct cmdline *ret);

/* The arguments with a space between them, what --include and --exclude look at. Allocated; NULL when out of memory. */
char *cmdline_join(const struct cmdline *c);

void cmdline_done(struct cmdline *c);
