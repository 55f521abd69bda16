/* Rows about processes, events and apps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/read_private.h"

static char *text(sqlite3_stmt *q, int at)
{
        return (char *)sqlite3_column_text(q, at); /* struct identity owns its strings elsewhere; here they are lent */
}

static int64_t known(sqlite3_stmt *q, int at)
{
        return sqlite3_column_type(q, at) == SQLITE_NULL ? BYTES_UNKNOWN : sqlite3_column_int64(q, at);
}

static void fill_identity(struct store_reader *r, sqlite3_stmt *q, struct identity *ret)
{
        args_read(&r->args, text(q, 29));
        *ret = (struct identity){
                .cmdline_truncated = sqlite3_column_int(q, 3), .forked = sqlite3_column_int(q, 4),
                .ppid = sqlite3_column_int(q, 5), .uid = sqlite3_column_int64(q, 6), .name = text(q, 7),
                .user = text(q, 8), .python = text(q, 9), .framework = text(q, 10), .application = text(q, 11),
                .folder = text(q, 12),
                .unit = text(q, 13), .container = text(q, 14), .cgroup = text(q, 15), .limit_bytes = known(q, 16),
                .limit_kind = text(q, 17), .started_at_ms = sqlite3_column_int64(q, 18), .args = r->args.args,
                .n_args = r->args.n,
        };
        if (!ret->name)
                ret->name = (char *)"";
        if (!ret->application)
                ret->application = ret->name;
}

/* details: the newest of every process, by number, where all were read at once; else NULL. */
static bool give(struct store_reader *r, sqlite3_stmt *q, const struct table *details, store_process_fn fn, void *data)
{
        struct store_process p = { .number = (uint32_t)sqlite3_column_int64(q, 0), .change = sqlite3_column_int64(q, 2),
                                   .slot = UINT32_MAX };
        const char *id = text(q, 1), *app = text(q, 27);
        const struct detail *newest = details ? table_get(details, p.number) : NULL;
        bool running = sqlite3_column_type(q, 22) == SQLITE_NULL, sampled = sqlite3_column_type(q, 20) != SQLITE_NULL;
        int64_t last = sqlite3_column_type(q, 19) == SQLITE_NULL ? r->state.segment : sqlite3_column_int64(q, 19);
        int parts;

        if (!id || !process_id_parse(id, &p.id, &parts))
                return true;
        fill_identity(r, q, &p.who);
        if (app && strlen(app) < sizeof p.app_id)
                strcpy(p.app_id, app);
        p.app_name = text(q, 28) ? text(q, 28) : "";
        p.exited_at_ms = known(q, 22);
        p.sampled_at_ms = known(q, 23);
        p.last = (struct figures){ known(q, 24), known(q, 25) };
        p.peak_rss_bytes = known(q, 26);
        if (running && sampled) {
                p.slot = (uint32_t)sqlite3_column_int64(q, 20);
                if (r->tick.number >= sqlite3_column_int64(q, 21)) {
                        p.sampled_at_ms = r->tick.at_ms;
                        p.last = store_tick_figures(r, p.slot);
                }
        }
        if (newest)
                p.detail = *newest;
        else
                read_newest_detail(r, p.number, running && !details, last, sqlite3_column_int64(q, 30), &p.detail);
        if (p.detail.peak_rss_bytes >= 0)
                p.peak_rss_bytes = p.detail.peak_rss_bytes;
        else if (p.last.rss_bytes > p.peak_rss_bytes)
                p.peak_rss_bytes = p.last.rss_bytes;
        return fn(data, &p);
}

/* The newest reading of every process in detail_open. Values are one allocation each. */
struct details { struct table by_process; };

static void details_done(struct details *d)
{
        for (size_t i = 0; i < d->by_process.room; i++)
                free(d->by_process.entries[i].value);
        table_done(&d->by_process);
}

