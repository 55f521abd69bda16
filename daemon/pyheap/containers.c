/* Containers by name. */
#include "pyheap/containers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "pyheap/names.h"
#include "pyheap/object.h"

#define ENTRIES_MOST 20000  /* of a module's or a class's dict */
#define KEYS_MOST 64        /* a longer dict holds data, not structure */
#define ITEMS_MOST 32
#define VARIABLES_MOST 256
#define BASES_MOST 16
#define LENGTH_MOST (INT64_C(1) << 48)
#define INSTANCE_DEPTH 1    /* what no module leads to is gone into less deep */
#define SEEN_ENTRIES 8      /* of a table that has no name, to see what it is for */
#define SEEN_SLOTS 64

struct walk {
        struct types *types;
        struct remote *remote;
        const struct layout *layout;
        struct names names;
        uint32_t here;         /* the node being gone into */
        enum name_join join;   /* how what is found in it is named */
        bool hidden;           /* names that begin with two underscores count, too */
        const char *prefix;    /* of modules: "" in the main interpreter */
        bool beyond;           /* what the modules lead to is named: that stays its name */
};

/* A table that belongs to something else, and so is no container of its own. */
static void hide(struct walk *w, uint64_t dict)
{
        int64_t length;

        if (names_find(&w->names, dict) == NO_NODE && remote_peek(w->remote, dict + DICT_USED, &length, sizeof length) &&
            length >= ORPHAN_LENGTH_LEAST)
                names_add(&w->names, &(struct node){ .address = dict, .length = -1, .name = { NO_NODE, 0, NAME_ROOT },
                                                     .depth = DEPTH_MOST }, "");
}

static int64_t length_of(struct walk *w, const struct type *type, uint64_t object)
{
        uint64_t at = 0, cache;
        int64_t length;

        switch (type->kind) {
        case TYPE_DICT_KIND: at = object + DICT_USED; break;
        case TYPE_LIST_KIND: case TYPE_DEQUE_KIND: at = object + OBJECT_SIZE; break;
        case TYPE_SET_KIND: at = object + SET_USED; break;
        case TYPE_LRU_KIND:
                if (remote_peek_word(w->remote, object + LRU_CACHE, &cache) && cache && cache % 8 == 0) {
                        at = cache + DICT_USED;
                        hide(w, cache);
                }
                break;
        default: break;
        }
        return at && remote_peek(w->remote, at, &length, sizeof length) && length >= 0 && length < LENGTH_MOST ? length : -1;
}

static bool may_have_attributes(const struct type *type)
{
        return type->flags & FLAG_MANAGED_DICT || type->dictoffset > 0;
}

struct slot_search {
        struct walk *walk;
        const struct type *type;
        uint64_t object; /* 0: only whether there is a slot at all */
        bool found;
};

static void add(struct walk *w, uint64_t object, enum name_join join, const char *label, uint32_t number);

/* An entry of a class's dict: a slot is a descriptor that says where in the object its value stands. */
static bool try_slot(void *context, uint64_t key, uint64_t value)
{
        struct slot_search *s = context;
        struct walk *w = s->walk;
        struct { uint64_t name; int32_t type, padding; int64_t offset; } member;
        struct type *type = types_of(w->types, value), *key_type;
        char label[TYPE_NAME_MOST];
        uint64_t at, contents;

        if (!type || type->kind != TYPE_MEMBER_KIND || !remote_peek_word(w->remote, value + MEMBER_DEFINITION, &at) ||
            !remote_peek(w->remote, at, &member, sizeof member) || member.type != MEMBER_OBJECT || member.offset < 16 ||
            member.offset % 8 || member.offset > s->type->basicsize - 8)
                return remote_go_on(w->remote);
        s->found = true;
        if (!s->object)
                return false;
        key_type = types_of(w->types, key);
        if (key_type && key_type->kind == TYPE_STR_KIND &&
            remote_peek_word(w->remote, s->object + (uint64_t)member.offset, &contents) && contents &&
            object_read_str(w->remote, w->layout, key, label, sizeof label) && !text_starts(label, "__"))
                add(w, contents, NAME_ATTRIBUTE, label, 0);
        return !w->names.cut;
}

