/* What must go: history older than the retention, and the oldest when the file nears its largest size. A bounded piece
 * at each tick. Segments go whole (the one being filled never); then processes of which nothing is left. */
#include "store/store_private.h"

#define FULL_PERCENT 85 /* from here on the oldest segment goes; the freed pages are used again */
#define CHUNKS_AT_ONCE 512
#define FINDINGS_MOST 10000            /* closed ones */
#define FINDING_ROOM (64 << 10)        /* in the largest size, for each of them: it keeps its process's command line */
#define FINDINGS_LOOK_MS (10 * 60000)

static int64_t used_bytes(struct store *s)
{
        return (store_int(s, SQL_PAGE_COUNT, 0) - store_int(s, SQL_FREE_COUNT, 0)) * PAGE_BYTES;
}

/* So large may the WAL be before it is checkpointed: up to 2,000 frames (8 MiB), for the longer it waits the fewer
 * writes there are, as each row of the ring is written many times: with 1,000 processes 12.9 bytes a process and tick
 * are written in all with 1,000 frames, 11.2 with 2,000. The checkpoint takes 4 ms either way. But a sixteenth of a
 * small file. */
int64_t store_wal_frames_most(const struct store *s)
{
        int64_t most = s->options.max_bytes / 16 / FRAME_BYTES;

        return most > 1200 ? 1200 : most < 16 ? 16 : most;
}

static bool too_large(struct store *s)
{
        int64_t room = s->options.max_bytes - 2 * store_wal_frames_most(s) * FRAME_BYTES;

        return used_bytes(s) > room / 100 * FULL_PERCENT;
}

/* SQLite itself refuses to let the file grow beyond this. */
void store_limit_pages(struct store *s)
{
        int64_t pages = (s->options.max_bytes - 2 * store_wal_frames_most(s) * FRAME_BYTES) / PAGE_BYTES;
        char *sql;

        if (pages == s->pages_max)
                return;
        sql = sqlite3_mprintf("PRAGMA max_page_count = %lld", (long long)pages);
        if (sql && sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK && store_int(s, SQL_PAGE_COUNT, 0) <= pages)
                s->pages_max = pages;
        sqlite3_free(sql);
}

struct oldest { int64_t segment, first_tick, last_at_ms; bool found; };

static struct oldest oldest_segment(struct store *s)
{
        struct oldest o = {};
        sqlite3_stmt *q = store_sql(s, SQL_OLDEST_SEGMENT);

        if (q && sqlite3_step(q) == SQLITE_ROW) {
                o.segment = sqlite3_column_int64(q, 0);
                o.first_tick = sqlite3_column_int64(q, 1);
                o.last_at_ms = sqlite3_column_int64(q, 2);
                o.found = sqlite3_column_type(q, 2) != SQLITE_NULL;
        }
        if (q)
                sqlite3_reset(q);
        /* What is still being sealed or filled stays, whatever its row says. */
        if (o.segment >= s->segment || (s->closings && o.segment >= s->closings->segment))
                o.found = false;
        return o;
}

/* They are few: now and then is often enough, and the next tick when the clock was set back. Not while nothing can be
 * written, for a look is no reason to fail. */
static bool findings_due(const struct store *s, int64_t now_ms)
{
        if (s->queue)
                return false;
        return now_ms >= s->findings_looked_ms + FINDINGS_LOOK_MS || now_ms < s->findings_looked_ms;
}

bool store_retain_due(struct store *s, int64_t now_ms, bool age_allowed)
{
        struct oldest o = oldest_segment(s);

        return s->aging || findings_due(s, now_ms) ||
                (o.found && age_allowed && o.last_at_ms < now_ms - s->options.retention_ms) ||
                too_large(s) ||
                store_int(s, SQL_PAGE_COUNT, 0) > s->options.max_bytes / PAGE_BYTES;
}

static int drop_rows(struct store *s, enum statement which, int64_t first, int64_t second, int *ret_changes)
{
        sqlite3_stmt *q = store_sql(s, which);
        int rc;

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, first);
        if (sqlite3_bind_parameter_count(q) > 1)
                sqlite3_bind_int64(q, 2, second);
        rc = store_step(s, which);
        if (ret_changes)
                *ret_changes += rc == SQLITE_OK ? sqlite3_changes(s->db) : 0;
        return rc;
}

