/* Cursors come back as they were given, and no other text is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "api/cursor.h"

static const uint64_t values[3] = { 12345, UINT64_MAX, 0 };

static void it_comes_back(void **state)
{
        char text[CURSOR_SIZE];
        uint64_t back[3];

        (void)state;
        cursor_format(values, 77, text);
        assert_int_equal(strspn(text, "0123456789abcdef-"), strlen(text));
        assert_true(cursor_parse(text, 77, back));
        assert_memory_equal(back, values, sizeof values);
}

static void another_listing_refuses_it(void **state)
{
        char text[CURSOR_SIZE];
        uint64_t back[3];

        (void)state;
        cursor_format(values, 77, text);
        assert_false(cursor_parse(text, 78, back));
}

static void made_up_text_is_refused(void **state)
{
        char text[CURSOR_SIZE], changed[CURSOR_SIZE + 1];
        uint64_t back[3];

        (void)state;
        cursor_format(values, 77, text);
        for (size_t i = 0; i < strlen(text); i++) {
                strcpy(changed, text);
                changed[i] = changed[i] == '1' ? '2' : '1';
                assert_false(cursor_parse(changed, 77, back));
                strcpy(changed, text);
                changed[i] = '\0';
                assert_false(cursor_parse(changed, 77, back));
        }
        strcpy(changed, "0");
        strcat(changed, text);
        assert_false(cursor_parse(changed, 77, back));
        assert_false(cursor_parse("", 77, back));
        assert_false(cursor_parse("1-2-3", 77, back));
        assert_false(cursor_parse("----", 77, back));
        assert_false(cursor_parse("11111111111111111-2-3-4", 77, back));
}

static void listings_differ_by_whatever_is_asked(void **state)
{
        (void)state;
        assert_true(listing_add_text(LISTING_NONE, NULL) != listing_add_text(LISTING_NONE, ""));
        assert_true(listing_add_text(listing_add_text(LISTING_NONE, "ab"), "c") !=
                    listing_add_text(listing_add_text(LISTING_NONE, "a"), "bc"));
        assert_true(listing_add_int(LISTING_NONE, 1) != listing_add_int(LISTING_NONE, 2));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_comes_back),
                cmocka_unit_test(another_listing_refuses_it),
                cmocka_unit_test(made_up_text_is_refused),
                cmocka_unit_test(listings_differ_by_whatever_is_asked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
