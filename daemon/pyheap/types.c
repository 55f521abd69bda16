/* The types of one process's objects. */
#include "pyheap/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pyheap/object.h"

#define BASES_MOST 16
#define BASICSIZE_MOST (16 << 20)
#define CLASS_ENTRIES_MOST 4096 /* of a class's dict, when looking for __module__, which comes first */

int types_init(struct types *t, struct remote *r, const struct mappings *m, const struct layout *layout, uint64_t type_type)
{
        *t = (struct types){ .remote = r, .mappings = m, .layout = layout, .type_type = type_type, .bits = 12 };
        t->slots = calloc((size_t)1 << t->bits, sizeof *t->slots);
        t->refused = calloc(TYPE_REFUSED, sizeof *t->refused);
        if (t->slots && t->refused)
                return 0;
        types_done(t);
        return -ENOMEM;
}

void types_done(struct types *t)
{
        for (size_t i = 0; i < t->n; i++) {
                free((char *)t->all[i]->name);
                free(t->all[i]);
        }
        free(t->all);
        free(t->slots);
        free(t->refused);
        *t = (struct types){};
}

/* At most half full, so that a search for what is not there is short. */
static bool grow_slots(struct types *t)
{
        struct type **slots;

        if (t->n * 2 < (size_t)1 << t->bits)
                return true;
        slots = calloc((size_t)2 << t->bits, sizeof *slots);
        if (!slots)
                return false;
        t->bits++;
        free(t->slots);
        t->slots = slots;
        for (size_t k = 0; k < t->n; k++) {
                size_t i = types_slot(t, t->all[k]->address);

                while (slots[i])
                        i = (i + 1) & (((size_t)1 << t->bits) - 1);
                slots[i] = t->all[k];
        }
        return true;
}

static struct type *keep_type(struct types *t, const struct type *found)
{
        struct type *kept;
        size_t i;

        if (t->n == TYPES_MOST || !grow_slots(t))
                return NULL;
        if (t->n == t->room) {
                size_t room = t->room ? 2 * t->room : 1024;
                struct type **all = realloc(t->all, room * sizeof *all);

                if (!all)
                        return NULL;
                t->all = all;
                t->room = room;
        }
        kept = malloc(sizeof *kept);
        if (!kept)
                return NULL;
        *kept = *found;
        t->all[t->n++] = kept;
        for (i = types_slot(t, kept->address); t->slots[i];)
                i = (i + 1) & (((size_t)1 << t->bits) - 1);
        t->slots[i] = kept;
        return kept;
}

/* A type is what leads to PyType_Type: by its own type, a metaclass, and that one's bases. */
static bool leads_to_type(struct types *t, uint64_t address)
{
        uint64_t meta;

        if (!remote_peek_word(t->remote, address + OBJECT_TYPE, &meta))
                return false;
        for (unsigned i = 0; i < BASES_MOST && meta; i++) {
                if (meta == t->type_type)
                        return true;
                if (meta % 8 || !mappings_writable(t->mappings, meta) ||
                    !remote_peek_word(t->remote, meta + TYPE_BASE, &meta))
                        return false;
        }
        return false;
}

static bool read_type(struct types *t, uint64_t address, struct type *ret)
{
        *ret = (struct type){ .address = address };
        if (!remote_peek_word(t->remote, address + TYPE_FLAGS, &ret->flags) || !(ret->flags & FLAG_READY) ||
            !remote_peek(t->remote, address + TYPE_BASICSIZE, &ret->basicsize, 8) || ret->basicsize < 0 ||
            ret->basicsize > BASICSIZE_MOST || !remote_peek_word(t->remote, address + TYPE_BASE, &ret->base) ||
            !remote_peek_word(t->remote, address + TYPE_DICT, &ret->dict) ||
            !remote_peek(t->remote, address + TYPE_DICTOFFSET, &ret->dictoffset, 8))
                return false;
        if (ret->flags & FLAG_HEAP &&
            !remote_peek_word(t->remote, address + t->layout->ht_cached_keys, &ret->cached_keys))
                return false;
        return true;
}

/* Is this object an exact str, as far as its own type says? The table may not know str yet. */
static bool is_str(struct types *t, uint64_t object)
{
        uint64_t type, flags;

        return object && object % 8 == 0 && remote_peek_word(t->remote, object + OBJECT_TYPE, &type) &&
               remote_peek_word(t->remote, type + TYPE_FLAGS, &flags) && flags & FLAG_STR;
}

