/* Which processes share the room below one limit: how fast they fill it together, and of which of them it is told. */
#include <stdlib.h>

#include "engine/watch_private.h"

#define SHARES_EVERY 12 /* ticks; rates change slowly */

static struct share *share_find(struct watch *w, struct table *t, uint64_t shared_by)
{
        uintptr_t place = (uintptr_t)table_get(t, shared_by);

        if (place)
                return &w->shares[place - 1];
        if (w->n_shares == w->shares_room) {
                uint32_t room = w->shares_room ? 2 * w->shares_room : 16;
                struct share *more = realloc(w->shares, room * sizeof *more);

                if (!more)
                        return NULL;
                w->shares = more;
                w->shares_room = room;
        }
        if (!table_put(t, shared_by, (void *)(uintptr_t)(w->n_shares + 1)))
                return NULL;
        w->shares[w->n_shares] = (struct share){ .shared_by = shared_by, .teller = UINT32_MAX };
        return &w->shares[w->n_shares++];
}

static double own_rate(const struct row *row)
{
        const struct trend *t = row->ready ? detector_trend(row->detector) : NULL;

        return t && t->verdict == VERDICT_LEAK && t->bytes_per_hour > 0 ? t->bytes_per_hour : 0;
}

/* Who has told of it goes on doing so, or each that becomes the first would tell it again; else who grows fastest; else who
 * is largest. */
static bool comes_before(const struct share *s, bool told, double rate, int64_t level_bytes)
{
        if (s->teller == UINT32_MAX || told != s->told)
                return s->teller == UINT32_MAX || told;
        return rate > s->teller_rate || (rate == s->teller_rate && level_bytes > s->teller_bytes);
}

static void count_in(struct watch *w, struct table *t, uint32_t seat)
{
        struct row *row = w->seats[seat].row;
        int64_t level_bytes = w->seats[seat].level_bytes;
        struct share *s = NULL;
        bool told = row->findings && row->findings->told[FINDING_LIMIT].number;
        double rate = own_rate(row);

        if (row->headroom.kind != LIMIT_NONE && row->headroom.shared_by)
                s = share_find(w, t, row->headroom.shared_by);
        row->share = s ? (uint32_t)(s - w->shares) : UINT32_MAX;
        if (!s)
                return;
        s->bytes_per_hour += rate;
        if (!comes_before(s, told, rate, level_bytes))
                return;
        s->teller = seat;
        s->teller_rate = rate;
        s->teller_bytes = level_bytes;
        s->told = told;
}

static void publish_limits(struct watch *w)
{
        for (uint32_t i = 0; i < w->n_seats; i++)
                if (w->seats[i].row && own_rate(w->seats[i].row) > 0)
                        row_publish_limit(w, w->seats[i].row);
}

void shares_tick(struct watch *w)
{
        struct table by_hash = {};

        if (!w->shares_changed && w->ticks % SHARES_EVERY != 0)
                return;
        w->shares_changed = false;
        w->n_shares = 0;
        for (uint32_t i = 0; i < w->n_seats; i++)
                if (w->seats[i].row)
                        count_in(w, &by_hash, i);
        table_done(&by_hash);
        publish_limits(w);
}

static const struct share *share_of(const struct watch *w, const struct row *row)
{
        return row->share < w->n_shares ? &w->shares[row->share] : NULL;
}

double share_rate(const struct watch *w, const struct row *row)
{
        const struct share *s = share_of(w, row);
        double own = own_rate(row);

        return s && s->bytes_per_hour > own ? s->bytes_per_hour : own;
}

/* A limit of the process alone is shared with nobody. */
bool share_teller(const struct watch *w, const struct row *row)
{
        const struct share *s = share_of(w, row);

        return s ? s->teller == row->seat : row->headroom.kind != LIMIT_NONE && !row->headroom.shared_by;
}
