/* A look as JSON. */
#include "render/heap_json.h"

#include <math.h>

/* Whole, or in tenths where there are few: a queue that grows by one in two hours grows. */
static void add_rate(struct json *j, const char *key, double rate)
{
        json_add_key(j, key);
        if (!isfinite(rate) || fabs(rate) > 9e15)
                json_add_null(j);
        else if (fabs(rate) >= 100)
                json_add_int(j, llround(rate));
        else
                json_add_double(j, (double)llround(rate * 10) / 10);
}

static void add_three(struct json *j, const char *key, const int64_t values[static 3])
{
        json_add_key(j, key);
        if (values[0] < 0 && values[1] < 0 && values[2] < 0) {
                json_add_null(j);
                return;
        }
        json_open(j, '[');
        for (int i = 0; i < 3; i++)
                json_add_known(j, values[i]);
        json_close(j, ']');
}

static void add_flag(struct json *j, const char *key, bool known, bool value)
{
        json_add_key(j, key);
        if (known)
                json_add_bool(j, value);
        else
                json_add_null(j);
}

static void add_gc(struct json *j, const struct look_gc *gc)
{
        json_add_key(j, "gc");
        json_open(j, '{');
        add_flag(j, "enabled", gc->enabled >= 0, gc->enabled > 0);
        add_three(j, "thresholds", gc->thresholds);
        add_three(j, "counts", gc->counts);
        json_put_known(j, "uncollectable", gc->uncollectable);
        json_put_known(j, "frozen", gc->frozen);
        add_flag(j, "collecting", gc->enabled >= 0, gc->collecting);
        json_close(j, '}');
}

static void add_memory(struct json *j, const struct look_memory *m)
{
        json_add_key(j, "memory");
        json_open(j, '{');
        json_put_known(j, "python_bytes", m->python_bytes);
        json_put_known(j, "python_free_bytes", m->python_free_bytes);
        json_put_known(j, "native_bytes", m->native_bytes);
        json_put_known(j, "file_bytes", m->file_bytes);
        json_put_known(j, "shmem_bytes", m->shmem_bytes);
        json_put_known(j, "heap_bytes", m->heap_bytes);
        json_put_known(j, "arena_bytes", m->arena_bytes);
        json_put_known(j, "arenas", m->arenas);
        json_put_known(j, "large_bytes", m->large_bytes);
        json_close(j, '}');
}

static void add_missing(struct json *j, const struct look *look)
{
        json_add_key(j, "missing");
        json_open_list(j);
        for (size_t i = 0; i < look->n_missing; i++) {
                json_open(j, '{');
                json_put_text(j, "part", look->missing[i].part);
                json_put_text(j, "reason", look->missing[i].reason);
                json_close(j, '}');
        }
        json_close(j, ']');
}

static void add_types(struct json *j, const struct look *look)
{
        json_add_key(j, "types");
        json_open_list(j);
        for (size_t i = 0; i < look->n_types; i++) {
                const struct look_type *t = &look->types[i];

                if (t->objects < 0)
                        continue;
                json_open(j, '{');
                json_put_text(j, "type", t->name);
                json_put_known(j, "objects", t->objects);
                json_put_known(j, "tracked", t->tracked);
                json_put_known(j, "bytes", t->bytes);
                add_rate(j, "objects_per_hour", look_rate(look, t->past_objects, t->objects));
                add_rate(j, "bytes_per_hour", look_rate(look, t->past_bytes, t->bytes));
                json_close(j, '}');
        }
        json_close(j, ']');
}

static void add_containers(struct json *j, const struct look *look)
{
        json_add_key(j, "containers");
        json_open_list(j);
        for (size_t i = 0; i < look->n_containers; i++) {
                const struct look_container *c = &look->containers[i];

                if (c->length < 0)
                        continue;
                json_open(j, '{');
                json_put_text(j, "name", c->name);
                json_add_key(j, "aliases");
                json_open(j, '[');
                for (size_t k = 0; k < c->n_aliases; k++)
                        json_add_text(j, c->aliases[k]);
                json_close(j, ']');
                json_put_text(j, "type", c->type);
                json_put_known(j, "length", c->length);
                add_rate(j, "length_per_hour", look_rate(look, c->past, c->length));
                json_close(j, '}');
        }
        json_close(j, ']');
}

static void add_libraries(struct json *j, const struct look *look)
{
        json_add_key(j, "libraries");
        json_open_list(j);
        for (size_t i = 0; i < look->n_libraries; i++)
                json_add_text(j, look->libraries[i]);
        json_close(j, ']');
}

static void add_looks(struct json *j, const struct look *look)
{
        json_add_key(j, "looks");
        json_open_list(j);
        for (size_t i = 0; i < look->n_past; i++)
                json_add_time(j, look->past[i].at_ms);
        json_close(j, ']');
}

void look_write_json(struct json *j, const struct look_view *view)
{
        const struct look *look = view->look;

        json_open(j, '{');
        json_put_text(j, "id", view->id);
        json_put_text(j, "name", view->name);
        json_put_time(j, "exited_at", view->exited_at_ms);
        json_put_time(j, "at", look->at_ms);
        json_put_time(j, "since_at", look->n_past ? look->past[0].at_ms : -1);
        json_put_text(j, "python", *look->python ? look->python : NULL);
        json_put_known(j, "tracked_objects", look->tracked_objects);
        json_put_milli(j, "took_ms", look->took_us);
        json_put_milli(j, "cpu_ms", look->cpu_us);
        json_add_key(j, "complete");
        json_add_bool(j, look->complete);
        add_missing(j, look);
        add_gc(j, &look->gc);
        add_memory(j, &look->memory);
        add_types(j, look);
        add_containers(j, look);
        add_libraries(j, look);
        add_looks(j, look);
        json_close(j, '}');
}
