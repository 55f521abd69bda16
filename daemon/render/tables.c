/* The columns of processes, of apps and of findings. */
#include "render/tables.h"

#include <stdio.h>
#include <string.h>

#include "render/table.h"
#include "render/verdict.h"

enum { NAME_MOST = 48 };

static void cell_bytes(const void *field, const struct table_options *o, struct table_cell *ret)
{
        int64_t bytes = *(const int64_t *)field;

        figure_bytes(bytes, o->utf8, ret->figure);
        if (bytes < 0)
                ret->style = LINE_QUIET;
}

static void cell_count(const void *field, const struct table_options *o, struct table_cell *ret)
{
        figure_count(*(const int64_t *)field, o->utf8, ret->figure);
}

static void set_text(const char *text, const struct table_options *o, struct table_cell *ret)
{
        bool known = text && *text;

        ret->text = known ? text : figure_unknown(o->utf8);
        if (!known)
                ret->style = LINE_QUIET;
}

static void cell_text(const void *field, const struct table_options *o, struct table_cell *ret)
{
        set_text(*(const char *const *)field, o, ret);
}

static void cell_verdict(const void *field, const struct table_options *o, struct table_cell *ret)
{
        const char *words = verdict_words(*(const char *const *)field, o->utf8, &ret->style);

        set_text(words, o, ret);
}

static void set_name(const char *name, const char *verdict, const struct table_options *o, struct table_cell *ret)
{
        set_text(name, o, ret);
        if (verdict_leaks(verdict))
                ret->style = LINE_BOLD;
}

static void set_growth(bool known, double bytes_per_hour, const struct table_options *o, struct table_cell *ret)
{
        figure_growth(known, bytes_per_hour, o->utf8, ret->figure);
        if (!known || strcmp(ret->figure, "steady") == 0)
                ret->style = LINE_QUIET;
}

static void process_pid(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct process_row *p = row;

        if (p->pid < 0)
                set_text(NULL, o, ret);
        else
                snprintf(ret->figure, sizeof ret->figure, "%d", (int)p->pid);
}

static void process_name(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct process_row *p = row;

        set_name(p->name, p->verdict, o, ret);
}

static void process_growth(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct process_row *p = row;

        set_growth(p->growth_known, p->bytes_per_hour, o, ret);
}

static void process_age(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct process_row *p = row;
        int64_t age_ms = p->now_ms - p->started_at_ms;

        /* A clock set back puts a start into the future: 0 s then, since its start is known all the same. */
        figure_age(p->started_at_ms < 0 ? -1 : age_ms < 0 ? 0 : age_ms, o->utf8, ret->figure);
}

#define PROCESS_FIELD(name) offsetof(struct process_row, name)

static const struct table_column process_columns[] = {
        /* The first is left out while all of them run. */
        { .title = "STATE", .rank = 5, .field = PROCESS_FIELD(state), .cell = cell_text },
        { .title = "PID", .rank = 0, .right = true, .cell = process_pid },
        { .title = "NAME", .rank = 1, .least = 16, .most = NAME_MOST, .cut = LINE_CUT_MIDDLE, .cell = process_name },
        { .title = "MEMORY", .rank = 2, .right = true, .field = PROCESS_FIELD(rss_bytes), .cell = cell_bytes },
        { .title = "GROWTH", .rank = 4, .right = true, .cell = process_growth },
        { .title = "VERDICT", .rank = 3, .field = PROCESS_FIELD(verdict), .cell = cell_verdict },
        { .title = "APP", .rank = 6, .least = 16, .most = NAME_MOST, .cut = LINE_CUT_MIDDLE,
          .field = PROCESS_FIELD(app), .cell = cell_text },
        { .title = "USER", .rank = 8, .most = 16, .cut = LINE_CUT_END,
          .field = PROCESS_FIELD(user), .cell = cell_text },
        { .title = "PSS", .rank = 9, .right = true, .field = PROCESS_FIELD(pss_bytes), .cell = cell_bytes },
        { .title = "SWAP", .rank = 10, .right = true, .field = PROCESS_FIELD(swap_bytes), .cell = cell_bytes },
        { .title = "AGE", .rank = 7, .right = true, .cell = process_age },
        { .title = "COMMAND", .rank = 11, .least = 24, .most = 400, .cut = LINE_CUT_END,
          .field = PROCESS_FIELD(cmdline), .cell = cell_text },
};

void render_process_table(const struct process_row *rows, size_t n, const struct table_options *options,
                          struct buffer *out)
{
        size_t n_columns = sizeof process_columns / sizeof *process_columns, skip = 1;

        for (size_t i = 0; i < n; i++)
                if (rows[i].state && strcmp(rows[i].state, "running") != 0)
                        skip = 0;
        table_write(&(struct table){ .columns = process_columns + skip, .n_columns = n_columns - skip, .rows = rows,
                                     .n_rows = n, .row_size = sizeof *rows }, options, out);
}

static void app_name_cell(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct app_row *a = row;

        set_name(a->name, a->verdict, o, ret);
}

