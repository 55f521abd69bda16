/* Exact readings that the engine asks for: one of smaps_rollup, where statm may be off by some MiB (Linux 6.2 and later
 * keep its counters per CPU). */
#include "sampler/requests.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/detail.h"
#include "sampler/sampler.h"

#define EXACT_MOST_BYTES (INT64_C(64) << 30) /* 0.7 s with the map lock held now and then; larger ones are never read */

static void note(struct requests *r, uint32_t seat)
{
        for (uint32_t i = 0; i < r->n_waiting; i++)
                if (r->waiting[i] == seat)
                        return;
        if (r->n_waiting < REQUESTS_MAX)
                r->waiting[r->n_waiting++] = seat;
}

void requests_take(struct requests *r, const void *bytes, size_t size)
{
        const char *from = bytes;

        while (size) {
                size_t n = sizeof r->partial - r->n_partial < size ? sizeof r->partial - r->n_partial : size;
                struct report_request request;

                memcpy(r->partial + r->n_partial, from, n);
                r->n_partial += (uint32_t)n;
                from += n;
                size -= n;
                if (r->n_partial < sizeof r->partial)
                        return;
                r->n_partial = 0;
                memcpy(&request, r->partial, sizeof request);
                note(r, request.seat);
        }
}

static void remove_at(struct requests *r, uint32_t i)
{
        memmove(r->waiting + i, r->waiting + i + 1, (--r->n_waiting - i) * sizeof *r->waiting);
}

void requests_forget(struct requests *r, uint32_t seat)
{
        for (uint32_t i = 0; i < r->n_waiting; i++)
                if (r->waiting[i] == seat)
                        remove_at(r, i--);
        for (uint32_t i = 0; i < r->n_answers; i++)
                if (r->answers[i].seat == seat)
                        r->answers[i--] = r->answers[--r->n_answers];
}

static int64_t rss_bytes(const struct sampler *s, uint32_t seat)
{
        return (int64_t)s->table.hot[seat].rss_pages * sysconf(_SC_PAGESIZE);
}

static bool can_be_read(const struct sampler *s, uint32_t seat)
{
        return !s->table.seats[seat].hangs && s->table.hot[seat].rss_pages != UINT32_MAX &&
               rss_bytes(s, seat) <= EXACT_MOST_BYTES;
}

/* What it takes if it goes badly: what an earlier reading took tells little after it has grown. */
static int64_t cost_ns(const struct sampler *s, uint32_t seat)
{
        struct rollup_case guess = {};

        if (!table_is_used(&s->table, seat) || !can_be_read(s, seat))
                return 0;
        guess.rss_bytes = rss_bytes(s, seat);
        return rollup_cost_ns(&guess);
}

static void answer(struct sampler *s, uint32_t seat)
{
        struct report_exact exact = { -1, -1, -1 };

        if (!table_is_used(&s->table, seat))
                return;
        if (can_be_read(s, seat))
                detail_read_exact(&s->proc, &s->table.seats[seat].id, &exact);
        if (sampler_is_still_there(s, seat))
                s->requests.answers[s->requests.n_answers++] = (struct answered){ seat, exact };
}

void sampler_answer(struct sampler *s, int64_t until_ns, bool most_time)
{
        struct requests *r = &s->requests;

        for (uint32_t i = 0; i < r->n_waiting && r->n_answers < REQUESTS_MAX;) {
                uint32_t seat = r->waiting[i];

                if (clock_mono_ns() + cost_ns(s, seat) > until_ns && !most_time) {
                        i++;
                        continue;
                }
                most_time = false;
                remove_at(r, i);
                answer(s, seat);
        }
}

void sampler_report_exact(struct sampler *s)
{
        for (uint32_t i = 0; i < s->requests.n_answers; i++)
                report_add_exact(&s->outbox.waiting, s->requests.answers[i].seat, &s->requests.answers[i].exact);
        s->requests.n_answers = 0;
}
