/* Findings, alerts, detectors' states and last words: what was put is read again, also after a restart. */
#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "world_findings.h"

static void finding_is_read_as_it_was_written(void **state)
{
        WORLD;
        struct finding f;
        size_t place;

        (void)state;
        world_open(w);
        world_begin(w);
        place = world_begin(w);
        f = a_finding(w, place, store_next_finding(w->store));
        assert_int_equal(f.number, 1);
        store_put_finding(w->store, &f);
        world_tick(w);
        check_finding(w, &f, place);
        f.severity = SEVERITY_CRITICAL;
        f.updated_at_ms = w->at_ms;
        f.title = (char *)"Now by 9 MiB.";
        store_put_finding(w->store, &f);
        world_tick(w);
        check_finding(w, &f, place);
        f.closed_at_ms = f.updated_at_ms = w->at_ms;
        store_put_finding(w->store, &f);
        world_end(w, place);
        world_tick(w);
        check_finding(w, &f, place);
        world_close(w);
        check_finding(w, &f, place);
        world_restart(w);
        check_finding(w, &f, place);
        f = a_finding(w, 0, store_next_finding(w->store));
        f.process = 0; /* of the app as a whole */
        store_put_finding(w->store, &f);
        world_tick(w);
        check_finding(w, &f, 0);
        assert_int_equal(f.number, 2);
}

static void findings_are_filtered_and_paged(void **state)
{
        WORLD;
        char app[APP_ID_SIZE];
        size_t a, b;
        uint32_t of_b;

        (void)state;
        world_open(w);
        a = world_begin(w);
        b = world_begin(w);
        of_b = w->processes[b].number;
        for (int i = 0; i < 4; i++)
                put_new(w, i % 2 ? b : a, i < 3 ? FINDING_LEAK : FINDING_STEP);
        put_closed(w, a, 3);
        world_tick(w);
        app_of(w, a, app);
        EXPECT(w, FILTER(.limit = 0), 4, 2, 1);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_CLOSED), 3);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_ALL), 4, 3, 2, 1);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_ALL, .limit = 2), 4, 3);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_ALL, .limit = 2, .below = 3), 2, 1);
        EXPECT(w, FILTER(.process = of_b), 4, 2);
        EXPECT(w, FILTER(.process = of_b, .of_kind = true, .kind = FINDING_STEP), 4);
        EXPECT(w, FILTER(.state = STORE_FINDINGS_ALL, .app_id = app), 3, 1);
        EXPECT(w, FILTER(.app_id = app), 1);
        EXPECT(w, FILTER(.app_id = "ffffffffffff"));
        EXPECT(w, FILTER(.process = of_b, .app_id = app));
        EXPECT(w, FILTER(.of_kind = true, .kind = FINDING_LIMIT));
}

static bool count_brief(void *data, const struct store_finding_brief *f)
{
        struct list *l = data;

        assert_int_equal(f->severity, SEVERITY_WARNING);
        assert_int_equal(strlen(f->app_id), APP_ID_SIZE - 1);
        l->numbers[l->n++] = f->number * 1000 + f->process;
        return true;
}

static void open_ones_are_told_in_brief_and_counted_by_kind(void **state)
{
        WORLD;
        struct list l = {};
        int64_t opened[FINDING_KINDS], change;
        size_t a, b;

        (void)state;
        world_open(w);
        a = world_begin(w);
        b = world_begin(w);
        world_tick(w);
        {
                READER(w);

                change = store_read_finding_change(r);
                world_tick(w);
                assert_int_equal(store_read_finding_change(r), change);
                put_new(w, a, FINDING_LEAK);
                put_new(w, b, FINDING_LEAK);
                put_new(w, b, FINDING_STEP);
                put_closed(w, a, 1); /* before it was ever written open */
                world_tick(w);
                assert_true(store_read_finding_change(r) > change);
                assert_int_equal(store_read_open_findings(r, count_brief, &l, opened, &w->err), 0);
        }
        assert_int_equal(l.n, 2);
        assert_int_equal(l.numbers[0], 2000 + w->processes[b].number);
        assert_int_equal(l.numbers[1], 3000 + w->processes[b].number);
        assert_int_equal(opened[FINDING_LEAK], 2);
        assert_int_equal(opened[FINDING_STEP], 1);
        assert_int_equal(opened[FINDING_LIMIT], 0);
}