/* In the class itself and in its bases. */
static bool each_slot(struct walk *w, const struct type *type, uint64_t object)
{
        struct slot_search s = { w, type, object, false };
        const struct type *from = type;

        for (unsigned i = 0; i < BASES_MOST && from && from->flags & FLAG_HEAP; i++) {
                object_each_entry(w->remote, w->layout, from->dict, ENTRIES_MOST, try_slot, &s);
                from = types_get(w->types, from->base);
        }
        return s.found;
}

static bool is_slotted(struct walk *w, struct type *type)
{
        if (!type->slotted)
                type->slotted = each_slot(w, type, 0) ? 1 : -1;
        return type->slotted > 0;
}

/* Is there anything to tell of it, or to be found in it? */
static bool is_of_interest(struct walk *w, struct type *type, uint64_t object)
{
        uint64_t flags;

        switch (type->kind) {
        case TYPE_DICT_KIND: case TYPE_LIST_KIND: case TYPE_SET_KIND: case TYPE_DEQUE_KIND: case TYPE_LRU_KIND:
        case TYPE_FUNCTION_KIND: case TYPE_WRAPPER_KIND:
                return true;
        case TYPE_CLASS_KIND:
                return remote_peek_word(w->remote, object + TYPE_FLAGS, &flags) && flags & FLAG_HEAP;
        case TYPE_INSTANCE_KIND:
                return may_have_attributes(type) || is_slotted(w, type);
        default:
                return false;
        }
}

/* label: NULL where number counts. */
static void add(struct walk *w, uint64_t object, enum name_join join, const char *label, uint32_t number)
{
        struct name name = { w->here, number, join };
        struct type *type = types_of(w->types, object), *class;
        uint8_t depth = w->here == NO_NODE ? 0 : w->names.nodes[w->here].depth + (join != NAME_SAME);
        uint32_t known;

        if (!type || depth > DEPTH_MOST || !(is_of_interest(w, type, object) || (w->here == NO_NODE && type->kind == TYPE_MODULE_KIND)))
                return;
        known = names_find(&w->names, object);
        if (known != NO_NODE) {
                if (w->names.nodes[known].length >= 0 && !w->beyond)
                        names_add_alias(&w->names, known, name, label);
                return;
        }
        if (type->kind == TYPE_CLASS_KIND) { /* by its own name: it may be imported anywhere */
                class = types_get(w->types, object);
                if (!class)
                        return;
                name.join = NAME_ROOT;
                label = class->name;
        }
        names_add(&w->names, &(struct node){ .address = object, .type = type, .length = length_of(w, type, object),
                                             .name = name, .depth = depth }, label);
}

static bool add_entry(void *context, uint64_t key, uint64_t value)
{
        struct walk *w = context;
        struct type *type = types_of(w->types, value), *key_type;
        char label[TYPE_NAME_MOST];
        enum name_join join = w->join;

        /* The value first: most are of no interest, and then the key's text need not be read. */
        if (!type || !(is_of_interest(w, type, value) || type->kind == TYPE_MODULE_KIND))
                return remote_go_on(w->remote);
        key_type = types_of(w->types, key);
        if (!key_type || key_type->kind != TYPE_STR_KIND ||
            !object_read_str(w->remote, w->layout, key, label + (w->here == NO_NODE ? strlen(w->prefix) : 0),
                             sizeof label - strlen(w->prefix)))
                return true;
        if (w->here == NO_NODE) {
                memcpy(label, w->prefix, strlen(w->prefix));
        } else if (strcmp(label, "__wrapped__") == 0) {
                join = NAME_SAME;
        } else if (!w->hidden && text_starts(label, "__")) {
                return true;
        }
        add(w, value, join, label, 0);
        return !w->names.cut;
}

