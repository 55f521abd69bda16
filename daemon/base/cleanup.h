/* Ownership that reads from the declaration: a variable marked _cleanup_(f) is released when its scope
 * ends, on every path; take_ptr() and take_fd() mark the one place where it is handed on. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define take_ptr(p)                                     \
        ({                                              \
                __typeof__(p) *_from = &(p);            \
                __typeof__(p) _taken = *_from;          \
                *_from = NULL;                          \
                _taken;                                 \
        })

static inline int take_fd_(int *fd)
{
        int taken = *fd;

        *fd = -1;
        return taken;
}
#define take_fd(fd) take_fd_(&(fd))

/* name##p(&pointer) for _cleanup_: what `type *name(type *)` releases. */
#define DEFINE_CLEANUP(type, name)                      \
        static inline void name##p(type *p)             \
        {                                               \
                if (*p)                                 \
                        name(*p);                       \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static inline void fclosep(FILE **f)
{
        if (*f)
                fclose(*f);
}
