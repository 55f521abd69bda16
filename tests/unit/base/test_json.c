/* JSON: its layout, its numbers, its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/cleanup.h"

static void assert_text(struct buffer *b, const char *want)
{
        buffer_add_char(b, '\0');
        assert_string_equal(b->data, want);
        buffer_done(b);
}

static void a_list_stands_one_element_a_line(void **state)
{
        struct buffer b = {};
        struct json j = json_begin(&b, false);

        (void)state;
        json_open(&j, '{');
        json_add_key(&j, "n");
        json_add_int(&j, -5);
        json_add_key(&j, "list");
        json_open_list(&j);
        for (int i = 0; i < 2; i++) {
                json_open(&j, '{');
                json_add_key(&j, "pid");
                json_add_int(&j, 4242);
                json_add_key(&j, "args");
                json_open(&j, '[');
                json_add_text(&j, "a");
                json_add_text(&j, "b");
                json_close(&j, ']');
                json_close(&j, '}');
        }
        json_close(&j, ']');
        json_add_key(&j, "next");
        json_add_null(&j);
        json_close(&j, '}');
        json_end(&j);
        assert_text(&b, "{\n  \"n\": -5,\n  \"list\": [\n    {\"pid\": 4242, \"args\": [\"a\", \"b\"]},\n"
                        "    {\"pid\": 4242, \"args\": [\"a\", \"b\"]}\n  ],\n  \"next\": null\n}\n");
}

static void an_empty_list_stays_on_its_line(void **state)
{
        struct buffer b = {};
        struct json j = json_begin(&b, false);

        (void)state;
        json_open(&j, '{');
        json_add_key(&j, "list");
        json_open_list(&j);
        json_close(&j, ']');
        json_close(&j, '}');
        json_end(&j);
        assert_text(&b, "{\n  \"list\": []\n}\n");
}

static void an_object_goes_on_where_another_hand_began_it(void **state)
{
        struct buffer b = {};
        struct json j = json_resume(&b);

        (void)state;
        json_add_key(&j, "x");
        json_add_bool(&j, true);
        json_close(&j, '}');
        json_end(&j);
        assert_text(&b, ",\n  \"x\": true\n}\n");
}

static void numbers_are_the_shortest_that_read_back(void **state)
{
        struct buffer b = {};
        struct json j = json_begin(&b, true);

        (void)state;
        json_open(&j, '[');
        json_add_double(&j, 0.1);
        json_add_double(&j, 10485760);
        json_add_double(&j, 1.0 / 3);
        json_add_double(&j, (double)NAN);
        json_add_double(&j, (double)INFINITY);
        json_add_milli(&j, 12400);
        json_add_milli(&j, 12000);
        json_add_milli(&j, 7);
        json_add_milli(&j, -1);
        json_add_known(&j, -1);
        json_add_known(&j, 0);
        json_add_int(&j, INT64_MIN);
        json_add_time(&j, 1);
        json_add_time(&j, -1);
        json_close(&j, ']');
        json_end(&j);
        assert_text(&b, "[0.1, 10485760, 0.3333333333333333, null, null, 12.4, 12.0, 0.007, null, null, 0, "
                        "-9223372036854775808, \"1970-01-01T00:00:00.001Z\", null]");
}

static void text_is_escaped_and_comes_back(void **state)
{
        static const char hostile[] = "a\"b\\c\n\x01\x7f\xc3\xa9\xf0\x9f\x90\x8d</script>\xe2\x80\xa8";
        struct buffer b = {}, back = {};

        (void)state;
        json_escape(&b, hostile);
        buffer_add_char(&b, '\0');
        assert_null(strchr(b.data, '\n'));
        assert_null(strchr(b.data, '\x01'));
        json_unescape(b.data, &back);
        assert_text(&back, hostile);
        buffer_done(&b);
}

static void text_that_is_not_utf_8_is_mended(void **state)
{
        struct buffer b = {};

        (void)state;
        json_escape(&b, "a\xff"
                        "b");
        assert_text(&b, "\"a\xef\xbf\xbd"
                        "b\"");
}

static void a_list_of_text_comes_back_joined(void **state)
{
        struct buffer b = {};

        (void)state;
        json_unescape("[\"python3\", \"-m\", \"x, \\\"y\", \"\"], \"more\": \"no\"", &b);
        assert_text(&b, "python3 -m x, \"y ");
        json_unescape("null", &b);
        assert_text(&b, "");
        json_unescape("[]", &b);
        assert_text(&b, "");
        json_unescape("\"cut\\", &b);
        assert_int_equal(b.size >= 3, 1);
        buffer_done(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_list_stands_one_element_a_line),
                cmocka_unit_test(an_empty_list_stays_on_its_line),
                cmocka_unit_test(an_object_goes_on_where_another_hand_began_it),
                cmocka_unit_test(numbers_are_the_shortest_that_read_back),
                cmocka_unit_test(text_is_escaped_and_comes_back),
                cmocka_unit_test(text_that_is_not_utf_8_is_mended),
                cmocka_unit_test(a_list_of_text_comes_back_joined),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
