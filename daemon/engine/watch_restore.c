/* After a restart: what is open, each process's detector, and the lives of workers that ended before are taken from the
 * file, a few milliseconds a tick. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/watch_private.h"

#define LOOK_AT_CLOCK 64  /* samples */
#define MEMBERS_LOOKED 64 /* of an app, the newest, for those that ended */
#define CLOSED_MOST 256

bool restore_waiting(const struct watch *w)
{
        return w->settled && (!w->resumed || w->renumber || w->rows_waiting || w->apps_waiting);
}

void restore_forget(struct watch *w, const struct row *row)
{
        if (w->restoring.row == row)
                w->restoring.row = NULL;
}

void restore_done(struct watch *w)
{
        w->restoring.detector = detector_free(w->restoring.detector);
        w->reader = store_reader_close(w->reader);
}

static void trouble(struct watch *w, const struct error *err)
{
        if (w->trouble_told_ms && w->at_ms - w->trouble_told_ms < 600000)
                return;
        log_warning("what is known of growth comes later: %s", err->text);
        w->trouble_told_ms = w->at_ms;
}

/* Findings that go on */

struct resuming {
        struct watch *w;
        struct alerts *alerts;
};

static int64_t figure_of(const char *json, const char *name)
{
        const char *at = json ? strstr(json, name) : NULL;
        char *end;
        long long value;

        if (!at)
                return -1;
        at += strlen(name);
        at += strspn(at, " :");
        value = strtoll(at, &end, 10);
        return end > at && value >= 0 ? value : -1;
}

static struct row *row_of(struct watch *w, uint32_t number)
{
        for (uint32_t i = 0; i < w->n_seats; i++)
                if (w->seats[i].row && w->seats[i].row->number == number)
                        return w->seats[i].row;
        return NULL;
}

static void resume_row(struct row *row, const struct finding *f)
{
        int64_t from = figure_of(f->evidence, "\"from_bytes\""), to = figure_of(f->evidence, "\"to_bytes\"");
        struct findings *all = f->kind <= FINDING_LIMIT ? row_findings(row) : NULL;

        if (!all || all->told[f->kind].number)
                return;
        all->told[f->kind] = (struct told){
                .number = f->number, .opened_at_ms = f->opened_at_ms, .written_at_ms = f->updated_at_ms,
                .grown_bytes = from >= 0 && to >= 0 ? to - from : 0,
        };
        life_resume(&all->life, f->kind, f->severity, f->opened_at_ms, from, to);
}

static void resume_app(struct watch *w, const struct store_finding *sf)
{
        const struct finding *f = sf->finding;
        struct app *a = app_get(w, f->app_id, sf->app_name);

        if (!a)
                return;
        app_unref(a);
        if (a->told.number || f->kind != FINDING_LEAK)
                return;
        a->told = (struct told){ .number = f->number, .opened_at_ms = f->opened_at_ms, .written_at_ms = f->updated_at_ms };
        a->touched_ms = a->touched_ms ? a->touched_ms : w->at_ms;
        w->apps_open++;
        look_app(w, a);
}

static bool resume(void *data, const struct store_finding *f)
{
        struct resuming *r = data;
        struct row *row = f->finding->process ? row_of(r->w, f->finding->process) : NULL;

        if (row)
                resume_row(row, f->finding);
        else if (!f->finding->process)
                resume_app(r->w, f);
        return true;
}

/* What the store closed at this start, as the process had ended meanwhile, nobody has been told of. */
static bool tell_closed(void *data, const struct store_finding *f)
{
        struct resuming *r = data;

        if (f->finding->process && f->finding->closed_at_ms >= r->w->began_ms && r->alerts)
                alerts_tell(r->alerts, f->finding->number, FINDING_CLOSED);
        return true;
}

