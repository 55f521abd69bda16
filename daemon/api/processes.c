/* GET /processes, GET /processes/ID. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/cursor.h"
#include "api/listing.h"
#include "api/match.h"
#include "api/place.h"
#include "api/show.h"

/* What a listing is made of while it is chosen. */
struct choosing {
        struct call *c;
        const struct snapshot *snapshot;
        const char *app_id;    /* NULL: all */
        struct buffer needle;  /* q, folded */
        struct buffer scratch[2];
        struct buffer items;   /* struct item */
};

static void choosing_done(struct choosing *ch)
{
        buffer_done(&ch->needle);
        buffer_done(&ch->scratch[0]);
        buffer_done(&ch->scratch[1]);
        buffer_done(&ch->items);
}

/* What a process is sorted by. growth: NULL where that is not wanted. */
static int64_t sort_key(enum sort sort, int64_t rss_bytes, int64_t pid, int64_t started_at_ms,
                        const struct growth *growth)
{
        int64_t rate;

        switch (sort) {
        case SORT_RSS:
                return listing_known_key(rss_bytes);
        case SORT_PID:
                return listing_known_key(pid);
        case SORT_STARTED:
                return listing_known_key(started_at_ms);
        case SORT_GROWTH:
                return growth && show_growth_rate(growth, &rate) ? rate : KEY_NULL;
        default:
                return KEY_NULL;
        }
}

static void add_item(struct choosing *ch, const struct process_id *id, uint32_t number, uint32_t row, int64_t key)
{
        struct item item = { .key = key, .pid = id->pid, .start_ticks = id->start_ticks, .number = number, .row = row };

        buffer_add(&ch->items, &item, sizeof item);
}

static void choose_running(struct choosing *ch)
{
        for (uint32_t i = 0; i < ch->snapshot->n; i++) {
                const struct row *row = &ch->snapshot->rows[i];
                const struct known *who = row->who;

                if (ch->app_id && strcmp(who->app_id, ch->app_id) != 0)
                        continue;
                if (!show_matches(who, &ch->needle, ch->scratch))
                        continue;
                add_item(ch, &who->id, who->number, i,
                         sort_key((enum sort)ch->c->query.sort, row->now.rss_bytes, who->id.pid, who->started_at_ms,
                                  &row->growth));
        }
}

static bool text_matches(struct choosing *ch, const char *text)
{
        return text && match_text(text, strlen(text), &ch->needle, &ch->scratch[1]);
}

static bool stored_matches(struct choosing *ch, const struct store_process *p)
{
        if (!ch->needle.size || text_matches(ch, p->who.name) || text_matches(ch, p->app_name) ||
            text_matches(ch, p->who.unit))
                return true;
        buffer_clear(&ch->scratch[0]);
        for (size_t i = 0; i < p->who.n_args; i++) {
                if (i)
                        buffer_add_char(&ch->scratch[0], ' ');
                buffer_add_text(&ch->scratch[0], p->who.args[i]);
        }
        return ch->scratch[0].size &&
               match_text(ch->scratch[0].data, ch->scratch[0].size, &ch->needle, &ch->scratch[1]);
}

/* Of a listing that began a while ago, those that had exited by then. */
static bool choose_exited(void *data, const struct store_process *p)
{
        struct choosing *ch = data;

        if (p->exited_at_ms > ch->snapshot->at_ms || snapshot_find(ch->snapshot, p->number) || !stored_matches(ch, p))
                return true;
        add_item(ch, &p->id, p->number, ROW_EXITED,
                 sort_key((enum sort)ch->c->query.sort, p->last.rss_bytes, p->id.pid, p->who.started_at_ms, NULL));
        return !ch->items.failed;
}

