/* The state: snapshots follow the store, share what stays, and never change. The store is a made-up one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/state.h"
#include "api/sums.h"

struct store_reader {
        bool changed, broken;
        int64_t tick;
        uint32_t n;                    /* processes so far, numbered from 1 */
        bool exited[10];
        int64_t change[10], newest;
        const struct detail *detail;   /* a newer one of process 1 */
        int64_t finding_change;
        uint32_t n_findings, read;     /* how often they were read */
        struct store_finding_brief findings[4];
        const char *evidence;
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

int64_t store_read_finding_change(struct store_reader *r)
{
        return r->finding_change;
}

int store_read_open_findings(struct store_reader *r, bool (*fn)(void *data, const struct store_finding_brief *f),
                             void *data, int64_t ret_opened[static FINDING_KINDS], struct error *err)
{
        (void)err;
        memset(ret_opened, 0, FINDING_KINDS * sizeof *ret_opened);
        r->read++;
        for (uint32_t i = 0; i < r->n_findings; i++) {
                ret_opened[r->findings[i].kind]++;
                fn(data, &r->findings[i]);
        }
        return 0;
}

int store_find_finding(struct store_reader *r, int64_t number, store_finding_fn fn, void *data, struct error *err)
{
        struct finding f = { .number = number, .kind = FINDING_LEAK, .closed_at_ms = -1,
                             .evidence = (char *)r->evidence };

        (void)err;
        fn(data, &(struct store_finding){ .finding = &f, .app_name = "x" });
        return 1;
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
        state_init(&s, &r, NULL, 0);
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
        state_init(&s, &r, NULL, 0);
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
        state_init(&s, &r, NULL, 0);
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
        state_init(&s, &r, NULL, 0);
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
        state_init(&s, &r, NULL, 0);
        state_refresh(&s, NULL);
        assert_int_equal(snapshot_find_app(s.newest, "00000000000b"), snapshot_find_app(s.newest, "y"));
        assert_string_equal(s.newest->apps->list[snapshot_find_app(s.newest, "y")].unit, "y.service");
        assert_null(s.newest->apps->list[snapshot_find_app(s.newest, "x")].unit);
        assert_int_equal(snapshot_find_app(s.newest, "z"), APP_NONE);
        state_done(&s);
}

/* A board with room for four. */
static struct board *make_board(void)
{
        struct board *b = calloc(1, sizeof *b + 4 * sizeof *b->entries);

        assert_non_null(b);
        return b;
}

static struct growth leak(double rate)
{
        return (struct growth){ VERDICT_LEAK, rate, 0.5, 7000, 9000 };
}

static void growth_comes_from_the_board_as_it_was_then(void **data)
{
        struct store_reader r = {};
        struct board *b = make_board();
        struct growth growth = leak(3600);
        struct snapshot *before;
        struct state s;

        (void)data;
        state_init(&s, &r, b, 4);
        begin(&r);
        begin(&r);
        board_write(b, 3, 2, &growth);
        board_write(b, 0, 77, &growth); /* of none that runs */
        state_refresh(&s, NULL);
        assert_int_equal(s.newest->rows[0].growth.verdict, VERDICT_INSUFFICIENT_DATA);
        assert_true(isnan(s.newest->rows[0].growth.bytes_per_hour));
        assert_int_equal(s.newest->rows[0].growth.limit_at_ms, -1);
        assert_int_equal(s.newest->rows[1].growth.verdict, VERDICT_LEAK);
        assert_true(s.newest->rows[1].growth.bytes_per_hour == 3600);
        before = snapshot_ref(s.newest);
        board_clear(b, 3);
        begin(&r);
        state_refresh(&s, NULL);
        assert_int_equal(s.newest->rows[1].growth.verdict, VERDICT_INSUFFICIENT_DATA);
        assert_int_equal(before->rows[1].growth.verdict, VERDICT_LEAK);
        snapshot_unref(before);
        state_done(&s);
        free(b);
}

static void a_board_is_not_read_beyond_its_end(void **data)
{
        struct store_reader r = {};
        struct board *b = make_board();
        struct growth growth = leak(1);
        struct state s;

        (void)data;
        board_write(b, 1, 1, &growth);
        b->n_entries = UINT32_MAX;
        state_init(&s, &r, b, 1);
        begin(&r);
        state_refresh(&s, NULL);
        assert_int_equal(s.newest->rows[0].growth.verdict, VERDICT_INSUFFICIENT_DATA);
        state_done(&s);
        free(b);
}

