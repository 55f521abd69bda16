/* The reader: its statements, snapshots, the newest tick, newest details. */
#include "store/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/read_private.h"

#define PROCESS_COLUMNS \
        "p.no, p.id, p.change, p.cmdline_truncated, p.forked, p.ppid, p.uid, p.name, p.user, p.python, p.framework," \
        " p.application, p.folder, p.unit, p.container, p.cgroup, p.limit_bytes, p.limit_kind, p.started_at_ms," \
        " p.last_segment, p.slot, p.slot_tick, p.exited_at_ms, p.sampled_at_ms, p.rss_bytes, p.anon_bytes," \
        " p.peak_rss_bytes, a.id, a.name, t.value, p.first_segment"
#define PROCESS_FROM " FROM process_row p LEFT JOIN app_row a ON a.no = p.app LEFT JOIN text_row t ON t.id = p.cmdline "
#define PROCESS_SELECT "SELECT " PROCESS_COLUMNS PROCESS_FROM
#define FINDING_SELECT \
        "SELECT f.id, f.kind, f.severity, f.app, f.opened_at_ms, f.updated_at_ms, f.closed_at_ms, f.title," \
        " CASE WHEN json_valid(f.evidence) THEN iif(json_type(f.evidence) = 'object', f.evidence, NULL) END," \
        " CASE WHEN json_valid(f.diagnosis) THEN iif(json_type(f.diagnosis) = 'array', f.diagnosis, NULL) END," \
        " CASE WHEN json_valid(f.advice) THEN iif(json_type(f.advice) = 'array', f.advice, NULL) END," \
        " CASE WHEN json_valid(f.suspects) THEN iif(json_type(f.suspects) = 'array', f.suspects, NULL) END," \
        " a.name, p.no, p.id, p.name, t.value FROM finding_row f LEFT JOIN app_row a ON a.id = f.app" \
        " LEFT JOIN process_row p ON p.no = f.process LEFT JOIN text_row t ON t.id = p.cmdline "
/* + keeps SQLite from an index other than the one meant. */
#define FINDING_FILTER \
        " AND (?1 IS NULL OR +f.process = ?1) AND (?2 IS NULL OR +f.app = ?2) AND (?3 IS NULL OR +f.kind = ?3)" \
        " AND (?4 IS NULL OR (+f.closed_at_ms IS NULL) = ?4) AND f.id < ?5 ORDER BY f.id DESC LIMIT ?6"
#define DETAIL_COLUMNS "swap_kib, pss_kib, uss_kib, peak_kib, threads, fds, cpu_ms, rchar_bytes, read_bytes"

