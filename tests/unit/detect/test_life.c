/* Findings open when they are due, worsen upwards only, close when calm, and never come as a stream. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "detect/life.h"

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define TICK 5000
#define HOUR 3600000

struct scene {
        struct life life;
        struct life_rules rules;
        struct life_facts facts;
        struct trend trend;
        struct headroom headroom;
        struct life_event events[LIFE_EVENTS_MAX];
};

/* A process of 100 MiB, an hour old, that does nothing. */
static void begin(struct scene *s)
{
        *s = (struct scene){
                .rules = { .min_growth_bytes = 8 * MIB, .interval_ms = TICK },
                .trend = { .verdict = VERDICT_STABLE, .bytes_per_hour = NAN, .from_bytes = 100 * MIB, .to_bytes = 100 * MIB,
                           .step_at_ms = -1 },
                .facts = { .at_ms = HOUR, .level_bytes = 100 * MIB, .teller = true },
                .headroom = HEADROOM_UNKNOWN,
        };
        s->facts.trend = &s->trend;
        s->facts.headroom = &s->headroom;
        life_init(&s->life);
}

static void leaks(struct scene *s, int64_t to_bytes)
{
        s->trend.verdict = VERDICT_LEAK;
        s->trend.growing = true;
        s->trend.bytes_per_hour = 10 * MIB;
        s->trend.to_bytes = to_bytes;
}

static void rests(struct scene *s)
{
        s->trend.verdict = VERDICT_STABLE;
        s->trend.growing = false;
}

/* The kernel kills at so much, so much of it is in use. */
static void limited(struct scene *s, int64_t limit_bytes, int64_t used_bytes)
{
        s->headroom = (struct headroom){ .kind = LIMIT_CGROUP_MAX, .limit_bytes = limit_bytes, .used_bytes = used_bytes,
                                         .room_bytes = limit_bytes - used_bytes, .shared_by = 7 };
}

static unsigned step(struct scene *s)
{
        s->facts.at_ms += TICK;
        return life_step(&s->life, &s->rules, &s->facts, s->events);
}

/* Nothing but this one event. */
static void expect(struct scene *s, unsigned n, enum life_action action, enum finding_kind kind, enum severity severity)
{
        assert_int_equal(n, 1);
        assert_int_equal(s->events[0].action, action);
        assert_int_equal(s->events[0].kind, kind);
        assert_int_equal(s->events[0].severity, severity);
}

static void quiet_for(struct scene *s, unsigned ticks)
{
        for (unsigned i = 0; i < ticks; i++)
                assert_int_equal(step(s), 0);
}

static unsigned answer(struct scene *s, enum finding_kind kind, int64_t exact_bytes)
{
        return life_answer(&s->life, &s->rules, &s->facts, kind, exact_bytes, s->events);
}

static void open_leak(struct scene *s, int64_t to_bytes)
{
        leaks(s, to_bytes);
        expect(s, step(s), LIFE_ASK, FINDING_LEAK, SEVERITY_INFO);
        expect(s, answer(s, FINDING_LEAK, to_bytes), LIFE_OPENS, FINDING_LEAK, SEVERITY_WARNING);
}

/* Ticks until the one event that comes. */
static unsigned ticks_until_event(struct scene *s, unsigned most)
{
        for (unsigned i = 1; i <= most; i++) {
                unsigned n = step(s);

                if (n) {
                        assert_int_equal(n, 1);
                        return i;
                }
        }
        fail_msg("nothing happened in %u ticks", most);
        return 0;
}

static void a_leak_opens_once_an_exact_read_confirms_it(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        quiet_for(&s, 10);
        assert_false(life_busy(&s.life));
        open_leak(&s, 120 * MIB);
        assert_true(life_busy(&s.life));
        quiet_for(&s, 1000);
        assert_int_equal(answer(&s, FINDING_LEAK, 120 * MIB), 0);
}

static void a_leak_smaller_than_asked_for_opens_nothing(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        leaks(&s, 107 * MIB);
        quiet_for(&s, 1000);
        s.rules.min_growth_bytes = 4 * MIB;
        expect(&s, step(&s), LIFE_ASK, FINDING_LEAK, SEVERITY_INFO);
}

static void a_refuted_leak_is_asked_again_a_tenth_of_its_window_later(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        leaks(&s, 120 * MIB);
        step(&s);
        assert_int_equal(answer(&s, FINDING_LEAK, 109 * MIB), 0);
        assert_false(life_busy(&s.life));
        assert_int_equal(ticks_until_event(&s, 100), 73); /* the window began at 0, an hour and a tick ago */
        assert_int_equal(s.events[0].action, LIFE_ASK);
        expect(&s, answer(&s, FINDING_LEAK, 111 * MIB), LIFE_OPENS, FINDING_LEAK, SEVERITY_WARNING);
}

