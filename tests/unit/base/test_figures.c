/* Figures and times as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <math.h>

#include "base/figures.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void sizes_have_three_figures(void **state)
{
        static const struct {
                int64_t bytes;
                const char *text;
        } rows[] = {
                { 0, "0 B" },
                { 1, "1 B" },
                { 10 * KIB - 1, "10239 B" },
                { 10 * KIB, "10.0 KiB" },
                { 842 * KIB, "842 KiB" },
                { 99 * KIB + 972, "99.9 KiB" },
                { 99 * KIB + 973, "100 KiB" },
                { 999 * KIB + 511, "999 KiB" },
                { 999 * KIB + 512, "0.976 MiB" },
                { 1023 * KIB, "0.999 MiB" },
                { MIB - 1, "1.00 MiB" },
                { MIB, "1.00 MiB" },
                { 76965478, "73.4 MiB" },
                { 10 * MIB - 1, "10.0 MiB" },
                { 999 * MIB, "999 MiB" },
                { 1000 * MIB, "0.977 GiB" },
                { GIB + 20 * MIB, "1.02 GiB" },
                { 2048 * GIB, "2.00 TiB" },
                { INT64_MAX, "8.00 EiB" },
                { -1, "–" },
                { INT64_MIN, "–" },
        };
        char text[FIGURE_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                figure_bytes(rows[i].bytes, true, text);
                assert_string_equal(text, rows[i].text);
        }
        figure_bytes(-1, false, text);
        assert_string_equal(text, "-");
}

static void growth_bears_its_sign(void **state)
{
        static const struct {
                bool known;
                double rate;
                const char *utf8, *ascii;
        } rows[] = {
                { true, 10.5 * 1048576, "+10.5 MiB/h", "+10.5 MiB/h" },
                { true, -3.2 * 1048576, "\u22123.20 MiB/h", "-3.20 MiB/h" },
                { true, 0, "steady", "steady" },
                { true, 104857, "steady", "steady" },
                { true, -104857, "steady", "steady" },
                { true, 104858, "+102 KiB/h", "+102 KiB/h" },
                { true, 1e300, "+8.00 EiB/h", "+8.00 EiB/h" },
                { true, NAN, "–", "-" },
                { true, -INFINITY, "–", "-" },
                { false, 1048576, "–", "-" },
        };
        char text[FIGURE_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                figure_growth(rows[i].known, rows[i].rate, true, text);
                assert_string_equal(text, rows[i].utf8);
                figure_growth(rows[i].known, rows[i].rate, false, text);
                assert_string_equal(text, rows[i].ascii);
        }
}

static void counts_take_narrow_spaces(void **state)
{
        char text[FIGURE_SIZE];

        (void)state;
        figure_count(0, true, text);
        assert_string_equal(text, "0");
        figure_count(999, true, text);
        assert_string_equal(text, "999");
        figure_count(52000, true, text);
        assert_string_equal(text, "52\u202f000");
        figure_count(INT64_MAX, true, text);
        assert_string_equal(text, "9\u202f223\u202f372\u202f036\u202f854\u202f775\u202f807");
        figure_count(52000, false, text);
        assert_string_equal(text, "52 000");
        figure_count(-1, true, text);
        assert_string_equal(text, "–");
}

static void ages_have_two_units_at_most(void **state)
{
        static const struct {
                int64_t span_ms;
                const char *text;
        } rows[] = {
                { 0, "0 s" },
                { 12999, "12 s" },
                { MINUTE - 1, "59 s" },
                { 4 * MINUTE + 59000, "4 min" },
                { HOUR - 1, "59 min" },
                { HOUR, "1 h" },
                { 3 * HOUR + 20 * MINUTE, "3 h 20 min" },
                { DAY - 1, "23 h 59 min" },
                { DAY, "1 d" },
                { 6 * DAY + 4 * HOUR + 59 * MINUTE, "6 d 4 h" },
                { 400 * DAY, "400 d" },
                { INT64_MAX, "106751991167 d 7 h" },
                { -1, "–" },
        };
        char text[FIGURE_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                figure_age(rows[i].span_ms, true, text);
                assert_string_equal(text, rows[i].text);
        }
}

static void cpu_time_is_fine_at_its_small_end(void **state)
{
        static const struct {
                double seconds;
                const char *text;
        } rows[] = {
                { 0, "0.00 s" }, { 0.04, "0.04 s" }, { 0.994, "0.99 s" }, { 0.996, "1.00 s" }, { 12.4, "12.4 s" },
                { 59.94, "59.9 s" }, { 59.96, "1 min" }, { 12345, "3 h 25 min" }, { -1, "–" }, { NAN, "–" },
        };
        char text[FIGURE_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                figure_seconds(rows[i].seconds, true, text);
                assert_string_equal(text, rows[i].text);
        }
}

static void times_are_local_and_name_the_day_unless_it_is_today(void **state)
{
        /* Sunday 22 November 2026, 15:00 in UTC; 16:00 in Berlin. */
        const int64_t now = INT64_C(1795359600000);
        char text[FIGURE_SIZE];

        (void)state;
        setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        tzset();
        figure_time(now, now, true, text);
        assert_string_equal(text, "16:00");
        figure_time(now - 16 * HOUR, now, true, text);
        assert_string_equal(text, "00:00");
        figure_time(now - 16 * HOUR - MINUTE, now, true, text);
        assert_string_equal(text, "Sat 23:59");
        figure_time(now - 6 * DAY, now, true, text);
        assert_string_equal(text, "16 Nov 16:00");
        figure_time(now + DAY, now, true, text);
        assert_string_equal(text, "23 Nov 16:00");
        figure_time(now - 120 * DAY, now, true, text);
        assert_string_equal(text, "25 Jul 17:00");
        figure_time(now - 365 * DAY, now, true, text);
        assert_string_equal(text, "22 Nov 2025");
        figure_time(-1, now, true, text);
        assert_string_equal(text, "–");
        figure_time(INT64_MAX, now, true, text);
        figure_day(now, text);
        assert_string_equal(text, "22 Nov");
}

