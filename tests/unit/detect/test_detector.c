/* What the detector says of made lives. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/detector.h"

#define MIB (1024.0 * 1024)
#define PAGE 4096

/* A life: its level at a share of it (0 to 1). */
typedef double (*level_fn)(double at);

static double flat(double at)
{
        return at < 0.005 ? 5 * MIB : 60 * MIB;
}

static double line(double at)
{
        return flat(at) + 60 * MIB * at;
}

static double cache(double at)
{
        return flat(at) + 80 * MIB * (1 - exp(-at * 12));
}

static double saw(double at)
{
        return flat(at) + 50 * MIB * (at * 31 - floor(at * 31));
}

static double leaking_saw(double at)
{
        return saw(at) + 200 * MIB * at;
}

static double step(double at)
{
        return flat(at) + (at > 0.4 ? 100 * MIB : 0);
}

static double day(double at)
{
        return flat(at) + 40 * MIB * (1 + cos(at * 6 * 2 * M_PI)); /* it began at noon */
}

static double late(double at)
{
        return flat(at) + (at > 0.7 ? (at - 0.7) * 300 * MIB : 0);
}

struct outcome {
        int opened;           /* how often growing began */
        int64_t first_at_ms;  /* when first; -1 */
        struct trend trend;
};

/* Noise of up to 8 pages that is the same each time, in whole pages. */
static int64_t sample_of(level_fn level, int i, int n)
{
        unsigned noise = ((unsigned)i * 2654435761u >> 16) % 8;

        return (int64_t)(level((double)i / n) / PAGE + noise) * PAGE;
}

static struct outcome live(level_fn level, int n, int64_t interval_ms)
{
        struct detector *d = detector_new();
        struct outcome o = { .first_at_ms = -1 };
        bool was = false;

        for (int i = 0; i < n; i++) {
                int64_t at_ms = 1000 + i * interval_ms;

                detector_add(d, at_ms, sample_of(level, i, n));
                if (detector_trend(d)->growing && !was) {
                        o.opened++;
                        if (o.first_at_ms < 0)
                                o.first_at_ms = at_ms;
                }
                was = detector_trend(d)->growing;
        }
        o.trend = *detector_trend(d);
        detector_free(d);
        return o;
}

static void a_young_process_is_too_young_to_tell(void **state)
{
        struct outcome o = live(line, 60, 5000);

        (void)state;
        assert_int_equal(o.trend.verdict, VERDICT_INSUFFICIENT_DATA);
        assert_int_equal(o.opened, 0);
        assert_true(o.trend.ready_at_ms > o.trend.last_ms);
}

static void a_flat_level_is_stable(void **state)
{
        struct outcome o = live(flat, 4000, 5000);

        (void)state;
        assert_int_equal(o.trend.verdict, VERDICT_STABLE);
        assert_int_equal(o.opened, 0);
}

static void a_steady_rise_is_a_leak_and_its_rate_is_told(void **state)
{
        struct outcome o = live(line, 4000, 5000);
        double rate = 60 * MIB / (4000 * 5.0 / 3600);

        (void)state;
        assert_int_equal(o.trend.verdict, VERDICT_LEAK);
        assert_int_equal(o.opened, 1);
        assert_true(o.first_at_ms < 1000 + 4000 * 5000 / 3);
        assert_true(fabs(o.trend.bytes_per_hour / rate - 1) < 0.02);
        assert_true(o.trend.rate_low <= o.trend.bytes_per_hour && o.trend.bytes_per_hour <= o.trend.rate_high);
        assert_true(o.trend.confidence > 0.9 && o.trend.confidence < 1);
        assert_true(o.trend.to_bytes - o.trend.from_bytes > 50 * MIB);
        assert_true(o.trend.rises > o.trend.slots * 9 / 10);
}

static double halted(double at)
{
        return line(at < 0.75 ? at : 0.75);
}

/* A cache that filled at a steady pace: told while it fills, slower and slower once it is full, and then no more. */
static void a_leak_that_halts_slows_down_and_ends(void **state)
{
        struct outcome full = live(line, 4000, 5000);
        struct detector *d = detector_new();

        (void)state;
        for (int i = 0; i < 3600; i++) /* its last sixth stands still */
                detector_add(d, 1000 + i * 5000, sample_of(halted, i, 4000));
        assert_true(detector_trend(d)->growing);
        assert_true(detector_trend(d)->paused);
        assert_true(detector_trend(d)->bytes_per_hour < full.trend.bytes_per_hour * 0.99);
        for (int i = 3600; i < 8000; i++)
                detector_add(d, 1000 + i * 5000, sample_of(halted, 3999, 4000));
        assert_false(detector_trend(d)->growing);
        assert_int_equal(detector_trend(d)->verdict, VERDICT_STABLE);
        detector_free(d);
}

