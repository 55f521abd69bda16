/* memtide findings: what was found, as a table; with a number one of them, whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/daemon.h"
#include "client/listing.h"
#include "render/finding_page.h"

/* What every finding has; the rest is shown where it is there. */
static int check_finding(struct answer *a, const json_t *finding)
{
        if (!json_is_object(finding))
                return answer_fail(a, "a finding is not an object");
        answer_need_int(a, finding, "id");
        answer_need_text(a, finding, "kind");
        answer_need_text(a, finding, "severity");
        answer_need_text(a, finding, "state");
        answer_need_text(a, finding, "title");
        answer_need_time(a, finding, "opened_at");
        answer_object(a, finding, "process");
        answer_object(a, finding, "app");
        answer_object(a, finding, "evidence");
        answer_list(a, finding, "diagnosis");
        answer_list(a, finding, "advice");
        return a->wrong ? -EPROTO : 0;
}

static int show_one(struct client *client, struct error *err)
{
        _cleanup_(buffer_done) struct buffer body = {}, out = {};
        _cleanup_(json_decrefp) json_t *finding = NULL;
        struct answer a = { .what = "/findings/N", .err = err };
        char path[64];
        int r;

        snprintf(path, sizeof path, "/findings/%.20s", client->id);
        r = daemon_get(client->daemon, path, &body, err);
        if (r < 0)
                return r;
        if (client->settings->json)
                return screen_write_json(&client->screen, body.data, body.size, err);
        finding = answer_load(&a, &body);
        r = finding ? check_finding(&a, finding) : -EPROTO;
        if (r < 0)
                return r;
        render_finding(finding, clock_wall_ms(), &client->screen.table, &out);
        return screen_write(&out, err);
}

static void say_nothing_there(const struct settings *s)
{
        if (s->kind || s->process || s->app)
                log_notice("nothing matches");
        else if (!s->state || s->state[0] == 'o')
                log_notice("no finding is open");
        else
                log_notice("nothing was found");
}

static int show_all(struct client *client, struct error *err)
{
        _cleanup_(listing_done) struct listing l = {};
        _cleanup_(buffer_done) struct buffer out = {};
        _cleanup_(freep) struct finding_row *rows = NULL;
        struct answer a = { .what = "/findings", .err = err };
        size_t n;
        int r;

        r = listing_get(client, "/findings", "findings", &l, err);
        if (r < 0)
                return r;
        if (client->settings->json)
                return listing_write_json(client, &l, err);
        n = json_array_size(l.list);
        rows = calloc(n + 1, sizeof *rows);
        if (!rows)
                return error_set(err, ENOMEM, "out of memory");
        for (size_t i = 0; i < n; i++) {
                const json_t *finding = json_array_get(l.list, i);

                r = check_finding(&a, finding);
                if (r < 0)
                        return r;
                rows[i] = finding_row_read(finding, l.now_ms);
        }
        if (!n)
                say_nothing_there(client->settings);
        render_finding_table(rows, n, &client->screen.table, &out);
        return screen_write(&out, err);
}

int cmd_findings(struct client *client, struct error *err)
{
        const struct settings *s = client->settings;

        if (!client->id)
                return show_all(client, err);
        if (s->state || s->kind || s->process || s->app || s->limit)
                return error_set(err, EINVAL, "--state, --kind, --process, --app and --limit choose from the list: "
                                 "they don't go with the number of a finding");
        return show_one(client, err);
}
