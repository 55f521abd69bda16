#include "world_findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct store_reader *open_reader(struct world *w)
{
        struct store_reader *r;

        if (store_reader_open(w->path, &r, &w->err) < 0)
                fail_msg("store_reader_open: %s", w->err.text);
        return r;
}

void world_ticks(struct world *w, int n)
{
        for (int i = 0; i < n; i++)
                world_tick(w);
}

void app_of(struct world *w, size_t place, char ret[static APP_ID_SIZE])
{
        char name[32] = "";
        struct identity who = world_identity(name);

        snprintf(name, sizeof name, "app%d", w->processes[place].id.pid % 7);
        store_put_app(w->store, &who, ret);
}

/* An open leak of the process at place. */
struct finding a_finding(struct world *w, size_t place, int64_t number)
{
        struct finding f = { .number = number, .kind = FINDING_LEAK, .severity = SEVERITY_WARNING,
                             .process = w->processes[place].number, .title = (char *)"It grows by 3 MiB an hour.",
                             .opened_at_ms = w->at_ms, .updated_at_ms = w->at_ms, .closed_at_ms = -1,
                             .evidence = (char *)"{\"from_bytes\": 1, \"troughs\": [1, 2]}",
                             .diagnosis = (char *)"[{\"cause\": \"python\"}]", .advice = (char *)"[\"Look at it.\"]" };

        app_of(w, place, f.app_id);
        return f;
}

int64_t put_new(struct world *w, size_t place, enum finding_kind kind)
{
        struct finding f = a_finding(w, place, store_next_finding(w->store));

        f.kind = kind;
        store_put_finding(w->store, &f);
        return f.number;
}

void put_closed(struct world *w, size_t place, int64_t number)
{
        struct finding f = a_finding(w, place, number);

        f.closed_at_ms = w->at_ms;
        store_put_finding(w->store, &f);
}

bool list_finding(void *data, const struct store_finding *f)
{
        struct list *l = data;

        if (l->n < 200)
                l->numbers[l->n] = f->finding->number;
        l->n++;
        return true;
}

void check_list(struct world *w, struct store_finding_filter filter, const int64_t *want, size_t n)
{
        READER(w);
        struct list l = {};

        assert_int_equal(store_read_findings(r, &filter, list_finding, &l, &w->err), 0);
        assert_int_equal(l.n, n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(l.numbers[i], want[i]);
}
struct expected { struct world *w; const struct finding *f; size_t place; };

static bool compare(void *data, const struct store_finding *got)
{
        const struct expected *e = data;
        const struct finding *a = got->finding, *b = e->f;
        struct identity who = world_identity("");

        assert_int_equal(a->number, b->number);
        assert_int_equal(a->kind, b->kind);
        assert_int_equal(a->severity, b->severity);
        assert_int_equal(a->process, b->process);
        assert_string_equal(a->app_id, b->app_id);
        assert_string_equal(a->title, b->title);
        assert_true(a->opened_at_ms == b->opened_at_ms && a->updated_at_ms == b->updated_at_ms);
        assert_true(a->closed_at_ms == b->closed_at_ms);
        assert_string_equal(a->evidence, b->evidence);
        assert_string_equal(a->diagnosis, b->diagnosis);
        assert_string_equal(a->advice, b->advice);
        assert_null(a->suspects);
        assert_non_null(strstr(got->app_name, "flask: app"));
        assert_int_equal(got->has_process, b->process != 0);
        if (!b->process)
                return true;
        assert_true(process_id_equal(&got->id, &e->w->processes[e->place].id));
        assert_non_null(strstr(got->name, "app"));
        assert_int_equal(got->n_args, who.n_args);
        for (size_t i = 0; i < got->n_args; i++)
                assert_string_equal(got->args[i], who.args[i]);
        return true;
}

void check_finding(struct world *w, const struct finding *f, size_t place)
{
        READER(w);
        struct expected e = { w, f, place };

        if (store_find_finding(r, f->number, compare, &e, &w->err) != 1)
                fail_msg("finding %lld is not there", (long long)f->number);
}

static bool take(void *data, const struct store_alert *a)
{
        struct list *l = data;

        assert_int_equal(a->target, atoi(a->body) % 2 ? ALERT_EXEC : ALERT_WEBHOOK);
        assert_int_equal(a->at_ms, WORLD_START_MS + atoi(a->body));
        if (l->n < 200)
                l->numbers[l->n] = a->number;
        l->n++;
        return true;
}

void put_alert(struct world *w, int i)
{
        char body[32];

        snprintf(body, sizeof body, "%d", i);
        store_put_alert(w->store, i % 2 ? ALERT_EXEC : ALERT_WEBHOOK, WORLD_START_MS + i, body);
}

struct list waiting_alerts(struct world *w, uint32_t limit)
{
        READER(w);
        struct list l = {};

        assert_int_equal(store_read_alerts(r, limit, take, &l, &w->err), 0);
        return l;
}
