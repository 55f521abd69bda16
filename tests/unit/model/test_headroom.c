/* Which limit is the nearest, and whether that is news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/headroom.h"

static void the_least_room_wins(void **state)
{
        struct headroom h = HEADROOM_UNKNOWN;

        (void)state;
        assert_false(headroom_consider(&h, LIMIT_CGROUP_MAX, -1, 5));
        assert_false(headroom_consider(&h, LIMIT_CGROUP_MAX, 5, -1));
        assert_int_equal(h.kind, LIMIT_NONE);
        assert_true(headroom_consider(&h, LIMIT_MACHINE, 1000, 400));
        assert_int_equal(h.room_bytes, 600);
        assert_true(headroom_consider(&h, LIMIT_CGROUP_MAX, 10000, 9500));
        assert_int_equal(h.kind, LIMIT_CGROUP_MAX);
        assert_int_equal(h.room_bytes, 500);
        assert_int_equal(h.used_bytes, 9500);
        assert_false(headroom_consider(&h, LIMIT_CGROUP_HIGH, 9999, 9499)); /* as much: the first stays */
        assert_true(headroom_consider(&h, LIMIT_RLIMIT_AS, 100, 300)); /* lowered below what is in use */
        assert_int_equal(h.room_bytes, 0);
        assert_false(headroom_consider(&h, LIMIT_RLIMIT_DATA, 0, 0));
        assert_int_equal(h.kind, LIMIT_RLIMIT_AS);
}

static void it_is_told_at_first_and_when_it_differs_notably(void **state)
{
        struct headroom_told told = {};
        struct headroom h = HEADROOM_UNKNOWN;

        (void)state;
        assert_true(headroom_tell(&told, &h));
        assert_false(headroom_tell(&told, &h));
        headroom_consider(&h, LIMIT_CGROUP_MAX, 100000, 50000);
        h.shared_by = 7;
        assert_true(headroom_tell(&told, &h));
        assert_false(headroom_tell(&told, &h));
        h.room_bytes = 49000;
        assert_false(headroom_tell(&told, &h));
        h.room_bytes = 48999; /* a little at a time adds up */
        assert_true(headroom_tell(&told, &h));
        h.room_bytes = 49500;
        assert_false(headroom_tell(&told, &h));
        h.room_bytes = 50000;
        assert_true(headroom_tell(&told, &h));
        h.oom_kills = 0;
        assert_true(headroom_tell(&told, &h));
        h.shared_by = 8; /* the same limit of another group */
        assert_true(headroom_tell(&told, &h));
        h.kind = LIMIT_CGROUP_HIGH;
        assert_true(headroom_tell(&told, &h));
        h.limit_bytes++;
        assert_true(headroom_tell(&told, &h));
        assert_false(headroom_tell(&told, &h));
}

static void a_long_place_keeps_its_end(void **state)
{
        struct headroom h = HEADROOM_UNKNOWN;
        char path[300];

        (void)state;
        headroom_set_place(&h, "/system.slice/shop.service");
        assert_string_equal(h.place, "/system.slice/shop.service");
        headroom_set_place(&h, "");
        assert_string_equal(h.place, "");
        memset(path, 'x', HEADROOM_PLACE_SIZE - 1);
        path[HEADROOM_PLACE_SIZE - 1] = '\0';
        headroom_set_place(&h, path);
        assert_string_equal(h.place, path);
        memset(path, 'x', HEADROOM_PLACE_SIZE);
        strcpy(path + HEADROOM_PLACE_SIZE, "/shop.service");
        headroom_set_place(&h, path);
        assert_int_equal(strlen(h.place), HEADROOM_PLACE_SIZE - 1);
        assert_memory_equal(h.place, "…xx", 5);
        assert_string_equal(h.place + HEADROOM_PLACE_SIZE - 1 - 13, "/shop.service");
}

static void a_place_is_not_cut_within_a_character(void **state)
{
        struct headroom h = HEADROOM_UNKNOWN;

        (void)state;
        for (int shift = 0; shift < 4; shift++) {
                char path[300] = "/aaa";

                path[1 + shift] = '\0';
                while (strlen(path) < 200)
                        strcat(path, "ü");
                headroom_set_place(&h, path);
                assert_memory_equal(h.place, "…ü", 5);
                assert_true(strlen(h.place) >= HEADROOM_PLACE_SIZE - 2);
        }
        memset(h.place, 0, sizeof h.place);
        {
                char broken[200];

                memset(broken, 0x80, sizeof broken - 1);
                broken[sizeof broken - 1] = '\0';
                headroom_set_place(&h, broken);
                assert_string_equal(h.place, "…");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_least_room_wins),
                cmocka_unit_test(it_is_told_at_first_and_when_it_differs_notably),
                cmocka_unit_test(a_long_place_keeps_its_end),
                cmocka_unit_test(a_place_is_not_cut_within_a_character),
        };

        return cmocka_run_group_tests_name("headroom", tests, NULL, NULL);
}
