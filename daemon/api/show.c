/* A process as it is shown. */
#include "api/show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/match.h"

bool show_row(const struct row *row, const struct snapshot *s, struct shown *ret)
{
        *ret = (struct shown){ .who = row->who, .exited_at_ms = -1, .sampled_at_ms = s->at_ms, .now = row->now,
                               .detail = row->reading->detail, .peak_rss_bytes = row->peak_rss_bytes,
                               .growth = row->growth, .findings = s->findings };
        ret->who->refs++;
        return true;
}

bool show_stored(const struct store_process *p, const struct snapshot *s, const struct growth *growth,
                 struct shown *ret)
{
        *ret = (struct shown){ .who = known_new(p), .exited_at_ms = p->exited_at_ms, .sampled_at_ms = p->sampled_at_ms,
                               .now = p->last, .detail = p->detail, .peak_rss_bytes = p->peak_rss_bytes,
                               .growth = *growth, .findings = s->findings };
        return ret->who != NULL;
}

void shown_done(struct shown *s)
{
        s->who = known_unref(s->who);
}

static bool value_matches(const char *json, const struct buffer *needle, struct buffer scratch[2])
{
        buffer_clear(&scratch[0]);
        json_unescape(json, &scratch[0]);
        return scratch[0].size && match_text(scratch[0].data, scratch[0].size, needle, &scratch[1]);
}

bool show_matches(const struct known *who, const struct buffer *needle, struct buffer scratch[2])
{
        return !needle->size || value_matches(who->text + who->name_at, needle, scratch) ||
               value_matches(who->text + who->cmdline_at, needle, scratch) ||
               value_matches(who->text + who->app_name_at, needle, scratch) ||
               value_matches(who->text + who->unit_at, needle, scratch);
}

bool show_growth_rate(const struct growth *g, int64_t *ret)
{
        if (!isfinite(g->bytes_per_hour) || fabs(g->bytes_per_hour) > 9e18)
                return false;
        *ret = llround(g->bytes_per_hour);
        return true;
}

void show_write_growth(struct json *j, const struct growth *g)
{
        bool sure = g->confidence >= 0 && g->confidence <= 1;
        int64_t rate;

        json_add_key(j, "growth");
        json_open(j, '{');
        json_add_key(j, "verdict");
        json_add_text(j, verdict_name(g->verdict));
        json_add_key(j, "bytes_per_hour");
        if (show_growth_rate(g, &rate))
                json_add_int(j, rate);
        else
                json_add_null(j);
        json_add_key(j, "confidence");
        /* Rounded down: 0.9996 is not certain. */
        json_add_milli(j, sure ? (int64_t)(g->confidence * 1000 + 1e-6) : -1);
        json_put_time(j, "since_at", g->since_at_ms);
        json_put_time(j, "limit_at", g->limit_at_ms);
        json_close(j, '}');
}

void show_write_figures(struct json *j, const struct shown *s)
{
        const struct detail *d = &s->detail;

        json_add_key(j, "state");
        if (s->exited_at_ms < 0)
                json_add_raw(j, "\"running\"", 9);
        else
                json_add_raw(j, "\"exited\"", 8);
        json_put_time(j, "started_at", s->who->started_at_ms);
        json_put_time(j, "exited_at", s->exited_at_ms);
        json_put_time(j, "sampled_at", s->sampled_at_ms > 0 ? s->sampled_at_ms : -1);
        json_put_known(j, "rss_bytes", s->now.rss_bytes);
        json_put_known(j, "peak_rss_bytes", s->peak_rss_bytes);
        json_put_known(j, "anon_bytes", s->now.anon_bytes);
        json_put_known(j, "pss_bytes", d->pss_bytes);
        json_put_known(j, "uss_bytes", d->uss_bytes);
        json_put_known(j, "swap_bytes", d->swap_bytes);
        json_put_known(j, "threads", d->threads);
        json_put_known(j, "fds", d->fds);
        json_add_key(j, "cpu_seconds");
        json_add_milli(j, d->cpu_ms);
        json_put_known(j, "rchar_bytes", d->rchar_bytes);
        json_put_known(j, "read_bytes", d->read_bytes);
        show_write_growth(j, &s->growth);
        open_findings_write_process(s->findings, s->who->number, j);
}

void show_write(struct json *j, const struct shown *s)
{
        json_open(j, '{');
        json_add_raw(j, s->who->text, s->who->size);
        show_write_figures(j, s);
        json_close(j, '}');
}

/* The text of a JSON value of ours goes behind the others; where it begins, or SIZE_MAX for null. */
static size_t add_cell(struct buffer *texts, const char *json)
{
        size_t at = texts->size;

        if (*json == 'n')
                return SIZE_MAX;
        json_unescape(json, texts);
        buffer_add_char(texts, '\0');
        return at;
}

static const char *cell_text(const struct buffer *texts, size_t at)
{
        return at == SIZE_MAX ? NULL : texts->data + at;
}

struct cells {
        size_t name, app, user, cmdline;
};

static void fill_row(struct process_row *row, const struct shown *s, const struct cells *at, const struct buffer *texts,
                     int64_t now_ms)
{
        int64_t rate = 0;
        bool known = show_growth_rate(&s->growth, &rate);

        *row = (struct process_row){
                .pid = s->who->id.pid,
                .name = cell_text(texts, at->name),
                .app = cell_text(texts, at->app),
                .user = cell_text(texts, at->user),
                .cmdline = cell_text(texts, at->cmdline),
                .state = s->exited_at_ms < 0 ? "running" : "exited",
                .verdict = verdict_name(s->growth.verdict),
                .growth_known = known,
                .bytes_per_hour = (double)rate,
                .rss_bytes = s->now.rss_bytes,
                .pss_bytes = s->detail.pss_bytes,
                .swap_bytes = s->detail.swap_bytes,
                .started_at_ms = s->who->started_at_ms,
                .now_ms = now_ms,
        };
}

bool show_write_table(struct buffer *to, const struct shown *list, size_t n, int64_t now_ms)
{
        _cleanup_(freep) struct process_row *rows = calloc(n + 1, sizeof *rows);
        _cleanup_(freep) struct cells *cells = calloc(n + 1, sizeof *cells);
        _cleanup_(buffer_done) struct buffer texts = {};

        if (!rows || !cells)
                return false;
        for (size_t i = 0; i < n; i++) {
                const struct known *who = list[i].who;

                cells[i].name = add_cell(&texts, who->text + who->name_at);
                cells[i].app = add_cell(&texts, who->text + who->app_name_at);
                cells[i].user = add_cell(&texts, who->text + who->user_at);
                cells[i].cmdline = add_cell(&texts, who->text + who->cmdline_at);
        }
        if (texts.failed)
                return false;
        for (size_t i = 0; i < n; i++)
                fill_row(&rows[i], &list[i], &cells[i], &texts, now_ms);
        render_process_table(rows, n, &(struct table_options){ .utf8 = true }, to);
        return true;
}