static void load_details(struct store_reader *r, int64_t after, struct details *ret)
{
        sqlite3_stmt *q = read_sql(r, READ_DETAILS_SINCE);

        sqlite3_bind_int64(q, 1, after);
        while (sqlite3_step(q) == SQLITE_ROW) {
                uint64_t process = (uint64_t)sqlite3_column_int64(q, 0);
                struct detail *d = table_get(&ret->by_process, process);

                if (!d) {
                        d = malloc(sizeof *d);
                        if (!d || !table_put(&ret->by_process, process, d)) {
                                free(d);
                                break;
                        }
                }
                *d = read_detail(q, 1);
        }
        sqlite3_reset(q);
}

/* Begins a snapshot and reads the newest tick, whose figures running processes have. */
static int begin(struct store_reader *r, struct error *err)
{
        struct store_tick tick;
        int rc = store_reader_begin(r, err);

        if (rc < 0)
                return rc;
        rc = store_read_newest(r, &tick, err);
        if (rc < 0)
                store_reader_end(r);
        return rc < 0 ? rc : 0;
}

/* Runs a bound statement. How many rows were given, or negative. */
static int give_all(struct store_reader *r, sqlite3_stmt *q, const struct table *details, store_process_fn fn,
                    void *data,
                    struct error *err)
{
        int n = 0, rc;

        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
                n++;
                if (!give(r, q, details, fn, data))
                        break;
        }
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
                n = read_failed(r, err);
        sqlite3_reset(q);
        return n;
}

int store_read_changed(struct store_reader *r, int64_t change, store_process_fn fn, void *data, struct error *err)
{
        _cleanup_(details_done) struct details details = {};
        sqlite3_stmt *q;
        int rc = begin(r, err);

        if (rc < 0)
                return rc;
        if (!change)
                load_details(r, 0, &details);
        q = read_sql(r, change ? READ_CHANGED : READ_RUNNING);
        if (change)
                sqlite3_bind_int64(q, 1, change);
        rc = give_all(r, q, change ? NULL : &details.by_process, fn, data, err);
        store_reader_end(r);
        return rc < 0 ? rc : 0;
}

int store_read_exited(struct store_reader *r, const char *app_id, store_process_fn fn, void *data, struct error *err)
{
        sqlite3_stmt *q;
        int rc = begin(r, err);

        if (rc < 0)
                return rc;
        q = read_sql(r, app_id ? READ_EXITED_OF_APP : READ_EXITED);
        if (app_id)
                sqlite3_bind_text(q, 1, app_id, -1, SQLITE_TRANSIENT);
        rc = give_all(r, q, NULL, fn, data, err);
        store_reader_end(r);
        return rc < 0 ? rc : 0;
}

int store_find_process(struct store_reader *r, const struct process_id *id, int parts, store_process_fn fn, void *data,
                       struct error *err)
{
        char text_id[PROCESS_ID_MAX], end[PROCESS_ID_MAX], *cut = text_id;
        sqlite3_stmt *q;
        int rc = begin(r, err);

        if (rc < 0)
                return rc;
        process_id_format(id, text_id);
        q = read_sql(r, parts >= 3 ? READ_BY_ID : READ_BY_PREFIX);
        if (parts < 3) {
                /* "4242-" up to "4242.", the character behind '-'. */
                for (int i = 0; i < parts; i++)
                        cut = strchr(cut, '-') + 1;
                *cut = '\0';
                strcpy(end, text_id);
                end[strlen(end) - 1] = '-' + 1;
                sqlite3_bind_text(q, 2, end, -1, SQLITE_TRANSIENT);
        }
        sqlite3_bind_text(q, 1, text_id, -1, SQLITE_TRANSIENT);
        rc = give_all(r, q, NULL, fn, data, err);
        store_reader_end(r);
        return rc > 0 ? 1 : rc;
}