static void view_tells_findings_to_plain_sql(void **state)
{
        WORLD;
        struct finding f;
        char row[400], id[PROCESS_ID_MAX], want[400];
        size_t place;

        (void)state;
        world_open(w);
        place = world_begin(w);
        put_new(w, place, FINDING_LEAK);
        world_tick(w);
        put_closed(w, place, 1);
        f = a_finding(w, place, store_next_finding(w->store));
        f.process = 0;
        store_put_finding(w->store, &f);
        world_tick(w);
        process_id_format(&w->processes[place].id, id);
        world_sql_text(w->path, "SELECT process_id || '|' || app || '|' || kind || '|' || severity || '|' || state"
                                " || '|' || title || '|' || opened_at || '|' || updated_at || '|' || closed_at"
                                " FROM finding WHERE id = 1", row, sizeof row);
        snprintf(want, sizeof want, "%s|flask: app2|leak|warning|closed|It grows by 3 MiB an hour.|"
                                    "2026-11-18T11:06:41.000Z|"
                                    "2026-11-18T11:06:41.000Z|2026-11-18T11:06:41.000Z", id);
        assert_string_equal(row, want);
        world_sql_text(w->path, "SELECT state || '|' || (process_id IS NULL) || '|' || (closed_at IS NULL) FROM finding"
                                " WHERE id = 2", row, sizeof row);
        assert_string_equal(row, "open|1|1");
}

static void numbers_never_come_back(void **state)
{
        WORLD;
        size_t place;

        (void)state;
        w->options.retention_ms = 600000;
        world_open(w);
        place = world_begin(w);
        for (int i = 0; i < 3; i++)
                put_closed(w, place, store_next_finding(w->store));
        world_tick(w);
        for (int i = 0; i < 2000; i++)
                world_tick(w);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM finding"), 0);
        world_close(w);
        world_restart(w);
        assert_int_equal(put_new(w, place, FINDING_LEAK), 4);
        world_tick(w);
        {
                READER(w);
                struct list l = {};
                int64_t opened[FINDING_KINDS];

                assert_int_equal(store_read_open_findings(r, count_brief, &l, opened, &w->err), 0);
                assert_int_equal(opened[FINDING_LEAK], 4);
        }
        w->renumbered = true;
        unlink(w->path);
        while (!w->reopened) {
                world_add_tick(w);
                world_commit(w);
        }
        world_tick(w);
        world_close(w);
        world_restart(w);
        assert_int_equal(store_next_finding(w->store), 5);
}

static void alerts_wait_in_order_until_delivered(void **state)
{
        WORLD;
        struct list l;
        int64_t newest;

        (void)state;
        world_open(w);
        for (int i = 0; i < 10; i++)
                put_alert(w, i);
        assert_int_equal(waiting_alerts(w, 5).n, 0);
        world_tick(w);
        l = waiting_alerts(w, 5);
        assert_int_equal(l.n, 5);
        assert_true(l.numbers[0] < l.numbers[1] && l.numbers[3] < l.numbers[4]);
        store_drop_alert(w->store, l.numbers[0]);
        store_drop_alert(w->store, l.numbers[2]);
        world_tick(w);
        assert_int_equal(waiting_alerts(w, 2).numbers[0], l.numbers[1]);
        assert_int_equal(waiting_alerts(w, 2).numbers[1], l.numbers[3]);
        world_close(w);
        world_restart(w);
        l = waiting_alerts(w, 100);
        assert_int_equal(l.n, 8);
        newest = l.numbers[7];
        for (size_t i = 0; i < l.n; i++)
                store_drop_alert(w->store, l.numbers[i]);
        world_tick(w);
        world_close(w);
        world_restart(w);
        put_alert(w, 10);
        world_tick(w);
        assert_int_equal(waiting_alerts(w, 2).n, 1);
        assert_true(waiting_alerts(w, 2).numbers[0] > newest);
}

static void oldest_alert_makes_room(void **state)
{
        WORLD;
        struct list l;

        (void)state;
        world_open(w);
        for (int i = 0; i < ALERTS_MOST; i++)
                put_alert(w, i);
        world_tick(w);
        assert_int_equal(store_dropped_alerts(w->store), 0);
        for (int i = 0; i < 5; i++)
                put_alert(w, ALERTS_MOST + i);
        world_tick(w);
        assert_int_equal(store_dropped_alerts(w->store), 5);
        l = waiting_alerts(w, 2 * ALERTS_MOST);
        assert_int_equal(l.n, ALERTS_MOST);
        assert_int_equal(l.numbers[0], 6);
}

