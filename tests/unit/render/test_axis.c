/* Round figures at the axes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "render/axis.h"

#define MIB 1048576.0

static void labels(double least, double most, char ret[static 256])
{
        struct memory_axis axis;
        char label[FIGURE_SIZE];

        memory_axis_choose(least, most, &axis);
        assert_in_range(axis.intervals, 1, AXIS_INTERVALS_MOST);
        assert_true(axis.lowest <= least || least > most);
        assert_true(axis.lowest + axis.intervals * axis.step >= most * 0.999999);
        *ret = '\0';
        for (int i = 0; i <= axis.intervals; i++) {
                memory_axis_label(&axis, i, label);
                strcat(strcat(ret, i ? ", " : ""), label);
        }
}

static void memory_begins_at_nothing_where_the_line_fills_a_third(void **state)
{
        char text[256];

        (void)state;
        labels(40 * MIB, 73.4 * MIB, text);
        assert_string_equal(text, "0, 20 MiB, 40 MiB, 60 MiB, 80 MiB");
        labels(0, 0, text);
        assert_string_equal(text, "0, 1 KiB, 2 KiB, 3 KiB, 4 KiB");
        labels(0, 1024 * MIB, text);
        assert_string_equal(text, "0, 0.2 GiB, 0.4 GiB, 0.6 GiB, 0.8 GiB, 1.0 GiB");
        labels(73 * MIB, 73 * MIB, text);
        assert_string_equal(text, "0, 20 MiB, 40 MiB, 60 MiB, 80 MiB");
}

static void else_it_says_from_what(void **state)
{
        char text[256];

        (void)state;
        labels(190 * MIB, 240 * MIB, text);
        assert_string_equal(text, "from 180 MiB, 200 MiB, 220 MiB, 240 MiB, 260 MiB");
        labels(1000 * MIB, 1100 * MIB, text);
        assert_string_equal(text, "from 0.96 GiB, 0.98 GiB, 1.00 GiB, 1.02 GiB, 1.04 GiB, 1.06 GiB, 1.08 GiB");
        /* Noise of a thousandth stays small: the window is not narrower than 6 % of the value. */
        labels(100 * MIB, 100.1 * MIB, text);
        assert_string_equal(text, "from 96 MiB, 98 MiB, 100 MiB, 102 MiB, 104 MiB");
}

static void no_figure_breaks_it(void **state)
{
        static const double values[] = { 0, 1, 4095, 4097, 1e6, 1e9, 1e12, 1e15, 0x1p62 };
        char text[256];

        (void)state;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
                for (size_t k = i; k < sizeof values / sizeof *values; k++)
                        labels(values[i], values[k], text);
}

static void times(int64_t since_s, int64_t until_s, int64_t now_s, int columns, char ret[static 512])
{
        struct time_mark marks[AXIS_MARKS_MOST];
        size_t n = time_axis_marks(since_s * 1000, until_s * 1000, now_s * 1000, columns, marks);

        *ret = '\0';
        for (size_t i = 0; i < n; i++) {
                assert_true(marks[i].at_ms >= since_s * 1000 && marks[i].at_ms <= until_s * 1000);
                strcat(strcat(ret, i ? " " : ""), marks[i].time);
                if (*marks[i].day)
                        strcat(strcat(strcat(ret, "("), marks[i].day), ")");
        }
}

static void times_are_round_and_local(void **state)
{
        const int64_t now = 1795359600; /* Sunday 22 November 2026, 16:00 in Berlin */
        char text[512];

        (void)state;
        setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        tzset();
        times(now - 3000, now, now, 60, text);
        assert_string_equal(text, "15:10 15:20 15:30 15:40 15:50 16:00");
        times(now - 20, now, now, 60, text);
        assert_string_equal(text, "15:59:40 15:59:45 15:59:50 15:59:55 16:00:00");
        times(now - 86400, now, now, 60, text);
        assert_string_equal(text, "18:00(21 Nov) 00:00(22 Nov) 06:00 12:00");
        times(now - 30 * 86400, now, now, 60, text);
        assert_string_equal(text, "(24 Oct) (29 Oct) (3 Nov) (8 Nov) (13 Nov) (18 Nov)");
}

static void a_change_of_the_clocks_keeps_marks_round(void **state)
{
        const int64_t change = 1792890000; /* 25 October 2026, 01:00 UTC: 03:00 becomes 02:00 */
        char text[512];

        (void)state;
        setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        tzset();
        times(change - 6 * 3600, change + 10 * 3600, change, 60, text);
        assert_string_equal(text, "21:00(24 Oct) 00:00(25 Oct) 03:00 06:00 09:00 12:00");
}

static void an_empty_span_has_no_marks_or_one(void **state)
{
        struct time_mark marks[AXIS_MARKS_MOST];

        (void)state;
        assert_int_equal(time_axis_marks(2000, 1000, 2000, 60, marks), 0);
        assert_int_equal(time_axis_marks(2000, 2000, 2000, 60, marks), 1);
        assert_in_range(time_axis_marks(0, INT64_MAX, 2000, 60, marks), 0, AXIS_MARKS_MOST);
        assert_in_range(time_axis_marks(0, 1000000, 2000, -1, marks), 0, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_begins_at_nothing_where_the_line_fills_a_third),
                cmocka_unit_test(else_it_says_from_what),
                cmocka_unit_test(no_figure_breaks_it),
                cmocka_unit_test(times_are_round_and_local),
                cmocka_unit_test(a_change_of_the_clocks_keeps_marks_round),
                cmocka_unit_test(an_empty_span_has_no_marks_or_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
