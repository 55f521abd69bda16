/* What is sent back. */
#include "api/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"

struct body *body_new(struct body_pool *pool, struct buffer *from)
{
        struct body *b;

        /* What doubling left over is given back: a body of 0.8 MB lives as long as a tick. */
        if (from->room - from->size > 4096) {
                char *data = realloc(from->data, from->size + 1);

                if (data) {
                        from->data = data;
                        from->room = from->size + 1;
                }
        }
        b = !from->failed && from->room <= pool->limit - pool->bytes ? calloc(1, sizeof *b) : NULL;
        if (!b) {
                buffer_done(from);
                return NULL;
        }
        *b = (struct body){ .refs = 1, .pool = pool, .data = from->data, .size = from->size, .room = from->room };
        pool->bytes += b->room;
        *from = (struct buffer){};
        return b;
}

struct body *body_ref(struct body *b)
{
        if (b)
                b->refs++;
        return b;
}

struct body *body_unref(struct body *b)
{
        if (b && --b->refs == 0) {
                b->pool->bytes -= b->room;
                free(b->data);
                free(b);
        }
        return NULL;
}

void answer_done(struct answer *a)
{
        body_unref(a->body);
        *a = (struct answer){};
}

void answer_field(struct answer *a, const char *name, const char *value)
{
        size_t used = strlen(a->fields), room = sizeof a->fields - used;

        if ((size_t)snprintf(a->fields + used, room, "%s: %s\r\n", name, value) >= room)
                a->fields[used] = '\0';
}

/* Out of memory: these words need none. */
static void answer_503(struct answer *a)
{
        answer_done(a);
        a->status = 503;
        a->type = "application/problem+json";
        a->fixed = "{\n  \"type\": \"about:blank\",\n  \"title\": \"Service Unavailable\",\n  \"status\": 503,\n"
                   "  \"detail\": \"the answer does not fit into the memory that is left; ask for less\"\n}\n";
}

void answer_finish(struct answer *a, struct body_pool *pool, struct buffer *text, const char *type)
{
        struct body *b = body_new(pool, text);

        if (!b) {
                answer_503(a);
                return;
        }
        if (!a->status)
                a->status = 200;
        a->type = type;
        a->body = b;
}

void answer_finish_now(struct answer *a, struct body_pool *pool, struct buffer *text)
{
        answer_finish(a, pool, text, "application/json");
        if (a->status == 200)
                answer_set_now(a, 0);
}

void answer_set_now(struct answer *a, int64_t now_ms)
{
        char now[UNITS_SIZE];

        time_format(now_ms, now);
        a->lead_size = (size_t)snprintf(a->lead, sizeof a->lead, "{\n  \"now_at\": \"%s\"", now);
}

const char *status_title(int status)
{
        static const struct {
                int status;
                const char *title;
        } titles[] = {
                { 200, "OK" },
                { 400, "Bad Request" },
                { 401, "Unauthorized" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 408, "Request Timeout" },
                { 410, "Gone" },
                { 414, "URI Too Long" },
                { 421, "Misdirected Request" },
                { 431, "Request Header Fields Too Large" },
                { 503, "Service Unavailable" },
                { 505, "HTTP Version Not Supported" },
        };

        for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
                if (titles[i].status == status)
                        return titles[i].title;
        return "Error";
}

static void add_member(struct json *j, const char *key, const char *value)
{
        if (!value)
                return;
        json_add_key(j, key);
        json_add_text(j, value);
}

void answer_problem(struct answer *a, struct body_pool *pool, const struct problem *p)
{
        _cleanup_(buffer_done) struct buffer text = {};
        struct json j = json_begin(&text, false);

        json_open(&j, '{');
        add_member(&j, "type", "about:blank");
        add_member(&j, "title", status_title(p->status));
        json_add_key(&j, "status");
        json_add_int(&j, p->status);
        add_member(&j, "detail", p->detail);
        add_member(&j, "reason", p->reason);
        add_member(&j, "parameter", p->parameter);
        add_member(&j, "allowed", p->allowed);
        json_close(&j, '}');
        json_end(&j);
        a->status = p->status;
        answer_finish(a, pool, &text, "application/problem+json");
}
