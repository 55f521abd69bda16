/* Leaks behind recycling: what several lives of an app's processes say together. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/generations.h"

#define MIB 1048576.0

enum { MOST = 2000, TICK_MS = 5000, BUCKETS = 128 };

/* An app under test, and the process of it that lives now. */
struct app {
        struct generations g;
        int64_t now_ms, gap_ms; /* gap: from an end to the next begin */
        double level[MOST];
        int n;
        bool leaked; /* by the detector's own word */
        uint32_t seed;
};

static double chance(struct app *a)
{
        a->seed = a->seed * 1664525u + 1013904223u;
        return (double)(a->seed >> 8) / (1 << 24);
}

static void app_start(struct app *a, uint32_t seed)
{
        *a = (struct app){ .gap_ms = 2000, .seed = seed };
        generations_init(&a->g);
        generations_begin(&a->g, 0);
}

static void live(struct app *a, double bytes)
{
        assert_true(a->n < MOST);
        a->level[a->n++] = bytes + chance(a) * 0.6 * MIB;
}

/* What the detector would have kept of the life: the lowest of each bucket, 64 to 128 of them. */
static size_t lows_of(const struct app *a, int64_t began_ms, struct low *ret)
{
        int width = 1;
        size_t n = 0;

        while ((a->n + width - 1) / width > BUCKETS)
                width *= 2;
        for (int i = 0; i < a->n; i += width) {
                double low = a->level[i];

                for (int k = i; k < i + width && k < a->n; k++)
                        low = fmin(low, a->level[k]);
                ret[n++] = (struct low){ began_ms + (int64_t)i * TICK_MS, (int64_t)low / 4096 * 4096 };
        }
        return n;
}

/* The life ends (began when the last ended and the gap was over), and its successor begins. */
static void replace(struct app *a)
{
        struct low lows[BUCKETS];
        int64_t began_ms = a->now_ms;
        size_t n = lows_of(a, began_ms, lows);
        struct trend trend = { .first_ms = began_ms,
                               .last_ms = began_ms + (int64_t)(a->n - 1) * TICK_MS,
                               .samples = (uint64_t)a->n,
                               .growing = a->leaked };

        a->now_ms = began_ms + (int64_t)a->n * TICK_MS;
        generations_add(&a->g, &trend, lows, n, a->now_ms);
        a->now_ms += a->gap_ms;
        generations_begin(&a->g, a->now_ms);
        a->n = 0;
}

static struct generations_trend trend_of(const struct app *a)
{
        struct generations_trend t;

        generations_trend(&a->g, &t);
        return t;
}

/* So many samples of a start-up of 2 MiB and a leak that grows by so much in all; its memory goes as it shuts down. */
static void live_leaking(struct app *a, int samples, double growth)
{
        for (int i = 0; i < samples; i++)
                live(a, 38 * MIB + 2 * MIB * (1 - exp(-i / 10.0)) + growth * i / samples);
        live(a, 20 * MIB);
}

static void two_workers_that_leaked_by_themselves_are_enough(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 3);
        a.leaked = true;
        for (int i = 0; i < 2; i++) {
                assert_false(trend_of(&a).growing);
                live_leaking(&a, 240, 30 * MIB);
                replace(&a);
        }
        assert_true(trend_of(&a).growing);
        generations_mended(&a.g);
        assert_false(trend_of(&a).growing);
}

static void four_workers_that_grow_alike_are_a_leak(void **state)
{
        struct generations_trend t;
        struct app a;

        (void)state;
        app_start(&a, 1);
        for (int i = 0; i < 4; i++) {
                assert_false(trend_of(&a).growing);
                live_leaking(&a, 240, 30 * MIB); /* 20 minutes: 90 MiB an hour */
                replace(&a);
        }
        t = trend_of(&a);
        assert_true(t.growing);
        assert_int_equal(t.alike, 4);
        assert_int_equal(t.of, 4);
        assert_int_equal(t.since_ms, 0);
        assert_true(fabs(t.bytes_per_hour / MIB - 90) < 9);
        assert_true(t.confidence > 0.99 && t.confidence <= 1);
        assert_int_equal(t.lifetime_ms, 241 * TICK_MS);
        assert_true(t.from_bytes > 40 * MIB && t.from_bytes < 45 * MIB);
        assert_true(t.to_bytes > 65 * MIB && t.to_bytes < 71 * MIB);
}

