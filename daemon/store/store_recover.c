/* After a crash: what the ring, shared_open and detail_open still hold of ticks that are in no chunk is turned into
 * chunks, in one transaction, and every process loses its slot. It happens before anything else is known of the file.
 * */
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

struct row {            /* a process with a slot */
        uint32_t no, slot, rss, shared, known_rss, known_shared, peak;
        int64_t slot_tick, last_tick;
        size_t shared_at, shared_end; /* its part of changes */
        struct series series;
        struct detail_series details;
        int64_t peak_kib;
};

struct recovery {
        struct store *s;
        struct marks marks;
        struct row *rows;
        size_t n_rows;
        struct { int64_t tick; uint32_t process, units; } *changes;
        size_t n_changes;
        struct { int64_t tick, at_ms; } *ticks;
        size_t n_ticks;
        struct { int64_t no, first_tick; } *segments;
        size_t n_segments;
};

static void recovery_done(struct recovery *r)
{
        for (size_t i = 0; i < r->n_rows; i++) {
                series_done(&r->rows[i].series);
                detail_series_done(&r->rows[i].details);
        }
        free(r->rows);
        free(r->changes);
        free(r->ticks);
        free(r->segments);
}

static sqlite3_stmt *query(struct recovery *r, const char *sql, int64_t first, int64_t second)
{
        sqlite3_stmt *q = NULL;

        if (sqlite3_prepare_v2(r->s->db, sql, -1, &q, NULL) != SQLITE_OK)
                return NULL;
        if (sqlite3_bind_parameter_count(q) > 0)
                sqlite3_bind_int64(q, 1, first);
        if (sqlite3_bind_parameter_count(q) > 1)
                sqlite3_bind_int64(q, 2, second);
        return q;
}

/* Room for one more at the end of a list that doubles as it grows. */
static void *more(void *list, size_t n, size_t size)
{
        return n & (n - 1) ? list : n ? realloc(list, 2 * n * size) : malloc(size);
}

#define LIST_ADD(list, n, ...)                                          \
        ({                                                              \
                void *moved = more((list), (n), sizeof *(list));        \
                if (moved) {                                            \
                        (list) = moved;                                 \
                        (list)[(n)++] = (__typeof__(*(list)))__VA_ARGS__; \
                }                                                       \
                moved != NULL;                                          \
        })

static int read_lists(struct recovery *r)
{
        sqlite3_stmt *q = query(r, "SELECT no, slot, slot_tick FROM process_row WHERE slot IS NOT NULL ORDER BY no", 0,
                                0);
        bool fine = q != NULL;

        while (fine && sqlite3_step(q) == SQLITE_ROW)
                fine = LIST_ADD(r->rows, r->n_rows, { .no = (uint32_t)sqlite3_column_int64(q, 0),
                                                      .slot = (uint32_t)sqlite3_column_int64(q, 1),
                                                      .slot_tick = sqlite3_column_int64(q, 2), .peak_kib = -1 });
        fine &= sqlite3_finalize(q) == SQLITE_OK;
        q = fine ? query(r, "SELECT process, tick, units FROM shared_open ORDER BY process, tick", 0, 0) : NULL;
        while (fine && sqlite3_step(q) == SQLITE_ROW)
                fine = LIST_ADD(r->changes, r->n_changes, { .process = (uint32_t)sqlite3_column_int64(q, 0),
                                                            .tick = sqlite3_column_int64(q, 1),
                                                            .units = (uint32_t)sqlite3_column_int64(q, 2) });
        fine &= sqlite3_finalize(q) == SQLITE_OK;
        q = fine ? query(r, "SELECT tick, at_ms FROM ring WHERE tick >= ? ORDER BY tick", r->marks.seal_first,
                         0) : NULL;
        while (fine && sqlite3_step(q) == SQLITE_ROW)
                fine = LIST_ADD(r->ticks, r->n_ticks, { .tick = sqlite3_column_int64(q, 0),
                                                        .at_ms = sqlite3_column_int64(q, 1) });
        fine &= sqlite3_finalize(q) == SQLITE_OK;
        q = fine ? query(r, "SELECT no, first_tick FROM segment WHERE first_tick >= ? ORDER BY no", r->marks.seal_first,
                         0) : NULL;
        while (fine && sqlite3_step(q) == SQLITE_ROW)
                fine = LIST_ADD(r->segments, r->n_segments, { .no = sqlite3_column_int64(q, 0),
                                                              .first_tick = sqlite3_column_int64(q, 1) });
        fine &= sqlite3_finalize(q) == SQLITE_OK;
        return fine ? SQLITE_OK : sqlite3_errcode(r->s->db) ? sqlite3_errcode(r->s->db) : SQLITE_NOMEM;
}

