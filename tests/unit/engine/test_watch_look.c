/* Heaps are looked into when there is something to learn, seldom enough to cost nothing, and findings say what came of it. */
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
#define PERIODIC SETTINGS "inspect = periodic\n"
#define TICK_MS 5000
#define FAST (96 * 1024) /* bytes a tick: 66 MiB an hour */
#define SLOW (64 * 1024) /* too little for a verdict within the life of a worker */
#define ORDERS 700       /* a tick: of about that size */

DEFINE_CLEANUP(struct watch_world *, watch_world_free)

static struct seen only(struct watch_world *w, int state)
{
        static struct seen seen[PROCESSES_MOST];

        assert_int_equal(world_findings(w, state, seen, PROCESSES_MOST), 1);
        return seen[0];
}

static struct fake *leak(struct watch_world *w, const char *app)
{
        struct fake *f = world_start(w, app, 60 * MIB, FAST);

        f->orders_each_tick = ORDERS;
        return f;
}

/* Ticks until it has been looked into once more. */
static unsigned until_look(struct watch_world *w, const struct fake *f, unsigned most)
{
        unsigned looks = f->looks;

        for (unsigned i = 1; i <= most; i++) {
                world_tick(w);
                if (f->looks > looks)
                        return i;
        }
        fail_msg("no look within %u ticks", most);
        return 0;
}

static size_t past_of(const struct watch_world *w, const struct fake *f)
{
        struct look look;
        size_t n;

        assert_true(world_look(w, f, &look));
        n = look.n_past;
        look_done(&look);
        return n;
}

static void each_is_looked_into_once_when_it_has_lived_an_hour(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *f = world_start(w, "idle.py", 60 * MIB, 0);
        struct look look;

        (void)state;
        world_ticks(w, 719);
        assert_int_equal(w->looks, 0);
        assert_false(world_look(w, f, &look));
        world_ticks(w, 5);
        assert_int_equal(f->looks, 1);
        assert_true(world_look(w, f, &look));
        assert_int_equal(look.at_ms, f->looked_ms);
        assert_int_equal(look.cpu_us, 40000);
        assert_string_equal(look.containers[0].name, "shop.cache.ORDERS");
        look_done(&look);
        world_ticks(w, 3000);
        assert_int_equal(w->looks, 1);
}

static void what_ran_long_before_is_old_enough_at_once(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *f = world_start(w, "idle.py", 60 * MIB, 0);

        (void)state;
        w->boot_ms += 5 * 3600000;
        assert_in_range(until_look(w, f, 5), 1, 3);
}

static void a_finding_has_its_process_looked_into_and_names_what_grows(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *leaky = leak(w, "leaky.py"), *idle = world_start(w, "idle.py", 60 * MIB, 0);
        unsigned before;

        (void)state;
        world_until_open(w, 1, 2000);
        before = leaky->looks;
        if (leaky->looked_ms < only(w, STORE_FINDINGS_OPEN).finding.opened_at_ms)
                until_look(w, leaky, 3);
        assert_true(leaky->looks <= before + 1);
        assert_in_range(until_look(w, leaky, 100), 60 - 8, 61);
        world_tick(w);
        assert_non_null(strstr(only(w, STORE_FINDINGS_OPEN).suspects, "shop.cache.ORDERS"));
        assert_in_range(until_look(w, leaky, 200), 119, 121);
        assert_in_range(until_look(w, leaky, 200), 119, 121);
        assert_true(idle->looks <= 1);
        world_stop(w, leaky);
        world_ticks(w, 3);
        assert_non_null(strstr(only(w, STORE_FINDINGS_CLOSED).suspects, "shop.cache.ORDERS"));
}

/* Of quiet weeks and an hour of leak, the rate is the leak's. */
static void rates_are_of_the_leak_and_not_of_the_quiet_before(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC);
        struct fake *f = world_start(w, "leaky.py", 60 * MIB, 0);
        struct look look;
        double rate;
        int since;

        (void)state;
        world_ticks(w, 6000);
        assert_true(f->looks > 40);
        assert_true(past_of(w, f) > 2);
        f->each_tick = FAST;
        f->orders_each_tick = ORDERS;
        world_until_open(w, 1, 10000);
        until_look(w, f, 200);
        until_look(w, f, 200);
        assert_true(world_look(w, f, &look));
        since = look_since(&look, look.containers[0].past);
        assert_true(since >= 0);
        rate = look_rate(&look, look.containers[0].past, look.containers[0].length);
        if (fabs(rate - ORDERS * 720.0) > 0.5 * ORDERS * 720)
                fail_msg("%.0f entries an hour, not %d", rate, ORDERS * 720);
        look_done(&look);
}

