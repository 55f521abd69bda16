/* The order of a listing is total, unknown comes last either way, and a page goes on where the one before ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/listing.h"

static void assert_order(const struct item *items, size_t n, const uint32_t *want)
{
        for (size_t i = 0; i < n; i++)
                assert_int_equal(items[i].number, want[i]);
}

static void nulls_come_last_in_either_direction(void **state)
{
        struct item items[] = {
                { .key = KEY_NULL, .pid = 1, .number = 1 },
                { .key = 5, .pid = 2, .number = 2 },
                { .key = 9, .pid = 3, .number = 3 },
                { .key = -7, .pid = 4, .number = 4 }, /* what shrinks is known to */
        };

        (void)state;
        listing_sort(items, 4, false);
        assert_order(items, 4, (uint32_t[]){ 4, 2, 3, 1 });
        listing_sort(items, 4, true);
        assert_order(items, 4, (uint32_t[]){ 3, 2, 4, 1 });
}

static void a_figure_that_is_not_known_is_null(void **state)
{
        (void)state;
        assert_int_equal(listing_known_key(0), 0);
        assert_true(listing_known_key(-1) == KEY_NULL);
}

static void equals_go_by_pid_then_start_then_number(void **state)
{
        struct item items[] = {
                { .key = 5, .pid = 2, .start_ticks = 1, .number = 9 },
                { .key = 5, .pid = 1, .start_ticks = 7, .number = 8 },
                { .key = 5, .pid = 1, .start_ticks = 7, .number = 3 },
                { .key = 5, .pid = 1, .start_ticks = 2, .number = 10 },
        };

        (void)state;
        listing_sort(items, 4, true);
        assert_order(items, 4, (uint32_t[]){ 10, 3, 8, 9 });
}

static void names_sort_as_text(void **state)
{
        struct item items[] = {
                { .text = "uwsgi: b", .number = 1 },
                { .text = "celery: a", .number = 2 },
                { .text = "", .number = 3 },
        };

        (void)state;
        listing_sort(items, 3, false);
        assert_order(items, 3, (uint32_t[]){ 3, 2, 1 });
        listing_sort(items, 3, true);
        assert_order(items, 3, (uint32_t[]){ 1, 2, 3 });
}

static void a_page_begins_behind_the_last_item(void **state)
{
        const struct item items[] = { { .number = 7 }, { .number = 3 }, { .number = 5 } };

        (void)state;
        assert_int_equal(listing_after(items, 3, 7), 1);
        assert_int_equal(listing_after(items, 3, 5), 3);
        assert_int_equal(listing_after(items, 3, 4), 4);
        assert_int_equal(listing_after(NULL, 0, 4), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nulls_come_last_in_either_direction),
                cmocka_unit_test(a_figure_that_is_not_known_is_null),
                cmocka_unit_test(equals_go_by_pid_then_start_then_number),
                cmocka_unit_test(names_sort_as_text),
                cmocka_unit_test(a_page_begins_behind_the_last_item),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