static void app_growth_cell(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct app_row *a = row;

        set_growth(a->growth_known, a->bytes_per_hour, o, ret);
}

#define APP_FIELD(name) offsetof(struct app_row, name)

static const struct table_column app_columns[] = {
        { .title = "APP", .rank = 0, .least = 20, .most = NAME_MOST, .cut = LINE_CUT_MIDDLE, .cell = app_name_cell },
        { .title = "PROCESSES", .rank = 4, .right = true, .field = APP_FIELD(processes), .cell = cell_count },
        { .title = "MEMORY", .rank = 1, .right = true, .field = APP_FIELD(rss_bytes), .cell = cell_bytes },
        { .title = "GROWTH", .rank = 3, .right = true, .cell = app_growth_cell },
        { .title = "VERDICT", .rank = 2, .field = APP_FIELD(verdict), .cell = cell_verdict },
        { .title = "PSS", .rank = 6, .right = true, .field = APP_FIELD(pss_bytes), .cell = cell_bytes },
        { .title = "SWAP", .rank = 8, .right = true, .field = APP_FIELD(swap_bytes), .cell = cell_bytes },
        { .title = "LIMIT", .rank = 7, .right = true, .field = APP_FIELD(limit_bytes), .cell = cell_bytes },
        { .title = "UNIT", .rank = 5, .least = 16, .most = NAME_MOST, .cut = LINE_CUT_MIDDLE,
          .field = APP_FIELD(unit), .cell = cell_text },
};

void render_app_table(const struct app_row *rows, size_t n, const struct table_options *options, struct buffer *out)
{
        table_write(&(struct table){ .columns = app_columns, .n_columns = sizeof app_columns / sizeof *app_columns,
                                     .rows = rows, .n_rows = n, .row_size = sizeof *rows }, options, out);
}

static void finding_number(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct finding_row *f = row;

        (void)o;
        snprintf(ret->figure, sizeof ret->figure, "%lld", (long long)f->number);
}

static void finding_severity(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct finding_row *f = row;
        const char *words = severity_words(f->severity, o->utf8, &ret->style);

        set_text(words, o, ret);
        if (f->state && strcmp(f->state, "open") != 0)
                ret->style = LINE_QUIET;
}

static void finding_pid(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct finding_row *f = row;

        if (f->pid < 0)
                set_text("all", o, ret);
        else
                snprintf(ret->figure, sizeof ret->figure, "%lld", (long long)f->pid);
}

static void finding_growth(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct finding_row *f = row;
        char size[FIGURE_SIZE];

        if (f->step_bytes < 0) {
                set_growth(f->growth_known, f->bytes_per_hour, o, ret);
                return;
        }
        figure_bytes(f->step_bytes, o->utf8, size);
        snprintf(ret->figure, sizeof ret->figure, "+%.40s", size);
}

static void finding_since(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct finding_row *f = row;

        figure_time(f->since_ms, f->now_ms, o->utf8, ret->figure);
}

static void finding_limit(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct finding_row *f = row;

        figure_forecast(f->limit_at_ms, f->now_ms, false, o->utf8, ret->figure);
        if (strcmp(ret->figure, figure_unknown(o->utf8)) == 0)
                ret->style = LINE_QUIET;
}

#define FINDING_FIELD(name) offsetof(struct finding_row, name)

static const struct table_column finding_columns[] = {
        /* The first is left out while all of them are open. */
        { .title = "STATE", .rank = 5, .field = FINDING_FIELD(state), .cell = cell_text },
        { .title = "N", .rank = 0, .right = true, .cell = finding_number },
        { .title = "SEVERITY", .rank = 1, .cell = finding_severity },
        { .title = "KIND", .rank = 6, .field = FINDING_FIELD(kind), .cell = cell_text },
        { .title = "APP", .rank = 2, .least = 16, .most = NAME_MOST, .cut = LINE_CUT_MIDDLE,
          .field = FINDING_FIELD(app), .cell = cell_text },
        { .title = "PID", .rank = 7, .right = true, .cell = finding_pid },
        { .title = "GROWTH", .rank = 3, .right = true, .cell = finding_growth },
        { .title = "SINCE", .rank = 8, .right = true, .cell = finding_since },
        { .title = "LIMIT", .rank = 4, .cell = finding_limit },
        { .title = "TITLE", .rank = 9, .least = 40, .cut = LINE_CUT_END, .field = FINDING_FIELD(title),
          .cell = cell_text },
};

void render_finding_table(const struct finding_row *rows, size_t n, const struct table_options *options,
                          struct buffer *out)
{
        size_t n_columns = sizeof finding_columns / sizeof *finding_columns, skip = 1;

        for (size_t i = 0; i < n; i++)
                if (rows[i].state && strcmp(rows[i].state, "open") != 0)
                        skip = 0;
        table_write(&(struct table){ .columns = finding_columns + skip, .n_columns = n_columns - skip, .rows = rows,
                                     .n_rows = n, .row_size = sizeof *rows }, options, out);
}
