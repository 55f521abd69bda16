/* A finding as JSON. */
#include "render/finding_json.h"

#include <jansson.h>
#include <string.h>

/* Is the text one value of that kind, on one line? It came out of a file that somebody else may have written to. */
static bool is_whole(const char *text, char bracket)
{
        json_t *value = text && *text == bracket && !strpbrk(text, "\r\n") ? json_loads(text, 0, NULL) : NULL;

        json_decref(value);
        return value != NULL;
}

/* Where the element of a list ends, which is well-formed. */
static const char *element_end(const char *at)
{
        bool quoted = false;
        int depth = 0;

        for (; *at; at++) {
                if (quoted && *at == '\\' && at[1])
                        at++;
                else if (*at == '"')
                        quoted = !quoted;
                else if (quoted)
                        continue;
                else if (depth == 0 && (*at == ',' || *at == ']'))
                        return at;
                else if (*at == '{' || *at == '[')
                        depth++;
                else if (*at == '}' || *at == ']')
                        depth--;
        }
        return at;
}

static void add_elements(struct json *j, const char *list)
{
        json_open_list(j);
        for (const char *at = list + 1; *at && *at != ']';) {
                const char *end;

                at += strspn(at, " \t");
                end = element_end(at);
                if (end > at)
                        json_add_raw(j, at, (size_t)(end - at));
                at = end + (*end == ',');
        }
        json_close(j, ']');
}

/* A list: one element a line where the finding stands alone, as everywhere; within a list it stays on its line. */
static void add_list(struct json *j, const char *key, const char *list)
{
        json_add_key(j, key);
        if (!is_whole(list, '['))
                json_add_raw(j, "[]", 2);
        else if (j->depth == 1)
                add_elements(j, list);
        else
                json_add_raw(j, list, strlen(list));
}

static void add_process(struct json *j, const struct finding_view *v)
{
        char id[PROCESS_ID_MAX];

        json_add_key(j, "process");
        if (!v->has_process) {
                json_add_null(j);
                return;
        }
        process_id_format(&v->id, id);
        json_open(j, '{');
        json_put_text(j, "id", id);
        json_add_key(j, "pid");
        json_add_int(j, v->id.pid);
        json_put_text(j, "name", v->name);
        json_add_key(j, "cmdline");
        json_open(j, '[');
        for (size_t i = 0; i < v->n_args; i++)
                json_add_text(j, v->args[i]);
        json_close(j, ']');
        json_close(j, '}');
}

void finding_write_json(struct json *j, const struct finding_view *v)
{
        const struct finding *f = v->finding;

        json_open(j, '{');
        json_add_key(j, "id");
        json_add_int(j, f->number);
        json_put_text(j, "kind", finding_kind_name(f->kind));
        json_put_text(j, "severity", severity_name(f->severity));
        json_put_text(j, "state", f->closed_at_ms < 0 ? "open" : "closed");
        add_process(j, v);
        json_add_key(j, "app");
        json_open(j, '{');
        json_put_text(j, "id", f->app_id);
        json_put_text(j, "name", v->app_name);
        json_close(j, '}');
        json_put_text(j, "title", f->title ? f->title : "");
        json_put_time(j, "opened_at", f->opened_at_ms);
        json_put_time(j, "updated_at", f->updated_at_ms);
        json_put_time(j, "closed_at", f->closed_at_ms);
        json_add_key(j, "evidence");
        if (is_whole(f->evidence, '{'))
                json_add_raw(j, f->evidence, strlen(f->evidence));
        else
                json_add_null(j);
        add_list(j, "diagnosis", f->diagnosis);
        add_list(j, "advice", f->advice);
        add_list(j, "suspects", f->suspects);
        json_close(j, '}');
}
