/* What becomes of a look: it takes over what the one before knew, goes into the file, and the findings that it bears on are
 * written anew. */
#include <malloc.h>
#include <string.h>

#include "base/log.h"
#include "detect/looks.h"
#include "detect/suspects.h"
#include "engine/watch_private.h"
#include "model/look_bytes.h"
#include "store/looks.h"

int look_load(struct watch *w, uint32_t number, struct look *ret)
{
        const struct look_plan *p = &w->looks;
        const void *bytes = p->fresh.data;
        size_t size = p->fresh.size;
        struct error err = {};
        int64_t at_ms;

        if (!number || (number != p->fresh_number && store_read_look(w->reader, number, &at_ms, &bytes, &size, &err) != 1))
                return 0;
        return look_parse(bytes, size, ret, &err) == 0;
}

static bool refused(const struct look *look)
{
        return look_missing(look, "python") != NULL;
}

/* What is from before `from` is forgotten. */
static void forget_past(struct look *look, int64_t from_ms)
{
        size_t n = 0, left;

        while (n < look->n_past && look->past[n].at_ms < from_ms)
                n++;
        left = look->n_past - n;
        memmove(look->past, look->past + n, left * sizeof look->past[0]);
        look->n_past = left;
        for (size_t i = 0; i < look->n_types; i++) {
                memmove(look->types[i].past_objects, look->types[i].past_objects + n, left * sizeof(int64_t));
                memmove(look->types[i].past_bytes, look->types[i].past_bytes + n, left * sizeof(int64_t));
        }
        for (size_t i = 0; i < look->n_containers; i++)
                memmove(look->containers[i].past, look->containers[i].past + n, left * sizeof(int64_t));
}

/* Since when looks say something of the growth that a finding has just opened for: one from long before it would make rates
 * of a week of quiet and an hour of leak. */
static int64_t matters_since_ms(const struct watch *w, const struct row *row)
{
        const struct trend *t = row->ready ? detector_trend(row->detector) : NULL;

        if (!t || row->looks_open > 1 || !row->findings || !row->findings->told[FINDING_LEAK].number || t->since_ms < 0 ||
            t->since_ms > w->at_ms)
                return 0;
        return t->since_ms - (w->at_ms - t->since_ms);
}

/* Does now go on from before? Not over an exec, also one that nobody saw. */
static bool follows(const struct row *row, const struct look *before, const struct look *now, int64_t since_ms)
{
        return before->at_ms < now->at_ms && before->at_ms >= row->exec_ms && before->at_ms >= since_ms &&
               strcmp(before->python, now->python) == 0;
}

