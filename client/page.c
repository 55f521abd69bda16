/* The page of one process. */
#include "client/page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/figures.h"
#include "render/line.h"
#include "render/paragraph.h"
#include "render/verdict.h"

enum {
        WIDTH_OTHERWISE = 80,  /* of the chart in a pipe */
        TWO_COLUMNS_FROM = 72, /* a narrower terminal gets the facts in one column */
        LABEL_WIDTH = 11,
        LEFT_WIDTH = 36,
        COMMAND_LINES_MOST = 6,
        SEVERITY_WIDTH = 10,   /* "▲ critical" */
        CHART_HEIGHT = 16,
};

/* A label and what is known: foreign text, or a figure made here. */
struct fact {
        const char *label, *text;
        char figure[3 * FIGURE_SIZE];
        enum line_style style;
};

static void spaces(struct buffer *out, int n)
{
        for (; n > 0; n--)
                buffer_add_char(out, ' ');
}

static void styled(struct buffer *out, const char *text, enum line_style style, const struct table_options *o)
{
        buffer_add_text(out, line_style_on(style, o->color));
        line_add(out, text, o->width, LINE_CUT_END, o->utf8);
        buffer_add_text(out, line_style_off(style, o->color));
}

static struct fact text_fact(const char *label, const char *text)
{
        return (struct fact){ .label = label, .text = text && *text ? text : NULL };
}

static struct fact bytes_fact(const char *label, int64_t bytes, const struct table_options *o)
{
        struct fact f = { .label = label };

        figure_bytes(bytes, o->utf8, f.figure);
        return f;
}

static struct fact count_fact(const char *label, int64_t count, const struct table_options *o)
{
        struct fact f = { .label = label };

        figure_count(count, o->utf8, f.figure);
        return f;
}

/* A pid is a name, not a count: no thin space within. */
static struct fact pid_fact(const char *label, int64_t pid, const struct table_options *o)
{
        struct fact f = { .label = label };

        if (pid < 0) /* not known */
                return count_fact(label, pid, o);
        snprintf(f.figure, sizeof f.figure, "%lld", (long long)pid);
        return f;
}

static struct fact limit_fact(const struct page *p, const struct table_options *o)
{
        struct fact f = bytes_fact("Limit", p->limit_bytes, o);
        size_t used = strlen(f.figure);
        char when[FIGURE_SIZE];

        figure_forecast(p->limit_at_ms, p->now_ms, false, o->utf8, when);
        if (strcmp(when, figure_unknown(o->utf8)) != 0) {
                /* The limit that comes first may be the machine's memory, which is no limit of its own. */
                if (p->limit_bytes < 0)
                        used = (size_t)snprintf(f.figure, sizeof f.figure, "reached");
                snprintf(f.figure + used, sizeof f.figure - used, " %s", when);
                return f;
        }
        if (p->limit_bytes >= 0 && p->limit_kind)
                snprintf(f.figure + used, sizeof f.figure - used, " (%.40s)", p->limit_kind);
        return f;
}

static struct fact growth_fact(const struct page *p, const struct table_options *o)
{
        struct fact f = { .label = "Growth" };

        figure_growth(p->growth_known, p->bytes_per_hour, o->utf8, f.figure);
        return f;
}

static struct fact verdict_fact(const struct page *p, const struct table_options *o)
{
        struct fact f = { .label = "Verdict" };
        char since[FIGURE_SIZE];

        f.text = verdict_words(p->verdict, o->utf8, &f.style);
        if (f.text && verdict_leaks(p->verdict) && p->growing_since_ms >= 0) {
                figure_time(p->growing_since_ms, p->now_ms, o->utf8, since);
                snprintf(f.figure, sizeof f.figure, "%.30s since %s", f.text, since);
                f.text = NULL;
        }
        return f;
}

static struct fact cpu_fact(const struct page *p, const struct table_options *o)
{
        struct fact f = { .label = "CPU time" };

        figure_seconds(p->cpu_seconds, o->utf8, f.figure);
        return f;
}

static struct fact time_fact(const char *label, int64_t at_ms, const struct page *p, const struct table_options *o)
{
        struct fact f = { .label = label };

        figure_time(at_ms, p->now_ms, o->utf8, f.figure);
        return f;
}

/* "gunicorn, Python 3.11" */
static struct fact runs_fact(const struct page *p)
{
        struct fact f = { .label = "Runs" };

        if (p->framework && p->python)
                snprintf(f.figure, sizeof f.figure, "%.60s, Python %.20s", p->framework, p->python);
        else if (p->python)
                snprintf(f.figure, sizeof f.figure, "Python %.20s", p->python);
        else
                f.text = p->framework;
        return f;
}

