/* The watch opens a finding once for what leaks, keeps it while it leaks, and closes it when the process ends or its people
 * want to hear nothing of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "watch_world.h"

#define SETTINGS "interval = 5s\n"
#define FAST (96 * 1024) /* bytes a tick: 66 MiB an hour */
#define SLOW (64 * 1024) /* too little for a verdict within the life of a worker */

DEFINE_CLEANUP(struct watch_world *, watch_world_free)

static struct seen only(struct watch_world *w, int state)
{
        static struct seen seen[PROCESSES_MOST];

        assert_int_equal(world_findings(w, state, seen, PROCESSES_MOST), 1);
        return seen[0];
}

static void a_leak_is_found_once_and_told_with_its_evidence(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = world_start(w, "leaky.py", 60 * MIB, FAST), *idle = world_start(w, "idle.py", 60 * MIB, 0);
        struct seen seen;
        struct growth g;

        (void)state;
        world_tick(w);
        assert_int_equal(world_growth(w, leaky).verdict, VERDICT_INSUFFICIENT_DATA);
        world_until_open(w, 1, 2000);
        assert_int_equal(w->asked, 1);
        seen = only(w, STORE_FINDINGS_OPEN);
        assert_int_equal(seen.finding.kind, FINDING_LEAK);
        assert_int_equal(seen.finding.severity, SEVERITY_WARNING);
        assert_int_equal(seen.finding.process, leaky->process);
        assert_int_equal(seen.finding.closed_at_ms, -1);
        assert_true(seen.finding.opened_at_ms <= w->at_ms && seen.finding.opened_at_ms > w->at_ms - 10 * 5000);
        assert_string_equal(seen.app_name, "leaky.py");
        assert_non_null(strstr(seen.title, "leaky.py"));
        assert_non_null(strstr(seen.evidence, "\"from_bytes\""));
        g = world_growth(w, leaky);
        assert_int_equal(g.verdict, VERDICT_LEAK);
        assert_true(fabs(g.bytes_per_hour - FAST * 720.0) < FAST * 36.0);
        world_ticks(w, 1000);
        assert_int_equal(world_opened(w), 1);
        assert_int_equal(world_growth(w, idle).verdict, VERDICT_STABLE);
}

static void the_end_of_its_process_closes_a_finding(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = world_start(w, "leaky.py", 60 * MIB, FAST);
        struct seen before, after;
        struct growth g;

        (void)state;
        world_until_open(w, 1, 2000);
        before = only(w, STORE_FINDINGS_OPEN);
        world_stop(w, leaky);
        world_ticks(w, 2);
        after = only(w, STORE_FINDINGS_CLOSED);
        assert_int_equal(after.finding.number, before.finding.number);
        assert_true(after.finding.closed_at_ms >= after.finding.opened_at_ms);
        assert_string_equal(after.app_name, before.app_name);
        assert_true(strlen(after.evidence) > 2);
        assert_int_equal(board_read(w->board, leaky->seat, &g), 0);
        {
                struct store_reader *r;
                struct error err = {};

                assert_int_equal(store_reader_open(w->path, &r, &err), 0);
                assert_int_equal(store_read_growth(r, leaky->process, &g, &err), 1);
                assert_int_equal(g.verdict, VERDICT_LEAK);
                store_reader_close(r);
        }
}

static void a_leak_that_stops_is_closed_and_keeps_what_it_said(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = world_start(w, "leaky.py", 60 * MIB, FAST);
        struct seen before, after;

        (void)state;
        world_until_open(w, 1, 2000);
        before = only(w, STORE_FINDINGS_OPEN);
        leaky->each_tick = 0;
        world_until_open(w, 0, 20000);
        after = only(w, STORE_FINDINGS_CLOSED);
        assert_int_equal(after.finding.number, before.finding.number);
        assert_string_equal(after.title, before.title);
        assert_int_equal(after.finding.opened_at_ms, before.finding.opened_at_ms);
}

static void an_exact_read_can_refute_a_leak(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);

        (void)state;
        w->lie_bytes = 60 * MIB;
        world_start(w, "leaky.py", 60 * MIB, FAST);
        world_ticks(w, 2500);
        assert_true(w->asked >= 2);
        assert_int_equal(world_opened(w), 0);
        w->lie_bytes = 0;
        world_until_open(w, 1, 2500);
}

