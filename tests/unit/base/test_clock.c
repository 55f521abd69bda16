/* A timeline that runs forward only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

enum { START = 1000000, HOUR = 3600000 };

static void it_follows_a_clock_that_runs_well(void **state)
{
        struct timeline t = {};

        (void)state;
        for (int64_t s = 0; s < 100; s++)
                assert_int_equal(timeline_next(&t, START + s * 1000, 500 + s * 1000), START + s * 1000);
        assert_int_equal(t.jumped_ms, 0);
}

static void it_follows_a_jump_forward_at_once(void **state)
{
        struct timeline t = {};

        (void)state;
        timeline_next(&t, START, 1000);
        assert_int_equal(timeline_next(&t, START + HOUR, 2000), START + HOUR);
        assert_int_equal(t.jumped_ms, 2000);
}

static void it_never_goes_back_and_is_caught_up_with(void **state)
{
        struct timeline t = {};
        int64_t wall = START + HOUR, boot = 1000, last = timeline_next(&t, wall, boot), rounds = 0;

        (void)state;
        wall -= 600000;
        do {
                int64_t next;

                wall += 1000;
                boot += 1000;
                next = timeline_next(&t, wall, boot);
                assert_true(next > last);
                assert_true(next - last <= 1000);
                last = next;
                assert_true(++rounds < 10000);
        } while (last != wall);
        /* Ten minutes at an eighth of the speed. */
        assert_true(rounds >= 4790 && rounds <= 4810);
        assert_int_equal(t.jumped_ms, 2000);
        assert_int_equal(timeline_next(&t, wall + 1000, boot + 1000), wall + 1000);
}

static void it_goes_on_from_what_is_stored(void **state)
{
        struct timeline t = { .wall_ms = START };

        (void)state;
        assert_int_equal(timeline_next(&t, START - HOUR, 1000), START + 1);
        assert_true(timeline_next(&t, START - HOUR + 1000, 2000) > START + 1);
}

static void equal_times_still_rise(void **state)
{
        struct timeline t = {};

        (void)state;
        assert_int_equal(timeline_next(&t, START, 1000), START);
        assert_int_equal(timeline_next(&t, START, 1000), START + 1);
        assert_int_equal(timeline_next(&t, START, 1000), START + 2);
}

static void clocks_are_in_their_units(void **state)
{
        (void)state;
        assert_true(clock_wall_ms() > INT64_C(1600000000000));
        assert_true(clock_mono_ns() > 0);
        assert_true(clock_boot_ms() >= clock_mono_ns() / 1000000 - 1);
        assert_true(clock_cpu_ns() > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_follows_a_clock_that_runs_well),
                cmocka_unit_test(it_follows_a_jump_forward_at_once),
                cmocka_unit_test(it_never_goes_back_and_is_caught_up_with),
                cmocka_unit_test(it_goes_on_from_what_is_stored),
                cmocka_unit_test(equal_times_still_rise),
                cmocka_unit_test(clocks_are_in_their_units),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
