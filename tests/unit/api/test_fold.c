/* Steps: aligned, lowest, mean and highest, nothing made up where nothing is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/fold.h"

static void steps_begin_at_whole_multiples(void **state)
{
        (void)state;
        assert_int_equal(step_begin(1999, 1000), 1000);
        assert_int_equal(step_begin(2000, 1000), 2000);
        assert_int_equal(step_begin(-1, 1000), -1000);
        assert_int_equal(step_begin(0, 7), 0);
}

static void samples_fold_into_their_step(void **state)
{
        struct fold f = { .step_ms = 1000 };
        struct step s;

        (void)state;
        assert_false(fold_add(&f, 1100, &(struct figures){ 30, 20 }, &s));
        assert_false(fold_add(&f, 1500, &(struct figures){ 10, 25 }, &s));
        assert_false(fold_add(&f, 1999, &(struct figures){ 21, BYTES_UNKNOWN }, &s));
        assert_true(fold_add(&f, 4000, &(struct figures){ 5, 5 }, &s));
        assert_int_equal(s.at_ms, 1000);
        assert_int_equal(s.rss_min_bytes, 10);
        assert_int_equal(s.rss_mean_bytes, 20);
        assert_int_equal(s.rss_max_bytes, 30);
        assert_int_equal(s.anon_min_bytes, 20);
        assert_true(fold_end(&f, &s));
        assert_int_equal(s.at_ms, 4000);
        assert_int_equal(s.rss_mean_bytes, 5);
        assert_false(fold_end(&f, &s));
}

static void what_is_not_known_stays_so(void **state)
{
        struct fold f = { .step_ms = 1000 };
        struct step s;

        (void)state;
        fold_add(&f, 100, &(struct figures){ BYTES_UNKNOWN, BYTES_UNKNOWN }, &s);
        assert_true(fold_end(&f, &s));
        assert_int_equal(s.rss_min_bytes, BYTES_UNKNOWN);
        assert_int_equal(s.rss_mean_bytes, BYTES_UNKNOWN);
        assert_int_equal(s.rss_max_bytes, BYTES_UNKNOWN);
        assert_int_equal(s.anon_min_bytes, BYTES_UNKNOWN);
}

static void a_sum_beyond_64_bits_has_a_mean(void **state)
{
        struct fold f = { .step_ms = 1000 };
        struct step s;

        (void)state;
        for (int i = 0; i < 4; i++)
                fold_add(&f, i, &(struct figures){ INT64_MAX, 0 }, &s);
        assert_true(fold_end(&f, &s));
        assert_true(s.rss_mean_bytes == INT64_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(steps_begin_at_whole_multiples),
                cmocka_unit_test(samples_fold_into_their_step),
                cmocka_unit_test(what_is_not_known_stays_so),
                cmocka_unit_test(a_sum_beyond_64_bits_has_a_mean),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
