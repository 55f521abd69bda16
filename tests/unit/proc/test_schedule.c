/* When what is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sampler/schedule.h"
#include "sampler/strangers.h"
#include "sampler/table.h"

enum { S = 1000000000 };

static void ticks_are_multiples_of_the_interval(void **state)
{
        uint32_t skipped = 0;

        (void)state;
        assert_int_equal(schedule_next(10LL * S, 10LL * S + 5, S, false, &skipped), 11LL * S);
        assert_int_equal(skipped, 0);
        assert_int_equal(schedule_next(10LL * S, 11LL * S, S, false, &skipped), 12LL * S);
        assert_int_equal(skipped, 1);
        skipped = 0;
        assert_int_equal(schedule_next(10LL * S, 14LL * S + 5, S, false, &skipped), 15LL * S);
        assert_int_equal(skipped, 4);
}

static void the_second_tick_is_not_right_behind_the_first(void **state)
{
        (void)state;
        for (int64_t due = 0; due < 3LL * S; due += S / 10) {
                uint32_t skipped = 0;
                int64_t next = schedule_next(due, due + 1, S, true, &skipped);

                assert_int_equal(next % S, 0);
                assert_true(next - due >= S / 2 && next - due <= S + S / 2);
                assert_int_equal(skipped, 0);
        }
}

static void each_seat_is_due_once_in_a_detail_interval(void **state)
{
        struct rotation r = { .interval_ms = 60000 };
        uint32_t visits[100] = {}, most = 0;

        (void)state;
        for (int64_t now = 1000; now <= 601000; now += 1000) {
                uint32_t n = 0;
                int64_t seat;

                rotation_advance(&r, 100, now);
                for (; (seat = rotation_take(&r, 100)) >= 0; n++)
                        visits[seat]++;
                most = n > most ? n : most;
        }
        for (int i = 0; i < 100; i++)
                assert_in_range(visits[i], 9, 11);
        assert_true(most <= 2);
        rotation_advance(&r, 100, 601000 + 3600 * 1000);
        assert_true(r.due <= 100);
        assert_int_equal(rotation_take(&r, 0), -1);
}

static void rollups_keep_below_their_part_of_a_core(void **state)
{
        struct allowance a;
        int64_t spent = 0;

        (void)state;
        allowance_init(&a, 60000, 1);
        for (int64_t now = 1; now < 600000; now += 100) {
                const struct rollup_case c = { .rss_bytes = 1 << 20 };

                allowance_refill(&a, now);
                for (int i = 0; i < 10; i++)
                        if (allowance_grants(&a, &c, now)) {
                                allowance_spend(&a, 11 * 1000 * 1000);
                                spent += 11 * 1000 * 1000;
                        }
        }
        /* 600 s: 3 s of 0.5 %, and the bucket that was full at first */
        assert_in_range(spent, 2900LL * 1000 * 1000, 3400LL * 1000 * 1000);
}

static void dear_and_huge_processes_are_read_rarely_or_never(void **state)
{
        struct rollup_case c = { .rss_bytes = ROLLUP_MOST_BYTES + 1 };
        struct allowance a;

        (void)state;
        allowance_init(&a, 60000, 1);
        assert_false(allowance_grants(&a, &c, 1000));
        c = (struct rollup_case){ .rss_bytes = 1 << 30, .cost_ns = 11 * 1000 * 1000, .read_ms = 1000, .visits = 1 };
        assert_false(allowance_grants(&a, &c, 20000));
        assert_true(allowance_grants(&a, &c, 24000));
}

static void many_processes_take_turns(void **state)
{
        struct allowance a;
        uint32_t granted = 0;

        (void)state;
        allowance_init(&a, 60000, 1);
        for (uint32_t visit = 0; visit < 400; visit++) {
                struct rollup_case c = { .rss_bytes = 1 << 20, .cost_ns = 200000, .read_ms = -100000 };

                allowance_grants(&a, &c, 1000);
        }
        allowance_round(&a, 20 * 1000 * 1000); /* 80 ms wanted */
        assert_int_equal(a.every, 4);
        for (uint32_t visit = 0; visit < 400; visit++) {
                struct rollup_case c = { .rss_bytes = 1 << 20, .cost_ns = 200000, .read_ms = -100000, .visits = visit };

                granted += allowance_grants(&a, &c, 1000);
        }
        assert_int_equal(granted, 100);
        allowance_round(&a, 0);
        assert_int_equal(a.every, 1);
}