static void states_of_running_ones_and_last_words_of_exited_ones(void **state)
{
        WORLD;
        struct growth g = { VERDICT_LEAK, 1048576.5, 0.998, WORLD_START_MS, -1 }, got;
        char bytes[700];
        const void *read;
        size_t place, size;
        int64_t at_ms;
        uint32_t no;

        (void)state;
        world_open(w);
        place = world_begin(w);
        no = w->processes[place].number;
        memset(bytes, 7, sizeof bytes);
        store_put_trend(w->store, no, WORLD_START_MS + 1, bytes, 20);
        world_tick(w);
        store_put_trend(w->store, no, WORLD_START_MS + 2, bytes, sizeof bytes);
        world_tick(w);
        world_close(w);
        world_restart(w);
        READER(w);
        assert_int_equal(store_read_trend(r, no, &at_ms, &read, &size, &w->err), 1);
        assert_int_equal(at_ms, WORLD_START_MS + 2);
        assert_int_equal(size, sizeof bytes);
        assert_memory_equal(read, bytes, size);
        assert_int_equal(store_read_trend(r, no + 1, &at_ms, &read, &size, &w->err), 0);
        assert_int_equal(store_read_growth(r, no, &got, &w->err), 0);
        store_put_growth(w->store, no, &g);
        world_end(w, place);
        world_tick(w);
        assert_int_equal(store_read_trend(r, no, &at_ms, &read, &size, &w->err), 0);
        assert_int_equal(store_read_growth(r, no, &got, &w->err), 1);
        assert_int_equal(got.verdict, VERDICT_LEAK);
        assert_true(got.bytes_per_hour == g.bytes_per_hour && got.confidence == g.confidence);
        assert_true(got.since_at_ms == g.since_at_ms && got.limit_at_ms == -1);
        place = world_begin(w);
        store_put_growth(w->store, w->processes[place].number, &GROWTH_UNKNOWN);
        world_end(w, place);
        world_tick(w);
        assert_int_equal(store_read_growth(r, w->processes[place].number, &got, &w->err), 1);
        assert_true(isnan(got.bytes_per_hour) && isnan(got.confidence) && got.since_at_ms == -1);
}

static void findings_of_strangers_are_closed(void **state)
{
        WORLD;
        struct store_finding_filter all = { .state = STORE_FINDINGS_CLOSED };
        struct list l = {};
        size_t gone, stays;

        (void)state;
        world_open(w);
        gone = world_begin(w);
        stays = world_begin(w);
        put_new(w, gone, FINDING_LEAK);
        put_new(w, stays, FINDING_LEAK);
        store_put_trend(w->store, w->processes[gone].number, w->at_ms, "x", 1);
        store_put_trend(w->store, w->processes[stays].number, w->at_ms, "x", 1);
        world_tick(w);
        world_close(w);
        w->at_ms += 100000;
        w->processes[gone].running = false;
        world_restart(w);
        world_tick(w);
        EXPECT(w, FILTER(.limit = 0), 2);
        {
                READER(w);

                assert_int_equal(store_read_findings(r, &all, list_finding, &l, &w->err), 0);
        }
        assert_int_equal(l.numbers[0], 1);
        assert_int_equal(world_sql_int(w->path, "SELECT closed_at_ms FROM finding_row WHERE id = 1"), w->at_ms - 1000);
        assert_int_equal(world_sql_int(w->path, "SELECT process FROM trend_row"), w->processes[stays].number);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM trend_row"), 1);
        world_close(w);
        w->options.boot++;
        world_open(w); /* and all of another boot */
        EXPECT(w, FILTER(.limit = 0));
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM trend_row"), 0);
}

static void damaged_texts_are_left_out(void **state)
{
        WORLD;
        static const char *const breaks[] = {
                "UPDATE finding_row SET evidence = '{\"a\": ', diagnosis = '{}', advice = 'x' WHERE id = 1",
                "UPDATE finding_row SET kind = 'curse' WHERE id = 2",
                "UPDATE finding_row SET severity = '' WHERE id = 3",
                "UPDATE finding_row SET app = 'much longer than an id is' WHERE id = 4",
        };
        size_t place;
        sqlite3 *db;

        (void)state;
        world_open(w);
        place = world_begin(w);
        for (int i = 0; i < 4; i++)
                put_new(w, place, FINDING_LEAK);
        world_tick(w);
        world_close(w);
        assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(sqlite3_exec(db, breaks[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        EXPECT(w, FILTER(.limit = 0), 4, 1);
        {
                READER(w);
                struct list l = {};

                assert_int_equal(store_find_finding(r, 2, list_finding, &l, &w->err), 0);
                assert_int_equal(store_find_finding(r, 99, list_finding, &l, &w->err), 0);
                assert_int_equal(store_find_finding(r, 1, list_finding, &l, &w->err), 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finding_is_read_as_it_was_written),
                cmocka_unit_test(findings_are_filtered_and_paged),
                cmocka_unit_test(open_ones_are_told_in_brief_and_counted_by_kind),
                cmocka_unit_test(view_tells_findings_to_plain_sql),
                cmocka_unit_test(numbers_never_come_back),
                cmocka_unit_test(alerts_wait_in_order_until_delivered),
                cmocka_unit_test(oldest_alert_makes_room),
                cmocka_unit_test(states_of_running_ones_and_last_words_of_exited_ones),
                cmocka_unit_test(findings_of_strangers_are_closed),
                cmocka_unit_test(damaged_texts_are_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
