/* memtide export: the whole history of a process as CSV, page by page: memory holds one page at a time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/answer.h"
#include "client/daemon.h"
#include "client/memtide.h"
#include "model/process.h"
#include "render/line.h"

struct export {
        struct client *client;
        struct error *err;
        struct answer answer;
        struct buffer body, out;
        json_t *page;
        bool first;
        char id[PROCESS_ID_MAX];
};

static void export_done(struct export *e)
{
        json_decref(e->page);
        buffer_done(&e->body);
        buffer_done(&e->out);
}

/* The API's columns hold numbers and times, but a text is a text: cleaned, and quoted where CSV needs it. */
static void add_csv_text(struct export *e, const char *text)
{
        _cleanup_(buffer_done) struct buffer clean = {};
        bool quote = strpbrk(text, ",\"");

        line_add(&clean, text, 0, LINE_CUT_END, true);
        e->out.failed |= clean.failed;
        if (quote)
                buffer_add_char(&e->out, '"');
        for (size_t i = 0; i < clean.size; i++) {
                if (clean.data[i] == '"')
                        buffer_add_char(&e->out, '"');
                buffer_add_char(&e->out, clean.data[i]);
        }
        if (quote)
                buffer_add_char(&e->out, '"');
}

static void add_csv_value(struct export *e, const json_t *value)
{
        if (json_is_string(value))
                add_csv_text(e, json_string_value(value));
        else if (json_is_integer(value))
                buffer_add_int(&e->out, json_integer_value(value));
        else if (json_is_real(value))
                buffer_format(&e->out, "%.15g", json_real_value(value));
        else if (!json_is_null(value))
                answer_fail(&e->answer, "a sample holds neither text nor number");
}

static void add_csv_line(struct export *e, const json_t *values)
{
        for (size_t i = 0; i < json_array_size(values); i++) {
                if (i)
                        buffer_add_char(&e->out, ',');
                add_csv_value(e, json_array_get(values, i));
        }
        buffer_add_char(&e->out, '\n');
}

static int write_csv_page(struct export *e)
{
        const json_t *columns = answer_need_list(&e->answer, e->page, "columns");
        const json_t *samples = answer_need_list(&e->answer, e->page, "samples");

        if (e->first && columns)
                add_csv_line(e, columns);
        for (size_t i = 0; i < json_array_size(samples) && !e->answer.wrong; i++) {
                const json_t *row = json_array_get(samples, i);

                if (!json_is_array(row) || json_array_size(row) != json_array_size(columns))
                        answer_fail(&e->answer, "a sample has not one value a column");
                add_csv_line(e, row);
        }
        return e->answer.wrong ? -EPROTO : screen_write(&e->out, e->err);
}

static void add_json(struct export *e, const json_t *value)
{
        _cleanup_(freep) char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

        e->out.failed |= !text;
        buffer_add_text(&e->out, text ? text : "null");
}

/* --json, over several pages: one document, written as it comes. */
static int write_json_page(struct export *e, bool last)
{
        const json_t *columns = answer_need_list(&e->answer, e->page, "columns");
        const json_t *samples = answer_need_list(&e->answer, e->page, "samples");

        if (e->answer.wrong)
                return -EPROTO;
        if (e->first) {
                buffer_add_text(&e->out, "{\n  \"id\": ");
                add_json(e, json_object_get(e->page, "id"));
                buffer_add_text(&e->out, ",\n  \"columns\": ");
                add_json(e, columns);
                buffer_add_text(&e->out, ",\n  \"samples\": [");
        }
        for (size_t i = 0; i < json_array_size(samples); i++) {
                buffer_add_text(&e->out, e->first && i == 0 ? "\n    " : ",\n    ");
                add_json(e, json_array_get(samples, i));
        }
        if (last)
                buffer_add_text(&e->out, "\n  ],\n  \"next\": null\n}\n");
        if (e->out.failed)
                return error_set(e->err, ENOMEM, "out of memory");
        return screen_write_json(&e->client->screen, e->out.data, e->out.size, e->err);
}

/* A pid may be reused while its history is read: further pages are asked for by the id that the first one named. */
static void keep_id(struct export *e)
{
        const char *id = answer_need_text(&e->answer, e->page, "id");
        struct process_id parsed;
        int parts;

        if (strlen(id) >= sizeof e->id || !process_id_parse(id, &parsed, &parts))
                answer_fail(&e->answer, "\"id\" is not the id of a process");
        else
                strcpy(e->id, id);
}

static int get_page(struct export *e, const char *cursor)
{
        _cleanup_(buffer_done) struct buffer path = {};
        int r;

        buffer_format(&path, "/processes/%s/samples", e->first ? e->client->id : e->id);
        path_add_parameter(&path, "cursor", cursor);
        buffer_add_char(&path, '\0');
        if (path.failed)
                return error_set(e->err, ENOMEM, "out of memory");
        r = daemon_get(e->client->daemon, path.data, &e->body, e->err);
        if (r < 0)
                return r;
        json_decref(e->page);
        e->page = answer_load(&e->answer, &e->body);
        if (e->page && e->first)
                keep_id(e);
        return e->answer.wrong ? -EPROTO : 0;
}

int cmd_export(struct client *client, struct error *err)
{
        _cleanup_(export_done) struct export e = { .client = client, .err = err, .first = true,
                                                   .answer = { .what = "/processes/ID/samples", .err = err } };
        const char *next = NULL;
        int r;

        do {
                r = get_page(&e, next);
                if (r < 0)
                        return r;
                next = answer_text(&e.answer, e.page, "next");
                if (next && json_array_size(json_object_get(e.page, "samples")) == 0)
                        answer_fail(&e.answer, "an empty page has a \"next\"");
                buffer_clear(&e.out);
                if (!client->settings->json)
                        r = write_csv_page(&e);
                else if (e.first && !next)
                        r = screen_write_json(&client->screen, e.body.data, e.body.size, err);
                else
                        r = write_json_page(&e, !next);
                e.first = false;
        } while (r >= 0 && next);
        return r;
}