int store_read_all_processes(struct store_reader *r, store_process_fn fn, void *data, struct error *err)
{
        int rc = begin(r, err);

        if (rc < 0)
                return rc;
        rc = give_all(r, read_sql(r, READ_ALL), NULL, fn, data, err);
        store_reader_end(r);
        return rc < 0 ? rc : 0;
}

int store_read_process(struct store_reader *r, uint32_t number, store_process_fn fn, void *data, struct error *err)
{
        sqlite3_stmt *q;
        int rc = begin(r, err);

        if (rc < 0)
                return rc;
        q = read_sql(r, READ_NUMBER);
        sqlite3_bind_int64(q, 1, number);
        rc = give_all(r, q, NULL, fn, data, err);
        store_reader_end(r);
        return rc > 0 ? 1 : rc;
}

/* Rows since then may have been sealed and dropped; then every open process's newest reading is given once more. */
static bool dropped_since(struct store_reader *r, int64_t detail_change)
{
        sqlite3_stmt *q = read_sql(r, READ_DETAIL_LEAST);
        bool found = sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL;
        int64_t least = found ? sqlite3_column_int64(q, 0) : r->tick.detail_change + 1;

        sqlite3_reset(q);
        return least > detail_change + 1;
}

int store_read_details(struct store_reader *r, int64_t detail_change, store_detail_fn fn, void *data, struct error *err)
{
        _cleanup_(details_done) struct details details = {};
        sqlite3_stmt *q;
        int rc = begin(r, err);
        bool all;

        if (rc < 0)
                return rc;
        all = dropped_since(r, detail_change);
        load_details(r, all ? 0 : detail_change, &details);
        q = read_sql(r, READ_RUNNING);
        while (all && sqlite3_step(q) == SQLITE_ROW) {
                uint32_t process = (uint32_t)sqlite3_column_int64(q, 0);
                struct detail d;

                if (!table_get(&details.by_process, process) &&
                    read_newest_detail(r, process, false, r->state.segment, sqlite3_column_int64(q, 30), &d))
                        fn(data, process, &d);
        }
        sqlite3_reset(q);
        for (size_t i = 0; i < details.by_process.room; i++)
                if (details.by_process.entries[i].value)
                        fn(data, (uint32_t)details.by_process.entries[i].key, details.by_process.entries[i].value);
        store_reader_end(r);
        return 0;
}

int store_read_events(struct store_reader *r, uint32_t process, int64_t after_rowid, store_event_fn fn, void *data,
                      struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_EVENTS);
        int rc;

        sqlite3_bind_int64(q, 1, process);
        sqlite3_bind_int64(q, 2, after_rowid);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
                struct store_event e = { .rowid = sqlite3_column_int64(q, 0), .at_ms = sqlite3_column_int64(q, 1),
                                         .event = text(q, 2), .text = text(q, 3) };

                if (!fn(data, &e))
                        break;
        }
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : read_failed(r, err);
        sqlite3_reset(q);
        return rc;
}

int store_read_apps(struct store_reader *r, store_app_fn fn, void *data, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_APPS);
        int rc;

        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
                struct store_app a = { .name = text(q, 1), .framework = text(q, 2), .unit = text(q, 3),
                                       .container = text(q, 4) };
                const char *id = text(q, 0);

                if (!id || strlen(id) >= sizeof a.id)
                        continue;
                strcpy(a.id, id);
                if (!fn(data, &a))
                        break;
        }
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : read_failed(r, err);
        sqlite3_reset(q);
        return rc;
}

int store_read_members(struct store_reader *r, const char *app_id, int64_t since_ms, int64_t until_ms,
                       bool (*fn)(void *data, uint32_t process), void *data, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_MEMBERS);
        int rc;

        sqlite3_bind_text(q, 1, app_id, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(q, 2, since_ms);
        sqlite3_bind_int64(q, 3, until_ms);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
                if (!fn(data, (uint32_t)sqlite3_column_int64(q, 0)))
                        break;
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : read_failed(r, err);
        sqlite3_reset(q);
        return rc;
}
