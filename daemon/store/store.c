/* The store opened and closed, and its two transactions: commit (the queue) and maintain (what can wait). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

#define AHEAD 32 /* rows of the ring that are made at a time */
#define DETAILS_DROPPED_AT_ONCE 2000
#define GONE_COMMITS 3
#define GONE_MS 2000

static struct store *store_free(struct store *s)
{
        if (!s)
                return NULL;
        while (s->n_processes)
                process_free(s, s->processes[--s->n_processes]);
        queue_clear(s);
        while (s->closings) {
                struct closing *c = s->closings;

                s->closings = c->next;
                closing_free(s, c);
        }
        while (s->n_apps) {
                s->apps[s->n_apps - 1]->users = 1;
                app_drop(s, s->apps[s->n_apps - 1]);
        }
        store_disconnect(s);
        table_done(&s->by_handle);
        table_done(&s->by_id);
        free(s->processes);
        free(s->apps);
        free(s->values);
        free(s->slot_used);
        free(s->ring_made);
        free(s->details);
        free(s->path);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(struct store *, store_free)

static int64_t read_int(struct store *s, const char *sql)
{
        sqlite3_stmt *q;
        int64_t value = 0;

        if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
                return 0;
        if (sqlite3_step(q) == SQLITE_ROW)
                value = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return value;
}

/* Processes of another boot can't come back. */
static int end_other_boots(struct store *s)
{
        static const char *const sql[] = {
                "INSERT INTO event_row (process, at_ms, event, text)"
                " SELECT no, coalesce(sampled_at_ms, started_at_ms), 'exited', 'The machine was started anew.'"
                " FROM process_row WHERE exited_at_ms IS NULL AND id NOT LIKE ?",
                "UPDATE process_row SET exited_at_ms = coalesce(sampled_at_ms, started_at_ms), change = ?2"
                " WHERE exited_at_ms IS NULL AND id NOT LIKE ?1",
        };
        char boot[16];
        int rc = store_step(s, SQL_BEGIN);

        sqlite3_snprintf(sizeof boot, boot, "%%-%08x", s->options.boot);
        for (unsigned i = 0; rc == SQLITE_OK && i < 2; i++) {
                sqlite3_stmt *q = NULL;

                rc = sqlite3_prepare_v2(s->db, sql[i], -1, &q, NULL) & 0xff;
                if (rc != SQLITE_OK)
                        break;
                sqlite3_bind_text(q, 1, boot, -1, SQLITE_STATIC);
                if (i == 1)
                        sqlite3_bind_int64(q, 2, s->change + 1);
                sqlite3_step(q);
                rc = sqlite3_finalize(q) & 0xff;
        }
        if (rc == SQLITE_OK)
                rc = store_close_ended(s, s->at_ms);
        if (rc == SQLITE_OK)
                rc = store_step(s, SQL_COMMIT);
        if (rc != SQLITE_OK)
                store_step(s, SQL_ROLLBACK);
        s->change++;
        return rc;
}

static bool ring_ready(struct store *s)
{
        sqlite3_stmt *q = NULL;
        uint32_t *made = calloc(s->ring_size, sizeof *made);

        if (!made)
                return false;
        free(s->ring_made);
        s->ring_made = made;
        if (sqlite3_prepare_v2(s->db, "SELECT id, length(payload) FROM ring", -1, &q, NULL) == SQLITE_OK)
                while (sqlite3_step(q) == SQLITE_ROW)
                        if ((uint64_t)sqlite3_column_int64(q, 0) < s->ring_size)
                                made[sqlite3_column_int64(q, 0)] = (uint32_t)sqlite3_column_int64(q, 1) / 4;
        sqlite3_finalize(q);
        return true;
}

/* What the file knows that memory goes on from. */
int store_load(struct store *s, struct error *err)
{
        sqlite3_stmt *q;

        s->tick = read_int(s, "SELECT seal_first - 1 FROM state");
        s->at_ms = read_int(s, "SELECT max(coalesce((SELECT at_ms FROM tick ORDER BY no DESC LIMIT 1), 0),"
                               " coalesce((SELECT max(at_ms) FROM ring WHERE tick > 0), 0))");
        s->segment = read_int(s, "SELECT segment FROM state");
        s->segment_first = s->tick + 1;
        s->segment_ticks = 0;
        s->next_process = (uint32_t)read_int(s, "SELECT coalesce(max(no), 0) + 1 FROM process_row");
        s->next_app = (uint32_t)read_int(s, "SELECT coalesce(max(no), 0) + 1 FROM app_row");
        s->change = read_int(s, "SELECT coalesce(max(change), 0) FROM process_row");
        s->detail_id = s->detail_written = read_int(s, "SELECT coalesce(max(id), 0) FROM detail_open");
        s->detail_dropped = 0;
        s->n_detail_ends = 0;
        if (s->detail_id) {
                s->detail_ends[0].id = s->detail_id;
                s->detail_ends[s->n_detail_ends++].at_ms = s->at_ms;
        }
        s->written = (struct marks){ .segment = s->segment, .seal_first = s->tick + 1, .seal_next = s->tick + 1 };
        q = store_sql(s, SQL_BEGIN);
        if (!q || !ring_ready(s))
                return error_set(err, ENOMEM, "out of memory opening %s", s->path);
        store_load_numbers(s);
        if (end_other_boots(s) != SQLITE_OK)
                return error_set(err, EIO, "cannot write the database %s: %s", s->path, sqlite3_errmsg(s->db));
        store_limit_pages(s);
        return 0;
}

int store_open(const struct store_options *options, struct store **ret, char ret_note[static 512], struct error *err)
{
        _cleanup_(store_freep) struct store *s = calloc(1, sizeof *s);
        int r;

        ret_note[0] = '\0';
        if (!s)
                return error_set(err, ENOMEM, "out of memory opening %s", options->path);
        s->lock_fd = -1;
        s->queue_end = &s->queue;
        s->odd_handle = UINT32_MAX;
        s->options = *options;
        s->path = strdup(options->path);
        if (!s->path)
                return error_set(err, ENOMEM, "out of memory opening %s", options->path);
        s->options.path = s->path;
        r = store_open_file(s, ret_note, err);
        if (r == 0)
                r = store_load(s, err);
        if (r < 0)
                return r;
        *ret = take_ptr(s);
        return 0;
}

void store_configure(struct store *s, const struct store_options *options)
{
        const char *path = s->path;

        s->options = *options;
        s->options.path = path;
        store_limit_pages(s);
}

int64_t store_newest_ms(const struct store *s)
{
        return s->at_ms;
}

struct store_counts store_counts(const struct store *s)
{
        return (struct store_counts){ .bytes = store_file_bytes(s), .dropped_samples = s->dropped_samples };
}

/* One transaction: details, and the front of the queue. The marks go with its end. */
static int write_part(struct store *s, bool with_details, size_t most)
{
        struct marks m = store_marks(s, 0);
        int64_t before = s->detail_written;
        const struct op *upto = NULL;
        int rc = store_step(s, SQL_BEGIN);

        if (rc != SQLITE_OK)
                return rc;
        s->alerts_over = 0;
        if (with_details) {
                rc = store_flush_details(s);
                s->detail_written = s->detail_id;
        }
        if (rc == SQLITE_OK)
                rc = store_write_queue(s, most, &upto);
        if (upto && upto->next)
                m = s->written;
        if (rc == SQLITE_OK)
                rc = store_write_marks(s, &m);
        if (rc == SQLITE_OK)
                rc = store_step(s, SQL_COMMIT);
        if (rc != SQLITE_OK) {
                s->detail_written = before;
                if (!sqlite3_get_autocommit(s->db))
                        store_step(s, SQL_ROLLBACK);
                return rc;
        }
        s->written = m;
        s->dropped_alerts += s->alerts_over;
        queue_drop(s, upto);
        if (with_details) {
                s->n_details = 0;
                s->details_urgent = false;
        }
        return SQLITE_OK;
}

/* A long queue is written in parts, so that one transaction can't blow up the WAL of a small file. */
static int write_all(struct store *s, bool with_details)
{
        size_t most = (size_t)s->options.max_bytes / 32;
        int rc = write_part(s, with_details, most);

        while (rc == SQLITE_OK && s->queue) {
                if (s->wal_frames >= store_wal_frames_most(s))
                        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
                rc = write_part(s, false, most);
        }
        return rc;
}

/* A reader that never ends its transaction keeps the WAL from being begun anew. Then it grows only so far. */
static enum health check_wal(struct store *s, struct error *err)
{
        int64_t wal = s->wal_frames * FRAME_BYTES, most = s->options.max_bytes / 2;
        int64_t room = s->options.max_bytes - store_int(s, SQL_PAGE_COUNT, 0) * PAGE_BYTES;

