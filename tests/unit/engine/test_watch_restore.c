/* A restart of the daemon, of the sampler, or another file: what was found goes on under its number, and is told once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "watch_world.h"

#define SETTINGS "interval = 5s\n"
#define FAST (96 * 1024)
#define SLOW (64 * 1024) /* too little for a verdict within the life of a worker */

DEFINE_CLEANUP(struct watch_world *, watch_world_free)

static struct seen only(struct watch_world *w, int state)
{
        static struct seen seen[PROCESSES_MOST];

        assert_int_equal(world_findings(w, state, seen, PROCESSES_MOST), 1);
        return seen[0];
}

static void until_restored(struct watch_world *w, const struct fake *f, enum verdict verdict)
{
        for (unsigned i = 0; i < 50; i++) {
                world_tick(w);
                if (world_growth(w, f).verdict == verdict)
                        return;
        }
        fail_msg("not restored after 50 ticks");
}

static void goes_on(bool killed)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = world_start(w, "leaky.py", 60 * MIB, FAST), *idle = world_start(w, "idle.py", 60 * MIB, 0);
        struct growth before, after;
        int64_t number;

        world_until_open(w, 1, 2000);
        world_ticks(w, 500);
        number = only(w, STORE_FINDINGS_OPEN).finding.number;
        before = world_growth(w, leaky);
        world_restart(w, killed);
        assert_int_equal(world_growth(w, leaky).verdict, VERDICT_INSUFFICIENT_DATA);
        until_restored(w, leaky, VERDICT_LEAK);
        until_restored(w, idle, VERDICT_STABLE);
        after = world_growth(w, leaky);
        assert_true(fabs(after.bytes_per_hour - before.bytes_per_hour) < 0.02 * before.bytes_per_hour);
        world_ticks(w, 500);
        assert_int_equal(only(w, STORE_FINDINGS_ALL).finding.number, number);
        world_stop(w, leaky);
        world_ticks(w, 2);
        assert_int_equal(only(w, STORE_FINDINGS_CLOSED).finding.number, number);
}

static void a_finding_survives_a_restart(void **state)
{
        (void)state;
        goes_on(false);
}

static void a_finding_survives_a_crash(void **state)
{
        (void)state;
        goes_on(true);
}

static void what_was_seen_before_a_restart_counts_after_it(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = world_start(w, "leaky.py", 60 * MIB, FAST);
        unsigned alone, together = 0;

        (void)state;
        alone = world_until_open(w, 1, 2000);
        world_stop(w, leaky);
        world_ticks(w, 2);
        world_start(w, "second.py", 60 * MIB, FAST);
        for (int i = 0; i < 4; i++, together += alone / 5) {
                world_ticks(w, alone / 5);
                world_restart(w, i % 2);
        }
        together += world_until_open(w, 1, 2000);
        assert_true(together < alone + alone / 5);
}

static void what_ended_while_the_daemon_was_away_is_closed(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = world_start(w, "leaky.py", 60 * MIB, FAST);
        int64_t number;

        (void)state;
        world_start(w, "idle.py", 60 * MIB, 0);
        world_until_open(w, 1, 2000);
        number = only(w, STORE_FINDINGS_OPEN).finding.number;
        leaky->running = false;
        world_restart(w, false);
        world_ticks(w, 3);
        assert_int_equal(only(w, STORE_FINDINGS_CLOSED).finding.number, number);
}

static void another_sampler_changes_nothing(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = world_start(w, "leaky.py", 60 * MIB, FAST);
        struct fake *gone = world_start(w, "gone.py", 60 * MIB, FAST);
        struct seen seen;

        (void)state;
        world_until_open(w, 2, 2000);
        gone->running = false; /* and nobody saw it go */
        world_replace_sampler(w);
        assert_int_equal(world_growth(w, leaky).verdict, VERDICT_LEAK);
        world_ticks(w, 500);
        seen = only(w, STORE_FINDINGS_OPEN);
        assert_int_equal(seen.finding.process, leaky->process);
        assert_int_equal(world_opened(w), 2);
}

static void findings_are_written_again_into_a_new_file(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = world_start(w, "leaky.py", 60 * MIB, FAST);
        char wal[128];
        int64_t number;

        (void)state;
        world_until_open(w, 1, 2000);
        number = only(w, STORE_FINDINGS_OPEN).finding.number;
        snprintf(wal, sizeof wal, "%s-wal", w->path);
        unlink(w->path);
        unlink(wal);
        w->troubled = true;
        for (unsigned i = 0; i < 100 && access(w->path, F_OK) < 0; i++)
                world_tick(w);
        w->troubled = false;
        world_ticks(w, 3);
        assert_int_equal(only(w, STORE_FINDINGS_OPEN).finding.number, number);
        assert_int_equal(world_growth(w, leaky).verdict, VERDICT_LEAK);
}

static void generations_from_before_a_restart_count(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *worker = NULL;
        struct seen seen;

        (void)state;
        for (unsigned i = 0; i < 14; i++) {
                if (worker)
                        world_stop(w, worker);
                worker = world_start(w, "shop", 60 * MIB, SLOW);
                world_ticks(w, 75);
                if (i % 3 == 2)
                        world_restart(w, i % 2);
                world_ticks(w, 75);
        }
        seen = only(w, STORE_FINDINGS_OPEN);
        assert_int_equal(seen.finding.process, 0);
        world_restart(w, false);
        world_ticks(w, 10);
        world_stop(w, worker);
        world_start(w, "shop", 60 * MIB, SLOW);
        world_ticks(w, 150);
        assert_int_equal(only(w, STORE_FINDINGS_OPEN).finding.number, seen.finding.number);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_finding_survives_a_restart),
                cmocka_unit_test(a_finding_survives_a_crash),
                cmocka_unit_test(what_was_seen_before_a_restart_counts_after_it),
                cmocka_unit_test(what_ended_while_the_daemon_was_away_is_closed),
                cmocka_unit_test(another_sampler_changes_nothing),
                cmocka_unit_test(findings_are_written_again_into_a_new_file),
                cmocka_unit_test(generations_from_before_a_restart_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
