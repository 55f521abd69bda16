/* GET /findings, GET /findings/N. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/cursor.h"
#include "api/keep.h"
#include "base/clock.h"
#include "render/finding_json.h"
#include "render/finding_page.h"

_Static_assert((int)FINDINGS_OPEN == STORE_FINDINGS_OPEN && (int)FINDINGS_CLOSED == STORE_FINDINGS_CLOSED &&
               (int)FINDINGS_ALL == STORE_FINDINGS_ALL, "the filters differ");

/* Where a page begins: behind that number, in the listing as it was at that time (0: it begins). Newer findings have
 * higher numbers and so are on no later page; one that was closed since is still where it would have been. */
struct begin {
        int64_t below, at_ms;
};

struct page {
        struct call *c;
        struct begin begin;
        struct json json;
        struct buffer text;
        json_t *rows;     /* for a table: the findings without their long lists */
        int64_t n, last;  /* of those on the page */
        bool more, failed;
};

static void page_done(struct page *p)
{
        buffer_done(&p->text);
        json_decref(p->rows);
}

static struct finding_view view_of(const struct store_finding *f)
{
        return (struct finding_view){ .finding = f->finding, .app_name = f->app_name, .has_process = f->has_process,
                                      .id = f->id, .name = f->name, .args = f->args, .n_args = f->n_args };
}

static json_t *load_finding(const struct finding_view *v)
{
        _cleanup_(buffer_done) struct buffer text = {};
        struct json j = json_begin(&text, true);

        finding_write_json(&j, v);
        return text.failed ? NULL : json_loadb(text.data, text.size, 0, NULL);
}

/* What a row shows of it. A thousand findings with everything would take tens of MiB. */
static json_t *load_row(const struct finding_view *v)
{
        struct finding brief = *v->finding;
        struct finding_view view = *v;
        json_t *row;

        brief.diagnosis = brief.advice = brief.suspects = NULL;
        view.finding = &brief;
        view.n_args = 0;
        row = load_finding(&view);
        json_object_del(json_object_get(row, "evidence"), "troughs");
        return row;
}

static bool is_listed(const struct page *p, const struct finding *f)
{
        bool closed = f->closed_at_ms >= 0 && (!p->begin.at_ms || f->closed_at_ms <= p->begin.at_ms);

        return p->c->query.state == FINDINGS_ALL || closed == (p->c->query.state == FINDINGS_CLOSED);
}

static bool take_finding(void *data, const struct store_finding *f)
{
        struct page *p = data;
        const struct finding_view view = view_of(f);

        if (!is_listed(p, f->finding))
                return true;
        p->more = p->n == p->c->query.limit;
        if (p->more)
                return false;
        p->n++;
        p->last = f->finding->number;
        if (p->c->text)
                p->failed |= json_array_append_new(p->rows, load_row(&view)) < 0;
        else
                finding_write_json(&p->json, &view);
        return !p->failed && !p->text.failed;
}

static uint64_t listing_of(const struct query *q)
{
        uint64_t listing = listing_add_int(listing_add_text(LISTING_NONE, "findings"), q->state);

        return listing_add_text(listing_add_text(listing_add_int(listing, q->kind), q->process), q->app);
}

/* False: the cursor is bad or too old, which has been answered. */
static bool parse_begin(struct call *c, uint64_t listing, struct begin *ret)
{
        uint64_t at[3], now_ms = (uint64_t)clock_boot_ms();

        *ret = (struct begin){};
        if (!c->query.cursor)
                return true;
        if (!cursor_parse(c->query.cursor, listing, at) || (int64_t)at[0] <= 0 || (int64_t)at[1] <= 0) {
                refuse_cursor(c);
                return false;
        }
        if (now_ms < at[2] || now_ms - at[2] > KEEP_MS) {
                refuse_old_cursor(c);
                return false;
        }
        *ret = (struct begin){ (int64_t)at[0], (int64_t)at[1] };
        return true;
}

static bool take_number(void *data, const struct store_process *p)
{
        *(uint32_t *)data = p->number;
        return false;
}

/* What to read: 1, or 0 where nothing can fit, since the process or the app does not exist. */
static int make_filter(const struct page *p, struct store_finding_filter *ret, struct error *err)
{
        const struct query *q = &p->c->query;
        const struct snapshot *s = p->c->api->state.newest;
        struct process_id id;
        int parts, r;

        *ret = (struct store_finding_filter){ .below = p->begin.below, .of_kind = q->kind >= 0 };
        if (q->kind >= 0)
                ret->kind = (enum finding_kind)q->kind;
        /* What was open when the listing began may be closed by now. */
        ret->state = q->state == FINDINGS_OPEN && p->begin.at_ms ? STORE_FINDINGS_ALL : (typeof(ret->state))q->state;
        if (q->app) {
                uint32_t app = snapshot_find_app(s, q->app);

                if (app == APP_NONE)
                        return 0;
                ret->app_id = s->apps->list[app].id;
        }
        if (!q->process)
                return 1;
        if (!process_id_parse(q->process, &id, &parts))
                return 0;
        r = store_find_process(p->c->api->reader, &id, parts, take_number, &ret->process, err);
        return r;
}