static void add_dict(struct walk *w, uint64_t dict, enum name_join join, size_t most)
{
        struct type *type = types_of(w->types, dict);

        if (!type || type->kind != TYPE_DICT_KIND)
                return;
        if (join != NAME_KEY)
                hide(w, dict);
        w->join = join;
        object_each_entry(w->remote, w->layout, dict, most, add_entry, w);
}

/* items: the address of the first. */
static void add_items(struct walk *w, uint64_t items, size_t n, enum name_join join)
{
        uint64_t item[ITEMS_MOST];

        if (n > ITEMS_MOST || !remote_peek(w->remote, items, item, n * sizeof *item))
                return;
        for (size_t i = 0; i < n; i++)
                add(w, item[i], join, NULL, (uint32_t)i);
}

/* Reads a tuple's items, at most `most`; returns how many. */
static size_t read_tuple(struct walk *w, uint64_t tuple, uint64_t *ret, size_t most)
{
        struct type *type = types_of(w->types, tuple);
        int64_t n;

        if (!type || type->kind != TYPE_TUPLE_KIND || !remote_peek(w->remote, tuple + OBJECT_SIZE, &n, sizeof n) || n <= 0)
                return 0;
        if ((uint64_t)n > most)
                n = (int64_t)most;
        return remote_peek(w->remote, tuple + w->layout->tuple_items, ret, (size_t)n * sizeof *ret) ? (size_t)n : 0;
}

/* The names of a closure's variables: a tuple of their own up to 3.10, the last ones of all variables' from 3.11 on. */
static size_t read_variables(struct walk *w, uint64_t function, uint64_t *ret, size_t most)
{
        uint64_t code, names, all[VARIABLES_MOST];
        int32_t n_all, n_free;
        struct type *type;
        size_t n;

        if (!remote_peek_word(w->remote, function + w->layout->function_code, &code))
                return 0;
        type = types_of(w->types, code);
        if (!type || type->kind != TYPE_CODE_KIND || !remote_peek_word(w->remote, code + w->layout->code_freevars, &names))
                return 0;
        if (w->layout->minor < 11)
                return read_tuple(w, names, ret, most);
        if (!remote_peek_int(w->remote, code + w->layout->code_nlocalsplus, &n_all) ||
            !remote_peek_int(w->remote, code + w->layout->code_nfreevars, &n_free))
                return 0;
        n = read_tuple(w, names, all, VARIABLES_MOST);
        if (n_free <= 0 || n_free > n_all || (size_t)n_all != n || (size_t)n_free > most)
                return 0;
        memcpy(ret, all + n - (size_t)n_free, (size_t)n_free * sizeof *ret);
        return (size_t)n_free;
}

static void go_into_closure(struct walk *w, uint64_t function)
{
        uint64_t closure, cells[VARIABLES_MOST], names[VARIABLES_MOST], contents;
        size_t n, n_names;

        if (!remote_peek_word(w->remote, function + w->layout->function_closure, &closure) || !closure)
                return;
        n = read_tuple(w, closure, cells, VARIABLES_MOST);
        n_names = read_variables(w, function, names, VARIABLES_MOST);
        for (size_t i = 0; i < n && i < n_names; i++) {
                struct type *type = types_of(w->types, cells[i]), *name_type = types_of(w->types, names[i]);
                char label[TYPE_NAME_MOST];

                if (type && type->kind == TYPE_CELL_KIND && name_type && name_type->kind == TYPE_STR_KIND &&
                    remote_peek_word(w->remote, cells[i] + CELL_CONTENTS, &contents) && contents &&
                    object_read_str(w->remote, w->layout, names[i], label, sizeof label))
                        add(w, contents, NAME_CLOSURE, label, 0);
        }
}

