/* Writing a look as bytes; look_parse.c reads them.
 *
 *   version   one byte
 *   names     how many, and each of them once, sorted: what it shares with the one before it, how much follows, what follows
 *   figures   times, Python's version, what is told of the look as a whole, and of each earlier look as changes
 *   lists     types, containers, libraries, missing parts; names by their number
 *
 * A number that may be unknown is one more than it is, so that -1 is 0; a change is zigzag. The past of a name is a byte whose
 * bits tell at which earlier look it was something else than one would guess from the look after it, and those changes: what
 * never changed costs one byte for all eight. A Flask application's process, 183 types and 135 containers: 7.5 kB as a first
 * look, 8.4 kB with eight earlier ones; another one, 185 and 200: 9.9 and 10.8 kB. */
#include "model/look_bytes_private.h"

#include <stdlib.h>
#include <string.h>

static int64_t clamp(int64_t value)
{
        return value < -1 ? -1 : value > LOOK_NUMBER_MOST ? LOOK_NUMBER_MOST : value;
}

void look_figures_take(const struct look_past *p, int64_t to[static LOOK_FIGURES])
{
        const struct look_gc *gc = &p->gc;
        const struct look_memory *m = &p->memory;
        const int64_t all[] = {
                p->complete, p->tracked_objects, gc->enabled, gc->collecting, gc->thresholds[0], gc->thresholds[1],
                gc->thresholds[2], gc->counts[0], gc->counts[1], gc->counts[2], gc->uncollectable, gc->frozen, m->python_bytes,
                m->python_free_bytes, m->native_bytes, m->file_bytes, m->shmem_bytes, m->heap_bytes, m->arena_bytes, m->arenas,
                m->large_bytes,
        };

        _Static_assert(sizeof all == LOOK_FIGURES * sizeof *all, "every figure once");
        for (size_t i = 0; i < LOOK_FIGURES; i++)
                to[i] = clamp(all[i]);
}

void look_figures_give(const int64_t f[static LOOK_FIGURES], struct look_past *p)
{
        p->complete = f[0] > 0;
        p->tracked_objects = f[1];
        p->gc = (struct look_gc){
                .enabled = f[2] > 0 ? 1 : (int)f[2],
                .collecting = f[3] > 0,
                .thresholds = { f[4], f[5], f[6] },
                .counts = { f[7], f[8], f[9] },
                .uncollectable = f[10],
                .frozen = f[11],
        };
        p->memory = (struct look_memory){ f[12], f[13], f[14], f[15], f[16], f[17], f[18], f[19], f[20] };
}

struct look_past look_as_past(const struct look *look)
{
        return (struct look_past){ look->at_ms, look->complete, look->tracked_objects, look->gc, look->memory };
}

int64_t look_guess(int64_t newer, int64_t newer_objects, int64_t objects)
{
        uint64_t each = newer_objects > 0 && newer > 0 ? (uint64_t)(newer / newer_objects) : 0;

        if (objects < 0 && newer_objects >= 0)
                return -1;
        return (int64_t)((uint64_t)newer + ((uint64_t)objects - (uint64_t)newer_objects) * each);
}

static void put(struct buffer *to, uint64_t value)
{
        for (; value >= 0x80; value >>= 7)
                buffer_add_char(to, (char)(value | 0x80));
        buffer_add_char(to, (char)value);
}

static void put_known(struct buffer *to, int64_t value)
{
        put(to, (uint64_t)clamp(value) + 1);
}

static void put_change(struct buffer *to, uint64_t change)
{
        put(to, change << 1 ^ -(change >> 63));
}

static size_t name_size(const char *name)
{
        size_t size = strnlen(name, LOOK_NAME_MOST + 1);

        if (size <= LOOK_NAME_MOST)
                return size;
        for (size = LOOK_NAME_MOST; size && ((unsigned char)name[size] & 0xc0) == 0x80;)
                size--;
        return size;
}

struct writer {
        struct buffer *to;
        const struct look *look;
        size_t n_types, n_containers, n_libraries, n_missing; /* how many of them are written */
        const char **names; /* sorted, each once */
        size_t n, text;
};

static const char *text_of(const char *name)
{
        return name ? name : "";
}

