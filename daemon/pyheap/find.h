/* The interpreter in a process's memory: where it is, which version, which row of the layouts holds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "pyheap/layout.h"
#include "pyheap/mappings.h"
#include "pyheap/remote.h"

#define INTERPRETERS_MOST 64

struct python {
        struct layout layout;     /* the row of its version, with what the process itself or calibration says better */
        bool moved;               /* the row's own interpreter offsets did not hold, others did */
        uint32_t version;         /* sys.hexversion: 0x030b02f0 is 3.11.2 */
        uint64_t runtime;         /* _PyRuntime */
        uint64_t type_type, dict_type; /* PyType_Type, PyDict_Type */
        uint64_t interpreters[INTERPRETERS_MOST]; /* the main one first */
        uint64_t modules[INTERPRETERS_MOST];      /* the sys.modules dict of each; 0 where it could not be had */
        unsigned n_interpreters;
};

enum find_verdict {
        FIND_PYTHON,
        FIND_REFUSED, /* *err has why (ENOTSUP, ENOENT: it will be so as long as the program runs): no CPython, too old, too new, free-threaded, another machine, not yet started */
};

struct find_options {
        const char *exe;      /* what /proc/PID/exe leads to; NULL: not known */
        bool without_symbols; /* as if the program had no dynamic symbols: so that tests can try the other ways */
};

/* Never fails otherwise: out of memory and budget are reasons, too. */
enum find_verdict find_python(struct remote *r, const struct mappings *m, const struct find_options *options,
                              struct python *ret, struct error *err);

/* "3.11.2", "3.14.0rc1". */
void python_version_format(uint32_t version, char ret[static 32]);