        if (most > room)
                most = room;
        most -= s->options.max_bytes / 32 + 16 * FRAME_BYTES;
        if (wal <= most || s->wal_frames <= store_wal_frames_most(s) / 2)
                return HEALTH_OK;
        if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK) {
                s->wal_frames = 0;
                return HEALTH_OK;
        }
        error_set(err, EBUSY, "a reader's transaction keeps %s-wal from being emptied, and it has %lld bytes", s->path,
                  (long long)wal);
        return HEALTH_READER_HOLDS_WAL;
}

/* Deleted, replaced or damaged. It is said for a while, so that somebody can see it; then a file is begun or opened
 * there. */
static enum health file_gone(struct store *s, bool *ret_reopened, struct error *err)
{
        char note[512] = "";

        if (s->gone_commits++ == 0)
                s->gone_since_ms = s->at_ms;
        error_set(err, ENOENT, s->damaged ? "the database %s is damaged" : "the database %s was deleted or replaced",
                  s->path);
        if (s->gone_commits <= GONE_COMMITS || s->at_ms - s->gone_since_ms < GONE_MS)
                return HEALTH_DATABASE_GONE;
        if (store_reopen(s, note, err) < 0)
                return HEALTH_DATABASE_GONE;
        if (err)
                *err = (struct error){};
        if (note[0])
                error_set(err, EIO, "%s", note); /* all is well, but somebody should know */
        *ret_reopened = true;
        return HEALTH_OK;
}

