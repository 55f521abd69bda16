/* Segments: filled a tick at a time, closed into pieces, one a process, which are then written a batch a tick. At each
 * step the marks in the file say which ticks of which process are in chunks, so that no reader sees one twice or never:
 *
 *      seal_first        seal_next                                 newest
 *      |  segment being sealed  |  ...  |  segment being filled     |
 *
 * Processes up to number seal_process have their chunk of the segment being sealed. */
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

/* So many ticks that the ring is at most an eighth of the largest size; less than 8 would be all overhead. */
static uint32_t ring_rows(const struct store *s)
{
        int64_t row = 48 + (int64_t)s->n_slots * 4, rows;

        if (row > PAGE_BYTES / 4)
                row = (row + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
        rows = s->options.max_bytes / 8 / row;
        return rows < 12 ? 12 : rows > SEGMENT_TICKS + RING_SLACK ? SEGMENT_TICKS + RING_SLACK : (uint32_t)rows;
}

static uint32_t slack(uint32_t ring)
{
        return ring / 4 < RING_SLACK ? ring / 4 : RING_SLACK;
}

void segment_begin(struct store *s, int64_t at_ms)
{
        struct op *op = queue_add(s, OP_SEGMENT, 0);

        s->segment_ticks = 0;
        s->segment_first = s->tick + 1;
        while (s->n_slots && !s->slot_used[s->n_slots - 1])
                s->n_slots--;
        s->ring_wanted = ring_rows(s);
        /* A larger ring is worth the change only when it is much larger. */
        if (s->ring_wanted > s->ring_size && s->ring_wanted < 2 * s->ring_size && s->ring_wanted < SEGMENT_TICKS)
                s->ring_wanted = s->ring_size;
        s->segment_length = s->ring_wanted < s->ring_size ? s->ring_wanted : s->ring_size;
        s->segment_length -= slack(s->segment_length);
        s->feed_all = true;
        if (!op)
                return;
        op->segment = s->segment;
        op->tick = s->segment_first;
        op->at_ms = at_ms;
}

int piece_by_number(const void *a, const void *b)
{
        const struct piece *x = a, *y = b;

        return (x->process > y->process) - (x->process < y->process);
}

static struct piece process_close(struct store *s, struct process *p)
{
        struct piece piece = { .segment = s->segment, .process = p->no, .trim = p->shared_moved,
                               .peak_bytes = BYTES_UNKNOWN };

        piece.text = series_finish(&p->series, s->segment_ticks, &piece.size);
        if (p->details)
                piece.detail = detail_series_finish(p->details, &piece.detail_size);
        free(p->details);
        p->details = NULL;
        p->shared_moved = false;
        if (p->peak_kib < 0)
                piece.peak_bytes = process_peak_bytes(p);
        return piece;
}

void segment_close(struct store *s)
{
        struct closing *c, **end = &s->closings;

        if (!s->segment_ticks)
                return;
        c = calloc(1, sizeof *c + s->segment_ticks * sizeof c->at_ms[0]);
        if (c)
                c->pieces = calloc(s->n_processes + 1, sizeof *c->pieces);
        for (size_t i = 0; i < s->n_processes; i++) {
                struct piece piece = process_close(s, s->processes[i]);

                if (!c || !c->pieces) { /* out of memory: this segment is lost */
                        free(piece.text);
                        free(piece.detail);
                        continue;
                }
                c->bytes += sizeof piece + piece.size + piece.detail_size;
                c->pieces[c->n_pieces++] = piece;
        }
        if (c && c->pieces) {
                c->segment = s->segment;
                c->first_tick = s->segment_first;
                c->n_ticks = s->segment_ticks;
                c->detail_id = s->detail_id;
                c->samples = s->samples_open;
                memcpy(c->at_ms, s->segment_at_ms, s->segment_ticks * sizeof c->at_ms[0]);
                qsort(c->pieces, c->n_pieces, sizeof *c->pieces, piece_by_number);
                while (*end)
                        end = &(*end)->next;
                *end = c;
        } else {
                s->dropped_samples += s->samples_open;
                free(c);
        }
        s->samples_open = 0;
        s->segment++;
        s->segment_first = s->tick + 1;
        s->segment_ticks = 0;
}

void closing_free(struct store *s, struct closing *c)
{
        (void)s;
        pieces_free(c->pieces, c->n_pieces);
        free(c);
}

struct marks store_marks(const struct store *s, uint32_t sealed_now)
{
        const struct closing *c = s->closings;
        uint32_t n = c ? c->n_sealed + sealed_now : 0;
        struct marks m = { .segment = s->segment, .seal_first = s->segment_first, .seal_next = s->segment_first };

        if (c && sealed_now && n == c->n_pieces) {
                c = c->next;
                n = 0;
        }
        if (c) {
                m.seal_first = c->first_tick;
                m.seal_next = c->first_tick + c->n_ticks;
                m.seal_process = n ? c->pieces[n - 1].process : 0;
        }
        return m;
}

static int write_chunk(struct store *s, enum statement which, int64_t id, const char *text, uint32_t size)
{
        sqlite3_stmt *q = store_sql(s, which);

        if (!text || !size)
                return SQLITE_OK;
        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, id);
        sqlite3_bind_text64(q, 2, text, size, SQLITE_STATIC, SQLITE_UTF8);
        return store_step(s, which);
}

