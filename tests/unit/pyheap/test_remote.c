#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "fake_memory.h"

static void what_is_there_is_read_and_nothing_else(void **state)
{
        struct fake_memory m = {};
        struct remote r;
        uint64_t word = 0;
        char text[16];

        (void)state;
        fake_memory_map(&m, 0x10000, 4096);
        fake_memory_put(&m, 0x10008, 42);
        fake_memory_put_bytes(&m, 0x10000 + 4092, "four", 4);
        remote_init(&r, fake_memory_read, &m);
        assert_false(remote_read(&r, 0x10008, &word, 8)); /* nothing is allowed yet */
        remote_allow(&r, &GENEROUS);
        assert_true(remote_read(&r, 0x10008, &word, 8));
        assert_int_equal(word, 42);
        assert_true(remote_peek_word(&r, 0x10008, &word)); /* a chunk of which only half is mapped */
        assert_false(remote_peek_word(&r, 0x10000 + 4092, &word));
        assert_false(remote_peek_text(&r, 0x10000 + 4092, text, sizeof text)); /* it doesn't end */
        assert_false(remote_read(&r, 0, &word, 8));
        assert_false(remote_read(&r, UINT64_MAX - 3, &word, 8));
        remote_done(&r);
        fake_memory_done(&m);
}

static void a_second_peek_costs_no_call(void **state)
{
        struct fake_memory m = {};
        struct remote r;
        uint64_t word;

        (void)state;
        fake_memory_map(&m, 0x10000, 2 * REMOTE_CHUNK);
        remote_init(&r, fake_memory_read, &m);
        remote_allow(&r, &GENEROUS);
        for (uint64_t at = 0x10000; at < 0x10000 + REMOTE_CHUNK; at += 8)
                assert_true(remote_peek_word(&r, at, &word));
        assert_int_equal(m.calls, 1);
        assert_true(remote_peek_word(&r, 0x10000 + REMOTE_CHUNK - 4, &word)); /* over the edge of two */
        assert_int_equal(m.calls, 2);
        fake_memory_put(&m, 0x10000, 7);
        remote_allow(&r, &GENEROUS); /* forgets */
        assert_true(remote_peek_word(&r, 0x10000, &word));
        assert_int_equal(word, 7);
        remote_done(&r);
        fake_memory_done(&m);
}

static void the_budget_of_bytes_ends_it(void **state)
{
        struct fake_memory m = {};
        char bytes[1024];
        struct remote r;

        (void)state;
        fake_memory_map(&m, 0x10000, 4096);
        remote_init(&r, fake_memory_read, &m);
        remote_allow(&r, &(struct remote_budget){ 2048, INT64_C(20000000000), INT64_C(20000000000) });
        assert_true(remote_read(&r, 0x10000, bytes, sizeof bytes));
        assert_true(remote_read(&r, 0x10000, bytes, sizeof bytes));
        assert_false(remote_read(&r, 0x10000, bytes, sizeof bytes));
        assert_true(r.over);
        assert_false(remote_go_on(&r));
        remote_done(&r);
        fake_memory_done(&m);
}

static void the_budget_of_time_ends_it(void **state)
{
        struct fake_memory m = {};
        struct remote r;
        unsigned n = 0;

        (void)state;
        remote_init(&r, fake_memory_read, &m);
        remote_allow(&r, &(struct remote_budget){ 2048, INT64_C(20000000000), 0 });
        while (remote_go_on(&r))
                assert_in_range(n++, 0, 1000);
        remote_done(&r);
}

static void no_permission_is_not_asked_for_again(void **state)
{
        struct fake_memory m = { .answer = -EPERM };
        struct remote r;
        uint64_t word;

        (void)state;
        remote_init(&r, fake_memory_read, &m);
        remote_allow(&r, &GENEROUS);
        assert_false(remote_read(&r, 0x10000, &word, 8));
        assert_int_equal(r.denied, EPERM);
        assert_false(remote_read(&r, 0x10000, &word, 8));
        assert_int_equal(m.calls, 1);
        remote_done(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_there_is_read_and_nothing_else),
                cmocka_unit_test(a_second_peek_costs_no_call),
                cmocka_unit_test(the_budget_of_bytes_ends_it),
                cmocka_unit_test(the_budget_of_time_ends_it),
                cmocka_unit_test(no_permission_is_not_asked_for_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
