/* GET /processes/ID/samples, GET /processes/ID/events. */
#include "api/api.h"
#include "api/cursor.h"
#include "api/sheet.h"

/* The one that an id in the path means. */
struct found {
        uint32_t number;
        char id[PROCESS_ID_MAX];
};

static bool keep_found(void *data, const struct store_process *p)
{
        struct found *f = data;

        f->number = p->number;
        process_id_format(&p->id, f->id);
        return false;
}

/* False: it has been answered that there is none. */
static bool find_process(struct call *c, struct found *ret)
{
        struct process_id id;
        struct error err = {};
        int parts, r = 0;

        if (process_id_parse(c->id, &id, &parts))
                r = store_find_process(c->api->reader, &id, parts, keep_found, ret, &err);
        if (r < 0)
                refuse_database(c, &err);
        else if (r == 0)
                refuse_process(c);
        return r > 0;
}

struct sampling {
        struct sheet sheet;
        struct fold fold; /* step_ms is 0 where samples are sent as they are */
};

static bool add_sample(void *data, const struct store_sample *sample)
{
        struct sampling *sa = data;
        struct step step;

        if (sa->sheet.text.failed)
                return false;
        if (!sa->fold.step_ms)
                return sheet_add_sample(&sa->sheet, sample->at_ms, -1, &sample->figures, sample->detail);
        return !fold_add(&sa->fold, sample->at_ms, &sample->figures, &step) || sheet_add_step(&sa->sheet, -1, &step);
}

void get_process_samples(struct call *c)
{
        struct sampling sa = { .fold.step_ms = c->query.step_ms };
        struct error err = {};
        struct found found;
        struct step step;
        int64_t since_ms, until_ms;
        uint64_t listing;
        int r;

        if (!find_process(c, &found))
                return;
        listing = listing_add_int(listing_add_text(LISTING_NONE, "samples"), found.number);
        listing = listing_add_int(listing, c->query.step_ms);
        if (!sheet_span(c, listing, c->api->state.newest->at_ms, &since_ms, &until_ms))
                return;
        sheet_begin(&sa.sheet, c, found.id, NULL);
        r = store_read_samples(c->api->reader, found.number, since_ms, until_ms, add_sample, &sa, &err);
        if (r < 0)
                refuse_database(c, &err);
        else if (sa.fold.step_ms && sa.sheet.next_ms < 0 && fold_end(&sa.fold, &step))
                sheet_add_step(&sa.sheet, -1, &step);
        if (r >= 0)
                sheet_finish_span(&sa.sheet, listing, until_ms);
        sheet_done(&sa.sheet);
}

struct eventing {
        struct json json;
        int64_t rows, limit, last;
        bool more;
};

static bool add_event(void *data, const struct store_event *e)
{
        struct eventing *ev = data;
        struct json *j = &ev->json;

        if (ev->rows == ev->limit) {
                ev->more = true;
                return false;
        }
        ev->rows++;
        ev->last = e->rowid;
        json_open(j, '{');
        json_add_key(j, "at");
        json_add_time(j, e->at_ms);
        json_add_key(j, "event");
        json_add_text(j, e->event);
        json_add_key(j, "text");
        json_add_text(j, e->text);
        json_close(j, '}');
        return !j->to->failed;
}

void get_process_events(struct call *c)
{
        _cleanup_(buffer_done) struct buffer text = {};
        struct eventing ev = { .json = json_begin(&text, false), .limit = c->query.limit };
        uint64_t listing, after[3] = {};
        char next[CURSOR_SIZE];
        struct error err = {};
        struct found found;

        if (!find_process(c, &found))
                return;
        listing = listing_add_int(listing_add_text(LISTING_NONE, "events"), found.number);
        if (c->query.cursor && !cursor_parse(c->query.cursor, listing, after)) {
                refuse_cursor(c);
                return;
        }
        json_open(&ev.json, '{');
        json_add_key(&ev.json, "id");
        json_add_text(&ev.json, found.id);
        json_add_key(&ev.json, "events");
        json_open_list(&ev.json);
        if (store_read_events(c->api->reader, found.number, (int64_t)after[0], add_event, &ev, &err) < 0) {
                refuse_database(c, &err);
                return;
        }
        json_close(&ev.json, ']');
        cursor_format((uint64_t[]){ (uint64_t)ev.last, 0, 0 }, listing, next);
        finish_list(&ev.json, ev.more ? next : NULL);
        answer_finish(c->answer, &c->api->pool, &text, "application/json");
}
