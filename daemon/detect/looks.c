/* What an earlier look knew is carried over by name. Ranking is in looks_rank.c, looks_suspects() in suspects.c. */
#include "detect/looks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/look_bytes.h"

/* A name that isn't seen is kept until it wasn't known at so many of the earlier looks that are kept either, the newest ones:
 * three looks in a row at first, up to a quarter of the time since the first look once those have thinned out. Torn reads hide
 * a name once; a cache that was emptied is not listed, and when it fills again it must not look like growth from nothing. */
#define UNSEEN_PAST 3
/* Which looks are kept: by their place among the earlier ones; the one that is followed stands behind them all. The first and
 * the newest stay. Of the others that one goes whose two neighbours are nearest to each other. */
static size_t thin_out(const struct look *before, size_t ret[static LOOK_PAST])
{
        size_t n = before->n_past + 1, kept = 0, out = n;
        int64_t at_ms[LOOK_PAST + 1];

        for (size_t i = 0; i < before->n_past; i++)
                at_ms[i] = before->past[i].at_ms;
        at_ms[before->n_past] = before->at_ms;
        if (n > LOOK_PAST) {
                out = 1;
                for (size_t i = 2; i + 1 < n; i++)
                        if (at_ms[i + 1] - at_ms[i - 1] < at_ms[out + 1] - at_ms[out - 1])
                                out = i;
        }
        for (size_t i = 0; i < n; i++)
                if (i != out)
                        ret[kept++] = i;
        return kept;
}

/* The looks that are carried over. */
struct follow {
        const struct look *before;
        struct look *now;
        size_t kept[LOOK_PAST], n;
        /* of the list that is being continued: */
        size_t n_seen;
        bool known[LOOK_PAST]; /* something of it was known then */
};

static void carry(const struct follow *f, const int64_t *past, int64_t value, int64_t to[static LOOK_PAST])
{
        for (size_t i = 0; i < f->n; i++)
                to[i] = f->kept[i] < f->before->n_past ? past[f->kept[i]] : value;
}

static void learn(struct follow *f, const int64_t *past, int64_t value)
{
        for (size_t i = 0; i < f->n; i++)
                f->known[i] |= (f->kept[i] < f->before->n_past ? past[f->kept[i]] : value) >= 0;
}

/* One that the look before did not have was cut off there, or wasn't there: then it was at most as large as what was cut off.
 * So it is taken to have been at the looks before that one. It may have been larger at one of them and have been cut off
 * since, but so it takes two looks to count, and then grew from the first look on like all others: names that come and go
 * don't stand before those that grow steadily. */
static void set_absent(const struct follow *f, int64_t at_most, int64_t past[static LOOK_PAST])
{
        for (size_t i = 0; i < f->n; i++)
                past[i] = f->known[i] || i == f->n - 1 ? at_most : -1;
}

static void forget(int64_t past[static LOOK_PAST])
{
        for (size_t i = 0; i < LOOK_PAST; i++)
                past[i] = -1;
}

/* Whether a name that isn't seen now is worth keeping. cut: of its list; where nothing at all was seen, all names are. */
static bool keep_unseen(const struct follow *f, const int64_t past[static LOOK_PAST], int64_t cut)
{
        size_t unknown = 0;

        while (unknown < f->n && past[f->n - 1 - unknown] < 0)
                unknown++;
        return unknown < f->n && (unknown < UNSEEN_PAST || (cut < 0 && f->n_seen == 0));
}

/* Names of the look before, sorted. Each of its entries is taken once: of two of one name the first goes with the first. */
struct entry {
        const char *name;
        size_t at, skip; /* skip: of the first of a name: so many of that name are taken */
};
struct names {
        struct entry *all;
        size_t n;
        bool *taken; /* by the place in the look's list */
        size_t *left, n_left; /* places in the list of the look that follows, of those that took none */
};

static int compare_entries(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;
        int order = strcmp(x->name, y->name);

        return order ? order : (x->at > y->at) - (x->at < y->at);
}

static void names_done(struct names *names)
{
        free(names->all);
        free(names->taken);
        free(names->left);
}

static int names_init(struct names *names, size_t n_before, size_t names_each, size_t n_now)
{
        names->all = calloc(n_before * names_each + 1, sizeof *names->all);
        names->taken = calloc(n_before + 1, sizeof *names->taken);
        names->left = calloc(n_now + 1, sizeof *names->left);
        return names->all && names->taken && names->left ? 0 : -ENOMEM;
}

