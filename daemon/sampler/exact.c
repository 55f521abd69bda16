/* Exact readings that the engine asks for: one of smaps_rollup, where statm may be off by some MiB (Linux 6.2 and later
 * keep its counters per CPU). */
#include "sampler/requests.h"

#include <unistd.h>

#include "base/clock.h"
#include "proc/detail.h"
#include "sampler/sampler.h"

#define EXACT_MOST_BYTES (INT64_C(64) << 30) /* 0.7 s with the map lock held now and then; larger ones are never read */

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
                requests_remove(r, i);
                answer(s, seat);
        }
}

void sampler_report_exact(struct sampler *s)
{
        for (uint32_t i = 0; i < s->requests.n_answers; i++)
                report_add_exact(&s->outbox.waiting, s->requests.answers[i].seat, &s->requests.answers[i].exact);
        s->requests.n_answers = 0;
}
