/* The objects met on a walk, each once, and what each is called: a name is a parent and a label, put together only for those
 * that are told of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "pyheap/types.h"

#define NODES_MOST 400000
#define LABELS_MOST (16 << 20) /* bytes */
#define ALIASES_MOST 100000    /* in all; each object keeps two */
#define ALIASES_EACH 2
#define DEPTH_MOST 4

#define NO_NODE UINT32_MAX

enum name_join {
        NAME_ROOT,      /* the label alone: a module, or a class by its own name */
        NAME_SAME,      /* the parent's: what a decorator wraps */
        NAME_ATTRIBUTE, /* .label */
        NAME_KEY,       /* ['label'] */
        NAME_INDEX,     /* [number] */
        NAME_CLOSURE,   /* .<closure>.label */
        NAME_DEFAULTS,  /* .<defaults>[number] */
        NAME_KWDEFAULTS, /* .<defaults>.label */
};

struct name {
        uint32_t parent; /* a node, or NO_NODE */
        uint32_t label;  /* where its text begins, or the number */
        enum name_join join;
};

struct node {
        uint64_t address;
        struct type *type;
        int64_t length;  /* of a container, else -1 */
        struct name name;
        uint32_t alias;  /* the last of them, or NO_NODE */
        uint8_t depth, n_aliases;
};

struct alias {
        struct name name;
        uint32_t before; /* another one of the same node, or NO_NODE */
};

struct names {
        struct node *nodes; /* in the order they were met, which is the order to go through them */
        size_t n, room;
        uint32_t *slots;    /* by address: node + 1; open addressing, 2^bits */
        unsigned bits;
        struct alias *aliases;
        size_t n_aliases, aliases_room;
        struct buffer labels;
        bool cut;           /* a bound was reached, or memory ran out */
};

void names_init(struct names *n);
void names_done(struct names *n);

uint32_t names_find(const struct names *n, uint64_t address); /* or NO_NODE */

/* A new object. label: its text, or NULL where name->label is a number. False, with cut set, where there is no more room. */
bool names_add(struct names *n, const struct node *node, const char *label);

/* One more name of an object; beyond the second they are forgotten. */
void names_add_alias(struct names *n, uint32_t node, struct name name, const char *label);

/* The name as text, behind what is in the buffer. */
void names_write(const struct names *n, struct name name, struct buffer *to);
