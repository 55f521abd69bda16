/* GET /apps/ID/samples: the sums of its processes, tick by tick. Each process's history is read for itself, so a
 * window of ticks is added up in memory, then the next one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/cursor.h"
#include "api/sheet.h"
#include "api/sums.h"

#define WINDOW_TICKS 10000

struct tick_sum {
        int64_t at_ms; /* 0: no process at this tick */
        int64_t processes;
        struct figures figures;
        struct detail detail;
        bool read;     /* one of the costlier figures was read at this tick, not only carried on */
};

struct window {
        struct store_reader *reader;
        int64_t since_ms, until_ms; /* of the samples in it */
        int64_t early_ms;           /* since when readings are looked for that are to be carried on */
        int64_t first;              /* its first tick */
        int64_t beyond_ms;          /* the earliest sample behind its last tick; INT64_MAX: none */
        struct tick_sum *sums;
        struct detail carried;      /* of the process being read */
        struct buffer members;      /* uint32_t */
};

static void window_done(struct window *w)
{
        free(w->sums);
        buffer_done(&w->members);
}

static bool add_member(void *data, uint32_t process)
{
        buffer_add(data, &process, sizeof process);
        return true;
}

static bool see_first(void *data, const struct store_sample *sample)
{
        struct window *w = data;

        if (sample->tick < w->first)
                w->first = sample->tick;
        return false;
}

/* The costlier figures of an app's processes are read at different ticks. Each process's last one is carried on, so
 * that a sum is never of a part of them. */
static void add_detail(struct detail *sum, const struct detail *d)
{
        sum_add(&sum->swap_bytes, d->swap_bytes);
        sum_add(&sum->pss_bytes, d->pss_bytes);
        sum_add(&sum->uss_bytes, d->uss_bytes);
        sum_add(&sum->threads, d->threads);
        sum_add(&sum->cpu_ms, d->cpu_ms);
}

static bool add_sample(void *data, const struct store_sample *sample)
{
        struct window *w = data;
        struct tick_sum *sum;

        if (sample->detail)
                w->carried = *sample->detail;
        if (sample->at_ms < w->since_ms || sample->tick < w->first)
                return true;
        if (sample->tick >= w->first + WINDOW_TICKS) {
                if (sample->at_ms < w->beyond_ms)
                        w->beyond_ms = sample->at_ms;
                return false;
        }
        sum = &w->sums[sample->tick - w->first];
        if (!sum->at_ms)
                *sum = (struct tick_sum){ .at_ms = sample->at_ms, .figures = { -1, -1 }, .detail = DETAIL_UNKNOWN };
        sum->processes++;
        sum->read |= sample->detail != NULL;
        sum_add(&sum->figures.rss_bytes, sample->figures.rss_bytes);
        sum_add(&sum->figures.anon_bytes, sample->figures.anon_bytes);
        add_detail(&sum->detail, &w->carried);
        return true;
}

static int read_window(struct window *w, const char *app_id, struct error *err)
{
        uint32_t *members, n;
        int r;

        buffer_clear(&w->members);
        w->first = INT64_MAX - WINDOW_TICKS;
        w->beyond_ms = INT64_MAX;
        memset(w->sums, 0, WINDOW_TICKS * sizeof *w->sums);
        r = store_read_members(w->reader, app_id, w->since_ms, w->until_ms, add_member, &w->members, err);
        if (r >= 0 && w->members.failed)
                r = error_set(err, ENOMEM, "out of memory reading an app's samples");
        members = (uint32_t *)(void *)w->members.data;
        n = (uint32_t)(w->members.size / sizeof *members);
        for (uint32_t i = 0; r >= 0 && i < n; i++)
                r = store_read_samples(w->reader, members[i], w->since_ms, w->until_ms, see_first, w, err);
        for (uint32_t i = 0; r >= 0 && i < n; i++) {
                w->carried = DETAIL_UNKNOWN;
                r = store_read_samples(w->reader, members[i], w->early_ms, w->until_ms, add_sample, w, err);
        }
        return r;
}

struct totalling {
        struct sheet sheet;
        struct fold fold;
        int64_t most; /* processes at once in the step that is open */
};

static bool write_sum(struct totalling *t, const struct tick_sum *sum)
{
        struct step step;
        int64_t most = t->most;

        if (!t->fold.step_ms)
                return sheet_add_sample(&t->sheet, sum->at_ms, sum->processes, &sum->figures,
                                        sum->read ? &sum->detail : NULL);
        t->most = sum->processes > most ? sum->processes : most;
        if (!fold_add(&t->fold, sum->at_ms, &sum->figures, &step))
                return true;
        t->most = sum->processes;
        return sheet_add_step(&t->sheet, most, &step);
}

static int total(struct totalling *t, struct window *w, const char *app_id, int64_t end_ms, struct error *err)
{
        const struct config *config = t->sheet.call->api->config;
        struct step step;

        while (w->since_ms < end_ms) {
                int64_t span_ms = WINDOW_TICKS * config->interval_ms;
                int r;

                w->until_ms = end_ms - w->since_ms > span_ms ? w->since_ms + span_ms : end_ms;
                w->early_ms = w->since_ms - 2 * config->detail_interval_ms;
                r = read_window(w, app_id, err);
                if (r < 0)
                        return r;
                for (int64_t i = 0; i < WINDOW_TICKS; i++)
                        if (w->sums[i].at_ms && !write_sum(t, &w->sums[i]))
                                return 0;
                w->since_ms = w->beyond_ms < w->until_ms ? w->beyond_ms : w->until_ms;
        }
        if (t->fold.step_ms && fold_end(&t->fold, &step))
                sheet_add_step(&t->sheet, t->most, &step);
        return 0;
}

static bool span_of_app(struct call *c, uint64_t listing, int64_t *ret_since_ms, int64_t *ret_until_ms)
{
        int64_t oldest_ms = store_read_oldest_ms(c->api->reader);

        if (!sheet_span(c, listing, c->api->state.newest->at_ms, ret_since_ms, ret_until_ms))
                return false;
        if (*ret_since_ms < oldest_ms)
                *ret_since_ms = oldest_ms;
        return true;
}

void get_app_samples(struct call *c)
{
        const struct snapshot *s = c->api->state.newest;
        uint32_t app = snapshot_find_app(s, c->id);
        struct totalling t = { .fold.step_ms = c->query.step_ms };
        _cleanup_(window_done) struct window w = { .reader = c->api->reader };
        struct error err = {};
        uint64_t listing;
        int64_t until_ms;

        if (app == APP_NONE) {
                refuse(c, 404, "no app \"%.80s\" is known; /apps?state=all lists them", c->id);
                return;
        }
        listing = listing_add_text(listing_add_text(LISTING_NONE, "app-samples"), s->apps->list[app].id);
        listing = listing_add_int(listing, c->query.step_ms);
        if (!span_of_app(c, listing, &w.since_ms, &until_ms))
                return;
        w.sums = malloc(WINDOW_TICKS * sizeof *w.sums);
        sheet_begin(&t.sheet, c, s->apps->list[app].id, "processes");
        if (!w.sums)
                refuse(c, 503, "out of memory reading an app's samples");
        else if (total(&t, &w, s->apps->list[app].id, until_ms, &err) < 0)
                refuse_database(c, &err);
        else
                sheet_finish_span(&t.sheet, listing, until_ms);
        sheet_done(&t.sheet);
}
