/* GET /processes/ID/heap. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/figures.h"
#include "model/look_bytes.h"
#include "render/heap_json.h"
#include "render/heap_page.h"
#include "store/looks.h"

#define LIVED_TICKS 720 /* after so long a process is looked into though nothing was found: engine/watch_look.c */

/* The one that the id in the path means. */
struct looked {
        uint32_t number;
        char id[PROCESS_ID_MAX];
        char *name, *app;
        int64_t exited_at_ms;
        bool answered;
};

static void looked_done(struct looked *l)
{
        free(l->name);
        free(l->app);
}

static bool keep_process(void *data, const struct store_process *p)
{
        struct looked *l = data;

        l->number = p->number;
        process_id_format(&p->id, l->id);
        l->name = strdup(p->who.name ? p->who.name : "");
        l->app = strdup(p->app_name ? p->app_name : "");
        l->exited_at_ms = p->exited_at_ms;
        return false;
}

/* 1, 0: there is none, or negative. */
static int read_look(struct call *c, struct looked *l, struct look *ret, struct error *err)
{
        struct store_reader *reader = c->api->reader;
        struct process_id id;
        const void *bytes;
        int64_t at_ms;
        size_t size;
        int parts, r = 0;

        if (process_id_parse(c->id, &id, &parts))
                r = store_find_process(reader, &id, parts, keep_process, l, err);
        if (r <= 0)
                return r;
        if (!l->name || !l->app)
                return error_set(err, ENOMEM, "out of memory reading the process");
        r = store_read_look(reader, l->number, &at_ms, &bytes, &size, err);
        if (r <= 0)
                return r;
        r = look_parse(bytes, size, ret, err);
        if (r != -EBADMSG)
                return r < 0 ? r : 1;
        refuse(c, 404, "what is stored of the heap of %s can't be read: %s", l->id, err->text);
        l->answered = true;
        return 0;
}

static void refuse_unlooked(struct call *c, const struct looked *l)
{
        const struct config *config = c->api->config;
        char lived[FIGURE_SIZE], interval[FIGURE_SIZE];

        figure_age(config->interval_ms * LIVED_TICKS, true, lived);
        figure_age(config->inspect_interval_ms, true, interval);
        if (l->exited_at_ms >= 0) {
                refuse(c, 404, "%s exited before its heap was looked into", l->id);
                return;
        }
        switch (config_for_app(config, l->app).inspect) {
        case INSPECT_OFF:
                refuse(c, 404, "the heap of %s is not looked into: inspect is off for \"%.100s\"", l->id, l->app);
                break;
        case INSPECT_PERIODIC:
                refuse(c, 404, "the heap of %s was not looked into yet: inspect is periodic, so it is soon, and then "
                       "every %s", l->id, interval);
                break;
        default:
                refuse(c, 404, "the heap of %s was not looked into yet: inspect is on-finding, so it is when a "
                       "finding opens or when it has lived for %s", l->id, lived);
        }
}

static void answer_text(struct call *c, const struct look_view *view)
{
        _cleanup_(buffer_done) struct buffer json = {}, text = {};
        struct json j = json_begin(&json, true);
        json_t *heap;

        look_write_json(&j, view);
        heap = json.failed ? NULL : json_loadb(json.data, json.size, 0, NULL);
        text.failed |= !heap;
        if (heap)
                render_heap(heap, c->now_ms, &(struct table_options){ .utf8 = true }, &text);
        json_decref(heap);
        answer_finish(c->answer, &c->api->pool, &text, "text/plain; charset=utf-8");
}

static void answer_json(struct call *c, const struct look_view *view)
{
        _cleanup_(buffer_done) struct buffer text = {};
        struct json j = json_begin(&text, false);

        look_write_json(&j, view);
        json_end(&j);
        answer_finish(c->answer, &c->api->pool, &text, "application/json");
}

static void answer_look(struct call *c, const struct looked *l, const struct look *look)
{
        const struct look_view view = { .look = look, .id = l->id, .name = l->name, .exited_at_ms = l->exited_at_ms };
        const char *why = look_missing(look, "python");

        /* What was seen from outside alone is no look into a Python heap. */
        if (why) {
                refuse(c, 404, "the heap of %s can't be looked into: %.300s", l->id, why);
                return;
        }
        if (c->text)
                answer_text(c, &view);
        else
                answer_json(c, &view);
        c->answer->cache = true;
}

void get_process_heap(struct call *c)
{
        _cleanup_(looked_done) struct looked l = { .exited_at_ms = -1 };
        _cleanup_(look_done) struct look look;
        struct error err = {};
        int r;

        look_init(&look);
        r = store_reader_begin(c->api->reader, &err);
        if (r >= 0) {
                r = read_look(c, &l, &look, &err);
                store_reader_end(c->api->reader);
        }
        if (r < 0)
                refuse_database(c, &err);
        else if (r > 0)
                answer_look(c, &l, &look);
        else if (!l.number)
                refuse_process(c);
        else if (!l.answered)
                refuse_unlooked(c, &l);
}