/* The order in which they stand does not matter: it changes with every look. */
static uint64_t number_of_suspects(const struct look *look)
{
        struct suspect suspects[SUSPECTS_MOST];
        size_t n = looks_suspects(look, look_grown_bytes(look), suspects);
        uint64_t all = n;

        for (size_t i = 0; i < n; i++) {
                uint64_t one = UINT64_C(0xcbf29ce484222325) + (uint64_t)suspects[i].kind * 2 + suspects[i].sure;

                for (const char *at = suspects[i].name; *at; at++)
                        one = (one ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
                all += one;
        }
        return all;
}

struct said {
        enum look_told heap;
        uint64_t suspects;
        int64_t span_ms; /* over which time looks reach */
};

/* Is there something new to say, or an hour over? Over twice the time looks may answer what they left open. */
static bool is_news(const struct watch *w, const struct told *told, const struct said *now)
{
        return told->number && (now->heap > told->heap || now->suspects != told->suspects ||
                                now->span_ms / 2 > told->look_span_ms ||
                                w->at_ms - told->written_at_ms >= HOUR_TICKS * w->config->interval_ms);
}

static void note(struct told *told, const struct said *now)
{
        told->heap = (unsigned char)(now->heap > told->heap ? now->heap : told->heap);
        told->suspects = now->suspects;
        told->look_span_ms = now->span_ms;
}

/* A leak that pauses stays written with what it did while it grew: it may be about to close. */
static bool pauses(const struct row *row, const struct told *told, const struct said *now)
{
        const struct trend *t = detector_trend(row->detector);

        return now->heap != LOOK_FIRST && now->suspects == told->suspects &&
               t->to_bytes - t->from_bytes - told->grown_bytes < told->grown_bytes / 10;
}

static void tell_of_row(struct watch *w, struct row *row, const struct said *now)
{
        const struct life *life = &row->findings->life;
        const enum severity severities[] = { [FINDING_LEAK] = life->leak.severity, [FINDING_STEP] = life->step.severity,
                                             [FINDING_LIMIT] = life->limit.severity };

        for (enum finding_kind k = 0; k <= FINDING_LIMIT; k++) {
                struct told *told = &row->findings->told[k];

                if (!is_news(w, told, now) || (k == FINDING_LEAK && pauses(row, told, now)))
                        continue;
                tell_row(w, row, k, TELL_REFRESHED, severities[k], w->at_ms);
                note(told, now);
        }
}

/* An app's finding tells of the look that goes back farthest; where its process ended, until another one says as much. */
static bool stands_for_app(const struct watch *w, const struct row *row, const struct look *look)
{
        const struct app *a = row->app;
        int64_t span_ms = look->n_past ? look->at_ms - look->past[0].at_ms : 0;
        bool old = w->at_ms - a->look_at_ms > HOUR_TICKS * w->config->interval_ms;

        if (!a->told.number || refused(look))
                return false;
        return !a->look_number || a->look_number == row->number || span_ms > (old ? 0 : a->look_span_ms / 2);
}

static void take_for_app(struct row *row, const struct look *look)
{
        row->app->look_number = row->number;
        row->app->look_at_ms = look->at_ms;
        row->app->look_span_ms = look->n_past ? look->at_ms - look->past[0].at_ms : 0;
}

static void tell(struct watch *w, struct row *row, const struct look *look)
{
        const struct said now = {
                .heap = refused(look) ? LOOK_WHY_NOT : look->n_past ? LOOK_RATES : LOOK_FIRST,
                .suspects = number_of_suspects(look),
                .span_ms = look->n_past ? look->at_ms - look->past[0].at_ms : 0,
        };

        if (row->ready && row->findings)
                tell_of_row(w, row, &now);
        if (!stands_for_app(w, row, look))
                return;
        take_for_app(row, look);
        if (is_news(w, &row->app->told, &now)) {
                tell_app(w, row->app, TELL_REFRESHED, w->at_ms);
                note(&row->app->told, &now);
        }
}

static bool put(struct watch *w, struct store *store, const struct row *row, const struct look *look)
{
        struct look_plan *p = &w->looks;

        buffer_clear(&p->fresh);
        look_write(look, &p->fresh);
        if (p->fresh.failed || p->fresh.size > LOOK_BYTES_MOST) {
                buffer_done(&p->fresh);
                return false;
        }
        store_put_look(store, row->process, look->at_ms, p->fresh.data, p->fresh.size);
        p->fresh_number = row->number;
        return true;
}

/* before: NULL where there is none. */
static bool take_over(struct watch *w, struct store *store, struct row *row, struct look *before, struct look *now)
{
        int64_t since_ms = matters_since_ms(w, row);

        if (before && follows(row, before, now, since_ms)) {
                forget_past(before, since_ms);
                if (looks_continue(before, now) < 0)
                        return false;
        }
        looks_rank(now);
        looks_cut(now);
        if (!put(w, store, row, now))
                return false;
        tell(w, row, now);
        return true;
}

/* One that found no Python does not replace one that did: it was stopped, or may be read no more. */
static bool keep(struct watch *w, struct store *store, struct row *row, struct look *before, struct look *now)
{
        if (refused(now)) {
                look_refused(w, row, now->hopeless);
                if (before && !refused(before) && before->at_ms >= row->exec_ms)
                        return false;
        } else if (row->refusals) {
                row->refusals = 0;
                look_schedule(w, row);
        }
        return take_over(w, store, row, before, now);
}

/* Its time is the child's word: it was between the question and now. */
static void set_time(const struct watch *w, const struct look_arrived *a, struct look *look)
{
        if (look->at_ms < a->asked_ms)
                look->at_ms = a->asked_ms;
        if (look->at_ms > w->at_ms)
                look->at_ms = w->at_ms;
        look->cpu_us = a->row->look_cost_us;
}

static bool store_one(struct watch *w, struct store *store, const struct look_arrived *a)
{
        struct look before, now;
        struct error err = {};
        bool had, stored;

        if (look_parse(a->bytes, a->size, &now, &err) < 0) {
                if (!w->looks.bad_told)
                        log_warning("a look into process %d is dropped: %s", (int)a->row->id.pid, err.text);
                w->looks.bad_told = true;
                look_refused(w, a->row, false);
                return false;
        }
        set_time(w, a, &now);
        had = !a->first && look_load(w, a->row->number, &before) == 1;
        stored = keep(w, store, a->row, had ? &before : NULL, &now);
        if (had)
                look_done(&before);
        look_done(&now);
        return stored;
}

bool looks_store(struct watch *w, struct store *store)
{
        struct look_arrived *a = w->looks.arrived;
        bool stored;

        if (!a)
                return false;
        stored = store_one(w, store, a);
        look_drop_first(w);
        malloc_trim(0); /* two looks' names were here, a MiB or two */
        return stored;
}

void looks_committed(struct watch *w)
{
        w->looks.fresh_number = 0;
        buffer_done(&w->looks.fresh);
}

static void forget_what_was_said(struct row *row)
{
        for (int k = 0; row && row->findings && k <= FINDING_LIMIT; k++)
                row->findings->told[k].heap = LOOK_NOTHING;
}

void looks_lost(struct watch *w)
{
        for (uint32_t i = 0; i < w->n_seats; i++)
                forget_what_was_said(w->seats[i].row);
        for (uint32_t i = 0; i < w->n_left; i++)
                forget_what_was_said(w->left[i]);
        for (size_t i = 0; i < w->apps.room; i++) {
                struct app *a = w->apps.entries[i].value;

                if (a) {
                        a->told.heap = LOOK_NOTHING;
                        a->look_number = 0;
                }
        }
}

void look_restore(struct watch *w, struct row *row)
{
        int64_t at_ms, opened_at_ms = row_opened_ms(row);
        const void *bytes;
        size_t size;
        struct error err = {};
        struct look look;

        if (store_read_look(w->reader, row->number, &at_ms, &bytes, &size, &err) != 1)
                return;
        row->looked_ms = at_ms > w->at_ms ? w->at_ms : at_ms < 0 ? 0 : at_ms;
        if (opened_at_ms >= 0 && row->looked_ms >= opened_at_ms)
                row->looks_open = row->looked_ms - opened_at_ms >= look_follow_ms(w) ? 2 : 1;
        if (!row->app->told.number || look_parse(bytes, size, &look, &err) < 0)
                return;
        if (stands_for_app(w, row, &look))
                take_for_app(row, &look);
        look_done(&look);
}

const char *look_why_none(const struct watch *w, const struct row *row)
{
        if (row->app->settings.inspect == INSPECT_OFF)
                return "inspect is off";
        if (w->looks.seat != UINT32_MAX && w->looks.seat == row->seat)
                return "that is being done now";
        return row->refusals ? "the last try brought no answer" : "its turn has not come yet";
}