static void a_process_pays_one_percent_of_a_core_at_most(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1s\n");
        struct fake *f = world_start(w, "large.py", 60 * MIB, 0);

        (void)state;
        f->look_cost_us = 3000000;
        until_look(w, f, 3);
        assert_in_range(until_look(w, f, 200), 60, 62);
        assert_in_range(until_look(w, f, 200), 60, 62);
}

static void all_together_pay_two_percent_at_most(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1m\n");
        struct fake *all[20];

        (void)state;
        for (int i = 0; i < 20; i++) {
                all[i] = world_start(w, "some.py", 60 * MIB, 0);
                all[i]->look_cost_us = 1000000; /* 50 s: 10 ticks and the one on which the answer comes */
        }
        world_ticks(w, 1000);
        assert_in_range(w->looks, 85, 100);
        for (int i = 0; i < 20; i++)
                assert_in_range(all[i]->looks, 3, 6);
}

static void a_finding_waits_no_longer_than_ten_seconds_for_others(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1m\n");
        struct fake *f = leak(w, "leaky.py");
        int64_t opened;

        (void)state;
        for (int i = 0; i < 10; i++)
                world_start(w, "some.py", 60 * MIB, 0)->look_cost_us = 20000000; /* 1000 s each */
        f->look_cost_us = 10000;
        world_until_open(w, 1, 2000);
        opened = only(w, STORE_FINDINGS_OPEN).finding.opened_at_ms;
        if (f->looked_ms < opened)
                until_look(w, f, 8);
        assert_in_range(f->looked_ms - opened, 0, 10000 + 2 * TICK_MS);
}

static void one_at_a_time_and_who_does_not_answer_is_given_up(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);

        (void)state;
        world_start(w, "a.py", 60 * MIB, 0);
        world_start(w, "b.py", 60 * MIB, 0);
        w->boot_ms += 2 * 3600000;
        w->silent_looks = true;
        world_ticks(w, 12);
        assert_int_equal(w->looks, 1);
        world_ticks(w, 12);
        assert_int_equal(w->looks, 2);
        world_ticks(w, 100);
        assert_int_equal(w->looks, 2); /* an interval later again */
        w->silent_looks = false;
        world_ticks(w, 40);
        assert_int_equal(w->looks, 4);
        world_ticks(w, 1000);
        assert_int_equal(w->looks, 4);
}

static void a_restart_brings_no_wave_of_looks(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1h\n");
        struct fake *leaky;

        (void)state;
        for (int i = 0; i < 10; i++)
                world_start(w, "some.py", 60 * MIB, 0);
        leaky = leak(w, "leaky.py");
        world_until_open(w, 1, 2000);
        until_look(w, leaky, 100);
        until_look(w, leaky, 800);
        w->looks = 0;
        for (int i = 0; i < 3; i++) {
                world_restart(w, i % 2);
                world_ticks(w, 10);
        }
        assert_in_range(w->looks, 0, 12 * 30 / 720 + 1);
        world_ticks(w, 720);
        assert_in_range(w->looks, 11, 13);
        assert_true(past_of(w, leaky) >= 2);
        assert_non_null(strstr(only(w, STORE_FINDINGS_OPEN).suspects, "shop.cache.ORDERS"));
}

static void another_sampler_is_asked_again(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *f = world_start(w, "idle.py", 60 * MIB, 0);

        (void)state;
        w->silent_looks = true;
        w->boot_ms += 2 * 3600000;
        world_ticks(w, 3);
        assert_int_equal(w->looks, 1);
        w->silent_looks = false;
        world_replace_sampler(w);
        assert_in_range(until_look(w, f, 5), 1, 3);
}

static void an_exec_begins_another_life(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1m\n");
        struct fake *f = world_start(w, "one.py", 60 * MIB, 0);
        struct look look;

        (void)state;
        world_ticks(w, 60);
        assert_true(past_of(w, f) >= 2);
        watch_change(w->watch, f->seat, "0123456789ab", "other.py", w->store, w->at_ms);
        world_ticks(w, 2);
        assert_false(world_look(w, f, &look));
        until_look(w, f, 20);
        assert_int_equal(past_of(w, f), 0);
}