/* Up to here; the segment's row goes when nothing is left of it. */
static int drop_segment(struct store *s, const struct oldest *o)
{
        int64_t end = (o->segment + 1) << 32, at_once = CHUNKS_AT_ONCE;
        int chunks = 0, details = 0, rc;

        if (at_once < (int64_t)s->n_processes / 4)
                at_once = (int64_t)s->n_processes / 4;
        rc = drop_rows(s, SQL_DROP_CHUNKS, end, at_once, &chunks);
        if (rc == SQLITE_OK)
                rc = drop_rows(s, SQL_DROP_DETAIL_CHUNKS, end, at_once, &details);
        if (rc != SQLITE_OK || chunks >= at_once || details >= at_once)
                return rc;
        rc = drop_rows(s, SQL_DROP_SEGMENT, o->segment, 0, NULL);
        if (rc == SQLITE_OK) {
                struct oldest next = oldest_segment(s);

                rc = drop_rows(s, SQL_DROP_TIMES, next.segment > o->segment ? next.first_tick : s->written.seal_first,
                               0, NULL);
        }
        return rc;
}

static int drop_app(struct store *s, int64_t app)
{
        for (size_t i = 0; i < s->n_apps; i++) {
                struct app *a = s->apps[i];

                if (a->no != app)
                        continue;
                if (a->users)
                        return SQLITE_OK;
                a->users = 1; /* known from a look at the file alone: what comes back must be made anew */
                app_drop(s, a);
                break;
        }
        return drop_rows(s, SQL_DROP_APP, app, 0, NULL);
}

static int drop_process(struct store *s, int64_t no, int64_t text, int64_t app)
{
        static const enum statement its[] = {
                SQL_DROP_PROCESS, SQL_DROP_EVENTS, SQL_DROP_TREND, SQL_DROP_GROWTH, SQL_DROP_FINDINGS_OF, SQL_DROP_LOOK,
        };
        int rc = SQLITE_OK;

        for (unsigned i = 0; rc == SQLITE_OK && i < sizeof its / sizeof its[0]; i++)
                rc = drop_rows(s, its[i], no, 0, NULL);
        if (rc == SQLITE_OK)
                rc = drop_rows(s, SQL_DROP_TEXT, text, 0, NULL);
        return rc == SQLITE_OK ? drop_app(s, app) : rc;
}

/* Closed before this time they go. */
static int64_t findings_before(struct store *s, int64_t horizon, bool age_allowed)
{
        int64_t most = s->options.max_bytes / FINDING_ROOM, before = age_allowed ? horizon : 0;
        sqlite3_stmt *q = store_sql(s, SQL_EXTRA_FINDING);
        int64_t extra;

        if (!q)
                return before;
        sqlite3_bind_int64(q, 1, most < FINDINGS_MOST ? most : FINDINGS_MOST);
        extra = store_int(s, SQL_EXTRA_FINDING, -1);
        return extra >= before ? extra + 1 : before;
}

/* Some that closed long ago. Their processes, if it was those that kept them, go at one of the next ticks. */
static int drop_old_findings(struct store *s, int64_t now_ms, bool age_allowed, bool *ret_more)
{
        int64_t before = findings_before(s, now_ms - s->options.retention_ms, age_allowed);
        struct { int64_t id, app; } gone[64];
        sqlite3_stmt *q = store_sql(s, SQL_OLD_FINDINGS);
        unsigned n = 0;
        int rc = SQLITE_OK;

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, before);
        for (; n < 64 && sqlite3_step(q) == SQLITE_ROW; n++) {
                gone[n].id = sqlite3_column_int64(q, 0);
                gone[n].app = sqlite3_column_int64(q, 1);
        }
        sqlite3_reset(q);
        if (n == 0)
                s->findings_looked_ms = now_ms;
        else
                rc = store_note_findings(s);
        *ret_more |= n > 0;
        for (unsigned i = 0; rc == SQLITE_OK && i < n; i++) {
                rc = drop_rows(s, SQL_DROP_FINDING, gone[i].id, 0, NULL);
                if (rc == SQLITE_OK)
                        rc = drop_app(s, gone[i].app);
        }
        return rc;
}