static bool resume_findings(struct watch *w, struct alerts *alerts)
{
        const struct store_finding_filter open = { .state = STORE_FINDINGS_OPEN };
        const struct store_finding_filter closed = { .state = STORE_FINDINGS_CLOSED, .limit = CLOSED_MOST };
        struct resuming r = { w, alerts };
        struct error err = {};

        if (store_read_findings(w->reader, &open, resume, &r, &err) < 0 ||
            store_read_findings(w->reader, &closed, tell_closed, &r, &err) < 0) {
                trouble(w, &err);
                return false;
        }
        return true;
}

/* Numbers in another file */

static bool take_number(void *data, const struct store_process *p)
{
        *(uint32_t *)data = p->number;
        return false;
}

static void renumber(struct watch *w)
{
        struct error err = {};

        w->renumber = false;
        for (uint32_t i = 0; i < w->n_seats; i++) {
                struct row *row = w->seats[i].row;
                uint32_t before = row ? row->number : 0;

                if (!row || store_find_process(w->reader, &row->id, 3, take_number, &row->number, &err) <= 0)
                        continue;
                if (row->number != before)
                        row_publish(w, row);
        }
}

/* Detectors */

struct feeding {
        struct restoring *r;
        struct detector *detector;
        int64_t *fed_ms;
};

static bool feed(void *data, const struct store_sample *s)
{
        struct feeding *f = data;
        struct restoring *r = f->r;
        int64_t level = s->figures.anon_bytes;

        if (s->detail && s->detail->swap_bytes >= 0)
                r->swap_bytes = s->detail->swap_bytes;
        if (level >= 0)
                detector_add(f->detector, s->at_ms, level + r->swap_bytes);
        *f->fed_ms = s->at_ms;
        r->out_of_time = ++r->samples % LOOK_AT_CLOCK == 0 && clock_mono_ns() > r->deadline_ns;
        return !r->out_of_time;
}

/* Goes on with one process's samples. True: it has them all. */
static bool read_on(struct watch *w, uint32_t number, struct detector *d, int64_t *fed_ms)
{
        struct feeding f = { &w->restoring, d, fed_ms };
        struct error err = {};

        w->restoring.out_of_time = false;
        if (store_read_samples(w->reader, number, *fed_ms + 1, INT64_MAX, feed, &f, &err) < 0)
                trouble(w, &err); /* it goes on from what could be read */
        return !w->restoring.out_of_time;
}

static struct detector *load(struct watch *w, const struct row *row, int64_t *ret_at_ms)
{
        struct detector *d = NULL;
        const void *bytes;
        size_t size;
        struct error err = {};

        if (store_read_trend(w->reader, row->number, ret_at_ms, &bytes, &size, &err) == 1)
                d = detector_load(bytes, size);
        if (d)
                return d;
        *ret_at_ms = -1;
        return detector_new();
}

static bool restore_row(struct watch *w, struct row *row)
{
        struct restoring *r = &w->restoring;

        if (r->row != row) {
                r->row = row;
                r->swap_bytes = 0;
        }
        if (!row->detector)
                row->detector = load(w, row, &row->fed_ms);
        if (!row->detector || !read_on(w, row->number, row->detector, &row->fed_ms))
                return false;
        r->row = NULL;
        if (!row->has_swap)
                row->swap_bytes = r->swap_bytes;
        row->ready = true;
        look_restore(w, row);
        row_seated(w, row);
        row_publish(w, row);
        return true;
}

static bool out_of_time(const struct watch *w)
{
        return clock_mono_ns() > w->restoring.deadline_ns;
}

/* Those of which something was found come first: people look at them. */
static struct row *next_row(struct watch *w)
{
        struct row *other = NULL;

        for (uint32_t i = 0; i < w->n_seats; i++) {
                struct row *row = w->seats[(w->restore_next + i) % w->n_seats].row;

                if (!row || row->ready)
                        continue;
                if (row == w->restoring.row || (row->findings && !w->restoring.row))
                        return row;
                other = other ? other : row;
        }
        return other;
}

