/* The state: snapshots follow the store, share what stays, and never change. The store is a made-up one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "api/state.h"

struct store_reader {
        bool changed, broken;
        int64_t tick;
        uint32_t n;                    /* processes so far, numbered from 1 */
        bool exited[10];
        int64_t change[10], newest;
        const struct detail *detail;   /* a newer one of process 1 */
};

static const struct detail known = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

bool store_reader_changed(struct store_reader *r)
{
        bool changed = r->changed;

        r->changed = false;
        return changed;
}

int store_reader_begin(struct store_reader *r, struct error *err)
{
        return r->broken ? error_set(err, 5, "broken") : 0;
}

void store_reader_end(struct store_reader *r)
{
        (void)r;
}

int store_read_newest(struct store_reader *r, struct store_tick *ret, struct error *err)
{
        (void)err;
        *ret = (struct store_tick){ .number = r->tick, .at_ms = r->tick * 1000, .n_slots = r->n };
        return 1;
}

struct figures store_tick_figures(const struct store_reader *r, uint32_t slot)
{
        return (struct figures){ r->tick * 100 + slot, slot };
}

int store_read_changed(struct store_reader *r, int64_t change, store_process_fn fn, void *data, struct error *err)
{
        static char *args[] = { (char *)"python3", NULL };

        (void)err;
        for (uint32_t i = 1; i <= r->n; i++) {
                struct store_process p = { .number = i, .id = { (int32_t)i, i, 1 }, .change = r->change[i],
                                           .slot = i - 1, .exited_at_ms = r->exited[i] ? 5 : -1,
                                           .peak_rss_bytes = 1, .detail = known,
                                           .app_id = "00000000000a", .app_name = "x" };

                p.who = (struct identity){ .name = (char *)"python3", .args = args, .n_args = 1, .ppid = 1 };
                if (r->change[i] > change && (change > 0 || !r->exited[i]) && !fn(data, &p))
                        break;
        }
        return 0;
}

int store_read_details(struct store_reader *r, int64_t change, store_detail_fn fn, void *data, struct error *err)
{
        (void)change;
        (void)err;
        if (r->detail)
                fn(data, 1, r->detail);
        return 0;
}

int store_read_apps(struct store_reader *r, store_app_fn fn, void *data, struct error *err)
{
        (void)r;
        (void)err;
        fn(data, &(struct store_app){ .id = "00000000000b", .name = "y", .unit = "y.service" });
        fn(data, &(struct store_app){ .id = "00000000000a", .name = "x" });
        return 0;
}

static void begin(struct store_reader *r)
{
        r->change[++r->n] = ++r->newest;
        r->tick++;
        r->changed = true;
}

static void it_follows_the_store(void **data)
{
        struct store_reader r = {};
        struct state s;

        (void)data;
        state_init(&s, &r);
        begin(&r);
        begin(&r);
        assert_int_equal(state_refresh(&s, NULL), 0);
        assert_int_equal(s.newest->n, 2);
        assert_int_equal(s.newest->at_ms, 2000);
        assert_int_equal(s.newest->rows[1].now.rss_bytes, 201);
        assert_int_equal(s.newest->rows[1].peak_rss_bytes, 201);
        assert_int_equal(s.newest->rows[0].reading->detail.cpu_ms, known.cpu_ms);
        begin(&r);
        r.exited[1] = true;
        r.change[1] = ++r.newest;
        assert_int_equal(state_refresh(&s, NULL), 0);
        assert_int_equal(s.newest->n, 2);
        assert_null(snapshot_find(s.newest, 1));
        assert_non_null(snapshot_find(s.newest, 2));
        assert_int_equal(snapshot_find(s.newest, 3)->now.rss_bytes, 302);
        state_done(&s);
}

static void a_snapshot_stays_as_it_was(void **data)
{
        static const struct detail newer = { 11, 12, 13, 14, 15, 16, 17, 18, 19 };
        struct store_reader r = {};
        struct snapshot *before;
        struct state s;

        (void)data;
        state_init(&s, &r);
        begin(&r);
        state_refresh(&s, NULL);
        before = snapshot_ref(s.newest);
        begin(&r);
        r.detail = &newer;
        state_refresh(&s, NULL);
        assert_ptr_not_equal(before, s.newest);
        assert_ptr_equal(before->rows[0].who, s.newest->rows[0].who);
        assert_int_equal(before->n, 1);
        assert_int_equal(before->rows[0].now.rss_bytes, 100);
        assert_int_equal(before->rows[0].reading->detail.pss_bytes, 2);
        assert_int_equal(s.newest->rows[0].reading->detail.pss_bytes, 12);
        assert_int_equal(s.newest->rows[0].now.rss_bytes, 200);
        snapshot_unref(before);
        state_done(&s);
}

static void nothing_is_read_while_nothing_changes(void **data)
{
        struct store_reader r = {};
        struct snapshot *before;
        struct state s;

        (void)data;
        state_init(&s, &r);
        assert_int_equal(state_refresh(&s, NULL), 0);
        assert_int_equal(s.newest->n, 0);
        before = s.newest;
        assert_int_equal(state_refresh(&s, NULL), 0);
        assert_ptr_equal(before, s.newest);
        state_done(&s);
}

static void a_failure_leaves_the_last_one_and_is_tried_again(void **data)
{
        struct store_reader r = {};
        struct error err = {};
        struct state s;

        (void)data;
        state_init(&s, &r);
        begin(&r);
        state_refresh(&s, NULL);
        begin(&r);
        r.broken = true;
        assert_true(state_refresh(&s, &err) < 0);
        assert_int_equal(s.newest->n, 1);
        r.broken = false;
        assert_int_equal(state_refresh(&s, &err), 0);
        assert_int_equal(s.newest->n, 2);
        state_done(&s);
}

static void apps_are_found_by_id_and_by_name(void **data)
{
        struct store_reader r = {};
        struct state s;

        (void)data;
        state_init(&s, &r);
        state_refresh(&s, NULL);
        assert_int_equal(snapshot_find_app(s.newest, "00000000000b"), snapshot_find_app(s.newest, "y"));
        assert_string_equal(s.newest->apps->list[snapshot_find_app(s.newest, "y")].unit, "y.service");
        assert_null(s.newest->apps->list[snapshot_find_app(s.newest, "x")].unit);
        assert_int_equal(snapshot_find_app(s.newest, "z"), APP_NONE);
        state_done(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_follows_the_store),
                cmocka_unit_test(a_snapshot_stays_as_it_was),
                cmocka_unit_test(nothing_is_read_while_nothing_changes),
                cmocka_unit_test(a_failure_leaves_the_last_one_and_is_tried_again),
                cmocka_unit_test(apps_are_found_by_id_and_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
