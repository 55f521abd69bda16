/* What a command line runs: which framework serves, and which application. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct program {
        const char *framework; /* one of interface.md's words (a constant), or NULL */
        char *application;     /* allocated; "shop" under a framework; else a path, a module, "python -c" */
        bool relative;         /* application is told apart by the working folder: a relative path, a name like "app" */
        bool spawned;          /* it was started by multiprocessing: it runs its parent's program, if that is known */
};

/* What stands around a command line, for where it doesn't tell the application by itself. Each may be NULL. */
struct surroundings {
        const char *name;   /* of the process: comm */
        const char *unit;   /* "shop.service" */
        const char *folder; /* the working folder */
        bool is_python;     /* the executable is, by its name */
};

/* args may be masked, and may be a title that the program wrote over them ("gunicorn: master [shop:app]").
 * Returns 0 or -ENOMEM. */
int program_find(char *const *args, size_t n, const struct surroundings *around, struct program *ret);
void program_done(struct program *p);
