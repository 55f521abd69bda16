/* What was put into the store is what the reader and the views give, at every step. */
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

/* Two segments and more: the ring goes round, chunks are sealed in batches. */
static void nothing_is_seen_twice_or_never(void **state)
{
        WORLD;

        (void)state;
        w->options.detail_interval_ms = 8000;
        world_open(w);
        for (int i = 0; i < 100; i++)
                world_begin(w);
        for (int i = 0; i < 740; i++) {
                world_stir(w);
                world_tick(w);
                if (i == 200 || (i >= 358 && i < 366) || i == 725)
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

/* As after kill -9: the file and its WAL as they are at that moment, opened by another store. */
static void crash_at_every_step_loses_nothing(void **state)
{
        WORLD;
        char copy[128];

        (void)state;
        snprintf(copy, sizeof copy, "%s/copy.db", w->folder);
        world_open(w);
        for (int i = 0; i < 70; i++)
                world_begin(w);
        for (int i = 0; i < 366; i++) {
                struct store_options options = w->options;
                struct store *store;
                struct error err;
                char note[512];

                world_stir(w);
                world_add_tick(w);
                assert_int_equal(world_commit(w), HEALTH_OK);
                if (i == 100 || i >= 357) {
                        world_copy(w, copy);
                        options.path = copy;
                        assert_int_equal(store_open(&options, &store, note, &err), 0);
                        assert_string_equal(note, "");
                        world_check_file(w, copy, 0, 0);
                        store_close(store);
                }
                world_maintain(w);
        }
}

static void goes_on_after_a_crash(void **state)
{
        WORLD;
        char copy[128], wal[140], to[140];

        (void)state;
        snprintf(copy, sizeof copy, "%s/copy.db", w->folder);
        snprintf(wal, sizeof wal, "%s-wal", copy);
        snprintf(to, sizeof to, "%s-wal", w->path);
        w->options.detail_interval_ms = 1000; /* else the newest readings are still in memory */
        world_open(w);
        for (int i = 0; i < 20; i++)
                world_begin(w);
        for (int round = 0; round < 8; round++) {
                for (int i = 0; i < 55; i++) {
                        world_stir(w);
                        world_tick(w);
                }
                world_copy(w, copy);
                world_close(w);
                assert_int_equal(rename(copy, w->path), 0);
                rename(wal, to);
                world_restart(w);
                world_tick(w);
                world_check(w);
        }
}

static void slots_are_used_again(void **state)
{
        WORLD;

        (void)state;
        world_open(w);
        for (int i = 0; i < 300; i++) {
                size_t p = world_begin(w);

                world_set(w, p, 1000 + i, 50);
                world_tick(w);
                world_end(w, p);
        }
        world_tick(w);
        assert_int_equal(world_sql_int(w->path, "SELECT max(length(payload)) FROM ring"), 32);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process_row WHERE slot IS NOT NULL"), 0);
        world_check(w);
}

static void strangers_have_exited(void **state)
{
        WORLD;
        size_t stays, goes;

        (void)state;
        world_open(w);
        stays = world_begin(w);
        goes = world_begin(w);
        world_set(w, stays, 100, 1);
        world_set(w, goes, 200, 1);
        world_tick(w);
        world_close(w);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process WHERE exited_at IS NULL"), 2);
        w->processes[goes].running = false;
        w->at_ms += 5000;
        world_restart(w);
        world_set(w, stays, 101, 1);
        world_tick(w);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process WHERE exited_at IS NULL"), 1);
        assert_int_equal(world_sql_int(w->path, "SELECT rss_bytes FROM process WHERE exited_at IS NOT NULL"),
                         200 * 4096);
        assert_int_equal(world_sql_int(w->path, "SELECT rss_bytes FROM process WHERE exited_at IS NULL"), 101 * 4096);
        assert_int_equal(world_sql_int(w->path, "SELECT peak_rss_bytes FROM process WHERE exited_at IS NULL"),
                         101 * 4096);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM event_row WHERE event = 'exited'"), 1);
        world_check(w);
        world_close(w);
        w->options.boot = 0x11111111; /* the machine was started anew: nobody is left */
        world_open(w);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process WHERE exited_at IS NULL"), 0);
}

static void command_line_is_quoted_for_a_shell(void **state)
{
        WORLD;
        char text[256];

        (void)state;
        world_open(w);
        world_begin(w);
        world_begin(w);
        world_tick(w);
        world_sql_text(w->path, "SELECT cmdline FROM process", text, sizeof text);
        assert_string_equal(text, "python3 -c 'print('\"'\"'a \"b\"\\n'\"'\"')' '' 'it'\"'\"'s'");
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM text_row"), 1);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process WHERE app LIKE 'flask: app%'"), 2);
}

