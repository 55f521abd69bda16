/* What was put into the store is what the reader and the views give, at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "world.h"

DEFINE_CLEANUP(struct world *, world_free)
#define WORLD _cleanup_(world_freep) struct world *w = world_new()

static void samples_are_there_after_each_tick(void **state)
{
        WORLD;

        (void)state;
        world_open(w);
        for (int i = 0; i < 5; i++)
                world_begin(w);
        for (int i = 0; i < 60; i++) {
                world_stir(w);
                world_tick(w);
                world_check(w);
        }
}

/* 20 processes stirred over several segments; the ring goes round, chunks are sealed in batches. */
static void nothing_is_seen_twice_or_never(void **state)
{
        WORLD;

        (void)state;
        w->options.detail_interval_ms = 8000;
        world_open(w);
        for (int i = 0; i < 200; i++)
                world_begin(w);
        for (int i = 0; i < 800; i++) {
                world_stir(w);
                world_tick(w);
                if (i % 40 == 39 || (i >= 358 && i < 372))
                        world_check(w);
        }
}

static void clean_restart_loses_nothing(void **state)
{
        WORLD;

        (void)state;
        world_open(w);
        for (int i = 0; i < 10; i++)
                world_begin(w);
        for (int i = 0; i < 12; i++) {
                for (int j = 0; j < 37; j++) {
                        world_stir(w);
                        world_tick(w);
                }
                world_close(w);
                world_check(w);
                world_restart(w);
        }
        world_tick(w);
        world_check(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(samples_are_there_after_each_tick),
                cmocka_unit_test(nothing_is_seen_twice_or_never),
                cmocka_unit_test(clean_restart_loses_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
