/* The history of one process: chunk by chunk, then the ticks that are in none yet. The marks of the snapshot (state)
 * say where one ends and the other begins, so the writer may be at any step. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/read_private.h"

struct reading { int64_t tick; struct detail detail; };

struct history {
        struct store_reader *r;
        uint32_t process;
        int64_t since_ms, until_ms;
        store_sample_fn fn;
        void *data;
        struct reading *readings; /* of the segment at hand, oldest first */
        size_t n_readings, room, next;
        bool stopped, failed;
        int rc;                   /* what a statement on the way failed with */
};

/* Ends a statement whose last step gave no row; what is damaged must not pass for what is not there. */
static void finish(struct history *h, sqlite3_stmt *q)
{
        int rc = sqlite3_reset(q);

        if (rc != SQLITE_OK)
                h->rc = rc;
}

static void history_done(struct history *h)
{
        free(h->readings);
}

static void add_reading(struct history *h, int64_t tick, struct detail detail)
{
        if (h->n_readings == h->room) {
                size_t room = h->room ? 2 * h->room : 16;
                struct reading *more = realloc(h->readings, room * sizeof *more);

                if (!more) {
                        h->failed = true;
                        return;
                }
                h->readings = more;
                h->room = room;
        }
        h->readings[h->n_readings++] = (struct reading){ tick, detail };
}

static void give(struct history *h, int64_t tick, int64_t at_ms, struct figures figures)
{
        struct store_sample s = { .at_ms = at_ms, .tick = tick, .figures = figures };

        if (!at_ms || at_ms < h->since_ms || at_ms >= h->until_ms || h->stopped)
                return;
        while (h->next < h->n_readings && h->readings[h->next].tick < tick)
                h->next++;
        if (h->next < h->n_readings && h->readings[h->next].tick == tick)
                s.detail = &h->readings[h->next].detail;
        h->stopped = !h->fn(h->data, &s);
}

static int64_t time_in_ring(struct history *h, int64_t tick)
{
        sqlite3_stmt *q = read_sql(h->r, READ_RING_ROW);
        int64_t at_ms = 0;

        sqlite3_bind_int64(q, 1, tick % h->r->state.ring_size);
        if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int64(q, 0) == tick)
                at_ms = sqlite3_column_int64(q, 1);
        sqlite3_reset(q);
        return at_ms;
}

/* Times of a segment's ticks; a tick of a segment not yet sealed is in the ring. */
static void read_times(struct history *h, int64_t first, int64_t end, int64_t ret[static SERIES_TICKS_MAX])
{
        sqlite3_stmt *q = read_sql(h->r, READ_TIMES);

        memset(ret, 0, SERIES_TICKS_MAX * sizeof ret[0]);
        sqlite3_bind_int64(q, 1, first);
        sqlite3_bind_int64(q, 2, end > first && end < first + SERIES_TICKS_MAX ? end : first + SERIES_TICKS_MAX);
        while (sqlite3_step(q) == SQLITE_ROW)
                ret[sqlite3_column_int64(q, 0) - first] = sqlite3_column_int64(q, 1);
        finish(h, q);
}

static void read_detail_chunk(struct history *h, int64_t id, int64_t first)
{
        sqlite3_stmt *q = read_sql(h->r, READ_DETAIL_CHUNK);

        h->n_readings = h->next = 0;
        sqlite3_bind_int64(q, 1, id);
        if (sqlite3_step(q) == SQLITE_ROW) {
                struct detail_cursor c = { .text = (const char *)sqlite3_column_text(q, 0),
                                           .size = (size_t)sqlite3_column_bytes(q, 0) };

                while (detail_next(&c))
                        add_reading(h, first + c.ticks - 1, detail_from_states(c.states));
        }
        finish(h, q);
}

/* end: the first tick of the next segment, 0 where there is none. */
static void read_chunk(struct history *h, int64_t segment, int64_t first, int64_t end)
{
        sqlite3_stmt *q = read_sql(h->r, READ_CHUNK);
        int64_t id = chunk_id(segment, h->process), times[SERIES_TICKS_MAX];
        struct series_cursor c;

        sqlite3_bind_int64(q, 1, id);
        if (sqlite3_step(q) != SQLITE_ROW) {
                finish(h, q);
                return;
        }
        read_times(h, first, end, times);
        read_detail_chunk(h, id, first);
        c = (struct series_cursor){ .text = (const char *)sqlite3_column_text(q, 0),
                                    .size = (size_t)sqlite3_column_bytes(q, 0) };
        while (series_next(&c) && !h->stopped) {
                struct figures f = series_figures(c.rss, c.shared);

                for (uint32_t i = c.first; c.rss && i < c.first + c.ticks; i++)
                        give(h, first + i, times[i] ? times[i] : time_in_ring(h, first + i), f);
        }
        sqlite3_reset(q);
}

