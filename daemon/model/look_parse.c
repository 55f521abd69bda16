/* Reading a look from bytes, which may be any. How they are laid out: look_bytes.c. */
#include "model/look_bytes_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* The first thing wrong is kept in why; from then on every number is 0, which ends every list. */
struct reader {
        const uint8_t *at, *end;
        const char *why;
        bool no_memory;
        struct buffer text;  /* the names, a NUL behind each */
        size_t *names, n;    /* where each begins */
        size_t given;        /* bytes of names that the look got */
        struct look *look;
};

static void wrong(struct reader *r, const char *why)
{
        if (!r->why)
                r->why = why;
        r->at = r->end;
}

static void *allocate(struct reader *r, size_t n, size_t size)
{
        void *p = calloc(n ? n : 1, size);

        if (!p) {
                r->no_memory = true;
                wrong(r, "memory is short");
        }
        return p;
}

static size_t left(const struct reader *r)
{
        return (size_t)(r->end - r->at);
}

static uint64_t get(struct reader *r)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
                uint64_t bits = *r->at & 0x7f;

                if (bits << shift >> shift != bits)
                        break;
                value |= bits << shift;
                if (!(*r->at++ & 0x80)) {
                        if (!bits && shift)
                                break;
                        return value;
                }
        }
        wrong(r, r->at < r->end ? "a number is too large or written too long" : "they break off");
        return 0;
}

static int64_t get_known(struct reader *r)
{
        uint64_t value = get(r);

        if (value > (uint64_t)LOOK_NUMBER_MOST + 1)
                return wrong(r, "a number is too large"), -1;
        return (int64_t)value - 1;
}

static uint64_t get_change(struct reader *r)
{
        uint64_t z = get(r);

        return z >> 1 ^ -(z & 1);
}

/* A value that was given as a change of another one. */
static int64_t changed(struct reader *r, int64_t from, uint64_t change)
{
        int64_t value = (int64_t)((uint64_t)from + change);

        if (value < -1 || value > LOOK_NUMBER_MOST)
                return wrong(r, "a number is out of bounds"), -1;
        return value;
}

/* How many of something follow, each of which takes so many bytes at least. */
static size_t get_count(struct reader *r, size_t most, size_t bytes_each)
{
        uint64_t n = get(r);

        if (n > most || n > left(r) / bytes_each)
                return wrong(r, "a list is longer than can be"), 0;
        return (size_t)n;
}

static void get_names(struct reader *r)
{
        char before[LOOK_NAME_MOST], clean[LOOK_NAME_MOST + 1];
        size_t size = 0;

        r->n = get_count(r, LOOK_BYTES_MOST, 2);
        r->names = allocate(r, r->n, sizeof *r->names);
        for (size_t i = 0; i < r->n && !r->why; i++) {
                uint64_t shared = get(r), more = get(r);

                if (shared > size || more > left(r) || shared + more > LOOK_NAME_MOST)
                        return wrong(r, "a name is longer than can be");
                memcpy(before + shared, r->at, more);
                r->at += more;
                size = (size_t)(shared + more);
                r->names[i] = r->text.size;
                buffer_add(&r->text, clean, text_clean(before, size, clean, sizeof clean) + 1);
                if (r->text.size > 2 * LOOK_TEXT_MOST)
                        return wrong(r, "their names are too long in all");
        }
        if (r->text.failed) {
                r->no_memory = true;
                wrong(r, "memory is short");
        }
}

/* NULL, with the reason kept, where there is none. */
static const char *get_lent_name(struct reader *r)
{
        uint64_t i = get(r);
        const char *name;

        if (r->why)
                return NULL;
        if (i >= r->n)
                return wrong(r, "they name what has no name"), NULL;
        name = r->text.data + r->names[i];
        r->given += strlen(name);
        if (r->given > 2 * LOOK_TEXT_MOST)
                return wrong(r, "their names are too long in all"), NULL;
        return name;
}

static char *get_name(struct reader *r)
{
        const char *lent = get_lent_name(r);
        char *name = lent ? strdup(lent) : NULL;

        if (lent && !name) {
                r->no_memory = true;
                wrong(r, "memory is short");
        }
        return name;
}

static void get_past(struct reader *r, int64_t to[static LOOK_PAST], int64_t now, const int64_t *objects, int64_t objects_now)
{
        size_t n = r->look->n_past;
        unsigned mask = 0;

        for (size_t i = n; i < LOOK_PAST; i++)
                to[i] = -1;
        if (n && left(r))
                mask = *r->at++;
        else if (n)
                wrong(r, "they break off");
        if (mask >> n)
                wrong(r, "a name changed when there was no look");
        for (size_t i = n; i-- > 0;) {
                int64_t likely = objects ? look_guess(now, objects_now, objects[i]) : now;
                uint64_t change = mask >> i & 1 ? get_change(r) : 0;

                if ((mask >> i & 1) && !change)
                        wrong(r, "a change is none");
                now = to[i] = changed(r, likely, change);
                objects_now = objects ? objects[i] : 0;
        }
}

