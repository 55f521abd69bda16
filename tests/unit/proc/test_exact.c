/* The engine asks for exact figures of a process, and gets them in the next round: a sampler over a made-up /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "proc_tree.h"
#include "sampler/sampler.h"

enum { FIRST = 2000000001 }; /* pids that are nobody's: their CPU clock can't be asked */

struct world {
        struct proc_tree *t;
        struct sampler s;
        struct error err;
};

static void write_file(struct world *w, int32_t pid, const char *name, const char *text)
{
        char path[64];

        snprintf(path, sizeof path, "%d/%s", pid, name);
        proc_tree_write_text(w->t, path, text);
}

static void add_process(struct world *w, int32_t pid)
{
        char loadavg[64];

        proc_tree_add(w->t, (struct fake_process){ .pid = pid, .start_ticks = 9, .exe = "/usr/bin/python3.11",
                                                   .cmdline = "python3\0shop.py", .cmdline_size = 16 });
        write_file(w, pid, "smaps_rollup",
                   "0-1 ---p 0 0 0 [rollup]\nRss: 4000 kB\nPss: 3000 kB\nPrivate_Clean: 8 kB\nPrivate_Dirty: 12 kB\n"
                   "Anonymous: 2400 kB\nSwap: 16 kB\n");
        snprintf(loadavg, sizeof loadavg, "0 0 0 1/9 %d\n", pid);
        proc_tree_write_text(w->t, "loadavg", loadavg);
}

static void tick(struct world *w)
{
        assert_int_equal(sampler_tick(&w->s, clock_mono_ns(), 0, &w->err), 0);
}

/* How many frames of a kind there are, and the last of them; the outbox is empty then. */
static int count(struct world *w, enum report_kind kind, struct report *ret)
{
        struct buffer *b = &w->s.outbox.waiting;
        int found = 0;

        for (size_t at = 0; at < b->size;) {
                struct report one;
                int64_t n = report_parse(b->data + at, b->size - at, &one, &w->err);

                assert_true(n > 0);
                identity_done(&one.identity);
                if (one.kind == kind) {
                        found++;
                        *ret = one;
                }
                at += (size_t)n;
        }
        buffer_clear(b);
        return found;
}

static struct world begin(int n)
{
        struct world w = { .t = proc_tree_new() };
        struct config config = { .interval_ms = 1000, .detail_interval_ms = 1000 };
        struct proc proc;
        char cgroup[128];

        w.s = (struct sampler){ .proc = { .fd = -1, .cgroup_fd = -1 }, .scan = { .folder_fd = -1, .loadavg_fd = -1 } };
        for (int i = 0; i < n; i++)
                add_process(&w, FIRST + i);
        snprintf(cgroup, sizeof cgroup, "%s/cgroup", w.t->path);
        assert_int_equal(proc_open(w.t->path, cgroup, &proc, &w.err), 0);
        assert_int_equal(sampler_init(&w.s, &config, &proc, -1, &w.err), 0);
        tick(&w);
        buffer_clear(&w.s.outbox.waiting);
        assert_int_equal(w.s.table.used, n);
        return w;
}

static void end(struct world *w)
{
        sampler_done(&w->s);
        proc_tree_free(w->t);
}

/* Which of them sits where is up to the order of the folder. */
static int32_t pid_at(const struct world *w, uint32_t seat)
{
        return w->s.table.seats[seat].id.pid;
}

static void ask(struct world *w, uint32_t seat)
{
        const struct report_request request = { .seat = seat };

        requests_take(&w->s.requests, &request, sizeof request);
}

static int64_t soon(void)
{
        return clock_mono_ns() + 1000000000;
}

static void answers_come_with_the_next_round(void **state)
{
        struct world w = begin(2);
        struct report got;

        (void)state;
        ask(&w, 1);
        ask(&w, 1); /* asked twice, answered once */
        sampler_answer(&w.s, soon(), false);
        assert_int_equal(w.s.outbox.waiting.size, 0);
        tick(&w);
        assert_int_equal(count(&w, REPORT_EXACT, &got), 1);
        assert_int_equal(got.seat, 1);
        assert_int_equal(got.exact.rss_bytes, 4000 * 1024);
        assert_int_equal(got.exact.anon_bytes, 2400 * 1024);
        assert_int_equal(got.exact.swap_bytes, 16 * 1024);
        tick(&w);
        assert_int_equal(count(&w, REPORT_EXACT, &got), 0);
        end(&w);
}

static void requests_come_in_pieces(void **state)
{
        struct world w = begin(3);
        const struct report_request both[] = { { .seat = 2 }, { .seat = 0 } };
        struct report got;

        (void)state;
        for (size_t i = 0; i < sizeof both; i++)
                requests_take(&w.s.requests, (const char *)both + i, 1);
        assert_int_equal(w.s.requests.n_waiting, 2);
        requests_take(&w.s.requests, both, sizeof both - 1);
        assert_int_equal(w.s.requests.n_waiting, 2);
        sampler_answer(&w.s, soon(), false);
        tick(&w);
        assert_int_equal(count(&w, REPORT_EXACT, &got), 2);
        end(&w);
}