static int read_sealed(struct history *h, int64_t first_segment, int64_t last_segment, struct error *err)
{
        sqlite3_stmt *q = read_sql(h->r, READ_SEGMENTS);
        int rc;

        sqlite3_bind_int64(q, 1, first_segment);
        sqlite3_bind_int64(q, 2, last_segment);
        sqlite3_bind_int64(q, 3, h->since_ms);
        sqlite3_bind_int64(q, 4, h->until_ms);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW && !h->stopped) {
                int64_t first = sqlite3_column_int64(q, 1);

                if (first >= 0 && first < INT64_MAX - SERIES_TICKS_MAX)
                        read_chunk(h, sqlite3_column_int64(q, 0), first, sqlite3_column_int64(q, 2));
        }
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : read_failed(h->r, err);
        sqlite3_reset(q);
        return rc;
}

struct open_history { uint32_t slot, shared; bool more; sqlite3_stmt *changes; };

static void give_ring_row(struct history *h, struct open_history *o, sqlite3_stmt *q)
{
        int64_t tick = sqlite3_column_int64(q, 0);
        const unsigned char *payload = sqlite3_column_blob(q, 2), *v = payload + (size_t)o->slot * 4;
        size_t size = (size_t)sqlite3_column_bytes(q, 2);
        uint32_t rss;

        while (o->more && sqlite3_column_int64(o->changes, 0) <= tick) {
                o->shared = (uint32_t)sqlite3_column_int64(o->changes, 1);
                o->more = sqlite3_step(o->changes) == SQLITE_ROW;
        }
        if (!payload || (size_t)o->slot * 4 + 4 > size)
                return;
        rss = (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3];
        if (rss)
                give(h, tick, sqlite3_column_int64(q, 1), series_figures(rss, o->shared));
}

/* The rows of the ring from tick on lie in two runs at most: up to its end, and on from its begin. */
static void read_ring(struct history *h, uint32_t slot, int64_t tick)
{
        const struct read_state *s = &h->r->state;
        int64_t start = tick % s->ring_size, runs[2][2] = { { start, s->ring_size - 1 }, { 0, start - 1 } };
        struct open_history o = { .slot = slot, .changes = read_sql(h->r, READ_SHARED_OF) };

        sqlite3_bind_int64(o.changes, 1, h->process);
        o.more = sqlite3_step(o.changes) == SQLITE_ROW;
        for (int i = 0; i < 2; i++) {
                sqlite3_stmt *q = read_sql(h->r, READ_RING);

                sqlite3_bind_int64(q, 1, runs[i][0]);
                sqlite3_bind_int64(q, 2, runs[i][1]);
                sqlite3_bind_int64(q, 3, tick);
                while (!h->stopped && sqlite3_step(q) == SQLITE_ROW)
                        give_ring_row(h, &o, q);
                finish(h, q);
        }
        sqlite3_reset(o.changes);
}

static void read_open(struct history *h, uint32_t slot, int64_t tick)
{
        sqlite3_stmt *q = read_sql(h->r, READ_DETAILS_OF);

        h->n_readings = h->next = 0;
        sqlite3_bind_int64(q, 1, h->process);
        sqlite3_bind_int64(q, 2, tick);
        while (sqlite3_step(q) == SQLITE_ROW)
                add_reading(h, sqlite3_column_int64(q, 0), read_detail(q, 1));
        sqlite3_reset(q);
        read_ring(h, slot, tick);
}

static int64_t later(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static int read_all(struct history *h, struct error *err)
{
        const struct read_state *s = &h->r->state;
        sqlite3_stmt *q = read_sql(h->r, READ_SPAN);
        int64_t first, last, slot_tick, unsealed;
        uint32_t slot;
        bool open;
        int rc;

        sqlite3_bind_int64(q, 1, h->process);
        if (sqlite3_step(q) != SQLITE_ROW) {
                sqlite3_reset(q);
                return 0;
        }
        first = sqlite3_column_int64(q, 0);
        last = sqlite3_column_type(q, 1) == SQLITE_NULL ? s->segment : sqlite3_column_int64(q, 1);
        open = sqlite3_column_type(q, 2) != SQLITE_NULL;
        slot = (uint32_t)sqlite3_column_int64(q, 2);
        slot_tick = sqlite3_column_int64(q, 3);
        sqlite3_reset(q);
        rc = read_sealed(h, first, last, err);
        unsealed = later(slot_tick, h->process <= s->seal_process ? s->seal_next : s->seal_first);
        if (rc == 0 && open && !h->stopped)
                read_open(h, slot, unsealed);
        return rc;
}

int store_read_samples(struct store_reader *r, uint32_t process, int64_t since_ms, int64_t until_ms, store_sample_fn fn,
                       void *data, struct error *err)
{
        _cleanup_(history_done) struct history h = { .r = r, .process = process, .since_ms = since_ms, .until_ms = until_ms,
                                                     .fn = fn, .data = data };
        int rc = store_reader_begin(r, err);

        if (rc < 0)
                return rc;
        rc = read_state(r, &r->state, err);
        if (rc == 0)
                rc = read_all(&h, err);
        store_reader_end(r);
        if (rc == 0 && h.rc != SQLITE_OK)
                return error_set(err, EIO, "cannot read the database: %s", sqlite3_errstr(h.rc));
        if (rc == 0 && h.failed)
                return error_set(err, ENOMEM, "out of memory reading a process's history");
        return rc;
}
