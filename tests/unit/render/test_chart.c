/* The chart and the sparkline of a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "render/chart.h"

#define MIB INT64_C(1048576)
#define SINCE INT64_C(1795352400000) /* Sunday 22 November 2026, 13:00 UTC */
#define HOUR INT64_C(3600000)

static const struct chart_options ascii = { .width = 60, .height = 10, .since_ms = SINCE, .until_ms = SINCE + HOUR,
                                            .now_ms = SINCE + HOUR };

static char *draw(const struct chart_point *points, size_t n, struct chart_options options)
{
        struct buffer out = {};

        render_chart(points, n, &options, &out);
        return buffer_take(&out, NULL);
}

static struct chart_point one(int minutes, int64_t mib)
{
        return (struct chart_point){ SINCE + minutes * 60000, mib * MIB, mib * MIB };
}

static int set_utc(void **state)
{
        (void)state;
        setenv("TZ", "UTC0", 1);
        tzset();
        return 0;
}

static size_t count(const char *text, const char *what)
{
        size_t n = 0;

        for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
                n++;
        return n;
}

static void a_rising_line_rises(void **state)
{
        struct chart_point points[61];
        _cleanup_(freep) char *text = NULL;

        (void)state;
        for (int i = 0; i <= 60; i++)
                points[i] = one(i, i);
        text = draw(points, 61, ascii);
        assert_string_equal(text,
                            "60 MiB +                                               ....#\n"
                            "50 MiB +                                       ....####\n"
                            "40 MiB +                              ....#####\n"
                            "30 MiB +                     .....####\n"
                            "20 MiB +             ....####\n"
                            "10 MiB +    ....#####\n"
                            "     0 +####\n"
                            "       ++------------+------------+------------+-----------+\n"
                            "      13:00        13:15        13:30        13:45     14:00\n");
}

static void a_spike_is_kept(void **state)
{
        struct chart_point points[1440];
        _cleanup_(freep) char *text = NULL;

        (void)state;
        for (int i = 0; i < 1440; i++)
                points[i] = (struct chart_point){ SINCE + i * 2500, 40 * MIB, 40 * MIB };
        points[700].most_bytes = 120 * MIB;
        text = draw(points, 1440, ascii);
        assert_non_null(strstr(text, "120 MiB +                        #\n"));
        assert_non_null(strstr(text, "\n100 MiB +                        #\n"));
        assert_non_null(strstr(text, "\n 20 MiB +\n"));
}

static void a_gap_stays_a_gap(void **state)
{
        const struct chart_point points[] = { one(0, 40), one(10, 40), { SINCE + 15 * 60000, -1, -1 }, one(20, 40),
                                              one(30, 40),
                                              one(55, 40), one(60, 40) };
        struct chart_options options = ascii;
        _cleanup_(freep) char *text = NULL;

        (void)state;
        options.gap_ms = 10 * 60000;
        text = draw(points, sizeof points / sizeof *points, options);
        assert_non_null(strstr(text, "40 MiB +#########        ##########                    #####\n"));
}

static void one_point_is_a_dot(void **state)
{
        const struct chart_point point = one(30, 40);
        _cleanup_(freep) char *text = draw(&point, 1, ascii);

        (void)state;
        assert_non_null(strstr(text, "40 MiB +                          #\n"));
        assert_int_equal(count(text, "#"), 1);
}

static void no_point_leaves_the_axes(void **state)
{
        _cleanup_(freep) char *text = draw(NULL, 0, ascii);

        (void)state;
        assert_int_equal(count(text, "#"), 0);
        assert_non_null(strstr(text, "13:30"));
}

static void braille_is_utf8_and_never_wider_than_asked(void **state)
{
        struct chart_point points[61];
        struct chart_options options = ascii;
        _cleanup_(freep) char *text = NULL;

        (void)state;
        for (int i = 0; i <= 60; i++)
                points[i] = one(i, 200 + i % 7);
        options.utf8 = true;
        text = draw(points, 61, options);
        assert_non_null(strstr(text, "from 1"));
        assert_non_null(strstr(text, "┤"));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                int columns = 0;

                for (const char *p = line; *p; p++)
                        columns += (*p & 0xc0) != 0x80;
                assert_in_range(columns, 1, 60);
        }
}

static void hostile_points_do_no_harm(void **state)
{
        const struct chart_point points[] = {
                { INT64_MIN, 1, 1 }, { INT64_MAX, 1, 1 }, { SINCE, INT64_MAX, INT64_MAX }, { SINCE + 5, 5, 1 },
                { SINCE - 1, 9, 9 }, { SINCE + HOUR, 0, INT64_MAX }, { SINCE + 1, 0, 0 }, { SINCE, INT64_MIN, 4 },
        };
        struct chart_options options = ascii;

        (void)state;
        free(draw(points, sizeof points / sizeof *points, options));
        options.width = options.height = INT32_MAX;
        free(draw(points, sizeof points / sizeof *points, options));
        options.width = options.height = INT32_MIN;
        options.until_ms = options.since_ms;
        free(draw(points, sizeof points / sizeof *points, options));
}

static void spark(const struct chart_point *points, size_t n, bool utf8, const char *expected)
{
        _cleanup_(buffer_done) struct buffer out = {};

        render_sparkline(points, n, SINCE, SINCE + HOUR, 6, utf8, &out);
        buffer_add_char(&out, '\0');
        assert_string_equal(out.data, expected);
}

static void a_sparkline_rises_rests_and_has_gaps(void **state)
{
        const struct chart_point rising[] = { one(0, 10), one(15, 20), one(25, 30), one(45, 60), one(55, 80) };
        const struct chart_point flat[] = { one(0, 100), one(10, 101), one(20, 100), one(30, 100), one(40, 100),
                                            one(50, 100) };

        (void)state;
        spark(rising, 5, true, "▁▂▃ ▆█");
        spark(rising, 5, false, "... ##");
        spark(flat, 6, true, "▄▄▄▄▄▄");
        spark(NULL, 0, true, "      ");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rising_line_rises),
                cmocka_unit_test(a_spike_is_kept),
                cmocka_unit_test(a_gap_stays_a_gap),
                cmocka_unit_test(one_point_is_a_dot),
                cmocka_unit_test(no_point_leaves_the_axes),
                cmocka_unit_test(braille_is_utf8_and_never_wider_than_asked),
                cmocka_unit_test(hostile_points_do_no_harm),
                cmocka_unit_test(a_sparkline_rises_rests_and_has_gaps),
        };

        return cmocka_run_group_tests(tests, set_utc, NULL);
}
