/* Snapshots for cursors: found for ten minutes, let go beyond a bound, oldest cursor first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "api/keep.h"

static struct snapshot *make(int64_t tick)
{
        struct snapshot *s = calloc(1, sizeof *s);

        *s = (struct snapshot){ .refs = 1, .tick = tick };
        return s;
}

static void it_is_kept_for_ten_minutes(void **state)
{
        static struct keep k;
        struct snapshot *s = make(5);

        (void)state;
        keep_snapshot(&k, s, 0, 1000);
        snapshot_unref(s);
        assert_ptr_equal(keep_find(&k, 5, 1000 + KEEP_MS), s);
        assert_null(keep_find(&k, 6, 1000));
        assert_null(keep_find(&k, 5, 1001 + KEEP_MS));
        keep_trim(&k, 0, 1001 + KEEP_MS);
        assert_int_equal(k.n, 0);
}

static void a_further_cursor_keeps_it_longer(void **state)
{
        static struct keep k;
        struct snapshot *a = make(1), *b = make(2);

        (void)state;
        keep_snapshot(&k, a, 0, 0);
        keep_snapshot(&k, b, 0, 1);
        keep_snapshot(&k, a, 0, 2);
        assert_int_equal(k.n, 2);
        assert_ptr_equal(k.list[1].snapshot, a);
        /* What has been replaced since is held by those kept alone: beyond the bound the oldest goes. */
        keep_trim(&k, KEEP_BYTES + 1, 3);
        assert_int_equal(k.n, 0);
        snapshot_unref(a);
        snapshot_unref(b);
}

static void there_is_room_for_so_many_only(void **state)
{
        static struct keep k;

        (void)state;
        for (int64_t i = 0; i < KEEP_MAX + 10; i++) {
                struct snapshot *s = make(i);

                keep_snapshot(&k, s, 0, i);
                snapshot_unref(s);
        }
        assert_int_equal(k.n, KEEP_MAX);
        assert_null(keep_find(&k, 9, KEEP_MAX));
        assert_non_null(keep_find(&k, 10, KEEP_MAX));
        keep_done(&k);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_is_kept_for_ten_minutes),
                cmocka_unit_test(a_further_cursor_keeps_it_longer),
                cmocka_unit_test(there_is_room_for_so_many_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
