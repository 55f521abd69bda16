/* memtide ps: the processes. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "client/listing.h"

/* The texts of command lines, one behind the other; where each begins is known once all are there. */
struct rows {
        struct process_row *rows;
        size_t *cmdline_at;
        struct buffer cmdlines;
};

static void rows_done(struct rows *r)
{
        free(r->rows);
        free(r->cmdline_at);
        buffer_done(&r->cmdlines);
}

static void add_cmdline(struct rows *r, size_t i, struct answer *a, const json_t *process)
{
        const json_t *args = answer_list(a, process, "cmdline");

        r->cmdline_at[i] = r->cmdlines.size;
        for (size_t k = 0; k < json_array_size(args); k++) {
                const char *arg = json_string_value(json_array_get(args, k));

                if (!arg)
                        answer_fail(a, "\"cmdline\" is not a list of texts");
                buffer_add_text(&r->cmdlines, k ? " " : "");
                buffer_add_text(&r->cmdlines, arg ? arg : "");
        }
        buffer_add_char(&r->cmdlines, '\0');
}

static void fill_row(struct process_row *row, struct answer *a, const json_t *process, int64_t now_ms)
{
        struct growth_answer growth = answer_growth(a, process);
        int64_t pid = answer_need_int(a, process, "pid");
        const json_t *app = answer_object(a, process, "app");

        if (pid > INT32_MAX)
                answer_fail(a, "\"pid\" is too large");
        *row = (struct process_row){
                .pid = (int32_t)pid,
                .name = answer_need_text(a, process, "name"),
                .app = app ? answer_text(a, app, "name") : NULL,
                .user = answer_text(a, process, "user"),
                .state = answer_need_text(a, process, "state"),
                .verdict = growth.verdict,
                .rss_bytes = answer_int(a, process, "rss_bytes"),
                .pss_bytes = answer_int(a, process, "pss_bytes"),
                .swap_bytes = answer_int(a, process, "swap_bytes"),
                .growth_known = growth.known,
                .bytes_per_hour = growth.bytes_per_hour,
                .started_at_ms = answer_time(a, process, "started_at"),
                .now_ms = now_ms,
        };
}

static int make_rows(struct rows *r, const struct listing *l, struct error *err)
{
        struct answer a = { .what = "/processes", .err = err };
        size_t n = json_array_size(l->list);

        r->rows = calloc(n + 1, sizeof *r->rows);
        r->cmdline_at = calloc(n + 1, sizeof *r->cmdline_at);
        if (!r->rows || !r->cmdline_at)
                return error_set(err, ENOMEM, "out of memory");
        for (size_t i = 0; i < n && !a.wrong; i++) {
                const json_t *process = json_array_get(l->list, i);

                if (!json_is_object(process))
                        return answer_fail(&a, "a process is not an object");
                fill_row(&r->rows[i], &a, process, l->now_ms);
                add_cmdline(r, i, &a, process);
        }
        if (r->cmdlines.failed)
                return error_set(err, ENOMEM, "out of memory");
        for (size_t i = 0; i < n && !a.wrong; i++)
                r->rows[i].cmdline = r->cmdlines.data + r->cmdline_at[i];
        return a.wrong ? -EPROTO : 0;
}

static void say_nothing_there(const struct settings *s)
{
        if (s->q || s->app)
                log_notice("nothing matches");
        else if (!s->state || s->state[0] == 'r')
                log_notice("no Python process is running; memtided finds each one by itself within a tick");
}

int cmd_ps(struct client *client, struct error *err)
{
        _cleanup_(listing_done) struct listing l = {};
        _cleanup_(rows_done) struct rows rows = {};
        _cleanup_(buffer_done) struct buffer out = {};
        size_t n;
        int r;

        r = listing_get(client, "/processes", "processes", &l, err);
        if (r < 0)
                return r;
        if (client->settings->json)
                return listing_write_json(client, &l, err);
        r = make_rows(&rows, &l, err);
        if (r < 0)
                return r;
        n = json_array_size(l.list);
        if (!n)
                say_nothing_there(client->settings);
        render_process_table(rows.rows, n, &client->screen.table, &out);
        return screen_write(&out, err);
}