static int read_page(struct page *p, struct error *err)
{
        struct store_finding_filter filter;
        int r = make_filter(p, &filter, err);

        if (r > 0)
                r = store_read_findings(p->c->api->reader, &filter, take_finding, p, err);
        if (r >= 0 && p->failed)
                r = error_set(err, ENOMEM, "out of memory listing the findings");
        return r;
}

static void write_table(struct page *p)
{
        size_t n = json_array_size(p->rows);
        _cleanup_(freep) struct finding_row *rows = calloc(n + 1, sizeof *rows);

        p->text.failed |= !rows;
        for (size_t i = 0; rows && i < n; i++)
                rows[i] = finding_row_read(json_array_get(p->rows, i), p->c->now_ms);
        if (rows)
                render_finding_table(rows, n, &(struct table_options){ .utf8 = true }, &p->text);
}

static void finish_page(struct page *p, const char *next)
{
        struct call *c = p->c;

        if (c->text) {
                write_table(p);
                link_next(c, next);
                answer_finish(c->answer, &c->api->pool, &p->text, "text/plain; charset=utf-8");
                return;
        }
        json_close(&p->json, ']');
        finish_list(&p->json, next);
        answer_finish_now(c->answer, &c->api->pool, &p->text);
}

/* The listing's time is that of the tick whose findings were read: a later tick may have been stored meanwhile. */
static int read_all(struct page *p, int64_t *ret_at_ms, struct error *err)
{
        struct store_reader *reader = p->c->api->reader;
        struct store_tick tick = {};
        int r = store_reader_begin(reader, err);

        if (r < 0)
                return r;
        r = store_read_newest(reader, &tick, err);
        if (r >= 0)
                r = read_page(p, err);
        store_reader_end(reader);
        *ret_at_ms = p->begin.at_ms ? p->begin.at_ms : tick.at_ms;
        return r;
}

void get_findings(struct call *c)
{
        _cleanup_(page_done) struct page p = { .c = c };
        uint64_t listing = listing_of(&c->query);
        char next[CURSOR_SIZE];
        struct error err = {};
        int64_t at_ms;

        if (!parse_begin(c, listing, &p.begin))
                return;
        p.json = json_resume(&p.text);
        if (c->text) {
                p.rows = json_array();
        } else {
                json_add_key(&p.json, "findings");
                json_open_list(&p.json);
        }
        if (read_all(&p, &at_ms, &err) < 0) {
                refuse_database(c, &err);
                return;
        }
        if (p.more)
                cursor_format((uint64_t[]){ (uint64_t)p.last, (uint64_t)at_ms, (uint64_t)clock_boot_ms() }, listing,
                              next);
        finish_page(&p, p.more ? next : NULL);
        c->answer->cache = !c->query.cursor;
}

static void write_text(struct call *c, const struct finding_view *v, struct buffer *to)
{
        json_t *finding = load_finding(v);

        to->failed |= !finding;
        if (finding)
                render_finding(finding, c->now_ms, &(struct table_options){ .utf8 = true }, to);
        json_decref(finding);
}

static bool write_finding(void *data, const struct store_finding *f)
{
        struct call *c = data;
        const struct finding_view view = view_of(f);
        _cleanup_(buffer_done) struct buffer text = {};
        struct json j = json_begin(&text, false);

        if (c->text) {
                write_text(c, &view, &text);
                answer_finish(c->answer, &c->api->pool, &text, "text/plain; charset=utf-8");
                return false;
        }
        finding_write_json(&j, &view);
        json_end(&j);
        answer_finish(c->answer, &c->api->pool, &text, "application/json");
        return false;
}

void get_finding(struct call *c)
{
        size_t digits = strspn(c->id, "0123456789");
        struct error err = {};
        int r = 0;

        if (digits > 0 && digits <= 18 && !c->id[digits] && *c->id != '0')
                r = store_find_finding(c->api->reader, strtoll(c->id, NULL, 10), write_finding, c, &err);
        if (r < 0)
                refuse_database(c, &err);
        else if (r == 0)
                refuse(c, 404, "no finding \"%.80s\" is known; /findings?state=all lists them", c->id);
}