static void names_add(struct names *names, const char *name, size_t at)
{
        names->all[names->n++] = (struct entry){ name, at, 0 };
}

static void names_sort(struct names *names)
{
        qsort(names->all, names->n, sizeof *names->all, compare_entries);
}

/* The first of that name that nobody took; SIZE_MAX where there is none. */
static size_t names_find(struct names *names, const char *name)
{
        size_t low = 0, high = names->n, i;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(names->all[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == names->n)
                return SIZE_MAX;
        for (i = low + names->all[low].skip; i < names->n && strcmp(names->all[i].name, name) == 0; i++) {
                if (!names->taken[names->all[i].at])
                        return names->all[i].at;
                names->all[low].skip++;
        }
        return SIZE_MAX;
}

/* Types */

static void set_absent_type(const struct follow *f, struct look_type *t)
{
        int64_t cut = look_is_own(t) ? f->before->cuts.own_bytes : f->before->cuts.builtin_bytes;
        bool fits = cut >= t->bytes;

        if (cut < 0)
                return;
        set_absent(f, fits ? t->bytes : cut, t->past_bytes);
        set_absent(f, fits ? t->objects : (int64_t)((double)t->objects * ((double)cut / (double)t->bytes)), t->past_objects);
}

static int add_unseen_type(struct follow *f, const struct look_type *of)
{
        struct look_type *to = &f->now->types[f->now->n_types];

        *to = (struct look_type){ .objects = -1, .tracked = -1, .bytes = -1 };
        forget(to->past_objects);
        forget(to->past_bytes);
        carry(f, of->past_objects, of->objects, to->past_objects);
        carry(f, of->past_bytes, of->bytes, to->past_bytes);
        if (!keep_unseen(f, to->past_bytes, look_is_own(of) ? f->now->cuts.own_bytes : f->now->cuts.builtin_bytes))
                return 0;
        to->name = strdup(of->name);
        if (!to->name)
                return -ENOMEM;
        f->now->n_types++;
        return 0;
}

static int continue_types(struct follow *f)
{
        _cleanup_(names_done) struct names names = {};
        const struct look *before = f->before;
        struct look *now = f->now;
        struct look_type *more;
        int r = names_init(&names, before->n_types, 1, now->n_types);

        if (r < 0)
                return r;
        memset(f->known, 0, sizeof f->known);
        for (size_t i = 0; i < before->n_types; i++) {
                names_add(&names, before->types[i].name, i);
                learn(f, before->types[i].past_bytes, before->types[i].bytes);
        }
        names_sort(&names);
        for (size_t i = 0; i < now->n_types; i++) {
                size_t at = names_find(&names, now->types[i].name);

                if (at == SIZE_MAX) {
                        set_absent_type(f, &now->types[i]);
                        continue;
                }
                names.taken[at] = true;
                carry(f, before->types[at].past_objects, before->types[at].objects, now->types[i].past_objects);
                carry(f, before->types[at].past_bytes, before->types[at].bytes, now->types[i].past_bytes);
        }
        more = reallocarray(now->types, now->n_types + before->n_types + 1, sizeof *more);
        if (!more)
                return -ENOMEM;
        now->types = more;
        f->n_seen = now->n_types;
        for (size_t i = 0; i < before->n_types && r == 0 && now->n_types < LOOK_NAMES_MOST; i++)
                if (!names.taken[i])
                        r = add_unseen_type(f, &before->types[i]);
        return r;
}

/* Containers */

static void take_container(struct follow *f, struct names *names, size_t at, size_t i)
{
        const struct look_container *of = &f->before->containers[at];

        names->taken[at] = true;
        carry(f, of->past, of->length, f->now->containers[i].past);
}

static size_t find_alias(struct names *names, const struct look *before, const struct look_container *c)
{
        size_t at = names_find(names, c->name);

        for (size_t k = 0; at == SIZE_MAX && k < c->n_aliases; k++)
                at = names_find(names, c->aliases[k]);
        /* The name of another thing now. */
        return at != SIZE_MAX && strcmp(before->containers[at].type, c->type) == 0 ? at : SIZE_MAX;
}

/* By their own names first, so that an alias never takes what has its name still. */
static void match_by_name(struct follow *f, struct names *names)
{
        const struct look *before = f->before;

        for (size_t i = 0; i < before->n_containers; i++) {
                names_add(names, before->containers[i].name, i);
                learn(f, before->containers[i].past, before->containers[i].length);
        }
        names_sort(names);
        for (size_t i = 0; i < f->now->n_containers; i++) {
                size_t at = names_find(names, f->now->containers[i].name);

                if (at == SIZE_MAX)
                        names->left[names->n_left++] = i;
                else
                        take_container(f, names, at, i);
        }
}

/* How long it was where it was not listed. */
static int64_t at_most(const struct look_container *c, int64_t cut)
{
        if (look_is_unnamed(c->name) && cut < LOOK_UNNAMED_LEAST - 1)
                cut = LOOK_UNNAMED_LEAST - 1;
        return c->length < cut ? c->length : cut;
}

static void match_by_alias(struct follow *f, struct names *names)
{
        const struct look *before = f->before;
        int64_t cut = before->cuts.length;

        names->n = 0;
        for (size_t i = 0; i < before->n_containers; i++) {
                if (names->taken[i])
                        continue;
                names_add(names, before->containers[i].name, i);
                for (size_t k = 0; k < before->containers[i].n_aliases; k++)
                        names_add(names, before->containers[i].aliases[k], i);
        }
        names_sort(names);
        for (size_t i = 0; i < names->n_left; i++) {
                struct look_container *c = &f->now->containers[names->left[i]];
                size_t at = find_alias(names, before, c);

                if (at != SIZE_MAX)
                        take_container(f, names, at, names->left[i]);
                else if (cut >= 0)
                        set_absent(f, at_most(c, cut), c->past);
        }
}

static int add_unseen_container(struct follow *f, const struct look_container *of)
{
        struct look_container *to = &f->now->containers[f->now->n_containers];

        *to = (struct look_container){ .length = -1 };
        forget(to->past);
        carry(f, of->past, of->length, to->past);
        if (!keep_unseen(f, to->past, f->now->cuts.length))
                return 0;
        f->now->n_containers++; /* also one half made: look_done() releases it */
        to->name = strdup(of->name);
        to->type = strdup(of->type);
        if (!to->name || !to->type)
                return -ENOMEM;
        for (; to->n_aliases < of->n_aliases; to->n_aliases++) {
                to->aliases[to->n_aliases] = strdup(of->aliases[to->n_aliases]);
                if (!to->aliases[to->n_aliases])
                        return -ENOMEM;
        }
        return 0;
}

static int continue_containers(struct follow *f)
{
        _cleanup_(names_done) struct names names = {};
        const struct look *before = f->before;
        struct look *now = f->now;
        struct look_container *more;
        int r = names_init(&names, before->n_containers, 1 + LOOK_ALIASES, now->n_containers);

        if (r < 0)
                return r;
        memset(f->known, 0, sizeof f->known);
        match_by_name(f, &names);
        match_by_alias(f, &names);
        more = reallocarray(now->containers, now->n_containers + before->n_containers + 1, sizeof *more);
        if (!more)
                return -ENOMEM;
        now->containers = more;
        f->n_seen = now->n_containers;
        for (size_t i = 0; i < before->n_containers && r == 0 && now->n_containers < LOOK_NAMES_MOST; i++)
                if (!names.taken[i])
                        r = add_unseen_container(f, &before->containers[i]);
        return r;
}

static void begin_anew(struct look *now)
{
        now->n_past = 0;
        for (size_t i = 0; i < now->n_types; i++) {
                forget(now->types[i].past_objects);
                forget(now->types[i].past_bytes);
        }
        for (size_t i = 0; i < now->n_containers; i++)
                forget(now->containers[i].past);
}

int looks_continue(const struct look *before, struct look *now)
{
        const struct look_past newest = {
                before->at_ms, before->complete, before->tracked_objects, before->gc, before->memory
        };
        struct follow f = { .before = before, .now = now };
        int r;

        begin_anew(now);
        if (before->at_ms >= now->at_ms)
                return 0; /* the clock was set back: over which time something grew can't be told */
        f.n = thin_out(before, f.kept);
        for (size_t i = 0; i < f.n; i++)
                now->past[i] = f.kept[i] < before->n_past ? before->past[f.kept[i]] : newest;
        now->n_past = f.n;
        r = continue_types(&f);
        return r < 0 ? r : continue_containers(&f);
}
