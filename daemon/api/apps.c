/* GET /apps, GET /apps/ID. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/listing.h"
#include "api/match.h"
#include "api/place.h"
#include "api/show.h"
#include "api/sums.h"

struct choosing {
        const struct query *query;
        const struct snapshot *snapshot;
        struct app_sum *sums;
        bool *matching;          /* by app: one of its running processes fits q */
        struct item *items;
        size_t n;
        struct buffer needle, scratch[2];
};

static void choosing_done(struct choosing *ch)
{
        free(ch->sums);
        free(ch->matching);
        free(ch->items);
        buffer_done(&ch->needle);
        buffer_done(&ch->scratch[0]);
        buffer_done(&ch->scratch[1]);
}

static void match_processes(struct choosing *ch)
{
        for (uint32_t i = 0; i < ch->snapshot->n; i++) {
                const struct known *who = ch->snapshot->rows[i].who;
                uint32_t app = snapshot_find_app_id(ch->snapshot, who->app_id);

                if (app != APP_NONE && !ch->matching[app])
                        ch->matching[app] = show_matches(who, &ch->needle, ch->scratch);
        }
}

static bool app_fits(struct choosing *ch, uint32_t app)
{
        const struct app_entry *a = &ch->snapshot->apps->list[app];
        bool running = ch->sums[app].processes > 0;

        if (ch->query->state != STATE_ALL && running != (ch->query->state == STATE_RUNNING))
                return false;
        return ch->matching[app] || match_text(a->name, strlen(a->name), &ch->needle, &ch->scratch[0]) ||
               (a->unit && match_text(a->unit, strlen(a->unit), &ch->needle, &ch->scratch[0]));
}

static int64_t sort_key(enum sort sort, const struct app_sum *sum)
{
        int64_t rate;

        if (sort == SORT_GROWTH)
                return show_growth_rate(&sum->growth, &rate) ? rate : KEY_NULL;
        return sort == SORT_RSS ? listing_known_key(sum->rss_bytes) : KEY_NULL;
}

static bool choose(struct choosing *ch)
{
        uint32_t n = ch->snapshot->apps->n;

        ch->sums = app_sums(ch->snapshot);
        ch->matching = calloc(n + 1, sizeof *ch->matching);
        ch->items = calloc(n + 1, sizeof *ch->items);
        if (!ch->sums || !ch->matching || !ch->items)
                return false;
        if (ch->query->q)
                match_fold(ch->query->q, strlen(ch->query->q), &ch->needle);
        if (ch->needle.size)
                match_processes(ch);
        for (uint32_t i = 0; i < n; i++) {
                if (!app_fits(ch, i))
                        continue;
                ch->items[ch->n++] = (struct item){
                        .key = sort_key((enum sort)ch->query->sort, &ch->sums[i]),
                        .text = ch->query->sort == SORT_NAME ? ch->snapshot->apps->list[i].name : NULL,
                        .number = i,
                };
        }
        listing_sort(ch->items, ch->n, ch->query->descending);
        return !ch->needle.failed && !ch->scratch[0].failed && !ch->scratch[1].failed;
}

static void write_members(struct json *j, const struct snapshot *s, const struct app_entry *a,
                          const struct app_sum *sum)
{
        json_put_text(j, "id", a->id);
        json_put_text(j, "name", a->name);
        json_put_text(j, "framework", a->framework);
        json_put_text(j, "unit", a->unit);
        json_put_text(j, "container", a->container);
        json_put_known(j, "processes", sum->processes);
        json_put_known(j, "rss_bytes", sum->rss_bytes);
        json_put_known(j, "pss_bytes", sum->pss_bytes);
        json_put_known(j, "uss_bytes", sum->uss_bytes);
        json_put_known(j, "swap_bytes", sum->swap_bytes);
        json_put_known(j, "limit_bytes", sum->limit_bytes);
        show_write_growth(j, &sum->growth);
        open_findings_write_app(s->findings, a->id, j);
}

static void write_table(struct choosing *ch, size_t from, size_t n, struct buffer *to)
{
        _cleanup_(freep) struct app_row *rows = calloc(n + 1, sizeof *rows);

        if (!rows) {
                to->failed = true;
                return;
        }
        for (size_t i = 0; i < n; i++) {
                uint32_t app = ch->items[from + i].number;
                const struct app_entry *a = &ch->snapshot->apps->list[app];
                const struct app_sum *sum = &ch->sums[app];
                int64_t rate = 0;
                bool known = show_growth_rate(&sum->growth, &rate);

                rows[i] = (struct app_row){ .name = a->name, .unit = a->unit,
                                            .verdict = verdict_name(sum->growth.verdict),
                                            .growth_known = known, .bytes_per_hour = (double)rate,
                                            .processes = sum->processes, .rss_bytes = sum->rss_bytes,
                                            .pss_bytes = sum->pss_bytes, .swap_bytes = sum->swap_bytes,
                                            .limit_bytes = sum->limit_bytes };
        }
        render_app_table(rows, n, &(struct table_options){ .utf8 = true }, to);
}

