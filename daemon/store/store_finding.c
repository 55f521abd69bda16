/* Findings, alerts, the detectors' states and last words: queued, then written like all else. A number is given in
 * memory and gets into the file with the first thing that bears it; what was killed before that was seen by nobody. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

#define TREND_BYTES_MAX (64 << 10)
#define ALERT_ROOM (64 << 10) /* in the largest size, for each that may wait: a body may hold a long command line */

static const char *const targets[ALERT_TARGETS] = { [ALERT_WEBHOOK] = "webhook", [ALERT_EXEC] = "exec" };

/* They go on from the file's, or stay above it where memory is further on. */
void store_load_numbers(struct store *s)
{
        int64_t finding = store_int(s, SQL_LAST_FINDING, 0), alert = store_int(s, SQL_LAST_ALERT, 0);

        if (finding > s->last_finding)
                s->last_finding = finding;
        if (alert > s->last_alert)
                s->last_alert = alert;
        s->findings_looked_ms = 0;
}

/* For a file that was begun anew. */
void store_queue_numbers(struct store *s)
{
        struct op *op = queue_add(s, OP_NUMBERS, 0);

        (void)op; /* out of memory: the next finding says it as well */
}

int64_t store_next_finding(struct store *s)
{
        return ++s->last_finding;
}

void store_put_finding(struct store *s, const struct finding *f)
{
        const char *const texts[] = { f->title, f->evidence, f->diagnosis, f->advice, f->suspects };
        struct finding *copy = f->number > 0 ? calloc(1, sizeof *copy) : NULL;
        size_t bytes = sizeof *copy;
        struct op *op;

        if (!copy || finding_copy(f, copy) < 0) {
                free(copy);
                return;
        }
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
                bytes += texts[i] ? strlen(texts[i]) : 0;
        op = queue_add(s, OP_FINDING, bytes);
        if (!op) {
                finding_done(copy);
                free(copy);
                return;
        }
        op->process = f->process ? process_number(s, f->process) : 0;
        op->of.finding = copy;
        if (f->number > s->last_finding)
                s->last_finding = f->number;
}

/* All of them together may fill an eighth of the largest size; beyond that they are done without. */
void store_put_trend(struct store *s, uint32_t process, int64_t at_ms, const void *bytes, size_t size)
{
        struct op *op;
        void *copy;

        if (!table_get(&s->by_handle, process) || size > TREND_BYTES_MAX ||
            (int64_t)(s->n_processes * size) > s->options.max_bytes / 8)
                return;
        copy = malloc(size ? size : 1);
        op = copy ? queue_add(s, OP_TREND, size) : NULL;
        if (!op) {
                free(copy);
                return;
        }
        if (size)
                memcpy(copy, bytes, size);
        op->process = process_number(s, process);
        op->at_ms = at_ms;
        op->of.trend.bytes = copy;
        op->of.trend.size = size;
}

void store_put_growth(struct store *s, uint32_t process, const struct growth *growth)
{
        struct op *op = queue_add(s, OP_GROWTH, 0);

        if (!op)
                return;
        op->process = process_number(s, process);
        op->of.growth = *growth;
}

void store_put_alert(struct store *s, enum alert_target target, int64_t at_ms, const char *body)
{
        char *copy = strdup(body);
        struct op *op = copy ? queue_add(s, OP_ALERT, strlen(copy)) : NULL;

        if (!op) {
                free(copy);
                return;
        }
        op->at_ms = at_ms;
        op->of.alert.number = ++s->last_alert;
        op->of.alert.target = target;
        op->of.alert.body = copy;
}

void store_drop_alert(struct store *s, int64_t alert)
{
        struct op *op = queue_add(s, OP_DROP_ALERT, 0);

        if (op)
                op->of.alert.number = alert;
}

int64_t store_dropped_alerts(const struct store *s)
{
        return s->dropped_alerts;
}

static int note_numbers(struct store *s, int64_t finding, int64_t alert, int change)
{
        sqlite3_stmt *q = store_sql(s, SQL_NOTE_NUMBERS);

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, finding);
        sqlite3_bind_int64(q, 2, alert);
        sqlite3_bind_int(q, 3, change);
        return store_step(s, SQL_NOTE_NUMBERS);
}

/* Counted when it is new in this file. */
static int count_finding(struct store *s, const struct finding *f)
{
        sqlite3_stmt *q = store_sql(s, SQL_COUNT_FINDING);

        if (!q)
                return sqlite3_errcode(s->db);
        sql_bind_text(q, 1, finding_kind_name(f->kind));
        sqlite3_bind_int64(q, 2, f->number);
        return store_step(s, SQL_COUNT_FINDING);
}

