/* The cache: shared while it is of this tick, bounded, gone afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "api/cache.h"

static struct body_pool pool = { .limit = 64 << 20 };

static struct answer make(size_t size)
{
        struct buffer b = {};
        struct answer a = {};

        buffer_reserve(&b, size);
        memset(b.data, 'x', size);
        b.size = size;
        answer_finish(&a, &pool, &b, "text/plain");
        return a;
}

static void an_answer_is_shared_until_the_next_tick(void **state)
{
        struct cache c = {};
        struct answer a = make(100), found = {};

        (void)state;
        assert_false(cache_find(&c, 1, 0, "/x?J", &found));
        cache_put(&c, "/x?J", &a);
        assert_true(cache_find(&c, 1, 0, "/x?J", &found));
        assert_ptr_equal(found.body, a.body);
        answer_done(&found);
        assert_false(cache_find(&c, 1, 0, "/x?T", &found));
        assert_false(cache_find(&c, 2, 0, "/x?J", &found));
        answer_done(&a);
        assert_int_equal(pool.bytes, 0);
}

static void it_lives_a_minute_at_most(void **state)
{
        struct cache c = {};
        struct answer a = make(100), found = {};

        (void)state;
        assert_false(cache_find(&c, 1, 0, "k", &found));
        cache_put(&c, "k", &a);
        assert_false(cache_find(&c, 1, CACHE_MS, "k", &found));
        answer_done(&a);
        assert_int_equal(pool.bytes, 0);
}

static void it_is_bounded_and_the_least_used_goes_first(void **state)
{
        struct cache c = {};
        struct answer found = {};
        char key[16];

        (void)state;
        cache_find(&c, 1, 0, "none", &found);
        for (int i = 0; i < 5; i++) {
                struct answer a = make(CACHE_BYTES / 4);

                snprintf(key, sizeof key, "%d", i);
                cache_put(&c, key, &a);
                answer_done(&a);
                if (cache_find(&c, 1, 0, "0", &found))
                        answer_done(&found);
                assert_true(pool.bytes <= CACHE_BYTES);
        }
        assert_true(cache_find(&c, 1, 0, "0", &found));
        answer_done(&found);
        assert_false(cache_find(&c, 1, 0, "1", &found));
        cache_done(&c);
        assert_int_equal(pool.bytes, 0);
}

static void a_full_pool_is_a_503(void **state)
{
        struct body_pool small = { .limit = 100 };
        struct buffer b = {};
        struct answer a = {};

        (void)state;
        buffer_add(&b, "x", 1);
        answer_finish(&a, &small, &b, "text/plain");
        assert_int_equal(a.status, 503);
        assert_null(a.body);
        assert_non_null(strstr(a.fixed, "\"status\": 503"));
        answer_done(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_answer_is_shared_until_the_next_tick),
                cmocka_unit_test(it_lives_a_minute_at_most),
                cmocka_unit_test(it_is_bounded_and_the_least_used_goes_first),
                cmocka_unit_test(a_full_pool_is_a_503),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