static void strangers_are_looked_at_less_and_less(void **state)
{
        struct strangers s = {};
        uint32_t looks = 0, maps = 0;

        (void)state;
        strangers_add(&s, 7, 0, 0);
        for (int64_t now = 0; now <= 3600 * 1000; now += 1000) {
                struct stranger *one;
                uint32_t at = 0;

                while ((one = strangers_next(&s, &at, now))) {
                        looks++;
                        if (stranger_wants_maps(one, now)) {
                                stranger_maps_looked(one, now, 0);
                                maps++;
                        }
                        strangers_looked(&s, one, now, 1000);
                }
        }
        assert_in_range(looks, 60, 90);
        assert_in_range(maps, 4, 5);
        stranger_maps_looked(&s.list[0], 4000000, -4000000); /* it was there long before us */
        assert_false(stranger_wants_maps(&s.list[0], 7599999));
        assert_true(stranger_wants_maps(&s.list[0], 7600000));
        strangers_remove(&s, 7);
        assert_int_equal(s.n, 0);
        strangers_done(&s);
}

static void strangers_are_bounded_and_found_again(void **state)
{
        struct strangers s = {};
        struct stranger *one;
        uint32_t at = 0, n = 0;

        (void)state;
        for (int32_t pid = 1; pid <= STRANGERS_MAX + 100; pid++)
                strangers_add(&s, pid, 0, pid % 2 ? 10 : 1000000);
        assert_int_equal(s.n, STRANGERS_MAX);
        while ((one = strangers_next(&s, &at, 10))) {
                assert_int_equal(one->pid % 2, 1);
                strangers_remove(&s, one->pid);
                n++;
        }
        assert_int_equal(n, STRANGERS_MAX / 2);
        assert_true(strangers_has(&s, 2));
        assert_false(strangers_has(&s, 3));
        at = 0;
        assert_null(strangers_next(&s, &at, 999999));
        assert_non_null(strangers_next(&s, &at, 1000000));
        strangers_done(&s);
}

static void pids_lead_to_their_numbers(void **state)
{
        struct pidmap m = {};

        (void)state;
        assert_int_equal(pidmap_get(&m, 1), PIDMAP_NONE);
        pidmap_remove(&m, 1);
        for (int32_t pid = 1; pid <= 5000; pid++)
                assert_int_equal(pidmap_set(&m, pid * 7, (uint32_t)pid), 0);
        for (int32_t pid = 1; pid <= 5000; pid += 2)
                pidmap_remove(&m, pid * 7);
        for (int32_t pid = 1; pid <= 5000; pid++)
                assert_int_equal(pidmap_get(&m, pid * 7), pid % 2 ? PIDMAP_NONE : (uint32_t)pid);
        assert_int_equal(m.n, 2500);
        pidmap_done(&m);
}

static void a_seat_is_not_reused_in_the_same_tick(void **state)
{
        struct identity_extra who = { .id = { .pid = 10 }, .statm_fd = -1 };
        struct identity identity = { .application = (char *)"shop" };
        struct table t = {};

        (void)state;
        assert_int_equal(table_take(&t, &who, lineage_new(&identity)), 0);
        who.id.pid = 11;
        assert_int_equal(table_take(&t, &who, lineage_ref(t.seats[0].lineage)), 1);
        table_leave(&t, 0);
        assert_int_equal(table_find(&t, 10), PIDMAP_NONE);
        who.id.pid = 12;
        assert_int_equal(table_take(&t, &who, lineage_new(&identity)), 2);
        table_settle(&t);
        who.id.pid = 13;
        assert_int_equal(table_take(&t, &who, lineage_new(&identity)), 0);
        assert_int_equal(t.used, 3);
        table_leave(&t, 1);
        table_leave(&t, 2);
        table_settle(&t);
        assert_int_equal(t.n, 1);
        for (int32_t pid = 100; pid < 400; pid++) {
                who.id.pid = pid;
                assert_true(table_take(&t, &who, lineage_new(&identity)) > 0);
        }
        assert_int_equal(table_find(&t, 399), 300);
        table_done(&t);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ticks_are_multiples_of_the_interval),
                cmocka_unit_test(the_second_tick_is_not_right_behind_the_first),
                cmocka_unit_test(each_seat_is_due_once_in_a_detail_interval),
                cmocka_unit_test(rollups_keep_below_their_part_of_a_core),
                cmocka_unit_test(dear_and_huge_processes_are_read_rarely_or_never),
                cmocka_unit_test(many_processes_take_turns),
                cmocka_unit_test(strangers_are_looked_at_less_and_less),
                cmocka_unit_test(strangers_are_bounded_and_found_again),
                cmocka_unit_test(pids_lead_to_their_numbers),
                cmocka_unit_test(a_seat_is_not_reused_in_the_same_tick),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
