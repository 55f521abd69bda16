/* The types of one process's objects: is this address a type, what is it called, what may be read of its objects. A
 * type's address can be reused while the process runs: what outlives a look goes by name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pyheap/layout.h"
#include "pyheap/mappings.h"
#include "pyheap/remote.h"

#define TYPES_MOST 65536          /* an application has 2,000 to 10,000 */
#define TYPE_NAME_MOST 4096       /* bytes; names of 310 characters occur */
#define TYPES_NAMES_MOST (16 << 20) /* bytes of all names; a process that has more is up to something */
#define TYPE_REFUSED 65536        /* addresses remembered as no types */
#define TYPE_INSTANCES 2          /* whose addresses are kept */

enum type_kind {
        TYPE_OTHER, /* holds nothing that is followed */
        TYPE_DICT_KIND, TYPE_LIST_KIND, TYPE_SET_KIND, TYPE_DEQUE_KIND, TYPE_LRU_KIND, TYPE_TUPLE_KIND, TYPE_STR_KIND,
        TYPE_MODULE_KIND, TYPE_CLASS_KIND, TYPE_FUNCTION_KIND, TYPE_WRAPPER_KIND, /* staticmethod, classmethod */
        TYPE_CELL_KIND, TYPE_CODE_KIND, TYPE_INSTANCE_KIND, /* of a class made in Python or by a newer extension */
        TYPE_MEMBER_KIND, /* a descriptor of __slots__ */
        TYPE_WEAK_KIND, /* weak containers: they hold nothing */
};

struct type {
        uint64_t address;
        uint64_t flags, base, dict, cached_keys;
        int64_t basicsize, dictoffset;
        enum type_kind kind;
        int8_t slotted; /* 1: its objects have __slots__; -1: not; 0: not yet asked */
        const char *name; /* as the API says it: module.Qual, without "builtins."; UTF-8 */
        double objects, tracked, bytes; /* the census's */
        uint8_t pool_class;             /* of most of those counted */
        int64_t class_votes;            /* for it, over those for others */
        uint64_t instances[TYPE_INSTANCES]; /* those that the census met first (orphans.h) */
        uint8_t n_instances;            /* more than TYPE_INSTANCES: there are others */
};

struct types {
        struct remote *remote;
        const struct mappings *mappings;
        const struct layout *layout;
        uint64_t type_type; /* PyType_Type */
        struct type **slots; /* by address, open addressing; 2^bits */
        unsigned bits;
        struct type **all;
        size_t n, room, name_bytes;
        uint64_t *refused;
        bool full; /* some type could not be kept */
};

/* Returns 0 or -ENOMEM. All that it is given stays the caller's and must outlive it. */
int types_init(struct types *t, struct remote *r, const struct mappings *m, const struct layout *layout, uint64_t type_type);
void types_done(struct types *t);

static inline size_t types_slot(const struct types *t, uint64_t address)
{
        return address * UINT64_C(0x9e3779b97f4a7c15) >> (64 - t->bits);
}

/* One that is known already, or NULL: reads nothing. */
static inline struct type *types_known(const struct types *t, uint64_t address)
{
        for (size_t i = types_slot(t, address);; i = (i + 1) & ((UINT64_C(1) << t->bits) - 1))
                if (!t->slots[i] || t->slots[i]->address == address)
                        return t->slots[i];
}

/* The type at this address, checked and named; NULL where there is none. It stays as long as the table. */
struct type *types_get(struct types *t, uint64_t address);

/* The type of the object at this address, or NULL. */
struct type *types_of(struct types *t, uint64_t object);
