/* A growable run of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"

static void what_is_added_stands_in_order(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};
        size_t size;
        char *text;

        (void)state;
        buffer_add_text(&b, "a");
        buffer_add_char(&b, 'b');
        buffer_add(&b, "\0c", 2);
        buffer_add_int(&b, 0);
        buffer_add_int(&b, -42);
        buffer_format(&b, "%s=%d", "x", 7);
        text = buffer_take(&b, &size);
        assert_int_equal(size, 11);
        assert_memory_equal(text, "ab\0c0-42x=7", 12);
        assert_null(b.data);
        free(text);
}

static void integers_reach_both_ends(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};

        (void)state;
        buffer_add_int(&b, INT64_MAX);
        buffer_add_char(&b, ' ');
        buffer_add_int(&b, INT64_MIN);
        buffer_add(&b, "", 1);
        assert_string_equal(b.data, "9223372036854775807 -9223372036854775808");
}

static void it_grows(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};

        (void)state;
        for (int i = 0; i < 100000; i++)
                buffer_add_char(&b, (char)('a' + i % 26));
        assert_false(b.failed);
        assert_int_equal(b.size, 100000);
        for (int i = 0; i < 100000; i++)
                assert_int_equal(b.data[i], 'a' + i % 26);
}

static void too_much_is_remembered_as_a_failure(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};

        (void)state;
        buffer_add_text(&b, "kept");
        assert_false(buffer_reserve(&b, SIZE_MAX / 2));
        buffer_add_text(&b, "lost");
        assert_true(b.failed);
        assert_int_equal(b.size, 4);
        assert_null(buffer_take(&b, NULL));
        assert_false(b.failed);
}

static void the_front_can_be_dropped(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};

        (void)state;
        buffer_add_text(&b, "abcdef");
        buffer_drop(&b, 2);
        assert_int_equal(b.size, 4);
        assert_memory_equal(b.data, "cdef", 4);
        buffer_drop(&b, 100);
        assert_int_equal(b.size, 0);
}

static void clearing_keeps_the_memory(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};
        char *data;

        (void)state;
        buffer_add_text(&b, "abc");
        data = b.data;
        buffer_clear(&b);
        buffer_add_text(&b, "d");
        assert_ptr_equal(b.data, data);
        assert_int_equal(b.size, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_added_stands_in_order),
                cmocka_unit_test(integers_reach_both_ends),
                cmocka_unit_test(it_grows),
                cmocka_unit_test(too_much_is_remembered_as_a_failure),
                cmocka_unit_test(the_front_can_be_dropped),
                cmocka_unit_test(clearing_keeps_the_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