static void add_name(struct writer *w, const char *name)
{
        w->names[w->n++] = text_of(name);
        w->text += name_size(text_of(name));
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lists end where all names together would be more than can be read back. */
static bool gather_names(struct writer *w)
{
        const struct look *look = w->look;
        size_t most = look->n_types + look->n_containers * (2 + LOOK_ALIASES) + look->n_libraries + look->n_missing * 2, n = 0;

        w->names = calloc(most + 1, sizeof *w->names);
        if (!w->names)
                return false;
        for (; w->n_missing < look->n_missing && w->n_missing < LOOK_MISSING_MOST; w->n_missing++) {
                add_name(w, look->missing[w->n_missing].part);
                add_name(w, look->missing[w->n_missing].reason);
        }
        for (; w->n_libraries < look->n_libraries && w->n_libraries < LOOK_NAMES_MOST / 10; w->n_libraries++)
                add_name(w, look->libraries[w->n_libraries]);
        for (; w->n_containers < look->n_containers && w->n_containers < LOOK_NAMES_MOST; w->n_containers++) {
                const struct look_container *c = &look->containers[w->n_containers];

                if (w->text + (2 + LOOK_ALIASES) * LOOK_NAME_MOST > LOOK_TEXT_MOST / 2)
                        break;
                add_name(w, c->name);
                add_name(w, c->type);
                for (size_t k = 0; k < c->n_aliases; k++)
                        add_name(w, c->aliases[k]);
        }
        for (; w->n_types < look->n_types && w->n_types < LOOK_NAMES_MOST; w->n_types++) {
                if (w->text + LOOK_NAME_MOST > LOOK_TEXT_MOST)
                        break;
                add_name(w, look->types[w->n_types].name);
        }
        qsort(w->names, w->n, sizeof *w->names, compare_names);
        for (size_t i = 0; i < w->n; i++)
                if (n == 0 || strcmp(w->names[n - 1], w->names[i]) != 0)
                        w->names[n++] = w->names[i];
        w->n = n;
        return true;
}

static void put_names(struct writer *w)
{
        const char *before = "";
        size_t size_before = 0;

        put(w->to, w->n);
        for (size_t i = 0; i < w->n; i++) {
                const char *name = w->names[i];
                size_t size = name_size(name), shared = 0;

                while (shared < size && shared < size_before && name[shared] == before[shared])
                        shared++;
                put(w->to, shared);
                put(w->to, size - shared);
                buffer_add(w->to, name + shared, size - shared);
                before = name;
                size_before = size;
        }
}

static void put_name(struct writer *w, const char *name)
{
        const char *key = text_of(name), **at = bsearch(&key, w->names, w->n, sizeof *w->names, compare_names);

        put(w->to, (uint64_t)(at - w->names));
}

/* objects: those of the same looks, where the values are their bytes; else NULL. */
static void put_past(struct writer *w, const int64_t *past, int64_t now, const int64_t *objects, int64_t objects_now)
{
        int64_t change[LOOK_PAST];
        unsigned mask = 0;

        if (!w->look->n_past)
                return;
        for (size_t i = w->look->n_past; i-- > 0;) {
                int64_t likely = objects ? look_guess(now, objects_now, clamp(objects[i])) : now;

                now = clamp(past[i]);
                objects_now = objects ? clamp(objects[i]) : 0;
                change[i] = (int64_t)((uint64_t)now - (uint64_t)likely);
                mask |= (unsigned)(change[i] != 0) << i;
        }
        buffer_add_char(w->to, (char)mask);
        for (size_t i = w->look->n_past; i-- > 0;)
                if (mask >> i & 1)
                        put_change(w->to, (uint64_t)change[i]);
}

static void put_figures(struct writer *w)
{
        const struct look *look = w->look;
        struct look_past now = look_as_past(look);
        int64_t figures[LOOK_FIGURES], earlier[LOOK_FIGURES], at_ms = -1;

        now.complete &= w->n_types == look->n_types && w->n_containers == look->n_containers;
        put_known(w->to, look->at_ms);
        put_known(w->to, look->took_us);
        put_known(w->to, look->cpu_us);
        put(w->to, look->hopeless);
        put(w->to, strnlen(look->python, sizeof look->python - 1));
        buffer_add(w->to, look->python, strnlen(look->python, sizeof look->python - 1));
        put_known(w->to, w->n_types == look->n_types ? look->cuts.own_bytes : -1);
        put_known(w->to, w->n_types == look->n_types ? look->cuts.builtin_bytes : -1);
        put_known(w->to, w->n_containers == look->n_containers ? look->cuts.length : -1);
        look_figures_take(&now, figures);
        for (size_t i = 0; i < LOOK_FIGURES; i++)
                put_known(w->to, figures[i]);
        put(w->to, look->n_past);
        for (size_t i = 0; i < look->n_past; i++) {
                put(w->to, (uint64_t)look->past[i].at_ms - (uint64_t)at_ms);
                at_ms = look->past[i].at_ms;
                look_figures_take(&look->past[i], earlier);
                for (size_t k = 0; k < LOOK_FIGURES; k++)
                        put_change(w->to, (uint64_t)earlier[k] - (uint64_t)figures[k]);
                memcpy(figures, earlier, sizeof figures);
        }
}

static void put_lists(struct writer *w)
{
        put(w->to, w->n_types);
        for (size_t i = 0; i < w->n_types; i++) {
                const struct look_type *t = &w->look->types[i];
                int64_t objects = clamp(t->objects), bytes = clamp(t->bytes);

                put_name(w, t->name);
                put_known(w->to, objects);
                put_change(w->to, (uint64_t)objects - (uint64_t)clamp(t->tracked));
                put_known(w->to, bytes);
                put_past(w, t->past_objects, objects, NULL, 0);
                put_past(w, t->past_bytes, bytes, t->past_objects, objects);
        }
        put(w->to, w->n_containers);
        for (size_t i = 0; i < w->n_containers; i++) {
                const struct look_container *c = &w->look->containers[i];

                put_name(w, c->name);
                put(w->to, c->n_aliases);
                for (size_t k = 0; k < c->n_aliases; k++)
                        put_name(w, c->aliases[k]);
                put_name(w, c->type);
                put_known(w->to, c->length);
                put_past(w, c->past, clamp(c->length), NULL, 0);
        }
        put(w->to, w->n_libraries);
        for (size_t i = 0; i < w->n_libraries; i++)
                put_name(w, w->look->libraries[i]);
        put(w->to, w->n_missing);
        for (size_t i = 0; i < w->n_missing; i++) {
                put_name(w, w->look->missing[i].part);
                put_name(w, w->look->missing[i].reason);
        }
}

void look_write(const struct look *look, struct buffer *to)
{
        struct writer w = { .to = to, .look = look };

        buffer_add_char(to, LOOK_VERSION);
        if (gather_names(&w)) {
                put_names(&w);
                put_figures(&w);
                put_lists(&w);
        } else {
                to->failed = true;
        }
        free(w.names);
}
