/* The state of CPython's collector. */
#include "pyheap/gc.h"

#include <errno.h>
#include <string.h>

#define TRIES 200         /* a young list moves all the time: a head once seen true stays true */
#define STATE_MOST 1024
#define SLACK 64          /* read behind the row's size: fields have moved by less */
#define FROZEN_MOST (16 << 20)
#define THRESHOLD_MOST 1000000000
#define GARBAGE_MOST (INT64_C(1) << 32)
#define LINK (~UINT64_C(3)) /* the incremental collector keeps a flag in bit 0, others in bit 1 */

struct state {
        unsigned char bytes[STATE_MOST];
        bool head[STATE_MOST / 4]; /* seen to be a list head, by offset in steps of 4 */
        size_t size;
        uint64_t at;
};

static uint64_t word_at(const struct state *s, size_t offset)
{
        uint64_t word;

        memcpy(&word, s->bytes + offset, sizeof word);
        return word;
}

static int32_t int_at(const struct state *s, size_t offset)
{
        int32_t value;

        memcpy(&value, s->bytes + offset, sizeof value);
        return value;
}

static void mark_heads(struct remote *r, struct state *s)
{
        for (size_t offset = 0; offset + 16 <= s->size; offset += 4) {
                uint64_t next = word_at(s, offset) & LINK, previous;

                if (s->head[offset / 4] || !next)
                        continue;
                if (next == s->at + offset)
                        previous = word_at(s, offset + 8);
                else if (!remote_read(r, next + 8, &previous, sizeof previous))
                        continue;
                s->head[offset / 4] = (previous & LINK) == s->at + offset;
        }
}

static bool thresholds_plausible(const struct state *s, const struct layout *l, size_t first)
{
        for (unsigned i = 0; i < 3; i++) {
                size_t at = first + i * l->gc_generation_size + l->gc_threshold;
                int32_t threshold, count;

                if (at + 8 > s->size)
                        return false;
                threshold = int_at(s, at);
                count = int_at(s, at + 4);
                if (threshold < 0 || threshold > THRESHOLD_MOST || count < -THRESHOLD_MOST || count > THRESHOLD_MOST)
                        return false;
        }
        return true;
}

static unsigned heads_at(const struct state *s, const struct layout *l, size_t first)
{
        unsigned n = 0;

        for (unsigned i = 0; i < 3; i++) {
                size_t at = first + i * l->gc_generation_size;

                n += at + 16 <= s->size && s->head[at / 4];
        }
        return n;
}

/* The run of heads nearest to the row's offset, less than a generation away. Three of them; at that offset itself two do, for in
 * 3.14 the permanent generation follows at once, and a young head not yet seen true would shift the run by one. While all
 * objects are collected, the oldest list is none, its links being used for counting: then the two young ones do. */
static int find_generations(const struct state *s, const struct layout *l, bool collecting)
{
        int best = -1, row = l->gc_generations;

        if (heads_at(s, l, (size_t)row) >= 2 && thresholds_plausible(s, l, (size_t)row))
                return row;
        for (int at = row % 4; (size_t)at < s->size; at += 4) {
                int far = at < row ? row - at : at - row;
                unsigned heads = heads_at(s, l, (size_t)at);

                if (far >= l->gc_generation_size || !thresholds_plausible(s, l, (size_t)at) ||
                    (heads < 3 && !(collecting && heads == 2 && s->head[at / 4])))
                        continue;
                if (best < 0 || far < (best < row ? row - best : best - row))
                        best = at;
        }
        return best;
}

/* gc.freeze()'s list, counted to its end; -1 where it does not come back to its head. */
static int64_t count_frozen(struct remote *r, const struct state *s, size_t offset)
{
        uint64_t head = s->at + offset, here = head, link[2] = { word_at(s, offset), 0 };
        int64_t n = 0;

        if (!s->head[offset / 4])
                return -1;
        while ((link[0] & LINK) != head) {
                uint64_t from = here;

                here = link[0] & LINK;
                if (n++ == FROZEN_MOST || !remote_peek(r, here, link, sizeof link) || (link[1] & LINK) != from)
                        return -1;
        }
        return n;
}

static void read_garbage(struct remote *r, const struct python *p, const struct state *s, struct look_gc *ret)
{
        uint64_t list = word_at(s, p->layout.gc_garbage), type, name;
        int64_t length;
        char text[8];

        if (!list) /* before the first uncollectable object */
                ret->uncollectable = 0;
        else if (list % 8 == 0 && remote_peek_word(r, list + OBJECT_TYPE, &type) &&
                 remote_peek_word(r, type + TYPE_NAME, &name) && remote_peek_text(r, name, text, sizeof text) &&
                 strcmp(text, "list") == 0 && remote_peek(r, list + OBJECT_SIZE, &length, sizeof length) &&
                 length >= 0 && length < GARBAGE_MOST)
                ret->uncollectable = length;
}

static bool read_state(struct remote *r, const struct python *p, struct state *s)
{
        const struct layout *l = &p->layout;

        s->at = (l->gc_in_runtime ? p->runtime : p->interpreters[0]) + l->gc_at;
        s->size = l->gc_size + SLACK;
        return remote_read(r, s->at, s->bytes, s->size);
}

int gc_read(struct remote *r, const struct python *p, struct look_gc *ret, struct error *err)
{
        const struct layout *l = &p->layout;
        struct state s = {};
        int first = -1;

        *ret = LOOK_GC_UNKNOWN;
        for (unsigned i = 0; i < TRIES && first < 0 && read_state(r, p, &s); i++) {
                mark_heads(r, &s);
                first = find_generations(&s, l, i >= TRIES / 2 && int_at(&s, l->gc_collecting) == 1);
        }
        if (!s.size || !read_state(r, p, &s))
                return error_set(err, EFAULT, "the collector's state could not be read");
        if (first < 0)
                return error_set(err, EAGAIN, "the collector's generations were not recognised");
        for (unsigned i = 0; i < 3; i++) {
                size_t at = (size_t)first + i * l->gc_generation_size + l->gc_threshold;

                ret->thresholds[i] = int_at(&s, at);
                ret->counts[i] = int_at(&s, at + 4);
        }
        if ((uint32_t)int_at(&s, l->gc_enabled) <= 1)
                ret->enabled = int_at(&s, l->gc_enabled);
        ret->collecting = int_at(&s, l->gc_collecting) == 1;
        read_garbage(r, p, &s, ret);
        ret->frozen = count_frozen(r, &s, l->gc_permanent);
        return 0;
}
