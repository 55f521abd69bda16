/* History goes by age and by size, oldest first, and the file keeps to its largest size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "world.h"

DEFINE_CLEANUP(struct world *, world_free)
#define WORLD _cleanup_(world_freep) struct world *w = world_new()

static void old_history_goes_whole(void **state)
{
        WORLD;

        (void)state;
        w->options.retention_ms = 600000;
        world_open(w);
        for (int i = 0; i < 20; i++)
                world_begin(w);
        for (int i = 0; i < 3000; i++) {
                world_stir(w);
                world_tick(w);
        }
        world_check_since(w, w->at_ms - 600000);
        assert_true(world_sql_int(w->path, "SELECT count(*) FROM segment") <= 5);
        assert_true(world_sql_int(w->path, "SELECT min(no) FROM tick") > 1500);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process_row WHERE exited_at_ms IS NOT NULL AND"
                                                " last_segment < (SELECT min(no) FROM segment)"), 0);
        assert_int_equal(world_sql_int(w->path,
                                       "SELECT count(*) FROM chunk WHERE id >> 32 < (SELECT min(no) FROM segment)"), 0);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM text_row WHERE id NOT IN"
                                                " (SELECT cmdline FROM process_row)"), 0);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM event_row WHERE process NOT IN"
                                                " (SELECT no FROM process_row)"), 0);
}

static void clock_that_jumped_deletes_nothing(void **state)
{
        WORLD;
        struct error err;

        (void)state;
        w->options.retention_ms = 600000;
        world_open(w);
        world_begin(w);
        for (int i = 0; i < 800; i++) {
                world_stir(w);
                world_add_tick(w);
                world_commit(w);
                store_maintain(w->store, w->at_ms + 86400000, false, &err);
        }
        world_check(w);
}

static void file_keeps_to_its_largest_size(void **state)
{
        WORLD;
        int64_t oldest;

        (void)state;
        w->options.max_bytes = 4 << 20;
        world_open(w);
        for (int i = 0; i < 300; i++)
                world_begin(w);
        for (int i = 0; i < 6000; i++) {
                for (size_t j = 0; j < w->n_processes; j++)
                        world_set(w, j, world_random(w, 1u << 30), world_random(w, 3000));
                world_tick(w);
                if (store_counts(w->store).bytes > w->options.max_bytes)
                        fail_msg("%lld bytes at tick %d", (long long)store_counts(w->store).bytes, i);
        }
        oldest = world_sql_int(w->path, "SELECT min(first_at_ms) FROM segment");
        assert_true(oldest > WORLD_START_MS + 1000);
        assert_true(oldest < w->at_ms - 500000);
        world_check_since(w, oldest + 2000000);
        world_close(w);
        w->options.max_bytes = 64 << 20;
        world_restart(w);
}

static void storm_of_long_command_lines_keeps_to_the_size(void **state)
{
        WORLD;
        static char line[30000];
        char *args[] = { line, NULL };
        int32_t pid = 100000;

        (void)state;
        w->options.max_bytes = 4 << 20;
        world_open(w);
        world_set(w, world_begin(w), 1000, 10);
        memset(line, 'x', sizeof line - 1);
        for (int i = 0; i < 600; i++) {
                for (int j = 0; j < 3; j++) {
                        struct process_id id = { .pid = pid++, .start_ticks = 5, .boot = WORLD_BOOT };
                        struct identity who = world_identity("storm");
                        char app[APP_ID_SIZE];
                        bool known;

                        snprintf(line, 20, "%d", pid);
                        line[strlen(line)] = 'y';
                        who.args = args;
                        who.n_args = 1;
                        store_put_app(w->store, &who, app);
                        store_end_process(w->store, store_begin_process(w->store, &id, &who, app, w->at_ms, &known),
                                          w->at_ms);
                }
                world_add_tick(w);
                world_commit(w);
                store_maintain(w->store, w->at_ms, true, &w->err);
                if (store_counts(w->store).bytes > w->options.max_bytes)
                        fail_msg("%lld bytes at tick %d", (long long)store_counts(w->store).bytes, i);
        }
        world_tick(w);
        world_check_since(w, world_sql_int(w->path, "SELECT min(first_at_ms) FROM segment"));
}

static void smaller_size_after_a_restart_is_kept_to(void **state)
{
        WORLD;

        (void)state;
        world_open(w);
        for (int i = 0; i < 300; i++)
                world_begin(w);
        for (int i = 0; i < 1500; i++) {
                for (size_t j = 0; j < w->n_processes; j++)
                        world_set(w, j, world_random(w, 1u << 30), world_random(w, 3000));
                world_tick(w);
        }
        world_close(w);
        assert_true(world_sql_int(w->path, "SELECT page_count * 4096 FROM pragma_page_count") > 4 << 20);
        w->options.max_bytes = 4 << 20;
        world_restart(w);
        for (int i = 0; i < 400; i++) {
                world_add_tick(w);
                world_commit(w);
                store_maintain(w->store, w->at_ms, true, &w->err);
        }
        if (store_counts(w->store).bytes > w->options.max_bytes)
                fail_msg("%lld bytes", (long long)store_counts(w->store).bytes);
        world_tick(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(old_history_goes_whole),
                cmocka_unit_test(clock_that_jumped_deletes_nothing),
                cmocka_unit_test(file_keeps_to_its_largest_size),
                cmocka_unit_test(storm_of_long_command_lines_keeps_to_the_size),
                cmocka_unit_test(smaller_size_after_a_restart_is_kept_to),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
