/* How long findings are kept, and what becomes of them and of alerts when the daemon is killed, or the file can't be
 * written or is lost. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "world_findings.h"

static void closed_findings_go_with_their_time_and_open_ones_stay(void **state)
{
        WORLD;
        size_t place, other;

        (void)state;
        w->options.retention_ms = 1200000;
        world_open(w);
        place = world_begin(w);
        other = world_begin(w);
        put_new(w, other, FINDING_LEAK);
        put_closed(w, place, store_next_finding(w->store));
        store_put_growth(w->store, w->processes[place].number, &GROWTH_UNKNOWN);
        world_end(w, place);
        world_ticks(w, 1000);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_ALL), 2, 1);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM app_row"), 2);
        world_ticks(w, 1500);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_ALL), 1);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process_row"), 1);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM app_row"), 1);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM growth_row"), 0);
}

/* Its samples went for want of room, the finding did not: then its process stays to be named. */
static void process_stays_as_long_as_its_finding(void **state)
{
        WORLD;
        struct finding f;
        size_t place;

        (void)state;
        w->options.max_bytes = 4 << 20;
        world_open(w);
        place = world_begin(w);
        f = a_finding(w, place, store_next_finding(w->store));
        f.closed_at_ms = w->at_ms;
        store_put_finding(w->store, &f);
        world_end(w, place);
        world_end(w, world_begin(w));
        for (int i = 0; i < 300; i++)
                world_begin(w);
        for (int i = 0; i < 1500; i++) {
                for (size_t j = 2; j < w->n_processes; j++)
                        world_set(w, j, world_random(w, 1u << 30), world_random(w, 3000));
                world_tick(w);
        }
        assert_true(world_sql_int(w->path, "SELECT min(no) FROM segment") > 1);
        check_finding(w, &f, place);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM process_row WHERE exited_at_ms IS NOT NULL"), 1);
}

static void small_file_keeps_few_closed_findings(void **state)
{
        WORLD;
        size_t place;

        (void)state;
        w->options.max_bytes = 4 << 20;
        world_open(w);
        place = world_begin(w);
        for (int i = 0; i < 300; i++) {
                put_closed(w, place, store_next_finding(w->store));
                world_tick(w);
        }
        world_ticks(w, 700);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM finding"), 64);
        assert_int_equal(world_sql_int(w->path, "SELECT min(id) FROM finding"), 237);
}

/* The file and its WAL as they are at that moment. */
static void killed_between_commits_it_holds_what_was_committed(void **state)
{
        WORLD;
        char copy[128], wal[140], copy_wal[140];
        size_t place;

        (void)state;
        snprintf(copy, sizeof copy, "%s/copy.db", w->folder);
        snprintf(copy_wal, sizeof copy_wal, "%s-wal", copy);
        snprintf(wal, sizeof wal, "%s-wal", w->path);
        world_open(w);
        place = world_begin(w);
        put_new(w, place, FINDING_LEAK);
        put_alert(w, 0);
        store_put_trend(w->store, w->processes[place].number, w->at_ms, "state", 5);
        world_tick(w);
        put_new(w, place, FINDING_STEP);
        put_alert(w, 1);
        world_copy(w, copy);
        world_close(w);
        assert_int_equal(rename(copy, w->path), 0);
        assert_int_equal(rename(copy_wal, wal), 0);
        world_restart(w);
        world_tick(w);
        EXPECT(w, FILTER(.limit = 0), 1);
        assert_int_equal(waiting_alerts(w, 10).n, 1);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM trend_row"), 1);
        assert_int_equal(store_next_finding(w->store), 2);
}

static void failing(struct world *w, int n, enum health expected)
{
        for (int i = 0; i < n; i++) {
                world_add_tick(w);
                assert_int_equal(world_commit(w), expected);
                store_maintain(w->store, w->at_ms, true, &w->err);
        }
}

static void locked_is_made_up_for(void **state)
{
        WORLD;
        sqlite3 *other;
        size_t place;

        (void)state;
        world_open(w);
        place = world_begin(w);
        world_tick(w);
        assert_int_equal(sqlite3_open(w->path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        put_new(w, place, FINDING_LEAK);
        put_alert(w, 0);
        failing(w, 5, HEALTH_DATABASE_LOCKED);
        put_closed(w, place, 1);
        world_end(w, place);
        put_alert(w, 1);
        failing(w, 50, HEALTH_DATABASE_LOCKED);
        sqlite3_close(other);
        world_tick(w);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_ALL), 1);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_CLOSED), 1);
        assert_int_equal(waiting_alerts(w, 10).n, 2);
        assert_int_equal(store_dropped_alerts(w->store), 0);
}

