/* Looks in the file: what is read is what was put, how long they stay, and whose go first where there is no room. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/look_bytes.h"
#include "store/looks.h"
#include "world_findings.h"

/* Bytes that tell whose they are. */
static void put_look(struct world *w, size_t place, char mark, size_t size)
{
        _cleanup_(freep) char *bytes = malloc(size);

        assert_non_null(bytes);
        memset(bytes, mark, size);
        store_put_look(w->store, w->processes[place].number, w->at_ms, bytes, size);
}

/* The mark of the look that the file has of it; 0: none. */
static char mark_of(struct world *w, uint32_t process, size_t *ret_size)
{
        READER(w);
        const void *bytes;
        size_t size = 0;
        int64_t at_ms;
        int found = store_read_look(r, process, &at_ms, &bytes, &size, &w->err);

        assert_in_range(found, 0, 1);
        if (ret_size)
                *ret_size = size;
        for (size_t i = 1; i < size; i++)
                assert_int_equal(((const char *)bytes)[i], *(const char *)bytes);
        return found ? *(const char *)bytes : 0;
}

static char mark_at(struct world *w, size_t place)
{
        return mark_of(w, w->processes[place].number, NULL);
}

static void newest_look_is_kept_and_outlives_the_daemon_and_the_process(void **state)
{
        WORLD;
        size_t place, size;
        uint32_t no;

        (void)state;
        world_open(w);
        place = world_begin(w);
        no = w->processes[place].number;
        assert_int_equal(mark_of(w, no, NULL), 0);
        put_look(w, place, 'a', 30000);
        world_tick(w);
        put_look(w, place, 'b', 10000);
        world_tick(w);
        assert_int_equal(mark_of(w, no, &size), 'b');
        assert_int_equal(size, 10000);
        assert_int_equal(mark_of(w, no + 1, NULL), 0);
        world_close(w);
        world_restart(w);
        assert_int_equal(mark_of(w, no, &size), 'b');
        world_end(w, place);
        world_tick(w);
        assert_int_equal(mark_of(w, no, &size), 'b');
        assert_int_equal(size, 10000);
        world_check(w);
}

static void exec_forgets_it(void **state)
{
        WORLD;
        size_t place;

        (void)state;
        world_open(w);
        place = world_begin(w);
        put_look(w, place, 'a', 100);
        world_tick(w);
        store_drop_look(w->store, w->processes[place].number);
        world_tick(w);
        assert_int_equal(mark_at(w, place), 0);
        put_look(w, place, 'b', 100);
        world_tick(w);
        assert_int_equal(mark_at(w, place), 'b');
}

static void what_cannot_be_one_is_not_kept(void **state)
{
        WORLD;
        size_t place, ended;
        sqlite3 *db;

        (void)state;
        w->options.max_bytes = 8 << 20;
        world_open(w);
        place = world_begin(w);
        ended = world_begin(w);
        world_end(w, ended);
        put_look(w, place, 'a', 100);
        world_tick(w);
        put_look(w, place, 'b', (1 << 20) + 1); /* more than an eighth of the file */
        store_put_look(w->store, w->processes[place].number, w->at_ms, "", 0);
        store_put_look(w->store, 4711, w->at_ms, "x", 1);
        put_look(w, ended, 'c', 100);
        world_tick(w);
        assert_int_equal(mark_at(w, place), 'a');
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM look_row"), 1);
        /* Another hand wrote one that is larger than any is. */
        assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "UPDATE look_row SET look = zeroblob(4194305)", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        assert_int_equal(mark_at(w, place), 0);
}

static void look_goes_with_its_process(void **state)
{
        WORLD;
        size_t gone, stays;

        (void)state;
        w->options.retention_ms = 1200000;
        world_open(w);
        gone = world_begin(w);
        stays = world_begin(w);
        put_look(w, gone, 'a', 20000);
        put_look(w, stays, 'b', 20000);
        world_tick(w);
        world_end(w, gone);
        world_ticks(w, 1000);
        assert_int_equal(mark_at(w, gone), 'a');
        world_ticks(w, 1500);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process_row"), 1);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM look_row"), 1);
        assert_int_equal(mark_at(w, stays), 'b');
}

enum { MANY = 100, LOOK_SIZE = 10000, LOOK_ROOM = 12288 };