/* The daemon was away, and did not see it. */
static void another_python_goes_on_from_nothing(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1m\n");
        struct fake *f = world_start(w, "one.py", 60 * MIB, 0);

        (void)state;
        world_ticks(w, 60);
        f->python = "3.12.1";
        until_look(w, f, 20);
        world_tick(w);
        assert_int_equal(past_of(w, f), 0);
}

static void what_a_finding_says_outlives_an_exec(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *f = leak(w, "leaky.py");

        (void)state;
        world_until_open(w, 1, 2000);
        world_ticks(w, 100);
        assert_non_null(strstr(only(w, STORE_FINDINGS_OPEN).suspects, "shop.cache.ORDERS"));
        watch_change(w->watch, f->seat, "0123456789ab", "other.py", w->store, w->at_ms);
        world_ticks(w, 3);
        assert_non_null(strstr(only(w, STORE_FINDINGS_CLOSED).suspects, "shop.cache.ORDERS"));
}

static void settings_say_whether_and_sections_for_whom(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(
                SETTINGS "inspect = off\n[app \"often.py\"]\ninspect = periodic\n[app \"once.py\"]\ninspect = on-finding\n");
        struct fake *never = leak(w, "never.py"), *often = world_start(w, "often.py", 60 * MIB, 0);
        struct fake *once = world_start(w, "once.py", 60 * MIB, 0);

        (void)state;
        world_until_open(w, 1, 2000);
        world_ticks(w, 800);
        assert_int_equal(never->looks, 0);
        assert_int_equal(once->looks, 1);
        assert_true(often->looks >= 6);
        assert_non_null(strstr(only(w, STORE_FINDINGS_OPEN).diagnosis, "inspect is off"));
        world_configure(w, SETTINGS "inspect = on-finding\n[app \"often.py\"]\ninspect = off\n");
        often->looks = 0;
        assert_in_range(until_look(w, never, 5), 1, 3);
        world_ticks(w, 500);
        assert_true(often->looks <= 1);
}

static void a_muted_app_has_no_findings_to_look_for(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS "[app \"quiet.py\"]\nmute = yes\n");
        struct fake *f = leak(w, "quiet.py");

        (void)state;
        world_ticks(w, 2000);
        assert_int_equal(f->looks, 1);
}

static void rubbish_is_dropped_and_asked_for_again(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1m\n");
        struct fake *f = world_start(w, "some.py", 60 * MIB, 0);
        struct look look;

        (void)state;
        w->bad_looks = true;
        world_ticks(w, 40);
        assert_true(w->looks >= 2);
        assert_false(world_look(w, f, &look));
        w->bad_looks = false;
        until_look(w, f, 20);
        assert_int_equal(past_of(w, f), 0);
}

static void what_was_known_stays_while_it_cannot_be_looked_into(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1m\n");
        struct fake *f = world_start(w, "some.py", 60 * MIB, 0);
        struct look look;
        int64_t at_ms;

        (void)state;
        world_ticks(w, 40);
        f->refusal = "it is stopped";
        at_ms = f->looked_ms;
        until_look(w, f, 20);
        until_look(w, f, 20);
        assert_true(world_look(w, f, &look));
        assert_string_equal(look.python, "3.11.2");
        assert_int_equal(look.at_ms, at_ms);
        look_done(&look);
        f->refusal = NULL;
        until_look(w, f, 20);
        assert_true(past_of(w, f) >= 2);
}

static void an_interpreter_that_is_not_known_is_asked_once(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 1m\n");
        struct fake *f = world_start(w, "some.py", 60 * MIB, 0);
        struct look look;

        (void)state;
        f->refusal = "it is PyPy, whose heap has another form";
        f->hopeless = true;
        world_ticks(w, 500);
        assert_int_equal(f->looks, 1);
        assert_true(world_look(w, f, &look));
        assert_string_equal(look_missing(&look, "python"), f->refusal);
        look_done(&look);
}

