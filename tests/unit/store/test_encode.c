/* What goes into a chunk comes out again, whatever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/encode.h"

static uint64_t seed = 88172645463325252u;

static uint32_t rnd(uint32_t below)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return (uint32_t)(seed >> 11) % below;
}

static uint32_t next_state(uint32_t now)
{
        switch (rnd(10)) {
        case 0: return 0;
        case 1: return UINT32_MAX - rnd(3);
        case 2: return rnd(UINT32_MAX);
        case 3: return 1;
        case 4: return now + (1u << 18) + rnd(3) - 1;
        case 5: return now - (1u << 18) + rnd(3) - 1;
        default: return now + rnd(130) - 65;
        }
}

struct states { uint32_t rss, shared; };

static void check_series(const struct states *want, uint32_t n, const char *text, uint32_t size)
{
        struct series_cursor c = { .text = text, .size = size };
        uint32_t at = 0;

        while (series_next(&c)) {
                assert_int_equal(c.first, at);
                for (uint32_t i = 0; i < c.ticks; i++, at++) {
                        assert_true(at < n);
                        assert_int_equal(c.rss, want[at].rss);
                        if (c.rss)
                                assert_int_equal(c.shared, want[at].shared);
                }
        }
        assert_false(c.damaged);
        for (; at < n; at++) /* a series that ends unknown need not say so */
                assert_int_equal(want[at].rss, 0);
}

static void series_comes_back(void **state)
{
        struct states want[SERIES_TICKS_MAX];

        (void)state;
        for (int round = 0; round < 20000; round++) {
                uint32_t n = 1 + rnd(SERIES_TICKS_MAX), size, changes = 1 + rnd(400), resume_at = rnd(n);
                struct states now = {};
                struct series s = {};
                char *text;

                for (uint32_t i = 0; i < n; i++) {
                        if (rnd(400) < changes)
                                now.rss = next_state(now.rss);
                        if (rnd(20) == 0)
                                now.shared = next_state(now.shared);
                        want[i] = now;
                        if (i == resume_at && rnd(2)) { /* written out and taken up again, as after a crash */
                                text = series_finish(&s, i, &size);
                                assert_true(series_resume(&s, text, size));
                                free(text);
                        }
                        series_feed(&s, i, now.rss, now.shared);
                }
                text = series_finish(&s, n, &size);
                check_series(want, n, text, size);
                free(text);
        }
}

static void quiet_process_costs_a_few_bytes(void **state)
{
        struct series s = {};
        uint32_t size;
        char *text;

        (void)state;
        series_feed(&s, 0, 20000, 3000);
        text = series_finish(&s, 360, &size);
        assert_true(size <= 9);
        free(text);
}

static void nonsense_is_damaged_not_fatal(void **state)
{
        char text[64];

        (void)state;
        for (int round = 0; round < 100000; round++) {
                size_t size = rnd(sizeof text);
                struct series_cursor c = { .text = text, .size = size };
                struct detail_cursor d = { .text = text, .size = size };
                uint32_t ticks = 0;

                for (size_t i = 0; i < size; i++)
                        text[i] = (char)(rnd(3) ? rnd(256) : 0xf0 + rnd(5));
                while (series_next(&c))
                        ticks += c.ticks;
                while (detail_next(&d))
                        ;
                assert_true(ticks <= SERIES_TICKS_MAX);
        }
}

static int64_t next_figure(int64_t now)
{
        switch (rnd(6)) {
        case 0: return 0;
        case 1: return DETAIL_STATE_MAX - (int64_t)rnd(2);
        case 2: return (int64_t)rnd(1u << 31) << rnd(21);
        case 3: return now;
        default: return now + rnd(5000) < DETAIL_STATE_MAX ? now + rnd(5000) : now;
        }
}

static void details_come_back(void **state)
{
        int64_t want[SERIES_TICKS_MAX][DETAIL_STATES];
        bool there[SERIES_TICKS_MAX];

        (void)state;
        for (int round = 0; round < 3000; round++) {
                struct detail_series s = {};
                struct detail_cursor c = {};
                uint32_t n = 1 + rnd(SERIES_TICKS_MAX), size, every = 1 + rnd(300);
                int64_t now[DETAIL_STATES] = {};
                char *text;

                for (uint32_t i = 0; i < n; i++) {
                        there[i] = rnd(every) == 0;
                        if (!there[i])
                                continue;
                        for (int j = 0; j < DETAIL_STATES; j++)
                                now[j] = next_figure(now[j]);
                        memcpy(want[i], now, sizeof now);
                        detail_series_feed(&s, i, now);
                        detail_series_feed(&s, i, now);
                        if (rnd(10) == 0) {
                                text = detail_series_finish(&s, &size);
                                assert_true(detail_series_resume(&s, text, size));
                                free(text);
                        }
                }
                text = detail_series_finish(&s, &size);
                c.text = text;
                c.size = size;
                for (uint32_t i = 0; i < n; i++) {
                        if (!there[i])
                                continue;
                        assert_true(detail_next(&c));
                        assert_int_equal(c.ticks, i + 1);
                        assert_memory_equal(c.states, want[i], sizeof c.states);
                }
                assert_false(detail_next(&c));
                assert_false(c.damaged);
                free(text);
        }
}

static void figures_keep_what_is_unknown(void **state)
{
        uint32_t rss, shared;
        struct detail d = DETAIL_UNKNOWN, back;
        int64_t states[DETAIL_STATES];

        (void)state;
        series_states(-1, 5, &rss, &shared);
        assert_int_equal(series_figures(rss, shared).rss_bytes, BYTES_UNKNOWN);
        series_states(8192, -1, &rss, &shared);
        assert_int_equal(series_figures(rss, shared).rss_bytes, 8192);
        assert_int_equal(series_figures(rss, shared).anon_bytes, BYTES_UNKNOWN);
        series_states(8192, 8192, &rss, &shared);
        assert_int_equal(series_figures(rss, shared).anon_bytes, 8192);
        series_states(0, 0, &rss, &shared);
        assert_int_equal(series_figures(rss, shared).rss_bytes, 0);
        series_states(INT64_MAX, 0, &rss, &shared);
        assert_true(series_figures(rss, shared).anon_bytes == 0);
        detail_to_states(&d, states);
        back = detail_from_states(states);
        assert_memory_equal(&d, &back, sizeof d);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(series_comes_back),
                cmocka_unit_test(quiet_process_costs_a_few_bytes),
                cmocka_unit_test(nonsense_is_damaged_not_fatal),
                cmocka_unit_test(details_come_back),
                cmocka_unit_test(figures_keep_what_is_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