/* Returns how many columns it took. */
static int write_fact(const struct fact *f, int width, const struct table_options *o, struct buffer *out)
{
        const char *text = f->text ? f->text : *f->figure ? f->figure : figure_unknown(o->utf8);
        int used;

        buffer_add_text(out, line_style_on(LINE_QUIET, o->color));
        buffer_format(out, "%-*s", LABEL_WIDTH, f->label);
        buffer_add_text(out, line_style_off(LINE_QUIET, o->color));
        buffer_add_text(out, line_style_on(f->style, o->color));
        used = LABEL_WIDTH + line_add(out, text, width ? width - LABEL_WIDTH : 0, LINE_CUT_MIDDLE, o->utf8);
        buffer_add_text(out, line_style_off(f->style, o->color));
        return used;
}

static void write_facts(const struct page *p, const struct table_options *o, struct buffer *out)
{
        const struct fact left[] = {
                bytes_fact("Memory", p->rss_bytes, o), bytes_fact("Peak", p->peak_rss_bytes, o),
                bytes_fact("Anonymous", p->anon_bytes, o), bytes_fact("PSS", p->pss_bytes, o),
                bytes_fact("USS", p->uss_bytes, o), bytes_fact("Swap", p->swap_bytes, o), limit_fact(p, o),
                growth_fact(p, o), verdict_fact(p, o), cpu_fact(p, o),
        };
        const struct fact right[] = {
                text_fact("App", p->app), runs_fact(p), text_fact("User", p->user), pid_fact("Parent", p->ppid, o),
                time_fact("Started", p->started_at_ms, p, o), text_fact("Unit", p->unit),
                text_fact("Container", p->container), text_fact("Cgroup", p->cgroup),
                count_fact("Threads", p->threads, o), count_fact("Files", p->fds, o),
        };
        bool two = !o->width || o->width >= TWO_COLUMNS_FROM;
        size_t n = sizeof left / sizeof *left;

        for (size_t i = 0; i < n; i++) {
                int used = write_fact(&left[i], two ? LEFT_WIDTH - 2 : o->width, o, out);

                if (two) {
                        spaces(out, LEFT_WIDTH - used);
                        write_fact(&right[i], o->width ? o->width - LEFT_WIDTH : 0, o, out);
                }
                buffer_add_char(out, '\n');
        }
        for (size_t i = 0; i < n && !two; i++) {
                write_fact(&right[i], o->width, o, out);
                buffer_add_char(out, '\n');
        }
}

/* The whole command line, folded to the terminal's width; of a huge one the beginning and the end. */
static void write_command(const struct page *p, const struct table_options *o, struct buffer *out)
{
        if (!p->cmdline || !*p->cmdline)
                return;
        line_add(out, p->cmdline, o->width * COMMAND_LINES_MOST - 1, LINE_CUT_MIDDLE, o->utf8);
        if (p->cmdline_truncated)
                buffer_add_text(out, o->utf8 ? "…" : "~");
        buffer_add_char(out, '\n');
}

static void write_head(const struct page *p, const struct table_options *o, struct buffer *out)
{
        char age[FIGURE_SIZE], when[FIGURE_SIZE], text[4 * FIGURE_SIZE];
        int64_t end_ms = p->exited_at_ms >= 0 ? p->exited_at_ms : p->sampled_at_ms;
        int64_t span_ms = end_ms > p->started_at_ms ? end_ms - p->started_at_ms : 0;

        if (p->started_at_ms < 0 || end_ms < 0)
                span_ms = -1;
        figure_age(span_ms, o->utf8, age);
        figure_time(p->exited_at_ms, p->now_ms, o->utf8, when);
        buffer_add_text(out, line_style_on(LINE_BOLD, o->color));
        line_add(out, p->name, !o->width ? 0 : o->width < 90 ? 30 : 48, LINE_CUT_MIDDLE, o->utf8);
        buffer_format(out, " %" PRId64, p->pid);
        buffer_add_text(out, line_style_off(LINE_BOLD, o->color));
        if (p->exited_at_ms >= 0)
                snprintf(text, sizeof text, "  exited %s after %s", when, age);
        else
                snprintf(text, sizeof text, "  running for %s", age);
        styled(out, text, LINE_QUIET, o);
        buffer_add_char(out, '\n');
        styled(out, p->id, LINE_QUIET, o);
        buffer_add_char(out, '\n');
}