/* It is tried again ever more seldom where nobody waits for it. */
static void one_that_is_always_refused_is_left_alone(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *f = world_start(w, "some.py", 60 * MIB, 0);

        (void)state;
        f->refusal = "its memory may not be read";
        world_ticks(w, 720 + 120 * 16);
        assert_in_range(f->looks, 4, 6);
}

static void workers_that_are_replaced_are_looked_into_for_their_app(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(SETTINGS);
        struct fake *workers[6] = {}, *first;
        struct seen seen;
        unsigned looked = 0;

        (void)state;
        for (unsigned i = 0; i < 8; i++) {
                for (unsigned k = 0; k < 6; k++) {
                        if (workers[k])
                                world_stop(w, workers[k]);
                        workers[k] = leak(w, "shop");
                        workers[k]->each_tick = SLOW;
                }
                world_ticks(w, 160);
        }
        seen = only(w, STORE_FINDINGS_OPEN);
        assert_int_equal(seen.finding.process, 0);
        for (unsigned k = 0; k < 6; k++) {
                looked += workers[k]->looks > 0;
                assert_in_range(workers[k]->looks, 0, 3);
        }
        assert_int_equal(looked, 4);
        assert_non_null(strstr(seen.suspects, "shop.cache.ORDERS"));
        first = workers[0];
        world_stop(w, first); /* another one takes its place, and the finding keeps what it said */
        for (unsigned k = 1; k < 6; k++)
                world_stop(w, workers[k]);
        workers[0] = leak(w, "shop");
        world_ticks(w, 30);
        assert_true(workers[0]->looks >= 1);
        assert_non_null(strstr(only(w, STORE_FINDINGS_OPEN).suspects, "shop.cache.ORDERS"));
}

static void in_a_new_file_looks_begin_anew(void **state)
{
        _cleanup_(watch_world_freep) struct watch_world *w = watch_world_new(PERIODIC "inspect-interval = 5m\n");
        struct fake *f = leak(w, "leaky.py");
        char wal[128];

        (void)state;
        world_until_open(w, 1, 2000);
        world_ticks(w, 130);
        assert_non_null(strstr(only(w, STORE_FINDINGS_OPEN).suspects, "shop.cache.ORDERS"));
        snprintf(wal, sizeof wal, "%s-wal", w->path);
        unlink(w->path);
        unlink(wal);
        w->troubled = true;
        for (unsigned i = 0; i < 100 && access(w->path, F_OK) < 0; i++)
                world_tick(w);
        w->troubled = false;
        until_look(w, f, 70);
        world_tick(w);
        assert_int_equal(past_of(w, f), 0);
        until_look(w, f, 70);
        world_ticks(w, 2);
        assert_non_null(strstr(only(w, STORE_FINDINGS_OPEN).suspects, "shop.cache.ORDERS"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_is_looked_into_once_when_it_has_lived_an_hour),
                cmocka_unit_test(what_ran_long_before_is_old_enough_at_once),
                cmocka_unit_test(a_finding_has_its_process_looked_into_and_names_what_grows),
                cmocka_unit_test(rates_are_of_the_leak_and_not_of_the_quiet_before),
                cmocka_unit_test(a_process_pays_one_percent_of_a_core_at_most),
                cmocka_unit_test(all_together_pay_two_percent_at_most),
                cmocka_unit_test(a_finding_waits_no_longer_than_ten_seconds_for_others),
                cmocka_unit_test(one_at_a_time_and_who_does_not_answer_is_given_up),
                cmocka_unit_test(a_restart_brings_no_wave_of_looks),
                cmocka_unit_test(another_sampler_is_asked_again),
                cmocka_unit_test(an_exec_begins_another_life),
                cmocka_unit_test(another_python_goes_on_from_nothing),
                cmocka_unit_test(what_a_finding_says_outlives_an_exec),
                cmocka_unit_test(settings_say_whether_and_sections_for_whom),
                cmocka_unit_test(a_muted_app_has_no_findings_to_look_for),
                cmocka_unit_test(rubbish_is_dropped_and_asked_for_again),
                cmocka_unit_test(what_was_known_stays_while_it_cannot_be_looked_into),
                cmocka_unit_test(an_interpreter_that_is_not_known_is_asked_once),
                cmocka_unit_test(one_that_is_always_refused_is_left_alone),
                cmocka_unit_test(workers_that_are_replaced_are_looked_into_for_their_app),
                cmocka_unit_test(in_a_new_file_looks_begin_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