struct gone { int64_t no, text, app, first, last; };

/* A command line may fill eight pages, each of which goes through the WAL once more: of a small file fewer go at a
 * time. */
static unsigned list_gone(struct store *s, enum statement which, int64_t segment, int64_t at_ms,
                          struct gone ret[static 64])
{
        int64_t fit = s->options.max_bytes / (512 << 10);
        unsigned n = 0, most = fit < 8 ? 8 : fit > 64 ? 64 : (unsigned)fit;
        sqlite3_stmt *q = store_sql(s, which);

        if (!q)
                return 0;
        if (which == SQL_OLD_PROCESSES) {
                sqlite3_bind_int64(q, 1, segment);
                sqlite3_bind_int64(q, 2, at_ms);
        }
        while (n < most && sqlite3_step(q) == SQLITE_ROW) {
                ret[n] = (struct gone){ .no = sqlite3_column_int64(q, 0), .text = sqlite3_column_int64(q, 1),
                                        .app = sqlite3_column_int64(q, 2) };
                if (which == SQL_OLDEST_ENDED) {
                        ret[n].first = sqlite3_column_int64(q, 3);
                        ret[n].last = sqlite3_column_int64(q, 4);
                }
                n++;
        }
        sqlite3_reset(q);
        return n;
}

/* Processes of which nothing is left. *ret_more: there may be more of them. */
static int drop_old_processes(struct store *s, bool *ret_more)
{
        struct oldest o = oldest_segment(s);
        int64_t segment = o.segment ? o.segment : s->segment;
        struct gone gone[64];
        unsigned n = list_gone(s, SQL_OLD_PROCESSES, segment, s->at_ms, gone);
        int rc = SQLITE_OK;

        *ret_more |= n > 0;
        for (unsigned i = 0; rc == SQLITE_OK && i < n; i++)
                rc = drop_process(s, gone[i].no, gone[i].text, gone[i].app);
        return rc;
}

/* No whole segment is left to go and the file is still too large: a storm of short-lived processes with long command
 * lines. The oldest ended ones go with what they have in segments not yet complete. */
static int drop_ended(struct store *s)
{
        struct gone gone[64];
        unsigned n = list_gone(s, SQL_OLDEST_ENDED, 0, 0, gone);
        int rc = SQLITE_OK;

        for (unsigned i = 0; rc == SQLITE_OK && i < n; i++) {
                int64_t least = s->closings ? s->closings->segment : s->segment;

                for (int64_t g = gone[i].first < least ? least : gone[i].first; rc == SQLITE_OK &&
                     g <= gone[i].last; g++) {
                        rc = drop_rows(s, SQL_DROP_PROCESS_CHUNK, g << 32 | gone[i].no, 0, NULL);
                        if (rc == SQLITE_OK)
                                rc = drop_rows(s, SQL_DROP_PROCESS_DETAIL, g << 32 | gone[i].no, 0, NULL);
                }
                if (rc == SQLITE_OK)
                        rc = drop_process(s, gone[i].no, gone[i].text, gone[i].app);
        }
        return rc;
}

int store_retain(struct store *s, int64_t now_ms, bool age_allowed, bool *ret_more)
{
        struct oldest o = oldest_segment(s);
        int64_t horizon = now_ms - s->options.retention_ms;
        bool large = too_large(s), old = o.found && age_allowed && o.last_at_ms < horizon;
        int rc = SQLITE_OK;

        *ret_more = false;
        if (o.found && (old || large)) {
                rc = drop_segment(s, &o);
                *ret_more = true;
        }
        if (rc == SQLITE_OK && findings_due(s, now_ms))
                rc = drop_old_findings(s, now_ms, age_allowed, ret_more);
        if (rc == SQLITE_OK)
                rc = drop_old_processes(s, ret_more);
        if (rc == SQLITE_OK && age_allowed)
                rc = drop_rows(s, SQL_OLD_EVENTS, horizon, 0, NULL);
        if (rc == SQLITE_OK && large && !o.found)
                rc = drop_ended(s);
        if (rc == SQLITE_OK && store_int(s, SQL_PAGE_COUNT, 0) > s->options.max_bytes / PAGE_BYTES)
                rc = sqlite3_exec(s->db, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL) & 0xff;
        return rc;
}
