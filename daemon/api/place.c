/* The place in a listing where a page begins. */
#include "api/place.h"

#include "base/clock.h"

bool place_open(struct call *c, uint64_t listing, struct place *ret)
{
        struct api *api = c->api;
        struct snapshot *s = api->state.newest;
        int64_t now_ms = clock_boot_ms();
        uint64_t at[3];

        keep_trim(&api->keep, api->state.replaced_bytes, now_ms);
        if (c->query.cursor) {
                if (!cursor_parse(c->query.cursor, listing, at)) {
                        refuse_cursor(c);
                        return false;
                }
                /* Its age is asked for by itself: the snapshot may be kept for a later cursor. */
                s = keep_find(&api->keep, (int64_t)at[0], now_ms);
                if (!s || (uint64_t)now_ms < at[2] || (uint64_t)now_ms - at[2] > KEEP_MS) {
                        refuse_old_cursor(c);
                        return false;
                }
        }
        *ret = (struct place){ snapshot_ref(s), c->query.cursor != NULL, c->query.cursor ? (uint32_t)at[1] : 0 };
        return true;
}

void place_done(struct place *p)
{
        p->snapshot = snapshot_unref(p->snapshot);
}

void place_give(struct call *c, uint64_t listing, struct snapshot *s, uint32_t number, char ret[static CURSOR_SIZE])
{
        int64_t now_ms = clock_boot_ms();

        keep_snapshot(&c->api->keep, s, c->api->state.replaced_bytes, now_ms);
        cursor_format((uint64_t[]){ (uint64_t)s->tick, number, (uint64_t)now_ms }, listing, ret);
}
