/* The snapshots that cursors lead to. */
#include "api/keep.h"

#include <string.h>

static struct snapshot *forget(struct keep *k, uint32_t at)
{
        struct snapshot *s = k->list[at].snapshot;

        k->n--;
        memmove(&k->list[at], &k->list[at + 1], (k->n - at) * sizeof *k->list);
        return s;
}

void keep_done(struct keep *k)
{
        while (k->n)
                snapshot_unref(forget(k, k->n - 1));
}

/* Its rows, and whatever has been replaced since the first of them: at most so much is held by them alone. */
static int64_t keep_bytes(const struct keep *k, int64_t replaced_bytes)
{
        int64_t rows = 0, since = replaced_bytes;

        for (uint32_t i = 0; i < k->n; i++) {
                rows += (int64_t)(k->list[i].snapshot->n * sizeof *k->list[i].snapshot->rows);
                if (k->list[i].replaced_bytes < since)
                        since = k->list[i].replaced_bytes;
        }
        return rows + replaced_bytes - since;
}

void keep_trim(struct keep *k, int64_t replaced_bytes, int64_t now_ms)
{
        while (k->n && (now_ms - k->list[0].given_ms > KEEP_MS || keep_bytes(k, replaced_bytes) > KEEP_BYTES))
                snapshot_unref(forget(k, 0));
}

void keep_snapshot(struct keep *k, struct snapshot *s, int64_t replaced_bytes, int64_t now_ms)
{
        struct kept fresh = { snapshot_ref(s), now_ms, replaced_bytes };

        for (uint32_t i = 0; i < k->n; i++)
                if (k->list[i].snapshot == s) {
                        fresh.replaced_bytes = k->list[i].replaced_bytes;
                        snapshot_unref(forget(k, i));
                        break;
                }
        if (k->n == KEEP_MAX)
                snapshot_unref(forget(k, 0));
        keep_trim(k, replaced_bytes, now_ms);
        k->list[k->n++] = fresh;
}

struct snapshot *keep_find(const struct keep *k, int64_t tick, int64_t now_ms)
{
        for (uint32_t i = 0; i < k->n; i++)
                if (k->list[i].snapshot->tick == tick && now_ms - k->list[i].given_ms <= KEEP_MS)
                        return k->list[i].snapshot;
        return NULL;
}
