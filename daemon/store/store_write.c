/* The queue into the file, within one transaction of the caller's. Nothing in memory changes here but what is said. */
#include <string.h>

#include "store/store_private.h"

static uint32_t hash_text(const char *text)
{
        uint32_t h = 0x811c9dc5;

        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * 0x01000193;
        return h;
}

/* The row of a command line, made where it is new. 0 with an SQLite error set. */
static int64_t put_text(struct store *s, const char *value)
{
        sqlite3_stmt *q = store_sql(s, SQL_FIND_TEXT);
        int64_t id;

        if (!q)
                return 0;
        sqlite3_bind_int64(q, 1, hash_text(value));
        sql_bind_text(q, 2, value);
        id = store_int(s, SQL_FIND_TEXT, 0);
        if (id)
                return id;
        q = store_sql(s, SQL_PUT_TEXT);
        if (!q)
                return 0;
        sqlite3_bind_int64(q, 1, hash_text(value));
        sql_bind_text(q, 2, value);
        return store_step(s, SQL_PUT_TEXT) == SQLITE_OK ? sqlite3_last_insert_rowid(s->db) : 0;
}

static int write_app(struct store *s, const struct op *op)
{
        sqlite3_stmt *q = store_sql(s, SQL_PUT_APP);
        const struct app *a = op->of.app;

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, a->no);
        sql_bind_text(q, 2, a->id);
        sql_bind_text(q, 3, a->key);
        sql_bind_text(q, 4, a->name);
        sql_bind_text(q, 5, a->framework);
        sql_bind_text(q, 6, a->unit);
        sql_bind_text(q, 7, a->container);
        return store_step(s, SQL_PUT_APP);
}

static int write_process(struct store *s, const struct op *op)
{
        const struct who *w = op->of.process_row.who;
        int64_t text = put_text(s, who_text(w, WHO_CMDLINE));
        sqlite3_stmt *q = text ? store_sql(s, SQL_PUT_PROCESS) : NULL;
        char id[PROCESS_ID_MAX];

        if (!q)
                return sqlite3_errcode(s->db);
        process_id_format(&op->of.process_row.id, id);
        sqlite3_bind_int64(q, 1, op->process);
        sql_bind_text(q, 2, id);
        sqlite3_bind_int64(q, 3, op->of.process_row.id.pid);
        sqlite3_bind_int64(q, 4, op->change);
        sqlite3_bind_int64(q, 5, op->of.process_row.app ? op->of.process_row.app->no : 0);
        sqlite3_bind_int64(q, 6, text);
        sqlite3_bind_int(q, 7, w->cmdline_truncated);
        sqlite3_bind_int(q, 8, w->forked);
        sqlite3_bind_int(q, 9, w->ppid);
        sqlite3_bind_int64(q, 10, w->uid);
        sql_bind_text(q, 11, who_text(w, WHO_NAME) ? who_text(w, WHO_NAME) : "");
        for (int i = WHO_USER; i <= WHO_CGROUP; i++)
                sql_bind_text(q, 12 + i - WHO_USER, who_text(w, i));
        sql_bind_known(q, 20, w->limit_bytes);
        sql_bind_text(q, 21, who_text(w, WHO_LIMIT_KIND));
        sqlite3_bind_int64(q, 22, w->started_at_ms);
        sqlite3_bind_int64(q, 23, op->segment);
        sqlite3_bind_int64(q, 24, op->of.process_row.slot);
        sqlite3_bind_int64(q, 25, op->tick);
        return store_step(s, SQL_PUT_PROCESS);
}

int store_write_end(struct store *s, const struct op *op)
{
        static const enum statement drops[] = { SQL_DROP_SHARED, SQL_DROP_TREND };
        sqlite3_stmt *q = store_sql(s, SQL_END_PROCESS);
        int rc;

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->process);
        sqlite3_bind_int64(q, 2, op->change);
        sqlite3_bind_int64(q, 3, op->at_ms);
        sqlite3_bind_int64(q, 4, op->segment);
        sql_bind_known(q, 5, op->of.end.sampled_at_ms);
        sql_bind_known(q, 6, op->of.end.last.rss_bytes);
        sql_bind_known(q, 7, op->of.end.last.anon_bytes);
        sql_bind_known(q, 8, op->of.end.peak_bytes);
        rc = store_step(s, SQL_END_PROCESS);
        for (uint32_t i = 0; rc == SQLITE_OK && i < op->of.end.n_pieces; i++)
                rc = write_piece(s, &op->of.end.pieces[i]);
        for (unsigned i = 0; rc == SQLITE_OK && i < 2; i++) {
                q = store_sql(s, drops[i]);
                if (!q)
                        return sqlite3_errcode(s->db);
                sqlite3_bind_int64(q, 1, op->process);
                rc = store_step(s, drops[i]);
        }
        return rc;
}

static int write_event(struct store *s, const struct op *op)
{
        sqlite3_stmt *q = store_sql(s, SQL_PUT_EVENT);

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->process);
        sqlite3_bind_int64(q, 2, op->at_ms);
        sql_bind_text(q, 3, event_name(op->of.event.kind));
        sql_bind_text(q, 4, op->of.event.text ? op->of.event.text : "");
        return store_step(s, SQL_PUT_EVENT);
}