static int write_finding(struct store *s, const struct op *op)
{
        const struct finding *f = op->of.finding;
        int rc = count_finding(s, f);
        sqlite3_stmt *q = rc == SQLITE_OK ? store_sql(s, SQL_PUT_FINDING) : NULL;

        if (!q)
                return rc == SQLITE_OK ? sqlite3_errcode(s->db) : rc;
        sqlite3_bind_int64(q, 1, f->number);
        sql_bind_text(q, 2, finding_kind_name(f->kind));
        sql_bind_text(q, 3, severity_name(f->severity));
        sql_bind_known(q, 4, op->process ? (int64_t)op->process : -1);
        sql_bind_text(q, 5, f->app_id);
        sqlite3_bind_int64(q, 6, f->opened_at_ms);
        sqlite3_bind_int64(q, 7, f->updated_at_ms);
        sql_bind_known(q, 8, f->closed_at_ms);
        sql_bind_text(q, 9, f->title ? f->title : "");
        sql_bind_text(q, 10, f->evidence);
        sql_bind_text(q, 11, f->diagnosis);
        sql_bind_text(q, 12, f->advice);
        sql_bind_text(q, 13, f->suspects);
        rc = store_step(s, SQL_PUT_FINDING);
        return rc == SQLITE_OK ? note_numbers(s, f->number, 0, 1) : rc;
}

static int write_trend(struct store *s, const struct op *op)
{
        sqlite3_stmt *q = store_sql(s, SQL_PUT_TREND);

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->process);
        sqlite3_bind_int64(q, 2, op->at_ms);
        sqlite3_bind_blob(q, 3, op->of.trend.bytes, (int)op->of.trend.size, SQLITE_STATIC);
        return store_step(s, SQL_PUT_TREND);
}

static void bind_double(sqlite3_stmt *q, int at, double value)
{
        if (isfinite(value))
                sqlite3_bind_double(q, at, value);
        else
                sqlite3_bind_null(q, at);
}

static int write_growth(struct store *s, const struct op *op)
{
        const struct growth *g = &op->of.growth;
        sqlite3_stmt *q = store_sql(s, SQL_PUT_GROWTH);

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->process);
        sql_bind_text(q, 2, verdict_name(g->verdict));
        bind_double(q, 3, g->bytes_per_hour);
        bind_double(q, 4, g->confidence);
        sql_bind_known(q, 5, g->since_at_ms);
        sql_bind_known(q, 6, g->limit_at_ms);
        return store_step(s, SQL_PUT_GROWTH);
}

static int64_t alerts_most(const struct store *s)
{
        int64_t most = s->options.max_bytes / ALERT_ROOM;

        return most < ALERTS_MOST ? most : ALERTS_MOST;
}

/* The oldest make room for it. */
static int write_alert(struct store *s, const struct op *op)
{
        sqlite3_stmt *q = store_sql(s, SQL_PUT_ALERT);
        int rc;

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->of.alert.number);
        sql_bind_text(q, 2, targets[op->of.alert.target]);
        sqlite3_bind_int64(q, 3, op->at_ms);
        sql_bind_text(q, 4, op->of.alert.body);
        rc = store_step(s, SQL_PUT_ALERT);
        if (rc == SQLITE_OK)
                rc = note_numbers(s, 0, op->of.alert.number, 0);
        q = rc == SQLITE_OK ? store_sql(s, SQL_BOUND_ALERTS) : NULL;
        if (!q)
                return rc == SQLITE_OK ? sqlite3_errcode(s->db) : rc;
        sqlite3_bind_int64(q, 1, alerts_most(s));
        rc = store_step(s, SQL_BOUND_ALERTS);
        s->alerts_over += rc == SQLITE_OK ? sqlite3_changes(s->db) : 0;
        return rc;
}

static int drop_alert(struct store *s, const struct op *op)
{
        sqlite3_stmt *q = store_sql(s, SQL_DROP_ALERT);

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->of.alert.number);
        return store_step(s, SQL_DROP_ALERT);
}

int store_write_finding_op(struct store *s, const struct op *op)
{
        switch (op->kind) {
        case OP_FINDING: return write_finding(s, op);
        case OP_TREND: return write_trend(s, op);
        case OP_GROWTH: return write_growth(s, op);
        case OP_ALERT: return write_alert(s, op);
        case OP_DROP_ALERT: return drop_alert(s, op);
        case OP_NUMBERS: return note_numbers(s, s->last_finding, s->last_alert, 0);
        default: return SQLITE_OK;
        }
}

int store_note_findings(struct store *s)
{
        return note_numbers(s, 0, 0, 1);
}

/* Whoever watches for leaks never hears of processes that were gone before it began. */
int store_close_ended(struct store *s, int64_t at_ms)
{
        sqlite3_stmt *q = store_sql(s, SQL_CLOSE_ENDED);
        int rc;

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, at_ms);
        rc = store_step(s, SQL_CLOSE_ENDED);
        if (rc == SQLITE_OK && sqlite3_changes(s->db) > 0)
                rc = store_note_findings(s);
        return rc == SQLITE_OK ? store_step(s, SQL_DROP_ENDED_TRENDS) : rc;
}
