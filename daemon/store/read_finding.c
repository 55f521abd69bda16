/* Findings, growth, the detectors' states, waiting alerts and looks, read. A file of version 1 has none of them, one of
 * version 2 no looks. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "model/look_bytes.h"
#include "store/findings.h"
#include "store/looks.h"
#include "store/read_private.h"

static char *text(sqlite3_stmt *q, int at)
{
        return (char *)sqlite3_column_text(q, at); /* struct finding owns its texts elsewhere; here they are lent */
}

static int64_t known(sqlite3_stmt *q, int at)
{
        return sqlite3_column_type(q, at) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, at);
}

/* 0, or why the last step gave no row. */
static int finish(struct store_reader *r, sqlite3_stmt *q, int rc, struct error *err)
{
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : read_failed(r, err);
        sqlite3_reset(q);
        return rc;
}

static bool read_kind(sqlite3_stmt *q, int at, enum finding_kind *ret_kind, enum severity *ret_severity)
{
        const char *kind = text(q, at), *severity = text(q, at + 1);

        return kind && severity && finding_kind_parse(kind, ret_kind) && severity_parse(severity, ret_severity);
}

static void read_app(sqlite3_stmt *q, int at, char ret[static APP_ID_SIZE])
{
        const char *app = text(q, at);

        if (app && strlen(app) < APP_ID_SIZE)
                strcpy(ret, app);
}

/* A row of a kind that nobody knows is passed over. */
static bool give(struct store_reader *r, sqlite3_stmt *q, store_finding_fn fn, void *data)
{
        struct finding f = { .number = sqlite3_column_int64(q, 0), .opened_at_ms = sqlite3_column_int64(q, 4),
                             .updated_at_ms = sqlite3_column_int64(q, 5), .closed_at_ms = known(q, 6),
                             .title = text(q, 7), .evidence = text(q, 8), .diagnosis = text(q, 9),
                             .advice = text(q, 10), .suspects = text(q, 11) };
        struct store_finding given = { .finding = &f, .app_name = text(q, 12), .name = text(q, 15) };
        const char *id = text(q, 14);
        int parts;

        if (!read_kind(q, 1, &f.kind, &f.severity) || !f.title)
                return true;
        read_app(q, 3, f.app_id);
        if (!given.app_name)
                given.app_name = "";
        given.has_process = id && process_id_parse(id, &given.id, &parts) && parts == 3;
        if (given.has_process) {
                f.process = (uint32_t)sqlite3_column_int64(q, 13);
                args_read(&r->args, text(q, 16));
                given.args = r->args.args;
                given.n_args = r->args.n;
                if (!given.name)
                        given.name = "";
        }
        return fn(data, &given);
}

static sqlite3_stmt *choose(struct store_reader *r, const struct store_finding_filter *filter)
{
        return read_sql(r, filter->process                          ? READ_FINDINGS_OF_PROCESS
                           : filter->state == STORE_FINDINGS_OPEN   ? READ_FINDINGS_OPEN
                           : filter->app_id                         ? READ_FINDINGS_OF_APP
                                                                    : READ_FINDINGS);
}

int store_read_findings(struct store_reader *r, const struct store_finding_filter *filter, store_finding_fn fn,
                        void *data, struct error *err)
{
        sqlite3_stmt *q = choose(r, filter);
        int rc;

        if (!q)
                return 0;
        sqlite3_clear_bindings(q);
        if (filter->process)
                sqlite3_bind_int64(q, 1, filter->process);
        if (filter->app_id)
                sqlite3_bind_text(q, 2, filter->app_id, -1, SQLITE_TRANSIENT);
        if (filter->of_kind)
                sqlite3_bind_text(q, 3, finding_kind_name(filter->kind), -1, SQLITE_STATIC);
        if (filter->state != STORE_FINDINGS_ALL)
                sqlite3_bind_int(q, 4, filter->state == STORE_FINDINGS_OPEN);
        sqlite3_bind_int64(q, 5, filter->below > 0 ? filter->below : INT64_MAX);
        sqlite3_bind_int64(q, 6, filter->limit ? (int64_t)filter->limit : -1);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
                if (!give(r, q, fn, data))
                        break;
        return finish(r, q, rc, err);
}

struct found { store_finding_fn fn; void *data; bool any; };

static bool note_found(void *data, const struct store_finding *f)
{
        struct found *found = data;

        found->any = true;
        return found->fn(found->data, f);
}

int store_find_finding(struct store_reader *r, int64_t number, store_finding_fn fn, void *data, struct error *err)
{
        struct found found = { fn, data, false };
        sqlite3_stmt *q = read_sql(r, READ_FINDING);
        int rc;

        if (!q)
                return 0;
        sqlite3_bind_int64(q, 1, number);
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW)
                give(r, q, note_found, &found);
        rc = finish(r, q, rc, err);
        return rc < 0 ? rc : found.any;
}

static int read_counts(struct store_reader *r, int64_t ret[static FINDING_KINDS], struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_FINDING_COUNTS);
        enum finding_kind kind;
        int rc;

        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
                if (text(q, 0) && finding_kind_parse(text(q, 0), &kind))
                        ret[kind] = sqlite3_column_int64(q, 1);
        return finish(r, q, rc, err);
}