static void a_leak_that_cannot_be_read_is_believed(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        leaks(&s, 120 * MIB);
        step(&s);
        expect(&s, answer(&s, FINDING_LEAK, -1), LIFE_OPENS, FINDING_LEAK, SEVERITY_WARNING);
}

static void a_leak_is_believed_when_nobody_answers(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        leaks(&s, 120 * MIB);
        step(&s);
        assert_int_equal(ticks_until_event(&s, 100), 16); /* 60 s and three ticks are over */
        assert_int_equal(s.events[0].action, LIFE_OPENS);
}

static void a_leak_that_ends_before_the_answer_is_forgotten(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        leaks(&s, 120 * MIB);
        step(&s);
        rests(&s);
        quiet_for(&s, 1);
        assert_false(life_busy(&s.life));
        assert_int_equal(answer(&s, FINDING_LEAK, 120 * MIB), 0);
}

static void a_leak_closes_twelve_ticks_after_it_stopped(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        open_leak(&s, 120 * MIB);
        rests(&s);
        quiet_for(&s, 12);
        leaks(&s, 121 * MIB);
        quiet_for(&s, 5);
        rests(&s);
        assert_int_equal(ticks_until_event(&s, 100), 13);
        expect(&s, 1, LIFE_CLOSES, FINDING_LEAK, SEVERITY_WARNING);
        quiet_for(&s, 100);
}

static void a_closed_leak_opens_again_only_when_it_kept_more(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        open_leak(&s, 200 * MIB);
        rests(&s);
        ticks_until_event(&s, 100);
        leaks(&s, 219 * MIB); /* more than min_growth, less than 10 % */
        quiet_for(&s, 100);
        open_leak(&s, 220 * MIB);
        rests(&s);
        ticks_until_event(&s, 100);
        s.trend.to_bytes = 50 * MIB; /* all of it was given back */
        s.trend.from_bytes = 50 * MIB;
        quiet_for(&s, 10);
        leaks(&s, 57 * MIB);
        quiet_for(&s, 10);
        open_leak(&s, 58 * MIB);
}

static void a_leak_worsens_when_its_limit_comes_near_and_never_twice(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        limited(&s, 1024 * MIB, 120 * MIB);
        open_leak(&s, 120 * MIB);
        /* 9 MiB at 10 MiB an hour: the limit itself is a finding as well. */
        limited(&s, 1024 * MIB, 1015 * MIB);
        assert_int_equal(step(&s), 2);
        assert_int_equal(s.events[0].action, LIFE_WORSENS);
        assert_int_equal(s.events[0].kind, FINDING_LEAK);
        assert_int_equal(s.events[0].severity, SEVERITY_CRITICAL);
        assert_int_equal(s.events[1].action, LIFE_OPENS);
        assert_int_equal(s.events[1].kind, FINDING_LIMIT);
        assert_int_equal(s.events[1].severity, SEVERITY_CRITICAL);
        limited(&s, 1024 * MIB, 800 * MIB);
        quiet_for(&s, 10);
        limited(&s, 1024 * MIB, 1015 * MIB);
        quiet_for(&s, 10);
}

static void memory_high_is_never_critical(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        limited(&s, 1024 * MIB, 1020 * MIB);
        s.headroom.kind = LIMIT_CGROUP_HIGH;
        leaks(&s, 120 * MIB);
        assert_int_equal(step(&s), 2); /* both are asked */
        expect(&s, answer(&s, FINDING_LEAK, 120 * MIB), LIFE_OPENS, FINDING_LEAK, SEVERITY_WARNING);
        expect(&s, answer(&s, FINDING_LIMIT, 120 * MIB), LIFE_OPENS, FINDING_LIMIT, SEVERITY_WARNING);
}

static void a_step_is_due_when_it_stayed_for_an_hour(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        s.trend.verdict = VERDICT_STEP;
        s.trend.step_at_ms = s.facts.at_ms;
        s.trend.step_from_bytes = 100 * MIB;
        s.trend.step_to_bytes = s.trend.to_bytes = s.facts.level_bytes = 164 * MIB;
        quiet_for(&s, 719);
        expect(&s, step(&s), LIFE_OPENS, FINDING_STEP, SEVERITY_INFO);
        quiet_for(&s, 500);
        s.facts.level_bytes = 131 * MIB;
        assert_int_equal(ticks_until_event(&s, 100), 13);
        expect(&s, 1, LIFE_CLOSES, FINDING_STEP, SEVERITY_INFO);
        s.facts.level_bytes = 164 * MIB;
        quiet_for(&s, 2000); /* the same step is not told again */
}

