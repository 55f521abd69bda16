/* The texts below /proc/PID. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proc/parse.h"

static bool statm(const char *text, struct statm *ret)
{
        return statm_parse(text, strlen(text), ret);
}

static void statm_gives_four_figures(void **state)
{
        struct statm m;

        (void)state;
        assert_true(statm("2000 1000 400 3 0 900 0\n", &m));
        assert_int_equal(m.size, 2000);
        assert_int_equal(m.resident, 1000);
        assert_int_equal(m.shared, 400);
        assert_int_equal(m.text, 3);
        assert_true(statm("0 0 0 0 0 0 0\n", &m));
        assert_int_equal(m.size, 0);
}

static void broken_statm_is_refused(void **state)
{
        struct statm m;

        (void)state;
        assert_false(statm("", &m));
        assert_false(statm("1 2 3", &m));
        assert_false(statm("1 2 x 4", &m));
        assert_false(statm("-1 2 3 4", &m));
        assert_false(statm_parse("1 2 3 4", 6, &m));
}

static const char tail[] = " R 1 1 1 0 -1 64 99 0 0 0 12 3 0 0 20 0 5 0 186090 3133440 356 18446744073709551615 "
                           "94194836856832 94194836876713 140720994876064 0 0 0 0 0 0 0 0 0 17 1 "
                           "0 0 0 0 0 1 2 3 4 5 6 7 9\n";

static void assert_stat(const char *comm)
{
        struct stat_line s;
        char text[1024];

        snprintf(text, sizeof text, "4242 (%s)%s", comm, tail);
        assert_true(stat_parse(text, strlen(text), &s));
        assert_string_equal(s.comm, comm);
        assert_int_equal(s.state, 'R');
        assert_int_equal(s.ppid, 1);
        assert_int_equal(s.flags, STAT_FORK_NO_EXEC);
        assert_int_equal(s.start_ticks, 186090);
        assert_int_equal(s.start_code, 94194836856832);
        assert_int_equal(s.start_stack, 140720994876064);
        assert_int_equal(s.exit_code, 9);
}

static void any_name_is_a_name(void **state)
{
        (void)state;
        assert_stat("python3");
        assert_stat("");
        assert_stat(") R 1 (");
        assert_stat("a\nb) S 7");
        assert_stat("((((");
        assert_stat("\xff\xfe");
}

static void broken_stat_is_refused(void **state)
{
        struct stat_line s;
        char text[2048];

        (void)state;
        assert_false(stat_parse("", 0, &s));
        assert_false(stat_parse("1 (x) S 1", 9, &s));
        assert_false(stat_parse("1 (x)", 5, &s));
        assert_false(stat_parse(")(", 2, &s));
        memset(text, 'a', sizeof text);
        memcpy(text, "1 (", 3);
        memcpy(text + 1000, ") S 1 ", 6);
        assert_false(stat_parse(text, sizeof text, &s));
}

static void fields_stand_at_line_starts(void **state)
{
        const char text[] = "Name:\tVmSwap:\nVmHWM:\t   80740 kB\nVmSwap:\t 16 kB\nThreads:\t5\nUid:\t33\t0\nBad:\tx\n";

        (void)state;
        assert_int_equal(field_parse_kib(text, "VmSwap"), 16 * 1024);
        assert_int_equal(field_parse_kib(text, "VmHWM"), 80740 * 1024);
        assert_int_equal(field_parse(text, "Threads"), 5);
        assert_int_equal(field_parse(text, "Uid"), 33);
        assert_int_equal(field_parse(text, "Bad"), -1);
        assert_int_equal(field_parse(text, "VmRSS"), -1);
        assert_int_equal(field_parse("", "VmRSS"), -1);
}

static void keys_of_cgroups_are_whole_words(void **state)
{
        const char text[] = "total_inactive_file 7\ninactive_file 4096\ninactive_file_x 8\nanon\noom_kill x\n";

        (void)state;
        assert_int_equal(keyed_parse(text, "inactive_file"), 4096);
        assert_int_equal(keyed_parse(text, "total_inactive_file"), 7);
        assert_int_equal(keyed_parse(text, "anon"), -1);
        assert_int_equal(keyed_parse(text, "oom_kill"), -1);
        assert_int_equal(keyed_parse("", "anon"), -1);
        assert_int_equal(keyed_parse("a 18446744073709551615\n", "a"), -1);
        assert_int_equal(field_parse_kib("MemTotal: 9223372036854775807 kB\n", "MemTotal"), -1);
}

static void limits_may_be_unlimited(void **state)
{
        const char text[] = "Limit                     Soft Limit           Hard Limit           Units     \n"
                            "Max data size             unlimited            unlimited            bytes     \n"
                            "Max address space         1073741824           unlimited            bytes     \n";

        (void)state;
        assert_int_equal(limit_parse(text, "Max address space"), 1073741824);
        assert_int_equal(limit_parse(text, "Max data size"), -1);
        assert_int_equal(limit_parse(text, "Max nonsense"), -1);
}

static void loadavg_ends_with_the_newest_pid(void **state)
{
        int64_t threads;
        int32_t newest;

        (void)state;
        assert_true(loadavg_parse("0.08 0.03 0.01 1/92 7024\n", &threads, &newest));
        assert_int_equal(threads, 92);
        assert_int_equal(newest, 7024);
        assert_false(loadavg_parse("", &threads, &newest));
        assert_false(loadavg_parse("0.08 0.03 0.01 1/92", &threads, &newest));
        assert_false(loadavg_parse("0 0 0 1/9 99999999999", &threads, &newest));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(statm_gives_four_figures),
                cmocka_unit_test(broken_statm_is_refused),
                cmocka_unit_test(any_name_is_a_name),
                cmocka_unit_test(broken_stat_is_refused),
                cmocka_unit_test(fields_stand_at_line_starts),
                cmocka_unit_test(keys_of_cgroups_are_whole_words),
                cmocka_unit_test(limits_may_be_unlimited),
                cmocka_unit_test(loadavg_ends_with_the_newest_pid),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
