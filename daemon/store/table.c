/* Open addressing with linear steps; what is removed leaves no mark: followers move up. */
#include "store/table.h"

#include <stdlib.h>

void table_done(struct table *t)
{
        free(t->entries);
        *t = (struct table){};
}

static size_t place(const struct table *t, uint64_t key)
{
        return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->room - 1);
}

static struct table_entry *find(const struct table *t, uint64_t key)
{
        size_t i = place(t, key);

        while (t->entries[i].value && t->entries[i].key != key)
                i = (i + 1) & (t->room - 1);
        return &t->entries[i];
}

void *table_get(const struct table *t, uint64_t key)
{
        return t->room ? find(t, key)->value : NULL;
}

static bool grow(struct table *t)
{
        struct table bigger = { .room = t->room ? 2 * t->room : 64 };

        bigger.entries = calloc(bigger.room, sizeof *bigger.entries);
        if (!bigger.entries)
                return false;
        for (size_t i = 0; i < t->room; i++)
                if (t->entries[i].value)
                        *find(&bigger, t->entries[i].key) = t->entries[i];
        bigger.n = t->n;
        free(t->entries);
        *t = bigger;
        return true;
}

bool table_put(struct table *t, uint64_t key, void *value)
{
        struct table_entry *e;

        if (4 * (t->n + 1) > 3 * t->room && !grow(t))
                return false;
        e = find(t, key);
        t->n += !e->value;
        *e = (struct table_entry){ key, value };
        return true;
}

void table_remove(struct table *t, uint64_t key)
{
        struct table_entry *e = t->room ? find(t, key) : NULL;
        size_t hole, i;

        if (!e || !e->value)
                return;
        hole = i = (size_t)(e - t->entries);
        for (;;) {
                i = (i + 1) & (t->room - 1);
                if (!t->entries[i].value)
                        break;
                /* It may fill the hole unless its own place lies between the hole and where it stands. */
                if (((i - place(t, t->entries[i].key)) & (t->room - 1)) >= ((i - hole) & (t->room - 1))) {
                        t->entries[hole] = t->entries[i];
                        hole = i;
                }
        }
        t->entries[hole].value = NULL;
        t->n--;
}