/* However much there is to tell while nothing can be written. */
static void what_waits_is_bounded(void **state)
{
        WORLD;
        static char body[40000];
        struct finding f;
        sqlite3 *other;
        size_t place;

        (void)state;
        world_open(w);
        place = world_begin(w);
        world_tick(w);
        assert_int_equal(sqlite3_open(w->path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        memset(body, ' ', sizeof body - 1);
        body[0] = '0';
        f = a_finding(w, place, store_next_finding(w->store));
        f.title = body;
        for (int i = 0; i < 600; i++) {
                store_put_finding(w->store, &f);
                store_put_alert(w->store, ALERT_WEBHOOK, WORLD_START_MS, body);
                store_put_trend(w->store, f.process, w->at_ms, body, 700);
                failing(w, 1, HEALTH_DATABASE_LOCKED);
        }
        sqlite3_close(other);
        world_tick(w);
        EXPECT(w, FILTER(.limit = 0), 1);
        assert_true(store_dropped_alerts(w->store) > 300);
        assert_int_equal(waiting_alerts(w, 1000).n + (size_t)store_dropped_alerts(w->store), 600);
        world_check(w);
}

static void full_disk_is_made_up_for(void **state)
{
        WORLD;
        static char bytes[4096];
        char filler[128];
        struct finding f;
        size_t place;
        int fd, n = 0;

        (void)state;
        if (mount("none", w->folder, "tmpfs", 0, "size=2m") < 0) {
                print_message("skipped: a small tmpfs can't be mounted: %s\n", strerror(errno));
                skip();
        }
        snprintf(filler, sizeof filler, "%s/filler", w->folder);
        world_open(w);
        place = world_begin(w);
        world_ticks(w, 10);
        fd = open(filler, O_WRONLY | O_CREAT, 0600);
        while (write(fd, bytes, sizeof bytes) > 0)
                ;
        close(fd);
        do {
                put_alert(w, n);
                f = a_finding(w, place, store_next_finding(w->store));
                store_put_finding(w->store, &f);
                world_add_tick(w);
        } while (++n < 1000 && world_commit(w) == HEALTH_OK);
        assert_true(n < 1000);
        put_closed(w, place, f.number);
        failing(w, 30, HEALTH_DISK_FULL);
        unlink(filler);
        world_tick(w);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM finding"), n);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_CLOSED), f.number);
        assert_int_equal(waiting_alerts(w, 1000).n, n);
        world_close(w);
        umount2(w->folder, MNT_DETACH);
}

static void new_file_goes_on_with_what_waits(void **state)
{
        WORLD;
        struct finding f;
        size_t place;
        int64_t number;

        (void)state;
        world_open(w);
        for (int i = 0; i < 5; i++)
                world_end(w, world_begin(w));
        place = world_begin(w);
        put_new(w, place, FINDING_STEP);
        put_alert(w, 0);
        world_tick(w);
        w->renumbered = true;
        unlink(w->path);
        world_add_tick(w);
        assert_int_equal(world_commit(w), HEALTH_DATABASE_GONE);
        f = a_finding(w, place, store_next_finding(w->store));
        store_put_finding(w->store, &f);
        put_alert(w, 1);
        while (!w->reopened) {
                world_add_tick(w);
                world_commit(w);
        }
        f.number = 1;
        f.kind = FINDING_STEP;
        store_put_finding(w->store, &f); /* as whoever watches does after that */
        world_tick(w);
        number = world_sql_int(w->path, "SELECT no FROM process_row WHERE slot IS NOT NULL");
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM finding WHERE process_id IS NOT NULL"), 2);
        f.process = (uint32_t)number;
        check_finding(w, &f, place);
        assert_int_equal(waiting_alerts(w, 10).n, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(closed_findings_go_with_their_time_and_open_ones_stay),
                cmocka_unit_test(process_stays_as_long_as_its_finding),
                cmocka_unit_test(small_file_keeps_few_closed_findings),
                cmocka_unit_test(killed_between_commits_it_holds_what_was_committed),
                cmocka_unit_test(locked_is_made_up_for),
                cmocka_unit_test(what_waits_is_bounded),
                cmocka_unit_test(full_disk_is_made_up_for),
                cmocka_unit_test(new_file_goes_on_with_what_waits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
