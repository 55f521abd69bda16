/* Findings into the file: what they say is put together after a commit, from what memory and the file know then. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "detect/diagnosis.h"
#include "engine/watch_private.h"

#define LOWS_MOST 256
#define ATTEMPTS_MOST 3 /* commits that a finding may take to get into the file */
#define STEP_TICKS 6    /* it is over */
#define THEN_TICKS 24   /* how far from the window's beginning costlier figures are looked for, beside their interval */

static void add(struct watch *w, struct telling t)
{
        struct telling *copy = malloc(sizeof *copy);

        if (!copy)
                return;
        *copy = t;
        copy->next = NULL;
        if (copy->row)
                copy->row->references++;
        if (copy->app)
                copy->app->references++;
        *w->tellings_end = copy;
        w->tellings_end = &copy->next;
}

void tell_row(struct watch *w, struct row *row, enum finding_kind kind, enum tell what, enum severity severity, int64_t at_ms)
{
        struct told *told = row->findings ? &row->findings->told[kind] : NULL;
        const struct trend *t = row->ready ? detector_trend(row->detector) : NULL;

        if (!told || !told->number)
                return;
        told->written_at_ms = at_ms;
        if (t)
                told->grown_bytes = t->to_bytes - t->from_bytes;
        add(w, (struct telling){ .what = what, .kind = kind, .severity = severity, .row = row, .app = row->app,
                                 .number = told->number, .opened_at_ms = told->opened_at_ms, .at_ms = at_ms,
                                 .compose = t && t->growing && kind == FINDING_LEAK });
        if (what == TELL_CLOSED)
                told->number = 0;
}

void tell_app(struct watch *w, struct app *a, enum tell what, int64_t at_ms)
{
        a->told.written_at_ms = at_ms;
        add(w, (struct telling){ .what = what, .kind = FINDING_LEAK, .severity = SEVERITY_WARNING, .app = a,
                                 .number = a->told.number, .opened_at_ms = a->told.opened_at_ms, .at_ms = at_ms });
        if (what == TELL_CLOSED)
                a->told = (struct told){};
}

static void telling_free(struct telling *t)
{
        row_unref(t->row);
        app_unref(t->app);
        free(t);
}

void tellings_done(struct watch *w)
{
        while (w->tellings) {
                struct telling *t = w->tellings;

                w->tellings = t->next;
                telling_free(t);
        }
        w->tellings_end = &w->tellings;
}

static void again(struct watch *w, struct row *row)
{
        const struct life *l = row->findings ? &row->findings->life : NULL;

        if (!l || !row->ready)
                return;
        tell_row(w, row, FINDING_LEAK, TELL_REFRESHED, l->leak.severity, w->at_ms);
        tell_row(w, row, FINDING_STEP, TELL_REFRESHED, l->step.severity, w->at_ms);
        tell_row(w, row, FINDING_LIMIT, TELL_REFRESHED, l->limit.severity, w->at_ms);
}

void tellings_again(struct watch *w)
{
        for (uint32_t i = 0; i < w->n_seats; i++)
                if (w->seats[i].row)
                        again(w, w->seats[i].row);
        for (uint32_t i = 0; i < w->n_left; i++)
                if (w->left[i])
                        again(w, w->left[i]);
        for (size_t i = 0; i < w->apps.room; i++) {
                struct app *a = w->apps.entries[i].value;

                if (a && a->told.number)
                        tell_app(w, a, TELL_REFRESHED, w->at_ms);
        }
}

/* A finding being put together. */
struct making {
        struct watch *watch;
        const struct telling *telling;
        struct circumstances c;
        struct look look;            /* c.look */
        bool has_look;
        struct finding *finding;
        bool done;
};

static char *text_of(struct buffer *b, const char *otherwise)
{
        char *text = buffer_take(b, NULL);

        return text ? text : strdup(otherwise);
}

static void write_texts(struct making *m)
{
        struct finding *f = m->finding;
        struct buffer title = {}, evidence = {}, diagnosis = {}, advice = {}, suspects = {};

        diagnosis_title(&m->c, &title);
        diagnosis_evidence(&m->c, &evidence);
        diagnosis_answers(&m->c, &diagnosis, &advice);
        diagnosis_suspects(&m->c, &suspects);
        f->title = text_of(&title, "");
        f->evidence = text_of(&evidence, "{}");
        f->diagnosis = text_of(&diagnosis, "[]");
        f->advice = text_of(&advice, "[]");
        f->suspects = text_of(&suspects, "[]");
        m->done = true;
}

