/* memtide show: asks for one process, its samples, its findings and its events, and shows them as one page. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "client/answer.h"
#include "client/daemon.h"
#include "client/memtide.h"
#include "client/page.h"
#include "model/process.h"

#define DAY_MS INT64_C(86400000)

enum {
        POINTS_MOST = 400,
        EVENTS_SHOWN = 8,
        OPEN_SHOWN = 10,
        CLOSED_SHOWN = 3,
        EVENT_PAGES_MOST = 1000,
        SPAN_LEAST_MS = 10000, /* a process of a second ago still gets a chart with a time axis */
};

/* What the page is made from; its texts live in the documents. */
struct show {
        struct client *client;
        struct error *err;
        struct page page;
        json_t *process, *newest_events, *page_of_events, *open, *closed;
        struct buffer body, cmdline;
        struct chart_point *points;
        struct page_finding findings[OPEN_SHOWN + CLOSED_SHOWN];
        int64_t numbers[OPEN_SHOWN]; /* of open ones, as the process bears them */
        size_t n_numbers;
        struct page_event events[EVENTS_SHOWN];
};

static void show_done(struct show *s)
{
        json_decref(s->process);
        json_decref(s->newest_events);
        json_decref(s->page_of_events);
        json_decref(s->open);
        json_decref(s->closed);
        buffer_done(&s->body);
        buffer_done(&s->cmdline);
        free(s->points);
}

/* GET /processes/ID and what follows it. */
static int get(struct show *s, const char *id, const char *rest)
{
        _cleanup_(buffer_done) struct buffer path = {};

        buffer_format(&path, "/processes/%s%s", id, rest);
        buffer_add_char(&path, '\0');
        if (path.failed)
                return error_set(s->err, ENOMEM, "out of memory");
        return daemon_get(s->client->daemon, path.data, &s->body, s->err);
}

static void read_cmdline(struct show *s, struct answer *a)
{
        const json_t *args = answer_list(a, s->process, "cmdline");

        for (size_t i = 0; i < json_array_size(args); i++) {
                const char *arg = json_string_value(json_array_get(args, i));

                if (!arg)
                        answer_fail(a, "\"cmdline\" is not a list of texts");
                buffer_add_text(&s->cmdline, i ? " " : "");
                buffer_add_text(&s->cmdline, arg ? arg : "");
        }
        buffer_add_char(&s->cmdline, '\0');
        s->page.cmdline = s->cmdline.failed ? NULL : s->cmdline.data;
        s->page.cmdline_truncated = json_is_true(json_object_get(s->process, "cmdline_truncated"));
}

static void read_numbers(struct show *s, struct answer *a)
{
        const json_t *list = answer_list(a, s->process, "findings");

        for (size_t i = 0; i < json_array_size(list); i++) {
                int64_t number = answer_value_int(a, json_array_get(list, i), "findings");

                if (s->n_numbers < OPEN_SHOWN)
                        s->numbers[s->n_numbers++] = number;
        }
}

static void read_identity(struct show *s, struct answer *a)
{
        const json_t *p = s->process, *app = answer_object(a, p, "app");
        struct page *to = &s->page;
        struct process_id id;
        int parts;

        to->id = answer_need_text(a, p, "id");
        if (!a->wrong && !process_id_parse(to->id, &id, &parts))
                answer_fail(a, "\"id\" is not the id of a process");
        to->pid = answer_need_int(a, p, "pid");
        to->name = answer_need_text(a, p, "name");
        to->ppid = answer_int(a, p, "ppid");
        to->app = app ? answer_text(a, app, "name") : NULL;
        to->user = answer_text(a, p, "user");
        to->framework = answer_text(a, p, "framework");
        to->python = answer_text(a, p, "python");
        to->unit = answer_text(a, p, "unit");
        to->container = answer_text(a, p, "container");
        to->cgroup = answer_text(a, p, "cgroup");
        to->limit_bytes = answer_int(a, p, "limit_bytes");
        to->limit_kind = answer_text(a, p, "limit_kind");
        to->started_at_ms = answer_time(a, p, "started_at");
        to->exited_at_ms = answer_time(a, p, "exited_at");
        to->sampled_at_ms = answer_time(a, p, "sampled_at");
        read_cmdline(s, a);
}

