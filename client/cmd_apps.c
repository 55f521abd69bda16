/* memtide apps: the apps. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "client/listing.h"

static void fill_row(struct app_row *row, struct answer *a, const json_t *app)
{
        struct growth_answer growth = answer_growth(a, app);

        *row = (struct app_row){
                .name = answer_need_text(a, app, "name"),
                .unit = answer_text(a, app, "unit"),
                .verdict = growth.verdict,
                .processes = answer_need_int(a, app, "processes"),
                .rss_bytes = answer_int(a, app, "rss_bytes"),
                .pss_bytes = answer_int(a, app, "pss_bytes"),
                .swap_bytes = answer_int(a, app, "swap_bytes"),
                .limit_bytes = answer_int(a, app, "limit_bytes"),
                .growth_known = growth.known,
                .bytes_per_hour = growth.bytes_per_hour,
        };
}

int cmd_apps(struct client *client, struct error *err)
{
        _cleanup_(listing_done) struct listing l = {};
        _cleanup_(buffer_done) struct buffer out = {};
        _cleanup_(freep) struct app_row *rows = NULL;
        struct answer a = { .what = "/apps", .err = err };
        size_t n;
        int r;

        r = listing_get(client, "/apps", "apps", &l, err);
        if (r < 0)
                return r;
        if (client->settings->json)
                return listing_write_json(client, &l, err);
        n = json_array_size(l.list);
        rows = calloc(n + 1, sizeof *rows);
        if (!rows)
                return error_set(err, ENOMEM, "out of memory");
        for (size_t i = 0; i < n && !a.wrong; i++) {
                const json_t *app = json_array_get(l.list, i);

                if (json_is_object(app))
                        fill_row(&rows[i], &a, app);
                else
                        answer_fail(&a, "an app is not an object");
        }
        if (a.wrong)
                return -EPROTO;
        if (!n)
                log_notice(client->settings->q ? "nothing matches" : "no app is known");
        render_app_table(rows, n, &client->screen.table, &out);
        return screen_write(&out, err);
}
