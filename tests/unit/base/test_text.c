/* Text that came from somewhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define R "\xef\xbf\xbd" /* U+FFFD */

static void assert_cleaned(const char *bytes, size_t size, const char *expected)
{
        char text[256];

        assert_int_equal(text_clean(bytes, size, text, sizeof text), strlen(expected));
        assert_string_equal(text, expected);
}
#define ASSERT_CLEANED(bytes, expected) assert_cleaned("" bytes, sizeof bytes - 1, expected)

static void good_text_stays(void **state)
{
        (void)state;
        ASSERT_CLEANED("", "");
        ASSERT_CLEANED("flask: shop", "flask: shop");
        ASSERT_CLEANED("Bücher €5 \U0001f40d", "Bücher €5 \U0001f40d");
        ASSERT_CLEANED("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

static void controls_are_shown(void **state)
{
        (void)state;
        ASSERT_CLEANED("a\nb\tc\x1b[31m\x7f", "a" R "b" R "c" R "[31m" R);
        ASSERT_CLEANED("a\0b", "a" R "b");
        ASSERT_CLEANED("a\xc2\x9b" "31m\xc2\xa0", "a" R "31m\xc2\xa0");
}

static void broken_bytes_are_shown_one_each(void **state)
{
        (void)state;
        ASSERT_CLEANED("\xff", R);
        ASSERT_CLEANED("\x80\xbf", R R);
        ASSERT_CLEANED("a\xe2\x82", "a" R R);
        ASSERT_CLEANED("\xe2\x82z", R R "z");
        ASSERT_CLEANED("\xc3(", R "(");
}

static void overlong_forms_and_surrogates_are_broken(void **state)
{
        (void)state;
        ASSERT_CLEANED("\xc0\xaf", R R);
        ASSERT_CLEANED("\xc1\xbf", R R);
        ASSERT_CLEANED("\xe0\x80\xaf", R R R);
        ASSERT_CLEANED("\xf0\x80\x80\xaf", R R R R);
        ASSERT_CLEANED("\xed\xa0\x80", R R R);
        ASSERT_CLEANED("\xed\xbf\xbf", R R R);
        ASSERT_CLEANED("\xf4\x90\x80\x80", R R R R);
        ASSERT_CLEANED("\xf8\x88\x80\x80\x80", R R R R R);
}

static void text_is_cut_between_characters(void **state)
{
        char text[6];

        (void)state;
        assert_int_equal(text_clean("ab\xe2\x82\xac", 5, text, 6), 5);
        assert_int_equal(text_clean("ab\xe2\x82\xac", 5, text, 5), 2);
        assert_string_equal(text, "ab");
        assert_int_equal(text_clean("\n\n", 2, text, 5), 3);
        assert_string_equal(text, R);
        assert_int_equal(text_clean("abc", 3, text, 1), 0);
        assert_string_equal(text, "");
}

static void to_utf8_keeps_controls(void **state)
{
        size_t size;
        char *text = text_to_utf8("a\n\0\xff\x1b", 5, &size);

        (void)state;
        assert_string_equal(text, "a\n" R R "\x1b");
        assert_int_equal(size, strlen(text));
        free(text);
        text = text_to_utf8("", 0, NULL);
        assert_string_equal(text, "");
        free(text);
}

static void every_character_comes_back(void **state)
{
        (void)state;
        for (uint32_t c = 0; c <= 0x110000; c++) {
                bool is_character = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
                char utf8[4];
                size_t size = text_put(c, utf8), at = 0;

                assert_int_equal(text_next(utf8, size, &at), is_character ? c : 0xfffd);
                assert_int_equal(at, size);
        }
}

static void any_bytes_become_text(void **state)
{
        unsigned seed = 1;

        (void)state;
        for (int round = 0; round < 20000; round++) {
                char bytes[12], text[40], again[40];
                size_t room = (size_t)round % sizeof text + 1, size;

                for (size_t i = 0; i < sizeof bytes; i++) {
                        seed = seed * 1103515245 + 12345;
                        bytes[i] = (char)(seed >> 16);
                }
                size = text_clean(bytes, sizeof bytes, text, room < sizeof text ? room : sizeof text);
                assert_int_equal(size, strlen(text));
                assert_int_equal(text_clean(text, size, again, sizeof again), size);
                assert_string_equal(text, again);
        }
}

static void widths_are_those_of_a_terminal(void **state)
{
        (void)state;
        assert_int_equal(text_width('a'), 1);
        assert_int_equal(text_width(0xfc), 1);
        assert_int_equal(text_width(0xfffd), 1);
        assert_int_equal(text_width(0x2588), 1);  /* full block */
        assert_int_equal(text_width(0x28ff), 1);  /* braille */
        assert_int_equal(text_width(0x301), 0);   /* combining acute */
        assert_int_equal(text_width(0x200b), 0);  /* zero width space */
        assert_int_equal(text_width(0x6f22), 2);  /* a Chinese character */
        assert_int_equal(text_width(0xff21), 2);  /* full-width A */
        assert_int_equal(text_width(0x1f40d), 2); /* a snake */
        assert_int_equal(text_width(0x1b), 0);
        assert_int_equal(text_width(0x10ffff), 1);
}

static void starts_and_ends(void **state)
{
        (void)state;
        assert_true(text_starts("pypy3", "pypy"));
        assert_false(text_starts("py", "pypy"));
        assert_true(text_ends("x (deleted)", " (deleted)"));
        assert_false(text_ends("d", "(deleted)"));
        assert_true(text_ends("", ""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_text_stays),
                cmocka_unit_test(controls_are_shown),
                cmocka_unit_test(broken_bytes_are_shown_one_each),
                cmocka_unit_test(overlong_forms_and_surrogates_are_broken),
                cmocka_unit_test(text_is_cut_between_characters),
                cmocka_unit_test(to_utf8_keeps_controls),
                cmocka_unit_test(every_character_comes_back),
                cmocka_unit_test(any_bytes_become_text),
                cmocka_unit_test(widths_are_those_of_a_terminal),
                cmocka_unit_test(starts_and_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
