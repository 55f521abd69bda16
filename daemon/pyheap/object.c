/* Reading single objects. */
#include "pyheap/object.h"

#include <string.h>

#include "base/text.h"

#define LOG2_MOST 40
#define ENTRIES_A_READ 128 /* 3 KiB: a peek's chunk or two */
#define SHARED_KEYS_MOST 64 /* a class's attribute names: CPython shares up to 30 */
#define STR_MOST (INT64_C(1) << 40)

/* 3.12.0 has interned:2 kind:3, later builds interned:16, free-threaded ones interned:8; kind is never 0. */
static bool read_state(uint32_t state, unsigned *ret_kind, bool *ret_compact, bool *ret_ascii)
{
        static const unsigned shifts[] = { 2, 8, 16 };

        for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
                *ret_kind = state >> shifts[i] & 7;
                *ret_compact = state >> (shifts[i] + 3) & 1;
                *ret_ascii = state >> (shifts[i] + 4) & 1;
                if (*ret_kind)
                        return *ret_kind == 1 || *ret_kind == 2 || *ret_kind == 4;
        }
        return false;
}

/* Characters of kind bytes each to UTF-8. */
static void encode(const unsigned char *from, size_t n, unsigned kind, char *ret, size_t room)
{
        size_t at = 0;

        for (size_t i = 0; i < n; i++) {
                uint32_t c = 0;
                char bytes[4];
                size_t size;

                memcpy(&c, from + i * kind, kind);
                if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                        c = 0xfffd;
                size = text_put(c, bytes);
                if (at + size >= room)
                        break;
                memcpy(ret + at, bytes, size);
                at += size;
        }
        ret[at] = 0;
}

bool object_read_str(struct remote *r, const struct layout *l, uint64_t str, char *ret, size_t room)
{
        unsigned char bytes[TYPE_NAME_MOST];
        struct { int64_t length; uint64_t hash; uint32_t state; } head;
        uint64_t data = str;
        bool compact, ascii;
        unsigned kind;

        if (!remote_peek(r, str + STR_LENGTH, &head, sizeof head) || head.length < 0 || head.length > STR_MOST ||
            !read_state(head.state, &kind, &compact, &ascii))
                return false;
        if (compact)
                data += ascii ? l->str_ascii : l->str_compact;
        else if (!remote_peek_word(r, str + l->str_compact, &data))
                return false;
        if (head.length > (int64_t)(sizeof bytes / kind))
                head.length = sizeof bytes / kind;
        if (head.length > (int64_t)room)
                head.length = (int64_t)room;
        if (!remote_peek(r, data, bytes, (size_t)head.length * kind))
                return false;
        encode(bytes, (size_t)head.length, kind, ret, room);
        return true;
}
_Static_assert(STR_STATE == STR_LENGTH + 16, "length, hash, state");

struct keys {
        uint64_t entries; /* address of the first */
        size_t n, step;   /* bytes an entry */
        bool hashed;      /* hash, key, value; else key, value */
};

static bool read_keys(struct remote *r, const struct layout *l, uint64_t keys, struct keys *ret)
{
        unsigned char head[64];
        uint64_t size = 0, indices, n;

        if (!remote_peek(r, keys, head, l->keys_indices))
                return false;
        if (l->keys_compact) {
                if (head[8] > LOG2_MOST || head[9] > LOG2_MOST + 3 || head[10] > 2)
                        return false;
                size = UINT64_C(1) << head[8];
                indices = UINT64_C(1) << head[9];
                ret->hashed = head[10] == 0;
        } else {
                memcpy(&size, head + 8, sizeof size);
                if (!size || size & (size - 1) || size > UINT64_C(1) << LOG2_MOST)
                        return false;
                indices = size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8);
                ret->hashed = true;
        }
        memcpy(&n, head + l->keys_nentries, sizeof n);
        if (n > size)
                return false;
        ret->n = n;
        ret->step = ret->hashed ? 24 : 16;
        ret->entries = keys + l->keys_indices + indices;
        return true;
}