static const char *const read_texts[READ_STATEMENTS] = {
        [READ_BEGIN] = "BEGIN",
        [READ_END] = "COMMIT",
        [READ_VERSION] = "PRAGMA data_version",
        [READ_STATE] = "SELECT ring_size, segment, seal_first, seal_next, seal_process FROM state",
        [READ_RING_ROW] = "SELECT tick, at_ms, change, detail, shared, payload FROM ring WHERE id = ?",
        [READ_RING_NEWEST] = "SELECT max(tick) FROM ring",
        [READ_LAST_TIME] = "SELECT no, at_ms, (SELECT coalesce(max(change), 0) FROM process_row) FROM tick"
                           " ORDER BY no DESC LIMIT 1",
        [READ_SLOTS] = "SELECT no, slot FROM process_row WHERE exited_at_ms IS NULL AND slot IS NOT NULL ORDER BY no",
        [READ_SHARED] = "SELECT process, units FROM shared_open ORDER BY process, tick",
        [READ_CHANGED] = PROCESS_SELECT "WHERE p.change > ? ORDER BY p.change",
        [READ_RUNNING] = PROCESS_SELECT "WHERE p.exited_at_ms IS NULL",
        [READ_EXITED] = PROCESS_SELECT "WHERE p.exited_at_ms IS NOT NULL ORDER BY p.exited_at_ms DESC, p.no DESC",
        [READ_EXITED_OF_APP] = PROCESS_SELECT "WHERE p.app = (SELECT no FROM app_row WHERE id = ?)"
                               " AND p.exited_at_ms IS NOT NULL ORDER BY p.exited_at_ms DESC, p.no DESC",
        [READ_NUMBER] = PROCESS_SELECT "WHERE p.no = ?",
        [READ_BY_ID] = PROCESS_SELECT "WHERE p.id = ?",
        [READ_BY_PREFIX] = PROCESS_SELECT "WHERE p.id >= ? AND p.id < ?"
                           " ORDER BY p.started_at_ms DESC, p.no DESC LIMIT 1",
        [READ_DETAILS_SINCE] = "SELECT process, " DETAIL_COLUMNS " FROM detail_open WHERE id > ? ORDER BY id",
        [READ_DETAIL_LEAST] = "SELECT min(id) FROM detail_open",
        [READ_DETAIL_NEWEST] = "SELECT " DETAIL_COLUMNS " FROM detail_open WHERE process = ? ORDER BY id DESC LIMIT 1",
        [READ_DETAIL_CHUNK] = "SELECT payload FROM detail_chunk WHERE id = ?",
        [READ_SPAN] = "SELECT first_segment, last_segment, slot, slot_tick FROM process_row WHERE no = ?",
        [READ_SEGMENTS] = "SELECT no, first_tick, (SELECT n.first_tick FROM segment n WHERE n.no > segment.no"
                          " ORDER BY n.no LIMIT 1) FROM segment WHERE no BETWEEN ? AND ?"
                          " AND (last_at_ms IS NULL OR last_at_ms >= ?) AND first_at_ms < ? ORDER BY no",
        [READ_TIMES] = "SELECT no, at_ms FROM tick WHERE no >= ? AND no < ?",
        [READ_CHUNK] = "SELECT payload FROM chunk WHERE id = ?",
        [READ_RING] = "SELECT tick, at_ms, payload FROM ring WHERE id BETWEEN ? AND ? AND tick >= ? ORDER BY id",
        [READ_SHARED_OF] = "SELECT tick, units FROM shared_open WHERE process = ? ORDER BY tick",
        [READ_DETAILS_OF] = "SELECT tick, " DETAIL_COLUMNS " FROM detail_open WHERE process = ? AND tick >= ?"
                            " ORDER BY id",
        [READ_EVENTS] = "SELECT id, at_ms, event, text FROM event_row WHERE process = ? AND id > ? ORDER BY id",
        [READ_APPS] = "SELECT id, name, framework, unit, container FROM app_row ORDER BY no",
        [READ_MEMBERS] = "SELECT p.no FROM process_row p WHERE p.app = (SELECT no FROM app_row WHERE id = ?)"
                         " AND (p.exited_at_ms IS NULL OR p.exited_at_ms >= ?) AND p.started_at_ms < ? ORDER BY p.no",
        [READ_OLDEST] = "SELECT first_at_ms FROM segment ORDER BY no LIMIT 1",
        [READ_ALL] = PROCESS_SELECT "ORDER BY p.no",
        [READ_FINDINGS] = FINDING_SELECT "WHERE 1" FINDING_FILTER,
        [READ_FINDINGS_OPEN] = FINDING_SELECT "WHERE f.closed_at_ms IS NULL" FINDING_FILTER,
        [READ_FINDINGS_OF_PROCESS] = FINDING_SELECT "WHERE f.process = ?1" FINDING_FILTER,
        [READ_FINDINGS_OF_APP] = FINDING_SELECT "WHERE f.app = ?2" FINDING_FILTER,
        [READ_FINDING] = FINDING_SELECT "WHERE f.id = ?",
        [READ_BRIEFS] = "SELECT f.id, f.kind, f.severity, p.no, f.app FROM finding_row f LEFT JOIN process_row p"
                        " ON p.no = f.process WHERE f.closed_at_ms IS NULL ORDER BY f.id",
        [READ_FINDING_COUNTS] = "SELECT kind, opened FROM finding_count",
        [READ_FINDING_CHANGE] = "SELECT change FROM finding_state",
        [READ_GROWTH] = "SELECT g.verdict, g.bytes_per_hour, g.confidence, g.since_at_ms, g.limit_at_ms"
                        " FROM growth_row g JOIN process_row p ON p.no = g.process"
                        " WHERE g.process = ? AND p.exited_at_ms IS NOT NULL",
        [READ_TREND] = "SELECT at_ms, state FROM trend_row WHERE process = ?",
        [READ_ALERTS] = "SELECT id, target, at_ms, body FROM alert_row WHERE target IN ('webhook', 'exec')"
                        " ORDER BY id LIMIT ?",
        [READ_LOOK] = "SELECT at_ms, look FROM look_row WHERE process = ? AND length(look) <= ?",
};

sqlite3_stmt *read_sql(struct store_reader *r, enum read_statement which)
{
        sqlite3_reset(r->statements[which]);
        return r->statements[which];
}

int read_failed(struct store_reader *r, struct error *err)
{
        return error_set(err, EIO, "cannot read the database: %s", sqlite3_errmsg(r->db));
}

int read_prepare(struct store_reader *r, int64_t version)
{
        unsigned n = version < 2 ? READ_FINDINGS : version < 3 ? READ_LOOK : READ_STATEMENTS;
        int rc = SQLITE_OK;

        for (unsigned i = 0; rc == SQLITE_OK && i < n; i++)
                rc = sqlite3_prepare_v3(r->db, read_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &r->statements[i], NULL);
        return rc & 0xff;
}

