/* Seats and processes. */
#include "engine/roster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

struct watched {
        uint32_t process;      /* its number in the store; 0: the seat is empty */
        struct process_id id;
        uint32_t forks;        /* children seen since the last tick */
        int32_t newest_child;
};

struct roster {
        struct watched *seats;
        uint32_t n_seats, n_used;
        struct watched *left;  /* sat here when the last sampler went, and were not seen since */
        uint32_t n_left;
        bool any_forks, settled; /* settled: a first round is over, so what the store holds open beyond ours has exited */
        struct watch *watch;
        struct store_change *changes;
        uint32_t room, failed;
        int64_t page_bytes;
};

struct roster *roster_new(struct watch *watch)
{
        struct roster *r = calloc(1, sizeof *r);

        if (!r)
                return NULL;
        r->watch = watch;
        r->page_bytes = sysconf(_SC_PAGESIZE);
        return r;
}

struct roster *roster_free(struct roster *r)
{
        if (!r)
                return NULL;
        free(r->seats);
        free(r->left);
        free(r->changes);
        free(r);
        return NULL;
}

uint32_t roster_count(const struct roster *r)
{
        return r->n_used;
}

uint32_t roster_failed_samples(const struct roster *r)
{
        return r->failed;
}

static struct watched *seat_of(struct roster *r, uint32_t seat)
{
        return seat < r->n_seats && r->seats[seat].process ? &r->seats[seat] : NULL;
}

static int make_seat(struct roster *r, uint32_t seat, struct error *err)
{
        uint32_t n = r->n_seats ? r->n_seats : 64;
        struct watched *seats;

        if (seat < r->n_seats)
                return r->seats[seat].process ? error_set(err, EBADMSG, "the sampler gave seat %" PRIu32 " twice", seat) : 0;
        while (n <= seat)
                n *= 2;
        seats = realloc(r->seats, n * sizeof *seats);
        if (!seats)
                return error_set(err, ENOMEM, "out of memory for %" PRIu32 " processes", n);
        memset(seats + r->n_seats, 0, (n - r->n_seats) * sizeof *seats);
        r->seats = seats;
        r->n_seats = n;
        return 0;
}

static void note_fork(struct roster *r, int32_t parent, int32_t child)
{
        for (uint32_t i = 0; i < r->n_seats; i++)
                if (r->seats[i].process && r->seats[i].id.pid == parent) {
                        r->seats[i].forks++;
                        r->seats[i].newest_child = child;
                        r->any_forks = true;
                        return;
                }
}

/* What a person needs of a command line in one line of text. */
static void brief(const struct identity *who, char *ret, size_t size)
{
        size_t used = (size_t)snprintf(ret, size, "%s", who->n_args ? who->args[0] : who->name);

        for (size_t i = 1; i < who->n_args && used < size; i++)
                used += (size_t)snprintf(ret + used, size - used, " %s", who->args[i]);
}

static void tell_start(struct roster *r, struct store *store, uint32_t process, const struct report *report, int64_t at_ms)
{
        const struct identity *who = &report->identity;
        int64_t started = who->started_at_ms > 0 && who->started_at_ms < at_ms ? who->started_at_ms : at_ms;
        char text[256], command[200];

        brief(who, command, sizeof command);
        store_add_event(store, process, started, EVENT_STARTED, command);
        if (!who->forked)
                return;
        snprintf(text, sizeof text, "forked from %" PRId32 ", without an exec since", who->ppid);
        store_add_event(store, process, started, EVENT_FORKED, text);
        if (r->settled)
                note_fork(r, who->ppid, report->id.pid);
}

static void drop_left(struct roster *r, const struct process_id *id)
{
        for (uint32_t i = 0; i < r->n_left; i++)
                if (process_id_equal(&r->left[i].id, id)) {
                        r->left[i] = r->left[--r->n_left];
                        return;
                }
}