/* values: 0, or where the values of a split table begin. */
static void each_of(struct remote *r, const struct keys *keys, uint64_t values, size_t most, object_entry_fn *each, void *context)
{
        uint64_t entries[ENTRIES_A_READ * 3], split[ENTRIES_A_READ];
        size_t width = keys->step / 8, n = keys->n < most ? keys->n : most;

        for (size_t at = 0; at < n; at += ENTRIES_A_READ) {
                size_t here = n - at < ENTRIES_A_READ ? n - at : ENTRIES_A_READ;

                if (!remote_peek(r, keys->entries + at * keys->step, entries, here * keys->step) ||
                    (values && !remote_peek(r, values + at * 8, split, here * 8)))
                        return;
                for (size_t i = 0; i < here; i++) {
                        const uint64_t *entry = entries + i * width + keys->hashed;
                        uint64_t value = values ? split[i] : entry[1];

                        if (entry[0] && value && !each(context, entry[0], value))
                                return;
                }
        }
}

void object_each_entry(struct remote *r, const struct layout *l, uint64_t dict, size_t most, object_entry_fn *each, void *context)
{
        uint64_t table[2]; /* ma_keys, ma_values */
        struct keys keys;

        if (remote_peek(r, dict + DICT_KEYS, table, sizeof table) && read_keys(r, l, table[0], &keys))
                each_of(r, &keys, table[1] ? table[1] + l->values_at : 0, most, each, context);
}
_Static_assert(DICT_VALUES == DICT_KEYS + 8, "one read for both");

struct search {
        struct remote *remote;
        const struct layout *layout;
        const char *key;
        uint64_t found;
};

static bool compare_entry(void *context, uint64_t key, uint64_t value)
{
        struct search *s = context;
        char name[64];

        if (object_read_str(s->remote, s->layout, key, name, sizeof name) && strcmp(name, s->key) == 0)
                s->found = value;
        return !s->found;
}

uint64_t object_find_entry(struct remote *r, const struct layout *l, uint64_t dict, const char *key, size_t most)
{
        struct search s = { r, l, key, 0 };

        object_each_entry(r, l, dict, most, compare_entry, &s);
        return s.found;
}

/* Where the values are that stand in the object itself, 0 where a dict has them: then it is in *ret_dict, if any. */
static uint64_t find_values(struct remote *r, const struct layout *l, const struct type *type, uint64_t object, uint64_t *ret_dict)
{
        unsigned char inlined[4]; /* capacity, size, embedded, valid */
        uint64_t word[2] = {};    /* at object - 32 and - 24 */

        *ret_dict = 0;
        if (l->attributes == ATTRIBUTES_DICT || !(type->flags & FLAG_MANAGED_DICT)) {
                if (type->dictoffset > 0 && type->dictoffset < 1 << 24 && type->dictoffset % 8 == 0)
                        remote_peek_word(r, object + (uint64_t)type->dictoffset, ret_dict);
                return 0;
        }
        if (!remote_peek(r, object - 32, word, sizeof word))
                return 0;
        if (l->attributes == ATTRIBUTES_3_12 && word[1] & 1)
                return word[1] + 1;
        *ret_dict = word[1];
        if (*ret_dict || l->attributes == ATTRIBUTES_3_12)
                return 0;
        if (l->attributes == ATTRIBUTES_3_11)
                return word[0];
        if (!(type->flags & FLAG_INLINE_VALUES) || type->basicsize < 16 ||
            !remote_peek(r, object + (uint64_t)type->basicsize, inlined, sizeof inlined) || !inlined[3])
                return 0;
        return object + (uint64_t)type->basicsize + l->values_at;
}

void object_each_attribute(struct remote *r, const struct layout *l, const struct type *type, uint64_t object, size_t most,
                           object_entry_fn *each, void *context)
{
        uint64_t dict, values = find_values(r, l, type, object, &dict);
        struct keys keys;

        if (dict) {
                object_each_entry(r, l, dict, most, each, context);
        } else if (values && type->cached_keys && read_keys(r, l, type->cached_keys, &keys)) {
                if (keys.n > SHARED_KEYS_MOST)
                        keys.n = SHARED_KEYS_MOST;
                each_of(r, &keys, values, most, each, context);
        }
}

bool object_read_int(struct remote *r, const struct layout *l, uint64_t object, int64_t *ret)
{
        uint64_t size;
        uint32_t digits[2];

        if (!remote_peek_word(r, object + OBJECT_SIZE, &size) || !remote_peek(r, object + INT_DIGITS, digits, sizeof digits))
                return false;
        /* Up to 3.11 the count of digits; from 3.12 on the count times 8, with the sign below. */
        if (l->minor >= 12)
                size = size & 3 ? 0 : size >> 3;
        if (size < 1 || size > 2)
                return false;
        *ret = (int64_t)(digits[0] & 0x3fffffff) | (size == 2 ? (int64_t)(digits[1] & 0x3fffffff) << 30 : 0);
        return true;
}