static void go_into_function(struct walk *w, uint64_t function)
{
        uint64_t attributes, defaults[2], items[ITEMS_MOST]; /* positional, by keyword */

        if (remote_peek_word(w->remote, function + w->layout->function_dict, &attributes) && attributes)
                add_dict(w, attributes, NAME_ATTRIBUTE, ENTRIES_MOST);
        go_into_closure(w, function);
        if (!remote_peek(w->remote, function + w->layout->function_defaults, defaults, sizeof defaults))
                return;
        for (size_t i = 0, n = read_tuple(w, defaults[0], items, ITEMS_MOST); i < n; i++)
                add(w, items[i], NAME_DEFAULTS, NULL, (uint32_t)i);
        if (defaults[1])
                add_dict(w, defaults[1], NAME_KWDEFAULTS, ENTRIES_MOST);
}

static void go_into_attributes(struct walk *w, const struct node *node)
{
        if (node->type->kind == TYPE_INSTANCE_KIND && is_slotted(w, node->type))
                each_slot(w, node->type, node->address);
        if (!may_have_attributes(node->type))
                return;
        w->join = NAME_ATTRIBUTE;
        object_each_attribute(w->remote, w->layout, node->type, node->address, ENTRIES_MOST, add_entry, w);
}

/* node: a copy, for adding moves them. */
static void go_into(struct walk *w, const struct node *node)
{
        uint64_t word;

        switch (node->type->kind) {
        case TYPE_MODULE_KIND:
                if (remote_peek_word(w->remote, node->address + MODULE_DICT, &word))
                        add_dict(w, word, NAME_ATTRIBUTE, ENTRIES_MOST);
                return;
        case TYPE_CLASS_KIND:
                if (remote_peek_word(w->remote, node->address + TYPE_DICT, &word))
                        add_dict(w, word, NAME_ATTRIBUTE, ENTRIES_MOST);
                return;
        case TYPE_FUNCTION_KIND:
                go_into_function(w, node->address);
                return;
        case TYPE_WRAPPER_KIND:
                if (remote_peek_word(w->remote, node->address + METHOD_CALLABLE, &word))
                        add(w, word, NAME_SAME, NULL, 0);
                return;
        case TYPE_DICT_KIND:
                w->hidden = true; /* a key is no attribute */
                if (node->length <= KEYS_MOST)
                        add_dict(w, node->address, NAME_KEY, ENTRIES_MOST);
                w->hidden = false;
                break;
        case TYPE_LIST_KIND:
                if (node->length > 0 && node->length <= ITEMS_MOST && remote_peek_word(w->remote, node->address + LIST_ITEMS, &word))
                        add_items(w, word, (size_t)node->length, NAME_INDEX);
                break;
        default:
                break;
        }
        if (node->type->flags & FLAG_HEAP || node->type->kind == TYPE_LRU_KIND) /* a subclass has attributes beside */
                go_into_attributes(w, node);
}

/* From this node on. */
static void go_on(struct walk *w, uint32_t i)
{
        for (; i < w->names.n && remote_go_on(w->remote) && !w->names.cut; i++) {
                const struct node node = w->names.nodes[i];

                w->here = i;
                if (node.depth < DEPTH_MOST)
                        go_into(w, &node);
        }
}

static void walk_modules(struct walk *w, const struct python *p)
{
        for (unsigned i = 0; i < p->n_interpreters; i++) {
                char prefix[32] = "";

                if (i)
                        snprintf(prefix, sizeof prefix, "<interpreter %u>.", i);
                w->prefix = prefix;
                w->here = NO_NODE;
                if (p->modules[i])
                        add_dict(w, p->modules[i], NAME_ROOT, ENTRIES_MOST);
        }
        w->prefix = "";
        go_on(w, 0);
}