static void a_leak_under_a_sawtooth_is_found(void **state)
{
        struct outcome o = live(leaking_saw, 6000, 5000);

        (void)state;
        assert_int_equal(o.trend.verdict, VERDICT_LEAK);
        assert_int_equal(o.opened, 1);
}

static void a_late_leak_is_found_and_its_begin_is_told(void **state)
{
        struct outcome o = live(late, 8000, 5000);
        int64_t began = 8000 * 5000 * 7 / 10;

        (void)state;
        assert_int_equal(o.trend.verdict, VERDICT_LEAK);
        assert_int_equal(o.opened, 1);
        assert_true(o.first_at_ms > began);
        assert_true(llabs(o.trend.since_ms - began) < 8000 * 5000 / 10);
}

static void what_levels_off_or_falls_back_is_no_leak(void **state)
{
        static const level_fn innocent[] = { cache, saw, step, day };

        (void)state;
        for (size_t i = 0; i < sizeof innocent / sizeof *innocent; i++) {
                struct outcome o = live(innocent[i], 6000, 5000);

                assert_int_equal(o.opened, 0);
                assert_int_not_equal(o.trend.verdict, VERDICT_LEAK);
        }
}

static void a_step_is_told_with_its_size(void **state)
{
        struct outcome o = live(step, 4000, 5000);

        (void)state;
        assert_int_equal(o.trend.verdict, VERDICT_STEP);
        assert_true(fabs(o.trend.bytes_per_hour) < MIB); /* since */
        assert_true(fabs((double)(o.trend.step_to_bytes - o.trend.step_from_bytes) / (100 * MIB) - 1) < 0.05);
        assert_true(llabs(o.trend.step_at_ms - 1000 - 4000 * 5000 * 4 / 10) < 4000 * 5000 / 40);
}

static void a_sawtooth_is_not_warming_up(void **state)
{
        struct outcome o = live(saw, 6000, 5000);

        (void)state;
        assert_int_equal(o.trend.verdict, VERDICT_STABLE);
        assert_true(fabs(o.trend.bytes_per_hour) < 2 * MIB); /* each tooth climbs by 185 MiB an hour */
}

static void the_scale_of_time_does_not_matter(void **state)
{
        static const int64_t intervals[] = { 100, 1000, 60000, 3600000 };
        struct outcome first = live(line, 3000, 500);

        (void)state;
        for (size_t i = 0; i < 4; i++) {
                struct outcome o = live(line, 3000, intervals[i]);

                assert_int_equal(o.trend.verdict, first.trend.verdict);
                assert_int_equal((o.first_at_ms - 1000) / intervals[i], (first.first_at_ms - 1000) / 500);
        }
}

static void what_doubles_in_minutes_is_found_in_two(void **state)
{
        struct detector *d = detector_new();
        int64_t found_s = -1;

        (void)state;
        for (int i = 0; i < 300 && found_s < 0; i++) {
                detector_add(d, i * 1000, (int64_t)((i < 2 ? 4 : 40 + i * 0.25) * MIB));
                if (detector_trend(d)->growing)
                        found_s = i;
        }
        detector_free(d);
        assert_in_range(found_s, 60, 140);
}

/* One that slept, and one whose watcher was down while it went on. */
static void a_gap_does_not_hide_a_leak(void **state)
{
        static const double grown_meanwhile[] = { 0, 30 * MIB };

        (void)state;
        for (size_t k = 0; k < 2; k++) {
                struct detector *d = detector_new();
                int64_t gap_ms = k ? 1500 * 5000 : 8 * 3600 * 1000;

                for (int i = 0; i < 3000; i++)
                        detector_add(d, i * 5000 + (i >= 1500 ? gap_ms : 0),
                                     (int64_t)((60 + i * 0.02) * MIB + (i >= 1500 ? grown_meanwhile[k] : 0)));
                assert_int_equal(detector_trend(d)->verdict, VERDICT_LEAK);
                assert_true(detector_trend(d)->from_bytes < 70 * MIB);
                detector_free(d);
        }
}

static void times_that_do_not_rise_and_unknown_levels_are_left_out(void **state)
{
        struct detector *d = detector_new();

        (void)state;
        assert_false(detector_add(d, 1000, -1));
        detector_add(d, 1000, PAGE);
        assert_false(detector_add(d, 1000, 2 * PAGE));
        assert_false(detector_add(d, 999, 2 * PAGE));
        detector_add(d, 2000, INT64_MAX);
        for (int i = 0; i < 1000; i++)
                detector_add(d, 3000 + i * 1000, PAGE);
        assert_in_range(detector_trend(d)->samples, 950, 1002);
        assert_int_not_equal(detector_trend(d)->verdict, VERDICT_LEAK);
        detector_free(d);
}