static void a_sampler_that_does_not_answer_hides_nothing(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);

        (void)state;
        w->silent = true;
        world_start(w, "leaky.py", 60 * MIB, FAST);
        world_until_open(w, 1, 2500);
        assert_int_equal(w->asked, 1);
}

static void sections_of_the_settings_hold_for_their_apps(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(
                SETTINGS "[app \"quiet*\"]\nmute = yes\n[app \"large.py\"]\nmin-growth = 4GiB\n");
        struct seen seen;
        struct fake *loud;

        (void)state;
        world_start(w, "quiet.py", 60 * MIB, FAST);
        world_start(w, "large.py", 60 * MIB, FAST);
        loud = world_start(w, "loud.py", 60 * MIB, FAST);
        world_ticks(w, 2500);
        seen = only(w, STORE_FINDINGS_ALL);
        assert_int_equal(seen.finding.process, loud->process);
        world_configure(w, SETTINGS "[app \"loud.py\"]\nmute = yes\n");
        world_until_open(w, 2, 200);
        assert_int_equal(world_opened(w), 3);
}

static void an_exec_begins_anew(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *f = world_start(w, "leaky.py", 60 * MIB, FAST);
        struct seen seen;

        (void)state;
        world_until_open(w, 1, 2000);
        watch_change(w->watch, f->seat, "0123456789ab", "other.py", w->store, w->at_ms);
        f->each_tick = 0;
        f->bytes = 20 * MIB;
        world_ticks(w, 2);
        seen = only(w, STORE_FINDINGS_CLOSED);
        assert_string_equal(seen.app_name, "leaky.py");
        assert_int_equal(world_growth(w, f).verdict, VERDICT_INSUFFICIENT_DATA);
        world_restart(w, false);
        world_ticks(w, 5);
        assert_int_equal(world_growth(w, f).verdict, VERDICT_INSUFFICIENT_DATA);
}

static void processes_that_share_a_limit_reach_it_together(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *one = world_start(w, "a.py", 60 * MIB, FAST), *two = world_start(w, "b.py", 60 * MIB, FAST);
        struct fake *alone = world_start(w, "c.py", 60 * MIB, FAST);
        struct headroom room = { .kind = LIMIT_CGROUP_MAX, .limit_bytes = 20000 * MIB, .used_bytes = 0, .room_bytes = 20000 * MIB,
                                 .shared_by = 42, .oom_kills = -1, .place = "/shop" };
        double hours, hours_alone;

        (void)state;
        world_limit(w, one, &room);
        world_limit(w, two, &room);
        room.shared_by = 43;
        world_limit(w, alone, &room);
        world_until_open(w, 3, 2000);
        world_ticks(w, 50);
        hours = (double)(world_growth(w, one).limit_at_ms - w->at_ms) / 3600e3;
        hours_alone = (double)(world_growth(w, alone).limit_at_ms - w->at_ms) / 3600e3;
        assert_true(fabs(hours_alone - 20000 * MIB / (FAST * 720.0)) < 0.1 * hours_alone);
        assert_true(fabs(hours - hours_alone / 2) < 0.05 * hours_alone);
        assert_true(llabs(world_growth(w, one).limit_at_ms - world_growth(w, two).limit_at_ms) < 3600000);
}

static void use_of_a_limit_is_told_of_one_process_alone(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *small = world_start(w, "small.py", 60 * MIB, 0), *large = world_start(w, "large.py", 90 * MIB, 0);
        const struct headroom room = { .kind = LIMIT_CGROUP_MAX, .limit_bytes = 160 * MIB, .used_bytes = 150 * MIB,
                                       .room_bytes = 10 * MIB, .shared_by = 42, .oom_kills = -1, .place = "/shop" };
        struct seen seen;

        (void)state;
        world_limit(w, small, &room);
        world_limit(w, large, &room);
        world_until_open(w, 1, 100);
        seen = only(w, STORE_FINDINGS_OPEN);
        assert_int_equal(seen.finding.kind, FINDING_LIMIT);
        assert_int_equal(seen.finding.process, large->process);
        small->bytes = 100 * MIB; /* now it is the larger one: nothing new */
        world_ticks(w, 200);
        assert_int_equal(world_opened(w), 1);
}