/* Tells two of a kind apart, from look to look, without telling where they lie: that would be of use to whoever breaks in. */
static unsigned mark_of(uint64_t address)
{
        address = (address ^ address >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
        return (unsigned)(address >> 48);
}

/* A service object that only a variable of main() leads to is the one of its class. */
static void walk_instances(struct walk *w)
{
        uint32_t from = (uint32_t)w->names.n;

        w->beyond = true;
        for (size_t i = 0, n = w->types->n; i < n && !w->names.cut; i++) {
                struct type *type = w->types->all[i];
                char label[TYPE_NAME_MOST + 32], mark[16] = "";

                if (type->kind != TYPE_INSTANCE_KIND || type->n_instances > TYPE_INSTANCES)
                        continue;
                for (unsigned k = 0; k < type->n_instances; k++) {
                        uint64_t object = type->instances[k];

                        if (types_of(w->types, object) != type || !is_of_interest(w, type, object) ||
                            names_find(&w->names, object) != NO_NODE)
                                continue;
                        if (type->n_instances > 1)
                                snprintf(mark, sizeof mark, " #%04x", mark_of(object));
                        snprintf(label, sizeof label, "<%s object%s>", type->name, mark);
                        names_add(&w->names, &(struct node){ .address = object, .type = type, .length = -1,
                                                             .name = { NO_NODE, 0, NAME_ROOT }, .depth = INSTANCE_DEPTH }, label);
                }
        }
        go_on(w, from);
}

struct seen {
        struct walk *walk;
        unsigned n, interned;
        bool weak;
};

static bool see_entry(void *context, uint64_t key, uint64_t value)
{
        struct seen *s = context;
        const uint64_t both[] = { key, value };

        for (unsigned i = 0; i < 2; i++) {
                struct type *type = both[i] ? types_of(s->walk->types, both[i]) : NULL;

                if (both[i] && !type)
                        return remote_go_on(s->walk->remote); /* torn, or none at all */
                s->weak |= type && text_starts(type->name, "weakref");
        }
        s->interned += key == value;
        return ++s->n < SEEN_ENTRIES;
}

/* Among a million blocks there are some that only look like an object: a table's own figures must agree as well. */
static bool holds(struct walk *w, const struct type *type, uint64_t object, int64_t length)
{
        uint64_t table, word;

        switch (type->kind) {
        case TYPE_LIST_KIND: /* as much as is allocated, which is an eighth more */
                return remote_peek_word(w->remote, object + LIST_ALLOCATED, &word) && word >= (uint64_t)length &&
                       word <= 2 * (uint64_t)length && remote_peek_word(w->remote, object + LIST_ITEMS, &table) &&
                       remote_peek_word(w->remote, table, &word) && types_of(w->types, word);
        case TYPE_SET_KIND: /* a mask of a power of two, less one */
                return remote_peek_word(w->remote, object + SET_MASK, &word) && word >= (uint64_t)length && !(word & (word + 1));
        case TYPE_DEQUE_KIND:
                return remote_peek_word(w->remote, object + DEQUE_LEFT, &table) && remote_peek_word(w->remote, table, &word);
        default:
                return type->kind == TYPE_DICT_KIND;
        }
}

/* Not so the interpreter's own table of interned strings, whose keys are their values, nor what holds weakly. */
static bool is_a_program_s(struct walk *w, const struct type *type, uint64_t object, int64_t length)
{
        struct seen seen = { .walk = w };
        uint64_t table, key;

        if (!holds(w, type, object, length))
                return false;
        if (type->kind == TYPE_LIST_KIND || type->kind == TYPE_DEQUE_KIND)
                return true;
        if (type->kind == TYPE_DICT_KIND)
                object_each_entry(w->remote, w->layout, object, ENTRIES_MOST, see_entry, &seen);
        else if (remote_peek_word(w->remote, object + SET_TABLE, &table))
                for (unsigned i = 0; i < SEEN_SLOTS && seen.n < SEEN_ENTRIES; i++)
                        if (remote_peek_word(w->remote, table + i * SET_SLOT, &key) && key)
                                see_entry(&seen, key, 0);
        return seen.n && !seen.weak && seen.interned < seen.n;
}

static void add_orphans(struct walk *w, struct orphans *o)
{
        orphans_sort(o);
        for (size_t i = 0; i < o->n && remote_go_on(w->remote); i++) {
                uint64_t object = o->v[i].address;
                struct type *type = types_of(w->types, object);
                char label[TYPE_NAME_MOST + 32];
                int64_t length = type ? length_of(w, type, object) : -1;

                if (length < ORPHAN_LENGTH_LEAST || names_find(&w->names, object) != NO_NODE ||
                    !is_a_program_s(w, type, object, length))
                        continue;
                snprintf(label, sizeof label, "<%s #%04x>", type->name, mark_of(object));
                names_add(&w->names, &(struct node){ .address = object, .type = type, .length = length,
                                                     .name = { NO_NODE, 0, NAME_ROOT }, .depth = DEPTH_MOST }, label);
        }
}

static int compare_lengths(const void *a, const void *b)
{
        const struct node *const *x = a, *const *y = b;

        if ((*x)->length != (*y)->length)
                return (*x)->length > (*y)->length ? -1 : 1;
        return (*x < *y) ? -1 : *x > *y; /* in the order they were met */
}

/* A path as valid UTF-8; NULL when out of memory. */
static char *name_text(const struct names *n, struct name name)
{
        struct buffer text = {};
        char *ret = NULL;

        names_write(n, name, &text);
        if (!text.failed)
                ret = text_to_utf8(text.data, text.size, NULL);
        buffer_done(&text);
        return ret;
}

/* The first name met is its name, but one outside __main__ goes before: a program imports it from where it is made. */
static bool describe(const struct names *n, const struct node *node, struct look_container *ret)
{
        bool full;

        *ret = (struct look_container){ .length = node->length, .type = strdup(node->type->name), .name = name_text(n, node->name) };
        full = ret->type && ret->name;
        for (uint32_t i = node->alias; full && i != NO_NODE && ret->n_aliases < LOOK_ALIASES; i = n->aliases[i].before) {
                char *alias = name_text(n, n->aliases[i].name);

                full = alias != NULL;
                if (full && text_starts(ret->name, "__main__.") && !text_starts(alias, "__main__.")) {
                        ret->aliases[ret->n_aliases++] = ret->name;
                        ret->name = alias;
                } else if (full) {
                        ret->aliases[ret->n_aliases++] = alias;
                }
        }
        return full;
}

static int tell(const struct names *n, size_t most, struct look *look)
{
        _cleanup_(freep) const struct node **long_ones = calloc(n->n + 1, sizeof *long_ones);
        size_t count = 0;

        if (!long_ones)
                return -ENOMEM;
        for (size_t i = 0; i < n->n; i++)
                if (n->nodes[i].length >= CONTAINER_LENGTH_LEAST)
                        long_ones[count++] = &n->nodes[i];
        qsort(long_ones, count, sizeof *long_ones, compare_lengths);
        if (count > most)
                count = most;
        look->containers = calloc(count + 1, sizeof *look->containers);
        if (!look->containers)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                look->n_containers++; /* also one half made: look_done() releases it */
                if (!describe(n, long_ones[i], &look->containers[i]))
                        return -ENOMEM;
        }
        return 0;
}

int containers_find(struct types *t, const struct python *p, struct orphans *orphans, size_t most, struct look *look,
                    struct error *err)
{
        struct walk w = { .types = t, .remote = t->remote, .layout = t->layout };
        int r;

        names_init(&w.names);
        walk_modules(&w, p);
        if (w.names.n) {
                walk_instances(&w);
                add_orphans(&w, orphans);
        }
        r = tell(&w.names, most, look);
        if (r < 0)
                error_set(err, -r, "out of memory naming the containers of a process");
        else if (!w.names.n)
                r = error_set(err, EFAULT, "sys.modules could not be read");
        else if (w.names.cut || w.remote->over) {
                error_set(err, E2BIG, "not all containers were reached: %s",
                          w.names.cut ? "there are too many" : "it would have taken too long");
                r = 1;
        }
        names_done(&w.names);
        return r;
}