static void it_takes_a_minute_of_samples_at_least(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 2);
        for (int i = 0; i < 12; i++) {
                live_leaking(&a, 55, 30 * MIB);
                replace(&a);
        }
        assert_false(trend_of(&a).growing);
        assert_int_equal(trend_of(&a).of, 0);
        for (int i = 0; i < 5; i++) {
                live_leaking(&a, 65, 30 * MIB);
                replace(&a);
        }
        assert_true(trend_of(&a).growing);
}

/* max_requests replaces each worker after the same work, which the hours of the day bring at different speed. */
static void growth_that_follows_the_requests_is_found(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 3);
        for (int i = 0; i < 8; i++) {
                double growth = 0, speed = 0.1 + 0.1 * (i % 4);

                while (growth < 30) {
                        growth += speed * (0.4 + 1.2 * chance(&a));
                        live(&a, (38 + growth) * MIB);
                }
                replace(&a);
        }
        assert_true(trend_of(&a).growing);
        assert_int_equal(trend_of(&a).alike, 8);
}

static void a_leak_under_a_sawtooth_is_found(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 4);
        for (int i = 0; i < 5; i++) {
                for (int k = 0; k < 300; k++)
                        live(&a, (38 + k * 0.1 + (k + i * 7) % 31 * 0.4) * MIB);
                replace(&a);
        }
        assert_true(trend_of(&a).growing);
}

static void a_leak_behind_a_long_warm_up_is_found(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 5);
        for (int i = 0; i < 6; i++) {
                for (int k = 0; k < 300; k++)
                        live(&a, (38 + 15 * (1 - exp(-k / 30.0)) + k / 15.0) * MIB);
                replace(&a);
        }
        assert_true(trend_of(&a).growing);
}

/* Four workers at a time, each replaced on its own. */
static void workers_that_overlap_are_told_apart(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 6);
        for (int worker = 1; worker < 4; worker++)
                generations_begin(&a.g, worker * 1000);
        for (int i = 0; i < 8; i++) {
                int64_t began_ms = (i / 4) * 1300000 + (i % 4) * 300000;

                a.now_ms = began_ms;
                live_leaking(&a, 250, 25 * MIB);
                replace(&a);
        }
        assert_int_equal(trend_of(&a).of, 8);
        assert_true(trend_of(&a).growing);
}

static void workers_that_warm_up_and_level_off_are_no_leak(void **state)
{
        static const double shares[] = { 0.05, 0.1, 0.2, 0.4, 0.6, 1 };

        (void)state;
        for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
                struct app a;

                app_start(&a, 7);
                for (int i = 0; i < 12; i++) {
                        for (int k = 0; k < 300; k++)
                                live(&a, (38 + 25 * (1 - exp(-k / (300 * shares[s])))) * MIB);
                        replace(&a);
                        assert_false(trend_of(&a).growing);
                }
                assert_int_equal(trend_of(&a).of, 12);
        }
}

static void a_sawtooth_a_step_and_a_level_are_no_leak(void **state)
{
        struct app a;

        (void)state;
        for (int kind = 0; kind < 3; kind++) {
                app_start(&a, 8);
                for (int i = 0; i < 12; i++) {
                        for (int k = 0; k < 250; k++)
                                live(&a, (38 + (kind == 0   ? (k + i * 13) % 60 * 0.4
                                                : kind == 1 ? (k > 120) * 40
                                                            : 0)) *
                                                 MIB);
                        replace(&a);
                        assert_false(trend_of(&a).growing);
                }
        }
}