enum health store_commit(struct store *s, bool *ret_reopened, struct error *err)
{
        bool with_details = s->n_details && (s->details_urgent ||
                                             s->at_ms - s->details_since_ms >= s->options.detail_interval_ms / 4);
        enum health h;

        *ret_reopened = false;
        if (!s->db || s->damaged || store_file_replaced(s)) {
                h = file_gone(s, ret_reopened, err);
                if (h != HEALTH_OK)
                        return h;
        }
        s->gone_commits = 0;
        h = check_wal(s, err);
        if (h == HEALTH_OK)
                h = store_health(s, write_all(s, with_details), err);
        if (h == HEALTH_OK && s->maintained != HEALTH_OK) {
                error_set(err, EIO, "what waits to be written can't be: %s", health_text(s->maintained));
                return s->maintained;
        }
        return h;
}

/* Rows of the ring are made before they are needed, many at a time: a new page for each tick would write four. */
static bool ahead_due(const struct store *s)
{
        uint32_t width = (s->n_slots + 7) / 8 * 8;

        return width >= 256 && s->ring_made[(s->tick + 1) % s->ring_size] < width &&
                s->tick + AHEAD - (int64_t)s->ring_size < s->written.seal_first;
}

static int make_ahead(struct store *s)
{
        uint32_t width = (s->n_slots + 7) / 8 * 8;
        int rc = SQLITE_OK;

        for (int64_t tick = s->tick + 1; rc == SQLITE_OK && tick <= s->tick + AHEAD; tick++) {
                sqlite3_stmt *q = store_sql(s, SQL_MAKE_AHEAD);

                if (!q)
                        return sqlite3_errcode(s->db);
                if (s->ring_made[tick % s->ring_size] >= width)
                        continue;
                sqlite3_bind_int64(q, 1, tick % s->ring_size);
                sqlite3_bind_int64(q, 2, -tick);
                sqlite3_bind_int64(q, 3, s->at_ms);
                sqlite3_bind_int64(q, 4, s->change);
                sqlite3_bind_int64(q, 5, s->detail_written);
                sqlite3_bind_int64(q, 6, s->shared_count);
                sqlite3_bind_int64(q, 7, (int64_t)width * 4);
                s->ring_made[tick % s->ring_size] = width;
                rc = store_step(s, SQL_MAKE_AHEAD);
        }
        return rc;
}

