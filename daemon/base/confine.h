/* Giving up what a process doesn't need, for good: capabilities, new privileges, system calls, the file system.
 * Each call is of the calling process and its future children. Where the kernel or the lack of privileges makes a step
 * impossible, it is left out where that is safe and reported where it is not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Keeps none but these capabilities (CAP_…, n of them) and no others can ever come back: bounding set emptied of the rest
 * where permitted. The first n_in_force are effective, the others permitted alone, to be handed to a child. None is ambient
 * afterwards: see confine_pass_on(). What isn't permitted now stays so: not an error. */
int confine_capabilities(const int *keep, size_t n, size_t n_in_force, struct error *err);

/* Makes the kept ones ambient, so that an exec keeps them without file capabilities; returns quietly where it can't. */
void confine_pass_on(const int *keep, size_t n);

/* Root becomes another user with no supplementary groups, and can't come back. No-op where not root. */
int confine_user(const char *const *names /* the first that exists, NULL-terminated */, struct error *err);

/* No execve ever gives more rights (PR_SET_NO_NEW_PRIVS), no core dump of what it reads. */
int confine_no_new_privileges(struct error *err);

/* A system call that is allowed; with mask not 0, only where (its argument number `argument` & mask) == value. */
struct confine_call {
        const char *name; /* NULL: the end of a list */
        unsigned argument;
        uint64_t mask, value;
};

/* System calls: those a quiet C program needs (memory, files already open, clocks, signals to itself, threads), and with
 * more: further ones, NULL-terminated. All else fails with EPERM, execve too unless named. */
int confine_system_calls(const struct confine_call *more, struct error *err);
/* None but these; all else fails with EPERM. On top of what holds already. */
int confine_to_system_calls(const struct confine_call *calls, struct error *err);

/* No file can be opened, made or removed any more by path (Landlock). 0 also where the kernel has no Landlock. */
int confine_files(struct error *err);