/* The growth that an exited process ended with is read only where it decides on its place. */
static int add_exited_growth(struct choosing *ch, struct error *err)
{
        struct item *items = (struct item *)(void *)ch->items.data;

        for (size_t i = 0; i < ch->items.size / sizeof *items; i++) {
                struct growth growth = GROWTH_UNKNOWN;
                int r = 0;

                if (items[i].row == ROW_EXITED)
                        r = store_read_growth(ch->c->api->reader, items[i].number, &growth, err);
                if (r < 0)
                        return r;
                if (r > 0)
                        items[i].key = sort_key(SORT_GROWTH, -1, -1, -1, &growth);
        }
        return 0;
}

static int choose(struct choosing *ch, struct error *err)
{
        const struct query *q = &ch->c->query;
        int r = 0;

        if (q->app) {
                uint32_t app = snapshot_find_app(ch->snapshot, q->app);

                if (app == APP_NONE)
                        return 0;
                ch->app_id = ch->snapshot->apps->list[app].id;
        }
        if (q->q)
                match_fold(q->q, strlen(q->q), &ch->needle);
        if (q->state != STATE_EXITED)
                choose_running(ch);
        if (q->state != STATE_RUNNING)
                r = store_read_exited(ch->c->api->reader, ch->app_id, choose_exited, ch, err);
        if (r >= 0 && q->sort == SORT_GROWTH && q->state != STATE_RUNNING)
                r = add_exited_growth(ch, err);
        if (r >= 0 && (ch->items.failed || ch->needle.failed || ch->scratch[0].failed || ch->scratch[1].failed))
                r = error_set(err, ENOMEM, "out of memory listing the processes");
        return r;
}

/* The page's processes, ready to be written. */
struct page {
        struct shown *list;
        size_t n;
        const struct item *last; /* NULL: the listing ends here */
};

static void page_done(struct page *p)
{
        for (size_t i = 0; p->list && i < p->n; i++)
                shown_done(&p->list[i]);
        free(p->list);
}

struct taking {
        const struct snapshot *snapshot;
        struct growth growth;
        struct shown *ret;
        bool taken;
};

static bool take_stored(void *data, const struct store_process *p)
{
        struct taking *t = data;

        t->taken = show_stored(p, t->snapshot, &t->growth, t->ret);
        return false;
}

static int fill_page(struct choosing *ch, const struct item *items, size_t n, struct page *ret, struct error *err)
{
        ret->list = calloc(n + 1, sizeof *ret->list);
        if (!ret->list)
                return error_set(err, ENOMEM, "out of memory listing the processes");
        for (size_t i = 0; i < n; i++) {
                struct taking t = { .snapshot = ch->snapshot, .growth = GROWTH_UNKNOWN, .ret = &ret->list[ret->n] };
                int r = 1;

                if (items[i].row != ROW_EXITED) {
                        t.taken = show_row(&ch->snapshot->rows[items[i].row], ch->snapshot, t.ret);
                } else {
                        r = store_read_growth(ch->c->api->reader, items[i].number, &t.growth, err);
                        if (r >= 0)
                                r = store_read_process(ch->c->api->reader, items[i].number, take_stored, &t, err);
                }
                if (r < 0)
                        return r;
                /* One that retention took away meanwhile is left out. */
                if (r > 0 && !t.taken)
                        return error_set(err, ENOMEM, "out of memory listing the processes");
                ret->n += t.taken;
        }
        return 0;
}

static uint64_t listing_of(const struct call *c)
{
        const struct query *q = &c->query;
        uint64_t listing = listing_add_text(LISTING_NONE, "processes");

        listing = listing_add_int(listing_add_int(listing, q->state), q->sort);
        listing = listing_add_int(listing, q->descending);
        return listing_add_text(listing_add_text(listing, q->q), q->app);
}

