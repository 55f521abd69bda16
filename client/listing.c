/* Lists, page by page. */
#include "client/listing.h"

#include <errno.h>
#include <string.h>

#include "client/daemon.h"

static void build_path(const struct client *client, const char *path, const char *cursor, struct buffer *ret)
{
        const struct settings *s = client->settings;

        buffer_clear(ret);
        buffer_add_text(ret, path);
        path_add_parameter(ret, "state", s->state);
        path_add_parameter(ret, "sort", s->sort);
        path_add_parameter(ret, "q", s->q);
        path_add_parameter(ret, "app", s->app);
        path_add_parameter(ret, "kind", s->kind);
        path_add_parameter(ret, "process", s->process);
        path_add_parameter(ret, "limit", s->limit ? s->limit : "1000");
        path_add_parameter(ret, "cursor", cursor);
        buffer_add_char(ret, '\0');
}

static int take_first(struct listing *l, struct answer *a, const char *key)
{
        l->root = answer_load(a, &l->body);
        if (!l->root)
                return -EPROTO;
        l->list = answer_need_list(a, l->root, key);
        l->now_ms = answer_need_time(a, l->root, "now_at");
        return a->wrong ? -EPROTO : 0;
}

/* Adds the elements of a further page; *next then lives in *page. */
static int take_further(struct listing *l, struct answer *a, const char *key, const struct buffer *body, json_t **page,
                        const char **next)
{
        const json_t *more;

        json_decref(*page);
        *next = NULL;
        *page = answer_load(a, body);
        more = *page ? answer_need_list(a, *page, key) : NULL;
        if (!more)
                return -EPROTO;
        /* A page that holds nothing and promises more would be asked for without end. */
        *next = answer_text(a, *page, "next");
        if (*next && json_array_size(more) == 0)
                answer_fail(a, "an empty page has a \"next\"");
        if (json_array_extend((json_t *)l->list, (json_t *)more) < 0)
                answer_fail(a, "out of memory");
        return a->wrong ? -EPROTO : 0;
}

int listing_get(struct client *client, const char *path, const char *key, struct listing *ret, struct error *err)
{
        _cleanup_(buffer_done) struct buffer url = {}, body = {};
        _cleanup_(json_decrefp) json_t *page = NULL;
        struct answer a = { .what = path, .err = err };
        const char *next;
        size_t total;
        int r;

        *ret = (struct listing){};
        build_path(client, path, NULL, &url);
        if (url.failed)
                return error_set(err, ENOMEM, "out of memory");
        r = daemon_get(client->daemon, url.data, &ret->body, err);
        if (r >= 0)
                r = take_first(ret, &a, key);
        if (r < 0)
                return r;
        total = ret->body.size;
        next = client->settings->limit ? NULL : answer_text(&a, ret->root, "next");
        while (next && r >= 0) {
                ret->paged = true;
                build_path(client, path, next, &url);
                if (url.failed)
                        return error_set(err, ENOMEM, "out of memory");
                r = daemon_get(client->daemon, url.data, &body, err);
                total += body.size;
                if (r >= 0 && total > ANSWER_MOST)
                        r = error_set(err, EFBIG, "the list is larger than %d MiB: ask for less with --limit or --q",
                                      ANSWER_MOST >> 20);
                if (r >= 0)
                        r = take_further(ret, &a, key, &body, &page, &next);
        }
        return r < 0 ? r : a.wrong ? -EPROTO : 0;
}

void listing_done(struct listing *l)
{
        json_decref(l->root);
        buffer_done(&l->body);
        *l = (struct listing){};
}

int listing_write_json(const struct client *client, const struct listing *l, struct error *err)
{
        _cleanup_(freep) char *text = NULL;

        if (!l->paged)
                return screen_write_json(&client->screen, l->body.data, l->body.size, err);
        json_object_set_new(l->root, "next", json_null());
        text = json_dumps(l->root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
        if (!text)
                return error_set(err, ENOMEM, "out of memory");
        return screen_write_json(&client->screen, text, strlen(text), err);
}
