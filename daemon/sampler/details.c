/* The costlier figures: spread over the detail interval, read only where something can have changed. */
#include <unistd.h>

#include "base/clock.h"
#include "proc/detail.h"
#include "sampler/sampler.h"

enum {
        REPEATS_MOST = 9,      /* every tenth reading is a real one, whatever the CPU clock says */
        FEW_SEATS = 50,        /* so many can't cost much: the ceiling alone counts */
        QUICK_DETAIL_MS = 10 * 1000, /* somebody asked for details this often: likewise */
        DEAR_NS = 1000 * 1000, /* a rollup that isn't made within a tick */
        SHARE_OF_SAMPLING = 4, /* else rollups may cost a quarter of plain sampling */
};

/* A process that had no CPU and whose pages are as they were has the figures that it had: 0.2 us instead of 25. */
static bool is_unchanged(const struct seat *one, const struct seat_hot *hot, int64_t cpu_ns)
{
        return one->has_detail && one->repeats < REPEATS_MOST && cpu_ns == one->cpu_ns &&
               hot->rss_pages == one->rss_pages && hot->shared_pages == one->shared_pages &&
               (one->detail.pss_bytes >= 0 || one->no_rollup);
}

static struct rollup_case rollup_case(const struct sampler *s, uint32_t seat)
{
        const struct seat *one = &s->table.seats[seat];

        return (struct rollup_case){ .rss_bytes = (int64_t)s->table.hot[seat].rss_pages * sysconf(_SC_PAGESIZE),
                                     .cost_ns = one->rollup_ns, .read_ms = one->rollup_ms, .visits = one->visits };
}

static bool is_dear(const struct sampler *s, uint32_t seat)
{
        const struct rollup_case c = rollup_case(s, seat);

        return c.rss_bytes <= ROLLUP_MOST_BYTES && rollup_cost_ns(&c) > DEAR_NS;
}

static void read_rollup(struct sampler *s, uint32_t seat, struct detail *detail)
{
        const struct rollup_case c = rollup_case(s, seat);
        struct seat *one = &s->table.seats[seat];
        int64_t began_ns;

        one->no_rollup = c.rss_bytes > ROLLUP_MOST_BYTES;
        if (!allowance_grants(&s->allowance, &c, s->now_ms))
                return;
        began_ns = clock_cpu_ns();
        one->no_rollup = !detail_read_rollup(&s->proc, &one->id, detail);
        one->rollup_ns = clock_cpu_ns() - began_ns;
        one->rollup_ms = s->now_ms;
        allowance_spend(&s->allowance, one->rollup_ns);
}

bool sampler_is_still_there(const struct sampler *s, uint32_t seat)
{
        struct exec_mark mark;
        char byte;

        if (s->table.hot[seat].fd >= 0)
                return pread(s->table.hot[seat].fd, &byte, 1, 0) == 1;
        return exec_mark_read(&s->proc, &s->table.seats[seat].id, &mark) == 0;
}

/* Which limits hold for it, and how near they are. */
static void read_limits(struct sampler *s, struct seat *one)
{
        if (one->limits_left-- == 0) {
                limits_look(s->limits, &s->proc, one->id.pid, &one->limits);
                one->limits_left = LIMITS_EVERY - 1;
        }
        /* A group with one process is read at each visit, even if that comes early. */
        limits_refresh(s->limits, &s->proc, &one->limits, s->now_ms, s->detail_interval_ms * 3 / 4);
}

static void visit(struct sampler *s, uint32_t seat)
{
        struct seat *one = &s->table.seats[seat];
        struct seat_hot *hot = &s->table.hot[seat];
        int64_t cpu_ns = detail_cpu_ns(one->id.pid);
        struct exec_mark mark;
        struct address_use use;
        struct detail detail;

        one->visits++;
        read_limits(s, one);
        if (is_unchanged(one, hot, cpu_ns)) {
                one->repeats++;
        } else {
                detail = DETAIL_UNKNOWN;
                use = (struct address_use){ -1, -1 };
                if (!one->hangs)
                        detail_read(&s->proc, &one->id, &detail, &use);
                if (!one->hangs && hot->rss_pages != UINT32_MAX)
                        read_rollup(s, seat, &detail);
                if (one->has_detail && exec_mark_read(&s->proc, &one->id, &mark) == 0 &&
                    exec_mark_differs(&one->mark, &mark))
                        hot->text_pages = TEXT_UNKNOWN;
                if (!sampler_is_still_there(s, seat))
                        return;
                one->detail = detail;
                one->use = use;
                one->cpu_ns = cpu_ns;
                one->rss_pages = hot->rss_pages;
                one->shared_pages = hot->shared_pages;
                one->repeats = 0;
        }
        s->n_first -= !one->has_detail;
        one->has_detail = true;
        one->detail_ms = s->now_ms;
        if (!one->fresh && seat_list_add(&s->fresh, seat) == 0)
                one->fresh = true;
}