int write_piece(struct store *s, const struct piece *p)
{
        int64_t id = p->segment << 32 | p->process;
        int rc = write_chunk(s, SQL_PUT_CHUNK, id, p->text, p->size);

        return rc == SQLITE_OK ? write_chunk(s, SQL_PUT_DETAIL_CHUNK, id, p->detail, p->detail_size) : rc;
}

static int write_times(struct store *s, const struct closing *c)
{
        sqlite3_stmt *q = store_sql(s, SQL_PUT_TIME);
        int rc = q ? SQLITE_OK : sqlite3_errcode(s->db);

        for (uint32_t i = 0; rc == SQLITE_OK && i < c->n_ticks; i++) {
                sqlite3_bind_int64(q, 1, c->first_tick + i);
                sqlite3_bind_int64(q, 2, c->at_ms[i]);
                rc = store_step(s, SQL_PUT_TIME);
        }
        q = rc == SQLITE_OK ? store_sql(s, SQL_END_SEGMENT) : NULL;
        if (!q)
                return rc == SQLITE_OK ? sqlite3_errcode(s->db) : rc;
        sqlite3_bind_int64(q, 1, c->segment);
        sqlite3_bind_int64(q, 2, c->first_tick);
        sqlite3_bind_int64(q, 3, c->at_ms[0]);
        sqlite3_bind_int64(q, 4, c->at_ms[c->n_ticks - 1]);
        return store_step(s, SQL_END_SEGMENT);
}

static int seal_piece(struct store *s, const struct closing *c, const struct piece *p)
{
        int rc = write_piece(s, p);
        sqlite3_stmt *q;

        if (rc == SQLITE_OK && p->trim && (q = store_sql(s, SQL_TRIM_SHARED))) {
                sqlite3_bind_int64(q, 1, p->process);
                sqlite3_bind_int64(q, 2, c->first_tick + c->n_ticks);
                rc = store_step(s, SQL_TRIM_SHARED);
        }
        if (rc == SQLITE_OK && p->peak_bytes >= 0 && (q = store_sql(s, SQL_SET_PEAK))) {
                sqlite3_bind_int64(q, 1, p->process);
                sqlite3_bind_int64(q, 2, p->peak_bytes);
                rc = store_step(s, SQL_SET_PEAK);
        }
        return rc;
}

/* Writes up to at_most pieces of the oldest closed segment, within a transaction of the caller's, and the marks. In
 * memory nothing changes until store_sealed() says that it was committed. */
int store_seal(struct store *s, uint32_t at_most, uint32_t *ret_sealed)
{
        struct closing *c = s->closings;
        uint32_t n = c->n_pieces - c->n_sealed, least = 0;
        int rc = SQLITE_OK;

        /* A quarter of them: each batch writes some pages that are not its own. */
        least = c->n_pieces / (slack(s->ring_size) / 2 < 4 ? slack(s->ring_size) / 2 : 4) + 1;
        if (at_most < least)
                at_most = least;
        n = n < at_most ? n : at_most;
        if (!c->begun)
                rc = write_times(s, c);
        for (uint32_t i = 0; rc == SQLITE_OK && i < n; i++)
                rc = seal_piece(s, c, &c->pieces[c->n_sealed + i]);
        *ret_sealed = n;
        return rc;
}

void store_sealed(struct store *s, uint32_t n)
{
        struct closing *c = s->closings;

        c->begun = true;
        for (uint32_t i = c->n_sealed; i < c->n_sealed + n; i++) {
                free(c->pieces[i].text);
                free(c->pieces[i].detail);
                c->pieces[i].text = c->pieces[i].detail = NULL;
        }
        c->n_sealed += n;
        if (c->n_sealed < c->n_pieces)
                return;
        if (s->n_detail_ends == sizeof s->detail_ends / sizeof s->detail_ends[0])
                memmove(s->detail_ends, s->detail_ends + 1, --s->n_detail_ends * sizeof s->detail_ends[0]);
        s->detail_ends[s->n_detail_ends].id = c->detail_id;
        s->detail_ends[s->n_detail_ends++].at_ms = c->at_ms[c->n_ticks - 1];
        s->closings = c->next;
        closing_free(s, c);
}