/* Readings that are in chunks stay until newer ones have come, for what is newest is looked for there. */
static bool details_due(const struct store *s)
{
        return s->n_detail_ends &&
                s->at_ms - s->detail_ends[0].at_ms > s->options.detail_interval_ms + s->options.detail_interval_ms / 2;
}

static int drop_details(struct store *s, int64_t *ret_upto)
{
        sqlite3_stmt *q = store_sql(s, SQL_DROP_DETAILS);

        *ret_upto = s->detail_ends[0].id;
        if (*ret_upto > s->detail_dropped + DETAILS_DROPPED_AT_ONCE && s->detail_dropped)
                *ret_upto = s->detail_dropped + DETAILS_DROPPED_AT_ONCE;
        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, s->detail_dropped);
        sqlite3_bind_int64(q, 2, *ret_upto);
        return store_step(s, SQL_DROP_DETAILS);
}

/* Another size: everything is sealed at once, which happens where the largest size is small or processes have become
 * many times as many. */
static int resize_ring(struct store *s)
{
        char *sql = sqlite3_mprintf("DELETE FROM ring WHERE tick <> %lld; UPDATE ring SET id = tick %% %u;"
                                    "UPDATE state SET ring_size = %u",
                                    (long long)s->tick, s->ring_wanted, s->ring_wanted);
        int rc = sql ? sqlite3_exec(s->db, sql, NULL, NULL, NULL) & 0xff : SQLITE_NOMEM;

        sqlite3_free(sql);
        return rc;
}

struct work { bool seal, resize, ahead, details, retain; };

static struct work work_due(struct store *s, int64_t now_ms, bool age_allowed)
{
        return (struct work){
                .seal = s->closings != NULL,
                .resize = s->ring_wanted && s->ring_wanted != s->ring_size && s->segment_ticks == 0 && !s->queue,
                .ahead = ahead_due(s),
                .details = details_due(s),
                .retain = store_retain_due(s, now_ms, age_allowed),
        };
}

static int do_work(struct store *s, const struct work *w, int64_t now_ms, bool age_allowed)
{
        uint32_t sealed = 0;
        int64_t upto = 0;
        bool aging = false;
        struct marks m = s->written;
        int rc = store_step(s, SQL_BEGIN);

        if (rc == SQLITE_OK && w->seal) {
                rc = store_seal(s, w->resize ? UINT32_MAX : 64, &sealed);
                m = store_marks(s, sealed);
                if (rc == SQLITE_OK)
                        rc = store_write_marks(s, &m);
        }
        if (rc == SQLITE_OK && w->resize && !(s->closings && s->closings->next))
                rc = resize_ring(s);
        else if (rc == SQLITE_OK && w->ahead)
                rc = make_ahead(s);
        if (rc == SQLITE_OK && w->details)
                rc = drop_details(s, &upto);
        if (rc == SQLITE_OK && w->retain)
                rc = store_retain(s, now_ms, age_allowed, &aging);
        if (rc == SQLITE_OK)
                rc = store_step(s, SQL_COMMIT);
        if (rc != SQLITE_OK) {
                if (!sqlite3_get_autocommit(s->db))
                        store_step(s, SQL_ROLLBACK);
                ring_ready(s);
                return rc;
        }
        s->written = m;
        s->aging = aging;
        if (w->resize && !(s->closings && s->closings->next)) {
                s->ring_size = s->ring_wanted;
                ring_ready(s);
        }
        if (w->seal)
                store_sealed(s, sealed);
        if (w->details)
                s->detail_dropped = upto;
        if (w->details && upto == s->detail_ends[0].id)
                memmove(s->detail_ends, s->detail_ends + 1, --s->n_detail_ends * sizeof s->detail_ends[0]);
        return SQLITE_OK;
}