static int apply_identity(struct roster *r, struct report *report, int64_t at_ms, struct users *users, struct store *store,
                          struct error *err)
{
        struct watched *w = seat_of(r, report->seat);
        const char *user = users_name(users, report->identity.uid, at_ms);
        char app[APP_ID_SIZE], command[200];
        bool known = false;

        if (report->kind == REPORT_APPEARED) {
                int e = make_seat(r, report->seat, err);

                if (e < 0)
                        return e;
        } else if (!w || !process_id_equal(&w->id, &report->id)) {
                return error_set(err, EBADMSG, "the sampler changed seat %" PRIu32 ", where nobody sits", report->seat);
        }
        report->identity.user = user ? strdup(user) : NULL;
        store_put_app(store, &report->identity, app);
        if (report->kind == REPORT_CHANGED) {
                store_change_process(store, w->process, &report->identity, app, at_ms);
                watch_change(r->watch, report->seat, app, store_app_name(store, app), store, at_ms);
                brief(&report->identity, command, sizeof command);
                store_add_event(store, w->process, at_ms, EVENT_EXEC, command);
                return 0;
        }
        w = &r->seats[report->seat];
        *w = (struct watched){ .id = report->id };
        w->process = store_begin_process(store, &report->id, &report->identity, app, at_ms, &known);
        r->n_used++;
        drop_left(r, &report->id);
        if (w->process)
                watch_begin(r->watch, report->seat, w->process, &report->id, app, store_app_name(store, app), known, at_ms);
        if (!known)
                tell_start(r, store, w->process, report, at_ms);
        return 0;
}

static void end(struct store *store, const struct watched *w, enum report_gone why, int64_t at_ms)
{
        static const struct {
                enum event_kind kind;
                const char *text;
        } words[] = {
                [GONE_EXITED] = { EVENT_EXITED, "exited" },
                [GONE_NOT_PYTHON] = { EVENT_EXEC, "now runs a program that is not Python: watched no more" },
                [GONE_OOM_KILLED] = { EVENT_OOM_KILL, "killed by the kernel for want of memory" },
        };

        store_add_event(store, w->process, at_ms, words[why].kind, words[why].text);
        store_end_process(store, w->process, at_ms);
}

static int apply_changes(struct roster *r, const struct report *report, struct error *err)
{
        uint32_t n = report->tick.n_changes;

        if (n > r->room) {
                struct store_change *changes = realloc(r->changes, n * sizeof *changes);

                if (!changes)
                        return error_set(err, ENOMEM, "out of memory for a tick of %" PRIu32 " changes", n);
                r->changes = changes;
                r->room = n;
        }
        r->failed = 0;
        for (uint32_t i = 0; i < n; i++) {
                struct report_change c;
                const struct watched *w;
                struct figures now;
                bool known;

                memcpy(&c, report->changes + i, sizeof c);
                w = seat_of(r, c.seat);
                if (!w)
                        return error_set(err, EBADMSG, "the sampler gave figures of seat %" PRIu32 ", where nobody sits", c.seat);
                known = c.rss_pages != UINT32_MAX;
                r->failed += !known;
                now = (struct figures){
                        .rss_bytes = known ? c.rss_pages * r->page_bytes : BYTES_UNKNOWN,
                        /* The kernel sums its counters one after the other: shared may be a few pages ahead of resident. */
                        .anon_bytes = !known ? BYTES_UNKNOWN
                                             : (c.rss_pages > c.shared_pages ? c.rss_pages - c.shared_pages : 0) * r->page_bytes,
                };
                watch_figures(r->watch, c.seat, &now);
                r->changes[i] = (struct store_change){ w->process, now.rss_bytes, now.anon_bytes };
        }
        return 0;
}