static void read_figures(struct show *s, struct answer *a)
{
        struct growth_answer growth = answer_growth(a, s->process);
        struct page *to = &s->page;

        to->rss_bytes = answer_int(a, s->process, "rss_bytes");
        to->peak_rss_bytes = answer_int(a, s->process, "peak_rss_bytes");
        to->anon_bytes = answer_int(a, s->process, "anon_bytes");
        to->pss_bytes = answer_int(a, s->process, "pss_bytes");
        to->uss_bytes = answer_int(a, s->process, "uss_bytes");
        to->swap_bytes = answer_int(a, s->process, "swap_bytes");
        to->threads = answer_int(a, s->process, "threads");
        to->fds = answer_int(a, s->process, "fds");
        to->cpu_seconds = answer_number(a, s->process, "cpu_seconds");
        to->verdict = growth.verdict;
        to->growth_known = growth.known;
        to->bytes_per_hour = growth.bytes_per_hour;
        to->limit_at_ms = growth.limit_at_ms;
        to->growing_since_ms = growth.since_at_ms;
        read_numbers(s, a);
}

static int read_process(struct show *s)
{
        struct answer a = { .what = "/processes/ID", .err = s->err };

        s->process = answer_load(&a, &s->body);
        if (!s->process)
                return -EPROTO;
        read_identity(s, &a);
        read_figures(s, &a);
        return a.wrong ? -EPROTO : 0;
}

static int64_t choose_step_ms(int64_t span_ms)
{
        static const int64_t steps_s[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300 };

        for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++)
                if (span_ms / (steps_s[i] * 1000) < POINTS_MOST)
                        return steps_s[i] * 1000;
        return span_ms / POINTS_MOST;
}

static ssize_t find_column(struct answer *a, const json_t *columns, const char *name)
{
        for (size_t i = 0; i < json_array_size(columns); i++) {
                const char *column = json_string_value(json_array_get(columns, i));

                if (column && strcmp(column, name) == 0)
                        return (ssize_t)i;
        }
        answer_fail(a, "it has no column \"%s\"", name);
        return -1;
}

/* One point a row, in the middle of its step. */
static int read_points(struct show *s, int64_t step_ms)
{
        struct answer a = { .what = "/processes/ID/samples", .err = s->err };
        _cleanup_(json_decrefp) json_t *root = answer_load(&a, &s->body);
        const json_t *columns = root ? answer_need_list(&a, root, "columns") : NULL;
        const json_t *rows = root ? answer_need_list(&a, root, "samples") : NULL;
        ssize_t at, least, most;
        size_t n = json_array_size(rows);

        if (a.wrong)
                return -EPROTO;
        at = find_column(&a, columns, "at");
        least = find_column(&a, columns, "rss_min_bytes");
        most = find_column(&a, columns, "rss_max_bytes");
        free(s->points);
        s->page.n_points = 0;
        s->page.points = s->points = calloc(n + 1, sizeof *s->points);
        if (!s->points)
                return error_set(s->err, ENOMEM, "out of memory");
        for (size_t i = 0; i < n && !a.wrong; i++) {
                const json_t *row = json_array_get(rows, i);

                s->points[i] = (struct chart_point){
                        .at_ms = answer_value_time(&a, json_array_get(row, (size_t)at), "at"),
                        .least_bytes = answer_value_int(&a, json_array_get(row, (size_t)least), "rss_min_bytes"),
                        .most_bytes = answer_value_int(&a, json_array_get(row, (size_t)most), "rss_max_bytes"),
                };
                if (s->points[i].at_ms < 0)
                        answer_fail(&a, "a sample has no \"at\"");
                s->points[i].at_ms += step_ms / 2;
        }
        s->page.n_points = n;
        return a.wrong ? -EPROTO : 0;
}