/* Processes that the file has open and that were not begun since: a slot is what tells them apart. */
static int write_strangers(struct store *s, const struct op *op)
{
        static const enum statement both[] = { SQL_STRANGERS_EVENT, SQL_END_STRANGERS };
        int rc = SQLITE_OK;

        for (unsigned i = 0; rc == SQLITE_OK && i < 2; i++) {
                sqlite3_stmt *q = store_sql(s, both[i]);

                if (!q)
                        return sqlite3_errcode(s->db);
                sqlite3_bind_int64(q, 1, op->at_ms);
                if (both[i] == SQL_END_STRANGERS)
                        sqlite3_bind_int64(q, 2, op->change);
                rc = store_step(s, both[i]);
        }
        return rc == SQLITE_OK ? store_close_ended(s, op->at_ms) : rc;
}

static int write_segment(struct store *s, const struct op *op)
{
        sqlite3_stmt *q = store_sql(s, SQL_PUT_SEGMENT);

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->segment);
        sqlite3_bind_int64(q, 2, op->tick);
        sqlite3_bind_int64(q, 3, op->at_ms);
        return store_step(s, SQL_PUT_SEGMENT);
}

/* A tick that is older than the ring, or in chunks by now, has no place in it. */
static int write_tick(struct store *s, const struct op *op)
{
        sqlite3_stmt *q;

        if (op->tick <= s->tick - (int64_t)s->ring_size || !op->of.values.payload)
                return SQLITE_OK;
        q = store_sql(s, SQL_PUT_TICK);
        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->tick % s->ring_size);
        sqlite3_bind_int64(q, 2, op->tick);
        sqlite3_bind_int64(q, 3, op->at_ms);
        sqlite3_bind_int64(q, 4, op->change);
        sqlite3_bind_int64(q, 5, s->detail_written);
        sqlite3_bind_int64(q, 6, op->of.values.shared);
        sqlite3_bind_blob(q, 7, op->of.values.payload, (int)op->of.values.size, SQLITE_STATIC);
        s->ring_made[op->tick % s->ring_size] = op->of.values.size / 4;
        return store_step(s, SQL_PUT_TICK);
}

static int write_shared(struct store *s, const struct op *op)
{
        sqlite3_stmt *q = store_sql(s, SQL_PUT_SHARED);

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->process);
        sqlite3_bind_int64(q, 2, op->tick);
        sqlite3_bind_int64(q, 3, op->of.units);
        return store_step(s, SQL_PUT_SHARED);
}

int store_flush_details(struct store *s)
{
        int rc = SQLITE_OK;

        for (size_t i = 0; rc == SQLITE_OK && i < s->n_details; i++) {
                const struct detail_op *d = &s->details[i];
                sqlite3_stmt *q = store_sql(s, SQL_PUT_DETAIL);

                if (!q)
                        return sqlite3_errcode(s->db);
                sqlite3_bind_int64(q, 1, d->id);
                sqlite3_bind_int64(q, 2, d->process);
                sqlite3_bind_int64(q, 3, d->tick);
                for (int j = 0; j < DETAIL_STATES; j++)
                        sql_bind_known(q, 4 + j, d->states[j] - 1);
                rc = store_step(s, SQL_PUT_DETAIL);
        }
        return rc;
}

int store_write_marks(struct store *s, const struct marks *m)
{
        sqlite3_stmt *q;

        if (memcmp(m, &s->written, sizeof *m) == 0)
                return SQLITE_OK;
        q = store_sql(s, SQL_PUT_STATE);
        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, m->segment);
        sqlite3_bind_int64(q, 2, m->seal_first);
        sqlite3_bind_int64(q, 3, m->seal_next);
        sqlite3_bind_int64(q, 4, m->seal_process);
        return store_step(s, SQL_PUT_STATE);
}

static int write_op(struct store *s, const struct op *op)
{
        switch (op->kind) {
        case OP_APP: return write_app(s, op);
        case OP_PROCESS: return write_process(s, op);
        case OP_END: return store_write_end(s, op);
        case OP_EVENT: return write_event(s, op);
        case OP_STRANGERS: return write_strangers(s, op);
        case OP_SEGMENT: return write_segment(s, op);
        case OP_TICK: return write_tick(s, op);
        case OP_SHARED: return write_shared(s, op);
        case OP_LOOK:
        case OP_DROP_LOOK: return store_write_look_op(s, op);
        default: return store_write_finding_op(s, op);
        }
}

int store_write_queue(struct store *s, size_t most, const struct op **ret_upto)
{
        size_t bytes = 0;

        *ret_upto = NULL;
        for (const struct op *op = s->queue; op && bytes < most; op = op->next) {
                int rc = write_op(s, op);

                /* What can't stand beside what the file holds is left out, or it would stop everything behind it. */
                if (rc != SQLITE_OK && rc != SQLITE_CONSTRAINT)
                        return rc;
                *ret_upto = op;
                bytes += op->bytes;
        }
        return SQLITE_OK;
}