static void a_forecast_never_claims_more_than_it_knows(void **state)
{
        const int64_t now_ms = INT64_C(1795359600000), minute = 60000; /* 22 November 2026, 15:00 UTC */
        static const struct {
                int64_t minutes;
                const char *text;
        } rows[] = {
                { 0, "about now" }, { -5, "about now" }, { 1, "in about 1 min (at 15:01)" },
                { 59, "in about 59 min (at 15:59)" }, { 60, "in about 1 h (at 16:00)" },
                { 200, "in about 3 h (at 18:20)" }, { 47 * 60, "in about 47 h (at 24 Nov 14:00)" },
                { 2 * 1440, "in about 2 d (at 24 Nov 15:00)" }, { 7 * 1440 - 1, "in about 7 d (at 29 Nov 14:59)" },
                { 7 * 1440, "in weeks" }, { 31 * 1440, "in weeks" }, { 32 * 1440, "–" },
        };
        char text[FIGURE_SIZE];

        (void)state;
        setenv("TZ", "UTC0", 1);
        tzset();
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                figure_forecast(now_ms + rows[i].minutes * minute, now_ms, true, true, text);
                assert_string_equal(text, rows[i].text);
        }
        figure_forecast(now_ms + 200 * minute, now_ms, false, true, text);
        assert_string_equal(text, "in about 3 h");
        figure_forecast(-1, now_ms, true, false, text);
        assert_string_equal(text, "-");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes_have_three_figures),
                cmocka_unit_test(growth_bears_its_sign),
                cmocka_unit_test(counts_take_narrow_spaces),
                cmocka_unit_test(ages_have_two_units_at_most),
                cmocka_unit_test(cpu_time_is_fine_at_its_small_end),
                cmocka_unit_test(times_are_local_and_name_the_day_unless_it_is_today),
                cmocka_unit_test(a_forecast_never_claims_more_than_it_knows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