static void seats_that_cannot_be_are_not_answered(void **state)
{
        struct world w = begin(1);
        struct report got;

        (void)state;
        ask(&w, 1);
        ask(&w, UINT32_MAX);
        ask(&w, REPORT_SEATS_MAX);
        sampler_answer(&w.s, soon(), false);
        assert_int_equal(w.s.requests.n_waiting, 0);
        for (uint32_t i = 0; i < 1000; i++)
                ask(&w, 1000 + i);
        assert_int_equal(w.s.requests.n_waiting, REQUESTS_MAX);
        sampler_answer(&w.s, soon(), false);
        ask(&w, 0);
        sampler_answer(&w.s, soon(), false);
        tick(&w);
        assert_int_equal(count(&w, REPORT_EXACT, &got), 1);
        end(&w);
}

static void what_cannot_be_read_is_said_to_be(void **state)
{
        struct world w = begin(2);
        struct report got;

        (void)state;
        write_file(&w, pid_at(&w, 0), "smaps_rollup", "");
        ask(&w, 0);
        sampler_answer(&w.s, soon(), false);
        tick(&w);
        assert_int_equal(count(&w, REPORT_EXACT, &got), 1);
        assert_int_equal(got.exact.rss_bytes, -1);
        assert_int_equal(got.exact.anon_bytes, -1);
        /* 65 GiB: the map lock would be held for too long. */
        w.s.table.hot[1].rss_pages = 65u << 18;
        ask(&w, 1);
        sampler_answer(&w.s, soon(), false);
        assert_int_equal(w.s.requests.answers[0].exact.rss_bytes, -1);
        end(&w);
}

static void there_has_to_be_time(void **state)
{
        struct world w = begin(2);

        (void)state;
        ask(&w, 0);
        ask(&w, 1);
        sampler_answer(&w.s, clock_mono_ns(), false);
        assert_int_equal(w.s.requests.n_waiting, 2);
        sampler_answer(&w.s, clock_mono_ns(), true); /* there is never more: one of them */
        assert_int_equal(w.s.requests.n_waiting, 1);
        assert_int_equal(w.s.requests.n_answers, 1);
        end(&w);
}

static void who_has_left_is_not_answered(void **state)
{
        struct world w = begin(3);
        struct report got;

        (void)state;
        ask(&w, 0);
        sampler_answer(&w.s, soon(), false);
        ask(&w, 1);
        write_file(&w, pid_at(&w, 0), "statm", "0 0 0 0 0 0 0\n"); /* zombies */
        write_file(&w, pid_at(&w, 1), "statm", "0 0 0 0 0 0 0\n");
        tick(&w);
        assert_int_equal(count(&w, REPORT_EXACT, &got), 0);
        assert_int_equal(w.s.requests.n_waiting, 0);
        end(&w);
}

static void headroom_comes_with_details(void **state)
{
        struct world w;
        struct report got;

        (void)state;
        w = begin(0);
        proc_tree_write_text(w.t, "meminfo", "MemTotal: 1000000 kB\nMemAvailable: 600000 kB\n");
        add_process(&w, FIRST);
        tick(&w);
        assert_int_equal(count(&w, REPORT_HEADROOM, &got), 1);
        assert_int_equal(got.seat, 0);
        assert_int_equal(got.headroom.kind, LIMIT_MACHINE);
        assert_int_equal(got.headroom.room_bytes, 600000 * 1024);
        /* Nothing new: nothing said, though the detail is read again. */
        w.s.now_ms += 1000;
        sampler_read_details(&w.s, soon(), true);
        tick(&w);
        assert_int_equal(count(&w, REPORT_HEADROOM, &got), 0);
        proc_tree_write_text(w.t, "meminfo", "MemTotal: 1000000 kB\nMemAvailable: 580000 kB\n");
        w.s.now_ms += 2000;
        sampler_read_details(&w.s, soon(), true);
        tick(&w);
        assert_int_equal(count(&w, REPORT_HEADROOM, &got), 1);
        assert_int_equal(got.headroom.room_bytes, 580000 * 1024);
        end(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(answers_come_with_the_next_round),
                cmocka_unit_test(requests_come_in_pieces),
                cmocka_unit_test(seats_that_cannot_be_are_not_answered),
                cmocka_unit_test(what_cannot_be_read_is_said_to_be),
                cmocka_unit_test(there_has_to_be_time),
                cmocka_unit_test(who_has_left_is_not_answered),
                cmocka_unit_test(headroom_comes_with_details),
        };

        return cmocka_run_group_tests_name("exact", tests, NULL, NULL);
}