int store_maintain(struct store *s, int64_t now_ms, bool age_allowed, struct error *err)
{
        struct work w;
        int rc = SQLITE_OK;

        /* With a queue that could not be written there is nothing to do but wait; retention may be what it waits for.
         * */
        if (!s->db || s->damaged || s->gone_commits || (s->queue && s->wal_frames > store_wal_frames_most(s) * 4))
                return 0;
        store_limit_pages(s);
        w = work_due(s, now_ms, age_allowed);
        if (s->queue)
                w = (struct work){ .retain = w.retain };
        if (w.seal || w.resize || w.ahead || w.details || w.retain)
                rc = do_work(s, &w, now_ms, age_allowed);
        s->maintained = store_health(s, rc, err);
        if (s->wal_frames >= store_wal_frames_most(s))
                sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        return rc == SQLITE_OK ? 0 : -EIO;
}

static int stop_processes(struct store *s)
{
        int rc = SQLITE_OK;

        for (size_t i = 0; rc == SQLITE_OK && i < s->n_processes; i++) {
                const struct process *p = s->processes[i];
                struct figures last = series_figures(p->known_rss, p->known_shared);
                sqlite3_stmt *q = store_sql(s, SQL_STOP_PROCESS);

                if (!q)
                        return sqlite3_errcode(s->db);
                sqlite3_bind_int64(q, 1, p->no);
                sqlite3_bind_int64(q, 2, s->segment);
                sql_bind_known(q, 3, p->known_rss ? s->at_ms : -1);
                sql_bind_known(q, 4, last.rss_bytes);
                sql_bind_known(q, 5, last.anon_bytes);
                sql_bind_known(q, 6, process_peak_bytes(p));
                rc = store_step(s, SQL_STOP_PROCESS);
        }
        return rc;
}

static int seal_all(struct store *s)
{
        struct marks m = s->written;
        int rc = store_step(s, SQL_BEGIN);

        while (rc == SQLITE_OK && s->closings) {
                uint32_t n;

                rc = store_seal(s, UINT32_MAX, &n);
                m = store_marks(s, n);
                if (rc == SQLITE_OK)
                        store_sealed(s, n); /* nobody needs them any more, written or not */
        }
        if (rc == SQLITE_OK)
                rc = stop_processes(s);
        if (rc == SQLITE_OK)
                rc = store_write_marks(s, &m);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(s->db, "DELETE FROM ring; DELETE FROM shared_open; DELETE FROM detail_open", NULL,
                                  NULL,
                                  NULL) & 0xff;
        if (rc == SQLITE_OK)
                rc = store_step(s, SQL_COMMIT);
        if (rc != SQLITE_OK && !sqlite3_get_autocommit(s->db))
                store_step(s, SQL_ROLLBACK);
        return rc;
}

struct store *store_close(struct store *s)
{
        if (!s)
                return NULL;
        if (s->db && !s->damaged && !store_file_replaced(s)) {
                if (write_all(s, true) == SQLITE_OK) {
                        segment_close(s);
                        if (seal_all(s) == SQLITE_OK)
                                sqlite3_exec(s->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
                }
                for (unsigned i = 0; i < STATEMENTS; i++) {
                        sqlite3_finalize(s->statements[i]);
                        s->statements[i] = NULL;
                }
                /* With a reader there it stays as it is: the WAL is then emptied and removed by whoever closes last. */
                sqlite3_exec(s->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
        }
        return store_free(s);
}
