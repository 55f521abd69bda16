/* A page of processes or of apps. */
#include "api/listing.h"

#include <stdlib.h>
#include <string.h>

static int compare_keys(const struct item *a, const struct item *b, bool descending)
{
        int order;

        if (a->text || b->text)
                order = strcmp(a->text ? a->text : "", b->text ? b->text : "");
        else if ((a->key == KEY_NULL) != (b->key == KEY_NULL))
                return a->key == KEY_NULL ? 1 : -1;
        else
                order = (a->key > b->key) - (a->key < b->key);
        return descending ? -order : order;
}

static int compare_items(const void *left, const void *right, void *descending)
{
        const struct item *a = left, *b = right;
        int order = compare_keys(a, b, *(bool *)descending);

        if (order == 0)
                order = (a->pid > b->pid) - (a->pid < b->pid);
        if (order == 0)
                order = (a->start_ticks > b->start_ticks) - (a->start_ticks < b->start_ticks);
        return order ? order : (a->number > b->number) - (a->number < b->number);
}

int64_t listing_known_key(int64_t figure)
{
        return figure < 0 ? KEY_NULL : figure;
}

void listing_sort(struct item *items, size_t n, bool descending)
{
        if (n)
                qsort_r(items, n, sizeof *items, compare_items, &descending);
}

size_t listing_after(const struct item *items, size_t n, uint32_t number)
{
        for (size_t i = 0; i < n; i++)
                if (items[i].number == number)
                        return i + 1;
        return n + 1;
}