static bool note_step(void *data, const struct store_event *e)
{
        *(unsigned *)data += strcmp(e->event, "step") == 0;
        return true;
}

static void a_step_that_stays_is_told_and_is_an_event(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *f = world_start(w, "loads.py", 60 * MIB, 0);
        struct store_reader *r;
        struct error err = {};
        unsigned steps = 0;
        struct seen seen;

        (void)state;
        world_ticks(w, 900);
        f->bytes += 100 * MIB;
        world_until_open(w, 1, 3000);
        world_ticks(w, 1000);
        seen = only(w, STORE_FINDINGS_ALL);
        assert_int_equal(seen.finding.kind, FINDING_STEP);
        assert_int_equal(seen.finding.severity, SEVERITY_INFO);
        assert_int_equal(store_reader_open(w->path, &r, &err), 0);
        assert_int_equal(store_read_events(r, f->process, 0, note_step, &steps, &err), 0);
        store_reader_close(r);
        assert_int_equal(steps, 1);
        f->bytes -= 90 * MIB;
        world_until_open(w, 0, 100);
}

/* Workers that leak and are replaced before any of them is old enough for a verdict. */
static void a_leak_behind_recycling_is_found_on_the_app(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *worker = NULL;
        struct seen seen;

        (void)state;
        for (unsigned i = 0; i < 14; i++) {
                if (worker)
                        world_stop(w, worker);
                worker = world_start(w, "shop", 60 * MIB, SLOW);
                world_ticks(w, 150);
        }
        seen = only(w, STORE_FINDINGS_OPEN);
        assert_int_equal(seen.finding.kind, FINDING_LEAK);
        assert_int_equal(seen.finding.process, 0);
        assert_false(seen.has_process);
        assert_string_equal(seen.app_name, "shop");
        worker->each_tick = 0; /* it was mended */
        for (unsigned i = 0; i < 8; i++) {
                world_stop(w, worker);
                worker = world_start(w, "shop", 60 * MIB, 0);
                world_ticks(w, 150);
        }
        assert_int_equal(only(w, STORE_FINDINGS_CLOSED).finding.number, seen.finding.number);
}

/* Workers that live long enough to be told of one by one: after two, it is their app's, and no stream. */
static void workers_that_leak_one_after_the_other_are_told_of_together(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *worker = NULL;
        struct seen seen;

        (void)state;
        world_start(w, "shop", 30 * MIB, 0); /* the master */
        for (unsigned i = 0; i < 6; i++) {
                if (worker)
                        world_stop(w, worker);
                worker = world_start(w, "shop", 60 * MIB, FAST);
                world_ticks(w, 1000);
        }
        assert_in_range(world_opened(w), 2, 4);
        seen = only(w, STORE_FINDINGS_OPEN);
        assert_int_equal(seen.finding.process, 0);
        world_stop(w, worker);
        worker = world_start(w, "shop", 60 * MIB, 0); /* it was mended, and lives on */
        world_until_open(w, 0, 2500);
        world_ticks(w, 100);
        assert_int_equal(world_findings(w, STORE_FINDINGS_OPEN, &seen, 1), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_leak_is_found_once_and_told_with_its_evidence),
                cmocka_unit_test(the_end_of_its_process_closes_a_finding),
                cmocka_unit_test(a_leak_that_stops_is_closed_and_keeps_what_it_said),
                cmocka_unit_test(an_exact_read_can_refute_a_leak),
                cmocka_unit_test(a_sampler_that_does_not_answer_hides_nothing),
                cmocka_unit_test(sections_of_the_settings_hold_for_their_apps),
                cmocka_unit_test(an_exec_begins_anew),
                cmocka_unit_test(processes_that_share_a_limit_reach_it_together),
                cmocka_unit_test(use_of_a_limit_is_told_of_one_process_alone),
                cmocka_unit_test(a_step_that_stays_is_told_and_is_an_event),
                cmocka_unit_test(a_leak_behind_recycling_is_found_on_the_app),
                cmocka_unit_test(workers_that_leak_one_after_the_other_are_told_of_together),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
