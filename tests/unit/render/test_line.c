/* Foreign text on one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "render/line.h"

static void check(const char *text, int most, enum line_cut cut, bool utf8, const char *expected, int width)
{
        _cleanup_(buffer_done) struct buffer out = {};

        assert_int_equal(line_add(&out, text, most, cut, utf8), width);
        buffer_add_char(&out, '\0');
        assert_string_equal(out.data, expected);
}

static void text_that_fits_is_whole(void **state)
{
        (void)state;
        check("flask: shop", 0, LINE_CUT_MIDDLE, true, "flask: shop", 11);
        check("flask: shop", 11, LINE_CUT_MIDDLE, true, "flask: shop", 11);
        check("", 5, LINE_CUT_END, true, "", 0);
        check(NULL, 5, LINE_CUT_END, true, "", 0);
}

static void a_name_is_cut_in_the_middle(void **state)
{
        (void)state;
        check("abcdefghij", 9, LINE_CUT_MIDDLE, true, "abcd…ghij", 9);
        check("abcdefghij", 4, LINE_CUT_MIDDLE, true, "ab…j", 4);
        check("abcdefghij", 1, LINE_CUT_MIDDLE, true, "…", 1);
        check("abcdefghij", 4, LINE_CUT_MIDDLE, false, "ab~j", 4);
}

static void a_command_is_cut_at_its_end(void **state)
{
        (void)state;
        check("abcdefghij", 9, LINE_CUT_END, true, "abcdefgh…", 9);
        check("abcdefghij", 1, LINE_CUT_END, true, "…", 1);
}

static void wide_characters_take_two_columns(void **state)
{
        (void)state;
        check("漢字", 0, LINE_CUT_END, true, "漢字", 4);
        check("漢字漢字", 7, LINE_CUT_MIDDLE, true, "漢…字", 5);
        check("漢字漢字", 2, LINE_CUT_END, true, "…", 1);
}

static void controls_never_pass(void **state)
{
        (void)state;
        check("a\033[2Jb\n\r\t\177\xc2\x9b" "c", 0, LINE_CUT_END, true, "a�[2Jb�����c", 12);
        check("\xff\xc0\x80", 0, LINE_CUT_END, true, "���", 3);
        check("a\u202eb\u2066", 0, LINE_CUT_END, true, "a�b�", 4);
        check("a\033é", 0, LINE_CUT_END, false, "a??", 3);
}

static void marks_do_not_pile_up(void **state)
{
        (void)state;
        check("e\u0301\u0301\u0301\u0301\u0301\u0301x", 0, LINE_CUT_END, true, "e\u0301\u0301\u0301x", 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_that_fits_is_whole),
                cmocka_unit_test(a_name_is_cut_in_the_middle),
                cmocka_unit_test(a_command_is_cut_at_its_end),
                cmocka_unit_test(wide_characters_take_two_columns),
                cmocka_unit_test(controls_never_pass),
                cmocka_unit_test(marks_do_not_pile_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