static int get_points(struct show *s)
{
        char since[UNITS_SIZE], until[UNITS_SIZE], step[UNITS_SIZE], query[4 * UNITS_SIZE];
        int64_t step_ms = choose_step_ms(s->page.until_ms - s->page.since_ms);
        int r;

        time_format(s->page.since_ms, since);
        time_format(s->page.until_ms + 1, until);
        duration_format(step_ms, step);
        snprintf(query, sizeof query, "/samples?since=%s&until=%s&step=%s", since, until, step);
        r = get(s, s->page.id, query);
        if (r >= 0)
                r = read_points(s, step_ms);
        /* Ends of the axis are the newest sample's and the oldest's own times, not the middles of their steps. */
        for (size_t i = 0; r >= 0 && i < s->page.n_points; i++) {
                int64_t *at_ms = &s->points[i].at_ms;

                if (*at_ms < s->page.since_ms)
                        *at_ms = s->page.since_ms;
                if (*at_ms > s->page.until_ms)
                        *at_ms = s->page.until_ms;
        }
        return r;
}

static int compare_spans(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

/* Points three times as far apart as is usual are not joined: nothing was sampled there. 0: too few to tell. */
static int64_t find_gap_ms(const struct chart_point *points, size_t n)
{
        _cleanup_(freep) int64_t *spans = n > 2 ? calloc(n, sizeof *spans) : NULL;

        if (!spans)
                return 0;
        for (size_t i = 1; i < n; i++)
                spans[i - 1] = points[i].at_ms - points[i - 1].at_ms;
        qsort(spans, n - 1, sizeof *spans, compare_spans);
        return spans[(n - 1) / 2] > 0 ? 3 * spans[(n - 1) / 2] + 1 : 0;
}

/* The last day, or the life of a younger process. Where the store begins later than that, the chart does too. */
static int get_chart(struct show *s)
{
        struct page *p = &s->page;
        int r;

        p->until_ms = p->exited_at_ms >= 0 ? p->exited_at_ms : p->sampled_at_ms >= 0 ? p->sampled_at_ms : p->now_ms;
        p->since_ms = p->until_ms > DAY_MS ? p->until_ms - DAY_MS : 0;
        if (p->started_at_ms > p->since_ms)
                p->since_ms = p->started_at_ms;
        if (p->since_ms > p->until_ms - SPAN_LEAST_MS)
                p->since_ms = p->until_ms > SPAN_LEAST_MS ? p->until_ms - SPAN_LEAST_MS : 0;
        r = get_points(s);
        if (r >= 0 && p->n_points && p->points[0].at_ms - p->since_ms > (p->until_ms - p->since_ms) / 4) {
                int64_t before_ms = choose_step_ms(p->until_ms - p->since_ms);

                p->since_ms = p->points[0].at_ms - before_ms / 2;
                r = get_points(s);
        }
        p->gap_ms = find_gap_ms(p->points, p->n_points);
        return r;
}

/* Keeps the newest EVENTS_SHOWN of what was kept and of a further page. */
static int keep_events(struct show *s, struct answer *a, const json_t *list)
{
        if (!s->newest_events)
                s->newest_events = json_array();
        if (!s->newest_events || json_array_extend(s->newest_events, (json_t *)list) < 0)
                return error_set(s->err, ENOMEM, "out of memory");
        while (json_array_size(s->newest_events) > EVENTS_SHOWN) {
                json_array_remove(s->newest_events, 0);
                s->page.events_left_out = true;
        }
        return a->wrong ? -EPROTO : 0;
}

static int read_events(struct show *s, struct answer *a)
{
        size_t n = json_array_size(s->newest_events);

        for (size_t i = 0; i < n; i++) {
                const json_t *event = json_array_get(s->newest_events, i);

                s->events[i] = (struct page_event){ .at_ms = answer_need_time(a, event, "at"),
                                                    .event = answer_need_text(a, event, "event"),
                                                    .text = answer_text(a, event, "text") };
        }
        s->page.events = s->events;
        s->page.n_events = n;
        return a->wrong ? -EPROTO : 0;
}

static int get_events(struct show *s)
{
        struct answer a = { .what = "/processes/ID/events", .err = s->err };
        const char *next = NULL;
        int pages = 0, r;

        do {
                _cleanup_(buffer_done) struct buffer rest = {};
                const json_t *list;

                buffer_add_text(&rest, "/events");
                path_add_parameter(&rest, "cursor", next);
                buffer_add_char(&rest, '\0');
                if (rest.failed)
                        return error_set(s->err, ENOMEM, "out of memory");
                r = get(s, s->page.id, rest.data);
                if (r < 0)
                        return r;
                json_decref(s->page_of_events);
                s->page_of_events = answer_load(&a, &s->body);
                list = s->page_of_events ? answer_need_list(&a, s->page_of_events, "events") : NULL;
                if (!list)
                        return -EPROTO;
                next = json_array_size(list) ? answer_text(&a, s->page_of_events, "next") : NULL;
                r = keep_events(s, &a, list);
        } while (r >= 0 && next && ++pages < EVENT_PAGES_MOST);
        return r < 0 ? r : read_events(s, &a);
}

/* Adds at most `most` of a state to the page's; their texts live in *ret. */
static int get_findings_of(struct show *s, const char *state, size_t most, json_t **ret)
{
        struct answer a = { .what = "/findings", .err = s->err };
        const json_t *list;
        char path[256];
        int r;

        snprintf(path, sizeof path, "/findings?process=%.60s&state=%s&limit=%zu", s->page.id, state, most);
        r = daemon_get(s->client->daemon, path, &s->body, s->err);
        if (r < 0)
                return r;
        *ret = answer_load(&a, &s->body);
        list = *ret ? answer_need_list(&a, *ret, "findings") : NULL;
        for (size_t i = 0; i < json_array_size(list) && i < most; i++) {
                const json_t *f = json_array_get(list, i);

                s->findings[s->page.n_findings++] = (struct page_finding){
                        .number = answer_need_int(&a, f, "id"),
                        .severity = answer_need_text(&a, f, "severity"),
                        .title = answer_need_text(&a, f, "title"),
                        .closed_at_ms = answer_time(&a, f, "closed_at"),
                };
        }
        return a.wrong ? -EPROTO : 0;
}

/* What a daemon does not tell of its findings is no reason to show nothing of the process. */
static int get_findings(struct show *s)
{
        int r = s->n_numbers ? get_findings_of(s, "open", OPEN_SHOWN, &s->open) : 0;

        for (size_t i = 0; r == -EREMOTEIO && i < s->n_numbers; i++)
                s->findings[s->page.n_findings++] = (struct page_finding){ s->numbers[i], -1, NULL, NULL };
        if (r >= 0)
                r = get_findings_of(s, "closed", CLOSED_SHOWN, &s->closed);
        if (r == -EREMOTEIO) {
                *s->err = (struct error){};
                r = 0;
        }
        s->page.findings = s->findings;
        return r;
}

int cmd_show(struct client *client, struct error *err)
{
        _cleanup_(show_done) struct show s = { .client = client, .err = err, .page.now_ms = clock_wall_ms() };
        _cleanup_(buffer_done) struct buffer out = {};
        int r;

        r = get(&s, client->id, "");
        if (r < 0)
                return r;
        if (client->settings->json)
                return screen_write_json(&client->screen, s.body.data, s.body.size, err);
        r = read_process(&s);
        if (r >= 0)
                r = get_chart(&s);
        if (r >= 0)
                r = get_findings(&s);
        if (r >= 0)
                r = get_events(&s);
        if (r < 0)
                return r;
        page_write(&s.page, &client->screen.table, &out);
        return screen_write(&out, err);
}
