#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "pyheap/libraries.h"

static struct look find(const char *text, size_t size)
{
        struct mappings m = {};
        struct error err = {};
        struct look look;
        FILE *f = fmemopen((void *)text, size, "r");

        assert_non_null(f);
        assert_int_equal(mappings_load(f, &m, &err), 0);
        fclose(f);
        look_init(&look);
        assert_int_equal(libraries_find(&m, &look), 0);
        mappings_done(&m);
        return look;
}

#define FIND(text) find(text, strlen(text))
#define LIB "/usr/lib/python3.11/"
#define SITE "/srv/app/venv/lib/python3.11/site-packages/"

static void packages_are_named_once_newest_first(void **state)
{
        static const char *const expected[] = { "pandas", "numpy", "_speedups", "yaml", "glibc" };
        struct look look = FIND(
                "00400000-00500000 r-xp 00000000 08:01 1 /usr/bin/python3.11\n"
                "7f0000000000-7f0000001000 r-xp 00000000 08:01 1 " SITE "pandas/_libs/lib.cpython-311-x86_64-linux-gnu.so (deleted)\n"
                "7f0000002000-7f0000003000 r-xp 00000000 08:01 1 " SITE "numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so\n"
                "7f0000003000-7f0000004000 rw-p 00000000 08:01 1 " SITE "numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so\n"
                "7f0000004000-7f0000005000 r-xp 00000000 08:01 1 " SITE "numpy.libs/libopenblas64_p-r0-15028c96.3.21.so\n"
                "7f0000006000-7f0000007000 r-xp 00000000 08:01 1 " SITE "_speedups.cpython-311-x86_64-linux-gnu.so\n"
                "7f0000008000-7f0000009000 r-xp 00000000 08:01 1 /usr/lib/python3/dist-packages/yaml/_yaml.so\n"
                "7f000000a000-7f000000b000 r-xp 00000000 08:01 1 " LIB "lib-dynload/_json.cpython-311-x86_64-linux-gnu.so\n"
                "7f000000c000-7f000000d000 r--p 00000000 08:01 1 " SITE "certifi/cacert.pem\n"
                "7f000000e000-7f000000f000 r-xp 00000000 08:01 1 /usr/lib/x86_64-linux-gnu/libc.so.6\n");

        (void)state;
        assert_int_equal(look.n_libraries, sizeof expected / sizeof *expected);
        for (size_t i = 0; i < look.n_libraries; i++)
                assert_string_equal(look.libraries[i], expected[i]);
        look_done(&look);
}

static void each_libc_is_known(void **state)
{
        static const struct { const char *path, *libc; } cases[] = {
                { "/lib/x86_64-linux-gnu/libc-2.31.so", "glibc" }, { "/lib/ld-musl-x86_64.so.1", "musl" },
                { "/lib64/libc.so.6 (deleted)", "glibc" }, { "/usr/lib/libcrypt.so.1", NULL }, { "/usr/lib/libc-client.so", NULL },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char line[256];
                struct look look;

                snprintf(line, sizeof line, "7f0000000000-7f0000001000 r-xp 00000000 08:01 1 %s\n", cases[i].path);
                look = FIND(line);
                assert_int_equal(look.n_libraries, cases[i].libc != NULL);
                if (cases[i].libc)
                        assert_string_equal(look.libraries[0], cases[i].libc);
                look_done(&look);
        }
}

static void there_are_never_more_than_a_hundred(void **state)
{
        struct buffer text = {};
        struct look look;

        (void)state;
        for (unsigned i = 0; i < 1000; i++) {
                char line[128];

                snprintf(line, sizeof line, "%x-%x r-xp 00000000 08:01 1 /site-packages/p%u/x.so\n", i * 4096 + 65536, i * 4096 + 69632, i);
                buffer_add_text(&text, line);
        }
        buffer_add_text(&text, "7f0000000000-7f0000001000 r-xp 00000000 08:01 1 /lib/libc.so.6\n");
        look = find(text.data, text.size);
        assert_int_equal(look.n_libraries, LIBRARIES_MOST);
        assert_string_equal(look.libraries[0], "p0");
        assert_string_equal(look.libraries[LIBRARIES_MOST - 1], "glibc");
        look_done(&look);
        buffer_done(&text);
}

static void names_are_text_and_odd_paths_are_none(void **state)
{
        struct look look = FIND(
                "7f0000000000-7f0000001000 r-xp 00000000 08:01 1 /site-packages/a\377b/x.so\n"
                "7f0000002000-7f0000003000 r-xp 00000000 08:01 1 /site-packages/.so\n"
                "7f0000004000-7f0000005000 r-xp 00000000 08:01 1 /site-packages//x.so\n"
                "7f0000006000-7f0000007000 r-xp 00000000 08:01 1 /site-packages/x.sonnet\n"
                "7f0000008000-7f0000009000 r-xp 00000000 08:01 1 site-packages.so\n");

        (void)state;
        assert_int_equal(look.n_libraries, 1);
        assert_string_equal(look.libraries[0], "a\357\277\275b");
        look_done(&look);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(packages_are_named_once_newest_first),
                cmocka_unit_test(each_libc_is_known),
                cmocka_unit_test(there_are_never_more_than_a_hundred),
                cmocka_unit_test(names_are_text_and_odd_paths_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
