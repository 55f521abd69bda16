/* When heaps are looked into. By the `inspect` of the app's section, else of all:
 *
 *   off         never.
 *   periodic    every process each inspect-interval; first when it was watched for so long, or for 60 ticks if that is less;
 *               one that was known before this start, an interval after its last look. And as on-finding says.
 *   on-finding  once when it has lived an hour (720 ticks), so that there is something to compare with. At once when a
 *               finding of it opens; while one is open, again after 60 ticks or an inspect-interval, whichever is less, and
 *               from then on each inspect-interval.
 *
 * Where the app has an open finding, its workers are replaced, and live short: up to four that run are looked into at once
 * (but not while they start) and then each 60 ticks. A muted app has no findings.
 *
 * A look of which nothing came (it was stopped, swapped out, may not be read) is tried again after an inspect-interval; where
 * no finding is open after twice that, four times, and so on. A program whose interpreter is none that can be looked into is
 * not asked again.
 *
 * Never more than 1 % of one core a process: its next look waits for 100 times what the last one took. All together take 2 %
 * at most: after each look, nobody is looked into for 50 times what it took; but the first look for a finding waits for that
 * no longer than 10 s. One at a time: until it has answered, or for 60 s. First those that a finding just opened for, then
 * those with an open one, then the others; among equals who is due longest.
 *
 * A tick costs one comparison a process: seat.look_due_ms is worked out when something happens to it. */
#include <stdlib.h>
#include <string.h>

#include "engine/watch_private.h"

#define DOUBLINGS_MOST 8       /* after refusals: from 10 min to a day and a half */
#define FOLLOW_TICKS 60
#define APP_LOOKS 4            /* of an app's processes, for its finding */
#define APP_YOUNG_TICKS 12     /* what a worker loads in its first minute is no growth */
#define ANSWER_MS 60000
#define OPENING_WAITS_MS 10000
#define PERCENT_ONE 100        /* 1 %: so many times its cost */
#define PERCENT_ALL 50         /* 2 % */
#define COST_MOST_US 60000000  /* a look is killed before */
#define ARRIVED_MOST 4         /* while nothing can be stored */

static bool wants_looks(const struct row *row)
{
        return row->app->settings.inspect != INSPECT_OFF && !row->never_looks;
}

int64_t look_follow_ms(const struct watch *w)
{
        int64_t ms = FOLLOW_TICKS * w->config->interval_ms;

        return ms < w->config->inspect_interval_ms ? ms : w->config->inspect_interval_ms;
}

int64_t row_opened_ms(const struct row *row)
{
        int64_t newest = -1;

        for (int k = 0; row->findings && k <= FINDING_LIMIT; k++)
                if (row->findings->told[k].number && row->findings->told[k].opened_at_ms > newest)
                        newest = row->findings->told[k].opened_at_ms;
        return newest;
}

static int64_t age_ms(const struct watch *w, const struct row *row)
{
        return w->boot_ms - row->begun_boot_ms;
}

static int64_t due_alone(const struct watch *w, const struct row *row)
{
        int64_t each_ms = w->config->inspect_interval_ms;
        unsigned doubled = row->refusals > DOUBLINGS_MOST ? DOUBLINGS_MOST : row->refusals - 1u;

        if (row->app->settings.inspect == INSPECT_PERIODIC)
                return row->looked_ms < 0 ? row->since_ms + look_follow_ms(w) : row->looked_ms + each_ms;
        if (row->looked_ms < 0)
                return w->at_ms + HOUR_TICKS * w->config->interval_ms - age_ms(w, row);
        return row->refusals ? row->looked_ms + (each_ms << doubled) : INT64_MAX;
}

static int64_t due_for_finding(const struct watch *w, const struct row *row, int64_t opened_at_ms)
{
        if (row->refusals)
                return row->looked_ms + w->config->inspect_interval_ms;
        if (row->looks_open == 0)
                return opened_at_ms;
        return row->looked_ms + (row->looks_open == 1 ? look_follow_ms(w) : w->config->inspect_interval_ms);
}

