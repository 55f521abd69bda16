/* Every statement of the writer, prepared when first needed, and what SQLite's errors mean. */
#include <errno.h>
#include <string.h>

#include "store/store_private.h"

static const char *const sql_texts[STATEMENTS] = {
        [SQL_BEGIN] = "BEGIN IMMEDIATE",
        [SQL_COMMIT] = "COMMIT",
        [SQL_ROLLBACK] = "ROLLBACK",
        [SQL_PUT_APP] = "INSERT OR IGNORE INTO app_row VALUES (?, ?, ?, ?, ?, ?, ?)",
        [SQL_FIND_TEXT] = "SELECT id FROM text_row WHERE hash = ? AND value = ?",
        [SQL_PUT_TEXT] = "INSERT INTO text_row (hash, value) VALUES (?, ?)",
        [SQL_PUT_PROCESS] =
                "INSERT INTO process_row (no, id, pid, change, app, cmdline, cmdline_truncated, forked, ppid, uid,"
                " name, user, python, framework, application, folder, unit, container, cgroup, limit_bytes, limit_kind,"
                " started_at_ms, first_segment, slot, slot_tick)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (no) DO UPDATE SET change = excluded.change, app = excluded.app,"
                " cmdline = excluded.cmdline, cmdline_truncated = excluded.cmdline_truncated,"
                " forked = excluded.forked, ppid = excluded.ppid,"
                " uid = excluded.uid, name = excluded.name, user = excluded.user, python = excluded.python,"
                " framework = excluded.framework, application = excluded.application, folder = excluded.folder,"
                " unit = excluded.unit, container = excluded.container, cgroup = excluded.cgroup,"
                " limit_bytes = excluded.limit_bytes, limit_kind = excluded.limit_kind, slot = excluded.slot,"
                " slot_tick = excluded.slot_tick, last_segment = NULL, exited_at_ms = NULL",
        [SQL_END_PROCESS] =
                "UPDATE process_row SET change = ?2, exited_at_ms = ?3, last_segment = ?4,"
                " sampled_at_ms = coalesce(?5, sampled_at_ms), rss_bytes = coalesce(?6, rss_bytes),"
                " anon_bytes = iif(?6 IS NULL, anon_bytes, ?7), peak_rss_bytes = coalesce(?8, peak_rss_bytes),"
                " slot = NULL WHERE no = ?1",
        [SQL_STOP_PROCESS] =
                "UPDATE process_row SET last_segment = ?2, sampled_at_ms = coalesce(?3, sampled_at_ms),"
                " rss_bytes = coalesce(?4, rss_bytes), anon_bytes = iif(?4 IS NULL, anon_bytes, ?5),"
                " peak_rss_bytes = coalesce(?6, peak_rss_bytes), slot = NULL WHERE no = ?1",
        [SQL_DROP_SHARED] = "DELETE FROM shared_open WHERE process = ?",
        [SQL_PUT_EVENT] = "INSERT INTO event_row (process, at_ms, event, text) VALUES (?, ?, ?, ?)",
        [SQL_STRANGERS_EVENT] =
                "INSERT INTO event_row (process, at_ms, event, text)"
                " SELECT no, ?, 'exited', 'It exited while memtided was not running.' FROM process_row"
                " WHERE exited_at_ms IS NULL AND slot IS NULL",
        [SQL_END_STRANGERS] =
                "UPDATE process_row SET exited_at_ms = ?, change = ? WHERE exited_at_ms IS NULL AND slot IS NULL",
        [SQL_PUT_SEGMENT] = "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, NULL)",
        [SQL_PUT_TICK] = "INSERT OR REPLACE INTO ring VALUES (?, ?, ?, ?, ?, ?, ?)",
        [SQL_PUT_SHARED] = "INSERT OR REPLACE INTO shared_open VALUES (?, ?, ?)",
        [SQL_PUT_DETAIL] = "INSERT OR REPLACE INTO detail_open VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [SQL_PUT_STATE] = "UPDATE state SET segment = ?, seal_first = ?, seal_next = ?, seal_process = ?",
        [SQL_PUT_CHUNK] = "INSERT OR REPLACE INTO chunk VALUES (?, ?)",
        [SQL_PUT_DETAIL_CHUNK] = "INSERT OR REPLACE INTO detail_chunk VALUES (?, ?)",
        [SQL_PUT_TIME] = "INSERT OR REPLACE INTO tick VALUES (?, ?)",
        [SQL_END_SEGMENT] = "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?)",
        [SQL_TRIM_SHARED] =
                "DELETE FROM shared_open WHERE process = ?1 AND tick <"
                " (SELECT max(tick) FROM shared_open WHERE process = ?1 AND tick <= ?2)",
        [SQL_SET_PEAK] = "UPDATE process_row SET peak_rss_bytes = ?2 WHERE no = ?1",
        [SQL_MAKE_AHEAD] = "INSERT OR REPLACE INTO ring VALUES (?, ?, ?, ?, ?, ?, zeroblob(?))",
        [SQL_DROP_DETAILS] = "DELETE FROM detail_open WHERE id > ? AND id <= ?",
        [SQL_FIND_PROCESS] = "SELECT no, exited_at_ms, first_segment, peak_rss_bytes FROM process_row WHERE id = ?",
        [SQL_FIND_CHUNK] = "SELECT payload FROM chunk WHERE id = ?",
        [SQL_FIND_DETAIL_CHUNK] = "SELECT payload FROM detail_chunk WHERE id = ?",
        [SQL_FIND_APP_KEY] = "SELECT no, id, key, name, framework, unit, container FROM app_row WHERE key = ?",
        [SQL_FIND_APP_ID] = "SELECT no, id, key, name, framework, unit, container FROM app_row WHERE id = ?",
        [SQL_FIND_APP_NAME] = "SELECT no FROM app_row WHERE name = ?",
        [SQL_OLDEST_SEGMENT] = "SELECT no, first_tick, last_at_ms FROM segment ORDER BY no LIMIT 1",
        [SQL_DROP_CHUNKS] =
                "DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE id < ? ORDER BY id LIMIT ?)",
        [SQL_DROP_DETAIL_CHUNKS] =
                "DELETE FROM detail_chunk WHERE id IN (SELECT id FROM detail_chunk WHERE id < ? ORDER BY id LIMIT ?)",
        [SQL_DROP_TIMES] = "DELETE FROM tick WHERE no < ?",
        [SQL_DROP_SEGMENT] = "DELETE FROM segment WHERE no = ?",
        [SQL_OLD_PROCESSES] =
                "SELECT no, cmdline, app FROM (SELECT no, cmdline, app, last_segment, exited_at_ms FROM process_row"
                " WHERE exited_at_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM finding_row WHERE process = no)"
                " ORDER BY exited_at_ms LIMIT 64)"
                " WHERE last_segment < ?1 AND exited_at_ms < ?2",
        [SQL_OLDEST_ENDED] =
                "SELECT no, cmdline, app, first_segment, last_segment FROM process_row WHERE exited_at_ms IS NOT NULL"
                " ORDER BY exited_at_ms LIMIT 64",
        [SQL_DROP_PROCESS] = "DELETE FROM process_row WHERE no = ?",
        [SQL_DROP_EVENTS] = "DELETE FROM event_row WHERE process = ?",
        [SQL_DROP_TEXT] =
                "DELETE FROM text_row WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM process_row WHERE cmdline = ?1)",
        [SQL_DROP_APP] =
                "DELETE FROM app_row WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM process_row WHERE app = ?1)"
                " AND NOT EXISTS (SELECT 1 FROM finding_row WHERE app = app_row.id)",
        [SQL_OLD_EVENTS] =
                "DELETE FROM event_row WHERE id IN (SELECT id FROM event_row ORDER BY id LIMIT 256) AND at_ms < ?",
        [SQL_DROP_PROCESS_CHUNK] = "DELETE FROM chunk WHERE id = ?",
        [SQL_DROP_PROCESS_DETAIL] = "DELETE FROM detail_chunk WHERE id = ?",
        [SQL_PAGE_COUNT] = "PRAGMA page_count",
        [SQL_FREE_COUNT] = "PRAGMA freelist_count",
        [SQL_COUNT_FINDING] =
                "INSERT INTO finding_count SELECT ?1, 1 WHERE NOT EXISTS (SELECT 1 FROM finding_row WHERE id = ?2)"
                " ON CONFLICT (kind) DO UPDATE SET opened = opened + 1",
        [SQL_PUT_FINDING] = "INSERT OR REPLACE INTO finding_row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [SQL_NOTE_NUMBERS] =
                "UPDATE finding_state SET last_finding = max(last_finding, ?), last_alert = max(last_alert, ?),"
                " change = change + ?",
        [SQL_LAST_FINDING] =
                "SELECT max(last_finding, coalesce((SELECT max(id) FROM finding_row), 0)) FROM finding_state",
        [SQL_LAST_ALERT] = "SELECT max(last_alert, coalesce((SELECT max(id) FROM alert_row), 0)) FROM finding_state",
        [SQL_PUT_TREND] = "INSERT OR REPLACE INTO trend_row VALUES (?, ?, ?)",
        [SQL_DROP_TREND] = "DELETE FROM trend_row WHERE process = ?",
        [SQL_PUT_GROWTH] = "INSERT OR REPLACE INTO growth_row VALUES (?, ?, ?, ?, ?, ?)",
        [SQL_DROP_GROWTH] = "DELETE FROM growth_row WHERE process = ?",
        [SQL_PUT_ALERT] = "INSERT INTO alert_row VALUES (?, ?, ?, ?)",
        [SQL_DROP_ALERT] = "DELETE FROM alert_row WHERE id = ?",
        [SQL_BOUND_ALERTS] =
                "DELETE FROM alert_row WHERE id <= (SELECT id FROM alert_row ORDER BY id DESC LIMIT 1 OFFSET ?)",
        /* Also of those whose row is gone: then at ?1. */
        [SQL_CLOSE_ENDED] =
                "UPDATE finding_row SET updated_at_ms = e.at_ms, closed_at_ms = e.at_ms FROM"
                " (SELECT f.id, max(f.updated_at_ms, coalesce(p.exited_at_ms, ?1)) AS at_ms FROM finding_row f"
                " LEFT JOIN process_row p ON p.no = f.process WHERE f.closed_at_ms IS NULL AND f.process IS NOT NULL"
                " AND (p.no IS NULL OR p.exited_at_ms IS NOT NULL)) AS e WHERE finding_row.id = e.id",
        [SQL_DROP_ENDED_TRENDS] =
                "DELETE FROM trend_row WHERE NOT EXISTS"
                " (SELECT 1 FROM process_row p WHERE p.no = trend_row.process AND p.exited_at_ms IS NULL)",
        [SQL_OLD_FINDINGS] =
                "SELECT f.id, a.no FROM finding_row f LEFT JOIN app_row a ON a.id = f.app"
                " WHERE f.closed_at_ms < ? ORDER BY f.closed_at_ms LIMIT 64",
        [SQL_EXTRA_FINDING] =
                "SELECT closed_at_ms FROM finding_row WHERE closed_at_ms IS NOT NULL"
                " ORDER BY closed_at_ms DESC LIMIT 1 OFFSET ?",
        [SQL_DROP_FINDING] = "DELETE FROM finding_row WHERE id = ?",
        [SQL_DROP_FINDINGS_OF] = "DELETE FROM finding_row WHERE process = ? AND closed_at_ms IS NOT NULL",
        [SQL_PUT_LOOK] =
                "INSERT OR REPLACE INTO look_row (process, at_ms, size, look)"
                " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM process_row WHERE no = ?1)",
        [SQL_DROP_LOOK] = "DELETE FROM look_row WHERE process = ?",
        [SQL_LOOKS_SIZE] = "SELECT sum(size) FROM look_row",
        /* Those of ended processes before all others; of these, the ones that were not renewed for the longest time. */
        [SQL_LOOKS_LEAST_MISSED] =
                "SELECT l.process, l.size FROM look_row l LEFT JOIN process_row p ON p.no = l.process"
                " ORDER BY p.no IS NOT NULL AND (p.exited_at_ms IS NULL OR EXISTS"
                " (SELECT 1 FROM finding_row f WHERE f.process = l.process AND f.closed_at_ms IS NULL)),"
                " coalesce(p.exited_at_ms, l.at_ms), l.process LIMIT 64",
};