/* A job that a timer runs every 30 minutes loads data from its start to its end. */
static void a_batch_job_has_gaps_between_its_runs(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 9);
        a.gap_ms = 10 * 60000;
        for (int i = 0; i < 12; i++) {
                live_leaking(&a, 240, 100 * MIB);
                replace(&a);
        }
        assert_false(trend_of(&a).growing);
        assert_int_equal(trend_of(&a).of, 0);
}

/* The job has children towards its end, which go with it: they are no successors. */
static void a_short_lived_child_takes_nobody_s_place(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 10);
        a.gap_ms = 10 * 60000;
        for (int i = 0; i < 12; i++) {
                struct trend child = { .samples = 3 };

                live_leaking(&a, 240, 100 * MIB);
                child.first_ms = a.now_ms + (int64_t)(a.n - 3) * TICK_MS;
                child.last_ms = child.first_ms + 2 * TICK_MS;
                generations_begin(&a.g, child.first_ms);
                generations_add(&a.g, &child, NULL, 0, child.last_ms);
                replace(&a);
        }
        assert_int_equal(trend_of(&a).of, 0);
}

/* Killed at any age, for growth of any size: no two alike. */
static void workers_that_die_of_different_causes_are_no_leak(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 11);
        for (int i = 0; i < 12; i++) {
                int samples = 100 + (int)(chance(&a) * 400), at = (int)(chance(&a) * samples);
                double height = chance(&a) * 60;

                for (int k = 0; k < samples; k++)
                        live(&a, (38 + (i % 3 == 0 ? height * k / samples : i % 3 == 1 ? (k > at) * height : 0)) * MIB);
                replace(&a);
                assert_false(trend_of(&a).growing);
        }
}

static void it_ends_when_it_was_mended(void **state)
{
        struct app a;

        (void)state;
        app_start(&a, 12);
        for (int i = 0; i < 12; i++) {
                live_leaking(&a, 240, 30 * MIB);
                replace(&a);
        }
        assert_true(trend_of(&a).growing);
        assert_int_equal(trend_of(&a).since_ms, 0);
        for (int i = 0; i < 3; i++) {
                assert_true(trend_of(&a).growing);
                live_leaking(&a, 240, 0);
                replace(&a);
        }
        assert_false(trend_of(&a).growing);
        assert_int_equal(trend_of(&a).since_ms, -1);
}

static void nothing_is_said_of_nothing(void **state)
{
        struct trend empty = {}, odd = { .first_ms = 100, .last_ms = 50, .samples = 1000 };
        struct low lows[64] = {};
        struct app a;

        (void)state;
        app_start(&a, 13);
        generations_add(&a.g, NULL, NULL, 0, 0);
        generations_add(&a.g, &empty, lows, 64, 5000);
        generations_add(&a.g, &odd, lows, 64, 60);
        for (int i = 0; i < 20; i++) {
                odd.first_ms = i * 1000;
                generations_add(&a.g, &odd, lows, 64, odd.first_ms + 1000);
        }
        assert_false(trend_of(&a).growing);
        assert_true(isnan(trend_of(&a).bytes_per_hour));
        assert_int_equal(trend_of(&a).lifetime_ms, -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_workers_that_leaked_by_themselves_are_enough),
                cmocka_unit_test(four_workers_that_grow_alike_are_a_leak),
                cmocka_unit_test(it_takes_a_minute_of_samples_at_least),
                cmocka_unit_test(growth_that_follows_the_requests_is_found),
                cmocka_unit_test(a_leak_under_a_sawtooth_is_found),
                cmocka_unit_test(a_leak_behind_a_long_warm_up_is_found),
                cmocka_unit_test(workers_that_overlap_are_told_apart),
                cmocka_unit_test(workers_that_warm_up_and_level_off_are_no_leak),
                cmocka_unit_test(a_sawtooth_a_step_and_a_level_are_no_leak),
                cmocka_unit_test(a_batch_job_has_gaps_between_its_runs),
                cmocka_unit_test(a_short_lived_child_takes_nobody_s_place),
                cmocka_unit_test(workers_that_die_of_different_causes_are_no_leak),
                cmocka_unit_test(it_ends_when_it_was_mended),
                cmocka_unit_test(nothing_is_said_of_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
