/* Seats, and what happens at a tick. */
#include "engine/watch_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/looks.h"

/* A detector is written this often, in turn: a restart after a crash reads so many samples of a process at most. */
#define SAVE_EVERY_TICKS 8192
/* After the tick's commit, where nobody waits but the next tick: a hundredth of it, within these. */
#define BUDGET_LEAST_NS INT64_C(4000000)
#define BUDGET_MOST_NS INT64_C(25000000)
#define PREFETCH 8

struct watch *watch_new(struct board *board)
{
        struct watch *w = calloc(1, sizeof *w);

        if (!w)
                return NULL;
        w->board = board;
        w->tellings_end = &w->tellings;
        w->looks.arrived_end = &w->looks.arrived;
        w->looks.seat = UINT32_MAX;
        w->began_ms = -1;
        return w;
}

struct watch *watch_free(struct watch *w)
{
        if (!w)
                return NULL;
        restore_done(w);
        tellings_done(w);
        looks_done(w);
        for (uint32_t i = 0; i < w->n_seats; i++)
                row_unref(w->seats[i].row);
        for (uint32_t i = 0; i < w->n_left; i++)
                row_unref(w->left[i]);
        apps_done(w);
        free(w->seats);
        free(w->look);
        free(w->left);
        free(w->shares);
        buffer_done(&w->scratch);
        free(w);
        return NULL;
}

void watch_configure(struct watch *w, const struct config *config)
{
        w->config = config;
        apps_configure(w);
        looks_configure(w);
        for (uint32_t i = 0; i < w->n_seats; i++)
                w->seats[i].stirred = w->seats[i].row != NULL;
}

static struct seat *seat_of(struct watch *w, uint32_t seat)
{
        return seat < w->n_seats && w->seats[seat].row ? &w->seats[seat] : NULL;
}

static struct seat *make_seat(struct watch *w, uint32_t seat)
{
        uint32_t n = w->n_seats ? w->n_seats : 64, *look;
        struct seat *seats;

        if (seat < w->n_seats)
                return &w->seats[seat];
        while (n <= seat)
                n *= 2;
        seats = realloc(w->seats, n * sizeof *seats);
        if (!seats)
                return NULL;
        w->seats = seats;
        look = realloc(w->look, n * sizeof *look);
        if (!look)
                return NULL;
        w->look = look;
        memset(seats + w->n_seats, 0, (n - w->n_seats) * sizeof *seats);
        w->n_seats = n;
        return &w->seats[seat];
}

void row_seated(struct watch *w, struct row *row)
{
        struct seat *s = seat_of(w, row->seat);

        if (!s || s->row != row)
                return;
        s->detector = row->ready ? row->detector : NULL;
        s->level_bytes = row_level(row);
        s->stirred = row->ready;
        look_schedule(w, row);
}

/* It was there when the last sampler went: most come back in the same order. */
static struct row *take_left(struct watch *w, uint32_t process)
{
        for (uint32_t i = 0; i < w->n_left; i++) {
                uint32_t at = (w->left_next + i) % w->n_left;
                struct row *row = w->left[at];

                if (!row || row->process != process)
                        continue;
                w->left[at] = NULL;
                w->left_next = at + 1;
                return row;
        }
        return NULL;
}

void watch_begin(struct watch *w, uint32_t seat, uint32_t process, const struct process_id *id, const char *app_id,
                 const char *app_name, bool known, int64_t at_ms)
{
        struct seat *s = make_seat(w, seat);
        struct row *row;

        if (!s || s->row)
                return;
        row = take_left(w, process);
        if (!row) {
                row = row_new(process, id, known);
                if (!row)
                        return;
                row->since_ms = at_ms;
                row->app = app_get(w, app_id, app_name);
                if (!row->app) {
                        row_unref(row);
                        return;
                }
                app_begin(w, row->app, at_ms);
                w->rows_waiting |= known;
                /* Its past matters where it may have been recycled while nobody watched. */
                if (!w->settled)
                        row->app->rebuild = w->apps_waiting = true;
        }
        row->seat = seat;
        s->row = row;
        w->shares_changed = true;
        row_seated(w, row);
        row_publish(w, row);
}