static void those_that_ended_longest_ago_make_room(void **state)
{
        WORLD;
        size_t places[MANY];
        int64_t kept;

        (void)state;
        w->options.max_bytes = 4 << 20; /* room for 42 */
        world_open(w);
        for (size_t i = 0; i < MANY; i++)
                places[i] = world_begin(w);
        put_new(w, places[0], FINDING_LEAK);
        /* The last begun end first; two stay, and of one that ended a finding is open. */
        for (size_t i = MANY; i-- > 0;) {
                put_look(w, places[i], 'x', LOOK_SIZE);
                world_tick(w);
                if (i > 2)
                        world_end(w, places[i]);
                world_tick(w);
        }
        world_end(w, places[0]);
        world_tick(w);
        put_look(w, places[1], 'y', LOOK_SIZE);
        world_tick(w);
        kept = world_sql_int(w->path, "SELECT count(*) FROM look_row");
        assert_in_range(kept, 30, (4 << 20) / 8 / LOOK_ROOM);
        assert_int_equal(mark_at(w, places[0]), 'x');
        assert_int_equal(mark_at(w, places[1]), 'y');
        assert_int_equal(mark_at(w, places[2]), 'x');
        for (size_t i = 3; i < MANY; i++)
                assert_int_equal(mark_at(w, places[i]) != 0, i < (size_t)kept);
        assert_int_equal(world_sql_int(w->path, "SELECT sum(size) FROM look_row"), kept * LOOK_ROOM);
        world_check(w);
}

/* Then it is the one that was not renewed for the longest time. */
static void of_running_ones_the_oldest_look_makes_room(void **state)
{
        WORLD;
        size_t places[MANY];

        (void)state;
        w->options.max_bytes = 4 << 20;
        world_open(w);
        for (size_t i = 0; i < MANY; i++)
                places[i] = world_begin(w);
        for (size_t i = 0; i < MANY; i++) {
                put_look(w, places[i], 'x', LOOK_SIZE);
                put_look(w, places[0], 'y', LOOK_SIZE);
                world_tick(w);
        }
        assert_int_equal(mark_at(w, places[0]), 'y');
        assert_int_equal(mark_at(w, places[1]), 0);
        assert_int_equal(mark_at(w, places[MANY - 1]), 'x');
        assert_in_range(world_sql_int(w->path, "SELECT sum(size) FROM look_row"), 1, (4 << 20) / 8);
}

static void new_file_gets_the_look_that_waits(void **state)
{
        WORLD;
        size_t place, other;

        (void)state;
        world_open(w);
        for (int i = 0; i < 5; i++)
                world_end(w, world_begin(w));
        other = world_begin(w);
        place = world_begin(w);
        put_look(w, other, 'o', 5000);
        world_tick(w);
        w->renumbered = true;
        unlink(w->path);
        put_look(w, place, 'p', 5000);
        world_add_tick(w);
        assert_int_equal(world_commit(w), HEALTH_DATABASE_GONE);
        while (!w->reopened) {
                world_add_tick(w);
                world_commit(w);
        }
        world_tick(w);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM look_row"), 1);
        assert_int_equal(mark_of(w, (uint32_t)world_sql_int(w->path, "SELECT process FROM look_row"), NULL), 'p');
        assert_int_equal(world_sql_int(w->path, "SELECT pid FROM process_row JOIN look_row ON process = no"),
                         w->processes[place].id.pid);
        put_look(w, other, 'q', 5000); /* by the number it was known by all the time */
        world_tick(w);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM look_row JOIN process_row ON process = no"), 2);
}

/* A process that is looked into all the time, while nothing can be written. */
static void what_waits_is_bounded(void **state)
{
        WORLD;
        sqlite3 *other;
        size_t place, many[8];

        (void)state;
        world_open(w);
        place = world_begin(w);
        for (int i = 0; i < 8; i++)
                many[i] = world_begin(w);
        world_tick(w);
        assert_int_equal(sqlite3_open(w->path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        put_new(w, place, FINDING_LEAK);
        for (int i = 0; i < 200; i++) {
                put_look(w, place, (char)('a' + i % 26), 100000);
                world_add_tick(w);
                assert_int_equal(world_commit(w), HEALTH_DATABASE_LOCKED);
        }
        sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
        world_tick(w);
        assert_int_equal(mark_at(w, place), 'a' + 199 % 26);
        /* As large as can be, of several at once: what can't wait is let go of. */
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        for (int i = 0; i < 8; i++)
                put_look(w, many[i], 'z', LOOK_BYTES_MOST);
        world_add_tick(w);
        assert_int_equal(world_commit(w), HEALTH_DATABASE_LOCKED);
        sqlite3_close(other);
        world_tick(w);
        EXPECT(w, FILTER(.limit = 0), 1);
        assert_in_range(world_sql_int(w->path, "SELECT count(*) FROM look_row"), 1, 2);
        world_check(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(newest_look_is_kept_and_outlives_the_daemon_and_the_process),
                cmocka_unit_test(exec_forgets_it),
                cmocka_unit_test(what_cannot_be_one_is_not_kept),
                cmocka_unit_test(look_goes_with_its_process),
                cmocka_unit_test(those_that_ended_longest_ago_make_room),
                cmocka_unit_test(of_running_ones_the_oldest_look_makes_room),
                cmocka_unit_test(new_file_gets_the_look_that_waits),
                cmocka_unit_test(what_waits_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
