/* Samples as they are sent. */
#include "api/sheet.h"

#include "api/cursor.h"
#include "base/units.h"

static const char *const sample_columns[] = { "rss_bytes", "anon_bytes", "swap_bytes", "pss_bytes",
                                              "uss_bytes", "threads",    "cpu_seconds", NULL };
static const char *const step_columns[] = { "rss_min_bytes", "rss_mean_bytes", "rss_max_bytes", "anon_min_bytes",
                                            NULL };

static void add_column(struct sheet *s, const char *name)
{
        if (!s->csv) {
                json_add_text(&s->json, name);
                return;
        }
        if (!s->first)
                buffer_add_char(&s->text, ',');
        s->first = false;
        buffer_add_text(&s->text, name);
}

static void add_columns(struct sheet *s)
{
        const char *const *columns = s->call->query.step_ms ? step_columns : sample_columns;

        add_column(s, "at");
        if (s->process_count)
                add_column(s, s->process_count);
        for (; *columns; columns++)
                add_column(s, *columns);
}

void sheet_begin(struct sheet *s, struct call *c, const char *id, const char *process_count)
{
        *s = (struct sheet){ .call = c, .csv = c->query.format == FORMAT_CSV, .first = true, .next_ms = -1,
                             .process_count = process_count };
        s->json = json_begin(&s->text, false);
        if (s->csv) {
                add_columns(s);
                buffer_add_char(&s->text, '\n');
                return;
        }
        json_open(&s->json, '{');
        json_add_key(&s->json, "id");
        json_add_text(&s->json, id);
        json_add_key(&s->json, "columns");
        json_open(&s->json, '[');
        add_columns(s);
        json_close(&s->json, ']');
        json_add_key(&s->json, "samples");
        json_open_list(&s->json);
}

void sheet_done(struct sheet *s)
{
        buffer_done(&s->text);
}

static bool begin_row(struct sheet *s, int64_t at_ms)
{
        char time[UNITS_SIZE];

        if (s->rows == s->call->query.limit) {
                s->next_ms = at_ms;
                return false;
        }
        s->rows++;
        if (s->csv) {
                time_format(at_ms, time);
                buffer_add_text(&s->text, time);
        } else {
                json_open(&s->json, '[');
                json_add_time(&s->json, at_ms);
        }
        return true;
}

static void add_value(struct sheet *s, int64_t value)
{
        if (!s->csv) {
                json_add_known(&s->json, value);
                return;
        }
        buffer_add_char(&s->text, ',');
        if (value >= 0)
                buffer_add_int(&s->text, value);
}

static void add_milli(struct sheet *s, int64_t value)
{
        struct json j = json_begin(&s->text, true);

        if (!s->csv) {
                json_add_milli(&s->json, value);
                return;
        }
        buffer_add_char(&s->text, ',');
        if (value >= 0)
                json_add_milli(&j, value);
}

static void end_row(struct sheet *s)
{
        if (s->csv)
                buffer_add_char(&s->text, '\n');
        else
                json_close(&s->json, ']');
}

bool sheet_add_sample(struct sheet *s, int64_t at_ms, int64_t processes, const struct figures *f,
                      const struct detail *d)
{
        static const struct detail unknown = { -1, -1, -1, -1, -1, -1, -1, -1, -1 };

        if (!d)
                d = &unknown;
        if (!begin_row(s, at_ms))
                return false;
        if (s->process_count)
                add_value(s, processes);
        add_value(s, f->rss_bytes);
        add_value(s, f->anon_bytes);
        add_value(s, d->swap_bytes);
        add_value(s, d->pss_bytes);
        add_value(s, d->uss_bytes);
        add_value(s, d->threads);
        add_milli(s, d->cpu_ms);
        end_row(s);
        return true;
}

bool sheet_add_step(struct sheet *s, int64_t processes, const struct step *step)
{
        if (!begin_row(s, step->at_ms))
                return false;
        if (s->process_count)
                add_value(s, processes);
        add_value(s, step->rss_min_bytes);
        add_value(s, step->rss_mean_bytes);
        add_value(s, step->rss_max_bytes);
        add_value(s, step->anon_min_bytes);
        end_row(s);
        return true;
}

void sheet_finish(struct sheet *s, const char *next)
{
        struct call *c = s->call;

        if (s->csv) {
                link_next(c, next);
                answer_finish(c->answer, &c->api->pool, &s->text, "text/csv; charset=utf-8");
                return;
        }
        json_close(&s->json, ']');
        finish_list(&s->json, next);
        answer_finish(c->answer, &c->api->pool, &s->text, "application/json");
}

bool sheet_span(struct call *c, uint64_t listing, int64_t newest_ms, int64_t *ret_since_ms, int64_t *ret_until_ms)
{
        uint64_t at[3];

        *ret_since_ms = c->query.since_ms;
        *ret_until_ms = c->query.until_ms < newest_ms + 1 ? c->query.until_ms : newest_ms + 1;
        if (!c->query.cursor)
                return true;
        if (!cursor_parse(c->query.cursor, listing, at)) {
                refuse_cursor(c);
                return false;
        }
        *ret_since_ms = (int64_t)at[0];
        *ret_until_ms = (int64_t)at[1];
        return true;
}

void sheet_finish_span(struct sheet *s, uint64_t listing, int64_t until_ms)
{
        char next[CURSOR_SIZE];

        cursor_format((uint64_t[]){ (uint64_t)s->next_ms, (uint64_t)until_ms, 0 }, listing, next);
        sheet_finish(s, s->next_ms >= 0 ? next : NULL);
}
