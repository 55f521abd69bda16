/* A command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/process.h"
#include "proc/cmdline.h"
#include "proc/pattern.h"

#define R "\xef\xbf\xbd" /* U+FFFD */

static void assert_args(const char *bytes, size_t size, const char *const *expected)
{
        struct cmdline c;
        size_t n = 0;

        assert_int_equal(cmdline_parse(bytes, size, false, &c), 0);
        for (; expected[n]; n++) {
                assert_true(n < c.n);
                assert_string_equal(c.args[n], expected[n]);
        }
        assert_int_equal(c.n, n);
        assert_null(c.args[n]);
        cmdline_done(&c);
}
#define ASSERT_ARGS(bytes, ...) assert_args("" bytes, sizeof bytes - 1, (const char *const[]){ __VA_ARGS__ })

static void arguments_are_told_apart(void **state)
{
        (void)state;
        ASSERT_ARGS("python3\0-m\0flask\0", "python3", "-m", "flask", NULL);
        ASSERT_ARGS("python3\0\0x\0", "python3", "", "x", NULL);
        ASSERT_ARGS("python3\0\0", "python3", "", NULL);
        ASSERT_ARGS("a\n\x1b[31m\0b\xff\0", "a\n\x1b[31m", "b" R, NULL);
}

static void titles_lose_their_padding(void **state)
{
        (void)state;
        ASSERT_ARGS("gunicorn: master [shop:app]", "gunicorn: master [shop:app]", NULL);
        ASSERT_ARGS("gunicorn: master [shop:app]\0\0\0\0\0\0\0\0", "gunicorn: master [shop:app]", NULL);
        ASSERT_ARGS("\0\0\0", NULL);
        ASSERT_ARGS("", NULL);
}

static void long_ones_end_at_a_whole_character(void **state)
{
        struct cmdline c;
        char *bytes = malloc(CMDLINE_KEPT);

        (void)state;
        memset(bytes, 'a', CMDLINE_KEPT);
        memcpy(bytes + CMDLINE_KEPT - 2, "\xe2\x82", 2); /* of a euro sign */
        assert_int_equal(cmdline_parse(bytes, CMDLINE_KEPT, true, &c), 0);
        assert_true(c.truncated);
        assert_int_equal(c.n, 1);
        assert_int_equal(strlen(c.args[0]), CMDLINE_KEPT - 2);
        cmdline_done(&c);
        free(bytes);
}

static void patterns_are_found_anywhere(void **state)
{
        char *const texts[] = { (char *)"shop", (char *)"^/opt/.*é$" };
        char *const bad[] = { (char *)"a", (char *)"(" };
        char *const slow[] = { (char *)"(a+)+$" };
        struct patterns *p;
        struct error err = {};

        (void)state;
        assert_int_equal(patterns_compile(texts, 2, &p, &err), 0);
        assert_true(patterns_match(p, "python3 -m shop.web"));
        assert_true(patterns_match(p, "/opt/café"));
        assert_false(patterns_match(p, "python3 /opt/x"));
        assert_null(patterns_free(p));
        assert_true(patterns_compile(bad, 2, &p, &err) < 0);
        assert_non_null(strstr(err.text, "'('"));
        assert_int_equal(patterns_compile(NULL, 0, &p, &err), 0);
        assert_null(p);
        assert_false(patterns_match(NULL, "x"));
        assert_int_equal(patterns_compile(slow, 1, &p, &err), 0);
        assert_false(patterns_match(p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"));
        patterns_free(p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(arguments_are_told_apart),
                cmocka_unit_test(titles_lose_their_padding),
                cmocka_unit_test(long_ones_end_at_a_whole_character),
                cmocka_unit_test(patterns_are_found_anywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