static void get_figures(struct reader *r)
{
        struct look_past now = look_as_past(r->look);
        int64_t figures[LOOK_FIGURES], at_ms = -1;
        struct look *look = r->look;
        size_t n;

        look->at_ms = get_known(r);
        look->took_us = get_known(r);
        look->cpu_us = get_known(r);
        look->hopeless = get(r) > 0;
        n = get_count(r, sizeof look->python - 1, 1);
        if (n)
                text_clean((const char *)r->at, n, look->python, sizeof look->python);
        r->at += n;
        look->cuts.own_bytes = get_known(r);
        look->cuts.builtin_bytes = get_known(r);
        look->cuts.length = get_known(r);
        for (size_t i = 0; i < LOOK_FIGURES; i++)
                figures[i] = get_known(r);
        look_figures_give(figures, &now);
        look->complete = now.complete;
        look->tracked_objects = now.tracked_objects;
        look->gc = now.gc;
        look->memory = now.memory;
        look->n_past = get_count(r, LOOK_PAST, LOOK_FIGURES + 1);
        for (size_t i = 0; i < look->n_past; i++) {
                uint64_t later = get(r);

                if (later == 0)
                        wrong(r, "the times of its looks don't rise");
                look->past[i].at_ms = at_ms = changed(r, at_ms, later);
                for (size_t k = 0; k < LOOK_FIGURES; k++)
                        figures[k] = changed(r, figures[k], get_change(r));
                look_figures_give(figures, &look->past[i]);
        }
        if (look->at_ms < 0 || (look->n_past && at_ms >= look->at_ms))
                wrong(r, "the times of its looks don't rise");
}

static void get_types(struct reader *r)
{
        size_t n = get_count(r, LOOK_NAMES_MOST, r->look->n_past ? 6 : 4);

        r->look->types = allocate(r, n, sizeof *r->look->types);
        for (size_t i = 0; i < n && !r->why; i++) {
                struct look_type *t = &r->look->types[i];

                t->name = get_name(r);
                if (!t->name)
                        return;
                r->look->n_types++;
                t->objects = get_known(r);
                t->tracked = changed(r, t->objects, -get_change(r));
                t->bytes = get_known(r);
                get_past(r, t->past_objects, t->objects, NULL, 0);
                get_past(r, t->past_bytes, t->bytes, t->past_objects, t->objects);
        }
}

static void get_containers(struct reader *r)
{
        size_t n = get_count(r, LOOK_NAMES_MOST, r->look->n_past ? 5 : 4);

        r->look->containers = allocate(r, n, sizeof *r->look->containers);
        for (size_t i = 0; i < n && !r->why; i++) {
                struct look_container *c = &r->look->containers[i];
                size_t n_aliases;

                r->look->n_containers++; /* also one half made: look_done() releases it */
                c->name = get_name(r);
                n_aliases = get_count(r, LOOK_ALIASES, 1);
                for (size_t k = 0; k < n_aliases; k++) {
                        c->aliases[k] = get_name(r);
                        c->n_aliases += !!c->aliases[k];
                }
                c->type = get_name(r);
                c->length = get_known(r);
                get_past(r, c->past, c->length, NULL, 0);
        }
}

static void get_words(struct reader *r)
{
        size_t n = get_count(r, LOOK_NAMES_MOST, 1);

        r->look->libraries = allocate(r, n, sizeof *r->look->libraries);
        for (size_t i = 0; i < n && !r->why; i++) {
                r->look->libraries[i] = get_name(r);
                r->look->n_libraries += !!r->look->libraries[i];
        }
        n = get_count(r, LOOK_MISSING_MOST, 2);
        for (size_t i = 0; i < n; i++) {
                const char *part = get_lent_name(r), *reason = get_lent_name(r);

                if (!part || !reason)
                        return;
                if (look_miss(r->look, part, reason) < 0) {
                        r->no_memory = true;
                        wrong(r, "memory is short");
                }
        }
}

int look_parse(const void *bytes, size_t size, struct look *ret, struct error *err)
{
        struct reader r = { .at = bytes, .end = (const uint8_t *)bytes + size, .look = ret };

        look_init(ret);
        if (size == 0 || size > LOOK_BYTES_MOST)
                wrong(&r, size ? "there are too many" : "there are none");
        else if (*r.at++ != LOOK_VERSION)
                wrong(&r, "they are of a version that is not known");
        if (!r.why)
                get_names(&r);
        if (!r.why)
                get_figures(&r);
        if (!r.why)
                get_types(&r);
        if (!r.why)
                get_containers(&r);
        if (!r.why)
                get_words(&r);
        if (!r.why && left(&r))
                wrong(&r, "more follows behind them");
        buffer_done(&r.text);
        free(r.names);
        if (!r.why)
                return 0;
        look_done(ret);
        if (r.no_memory)
                return error_set(err, ENOMEM, "out of memory reading a look");
        return error_set(err, EBADMSG, "these are not the bytes of a look: %s", r.why);
}
