#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pyheap/mappings.h"

static struct mappings load(const char *text)
{
        struct mappings m = {};
        struct error err = {};
        FILE *f = fmemopen((void *)text, strlen(text), "r");

        assert_non_null(f);
        assert_int_equal(mappings_load(f, &m, &err), 0);
        fclose(f);
        return m;
}

static const char smaps[] =
        "00400000-00500000 r-xp 00000000 08:01 12     /usr/bin/python 3 (deleted)\nSize: 1024 kB\nRss:  100 kB\nVmFlags: rd\n"
        "00a00000-00b00000 rw-p 00000000 00:00 0      [heap]\nRss:  200 kB\n"
        "7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \nRss:  300 kB\n"
        "7f0000200000-7f0000300000 rw-p 00000000 00:00 0 [anon:cpython]\nRss:  400 kB\n"
        "7f0000400000-7f0000500000 rw-s 00000000 00:01 9 /dev/shm/x\nRss:  500 kB\n"
        "7f0000600000-7f0000700000 rw-s 00000000 00:01 9 \nRss:  600 kB\n"
        "7ffc00000000-7ffc00100000 rw-p 00000000 00:00 0 [stack]\nRss:  50 kB\n"
        "7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0 [vdso]\nRss:  4 kB\n";

static void each_mapping_has_its_kind(void **state)
{
        static const enum mapping_kind kinds[] = {
                MAPPING_FILE, MAPPING_HEAP, MAPPING_ANONYMOUS, MAPPING_ANONYMOUS, MAPPING_SHMEM, MAPPING_SHMEM, MAPPING_STACK, MAPPING_KERNEL,
        };
        struct mappings m = load(smaps);

        (void)state;
        assert_int_equal(m.n, sizeof kinds / sizeof *kinds);
        for (size_t i = 0; i < m.n; i++)
                assert_int_equal(m.v[i].kind, kinds[i]);
        assert_string_equal(m.v[0].path, "/usr/bin/python 3 (deleted)");
        assert_int_equal(m.v[0].rss_bytes, 100 * 1024);
        assert_false(mappings_writable(&m, 0x400000));
        assert_true(mappings_writable(&m, 0x7f00000fffff));
        assert_null(mappings_find(&m, 0x7f0000100000));
        assert_null(mappings_find(&m, 0));
        assert_null(mappings_find(&m, UINT64_MAX));
        mappings_done(&m);
}

static void rubbish_is_passed_over(void **state)
{
        struct mappings m = load("hello\nRss: 5 kB\n5000-4000 rw-p 0 0:0 0\n5000-6000 rw-p 00000000 00:00 0 \nRss: -9 kB\n"
                                 "4000-5500 rw-p 00000000 00:00 0 \nzz-1 rw-p\n\n");

        (void)state;
        assert_int_equal(m.n, 1);
        assert_int_equal(m.v[0].start, 0x5000);
        assert_int_equal(m.v[0].rss_bytes, -1);
        mappings_done(&m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_mapping_has_its_kind),
                cmocka_unit_test(rubbish_is_passed_over),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
