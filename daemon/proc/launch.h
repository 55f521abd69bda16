/* How a Python program was started: the interpreter's own options taken off. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum launch_kind {
        LAUNCH_PROGRAM,     /* args[0] is no Python: an embedding program, or a title; what: args[0] or "" */
        LAUNCH_SCRIPT,      /* python PATH …; what: the path */
        LAUNCH_MODULE,      /* python -m NAME …; what: the module */
        LAUNCH_CODE,        /* python -c CODE …; what: the code */
        LAUNCH_INTERACTIVE, /* python, python -, python -i */
};

struct launch {
        enum launch_kind kind;
        const char *what;   /* leads into args; NULL where there is none */
        char *const *rest;  /* the program's own arguments, n_rest of them */
        size_t n_rest;
};

/* is_python: its executable is known to be, so args[0] may say anything (exec -a) but a title. */
struct launch launch_parse(char *const *args, size_t n, bool is_python);