static int64_t due_for_app(const struct watch *w, const struct row *row)
{
        int64_t old_enough_ms = w->at_ms + APP_YOUNG_TICKS * w->config->interval_ms - age_ms(w, row);
        int64_t opened_at_ms = row->app->told.opened_at_ms;

        if (row->refusals)
                return row->looked_ms + w->config->inspect_interval_ms;
        if (row->looks_open == 0)
                return old_enough_ms > opened_at_ms ? old_enough_ms : opened_at_ms;
        return row->looked_ms + FOLLOW_TICKS * w->config->interval_ms;
}

static int64_t due_ms(const struct watch *w, const struct row *row)
{
        int64_t due, opened_at_ms = row_opened_ms(row), other, rested;

        if (!wants_looks(row))
                return INT64_MAX;
        due = due_alone(w, row);
        other = opened_at_ms >= 0 ? due_for_finding(w, row, opened_at_ms) : INT64_MAX;
        due = other < due ? other : due;
        other = row->for_app ? due_for_app(w, row) : INT64_MAX;
        due = other < due ? other : due;
        rested = row->looked_ms < 0 ? 1 : row->looked_ms + row->look_cost_us * PERCENT_ONE / 1000;
        return due > rested ? due : rested;
}

static enum look_rank rank_of(const struct row *row)
{
        bool open = row_opened_ms(row) >= 0;

        if (!open && !row->for_app)
                return LOOK_PLAIN;
        if (row->looks_open || row->refusals)
                return LOOK_FINDING;
        return open || row->app->told.heap == LOOK_NOTHING ? LOOK_OPENING : LOOK_FINDING;
}

/* Takes part in the looks for its app's finding where there is room, or leaves them. */
static void settle_for_app(struct row *row)
{
        struct app *a = row->app;
        bool wanted = a->told.number && wants_looks(row);

        if (row->for_app == wanted || (wanted && a->looked_at >= APP_LOOKS))
                return;
        row->for_app = wanted;
        a->looked_at = (unsigned char)(a->looked_at + (wanted ? 1 : -1));
}

void look_schedule(struct watch *w, const struct row *row)
{
        if (row->seat < w->n_seats && w->seats[row->seat].row == row)
                w->seats[row->seat].look_due_ms = 0;
        w->looks.due = true;
}

void looks_configure(struct watch *w)
{
        for (uint32_t i = 0; i < w->n_seats; i++)
                w->seats[i].look_due_ms = 0;
        w->looks.due = true;
}

void look_opens(struct watch *w, struct row *row)
{
        row->looks_open = row->refusals = 0;
        look_schedule(w, row);
}

void look_app(struct watch *w, struct app *a)
{
        a->look_number = 0;
        for (uint32_t i = 0; i < w->n_seats; i++) {
                struct row *row = w->seats[i].row;

                if (!row || row->app != a)
                        continue;
                if (row_opened_ms(row) < 0)
                        row->looks_open = 0;
                look_schedule(w, row);
        }
}

/* One of those that are looked into for the app is no more: another one takes its place. */
static void leave_app(struct watch *w, struct row *row)
{
        if (!row->for_app)
                return;
        row->for_app = false;
        row->app->looked_at--;
        for (uint32_t i = 0; i < w->n_seats; i++)
                if (w->seats[i].row && w->seats[i].row->app == row->app)
                        look_schedule(w, w->seats[i].row);
}

void look_refused(struct watch *w, struct row *row, bool for_ever)
{
        if (row->refusals < UINT8_MAX)
                row->refusals++;
        if (row->looks_open > 0)
                row->looks_open--;
        if (for_ever) {
                row->never_looks = true;
                leave_app(w, row);
        }
        look_schedule(w, row);
}

static bool comes_before(const struct seat *s, const struct seat *other)
{
        if (s->look_rank != other->look_rank)
                return s->look_rank > other->look_rank;
        return s->look_due_ms < other->look_due_ms;
}

static struct seat *first_due(struct watch *w)
{
        struct seat *first = NULL;

        for (uint32_t i = 0; i < w->n_seats; i++) {
                struct seat *s = &w->seats[i];

                if (!s->detector || s->look_due_ms > w->at_ms)
                        continue;
                if (s->look_due_ms == 0) {
                        settle_for_app(s->row);
                        s->look_due_ms = due_ms(w, s->row);
                        s->look_rank = (unsigned char)rank_of(s->row);
                }
                if (s->look_due_ms <= w->at_ms && (!first || comes_before(s, first)))
                        first = s;
        }
        return first;
}

