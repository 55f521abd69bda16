/* Durations, sizes and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/units.h"

static int64_t duration(const char *text)
{
        int64_t ms;

        return duration_parse(text, &ms, NULL) == 0 ? ms : -1;
}

static int64_t size(const char *text)
{
        int64_t bytes;

        return size_parse(text, &bytes, NULL) == 0 ? bytes : -1;
}

static void durations_have_a_number_and_a_unit(void **state)
{
        (void)state;
        assert_int_equal(duration("100ms"), 100);
        assert_int_equal(duration("5s"), 5000);
        assert_int_equal(duration("10m"), 600000);
        assert_int_equal(duration("2h"), 7200000);
        assert_int_equal(duration("30d"), INT64_C(2592000000));
        assert_int_equal(duration("0s"), 0);
        assert_int_equal(duration("9223372036854775807ms"), INT64_MAX);
}

static void sizes_have_a_number_and_a_unit(void **state)
{
        (void)state;
        assert_int_equal(size("512B"), 512);
        assert_int_equal(size("512KiB"), 512 * 1024);
        assert_int_equal(size("64MiB"), 64 << 20);
        assert_int_equal(size("2GiB"), INT64_C(2) << 30);
        assert_int_equal(size("1TiB"), INT64_C(1) << 40);
}

static void anything_else_is_refused(void **state)
{
        static const char *const wrong[] = {
                "", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "5.5s", "5S", "5sec", "0x5s", "1h30m",
                "9223372036854775808ms", "106751991168d", "99999999999999999999s", "5\xc2\xa0s",
        };
        struct error err = {};
        int64_t unused;

        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                assert_int_equal(duration(wrong[i]), -1);
                assert_int_equal(size(wrong[i]), -1);
        }
        assert_int_equal(size("5KB"), -1);
        assert_int_equal(size("5kib"), -1);
        assert_int_equal(size("8388608TiB"), -1);
        assert_true(duration_parse("5", &unused, &err) < 0);
        assert_non_null(strstr(err.text, "100ms"));
        assert_true(size_parse("5", &unused, &err) < 0);
        assert_non_null(strstr(err.text, "512KiB"));
}

static void formatting_is_short_and_exact(void **state)
{
        char text[UNITS_SIZE];

        (void)state;
        duration_format(90000, text);
        assert_string_equal(text, "90s");
        duration_format(3600000, text);
        assert_string_equal(text, "1h");
        duration_format(1001, text);
        assert_string_equal(text, "1001ms");
        duration_format(0, text);
        assert_string_equal(text, "0ms");
        size_format(INT64_C(3) << 30, text);
        assert_string_equal(text, "3GiB");
        size_format((1 << 20) + 1, text);
        assert_string_equal(text, "1048577B");
}

static void what_is_formatted_parses_to_the_same(void **state)
{
        (void)state;
        for (int64_t value = 1; value > 0 && value < INT64_MAX / 7; value = value * 7 / 2 + 1) {
                char text[UNITS_SIZE];

                duration_format(value, text);
                assert_int_equal(duration(text), value);
                size_format(value, text);
                assert_int_equal(size(text), value);
        }
}

static int64_t at(const char *text)
{
        int64_t ms;

        return time_parse(text, &ms, NULL) == 0 ? ms : -1;
}

static void times_are_rfc_3339(void **state)
{
        (void)state;
        assert_int_equal(at("1970-01-01T00:00:00Z"), 0);
        assert_int_equal(at("2026-11-22T15:00:00.123Z"), INT64_C(1795359600123));
        assert_int_equal(at("2026-11-22t15:00:00.123456789z"), INT64_C(1795359600123));
        assert_int_equal(at("2026-11-22T16:00:00.1+01:00"), INT64_C(1795359600100));
        assert_int_equal(at("2026-11-22T09:30:00-05:30"), INT64_C(1795359600000));
        assert_int_equal(at("1969-12-31T23:30:00-00:30"), 0);
        assert_int_equal(at("2024-02-29T00:00:00Z"), INT64_C(1709164800000));
        assert_int_equal(at("2000-02-29T00:00:00Z"), INT64_C(951782400000));
        assert_int_equal(at("9999-12-31T23:59:59.999Z"), INT64_C(253402300799999));
}

static void a_leap_second_stands_at_the_end_of_a_day_in_utc(void **state)
{
        (void)state;
        assert_int_equal(at("2016-12-31T23:59:60Z"), INT64_C(1483228800000));
        assert_int_equal(at("2017-01-01T00:59:60+01:00"), INT64_C(1483228800000));
        assert_int_equal(at("2016-12-31T22:59:60Z"), -1);
        assert_int_equal(at("2016-12-31T23:59:61Z"), -1);
}

static void no_other_times_are_taken(void **state)
{
        static const char *const wrong[] = {
                "", "now", "2026-11-22", "2026-11-22T15:00:00", "2026-11-22T15:00Z", "2026-11-22 15:00:00Z",
                "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z",
                "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
                "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+24:00",
                "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00Z ", " 2026-01-01T00:00:00Z",
                "-2026-01-01T00:00:00Z", "02026-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z",
                "9999-12-31T23:59:59-00:01", "2026-1-01T00:00:00Z", "1970-01-01T00:00:00+00:01",
                "0000-01-01T00:00:00Z", "2026-11-22T15:00:00,5Z", "-2h",
        };

        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                if (at(wrong[i]) != -1)
                        fail_msg("\"%s\" was taken for a time", wrong[i]);
}

static void times_are_formatted_as_the_c_library_would(void **state)
{
        (void)state;
        /* Odd steps through all 8030 years: every month, leap years and centuries among them. */
        for (int64_t ms = 0; ms <= INT64_C(253402300799999); ms += INT64_C(86400000) * 17 + 4321987) {
                char text[UNITS_SIZE], expected[64];
                time_t seconds = (time_t)(ms / 1000);
                struct tm tm;

                gmtime_r(&seconds, &tm);
                snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
                time_format(ms, text);
                assert_string_equal(text, expected);
                assert_int_equal(at(text), ms);
        }
}

static void times_beyond_the_years_are_held_within(void **state)
{
        char text[UNITS_SIZE];

        (void)state;
        time_format(INT64_MIN, text);
        assert_string_equal(text, "1970-01-01T00:00:00.000Z");
        time_format(INT64_MAX, text);
        assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(durations_have_a_number_and_a_unit),
                cmocka_unit_test(sizes_have_a_number_and_a_unit),
                cmocka_unit_test(anything_else_is_refused),
                cmocka_unit_test(formatting_is_short_and_exact),
                cmocka_unit_test(what_is_formatted_parses_to_the_same),
                cmocka_unit_test(times_are_rfc_3339),
                cmocka_unit_test(a_leap_second_stands_at_the_end_of_a_day_in_utc),
                cmocka_unit_test(no_other_times_are_taken),
                cmocka_unit_test(times_are_formatted_as_the_c_library_would),
                cmocka_unit_test(times_beyond_the_years_are_held_within),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