static void share_out_changes(struct recovery *r)
{
        size_t at = 0;

        for (size_t i = 0; i < r->n_rows; i++) {
                while (at < r->n_changes && r->changes[at].process < r->rows[i].no)
                        at++;
                r->rows[i].shared_at = at;
                while (at < r->n_changes && r->changes[at].process == r->rows[i].no)
                        at++;
                r->rows[i].shared_end = at;
        }
}

/* Is this tick of this process in a chunk already, or before its time? */
static bool is_due(const struct recovery *r, const struct row *p, int64_t tick)
{
        return tick >= p->slot_tick && (tick >= r->marks.seal_next || p->no > r->marks.seal_process);
}

static void feed(struct recovery *r, struct row *p, int64_t tick, uint32_t position, const unsigned char *payload,
                 size_t size)
{
        const unsigned char *v = payload + (size_t)p->slot * 4;

        p->rss = (size_t)p->slot * 4 + 4 <= size
                ? (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3] : 0;
        while (p->shared_at < p->shared_end && r->changes[p->shared_at].tick <= tick)
                p->shared = r->changes[p->shared_at++].units;
        series_feed(&p->series, position, p->rss, p->shared);
        if (!p->rss)
                return;
        p->known_rss = p->rss;
        p->known_shared = p->shared;
        p->last_tick = tick;
        if (p->rss > p->peak)
                p->peak = p->rss;
}

static void resume(struct recovery *r, struct row *p, int64_t segment)
{
        sqlite3_stmt *q = query(r, "SELECT payload FROM chunk WHERE id = ?", segment << 32 | p->no, 0);

        if (q && sqlite3_step(q) == SQLITE_ROW &&
            series_resume(&p->series, (const char *)sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0)))
                series_feed(&p->series, p->series.ticks, 0, 0);
        sqlite3_finalize(q);
        q = query(r, "SELECT payload FROM detail_chunk WHERE id = ?", segment << 32 | p->no, 0);
        if (q && sqlite3_step(q) == SQLITE_ROW)
                detail_series_resume(&p->details, (const char *)sqlite3_column_text(q, 0),
                                     (size_t)sqlite3_column_bytes(q, 0));
        sqlite3_finalize(q);
}

static int feed_ticks(struct recovery *r, int64_t first, int64_t end)
{
        sqlite3_stmt *q = query(r, "SELECT tick, payload FROM ring WHERE tick >= ? AND tick < ? ORDER BY tick", first,
                                end);
        int64_t expected = first;

        while (q && sqlite3_step(q) == SQLITE_ROW) {
                int64_t tick = sqlite3_column_int64(q, 0);
                const unsigned char *payload = sqlite3_column_blob(q, 1);
                size_t size = (size_t)sqlite3_column_bytes(q, 1);

                for (size_t i = 0; i < r->n_rows; i++) {
                        struct row *p = &r->rows[i];

                        if (!is_due(r, p, tick))
                                continue;
                        /* Ticks that never reached the ring: nothing is known of them. */
                        if (tick > expected && p->series.rss)
                                series_feed(&p->series, (uint32_t)(expected - first), 0, 0);
                        feed(r, p, tick, (uint32_t)(tick - first), payload, size);
                }
                expected = tick + 1;
        }
        return q ? sqlite3_finalize(q) & 0xff : sqlite3_errcode(r->s->db);
}