static void a_small_step_is_none(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        s.trend.verdict = VERDICT_STEP;
        s.trend.step_at_ms = 0;
        s.trend.step_from_bytes = 1000 * MIB;
        s.trend.step_to_bytes = s.facts.level_bytes = 1064 * MIB;
        quiet_for(&s, 1000);
        s.trend.step_from_bytes = 100 * MIB;
        s.trend.step_to_bytes = s.facts.level_bytes = 131 * MIB;
        quiet_for(&s, 1000);
}

static void a_step_is_over_after_a_day(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        s.trend.verdict = VERDICT_STEP;
        s.trend.step_at_ms = 0;
        s.trend.step_from_bytes = 100 * MIB;
        s.trend.step_to_bytes = s.trend.to_bytes = s.facts.level_bytes = 164 * MIB;
        expect(&s, step(&s), LIFE_OPENS, FINDING_STEP, SEVERITY_INFO);
        assert_int_equal(ticks_until_event(&s, 20000), 17280);
        expect(&s, 1, LIFE_CLOSES, FINDING_STEP, SEVERITY_INFO);
        quiet_for(&s, 1000);
        s.trend.step_to_bytes = s.trend.to_bytes = s.facts.level_bytes = 200 * MIB; /* a further one */
        expect(&s, step(&s), LIFE_OPENS, FINDING_STEP, SEVERITY_INFO);
}

static void a_limit_within_a_day_is_told_and_closes_with_a_margin(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        limited(&s, 1024 * MIB, 774 * MIB);
        open_leak(&s, 120 * MIB); /* 25 hours away */
        quiet_for(&s, 10);
        limited(&s, 1024 * MIB, 794 * MIB);
        expect(&s, step(&s), LIFE_OPENS, FINDING_LIMIT, SEVERITY_WARNING);
        limited(&s, 1024 * MIB, 740 * MIB); /* 28 hours */
        quiet_for(&s, 1000);
        limited(&s, 1024 * MIB, 700 * MIB); /* 32 hours */
        assert_int_equal(ticks_until_event(&s, 100), 61);
        expect(&s, 1, LIFE_CLOSES, FINDING_LIMIT, SEVERITY_WARNING);
}

static void a_limit_in_use_is_told_of_one_alone(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        s.facts.teller = false;
        limited(&s, 1000 * MIB, 920 * MIB);
        leaks(&s, 105 * MIB);
        quiet_for(&s, 100);
        rests(&s);
        s.facts.teller = true;
        assert_int_equal(ticks_until_event(&s, 10), 4);
        expect(&s, 1, LIFE_OPENS, FINDING_LIMIT, SEVERITY_WARNING);
        limited(&s, 1000 * MIB, 951 * MIB);
        expect(&s, step(&s), LIFE_WORSENS, FINDING_LIMIT, SEVERITY_CRITICAL);
        limited(&s, 1000 * MIB, 860 * MIB);
        quiet_for(&s, 1000);
        limited(&s, 1000 * MIB, 840 * MIB);
        assert_int_equal(ticks_until_event(&s, 100), 61);
        expect(&s, 1, LIFE_CLOSES, FINDING_LIMIT, SEVERITY_CRITICAL);
}

static void the_machines_memory_is_there_to_be_used(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        limited(&s, 8 * GIB, 8 * GIB - 10 * MIB);
        s.headroom.kind = LIMIT_MACHINE;
        quiet_for(&s, 100);
        leaks(&s, 120 * MIB); /* but it may come to an end */
        assert_int_equal(step(&s), 2);
        expect(&s, answer(&s, FINDING_LIMIT, -1), LIFE_OPENS, FINDING_LIMIT, SEVERITY_CRITICAL);
}

static void who_adds_little_to_a_full_machine_is_not_critical(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        limited(&s, 8 * GIB, 7 * GIB);
        s.headroom.kind = LIMIT_MACHINE;
        s.facts.teller = false;
        s.facts.shared_bytes_per_hour = (double)(4 * GIB);
        open_leak(&s, 120 * MIB);
        quiet_for(&s, 100);
        s.trend.bytes_per_hour = 500 * MIB;
        expect(&s, step(&s), LIFE_WORSENS, FINDING_LEAK, SEVERITY_CRITICAL);
}

static void what_shares_a_limit_reaches_it_together(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        limited(&s, 1024 * MIB, 624 * MIB);
        leaks(&s, 120 * MIB);
        s.facts.shared_bytes_per_hour = (double)(10 * MIB);
        assert_int_equal(life_limit_at_ms(&s.facts), s.facts.at_ms + 40 * HOUR);
        s.facts.shared_bytes_per_hour = (double)(40 * MIB);
        assert_int_equal(life_limit_at_ms(&s.facts), s.facts.at_ms + 10 * HOUR);
        s.facts.shared_bytes_per_hour = 0; /* never less than its own */
        assert_int_equal(life_limit_at_ms(&s.facts), s.facts.at_ms + 40 * HOUR);
        limited(&s, 10 * GIB, 0);
        assert_int_equal(life_limit_at_ms(&s.facts), -1); /* 42 days */
        s.headroom = HEADROOM_UNKNOWN;
        assert_int_equal(life_limit_at_ms(&s.facts), -1);
        s.facts.headroom = NULL;
        assert_int_equal(life_limit_at_ms(&s.facts), -1);
}