int store_read_open_findings(struct store_reader *r, bool (*fn)(void *data, const struct store_finding_brief *f),
                             void *data, int64_t ret_opened[static FINDING_KINDS], struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_BRIEFS);
        int rc;

        memset(ret_opened, 0, FINDING_KINDS * sizeof ret_opened[0]);
        if (!q)
                return 0;
        rc = store_reader_begin(r, err);
        if (rc < 0)
                return rc;
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
                struct store_finding_brief f = { .number = sqlite3_column_int64(q, 0),
                                                 .process = (uint32_t)sqlite3_column_int64(q, 3) };

                if (!read_kind(q, 1, &f.kind, &f.severity))
                        continue;
                read_app(q, 4, f.app_id);
                if (!fn(data, &f))
                        break;
        }
        rc = finish(r, q, rc, err);
        if (rc == 0)
                rc = read_counts(r, ret_opened, err);
        store_reader_end(r);
        return rc;
}

int64_t store_read_finding_change(struct store_reader *r)
{
        sqlite3_stmt *q = read_sql(r, READ_FINDING_CHANGE);
        int64_t change;

        if (!q)
                return 0;
        change = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
        sqlite3_reset(q);
        return change;
}

static double known_double(sqlite3_stmt *q, int at)
{
        return sqlite3_column_type(q, at) == SQLITE_NULL ? NAN : sqlite3_column_double(q, at);
}

static bool read_verdict(const char *word, enum verdict *ret)
{
        for (int i = 0; word && i < VERDICTS; i++)
                if (strcmp(verdict_name((enum verdict)i), word) == 0) {
                        *ret = (enum verdict)i;
                        return true;
                }
        return false;
}

int store_read_growth(struct store_reader *r, uint32_t process, struct growth *ret, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_GROWTH);
        struct growth g = GROWTH_UNKNOWN;
        bool found = false;
        int rc;

        if (!q)
                return 0;
        sqlite3_bind_int64(q, 1, process);
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW && read_verdict(text(q, 0), &g.verdict)) {
                found = true;
                g.bytes_per_hour = known_double(q, 1);
                g.confidence = known_double(q, 2);
                g.since_at_ms = known(q, 3);
                g.limit_at_ms = known(q, 4);
                *ret = g;
        }
        rc = finish(r, q, rc, err);
        return rc < 0 ? rc : found;
}

/* The row's time and bytes. Copied: a statement that stands on its row would hold the file's WAL. */
static int read_bytes(struct store_reader *r, sqlite3_stmt *q, struct buffer *to, int64_t *ret_at_ms,
                      struct error *err)
{
        bool found = false;
        int rc = sqlite3_step(q);

        buffer_clear(to);
        if (rc == SQLITE_ROW) {
                const void *bytes = sqlite3_column_blob(q, 1);

                found = true;
                *ret_at_ms = sqlite3_column_int64(q, 0);
                buffer_add(to, bytes ? bytes : "", (size_t)sqlite3_column_bytes(q, 1));
        }
        rc = finish(r, q, rc, err);
        if (to->failed)
                return error_set(err, ENOMEM, "out of memory reading the database");
        return rc < 0 ? rc : found;
}

int store_read_trend(struct store_reader *r, uint32_t process, int64_t *ret_at_ms, const void **ret_bytes,
                     size_t *ret_size, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_TREND);
        int found;

        if (!q)
                return 0;
        sqlite3_bind_int64(q, 1, process);
        found = read_bytes(r, q, &r->trend, ret_at_ms, err);
        *ret_bytes = r->trend.data;
        *ret_size = r->trend.size;
        return found;
}

int store_read_look(struct store_reader *r, uint32_t process, int64_t *ret_at_ms, const void **ret_bytes,
                    size_t *ret_size, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_LOOK);
        int found;

        if (!q)
                return 0;
        sqlite3_bind_int64(q, 1, process);
        sqlite3_bind_int64(q, 2, LOOK_BYTES_MOST); /* whoever wrote the file */
        found = read_bytes(r, q, &r->look, ret_at_ms, err);
        *ret_bytes = r->look.data;
        *ret_size = r->look.size;
        return found;
}

int store_read_alerts(struct store_reader *r, uint32_t limit, bool (*fn)(void *data, const struct store_alert *a),
                      void *data, struct error *err)
{
        sqlite3_stmt *q = read_sql(r, READ_ALERTS);
        int rc;

        if (!q)
                return 0;
        sqlite3_bind_int64(q, 1, limit);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
                const char *target = text(q, 1);
                struct store_alert a = { .number = sqlite3_column_int64(q, 0), .at_ms = sqlite3_column_int64(q, 2),
                                         .body = text(q, 3) };

                a.target = target && strcmp(target, "exec") == 0 ? ALERT_EXEC : ALERT_WEBHOOK;
                if (!a.body || !fn(data, &a))
                        break;
        }
        return finish(r, q, rc, err);
}