static void give_up(struct watch *w)
{
        struct row *row = w->seats[w->looks.seat].row;

        w->looks.seat = UINT32_MAX;
        row->looked_ms = w->at_ms;
        look_refused(w, row, false);
}

void looks_tick(struct watch *w, struct buffer *requests)
{
        struct look_plan *p = &w->looks;
        struct report_request request;
        bool due = p->due;
        struct seat *s;

        p->due = false;
        if (p->seat != UINT32_MAX && w->at_ms - p->asked_ms >= ANSWER_MS)
                give_up(w);
        s = due ? first_due(w) : NULL;
        if (!s || p->seat != UINT32_MAX || p->n_arrived >= ARRIVED_MOST)
                return;
        if (w->at_ms < p->next_ms && (s->look_rank != LOOK_OPENING || w->at_ms - s->look_due_ms < OPENING_WAITS_MS))
                return;
        p->seat = (uint32_t)(s - w->seats);
        p->asked_ms = w->at_ms;
        request = (struct report_request){ .seat = p->seat, .what = REQUEST_LOOK };
        buffer_add(requests, &request, sizeof request);
}

static void keep(struct watch *w, struct row *row, const struct report_look *look, bool first)
{
        struct look_arrived *a = calloc(1, sizeof *a);

        if (a)
                a->bytes = malloc(look->size + 1);
        if (!a || !a->bytes) {
                free(a);
                return;
        }
        memcpy(a->bytes, look->bytes, look->size);
        a->size = look->size;
        a->row = row;
        a->asked_ms = w->looks.asked_ms;
        a->first = first;
        row->references++;
        *w->looks.arrived_end = a;
        w->looks.arrived_end = &a->next;
        w->looks.n_arrived++;
}

/* What was not asked, or too long ago, is no answer. */
void look_arrives(struct watch *w, struct row *row, const struct report_look *look)
{
        struct look_plan *p = &w->looks;
        bool first = row->looked_ms < 0;
        int64_t cost_us = look->cpu_us < 0 ? 0 : look->cpu_us > COST_MOST_US ? COST_MOST_US : look->cpu_us;

        if (p->seat == UINT32_MAX || row->seat != p->seat)
                return;
        p->seat = UINT32_MAX;
        p->next_ms = w->at_ms + cost_us * PERCENT_ALL / 1000;
        row->looked_ms = w->at_ms;
        row->look_cost_us = cost_us;
        if (row->looks_open < 2 && (row->for_app || row_opened_ms(row) >= 0))
                row->looks_open++;
        keep(w, row, look, first);
        look_schedule(w, row);
}

void look_forget(struct watch *w, uint32_t seat)
{
        if (seat == UINT32_MAX || seat == w->looks.seat)
                w->looks.seat = UINT32_MAX;
}

static void look_free(struct watch *w, struct look_arrived *a)
{
        w->looks.n_arrived--;
        row_unref(a->row);
        free(a->bytes);
        free(a);
}

static void drop(struct watch *w, const struct row *row)
{
        struct look_arrived **at = &w->looks.arrived, *a;

        while ((a = *at)) {
                if (row && a->row != row) {
                        at = &a->next;
                        continue;
                }
                *at = a->next;
                look_free(w, a);
        }
        w->looks.arrived_end = at;
}

void look_drop_first(struct watch *w)
{
        struct look_arrived *a = w->looks.arrived;

        w->looks.arrived = a->next;
        if (!a->next)
                w->looks.arrived_end = &w->looks.arrived;
        look_free(w, a);
}

void look_end(struct watch *w, struct row *row)
{
        drop(w, row);
        leave_app(w, row);
}

void looks_done(struct watch *w)
{
        drop(w, NULL);
        buffer_done(&w->looks.fresh);
}

int64_t look_next_ms(const struct watch *w, const struct row *row)
{
        int64_t due = row->seat == UINT32_MAX ? INT64_MAX : due_ms(w, row), soonest = w->at_ms + w->config->interval_ms;

        return due == INT64_MAX ? -1 : due < soonest ? soonest : due;
}