static void open_findings_are_read_once_a_change(void **data)
{
        struct store_reader r = { .finding_change = 1, .n_findings = 3, .findings = {
                { 15, FINDING_STEP, SEVERITY_INFO, 2, "00000000000a" },
                { 12, FINDING_LEAK, SEVERITY_WARNING, 2, "00000000000a" },
                { 13, FINDING_LEAK, SEVERITY_WARNING, 1, "00000000000b" },
        } };
        uint32_t n, first;
        struct state s;

        (void)data;
        state_init(&s, &r, NULL, 0);
        begin(&r);
        begin(&r);
        state_refresh(&s, NULL);
        first = open_findings_of_process(s.newest->findings, 2, &n);
        assert_int_equal(n, 2);
        assert_int_equal(s.newest->findings->list[first].number, 12);
        assert_int_equal(s.newest->findings->list[first + 1].number, 15);
        open_findings_of_process(s.newest->findings, 3, &n);
        assert_int_equal(n, 0);
        first = open_findings_of_app(s.newest->findings, "00000000000b", &n);
        assert_int_equal(n, 1);
        assert_int_equal(s.newest->findings->list[s.newest->findings->by_app[first]].number, 13);
        begin(&r);
        state_refresh(&s, NULL);
        assert_int_equal(r.read, 1);
        r.finding_change++;
        r.n_findings = 0;
        begin(&r);
        state_refresh(&s, NULL);
        assert_int_equal(r.read, 2);
        open_findings_of_process(s.newest->findings, 2, &n);
        assert_int_equal(n, 0);
        state_done(&s);
}

static void an_app_grows_as_what_tells_most_among_its_processes(void **data)
{
        static const struct growth growths[4] = {
                { VERDICT_STABLE, 100, 0.9, 5, -1 }, { VERDICT_LEAK, 2000, 0.6, 50, 900 },
                { VERDICT_LEAK, 1000, 0.7, 40, -1 }, { VERDICT_WARMING_UP, 9999, 0.99, 1, 700 },
        };
        struct store_reader r = {};
        struct board *b = make_board();
        struct app_sum *sums;
        struct growth g;
        struct state s;

        (void)data;
        state_init(&s, &r, b, 4);
        for (uint32_t i = 0; i < 4; i++) {
                begin(&r);
                board_write(b, i, i + 1, &growths[i]);
        }
        state_refresh(&s, NULL);
        sums = app_sums(s.newest);
        g = sums[snapshot_find_app(s.newest, "x")].growth;
        assert_int_equal(g.verdict, VERDICT_LEAK);
        assert_true(g.bytes_per_hour == 3000);
        assert_true(fabs(g.confidence - 0.7) < 1e-6);
        assert_int_equal(g.since_at_ms, 40);
        assert_int_equal(g.limit_at_ms, 700);
        /* None runs: nothing is known. */
        g = sums[snapshot_find_app(s.newest, "y")].growth;
        assert_int_equal(g.verdict, VERDICT_INSUFFICIENT_DATA);
        assert_true(isnan(g.bytes_per_hour));
        free(sums);
        /* Where none leaks, all that are known count. */
        board_write(b, 1, 2, &growths[0]);
        board_write(b, 2, 3, &growths[0]);
        begin(&r);
        state_refresh(&s, NULL);
        sums = app_sums(s.newest);
        g = sums[snapshot_find_app(s.newest, "x")].growth;
        assert_int_equal(g.verdict, VERDICT_WARMING_UP);
        assert_true(g.bytes_per_hour == 100 + 100 + 100 + 9999);
        free(sums);
        state_done(&s);
        free(b);
}

static void an_app_with_a_finding_of_its_own_grows_as_that_says(void **data)
{
        struct store_reader r = { .finding_change = 1, .n_findings = 1, .findings = {
                { 12, FINDING_LEAK, SEVERITY_WARNING, 0, "00000000000a" },
        }, .evidence = "{\"bytes_per_hour\": 62914560.5, \"confidence\": 0.98, \"from_at\": "
                       "\"2026-11-22T15:00:00.000Z\", \"limit\": null}" };
        struct app_sum *sums;
        struct growth g;
        struct state s;

        (void)data;
        state_init(&s, &r, NULL, 0);
        begin(&r);
        state_refresh(&s, NULL);
        sums = app_sums(s.newest);
        g = sums[snapshot_find_app(s.newest, "x")].growth;
        assert_int_equal(g.verdict, VERDICT_LEAK);
        assert_true(g.bytes_per_hour == 62914560.5);
        assert_true(g.since_at_ms == INT64_C(1795359600000));
        assert_int_equal(g.limit_at_ms, -1);
        free(sums);
        state_done(&s);
        /* What is no JSON tells nothing, and is no reason to fail. */
        r.evidence = "{";
        state_init(&s, &r, NULL, 0);
        r.changed = true;
        assert_int_equal(state_refresh(&s, NULL), 0);
        assert_true(isnan(s.newest->findings->list[0].growth.bytes_per_hour));
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
                cmocka_unit_test(growth_comes_from_the_board_as_it_was_then),
                cmocka_unit_test(a_board_is_not_read_beyond_its_end),
                cmocka_unit_test(open_findings_are_read_once_a_change),
                cmocka_unit_test(an_app_grows_as_what_tells_most_among_its_processes),
                cmocka_unit_test(an_app_with_a_finding_of_its_own_grows_as_that_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