int store_reader_begin(struct store_reader *r, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_BEGIN);

        if (r->depth++ > 0)
                return 0;
        sqlite3_step(q);
        if (sqlite3_reset(q) == SQLITE_OK) {
                /* BEGIN alone reads nothing yet: the snapshot is of the first read. */
                q = read_sql(r, READ_STATE);
                sqlite3_step(q);
                if (sqlite3_reset(q) == SQLITE_OK)
                        return 0;
        }
        store_reader_end(r);
        return read_failed(r, err);
}

void store_reader_end(struct store_reader *r)
{
        if (--r->depth > 0)
                return;
        sqlite3_step(read_sql(r, READ_END));
        sqlite3_reset(r->statements[READ_END]);
}

bool store_reader_changed(struct store_reader *r)
{
        sqlite3_stmt *q = read_sql(r, READ_VERSION);
        int64_t version = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : r->version + 1;
        bool changed = version != r->version;

        sqlite3_reset(q);
        r->version = version;
        return changed;
}

int read_state(struct store_reader *r, struct read_state *ret, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_STATE);
        bool found = sqlite3_step(q) == SQLITE_ROW;

        if (found)
                *ret = (struct read_state){
                        .ring_size = sqlite3_column_int64(q, 0), .segment = sqlite3_column_int64(q, 1),
                        .seal_first = sqlite3_column_int64(q, 2), .seal_next = sqlite3_column_int64(q, 3),
                        .seal_process = sqlite3_column_int64(q, 4),
                };
        sqlite3_reset(q);
        if (!found)
                return read_failed(r, err);
        if (ret->ring_size < 1 || ret->ring_size > INT32_MAX || ret->segment < 0 || ret->segment > INT32_MAX ||
            ret->seal_first < 0 || ret->seal_next < 0 || ret->seal_process < 0)
                return error_set(err, EIO, "cannot read the database: its state makes no sense");
        return 0;
}

static bool ring_has(struct store_reader *r, int64_t tick, int64_t ring_size)
{
        sqlite3_stmt *q = read_sql(r, READ_RING_ROW);
        bool has;

        sqlite3_bind_int64(q, 1, tick % ring_size);
        has = sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int64(q, 0) == tick;
        sqlite3_reset(q);
        return has;
}

/* From the newest known tick it is a few steps on; else all rows are looked at. 0: none. */
static int64_t newest_in_ring(struct store_reader *r, int64_t ring_size)
{
        int64_t tick = r->tick.number;
        sqlite3_stmt *q;

        if (tick > 0 && ring_has(r, tick, ring_size)) {
                while (ring_has(r, tick + 1, ring_size))
                        tick++;
                /* None newer: most likely what was committed was no tick. But ticks may have been left out after a long
                 * time in which nothing could be written, so all rows are looked at now and then. */
                r->stuck = tick > r->tick.number ? 0 : r->stuck + 1;
                if (r->stuck % 8 != 7)
                        return tick;
        }
        q = read_sql(r, READ_RING_NEWEST);
        tick = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
        sqlite3_reset(q);
        return tick > 0 ? tick : 0;
}

static void load_shared(struct store_reader *r)
{
        sqlite3_stmt *slots = read_sql(r, READ_SLOTS), *shared = read_sql(r, READ_SHARED);
        bool more = sqlite3_step(shared) == SQLITE_ROW;

        if (r->shared_room)
                memset(r->shared, 0, r->shared_room * sizeof *r->shared);
        while (sqlite3_step(slots) == SQLITE_ROW) {
                int64_t no = sqlite3_column_int64(slots, 0), slot = sqlite3_column_int64(slots, 1);

                while (more && sqlite3_column_int64(shared, 0) < no)
                        more = sqlite3_step(shared) == SQLITE_ROW;
                for (; more && sqlite3_column_int64(shared, 0) == no; more = sqlite3_step(shared) == SQLITE_ROW)
                        if (slot >= 0 && (size_t)slot < r->shared_room)
                                r->shared[slot] = (uint32_t)sqlite3_column_int64(shared, 1);
        }
        sqlite3_reset(slots);
        sqlite3_reset(shared);
}