/* The next seat without a first reading; -1 after a whole round of looking. */
static int64_t next_first(struct sampler *s)
{
        for (uint32_t looked = 0; s->n_first && looked < s->table.n; looked++) {
                uint32_t seat = s->first_cursor < s->table.n ? s->first_cursor : 0;

                s->first_cursor = seat + 1;
                if (table_is_used(&s->table, seat) && !s->table.seats[seat].has_detail)
                        return seat;
        }
        return -1;
}

static void end_round(struct sampler *s)
{
        bool few = s->table.used < FEW_SEATS || s->detail_interval_ms <= QUICK_DETAIL_MS;
        double ticks = (double)s->detail_interval_ms / (double)s->interval_ms;

        allowance_round(&s->allowance, few ? 0 : (int64_t)(s->sampling_ns * ticks / SHARE_OF_SAMPLING) + 1);
}

/* First readings: as soon as may be. Returns false when a dear one is in the way. */
static bool read_first(struct sampler *s, int64_t until_ns, bool dear)
{
        /* One that is gone gets none, and is not to be tried again and again. */
        for (uint32_t n = s->n_first; n && clock_mono_ns() < until_ns; n--) {
                int64_t seat = next_first(s);

                if (seat < 0)
                        break;
                if (!dear && is_dear(s, (uint32_t)seat)) {
                        s->first_cursor = (uint32_t)seat;
                        return false;
                }
                visit(s, (uint32_t)seat);
        }
        return true;
}

static void read_due(struct sampler *s, int64_t until_ns, bool dear)
{
        uint32_t rounds = s->rotation.rounds;
        int64_t seat;

        while (clock_mono_ns() < until_ns && (seat = rotation_take(&s->rotation, s->table.n)) >= 0) {
                const struct seat *one = &s->table.seats[seat];
                /* Who had its first reading just now has its turn in the next round. */
                bool wanted = table_is_used(&s->table, (uint32_t)seat) && one->has_detail &&
                              s->now_ms - one->detail_ms >= s->detail_interval_ms / 2;

                if (wanted && !dear && is_dear(s, (uint32_t)seat)) {
                        rotation_put_back(&s->rotation);
                        return;
                }
                if (wanted)
                        visit(s, (uint32_t)seat);
                if (s->rotation.rounds != rounds)
                        end_round(s);
                rounds = s->rotation.rounds;
        }
}

void sampler_read_details(struct sampler *s, int64_t until_ns, bool dear)
{
        allowance_refill(&s->allowance, s->now_ms);
        rotation_advance(&s->rotation, s->table.n, s->now_ms);
        if (!read_first(s, until_ns, dear))
                return;
        /* What the first readings cost is the best guess of what the next round will want. */
        if (!s->settled && s->n_first == 0) {
                s->settled = true;
                end_round(s);
        }
        read_due(s, until_ns, dear);
}

bool sampler_has_backlog(const struct sampler *s)
{
        return s->n_first > 0 || s->rotation.due >= 1;
}

void sampler_report_details(struct sampler *s)
{
        for (uint32_t i = 0; i < s->fresh.n; i++) {
                uint32_t seat = s->fresh.seats[i];
                struct seat *one = &s->table.seats[seat];
                struct headroom headroom;

                if (!table_is_used(&s->table, seat) || !one->fresh)
                        continue;
                report_add_detail(&s->outbox.waiting, seat, &one->detail);
                one->fresh = false;
                limits_nearest(s->limits, &s->proc, &one->limits, &one->use, &headroom);
                if (headroom_tell(&one->told, &headroom))
                        report_add_headroom(&s->headrooms, seat, &headroom);
        }
        s->fresh.n = 0;
}