static bool note_process(void *data, const struct store_process *p)
{
        struct store_process *to = data;

        *to = *p;
        assert_int_equal(p->who.n_args, 5);
        assert_string_equal(p->who.args[2], "print('a \"b\"\\n')");
        assert_string_equal(p->who.args[4], "it's");
        assert_string_equal(p->who.unit, "shop.service");
        return true;
}

static void note_detail(void *data, uint32_t process, const struct detail *d)
{
        (void)process;
        *(struct detail *)data = *d;
}

static void newest_is_seen(struct world *w, struct store_reader *r, uint32_t slot, int64_t rss_pages,
                           int64_t shared_pages)
{
        struct store_tick tick;

        assert_true(store_reader_changed(r));
        assert_int_equal(store_read_newest(r, &tick, &w->err), 1);
        assert_int_equal(tick.at_ms, w->at_ms);
        assert_int_equal(store_tick_figures(r, slot).rss_bytes, rss_pages * 4096);
        assert_int_equal(store_tick_figures(r, slot).anon_bytes, (rss_pages - shared_pages) * 4096);
}

static void reader_follows(void **state)
{
        WORLD;
        struct store_reader *r;
        struct store_process p = {};
        struct store_tick tick;
        struct detail newest = {}, seen;
        size_t at;

        (void)state;
        world_open(w);
        at = world_begin(w);
        world_set(w, at, 1000, 100);
        world_tick(w);
        assert_int_equal(store_reader_open(w->path, &r, &w->err), 0);
        assert_true(store_reader_changed(r));
        assert_false(store_reader_changed(r));
        assert_int_equal(store_read_changed(r, 0, note_process, &p, &w->err), 0);
        assert_int_equal(p.last.rss_bytes, 1000 * 4096);
        assert_int_equal(p.sampled_at_ms, w->at_ms);
        assert_int_equal(p.detail.pss_bytes, -1);
        for (int i = 0; i < 900; i++) {
                world_set(w, at, 1000 + i, i < 500 ? 100 : 120);
                if (i % 50 == 0) {
                        world_detail(w, at);
                        newest = w->processes[at].next_detail;
                }
                world_tick(w);
                newest_is_seen(w, r, p.slot, 1000 + i, i < 500 ? 100 : 120);
                if (i % 100 == 99) {
                        assert_int_equal(store_read_details(r, 0, note_detail, &seen, &w->err), 0);
                        assert_memory_equal(&seen, &newest, sizeof seen);
                }
        }
        for (int parts = 1; parts <= 3; parts++) {
                struct store_process found = {};

                assert_int_equal(store_find_process(r, &w->processes[at].id, parts, note_process, &found, &w->err), 1);
                assert_int_equal(found.number, w->processes[at].number);
                assert_int_equal(found.peak_rss_bytes, 1899 * 4096);
        }
        world_end(w, at);
        world_tick(w);
        assert_int_equal(store_read_changed(r, p.change, note_process, &p, &w->err), 0);
        assert_int_equal(p.exited_at_ms, w->at_ms - 1000);
        assert_int_equal(p.slot, UINT32_MAX);
        assert_int_equal(p.last.rss_bytes, 1899 * 4096);
        assert_memory_equal(&p.detail, &newest, sizeof newest);
        store_reader_close(r);
        world_close(w);
        assert_int_equal(store_reader_open(w->path, &r, &w->err), 0);
        assert_int_equal(store_read_newest(r, &tick, &w->err), 1);
        assert_int_equal(tick.at_ms, w->at_ms);
        assert_true(store_read_oldest_ms(r) > 0);
        assert_true(store_reader_bytes(r) > 0);
        store_reader_close(r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(samples_are_there_after_each_tick),
                cmocka_unit_test(nothing_is_seen_twice_or_never),
                cmocka_unit_test(clean_restart_loses_nothing),
                cmocka_unit_test(crash_at_every_step_loses_nothing),
                cmocka_unit_test(goes_on_after_a_crash),
                cmocka_unit_test(slots_are_used_again),
                cmocka_unit_test(strangers_have_exited),
                cmocka_unit_test(command_line_is_quoted_for_a_shell),
                cmocka_unit_test(reader_follows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
