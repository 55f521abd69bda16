#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_memory.h"
#include "pyheap/gc.h"

#define INTERP UINT64_C(0x300000)

/* Three empty generations and a permanent one of two objects, the first head at this offset in the collector's state. */
static void put_state(struct fake_memory *m, const struct layout *l, unsigned first)
{
        uint64_t gc = INTERP + l->gc_at, permanent = gc + l->gc_permanent, objects = INTERP + (1 << 20);
        const int32_t thresholds[] = { 700, 11, 13 };

        for (unsigned i = 0; i < 3; i++) {
                uint64_t head = gc + first + i * l->gc_generation_size;

                fake_memory_put(m, head, head);
                fake_memory_put(m, head + 8, head);
                fake_memory_put_bytes(m, head + l->gc_threshold, &thresholds[i], 4);
                fake_memory_put_bytes(m, head + l->gc_threshold + 4, &(int32_t){ (int32_t)i }, 4);
        }
        fake_memory_put(m, permanent, objects);
        fake_memory_put(m, permanent + 8, objects + 64);
        fake_memory_put(m, objects, objects + 64);
        fake_memory_put(m, objects + 8, permanent);
        fake_memory_put(m, objects + 64, permanent);
        fake_memory_put(m, objects + 72, objects);
        fake_memory_put_bytes(m, gc + l->gc_enabled, &(int32_t){ 1 }, 4);
}

/* broken: how many of the lists, the oldest first, are none at the moment. */
static int read_with(unsigned minor, int shift, struct look_gc *ret, unsigned broken)
{
        const struct layout *l = layout_of(minor);
        struct python p = { .layout = *l, .runtime = INTERP, .interpreters = { INTERP }, .n_interpreters = 1 };
        struct fake_memory m = {};
        struct error err = {};
        struct remote r;
        int res;

        fake_memory_map(&m, INTERP, 2 << 20);
        put_state(&m, l, (unsigned)(l->gc_generations + shift));
        for (unsigned i = 3 - broken; i < 3; i++)
                fake_memory_put(&m, INTERP + l->gc_at + (uint64_t)(l->gc_generations + shift) + i * l->gc_generation_size + 8, 0x400000);
        fake_memory_put_bytes(&m, INTERP + l->gc_at + l->gc_collecting, &(int32_t){ broken > 0 }, 4);
        remote_init(&r, fake_memory_read, &m);
        remote_allow(&r, &GENEROUS);
        res = gc_read(&r, &p, ret, &err);
        remote_done(&r);
        fake_memory_done(&m);
        return res;
}

static void every_version_s_state_is_read(void **state)
{
        (void)state;
        for (unsigned minor = LAYOUT_OLDEST; minor <= LAYOUT_NEWEST; minor++) {
                struct look_gc gc;

                assert_int_equal(read_with(minor, 0, &gc, 0), 0);
                assert_int_equal(gc.enabled, 1);
                assert_int_equal(gc.thresholds[0], 700);
                assert_int_equal(gc.thresholds[2], 13);
                assert_int_equal(gc.counts[1], 1);
                assert_int_equal(gc.uncollectable, 0);
                assert_int_equal(gc.frozen, 2);
        }
}

static void generations_that_moved_are_found(void **state)
{
        struct look_gc gc;

        (void)state;
        assert_int_equal(read_with(13, -4, &gc, 0), 0); /* 3.13.5 */
        assert_int_equal(gc.thresholds[0], 700);
        assert_int_equal(gc.thresholds[1], 11);
}

/* All objects are being collected: the oldest list's links count references. */
static void generations_that_moved_are_found_during_a_collection(void **state)
{
        struct look_gc gc;

        (void)state;
        assert_int_equal(read_with(13, -4, &gc, 1), 0);
        assert_int_equal(gc.thresholds[0], 700);
        assert_int_equal(gc.thresholds[2], 13);
        assert_true(gc.collecting);
        assert_int_equal(read_with(11, 0, &gc, 1), 0);
        assert_int_equal(gc.thresholds[0], 700);
}

static void what_does_not_hold_is_refused(void **state)
{
        struct look_gc gc;

        (void)state;
        assert_int_equal(read_with(11, 0, &gc, 3), -EAGAIN);
        assert_int_equal(gc.thresholds[0], -1);
        assert_int_equal(gc.enabled, -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_version_s_state_is_read),
                cmocka_unit_test(generations_that_moved_are_found),
                cmocka_unit_test(generations_that_moved_are_found_during_a_collection),
                cmocka_unit_test(what_does_not_hold_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