static void hardly_regular_times_do_no_harm(void **state)
{
        struct detector *d = detector_new();
        int64_t at_ms = 0;

        (void)state;
        detector_add(d, 0, 50 * PAGE);
        detector_add(d, 1, 50 * PAGE); /* a first interval that says nothing of the later ones */
        for (int i = 0; i < 3000; i++) {
                at_ms += i % 7 ? 5000 : 1;
                detector_add(d, at_ms + 1, (int64_t)(60 * MIB + (double)i * 0.03 * MIB));
        }
        assert_int_equal(detector_trend(d)->verdict, VERDICT_LEAK);
        detector_add(d, INT64_MAX / 2, PAGE);
        detector_free(d);
}

static void a_saved_detector_goes_on_as_if_never_stopped(void **state)
{
        struct detector *whole = detector_new(), *parted = detector_new();

        (void)state;
        for (int i = 0; i < 5000; i++) {
                int64_t level = sample_of(leaking_saw, i, 5000);
                struct buffer bytes = {};

                detector_add(whole, i * 5000, level);
                detector_add(parted, i * 5000, level);
                if (i % 97)
                        continue;
                detector_save(parted, &bytes);
                assert_true(bytes.size < 1200);
                detector_free(parted);
                parted = detector_load(bytes.data, bytes.size);
                assert_non_null(parted);
                buffer_done(&bytes);
        }
        assert_memory_equal(detector_trend(whole), detector_trend(parted), sizeof(struct trend));
        assert_int_equal(detector_trend(parted)->verdict, VERDICT_LEAK);
        detector_free(whole);
        detector_free(parted);
}

static void damaged_bytes_are_refused(void **state)
{
        struct detector *d = detector_new();
        struct buffer bytes = {};

        (void)state;
        for (int i = 0; i < 300; i++)
                detector_add(d, i * 1000, i * PAGE);
        detector_save(d, &bytes);
        detector_free(d);
        assert_null(detector_load(bytes.data, 0));
        assert_null(detector_load(bytes.data, bytes.size - 1));
        for (size_t i = 0; i < bytes.size; i++) {
                bytes.data[i] ^= 0x10;
                d = detector_load(bytes.data, bytes.size);
                assert_null(d);
                bytes.data[i] ^= 0x10;
        }
        buffer_done(&bytes);
}

static void its_lows_cover_the_whole_life(void **state)
{
        struct detector *d = detector_new();
        struct low lows[256];
        size_t n;

        (void)state;
        for (int i = 0; i < 3000; i++)
                detector_add(d, i * 1000, sample_of(line, i, 3000));
        n = detector_lows(d, lows, 256);
        assert_in_range(n, 64, 128);
        assert_true(lows[0].at_ms < 60000);
        assert_true(lows[n - 1].at_ms > 2900000);
        for (size_t i = 1; i < n; i++)
                assert_true(lows[i].at_ms > lows[i - 1].at_ms);
        assert_int_equal(detector_lows(d, lows, 10), 10);
        detector_free(d);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_young_process_is_too_young_to_tell),
                cmocka_unit_test(a_flat_level_is_stable),
                cmocka_unit_test(a_steady_rise_is_a_leak_and_its_rate_is_told),
                cmocka_unit_test(a_leak_that_halts_slows_down_and_ends),
                cmocka_unit_test(a_leak_under_a_sawtooth_is_found),
                cmocka_unit_test(a_late_leak_is_found_and_its_begin_is_told),
                cmocka_unit_test(what_levels_off_or_falls_back_is_no_leak),
                cmocka_unit_test(a_step_is_told_with_its_size),
                cmocka_unit_test(a_sawtooth_is_not_warming_up),
                cmocka_unit_test(the_scale_of_time_does_not_matter),
                cmocka_unit_test(what_doubles_in_minutes_is_found_in_two),
                cmocka_unit_test(a_gap_does_not_hide_a_leak),
                cmocka_unit_test(times_that_do_not_rise_and_unknown_levels_are_left_out),
                cmocka_unit_test(hardly_regular_times_do_no_harm),
                cmocka_unit_test(a_saved_detector_goes_on_as_if_never_stopped),
                cmocka_unit_test(damaged_bytes_are_refused),
                cmocka_unit_test(its_lows_cover_the_whole_life),
        };

        return cmocka_run_group_tests_name("detector", tests, NULL, NULL);
}