void watch_change(struct watch *w, uint32_t seat, const char *app_id, const char *app_name, struct store *store, int64_t at_ms)
{
        struct seat *s = seat_of(w, seat);
        struct row *row = s ? s->row : NULL;
        struct row *next;

        if (!row)
                return;
        next = row_new(row->process, &row->id, false);
        if (!next)
                return;
        next->number = row->number;
        next->app = app_get(w, app_id, app_name);
        if (!next->app) {
                row_unref(next);
                return;
        }
        next->headroom = row->headroom;
        next->since_ms = next->exec_ms = at_ms;
        next->begun_boot_ms = w->boot_ms;
        row->replaced = true;
        watch_end(w, seat, store, at_ms);
        store_drop_look(store, next->process);
        app_begin(w, next->app, at_ms);
        next->seat = seat;
        s->row = next;
        w->shares_changed = true;
        row_seated(w, next);
        row_publish(w, next);
        /* A restart must not go on from the program that was there before. */
        buffer_clear(&w->scratch);
        detector_save(next->detector, &w->scratch);
        if (!w->scratch.failed)
                store_put_trend(store, next->process, at_ms, w->scratch.data, w->scratch.size);
}

void watch_figures(struct watch *w, uint32_t seat, const struct figures *now)
{
        struct seat *s = seat_of(w, seat);

        if (!s)
                return;
        s->row->anon_bytes = now->anon_bytes;
        s->level_bytes = row_level(s->row);
}

void watch_detail(struct watch *w, uint32_t seat, const struct detail *detail)
{
        struct seat *s = seat_of(w, seat);

        if (!s || detail->swap_bytes < 0)
                return;
        s->row->swap_bytes = detail->swap_bytes;
        s->row->has_swap = true;
        s->level_bytes = row_level(s->row);
}

void watch_headroom(struct watch *w, uint32_t seat, const struct headroom *headroom)
{
        struct seat *s = seat_of(w, seat);

        if (!s)
                return;
        w->shares_changed |= s->row->headroom.shared_by != headroom->shared_by;
        s->row->headroom = *headroom;
        s->stirred = true;
}

void watch_exact(struct watch *w, uint32_t seat, const struct report_exact *exact)
{
        struct seat *s = seat_of(w, seat);

        if (!s)
                return;
        s->row->exact_bytes = exact->anon_bytes < 0 ? -1 : exact->anon_bytes + (exact->swap_bytes > 0 ? exact->swap_bytes : 0);
        s->row->answered = s->stirred = true;
}

void watch_look(struct watch *w, uint32_t seat, const struct report_look *look)
{
        struct seat *s = seat_of(w, seat);

        if (s)
                look_arrives(w, s->row, look);
}

static void close_all(struct watch *w, struct row *row, int64_t at_ms)
{
        struct life_event events[LIFE_EVENTS_MAX];
        unsigned n = row->findings ? life_end(&row->findings->life, at_ms, events) : 0;

        for (unsigned i = 0; i < n; i++)
                tell_row(w, row, events[i].kind, TELL_CLOSED, events[i].severity, at_ms);
}

/* Its seat, if any, is empty by now. */
static void end_row(struct watch *w, struct row *row, struct store *store, int64_t at_ms)
{
        struct growth g = row_growth(w, row);

        g.limit_at_ms = -1;
        if (g.verdict != VERDICT_INSUFFICIENT_DATA)
                store_put_growth(store, row->process, &g);
        restore_forget(w, row);
        look_end(w, row);
        close_all(w, row, at_ms);
        app_end(w, store, row, at_ms);
        row_unref(row);
}

void watch_end(struct watch *w, uint32_t seat, struct store *store, int64_t at_ms)
{
        struct seat *s = seat_of(w, seat);
        struct row *row;

        if (!s)
                return;
        row = s->row;
        *s = (struct seat){};
        row->seat = row->share = UINT32_MAX;
        look_forget(w, seat);
        if (w->board && seat < BOARD_ENTRIES_MAX)
                board_clear(w->board, seat);
        w->shares_changed = true;
        end_row(w, row, store, at_ms);
}