/* A static type's tp_name is the whole name. Of a class, tp_name is the bare name: its module is in its dict. */
static bool read_name(struct types *t, const struct type *type, char *ret, size_t room)
{
        uint64_t qualname = 0, module = 0, name;
        size_t used = 0;

        if (!remote_peek_word(t->remote, type->address + TYPE_NAME, &name))
                return false;
        if (!(type->flags & FLAG_HEAP))
                return remote_peek_text(t->remote, name, ret, room);
        if (type->dict)
                module = object_find_entry(t->remote, t->layout, type->dict, "__module__", CLASS_ENTRIES_MOST);
        if (is_str(t, module) && object_read_str(t->remote, t->layout, module, ret, room - 2)) {
                used = strlen(ret);
                ret[used++] = '.';
        }
        if (!remote_peek_word(t->remote, type->address + t->layout->ht_qualname, &qualname) || !is_str(t, qualname) ||
            !object_read_str(t->remote, t->layout, qualname, ret + used, room - used))
                return false;
        return true;
}

/* Which built-in it descends from is said by flags or, where there is no flag, by the name of a base. */
static enum type_kind kind_by_name(const char *name)
{
        static const struct { const char *name; enum type_kind kind; } kinds[] = {
                { "set", TYPE_SET_KIND }, { "frozenset", TYPE_SET_KIND }, { "collections.deque", TYPE_DEQUE_KIND },
                { "module", TYPE_MODULE_KIND }, { "functools._lru_cache_wrapper", TYPE_LRU_KIND },
                { "function", TYPE_FUNCTION_KIND }, { "staticmethod", TYPE_WRAPPER_KIND },
                { "classmethod", TYPE_WRAPPER_KIND }, { "cell", TYPE_CELL_KIND }, { "code", TYPE_CODE_KIND },
                { "member_descriptor", TYPE_MEMBER_KIND },
                { "weakref.WeakValueDictionary", TYPE_WEAK_KIND }, { "weakref.WeakKeyDictionary", TYPE_WEAK_KIND },
                { "_weakrefset.WeakSet", TYPE_WEAK_KIND },
        };

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(kinds[i].name, name) == 0)
                        return kinds[i].kind;
        return TYPE_OTHER;
}

static enum type_kind kind_of(struct types *t, const struct type *type)
{
        static const struct { uint64_t flag; enum type_kind kind; } flagged[] = {
                { FLAG_DICT, TYPE_DICT_KIND }, { FLAG_LIST, TYPE_LIST_KIND }, { FLAG_TUPLE, TYPE_TUPLE_KIND },
                { FLAG_STR, TYPE_STR_KIND }, { FLAG_TYPE, TYPE_CLASS_KIND },
        };
        enum type_kind kind = kind_by_name(type->name);
        uint64_t base = type->base;

        for (size_t i = 0; kind == TYPE_OTHER && i < sizeof flagged / sizeof *flagged; i++)
                if (type->flags & flagged[i].flag)
                        kind = flagged[i].kind;
        for (unsigned i = 0; kind == TYPE_OTHER && base && i < BASES_MOST; i++) {
                struct type plain;
                char name[64];

                if (!read_type(t, base, &plain))
                        break;
                if (read_name(t, &plain, name, sizeof name)) /* one that is too long is none of these */
                        kind = kind_by_name(name);
                base = plain.base;
        }
        return kind == TYPE_OTHER && type->flags & FLAG_HEAP ? TYPE_INSTANCE_KIND : kind;
}

static struct type *make_type(struct types *t, uint64_t address)
{
        char raw[TYPE_NAME_MOST];
        struct type found, *kept;
        const char *name = raw;
        size_t size;

        if (!leads_to_type(t, address) || !read_type(t, address, &found) || !read_name(t, &found, raw, sizeof raw))
                return NULL;
        if (text_starts(name, "builtins."))
                name += strlen("builtins.");
        found.name = text_to_utf8(name, strlen(name), &size);
        if (!found.name)
                return NULL;
        found.kind = kind_of(t, &found);
        kept = t->name_bytes + size > TYPES_NAMES_MOST ? NULL : keep_type(t, &found);
        if (!kept) {
                free((char *)found.name);
                t->full = true;
                return NULL;
        }
        t->name_bytes += size;
        return kept;
}

struct type *types_get(struct types *t, uint64_t address)
{
        struct type *known = types_known(t, address);
        uint64_t *refused;

        if (known)
                return known;
        if (!address || address % 8)
                return NULL;
        refused = &t->refused[address * UINT64_C(0x9e3779b97f4a7c15) >> 48];
        if (*refused == address)
                return NULL;
        if (mappings_writable(t->mappings, address))
                known = make_type(t, address);
        if (!known)
                *refused = address;
        return known;
}
_Static_assert(TYPE_REFUSED == 1 << (64 - 48), "16 bits of hash");

struct type *types_of(struct types *t, uint64_t object)
{
        uint64_t type;

        if (!object || object % 8 || !remote_peek_word(t->remote, object + OBJECT_TYPE, &type))
                return NULL;
        return types_get(t, type);
}
