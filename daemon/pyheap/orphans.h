/* What a census comes across that may have no name of its own: long containers, and the instances of classes that have one or
 * two. The walk from sys.modules does not reach what only a variable of a running function leads to, nor what lies deep inside
 * an object; from these it goes on. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/look.h"
#include "pyheap/types.h"

#define ORPHANS_MOST 64            /* the longest are kept */
#define ORPHAN_LENGTH_LEAST LOOK_UNNAMED_LEAST
#define ORPHAN_LENGTH_MOST (INT64_C(1) << 40) /* no container is longer */

struct orphan {
        uint64_t address;
        int64_t length;
};

struct orphans {
        struct orphan v[ORPHANS_MOST];
        size_t n, shortest;        /* shortest: which one goes next, once all places are taken */
};

/* A container of any length. */
void orphans_note(struct orphans *o, uint64_t address, int64_t length);
/* Longest first; equal ones by address. */
void orphans_sort(struct orphans *o);

/* An object of this type: its address is kept while there are no more than TYPE_INSTANCES of them. */
static inline void orphans_note_instance(struct type *type, uint64_t address)
{
        if (type->n_instances < TYPE_INSTANCES)
                type->instances[type->n_instances] = address;
        if (type->n_instances <= TYPE_INSTANCES)
                type->n_instances++;
}