static bool take_process(void *data, const struct store_process *p)
{
        struct making *m = data;

        if (m->telling->row) {
                m->c.process_name = p->who.name;
                m->c.pid = p->id.pid;
                m->c.args = p->who.args;
                m->c.n_args = p->who.n_args;
                m->c.now = p->detail;
                m->c.started_at_ms = p->who.started_at_ms;
        }
        m->c.framework = p->who.framework;
        m->c.unit = p->who.unit;
        m->c.python = p->who.python;
        write_texts(m);
        return false;
}

struct figures_then {
        int64_t until_ms, after_ms;
        struct detail then, after;
        int64_t then_at_ms, after_at_ms; /* -1: none found yet */
};

/* The last at or before the window's (or step's) beginning, else the first after it; and the first once a step was over. */
static bool take_then(void *data, const struct store_sample *sample)
{
        struct figures_then *f = data;

        if (!sample->detail)
                return true;
        if (sample->at_ms <= f->until_ms || f->then_at_ms < 0) {
                f->then = *sample->detail;
                f->then_at_ms = sample->at_ms;
        }
        if (sample->at_ms < f->after_ms)
                return true;
        f->after = *sample->detail;
        f->after_at_ms = sample->at_ms;
        return false;
}

static void find_then(struct making *m, const struct row *row)
{
        const struct config *config = m->watch->config;
        const struct trend *t = m->c.trend;
        int64_t at_ms = m->c.kind == FINDING_STEP ? t->step_at_ms : t->since_ms;
        int64_t around = 2 * config->detail_interval_ms + THEN_TICKS * config->interval_ms;
        struct figures_then f = { .until_ms = at_ms, .after_ms = at_ms + STEP_TICKS * config->interval_ms, .then_at_ms = -1,
                                  .after_at_ms = -1 };
        struct error err = {};

        if (at_ms < 0)
                return;
        store_read_samples(m->watch->reader, row->number, at_ms - around, at_ms + around, take_then, &f, &err);
        if (f.then_at_ms >= 0) {
                m->c.then = f.then;
                m->c.then_ms = f.then_at_ms;
        }
        if (m->c.kind == FINDING_STEP && f.after_at_ms >= 0) {
                m->c.after = f.after;
                m->c.after_ms = f.after_at_ms;
        }
}

static void find_look(struct making *m, uint32_t number)
{
        m->has_look = look_load(m->watch, number, &m->look) == 1;
        m->c.look = m->has_look ? &m->look : NULL;
}

static int compose_row(struct making *m)
{
        const struct telling *t = m->telling;
        struct row *row = t->row;
        struct low lows[LOWS_MOST];
        struct life_facts facts = row_facts(m->watch, row, t->at_ms);
        struct error err = {};

        m->c.trend = detector_trend(row->detector);
        m->c.lows = lows;
        m->c.n_lows = detector_lows(row->detector, lows, LOWS_MOST);
        m->c.exact_bytes = row->exact_bytes;
        m->c.headroom = row->headroom.kind != LIMIT_NONE ? &row->headroom : NULL;
        m->c.limit_at_ms = life_limit_at_ms(&facts);
        m->c.pid = row->id.pid;
        m->c.why_no_look = look_why_none(m->watch, row);
        m->c.next_look_ms = look_next_ms(m->watch, row);
        find_look(m, row->number);
        find_then(m, row);
        store_find_process(m->watch->reader, &row->id, 3, take_process, m, &err);
        m->c.process_name = m->c.process_name ? m->c.process_name : "";
        if (!m->done)
                write_texts(m);
        return 0;
}

/* When the next one of its processes is looked into. */
static int64_t next_look_of(const struct watch *w, const struct app *a)
{
        int64_t soonest = -1;

        for (uint32_t i = 0; i < w->n_seats; i++) {
                const struct row *row = w->seats[i].row;
                int64_t at_ms = row && row->app == a ? look_next_ms(w, row) : -1;

                if (at_ms >= 0 && (soonest < 0 || at_ms < soonest))
                        soonest = at_ms;
        }
        return soonest;
}