static bool restore_rows(struct watch *w)
{
        while (w->rows_waiting) {
                struct row *row = next_row(w);

                if (!row) {
                        w->rows_waiting = false;
                        break;
                }
                if (!row->findings)
                        w->restore_next = row->seat;
                if (!restore_row(w, row) || out_of_time(w))
                        return false;
        }
        return true;
}

/* Generations */

struct members { uint32_t numbers[MEMBERS_LOOKED]; uint64_t n; };

static bool take_member(void *data, uint32_t process)
{
        struct members *m = data;

        m->numbers[m->n++ % MEMBERS_LOOKED] = process;
        return true;
}

/* The newest that ended, oldest first. */
static void list_members(struct watch *w, struct app *a)
{
        struct restoring *r = &w->restoring;
        struct members found = {};
        struct error err = {};
        uint64_t first;

        r->n_members = r->next = 0;
        if (store_read_members(w->reader, a->id, 0, INT64_MAX, take_member, &found, &err) < 0)
                trouble(w, &err);
        first = found.n > MEMBERS_LOOKED ? found.n - MEMBERS_LOOKED : 0;
        for (uint64_t i = first; i < found.n; i++) {
                uint32_t number = found.numbers[i % MEMBERS_LOOKED];

                if (row_of(w, number))
                        continue;
                if (r->n_members == GENERATIONS_KEPT) {
                        memmove(r->members, r->members + 1, (GENERATIONS_KEPT - 1) * sizeof r->members[0]);
                        r->n_members--;
                }
                r->members[r->n_members++] = number;
        }
}

static bool restore_member(struct watch *w, struct app *a)
{
        struct restoring *r = &w->restoring;
        const struct trend *t;

        if (!r->detector) {
                r->detector = detector_new();
                r->fed_ms = -1;
                r->swap_bytes = 0;
                if (!r->detector)
                        return false;
        }
        if (!read_on(w, r->members[r->next], r->detector, &r->fed_ms))
                return false;
        t = detector_trend(r->detector);
        if (t->samples) {
                if (a->generations)
                        generations_begin(a->generations, t->first_ms);
                app_add_generation(a, r->detector, r->fed_ms);
        }
        r->detector = detector_free(r->detector);
        r->next++;
        return true;
}

/* True: done. */
static bool restore_app(struct watch *w, struct store *store, struct app *a)
{
        struct restoring *r = &w->restoring;

        if (r->app != a) {
                r->app = a;
                r->detector = detector_free(r->detector);
                list_members(w, a);
        }
        while (r->next < r->n_members)
                if (!restore_member(w, a) || out_of_time(w))
                        return false;
        for (uint32_t i = 0; a->generations && i < w->n_seats; i++) {
                const struct row *row = w->seats[i].row;

                if (row && row->app == a && row->ready && detector_trend(row->detector)->samples)
                        generations_begin(a->generations, detector_trend(row->detector)->first_ms);
        }
        r->app = NULL;
        a->rebuild = false;
        a->rebuilt = a->generations ? a->generations->seen : 0;
        app_consider(w, store, a, w->at_ms);
        return true;
}

static void restore_apps(struct watch *w, struct store *store)
{
        for (size_t i = 0; i < w->apps.room; i++) {
                struct app *a = w->apps.entries[i].value;

                if (a && a->rebuild && (!restore_app(w, store, a) || out_of_time(w)))
                        return;
        }
        w->apps_waiting = false;
}

void restore_all(struct watch *w, struct store *store, struct alerts *alerts, int64_t deadline_ns)
{
        w->restoring.deadline_ns = deadline_ns;
        if (!w->settled || !w->reader)
                return;
        if (!w->resumed)
                w->resumed = resume_findings(w, alerts);
        if (w->renumber)
                renumber(w);
        if (w->resumed && restore_rows(w) && w->apps_waiting)
                restore_apps(w, store);
}