void watch_clear_seats(struct watch *w)
{
        uint32_t n = w->n_left;
        struct row **left;

        for (uint32_t i = 0; i < w->n_seats; i++)
                n += w->seats[i].row != NULL;
        left = realloc(w->left, (n + 1) * sizeof(struct row *));
        if (left)
                w->left = left;
        for (uint32_t i = 0; i < w->n_seats; i++) {
                struct row *row = w->seats[i].row;

                if (!row)
                        continue;
                row->seat = UINT32_MAX;
                if (w->board && i < BOARD_ENTRIES_MAX)
                        board_clear(w->board, i);
                /* Out of memory: it begins anew, from what is stored. */
                if (left)
                        left[w->n_left++] = row;
                else
                        row_unref(row);
        }
        if (w->n_seats)
                memset(w->seats, 0, w->n_seats * sizeof *w->seats);
        look_forget(w, UINT32_MAX);
        w->n_shares = 0;
        w->left_next = 0;
}

void watch_settle(struct watch *w, struct store *store, int64_t at_ms)
{
        for (uint32_t i = 0; i < w->n_left; i++)
                if (w->left[i])
                        end_row(w, w->left[i], store, at_ms);
        free(w->left);
        w->left = NULL;
        w->n_left = 0;
        w->settled = true;
}

static void open_finding(struct row *row, struct store *store, enum finding_kind kind, int64_t at_ms)
{
        const struct trend *t = detector_trend(row->detector);

        row->findings->told[kind] = (struct told){ .number = store_next_finding(store), .opened_at_ms = at_ms, .written_at_ms = at_ms,
                                                   .grown_bytes = t->to_bytes - t->from_bytes };
}

static void act(struct watch *w, struct store *store, struct row *row, const struct life_event *e, int64_t at_ms, bool *ask)
{
        switch (e->action) {
        case LIFE_ASK:
                *ask = true;
                break;
        case LIFE_OPENS:
                open_finding(row, store, e->kind, at_ms);
                w->shares_changed |= e->kind == FINDING_LIMIT;
                tell_row(w, row, e->kind, TELL_OPENED, e->severity, at_ms);
                look_opens(w, row);
                break;
        case LIFE_WORSENS:
                tell_row(w, row, e->kind, TELL_WORSENED, e->severity, at_ms);
                break;
        case LIFE_CLOSES:
                tell_row(w, row, e->kind, TELL_CLOSED, e->severity, at_ms);
                w->shares_changed |= e->kind == FINDING_LIMIT;
                look_schedule(w, row);
                break;
        }
}

/* What is written of a growing leak is kept roughly true, but seldom: it costs some KiB of disk each time. */
static void refresh(struct watch *w, struct row *row, int64_t at_ms)
{
        const struct told *told = &row->findings->told[FINDING_LEAK];
        const struct trend *t = detector_trend(row->detector);
        int64_t grown = t->to_bytes - t->from_bytes;

        if (!told->number || t->verdict != VERDICT_LEAK || at_ms - told->written_at_ms < HOUR_TICKS * w->config->interval_ms ||
            llabs(grown - told->grown_bytes) < told->grown_bytes / 10)
                return;
        tell_row(w, row, FINDING_LEAK, TELL_REFRESHED, row->findings->life.leak.severity, at_ms);
}

static void consider(struct watch *w, struct store *store, struct row *row, int64_t at_ms, struct buffer *requests)
{
        const struct app_settings *settings = &row->app->settings;
        const struct life_rules rules = { .min_growth_bytes = settings->min_growth_bytes, .mute = settings->mute,
                                          .interval_ms = w->config->interval_ms, .told_by_app = row->app->told.number != 0 };
        static const enum finding_kind asked[] = { FINDING_LEAK, FINDING_LIMIT };
        const struct report_request request = { .seat = row->seat };
        const struct life_facts facts = row_facts(w, row, at_ms);
        struct life_event events[LIFE_EVENTS_MAX];
        bool ask = false;
        unsigned n;

        if (!row->findings) {
                struct life tried;

                life_init(&tried);
                if (life_step(&tried, &rules, &facts, events) == 0 && !life_busy(&tried))
                        return;
                if (!row_findings(row))
                        return;
        }
        for (unsigned k = 0; row->answered && k < 2; k++) {
                n = life_answer(&row->findings->life, &rules, &facts, asked[k], row->exact_bytes, events);
                for (unsigned i = 0; i < n; i++)
                        act(w, store, row, &events[i], at_ms, &ask);
        }
        row->answered = false;
        n = life_step(&row->findings->life, &rules, &facts, events);
        for (unsigned i = 0; i < n; i++)
                act(w, store, row, &events[i], at_ms, &ask);
        if (ask)
                buffer_add(requests, &request, sizeof request);
        refresh(w, row, at_ms);
}