static void write_chart(const struct page *p, const struct table_options *o, struct buffer *out)
{
        char span[FIGURE_SIZE], title[2 * FIGURE_SIZE];

        if (p->until_ms - p->since_ms == INT64_C(86400000))
                snprintf(span, sizeof span, "24 h");
        else
                figure_age(p->until_ms - p->since_ms, o->utf8, span);
        snprintf(title, sizeof title, p->exited_at_ms >= 0 ? "Memory in its last %s" : "Memory, last %s", span);
        styled(out, title, LINE_BOLD, o);
        buffer_add_char(out, '\n');
        if (!p->n_points) {
                styled(out, "No sample of this time is stored.", LINE_QUIET, o);
                buffer_add_char(out, '\n');
                return;
        }
        render_chart(p->points, p->n_points, &(struct chart_options){
                .width = o->width ? o->width : WIDTH_OTHERWISE, .height = CHART_HEIGHT, .since_ms = p->since_ms,
                .until_ms = p->until_ms, .now_ms = p->now_ms, .gap_ms = p->gap_ms, .utf8 = o->utf8,
                .color = o->color }, out);
}

static void write_finding(const struct page *p, const struct page_finding *f, const struct table_options *o,
                          struct buffer *out)
{
        char number[24], closed[2 * FIGURE_SIZE] = "", when[FIGURE_SIZE];
        enum line_style style;
        const char *mark = severity_words(f->severity, o->utf8, &style);
        bool open = f->closed_at_ms < 0;
        int at;

        buffer_add_text(out, line_style_on(open ? style : LINE_QUIET, o->color));
        at = line_add(out, mark, SEVERITY_WIDTH, LINE_CUT_END, o->utf8);
        buffer_add_text(out, line_style_off(open ? style : LINE_QUIET, o->color));
        snprintf(number, sizeof number, "%lld", (long long)f->number);
        spaces(out, SEVERITY_WIDTH - at + 2);
        at = SEVERITY_WIDTH + 2 + line_add(out, number, 0, LINE_CUT_END, o->utf8);
        spaces(out, 2);
        if (!open) {
                figure_time(f->closed_at_ms, p->now_ms, o->utf8, when);
                snprintf(closed, sizeof closed, "closed %s: ", when);
                at += line_add(out, closed, 0, LINE_CUT_END, o->utf8);
        }
        paragraph_add(out, f->title, at + 2, SEVERITY_WIDTH + 2, open ? LINE_BOLD : LINE_QUIET, o);
}

static void write_findings(const struct page *p, const struct table_options *o, struct buffer *out)
{
        styled(out, "Findings", LINE_BOLD, o);
        if (!p->n_findings)
                styled(out, "  none", LINE_QUIET, o);
        buffer_add_char(out, '\n');
        for (size_t i = 0; i < p->n_findings; i++)
                write_finding(p, &p->findings[i], o, out);
        if (p->n_findings) {
                char text[64];

                snprintf(text, sizeof text, "memtide findings %lld says why, and what to do.",
                         (long long)p->findings[0].number);
                styled(out, text, LINE_QUIET, o);
                buffer_add_char(out, '\n');
        }
}

static void write_events(const struct page *p, const struct table_options *o, struct buffer *out)
{
        char when[FIGURE_SIZE];

        styled(out, "Events", LINE_BOLD, o);
        if (!p->n_events)
                styled(out, "  none", LINE_QUIET, o);
        else if (p->events_left_out)
                styled(out, "  the newest", LINE_QUIET, o);
        buffer_add_char(out, '\n');
        for (size_t i = 0; i < p->n_events; i++) {
                const struct page_event *e = &p->events[i];
                int used;

                figure_time(e->at_ms, p->now_ms, o->utf8, when);
                buffer_add_text(out, line_style_on(LINE_QUIET, o->color));
                spaces(out, 12 - line_add(out, when, 0, LINE_CUT_END, o->utf8));
                buffer_add_text(out, line_style_off(LINE_QUIET, o->color));
                used = line_add(out, e->event, o->width ? 12 : 0, LINE_CUT_END, o->utf8);
                if (e->text && *e->text) {
                        spaces(out, used < 10 ? 10 - used : 1);
                        line_add(out, e->text, o->width > 26 ? o->width - 25 : o->width, LINE_CUT_MIDDLE, o->utf8);
                }
                buffer_add_char(out, '\n');
        }
}

void page_write(const struct page *p, const struct table_options *options, struct buffer *out)
{
        write_head(p, options, out);
        write_command(p, options, out);
        buffer_add_char(out, '\n');
        write_facts(p, options, out);
        buffer_add_char(out, '\n');
        write_chart(p, options, out);
        buffer_add_char(out, '\n');
        write_findings(p, options, out);
        buffer_add_char(out, '\n');
        write_events(p, options, out);
}