static int take_tick(struct store_reader *r, int64_t tick, int64_t ring_size, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_RING_ROW);
        int64_t count;

        sqlite3_bind_int64(q, 1, tick % ring_size);
        if (sqlite3_step(q) != SQLITE_ROW) {
                sqlite3_reset(q);
                return read_failed(r, err);
        }
        r->tick = (struct store_tick){
                .number = tick, .at_ms = sqlite3_column_int64(q, 1), .change = sqlite3_column_int64(q, 2),
                .detail_change = sqlite3_column_int64(q, 3), .n_slots = (uint32_t)sqlite3_column_bytes(q, 5) / 4,
        };
        count = sqlite3_column_int64(q, 4);
        buffer_clear(&r->payload);
        buffer_add(&r->payload, sqlite3_column_blob(q, 5), (size_t)r->tick.n_slots * 4);
        sqlite3_reset(q);
        if (r->shared_room < r->tick.n_slots) {
                uint32_t *room = realloc(r->shared, r->tick.n_slots * sizeof *room);

                if (!room)
                        return error_set(err, ENOMEM, "out of memory reading a tick");
                r->shared = room;
                r->shared_room = r->tick.n_slots;
                r->shared_change = -1;
        }
        if (r->payload.failed)
                return error_set(err, ENOMEM, "out of memory reading a tick");
        if (r->shared_change != r->tick.change || r->shared_count != count)
                load_shared(r);
        r->shared_change = r->tick.change;
        r->shared_count = count;
        return 1;
}

/* Nothing runs: the file was closed, and the newest tick is in chunks like all others. */
static int take_last(struct store_reader *r)
{
        sqlite3_stmt *q = read_sql(r, READ_LAST_TIME);
        bool found = sqlite3_step(q) == SQLITE_ROW;

        r->tick = (struct store_tick){};
        buffer_clear(&r->payload);
        if (found)
                r->tick = (struct store_tick){
                        .number = sqlite3_column_int64(q, 0), .at_ms = sqlite3_column_int64(q, 1),
                        .change = sqlite3_column_int64(q, 2),
                };
        sqlite3_reset(q);
        return found;
}

int store_read_newest(struct store_reader *r, struct store_tick *ret, struct error *err)
{
        int64_t tick;
        int rc = store_reader_begin(r, err);

        if (rc < 0)
                return rc;
        rc = read_state(r, &r->state, err);
        if (rc == 0) {
                tick = newest_in_ring(r, r->state.ring_size);
                rc = tick ? take_tick(r, tick, r->state.ring_size, err) : take_last(r);
        }
        store_reader_end(r);
        *ret = r->tick;
        return rc;
}

struct figures store_tick_figures(const struct store_reader *r, uint32_t slot)
{
        const unsigned char *v = (const unsigned char *)r->payload.data + (size_t)slot * 4;

        if (slot >= r->tick.n_slots || (size_t)slot * 4 + 4 > r->payload.size)
                return (struct figures){ BYTES_UNKNOWN, BYTES_UNKNOWN };
        return series_figures((uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3],
                              r->shared[slot]);
}

struct detail read_detail(sqlite3_stmt *q, int at)
{
        int64_t states[DETAIL_STATES];

        for (int i = 0; i < DETAIL_STATES; i++)
                states[i] = sqlite3_column_type(q, at + i) == SQLITE_NULL ? 0 : sqlite3_column_int64(q, at + i) + 1;
        return detail_from_states(states);
}

/* In chunks, looking back over as many segments as a long detail interval can span. */
#define SEGMENTS_BACK 64

bool read_newest_detail(struct store_reader *r, uint32_t process, bool open, int64_t segment, int64_t first,
                        struct detail *ret)
{
        sqlite3_stmt *q = read_sql(r, READ_DETAIL_NEWEST);
        bool found = false;

        *ret = DETAIL_UNKNOWN;
        if (open) {
                sqlite3_bind_int64(q, 1, process);
                found = sqlite3_step(q) == SQLITE_ROW;
                if (found)
                        *ret = read_detail(q, 0);
                sqlite3_reset(q);
        }
        for (int i = 0; !found && i < SEGMENTS_BACK && segment >= first; i++, segment--) {
                q = read_sql(r, READ_DETAIL_CHUNK);
                sqlite3_bind_int64(q, 1, chunk_id(segment, process));
                if (sqlite3_step(q) == SQLITE_ROW) {
                        struct detail_cursor c = { .text = (const char *)sqlite3_column_text(q, 0),
                                                   .size = (size_t)sqlite3_column_bytes(q, 0) };

                        while (detail_next(&c)) {
                                *ret = detail_from_states(c.states);
                                found = true;
                        }
                }
                sqlite3_reset(q);
        }
        return found;
}

int64_t store_read_oldest_ms(struct store_reader *r)
{
        sqlite3_stmt *q = read_sql(r, READ_OLDEST);
        int64_t ms = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;

        sqlite3_reset(q);
        return ms;
}

int64_t store_reader_bytes(const struct store_reader *r)
{
        struct stat file = {}, wal = {};

        if (r->file_fd < 0 || fstat(r->file_fd, &file) < 0)
                file.st_size = 0;
        if (r->wal_fd < 0 || fstat(r->wal_fd, &wal) < 0)
                wal.st_size = 0;
        return file.st_size + wal.st_size;
}
