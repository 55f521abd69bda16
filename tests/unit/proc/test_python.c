/* Is it Python? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proc/python.h"

static void assert_python(const char *name, const char *version)
{
        char found[PYTHON_VERSION_SIZE];

        assert_true(python_by_name(name, found));
        assert_string_equal(found, version);
}

static void pythons_are_known_by_name(void **state)
{
        (void)state;
        assert_python("python", "");
        assert_python("python2", "");
        assert_python("python3", "");
        assert_python("/usr/bin/python3.11", "3.11");
        assert_python("/usr/bin/python3.11 (deleted)", "3.11");
        assert_python("python2.7", "2.7");
        assert_python("python3.13t", "3.13");
        assert_python("python3.12d", "3.12");
        assert_python("python3.13td", "3.13");
        assert_python("python3-dbg", "");
        assert_python("python3.11-dbg", "3.11");
        assert_python("pypy", "");
        assert_python("pypy3", "");
        assert_python("/opt/pypy3.9", "3.9");
        assert_python("pypy3.9-v7", "3.9");
}

static void others_are_not(void **state)
{
        static const char *const names[] = { "", "/", "bash", "ipython3", "python3.11-config", "pythonista",
                                             "python4", "python3.",
                                             "python-x", "pythont", "/srv/python3/app", "python3.11 (deletedx",
                                                     "Python" };
        char version[PYTHON_VERSION_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                assert_false(python_by_name(names[i], version));
}

static const char maps[] =
        "55d0c0000000-55d0c0001000 r--p 00000000 08:01 12 /usr/bin/uwsgi-core\n"
        "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
        "7f0000001000-7f0000002000 r-xp 00000000 08:01 13 /usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0\n"
        "7ffd00000000-7ffd00001000 rw-p 00000000 00:00 0 [stack]\n";

/* Feeds text in pieces of a size. */
static struct python_search search(const char *text, size_t piece)
{
        struct python_search s = {};
        size_t size = strlen(text);

        for (size_t at = 0; at < size; at += piece)
                python_search_feed(&s, text + at, size - at < piece ? size - at : piece);
        return s;
}

static void libpython_is_found_over_any_border(void **state)
{
        (void)state;
        for (size_t piece = 1; piece <= sizeof maps; piece++) {
                struct python_search s = search(maps, piece);

                assert_true(s.found);
                assert_string_equal(s.version, "3.11");
        }
}

static void only_a_library_of_that_name_counts(void **state)
{
        struct python_search s;

        (void)state;
        s = search("1-2 r 0 0 1 /home/libpython/x.so\n1-2 r 0 0 1 /a/libpython.txt\n"
                   "1-2 r 0 0 1 /a/notlibpython3.so\n", 7);
        assert_false(s.found);
        s = search("1-2 r 0 0 1 /usr/lib/libpypy3.9-c.so (deleted)\n", 100);
        assert_true(s.found);
        assert_string_equal(s.version, "3.9");
        s = search("1-2 r 0 0 1 /srv/v/lib/python3.12/lib-dynload/_json.so\n", 5);
        assert_false(s.found);
        assert_string_equal(s.version, "3.12");
        s = search("1-2 r 0 0 1 /libpython3.so\n1-2 r 0 0 1 /libpython3.10.so\n", 100);
        assert_true(s.found);
        assert_string_equal(s.version, "3.10");
}

static void a_line_without_end_does_no_harm(void **state)
{
        struct python_search s = {};
        char piece[1000];

        (void)state;
        memset(piece, '/', sizeof piece);
        for (int i = 0; i < 100; i++)
                python_search_feed(&s, piece, sizeof piece);
        python_search_feed(&s, "\n", 1);
        python_search_feed(&s, "1-2 r 0 0 1 /libpython3.10.so\n", 30);
        assert_true(s.found);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pythons_are_known_by_name),
                cmocka_unit_test(others_are_not),
                cmocka_unit_test(libpython_is_found_over_any_border),
                cmocka_unit_test(only_a_library_of_that_name_counts),
                cmocka_unit_test(a_line_without_end_does_no_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
