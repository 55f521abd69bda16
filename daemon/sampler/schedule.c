/* When what is due. */
#include "sampler/schedule.h"

enum {
        CORE_PART = 200,      /* all rollups together: 1/200 of a core */
        PROCESS_PART = 2000,  /* those of one process: 1/2000, so that the dear ones are rarer */
        FULL_LEAST_NS = 20 * 1000 * 1000,
        COST_GUESS_NS = 200 * 1000,      /* of a small Python, until it was measured */
        COST_GUESS_MIB_NS = 11 * 1000,   /* and of each MiB of its RSS */
        EVERY_MOST = 64,
};

int64_t schedule_next(int64_t due_ns, int64_t now_ns, int64_t interval_ns, bool first, uint32_t *skipped)
{
        int64_t next;

        if (first) {
                next = (due_ns + interval_ns / 2) / interval_ns * interval_ns + interval_ns;
                if (next > due_ns + interval_ns + interval_ns / 2)
                        next -= interval_ns;
        } else {
                next = due_ns + interval_ns;
        }
        if (next <= now_ns) {
                int64_t missed = (now_ns - next) / interval_ns + 1;

                next += missed * interval_ns;
                *skipped += missed > UINT32_MAX ? UINT32_MAX : (uint32_t)missed;
        }
        return next;
}

void rotation_advance(struct rotation *r, uint32_t n, int64_t now_ms)
{
        if (r->last_ms)
                r->due += (double)n * (double)(now_ms - r->last_ms) / (double)r->interval_ms;
        r->last_ms = now_ms;
        if (r->due > n)
                r->due = n;
}

int64_t rotation_take(struct rotation *r, uint32_t n)
{
        uint32_t seat;

        if (r->due < 1 || n == 0)
                return -1;
        r->due -= 1;
        if (r->cursor >= n) {
                r->cursor = 0;
                r->rounds++;
        }
        seat = r->cursor++;
        return seat;
}

void rotation_put_back(struct rotation *r)
{
        r->due += 1;
        r->cursor--;
}

void allowance_init(struct allowance *a, int64_t detail_interval_ms, int64_t now_ms)
{
        int64_t full_ns = detail_interval_ms * (1000000 / CORE_PART);

        if (full_ns < FULL_LEAST_NS)
                full_ns = FULL_LEAST_NS;
        *a = (struct allowance){ .full_ns = full_ns, .left_ns = full_ns, .last_ms = now_ms, .every = 1 };
}

void allowance_refill(struct allowance *a, int64_t now_ms)
{
        int64_t passed_ms = now_ms - a->last_ms;

        /* A wait of hours only fills it up. */
        if (passed_ms > a->full_ns / (1000000 / CORE_PART) * 2)
                passed_ms = a->full_ns / (1000000 / CORE_PART) * 2;
        a->last_ms = now_ms;
        a->left_ns += passed_ms * (1000000 / CORE_PART);
        if (a->left_ns > a->full_ns)
                a->left_ns = a->full_ns;
}

void allowance_round(struct allowance *a, int64_t share_ns)
{
        int64_t every = share_ns > 0 ? (a->wanted_ns + share_ns - 1) / share_ns : 1;

        a->every = every < 1 ? 1 : every > EVERY_MOST ? EVERY_MOST : (uint32_t)every;
        a->wanted_ns = 0;
}

int64_t rollup_cost_ns(const struct rollup_case *c)
{
        return c->cost_ns ? c->cost_ns : COST_GUESS_NS + (c->rss_bytes >> 20) * COST_GUESS_MIB_NS;
}

bool allowance_grants(struct allowance *a, const struct rollup_case *c, int64_t now_ms)
{
        int64_t cost_ns = rollup_cost_ns(c);

        if (c->rss_bytes > ROLLUP_MOST_BYTES)
                return false;
        a->wanted_ns += cost_ns;
        /* A dear one waits until there is enough, and doesn't take what many small ones could have; or until there
         * can't be more. */
        if (a->left_ns < cost_ns && a->left_ns < a->full_ns)
                return false;
        if (c->cost_ns == 0)
                return true;
        if (c->visits % a->every != 0)
                return false;
        return now_ms - c->read_ms >= cost_ns * PROCESS_PART / 1000000;
}

void allowance_spend(struct allowance *a, int64_t cost_ns)
{
        a->left_ns -= cost_ns;
}