static struct row *row_of(struct recovery *r, uint32_t no)
{
        size_t low = 0, high = r->n_rows;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (r->rows[middle].no == no)
                        return &r->rows[middle];
                if (r->rows[middle].no < no)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

static int feed_details(struct recovery *r, int64_t first, int64_t end)
{
        sqlite3_stmt *q = query(r, "SELECT process, tick, swap_kib, pss_kib, uss_kib, peak_kib, threads, fds, cpu_ms,"
                                   " rchar_bytes, read_bytes FROM detail_open WHERE tick >= ? AND tick < ? ORDER BY id",
                                first, end);

        while (q && sqlite3_step(q) == SQLITE_ROW) {
                struct row *p = row_of(r, (uint32_t)sqlite3_column_int64(q, 0));
                int64_t tick = sqlite3_column_int64(q, 1), states[DETAIL_STATES];

                if (!p || !is_due(r, p, tick))
                        continue;
                for (int i = 0; i < DETAIL_STATES; i++)
                        states[i] = sqlite3_column_type(q, 2 + i) != SQLITE_NULL ? sqlite3_column_int64(q, 2 + i) + 1 : 0;
                detail_series_feed(&p->details, (uint32_t)(tick - first), states);
                if (states[3])
                        p->peak_kib = states[3] - 1;
        }
        return q ? sqlite3_finalize(q) & 0xff : sqlite3_errcode(r->s->db);
}

static int write_times(struct recovery *r, int64_t segment, int64_t first, int64_t end)
{
        sqlite3_stmt *q;
        int64_t first_ms = 0, last_ms = 0;

        for (size_t i = 0; i < r->n_ticks; i++) {
                if (r->ticks[i].tick < first || r->ticks[i].tick >= end)
                        continue;
                first_ms = first_ms ? first_ms : r->ticks[i].at_ms;
                last_ms = r->ticks[i].at_ms;
                q = store_sql(r->s, SQL_PUT_TIME);
                if (!q)
                        return sqlite3_errcode(r->s->db);
                sqlite3_bind_int64(q, 1, r->ticks[i].tick);
                sqlite3_bind_int64(q, 2, last_ms);
                if (store_step(r->s, SQL_PUT_TIME) != SQLITE_OK)
                        return sqlite3_errcode(r->s->db);
        }
        q = store_sql(r->s, SQL_END_SEGMENT);
        if (!q)
                return sqlite3_errcode(r->s->db);
        sqlite3_bind_int64(q, 1, segment);
        sqlite3_bind_int64(q, 2, first);
        sqlite3_bind_int64(q, 3, first_ms);
        sqlite3_bind_int64(q, 4, last_ms);
        return store_step(r->s, SQL_END_SEGMENT);
}

static int recover_segment(struct recovery *r, int64_t segment, int64_t first, int64_t end)
{
        int rc;

        /* One that ended in this segment and came back has a chunk of it. */
        for (size_t i = 0; i < r->n_rows; i++)
                if (r->rows[i].slot_tick > first && r->rows[i].slot_tick < end)
                        resume(r, &r->rows[i], segment);
        rc = feed_ticks(r, first, end);
        if (rc == SQLITE_OK)
                rc = feed_details(r, first, end);
        if (rc == SQLITE_OK)
                rc = write_times(r, segment, first, end);
        for (size_t i = 0; rc == SQLITE_OK && i < r->n_rows; i++) {
                struct row *p = &r->rows[i];
                struct piece piece = { .segment = segment, .process = p->no };

                /* Sealed already: what it has been fed is a copy of its chunk, if anything. */
                piece.text = series_finish(&p->series, (uint32_t)(end - first), &piece.size);
                piece.detail = detail_series_finish(&p->details, &piece.detail_size);
                if (is_due(r, p, end - 1))
                        rc = write_piece(r->s, &piece);
                free(piece.text);
                free(piece.detail);
        }
        return rc;
}

static int stop_process(struct recovery *r, const struct row *p, int64_t segment)
{
        sqlite3_stmt *q = store_sql(r->s, SQL_STOP_PROCESS);
        struct figures last = series_figures(p->known_rss, p->known_shared);
        int64_t peak = p->peak_kib >= 0 ? p->peak_kib * 1024 : p->peak ? (int64_t)(p->peak - 1) * UNIT_BYTES : -1;
        int64_t at_ms = -1;

        if (!q)
                return sqlite3_errcode(r->s->db);
        for (size_t i = 0; i < r->n_ticks; i++)
                if (r->ticks[i].tick == p->last_tick)
                        at_ms = r->ticks[i].at_ms;
        sqlite3_bind_int64(q, 1, p->no);
        sqlite3_bind_int64(q, 2, segment);
        sql_bind_known(q, 3, at_ms);
        sql_bind_known(q, 4, last.rss_bytes);
        sql_bind_known(q, 5, last.anon_bytes);
        sql_bind_known(q, 6, peak);
        return store_step(r->s, SQL_STOP_PROCESS);
}

/* Segments end where the next begins; the last one with the newest tick. Longer than a chunk can say is damage. */
static int recover_segments(struct recovery *r)
{
        int64_t newest = r->n_ticks ? r->ticks[r->n_ticks - 1].tick : r->marks.seal_first - 1, last = r->marks.segment;
        struct marks m;
        int rc = SQLITE_OK;

        for (size_t i = 0; rc == SQLITE_OK && i < r->n_segments; i++) {
                int64_t first = r->segments[i].first_tick;
                int64_t end = i + 1 < r->n_segments ? r->segments[i + 1].first_tick : newest + 1;

                if (end - first > SERIES_TICKS_MAX)
                        return SQLITE_CORRUPT;
                if (first < end)
                        rc = recover_segment(r, r->segments[i].no, first, end);
                last = r->segments[i].no > last ? r->segments[i].no : last;
        }
        for (size_t i = 0; rc == SQLITE_OK && i < r->n_rows; i++)
                rc = stop_process(r, &r->rows[i], last);
        m = (struct marks){ .segment = last + 1, .seal_first = newest + 1, .seal_next = newest + 1 };
        if (rc == SQLITE_OK)
                rc = store_write_marks(r->s, &m);
        return rc == SQLITE_OK ? sqlite3_exec(r->s->db, "DELETE FROM shared_open", NULL, NULL, NULL) & 0xff : rc;
}

static int read_marks(struct store *s, struct marks *ret)
{
        sqlite3_stmt *q = NULL;
        int rc = sqlite3_prepare_v2(s->db, "SELECT segment, seal_first, seal_next, seal_process, ring_size FROM state",
                                    -1, &q,
                                    NULL);

        if (rc != SQLITE_OK)
                return rc & 0xff;
        rc = sqlite3_step(q) == SQLITE_ROW ? SQLITE_OK : SQLITE_CORRUPT;
        if (rc == SQLITE_OK) {
                *ret = (struct marks){
                        .segment = sqlite3_column_int64(q, 0), .seal_first = sqlite3_column_int64(q, 1),
                        .seal_next = sqlite3_column_int64(q, 2), .seal_process = sqlite3_column_int64(q, 3),
                };
                s->ring_size = (uint32_t)sqlite3_column_int64(q, 4);
                if (ret->segment < 0 || ret->segment > INT32_MAX || ret->seal_first < 0 || s->ring_size < 1 ||
                    s->ring_size > 2048)
                        rc = SQLITE_CORRUPT;
        }
        sqlite3_finalize(q);
        return rc;
}

int store_recover(struct store *s)
{
        _cleanup_(recovery_done) struct recovery r = { .s = s };
        int rc = read_marks(s, &r.marks);

        s->written = (struct marks){};
        if (rc == SQLITE_OK)
                rc = read_lists(&r);
        if (rc == SQLITE_OK)
                rc = store_step(s, SQL_BEGIN);
        if (rc != SQLITE_OK)
                return rc;
        share_out_changes(&r);
        rc = recover_segments(&r);
        if (rc == SQLITE_OK)
                rc = store_step(s, SQL_COMMIT);
        if (rc != SQLITE_OK)
                store_step(s, SQL_ROLLBACK);
        return rc;
}
