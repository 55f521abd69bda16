/* What a look says of itself. */
#include "model/look.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000)

static struct look at_hours(size_t n_past, const int64_t *hours, int64_t now)
{
        struct look look;

        look_init(&look);
        look.at_ms = now * HOUR;
        look.n_past = n_past;
        for (size_t i = 0; i < n_past; i++)
                look.past[i].at_ms = hours[i] * HOUR;
        return look;
}

static void nothing_is_known_at_first(void **state)
{
        struct look look;

        (void)state;
        memset(&look, 0x55, sizeof look);
        look_init(&look);
        assert_true(look.complete);
        assert_int_equal(look.cpu_us, -1);
        assert_int_equal(look.tracked_objects, -1);
        assert_int_equal(look.gc.enabled, -1);
        assert_int_equal(look.memory.large_bytes, -1);
        assert_int_equal(look.cuts.own_bytes, -1);
        assert_int_equal(look.cuts.length, -1);
        assert_int_equal(look.past[LOOK_PAST - 1].memory.arenas, -1);
        assert_int_equal(look.past[LOOK_PAST - 1].gc.frozen, -1);
        assert_int_equal(look.n_libraries, 0);
        look_done(&look);
}

static void a_missing_part_has_its_reason(void **state)
{
        struct look look;

        (void)state;
        look_init(&look);
        assert_null(look_missing(&look, "types"));
        assert_int_equal(look_miss(&look, "types", "the interpreter is free-threaded"), 0);
        assert_false(look.complete);
        assert_string_equal(look_missing(&look, "types"), "the interpreter is free-threaded");
        assert_null(look_missing(&look, "containers"));
        look_done(&look);
        assert_null(look_missing(&look, "types"));
}

static void steady_growth_has_exactly_its_rate(void **state)
{
        struct look look = at_hours(4, (const int64_t[]){ 1, 2, 5, 9 }, 10);

        (void)state;
        assert_true(look_rate(&look, (const int64_t[LOOK_PAST]){ 100, 200, 500, 900 }, 1000) == 100);
        assert_true(look_rate(&look, (const int64_t[LOOK_PAST]){ 1000, 900, 600, 200 }, 100) == -100);
        assert_true(look_rate(&look, (const int64_t[LOOK_PAST]){ 7, 7, 7, 7 }, 7) == 0);
}

static void growth_is_told_since_the_first_look_that_knew_it(void **state)
{
        struct look look = at_hours(3, (const int64_t[]){ 0, 1, 2 }, 3);
        const int64_t late[LOOK_PAST] = { -1, 10, 20 }, newest[LOOK_PAST] = { -1, -1, 5 }, never[LOOK_PAST] = { -1, -1, -1 };

        (void)state;
        assert_int_equal(look_since(&look, late), 1);
        assert_true(look_rate(&look, late, 30) == 10);
        assert_int_equal(look_since(&look, newest), 2);
        assert_true(look_rate(&look, newest, 30) == 25);
        assert_int_equal(look_since(&look, never), -1);
        assert_true(isnan(look_rate(&look, never, 30)));
        assert_true(isnan(look_rate(&look, late, -1)));
        look.n_past = 0;
        assert_int_equal(look_since(&look, late), -1);
}

static void a_peak_is_not_growth(void **state)
{
        struct look look = at_hours(3, (const int64_t[]){ 0, 1, 2 }, 4);

        (void)state;
        /* up only now: what it was before counts */
        assert_true(look_rate(&look, (const int64_t[LOOK_PAST]){ 100, 100, 100 }, 100000) == 0);
        /* up before, down now */
        assert_true(look_rate(&look, (const int64_t[LOOK_PAST]){ 100, 100, 100000 }, 100) == 0);
        /* not known at the look before: the one before that */
        assert_true(look_rate(&look, (const int64_t[LOOK_PAST]){ 100, 120, -1 }, 100000) == 20);
}

static void times_that_do_not_rise_give_no_rate(void **state)
{
        struct look look = at_hours(1, (const int64_t[]){ 5 }, 5);

        (void)state;
        assert_true(isnan(look_rate(&look, (const int64_t[LOOK_PAST]){ 1 }, 9)));
}

static void a_dot_makes_a_type_ones_own(void **state)
{
        (void)state;
        assert_true(look_is_own(&(struct look_type){ .name = (char[]){ "shop.Order" } }));
        assert_false(look_is_own(&(struct look_type){ .name = (char[]){ "dict" } }));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_known_at_first),
                cmocka_unit_test(a_missing_part_has_its_reason),
                cmocka_unit_test(steady_growth_has_exactly_its_rate),
                cmocka_unit_test(growth_is_told_since_the_first_look_that_knew_it),
                cmocka_unit_test(a_peak_is_not_growth),
                cmocka_unit_test(times_that_do_not_rise_give_no_rate),
                cmocka_unit_test(a_dot_makes_a_type_ones_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