static void write_page(struct call *c, const struct page *page, const char *next)
{
        _cleanup_(buffer_done) struct buffer text = {};
        struct json j;

        if (c->text) {
                text.failed |= !show_write_table(&text, page->list, page->n, c->now_ms);
                link_next(c, next);
                answer_finish(c->answer, &c->api->pool, &text, "text/plain; charset=utf-8");
                return;
        }
        j = json_resume(&text);
        json_add_key(&j, "interval_ms");
        json_add_int(&j, c->api->config->interval_ms);
        json_add_key(&j, "processes");
        json_open_list(&j);
        for (size_t i = 0; i < page->n; i++)
                show_write(&j, &page->list[i]);
        json_close(&j, ']');
        finish_list(&j, next);
        answer_finish_now(c->answer, &c->api->pool, &text);
}

static int prepare_page(struct choosing *ch, const struct place *place, struct page *ret, bool *ret_lost,
                        struct error *err)
{
        int r = choose(ch, err);
        struct item *items = (struct item *)(void *)ch->items.data;
        size_t n = ch->items.size / sizeof *items, from, size;

        if (r < 0)
                return r;
        listing_sort(items, n, ch->c->query.descending);
        from = place->given ? listing_after(items, n, place->number) : 0;
        *ret_lost = from > n;
        if (*ret_lost || !n)
                return 0;
        size = n - from < (size_t)ch->c->query.limit ? n - from : (size_t)ch->c->query.limit;
        if (from + size < n)
                ret->last = &items[from + size - 1];
        return fill_page(ch, items + from, size, ret, err);
}

void get_processes(struct call *c)
{
        _cleanup_(choosing_done) struct choosing ch = { .c = c };
        _cleanup_(page_done) struct page page = {};
        _cleanup_(place_done) struct place place = {};
        uint64_t listing = listing_of(c);
        struct error err = {};
        char next[CURSOR_SIZE];
        bool lost = false;

        if (!place_open(c, listing, &place))
                return;
        ch.snapshot = place.snapshot;
        if (prepare_page(&ch, &place, &page, &lost, &err) < 0) {
                refuse_database(c, &err);
                return;
        }
        if (lost) {
                refuse_old_cursor(c);
                return;
        }
        if (page.last)
                place_give(c, listing, place.snapshot, page.last->number, next);
        write_page(c, &page, page.last ? next : NULL);
        c->answer->cache = !place.given;
}

struct showing {
        struct call *c;
        bool failed;
};

static struct growth stored_growth(struct call *c, uint32_t process)
{
        struct growth growth = GROWTH_UNKNOWN;
        struct error err = {};

        /* Of one that runs and is not in the snapshot yet there is none. */
        return store_read_growth(c->api->reader, process, &growth, &err) > 0 ? growth : GROWTH_UNKNOWN;
}

static bool write_process(void *data, const struct store_process *p)
{
        struct showing *sh = data;
        struct call *c = sh->c;
        const struct snapshot *newest = c->api->state.newest;
        const struct row *row = snapshot_find(newest, p->number);
        _cleanup_(buffer_done) struct buffer text = {};
        struct json j = json_begin(&text, false);
        struct growth growth = GROWTH_UNKNOWN;
        struct shown s = {};

        if (!row)
                growth = stored_growth(c, p->number);
        sh->failed = !(row ? show_row(row, newest, &s) : show_stored(p, newest, &growth, &s));
        if (sh->failed)
                return false;
        json_open(&j, '{');
        process_write_identity(&j, p, NULL);
        show_write_figures(&j, &s);
        json_close(&j, '}');
        json_end(&j);
        shown_done(&s);
        answer_finish(c->answer, &c->api->pool, &text, "application/json");
        return false;
}

void get_process(struct call *c)
{
        struct showing sh = { .c = c };
        struct process_id id;
        struct error err = {};
        int parts, r = 0;

        if (process_id_parse(c->id, &id, &parts))
                r = store_find_process(c->api->reader, &id, parts, write_process, &sh, &err);
        if (sh.failed)
                r = error_set(&err, ENOMEM, "out of memory reading the process");
        if (r < 0)
                refuse_database(c, &err);
        else if (r == 0)
                refuse_process(c);
}
