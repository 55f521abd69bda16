/* Apps: their settings, and the generations of their processes. */
#include <stdlib.h>
#include <string.h>

#include "engine/watch_private.h"

#define APPS_MOST 4096  /* that have no process now: who came and went longest ago goes first */
#define APPS_EVERY 12   /* ticks */
#define LOWS_MOST 256
#define MENDED_SAMPLES 1000 /* before, the detector's silence says little */
#define LIVES_TO_CLOSE 4 /* since the start: what is read from the file lacks a life or a connection here and there */

static void app_free(struct app *a)
{
        free(a->generations);
        free(a->name);
        free(a);
}

void app_unref(struct app *a)
{
        if (a)
                a->references--;
}

void apps_done(struct watch *w)
{
        for (size_t i = 0; i < w->apps.room; i++)
                if (w->apps.entries[i].value)
                        app_free(w->apps.entries[i].value);
        table_done(&w->apps);
}

void apps_configure(struct watch *w)
{
        for (size_t i = 0; i < w->apps.room; i++) {
                struct app *a = w->apps.entries[i].value;

                if (a)
                        a->settings = config_for_app(w->config, a->name);
        }
}

static void make_room(struct watch *w)
{
        struct app *oldest = NULL;

        if (w->apps.n < APPS_MOST)
                return;
        for (size_t i = 0; i < w->apps.room; i++) {
                struct app *a = w->apps.entries[i].value;

                if (a && !a->references && !a->told.number && !a->rebuild && (!oldest || a->touched_ms < oldest->touched_ms))
                        oldest = a;
        }
        if (!oldest)
                return;
        table_remove(&w->apps, oldest->key);
        app_free(oldest);
}

struct app *app_get(struct watch *w, const char *id, const char *name)
{
        uint64_t key = strtoull(id, NULL, 16);
        struct app *a = table_get(&w->apps, key);

        if (!a) {
                make_room(w);
                a = calloc(1, sizeof *a);
                if (!a)
                        return NULL;
                a->key = key;
                a->began_ms = -1;
                strncpy(a->id, id, sizeof a->id - 1);
                a->name = strdup(name ? name : "");
                if (!a->name || !table_put(&w->apps, key, a)) {
                        app_free(a);
                        return NULL;
                }
                a->settings = config_for_app(w->config, a->name);
        }
        a->references++;
        return a;
}

void app_begin(struct watch *w, struct app *a, int64_t at_ms)
{
        a->running++;
        a->touched_ms = at_ms;
        /* One that ran before us did not take anybody's place now. */
        if (!w->settled)
                return;
        a->began_ms = at_ms;
        if (a->generations)
                generations_begin(a->generations, at_ms);
}

void app_add_generation(struct app *a, const struct detector *d, int64_t at_ms)
{
        struct low lows[LOWS_MOST];

        if (!a->generations) {
                a->generations = malloc(sizeof *a->generations);
                if (!a->generations)
                        return;
                generations_init(a->generations);
                if (a->began_ms >= 0)
                        generations_begin(a->generations, a->began_ms);
        }
        generations_add(a->generations, detector_trend(d), lows, detector_lows(d, lows, LOWS_MOST), at_ms);
}

void app_end(struct watch *w, struct store *store, struct row *row, int64_t at_ms)
{
        struct app *a = row->app;

        a->running--;
        a->touched_ms = at_ms;
        if (!row->ready)
                return;
        app_add_generation(a, row->detector, at_ms);
        app_consider(w, store, a, at_ms);
}

static void close_finding(struct watch *w, struct app *a, int64_t at_ms)
{
        tell_app(w, a, TELL_CLOSED, at_ms);
        w->apps_open--;
        look_app(w, a);
}

static void open_finding(struct watch *w, struct store *store, struct app *a, const struct generations_trend *t, int64_t at_ms)
{
        a->told = (struct told){ .number = store_next_finding(store), .opened_at_ms = at_ms, .written_at_ms = at_ms,
                                 .grown_bytes = t->to_bytes - t->from_bytes };
        w->apps_open++;
        tell_app(w, a, TELL_OPENED, at_ms);
        look_app(w, a);
}

void app_consider(struct watch *w, struct store *store, struct app *a, int64_t at_ms)
{
        struct generations_trend t;
        int64_t grown;

        /* Before its past is known again, nothing closes what was found in it. */
        if (!a->generations || a->rebuild)
                return;
        generations_trend(a->generations, &t);
        grown = t.to_bytes - t.from_bytes;
        if (a->told.number) {
                if (a->settings.mute || (!t.growing && a->generations->seen >= a->rebuilt + LIVES_TO_CLOSE))
                        close_finding(w, a, at_ms);
                else if (at_ms - a->told.written_at_ms >= HOUR_TICKS * w->config->interval_ms &&
                         llabs(grown - a->told.grown_bytes) >= a->told.grown_bytes / 10)
                        tell_app(w, a, TELL_REFRESHED, at_ms);
                return;
        }
        /* What one life leaks may be little: it is what all of them did that counts. */
        if (t.growing && !a->settings.mute && grown * (int64_t)t.alike >= a->settings.min_growth_bytes)
                open_finding(w, store, a, &t, at_ms);
}

/* A process that began after those that leaked, has outlived them by far, and does not grow: the leak was mended. What was
 * there before them (gunicorn's master) proves nothing. */
static bool outlived(const struct watch *w, const struct row *row, const struct generations_trend *t, int64_t at_ms)
{
        const struct trend *now;

        if (!row->ready || w->at_ms < t->ended_ms)
                return false;
        now = detector_trend(row->detector);
        return now->samples >= MENDED_SAMPLES && now->verdict != VERDICT_LEAK && now->verdict != VERDICT_INSUFFICIENT_DATA &&
               now->first_ms >= t->ended_ms - t->lifetime_ms / 2 && at_ms - now->first_ms >= 2 * t->lifetime_ms;
}

static bool mended(const struct watch *w, const struct app *a, int64_t at_ms)
{
        struct generations_trend t;

        if (!a->generations || a->rebuild)
                return false;
        generations_trend(a->generations, &t);
        for (uint32_t i = 0; t.ended_ms >= 0 && i < w->n_seats; i++)
                if (w->seats[i].row && w->seats[i].row->app == a && outlived(w, w->seats[i].row, &t, at_ms))
                        return true;
        return false;
}

void apps_tick(struct watch *w, struct store *store, int64_t at_ms)
{
        (void)store;
        if (!w->apps_open || w->ticks % APPS_EVERY != 0)
                return;
        for (size_t i = 0; i < w->apps.room; i++) {
                struct app *a = w->apps.entries[i].value;

                if (!a || !a->told.number)
                        continue;
                if (a->settings.mute || (!a->running && at_ms - a->touched_ms > HOUR_TICKS * w->config->interval_ms)) {
                        close_finding(w, a, at_ms);
                } else if (mended(w, a, at_ms)) {
                        generations_mended(a->generations);
                        close_finding(w, a, at_ms);
                }
        }
}
