/* Names in the order of what grows most, and cut to those worth keeping. */
#include "detect/looks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of what is kept of a list so much at most is for names that aren't seen, where others need the room. */
#define UNSEEN_PART 4

static int64_t last_known(const struct look *look, const int64_t *past, int64_t now)
{
        for (size_t i = look->n_past; now < 0 && i-- > 0;)
                now = past[i];
        return now;
}

static int descending(int64_t x, int64_t y)
{
        return (x < y) - (x > y);
}

static int descending_rates(double x, double y)
{
        if (isnan(x) || isnan(y))
                return !!isnan(x) - !!isnan(y);
        return (x < y) - (x > y);
}

static int compare_type_sizes(const void *a, const void *b, void *look)
{
        const struct look_type *x = a, *y = b;
        int order = descending(last_known(look, x->past_bytes, x->bytes), last_known(look, y->past_bytes, y->bytes));

        return order ? order : strcmp(x->name, y->name);
}

static int compare_types(const void *a, const void *b, void *look)
{
        const struct look_type *x = a, *y = b;
        int order = look_is_own(y) - look_is_own(x);

        if (!order)
                order = (x->bytes < 0) - (y->bytes < 0);
        if (!order)
                order = descending_rates(look_rate(look, x->past_bytes, x->bytes), look_rate(look, y->past_bytes, y->bytes));
        return order ? order : compare_type_sizes(a, b, look);
}

static int compare_container_sizes(const void *a, const void *b, void *look)
{
        const struct look_container *x = a, *y = b;
        int order = descending(last_known(look, x->past, x->length), last_known(look, y->past, y->length));

        return order ? order : strcmp(x->name, y->name);
}

static int compare_containers(const void *a, const void *b, void *look)
{
        const struct look_container *x = a, *y = b;
        int order = (x->length < 0) - (y->length < 0);

        if (!order)
                order = descending_rates(look_rate(look, x->past, x->length), look_rate(look, y->past, y->length));
        return order ? order : compare_container_sizes(a, b, look);
}

void looks_rank(struct look *look)
{
        if (look->n_types)
                qsort_r(look->types, look->n_types, sizeof *look->types, compare_types, look);
        if (look->n_containers)
                qsort_r(look->containers, look->n_containers, sizeof *look->containers, compare_containers, look);
}

/* Cutting */

static int64_t type_size(const void *item)
{
        return ((const struct look_type *)item)->bytes;
}

static void type_release(void *item)
{
        free(((struct look_type *)item)->name);
}

static int64_t container_size(const void *item)
{
        return ((const struct look_container *)item)->length;
}

static void container_release(void *item)
{
        struct look_container *c = item;

        for (size_t k = 0; k < c->n_aliases; k++)
                free(c->aliases[k]);
        free(c->name);
        free(c->type);
}

static const struct list {
        size_t item;
        int64_t (*size)(const void *item);
        int (*compare_sizes)(const void *a, const void *b, void *look);
        void (*release)(void *item);
} type_list = { sizeof(struct look_type), type_size, compare_type_sizes, type_release },
  container_list = { sizeof(struct look_container), container_size, compare_container_sizes, container_release };

static void release(const struct list *l, char *items, size_t n)
{
        for (size_t i = 0; i < n; i++)
                l->release(items + i * l->item);
}

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Of n ranked items those that are kept, in front; the others are released. *cut becomes what the largest of them had. */
static size_t cut_list(const struct list *l, struct look *look, char *items, size_t n, size_t most, int64_t *cut)
{
        size_t seen = 0, n_unseen, unseen, keep, top;

        while (seen < n && l->size(items + seen * l->item) >= 0)
                seen++;
        n_unseen = n - seen;
        unseen = least(n_unseen, most - least(seen, most - most / UNSEEN_PART));
        keep = least(seen, most - unseen);
        if (keep < seen) {
                top = keep - keep / 2;
                qsort_r(items + top * l->item, seen - top, l->item, l->compare_sizes, look);
                if (*cut >= 0 && l->size(items + keep * l->item) > *cut)
                        *cut = l->size(items + keep * l->item);
                release(l, items + keep * l->item, seen - keep);
        }
        if (n_unseen > unseen) {
                qsort_r(items + seen * l->item, n_unseen, l->item, l->compare_sizes, look);
                release(l, items + (seen + unseen) * l->item, n_unseen - unseen);
        }
        memmove(items + keep * l->item, items + seen * l->item, unseen * l->item);
        return keep + unseen;
}

static void cut_types(struct look *look)
{
        char *items = (char *)look->types;
        size_t own = 0, n_own, n_builtin;

        while (own < look->n_types && look_is_own(&look->types[own]))
                own++;
        n_own = cut_list(&type_list, look, items, own, LOOKS_OWN_MOST, &look->cuts.own_bytes);
        n_builtin = cut_list(&type_list, look, (char *)(look->types + own), look->n_types - own, LOOKS_BUILTIN_MOST,
                             &look->cuts.builtin_bytes);
        memmove(look->types + n_own, look->types + own, n_builtin * sizeof *look->types);
        look->n_types = n_own + n_builtin;
}

/* A container that has become short is left out like one that is too short from the beginning. */
static void drop_short_ones(struct look *look)
{
        size_t n = 0;

        for (size_t i = 0; i < look->n_containers; i++)
                if (look->containers[i].length >= 0 && look->containers[i].length < LOOKS_LENGTH_LEAST)
                        container_release(&look->containers[i]);
                else
                        look->containers[n++] = look->containers[i];
        look->n_containers = n;
        if (look->cuts.length >= 0 && look->cuts.length < LOOKS_LENGTH_LEAST - 1)
                look->cuts.length = LOOKS_LENGTH_LEAST - 1;
}

void looks_cut(struct look *look)
{
        looks_rank(look);
        if (look->n_types)
                cut_types(look);
        drop_short_ones(look);
        if (look->n_containers)
                look->n_containers = cut_list(&container_list, look, (char *)look->containers, look->n_containers,
                                              LOOKS_CONTAINERS_MOST, &look->cuts.length);
        looks_rank(look);
}