/* Any process of the app tells what its framework and unit are. */
static int compose_app(struct making *m)
{
        struct app *a = m->telling->app;
        struct generations_trend g = {};
        struct trend trend = { .verdict = VERDICT_LEAK, .growing = true, .rate_low = NAN, .rate_high = NAN, .step_at_ms = -1,
                               .ready_at_ms = -1 };
        struct error err = {};

        if (!a->generations)
                return -1;
        generations_trend(a->generations, &g);
        trend.bytes_per_hour = g.bytes_per_hour;
        trend.confidence = g.confidence;
        trend.since_ms = trend.first_ms = g.since_ms;
        trend.last_ms = m->telling->at_ms;
        trend.from_bytes = g.from_bytes;
        trend.to_bytes = g.to_bytes;
        trend.rises = g.alike;
        trend.slots = g.of;
        m->c.trend = &trend;
        m->c.generations = &g;
        m->c.why_no_look = a->settings.inspect == INSPECT_OFF ? "inspect is off"
                                                              : "the turn of its processes has not come yet";
        m->c.next_look_ms = next_look_of(m->watch, a);
        m->c.look_of_member = true;
        find_look(m, a->look_number);
        for (uint32_t i = 0; i < m->watch->n_seats && !m->done; i++)
                if (m->watch->seats[i].row && m->watch->seats[i].row->app == a)
                        store_find_process(m->watch->reader, &m->watch->seats[i].row->id, 3, take_process, m, &err);
        if (!m->done)
                write_texts(m);
        return 0;
}

static int compose(struct watch *w, const struct telling *t, struct finding *f)
{
        struct making m = {
                .watch = w, .telling = t, .finding = f,
                .c = { .kind = t->kind, .now_ms = t->at_ms, .interval_ms = w->config->interval_ms, .app_name = t->app->name,
                       .pid = -1, .exact_bytes = -1, .limit_at_ms = -1, .then = DETAIL_UNKNOWN, .now = DETAIL_UNKNOWN,
                       .then_ms = -1, .after = DETAIL_UNKNOWN, .after_ms = -1, .started_at_ms = -1, .fds_limit = -1,
                       .next_look_ms = -1 },
        };
        int r;

        if (t->row && !t->row->ready)
                return -1;
        r = t->row ? compose_row(&m) : compose_app(&m);
        if (m.has_look)
                look_done(&m.look);
        return r;
}

static bool take_finding(void *data, const struct store_finding *f)
{
        finding_copy(f->finding, data);
        return false;
}

/* What a closed finding says is what it said while it was open: by now the memory may be level again. 1, or 0: it is not in
 * the file yet. */
static int from_file(struct watch *w, struct telling *t, struct finding *f)
{
        struct error err = {};
        int r = store_find_finding(w->reader, t->number, take_finding, f, &err);

        if (r > 0 && f->number == t->number)
                return 1;
        return ++t->attempts < ATTEMPTS_MOST ? 0 : compose(w, t, f) == 0;
}

static void put(struct watch *w, struct store *store, struct alerts *alerts, const struct telling *t, struct finding *f)
{
        static const enum finding_event events[] = { [TELL_OPENED] = FINDING_OPENED, [TELL_WORSENED] = FINDING_WORSENED,
                                                     [TELL_CLOSED] = FINDING_CLOSED };

        (void)w;
        f->number = t->number;
        f->kind = t->kind;
        f->severity = t->severity;
        f->process = t->row ? t->row->process : 0;
        memcpy(f->app_id, t->app->id, sizeof f->app_id);
        f->opened_at_ms = t->opened_at_ms;
        f->updated_at_ms = t->at_ms;
        f->closed_at_ms = t->what == TELL_CLOSED ? t->at_ms : -1;
        store_put_finding(store, f);
        if (alerts && t->what != TELL_REFRESHED)
                alerts_tell(alerts, t->number, events[t->what]);
        if (t->what == TELL_OPENED && t->row && t->kind != FINDING_LEAK)
                store_add_event(store, t->row->process, t->at_ms, t->kind == FINDING_STEP ? EVENT_STEP : EVENT_LIMIT, f->title);
}

/* False: not yet. */
static bool tell(struct watch *w, struct store *store, struct alerts *alerts, struct telling *t)
{
        _cleanup_(finding_done) struct finding f = {};
        /* After an exec the file no longer has the look that it tells of. */
        bool read = t->what == TELL_CLOSED && !(t->compose && t->attempts == 0 && t->row && !t->row->replaced);

        if (read || compose(w, t, &f) < 0) {
                int r = from_file(w, t, &f);

                if (r == 0 && t->attempts < ATTEMPTS_MOST)
                        return false;
                if (r == 0) {
                        log_warning("finding %" PRId64 " is lost: it is no more in the database", t->number);
                        return true;
                }
        }
        put(w, store, alerts, t, &f);
        return true;
}

bool tell_all(struct watch *w, struct store *store, struct alerts *alerts, int64_t deadline_ns)
{
        bool any = false;

        while (w->tellings) {
                struct telling *t = w->tellings;

                if (!tell(w, store, alerts, t))
                        break;
                any = true;
                w->tellings = t->next;
                if (!w->tellings)
                        w->tellings_end = &w->tellings;
                telling_free(t);
                if (clock_mono_ns() > deadline_ns)
                        break;
        }
        return any;
}