sqlite3_stmt *store_sql(struct store *s, enum statement which)
{
        if (s->db && !s->statements[which])
                sqlite3_prepare_v3(s->db, sql_texts[which], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[which], NULL);
        return s->db ? s->statements[which] : NULL;
}

int store_step(struct store *s, enum statement which)
{
        sqlite3_stmt *q = store_sql(s, which);
        int rc;

        if (!q)
                return s->db ? sqlite3_errcode(s->db) : SQLITE_CANTOPEN;
        sqlite3_step(q);
        rc = sqlite3_reset(q);
        return rc & 0xff;
}

int64_t store_int(struct store *s, enum statement which, int64_t none)
{
        sqlite3_stmt *q = store_sql(s, which);
        int64_t value = none;

        if (!q)
                return none;
        if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
                value = sqlite3_column_int64(q, 0);
        sqlite3_reset(q);
        return value;
}

void sql_bind_text(sqlite3_stmt *q, int at, const char *text)
{
        if (text)
                sqlite3_bind_text(q, at, text, -1, SQLITE_STATIC);
        else
                sqlite3_bind_null(q, at);
}

void sql_bind_known(sqlite3_stmt *q, int at, int64_t value)
{
        if (value >= 0)
                sqlite3_bind_int64(q, at, value);
        else
                sqlite3_bind_null(q, at);
}

/* Errors that say nothing by themselves (SQLITE_IOERR) are told apart by errno. */
enum health store_health(struct store *s, int rc, struct error *err)
{
        int code = s->db ? sqlite3_system_errno(s->db) : 0;
        enum health h = HEALTH_DISK_FULL;

        switch (rc & 0xff) {
        case SQLITE_OK:
                return HEALTH_OK;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
                h = HEALTH_DATABASE_LOCKED;
                break;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
                h = HEALTH_READ_ONLY;
                break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                h = HEALTH_DATABASE_GONE;
                s->damaged = true;
                break;
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
                h = code == EROFS || code == EACCES || code == EPERM ? HEALTH_READ_ONLY
                    : code == ENOENT                                 ? HEALTH_DATABASE_GONE
                                                                     : HEALTH_DISK_FULL;
                break;
        }
        error_set(err, code ? code : EIO, "cannot write the database %s: %s%s%s", s->path,
                  s->db ? sqlite3_errmsg(s->db) : "it is not open", code ? ": " : "", code ? strerror(code) : "");
        return h;
}