static void write_page(struct call *c, struct choosing *ch, size_t from, size_t n, const char *next)
{
        _cleanup_(buffer_done) struct buffer text = {};
        struct json j;

        if (c->text) {
                write_table(ch, from, n, &text);
                link_next(c, next);
                answer_finish(c->answer, &c->api->pool, &text, "text/plain; charset=utf-8");
                return;
        }
        j = json_resume(&text);
        json_add_key(&j, "apps");
        json_open_list(&j);
        for (size_t i = from; i < from + n; i++) {
                uint32_t app = ch->items[i].number;

                json_open(&j, '{');
                write_members(&j, ch->snapshot, &ch->snapshot->apps->list[app], &ch->sums[app]);
                json_close(&j, '}');
        }
        json_close(&j, ']');
        finish_list(&j, next);
        answer_finish_now(c->answer, &c->api->pool, &text);
}

static uint64_t listing_of(const struct query *q)
{
        uint64_t listing = listing_add_int(listing_add_text(LISTING_NONE, "apps"), q->state);

        return listing_add_text(listing_add_int(listing_add_int(listing, q->sort), q->descending), q->q);
}

void get_apps(struct call *c)
{
        _cleanup_(choosing_done) struct choosing ch = { .query = &c->query };
        _cleanup_(place_done) struct place place = {};
        uint64_t listing = listing_of(&c->query);
        size_t from, n;
        char next[CURSOR_SIZE];
        bool more;

        if (!place_open(c, listing, &place))
                return;
        ch.snapshot = place.snapshot;
        if (!choose(&ch)) {
                refuse(c, 503, "out of memory listing the apps");
                return;
        }
        from = place.given ? listing_after(ch.items, ch.n, place.number) : 0;
        if (from > ch.n) {
                refuse_old_cursor(c);
                return;
        }
        n = ch.n - from < (size_t)c->query.limit ? ch.n - from : (size_t)c->query.limit;
        more = from + n < ch.n;
        if (more)
                place_give(c, listing, place.snapshot, ch.items[from + n - 1].number, next);
        write_page(c, &ch, from, n, more ? next : NULL);
        c->answer->cache = !place.given;
}

static bool add_number(void *data, uint32_t process)
{
        buffer_add(data, &process, sizeof process);
        return true;
}

static bool write_member(void *data, const struct store_process *p)
{
        char id[PROCESS_ID_MAX];

        process_id_format(&p->id, id);
        json_add_text(data, id);
        return false;
}

static int write_member_list(struct call *c, const char *app_id, struct json *j, struct error *err)
{
        _cleanup_(buffer_done) struct buffer numbers = {};
        int r = store_read_members(c->api->reader, app_id, INT64_MIN, INT64_MAX, add_number, &numbers, err);

        if (r >= 0 && numbers.failed)
                r = error_set(err, ENOMEM, "out of memory reading an app's processes");
        json_add_key(j, "members");
        json_open_list(j);
        for (size_t i = 0; r >= 0 && i < numbers.size / sizeof(uint32_t); i++)
                r = store_read_process(c->api->reader, ((uint32_t *)(void *)numbers.data)[i], write_member, j, err);
        json_close(j, ']');
        return r;
}

void get_app(struct call *c)
{
        const struct snapshot *s = c->api->state.newest;
        uint32_t app = snapshot_find_app(s, c->id);
        _cleanup_(buffer_done) struct buffer text = {};
        _cleanup_(freep) struct app_sum *sums = NULL;
        struct json j = json_begin(&text, false);
        struct error err = {};

        if (app == APP_NONE) {
                refuse(c, 404, "no app \"%.80s\" is known; /apps?state=all lists them", c->id);
                return;
        }
        sums = app_sums(s);
        if (!sums) {
                refuse(c, 503, "out of memory reading the app");
                return;
        }
        json_open(&j, '{');
        write_members(&j, s, &s->apps->list[app], &sums[app]);
        if (write_member_list(c, s->apps->list[app].id, &j, &err) < 0) {
                refuse_database(c, &err);
                return;
        }
        json_close(&j, '}');
        json_end(&j);
        answer_finish(c->answer, &c->api->pool, &text, "application/json");
}