/* A parent that forks a thousand children in a tick gets one event. */
static void tell_forks(struct roster *r, struct store *store, int64_t at_ms)
{
        char text[80];

        for (uint32_t i = 0; r->any_forks && i < r->n_seats; i++) {
                struct watched *w = &r->seats[i];

                if (w->process && w->forks == 1)
                        snprintf(text, sizeof text, "forked %" PRId32, w->newest_child);
                else
                        snprintf(text, sizeof text, "forked %" PRIu32 " processes, the newest %" PRId32, w->forks, w->newest_child);
                if (w->process && w->forks)
                        store_add_event(store, w->process, at_ms, EVENT_FORKED, text);
                w->forks = 0;
        }
        r->any_forks = false;
}

static void settle(struct roster *r, struct store *store, int64_t at_ms)
{
        watch_settle(r->watch, store, at_ms);
        for (uint32_t i = 0; i < r->n_left; i++)
                end(store, &r->left[i], GONE_EXITED, at_ms);
        free(r->left);
        r->left = NULL;
        r->n_left = 0;
        if (!r->settled)
                store_end_strangers(store, at_ms);
        r->settled = true;
}

/* What is said of one that sits: its seat was looked up. */
static void apply_seated(struct roster *r, struct watched *w, const struct report *report, int64_t at_ms, struct store *store)
{
        switch (report->kind) {
        case REPORT_DETAIL:
                store_add_detail(store, w->process, &report->detail);
                watch_detail(r->watch, report->seat, &report->detail);
                break;
        case REPORT_HEADROOM:
                watch_headroom(r->watch, report->seat, &report->headroom);
                break;
        case REPORT_EXACT:
                watch_exact(r->watch, report->seat, &report->exact);
                break;
        case REPORT_LOOK:
                watch_look(r->watch, report->seat, &report->look);
                break;
        case REPORT_GONE:
                watch_end(r->watch, report->seat, store, at_ms);
                end(store, w, report->gone, at_ms);
                *w = (struct watched){};
                r->n_used--;
                break;
        default:
                break;
        }
}

static int apply_frame(struct roster *r, struct report *report, int64_t at_ms, struct users *users, struct store *store,
                       struct error *err)
{
        struct watched *w = seat_of(r, report->seat);
        int e;

        switch (report->kind) {
        case REPORT_APPEARED:
        case REPORT_CHANGED:
                return apply_identity(r, report, at_ms, users, store, err);
        case REPORT_GONE:
        case REPORT_DETAIL:
        case REPORT_HEADROOM:
        case REPORT_EXACT:
        case REPORT_LOOK:
                if (!w)
                        return error_set(err, EBADMSG, "the sampler spoke of seat %" PRIu32 ", where nobody sits", report->seat);
                apply_seated(r, w, report, at_ms, store);
                return 0;
        case REPORT_TICK:
                settle(r, store, at_ms);
                tell_forks(r, store, at_ms);
                e = apply_changes(r, report, err);
                if (e == 0)
                        store_add_tick(store, at_ms, r->changes, report->tick.n_changes);
                return e;
        }
        return 0;
}

int roster_apply(struct roster *r, const char *round, size_t size, int64_t at_ms, struct users *users, struct store *store,
                 struct error *err)
{
        while (size) {
                struct report report;
                int64_t n = report_parse(round, size, &report, err);
                int e;

                if (n <= 0)
                        return n < 0 ? (int)n : error_set(err, EBADMSG, "the sampler's round ends within a frame");
                e = apply_frame(r, &report, at_ms, users, store, err);
                identity_done(&report.identity);
                if (e < 0)
                        return e;
                round += n;
                size -= (size_t)n;
        }
        return 0;
}

void roster_clear_seats(struct roster *r)
{
        struct watched *left = realloc(r->left, (r->n_left + r->n_used + 1) * sizeof *left);

        watch_clear_seats(r->watch);
        for (uint32_t i = 0; left && i < r->n_seats; i++)
                if (r->seats[i].process)
                        left[r->n_left++] = r->seats[i];
        /* Out of memory: they stay open in the store until the daemon starts anew. */
        if (left)
                r->left = left;
        if (r->n_seats)
                memset(r->seats, 0, r->n_seats * sizeof *r->seats);
        r->n_used = 0;
}