static void what_its_app_tells_of_is_not_told_of_each_process(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        s.rules.told_by_app = true;
        leaks(&s, 140 * MIB);
        limited(&s, 200 * MIB, 140 * MIB);
        quiet_for(&s, 100);
        s.headroom = HEADROOM_UNKNOWN;
        s.rules.told_by_app = false;
        expect(&s, step(&s), LIFE_ASK, FINDING_LEAK, SEVERITY_INFO);
}

static void mute_opens_nothing_and_closes_what_is_open(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        open_leak(&s, 120 * MIB);
        s.rules.mute = true;
        expect(&s, step(&s), LIFE_CLOSES, FINDING_LEAK, SEVERITY_WARNING);
        limited(&s, 1000 * MIB, 990 * MIB);
        s.facts.teller = true;
        quiet_for(&s, 100);
        s.headroom = HEADROOM_UNKNOWN;
        s.rules.mute = false; /* heard again: it is told at once */
        expect(&s, step(&s), LIFE_ASK, FINDING_LEAK, SEVERITY_INFO);
}

static void the_end_of_a_process_closes_all(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        open_leak(&s, 120 * MIB);
        limited(&s, 1000 * MIB, 940 * MIB);
        expect(&s, step(&s), LIFE_OPENS, FINDING_LIMIT, SEVERITY_WARNING);
        assert_int_equal(life_end(&s.life, s.facts.at_ms, s.events), 2);
        assert_int_equal(s.events[0].action, LIFE_CLOSES);
        assert_int_equal(s.events[1].action, LIFE_CLOSES);
        assert_int_equal(life_end(&s.life, s.facts.at_ms, s.events), 0);
}

static void a_resumed_finding_goes_on_in_silence(void **state)
{
        struct scene s;

        (void)state;
        begin(&s);
        life_resume(&s.life, FINDING_LEAK, SEVERITY_CRITICAL, 1000, 100 * MIB, 120 * MIB);
        leaks(&s, 130 * MIB);
        limited(&s, 8 * GIB, 10 * MIB);
        quiet_for(&s, 100);
        limited(&s, 1000 * MIB, 995 * MIB); /* critical was told before */
        expect(&s, step(&s), LIFE_OPENS, FINDING_LIMIT, SEVERITY_CRITICAL);
        life_resume(&s.life, FINDING_STEP, SEVERITY_INFO, s.facts.at_ms, 50 * MIB, 150 * MIB);
        s.facts.level_bytes = 90 * MIB;
        ticks_until_event(&s, 20);
        assert_int_equal(s.events[0].kind, FINDING_STEP);
        assert_int_equal(s.events[0].action, LIFE_CLOSES);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_leak_opens_once_an_exact_read_confirms_it),
                cmocka_unit_test(a_leak_smaller_than_asked_for_opens_nothing),
                cmocka_unit_test(a_refuted_leak_is_asked_again_a_tenth_of_its_window_later),
                cmocka_unit_test(a_leak_that_cannot_be_read_is_believed),
                cmocka_unit_test(a_leak_is_believed_when_nobody_answers),
                cmocka_unit_test(a_leak_that_ends_before_the_answer_is_forgotten),
                cmocka_unit_test(a_leak_closes_twelve_ticks_after_it_stopped),
                cmocka_unit_test(a_closed_leak_opens_again_only_when_it_kept_more),
                cmocka_unit_test(a_leak_worsens_when_its_limit_comes_near_and_never_twice),
                cmocka_unit_test(memory_high_is_never_critical),
                cmocka_unit_test(a_step_is_due_when_it_stayed_for_an_hour),
                cmocka_unit_test(a_small_step_is_none),
                cmocka_unit_test(a_step_is_over_after_a_day),
                cmocka_unit_test(a_limit_within_a_day_is_told_and_closes_with_a_margin),
                cmocka_unit_test(a_limit_in_use_is_told_of_one_alone),
                cmocka_unit_test(the_machines_memory_is_there_to_be_used),
                cmocka_unit_test(who_adds_little_to_a_full_machine_is_not_critical),
                cmocka_unit_test(what_shares_a_limit_reaches_it_together),
                cmocka_unit_test(what_its_app_tells_of_is_not_told_of_each_process),
                cmocka_unit_test(mute_opens_nothing_and_closes_what_is_open),
                cmocka_unit_test(the_end_of_a_process_closes_all),
                cmocka_unit_test(a_resumed_finding_goes_on_in_silence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
