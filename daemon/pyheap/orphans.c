/* Long containers, as a census meets them. */
#include "pyheap/orphans.h"

#include <stdlib.h>

static void find_shortest(struct orphans *o)
{
        o->shortest = 0;
        for (size_t i = 1; i < o->n; i++)
                if (o->v[i].length < o->v[o->shortest].length)
                        o->shortest = i;
}

void orphans_note(struct orphans *o, uint64_t address, int64_t length)
{
        if (length < ORPHAN_LENGTH_LEAST || length > ORPHAN_LENGTH_MOST)
                return;
        if (o->n < ORPHANS_MOST)
                o->v[o->n++] = (struct orphan){ address, length };
        else if (length > o->v[o->shortest].length)
                o->v[o->shortest] = (struct orphan){ address, length };
        else
                return;
        if (o->n == ORPHANS_MOST)
                find_shortest(o);
}

static int compare(const void *a, const void *b)
{
        const struct orphan *x = a, *y = b;

        if (x->length != y->length)
                return x->length > y->length ? -1 : 1;
        return (x->address > y->address) - (x->address < y->address);
}

void orphans_sort(struct orphans *o)
{
        if (o->n)
                qsort(o->v, o->n, sizeof *o->v, compare);
        find_shortest(o);
}