static void save(struct watch *w, struct store *store, const struct row *row, int64_t at_ms)
{
        if (!row->ready || detector_trend(row->detector)->samples == 0)
                return;
        buffer_clear(&w->scratch);
        detector_save(row->detector, &w->scratch);
        if (!w->scratch.failed)
                store_put_trend(store, row->process, at_ms, w->scratch.data, w->scratch.size);
}

/* Every detector gets its sample, of processes that stayed as they were as well. */
static void feed(struct watch *w, struct store *store, int64_t at_ms)
{
        w->n_look = 0;
        for (uint32_t i = 0; i < w->n_seats; i++) {
                struct seat *s = &w->seats[i];

                if (i + PREFETCH < w->n_seats)
                        __builtin_prefetch(w->seats[i + PREFETCH].detector);
                if (!s->detector)
                        continue;
                w->looks.due |= s->look_due_ms <= at_ms;
                s->looked = detector_add(s->detector, at_ms, s->level_bytes);
                if (s->looked || s->stirred)
                        w->look[w->n_look++] = i;
                if ((w->ticks + i) % SAVE_EVERY_TICKS == 0)
                        save(w, store, s->row, at_ms);
        }
}

void watch_tick(struct watch *w, struct store *store, int64_t at_ms, int64_t boot_ms, struct buffer *requests)
{
        w->ticks++;
        w->at_ms = at_ms;
        w->boot_ms = boot_ms;
        if (w->began_ms < 0)
                w->began_ms = at_ms;
        feed(w, store, at_ms);
        shares_tick(w);
        for (uint32_t i = 0; i < w->n_look; i++) {
                struct seat *s = &w->seats[w->look[i]];

                consider(w, store, s->row, at_ms, requests);
                if (s->looked)
                        row_publish(w, s->row);
                else
                        row_publish_limit(w, s->row);
                s->stirred = s->row->findings && life_busy(&s->row->findings->life);
        }
        apps_tick(w, store, at_ms);
        looks_tick(w, requests);
}

bool watch_after_commit(struct watch *w, struct store *store, struct alerts *alerts, const char *db_path, int64_t at_ms)
{
        int64_t budget = w->config->interval_ms * (1000000 / 100), deadline;
        struct error err = {};
        bool wrote;

        looks_committed(w);
        if (!w->tellings && !restore_waiting(w) && (!w->looks.arrived || w->looks.arrived->first)) {
                w->reader = store_reader_close(w->reader);
                return looks_store(w, store); /* nothing of it needs to be read: opening the file takes 2 ms */
        }
        if (!w->reader && store_reader_open(db_path, &w->reader, &err) < 0) {
                if (!w->trouble_told_ms || at_ms - w->trouble_told_ms > 600000)
                        log_warning("findings, looks and what is known of growth come later: %s", err.text);
                w->trouble_told_ms = at_ms;
                return false;
        }
        budget = budget < BUDGET_LEAST_NS ? BUDGET_LEAST_NS : budget > BUDGET_MOST_NS ? BUDGET_MOST_NS : budget;
        deadline = clock_mono_ns() + budget;
        if (w->settled && (!w->resumed || w->renumber))
                restore_all(w, store, alerts, deadline);
        wrote = looks_store(w, store);
        wrote |= tell_all(w, store, alerts, deadline);
        restore_all(w, store, alerts, deadline);
        return wrote;
}

void watch_reopened(struct watch *w)
{
        w->reader = store_reader_close(w->reader);
        w->restoring.app = NULL;
        w->renumber = true;
        looks_lost(w);
        tellings_again(w);
}

void watch_stop(struct watch *w, struct store *store)
{
        for (uint32_t i = 0; i < w->n_seats; i++)
                if (w->seats[i].row)
                        save(w, store, w->seats[i].row, w->at_ms);
        for (uint32_t i = 0; i < w->n_left; i++)
                if (w->left[i])
                        save(w, store, w->left[i], w->at_ms);
        w->reader = store_reader_close(w->reader);
}
