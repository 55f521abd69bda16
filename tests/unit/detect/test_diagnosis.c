/* What a finding says: its title, its evidence, and the thirteen answers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "scene.h"

static void titles_say_who_how_much_and_since_when(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_title(&s, "flask: shop grows by 46.0 MiB an hour since 12:00 UTC");
        s.c.now_ms += 24 * HOUR;
        assert_title(&s, "flask: shop grows by 46.0 MiB an hour since 22 Nov 12:00 UTC");
        s.c.now_ms += 365 * 24 * HOUR;
        assert_title(&s, "flask: shop grows by 46.0 MiB an hour since 22 Nov 2026 12:00 UTC");
        generations(&s);
        assert_title(&s, "Each process of gunicorn: shop grows by 60.0 MiB an hour since 12:00 UTC");
        a_step(&s);
        assert_title(&s, "report.py jumped by 400 MiB at 16:40 UTC");
        s.c.app_name = "python3";
        assert_title(&s, "python3 (4242) jumped by 400 MiB at 16:40 UTC");
}

static void a_limit_s_title_says_when_it_is_reached(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        s.c.kind = FINDING_LIMIT;
        s.c.limit_at_ms = s.c.now_ms + 3 * HOUR;
        assert_title(&s, "flask: shop reaches its limit of 1.00 GiB in about 3 h");
        s.c.limit_at_ms = -1;
        s.headroom.used_bytes = 970 * MIB;
        assert_title(&s, "flask: shop uses 94 % of its limit of 1.00 GiB");
        s.headroom.room_bytes = 0;
        assert_title(&s, "flask: shop has reached its limit of 1.00 GiB");
}

static void evidence_has_every_figure(void **state)
{
        struct scene s;
        json_t *e, *limit, *troughs;

        (void)state;
        a_leak(&s);
        e = evidence_of(&s);
        assert_int_equal(json_integer_value(json_object_get(e, "from_bytes")), 212 * MIB);
        assert_int_equal(json_integer_value(json_object_get(e, "to_bytes")), 474 * MIB);
        assert_string_equal(get(e, "from_at"), "2026-11-22T12:00:00.000Z");
        assert_string_equal(get(e, "to_at"), "2026-11-22T17:40:00.000Z");
        assert_int_equal(json_integer_value(json_object_get(e, "span_seconds")), 20400);
        assert_int_equal(json_integer_value(json_object_get(e, "bytes_per_hour")), 46 * MIB);
        assert_int_equal(json_integer_value(json_object_get(e, "low_bytes_per_hour")), 44 * MIB);
        assert_int_equal(json_integer_value(json_object_get(e, "high_bytes_per_hour")), 48 * MIB);
        assert_true(fabs(json_real_value(json_object_get(e, "confidence")) - 0.998) < 1e-9);
        assert_int_equal(json_integer_value(json_object_get(e, "rises")), 31);
        assert_int_equal(json_integer_value(json_object_get(e, "slots")), 34);
        assert_int_equal(json_integer_value(json_object_get(e, "exact_bytes")), 475 * MIB);
        limit = json_object_get(e, "limit");
        assert_string_equal(get(limit, "kind"), "memory.max");
        assert_string_equal(get(limit, "place"), "/system.slice/shop.service");
        assert_int_equal(json_integer_value(json_object_get(limit, "room_bytes")), 424 * MIB);
        assert_string_equal(get(limit, "at"), "2026-11-23T02:30:00.000Z");
        troughs = json_object_get(e, "troughs");
        assert_int_equal(json_array_size(troughs), 32);
        assert_string_equal(json_string_value(json_array_get(json_array_get(troughs, 0), 0)),
                            "2026-11-22T12:00:00.000Z");
        assert_int_equal(json_integer_value(json_array_get(json_array_get(troughs, 1), 1)), 220 * MIB);
        assert_true(json_is_null(json_object_get(e, "generations")));
        assert_non_null(strstr(get(e, "note"), "cache"));
        assert_non_null(strstr(get(e, "note"), "bent"));
        json_decref(e);
}

static void evidence_of_generations_and_of_a_step_is_theirs(void **state)
{
        struct scene s;
        json_t *e;

        (void)state;
        generations(&s);
        e = evidence_of(&s);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(e, "generations"), "alike")), 8);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(e, "generations"), "lifetime_seconds")),
                         1800);
        assert_true(json_is_null(json_object_get(e, "low_bytes_per_hour")));
        assert_true(json_is_null(json_object_get(e, "slots")));
        json_decref(e);
        a_step(&s);
        e = evidence_of(&s);
        assert_string_equal(get(e, "from_at"), "2026-11-22T16:40:00.000Z");
        assert_int_equal(json_integer_value(json_object_get(e, "from_bytes")), 100 * MIB);
        assert_int_equal(json_integer_value(json_object_get(e, "to_bytes")), 500 * MIB);
        assert_true(json_is_null(json_object_get(e, "note")));
        json_decref(e);
}

static void every_question_is_asked_in_its_order(void **state)
{
        static const char *const ids[] = { "growing",  "holding", "loading", "dataframes", "long-running",
                                           "workload", "threads", "forked",  "native",     "fragmentation",
                                           "gc",       "limit",   "unclear" };
        struct scene s;
        json_t *list, *entry;
        size_t i;

        (void)state;
        for (int scene = 0; scene < 3; scene++) {
                scene == 0 ? a_leak(&s) : scene == 1 ? a_step(&s) : generations(&s);
                list = list_of(&s, false);
                assert_int_equal(json_array_size(list), 13);
                json_array_foreach(list, i, entry) {
                        assert_string_equal(get(entry, "id"), ids[i]);
                        assert_true(get(entry, "question")[strlen(get(entry, "question")) - 1] == '?');
                        assert_true(get(entry, "because")[strlen(get(entry, "because")) - 1] == '.');
                }
                json_decref(list);
        }
}

static void growing_states_what_was_measured(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_answer(&s, "growing", "yes",
                      "Its lowest level in each 10 min rose in 31 of 34 steps, from 212 MiB to 474 MiB in 5 h 40 min: "
                      "46.0 MiB an hour, without a restart.");
        generations(&s);
        assert_answer(&s, "growing", "yes",
                      "Of the last 9 of its processes that were replaced, 8 grew alike from start to end, from 40.0 "
                      "MiB to 70.0 MiB in the 30 min that one lives: 60.0 MiB an hour.");
        a_step(&s);
        assert_answer(&s, "growing", "no", "It rose at once, from 100 MiB to 500 MiB at 16:40 UTC");
        s.trend.verdict = VERDICT_WARMING_UP;
        assert_answer(&s, "growing", "no", "ever more slowly");
        s.trend.verdict = VERDICT_STABLE;
        assert_answer(&s, "growing", "no", "does not keep rising (seen for 6 h 40 min)");
        s.trend.verdict = VERDICT_INSUFFICIENT_DATA;
        s.trend.ready_at_ms = s.c.now_ms + 10 * MINUTE;
        assert_answer(&s, "growing", "unknown", "there will be enough at about 17:50 UTC");
}

static void a_step_while_reading_a_tenth_of_it_is_loading(void **state)
{
        struct scene s;

        (void)state;
        a_step(&s);
        s.c.after.rchar_bytes = s.c.then.rchar_bytes + 40 * MIB;
        assert_answer(&s, "loading", "yes", "from 100 MiB to 500 MiB at 16:40 UTC while reading 40.0 MiB from files");
        s.c.after.rchar_bytes--;
        assert_answer(&s, "loading", "unknown", "while reading 40.0 MiB");
        s.c.after.rchar_bytes = s.c.then.rchar_bytes + 8 * MIB;
        assert_answer(&s, "loading", "unknown", NULL);
        s.c.after.rchar_bytes--;
        assert_answer(&s, "loading", "no", "came over the network");
        s.c.after_ms = 0; /* without a reading soon after, what it read until now is the most it can have been */
        assert_answer(&s, "loading", "unknown", "how much of that during the jump is not known");
        s.c.now.rchar_bytes = s.c.then.rchar_bytes + 3 * MIB;
        assert_answer(&s, "loading", "no", "while reading 3.00 MiB from files");
        s.c.then.rchar_bytes = -1;
        assert_answer(&s, "loading", "unknown", "/proc/4242/io");
        a_step(&s);
        s.c.then_ms = s.trend.step_at_ms + 1;
        assert_answer(&s, "loading", "unknown", "/proc/4242/io");
        s.trend.step_to_bytes = s.trend.step_from_bytes + 32 * MIB - 1;
        assert_answer(&s, "loading", "no", "less than 32 MiB or 10 %");
}

static void without_a_step_nothing_is_loaded_at_once(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_answer(&s, "loading", "no", "never rose by 32 MiB and 10 % at once in 5 h 38 min");
        for (int i = 64; i < 128; i++)
                s.lows[i].bytes += 60 * MIB;
        s.c.now.rchar_bytes = s.c.then.rchar_bytes + 100 * MIB;
        assert_answer(&s, "loading", "unknown", "rose by up to 64.0 MiB");
        s.c.now.rchar_bytes = s.c.then.rchar_bytes + MIB;
        assert_answer(&s, "loading", "no", "grew by 262 MiB while reading 1.00 MiB from files");
        s.c.n_lows = 0;
        assert_answer(&s, "loading", "unknown", "not at hand");
        generations(&s);
        assert_answer(&s, "loading", "unknown", "single processes");
        a_leak(&s); /* start-up is no step */
        for (int i = 4; i < 128; i++)
                s.lows[i].bytes += 100 * MIB;
        for (int i = 0; i < 128; i++)
                s.lows[i].at_ms = NOON + i * 5000;
        assert_answer(&s, "loading", "no", NULL);
}

static void what_serves_is_long_running(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_answer(&s, "long-running", "yes", "flask");
        s.c.framework = NULL;
        assert_answer(&s, "long-running", "unknown", "seen for 6 h 40 min");
        s.c.started_at_ms = s.c.now_ms - HOUR + 1;
        assert_answer(&s, "long-running", "no", "It is 59 min old");
        s.c.started_at_ms = s.c.now_ms - HOUR;
        assert_answer(&s, "long-running", "unknown", NULL);
}

static void what_is_not_compared_is_unknown(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_answer(&s, "workload", "unknown", "not compared with the CPU time");
}

static void threads_and_files_pile_up_by_16_and_by_half(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_answer(&s, "threads", "no",
                      "Its threads went from 10 to 12, its open files from 20 to 21 in 5 h 40 min.");
        s.c.now.threads = 26;
        assert_answer(&s, "threads", "yes",
                      "from 10 to 26, its open files from 20 to 21 in 5 h 40 min: 16.4 MiB grown per new thread");
        assert_advice(&s, "before-limit flask-teardown join-threads let-me-look");
        s.c.now.threads = 25;
        assert_answer(&s, "threads", "no", NULL);
        s.c.now.fds = 36;
        assert_answer(&s, "threads", "yes", "its open files from 20 to 36");
        assert_says(&s, "close-files", "why", "Open files went from 20 to 36.");
        s.c.fds_limit = 1024;
        assert_says(&s, "close-files", "why", "from 20 to 36; the limit is 1\u202f024.");
        s.c.then.fds = 40;
        s.c.now.fds = 59;
        assert_answer(&s, "threads", "no", NULL);
        s.c.then.fds = -1;
        assert_answer(&s, "threads", "no", "open files were not readable");
        s.c.then_ms = s.c.now_ms - 2 * HOUR; /* less than half of the time */
        assert_answer(&s, "threads", "unknown", "too short");
        s.c.then_ms = -1;
        assert_answer(&s, "threads", "unknown", "/proc/4242/status");
}

static void what_is_still_shared_is_not_being_copied(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_answer(&s, "forked", "no", "10.0 MiB at 12:00 UTC, 10.0 MiB now");
        s.c.now.pss_bytes -= 2 * MIB;
        assert_answer(&s, "forked", "unknown", "fell from 10.0 MiB");
        s.c.now.pss_bytes = -1;
        assert_answer(&s, "forked", "unknown", "smaps_rollup");
}

static void a_limit_within_a_day_or_used_by_nine_tenths_is_near(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        s.headroom.oom_kills = 3;
        assert_answer(&s, "limit", "yes",
                      "Of memory.max of shop.service (1.00 GiB), 600 MiB is in use; at the present growth it is full "
                      "at 23 Nov 02:30 UTC. The kernel has killed in there 3 times so far.");
        s.c.limit_at_ms = s.c.now_ms + 24 * HOUR - 1;
        assert_answer(&s, "limit", "yes", NULL);
        s.c.limit_at_ms++;
        assert_answer(&s, "limit", "no", "full at 23 Nov 17:40 UTC");
        s.c.limit_at_ms = -1;
        assert_answer(&s, "limit", "no", "far away");
        s.headroom.used_bytes = 922 * MIB;
        assert_answer(&s, "limit", "yes", "922 MiB is in use, 90 %");
        assert_says(&s, "before-limit", "do",
                    "Restart shop.service at a quiet hour, or raise memory.max of shop.service from 1.00 GiB.");
        s.headroom.kind = LIMIT_MACHINE; /* which is there to be used */
        assert_answer(&s, "limit", "no", "Of the machine's memory");
        s.headroom.kind = LIMIT_NONE;
        assert_answer(&s, "limit", "unknown", "No limit could be read");
        s.c.headroom = NULL;
        assert_answer(&s, "limit", "unknown", "No limit could be read");
}

static void unclear_is_always_answered(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_answer(&s, "unclear", "yes", NULL);
        s.c.now.threads = 100;
        assert_answer(&s, "unclear", "no", "threads");
        a_step(&s);
        assert_answer(&s, "unclear", "no", "loading");
        s.c.after_ms = -1;
        assert_answer(&s, "unclear", "yes", NULL);
        s.c.kind = FINDING_LIMIT;
        assert_answer(&s, "unclear", "no", "nothing to explain");
}

static void text_from_a_process_is_data(void **state)
{
        char nasty[3000] = "a\n\x1b[31m\"\\\u202e\u2028\xff{x}%s%n", *args[] = { nasty, nasty };
        struct scene s;

        (void)state;
        memset(nasty + strlen(nasty), 'y', 2000);
        for (int scene = 0; scene < 3; scene++)
                for (int kind = 0; kind < FINDING_KINDS; kind++) {
                        _cleanup_(freep) char *title = NULL;
                        struct buffer b = {};

                        scene == 0 ? a_leak(&s) : scene == 1 ? a_step(&s) : generations(&s);
                        s.c.kind = (enum finding_kind)kind;
                        s.c.app_name = s.c.process_name = s.c.framework = s.c.unit = s.c.python = nasty;
                        s.c.args = args;
                        s.c.n_args = 2;
                        memcpy(s.headroom.place, nasty, HEADROOM_PLACE_SIZE - 1);
                        s.headroom.oom_kills = INT64_MAX;
                        diagnosis_title(&s.c, &b);
                        title = buffer_take(&b, NULL);
                        assert_true(strlen(title) < 1000);
                        assert_null(strpbrk(title, "\n\x1b\xff"));
                        assert_null(strstr(title, "\u202e"));
                        assert_null(strstr(title, "\u2028"));
                        assert_non_null(strstr(title, "%s%n"));
                        json_decref(evidence_of(&s));
                        json_decref(list_of(&s, false));
                        json_decref(list_of(&s, true));
                }
        /* The title's name is cut to 200 characters. */
        a_leak(&s);
        s.c.app_name = nasty;
        {
                _cleanup_(freep) char *title = NULL;
                struct buffer b = {};

                diagnosis_title(&s.c, &b);
                title = buffer_take(&b, NULL);
                assert_non_null(strstr(title, "y… grows by 46.0 MiB an hour"));
        }
}

static void figures_that_are_not_known_are_no_trouble(void **state)
{
        static const double odd[] = { 0, -1e30, 1e300 };
        struct trend unknown = { .bytes_per_hour = NAN,
                                 .rate_low = NAN,
                                 .rate_high = INFINITY,
                                 .confidence = NAN,
                                 .since_ms = -1,
                                 .from_bytes = -1,
                                 .to_bytes = -1,
                                 .step_at_ms = -1,
                                 .step_from_bytes = -1,
                                 .step_to_bytes = -1,
                                 .ready_at_ms = -1 };

        (void)state;
        for (int verdict = 0; verdict < VERDICTS; verdict++)
                for (int kind = 0; kind < FINDING_KINDS; kind++)
                        for (size_t i = 0; i < 4; i++) {
                                struct generations_trend g = { .bytes_per_hour = NAN,
                                                               .confidence = NAN,
                                                               .since_ms = -1,
                                                               .from_bytes = -1,
                                                               .to_bytes = -1,
                                                               .lifetime_ms = -1 };
                                struct headroom none = HEADROOM_UNKNOWN;
                                struct scene s = {};

                                unknown.verdict = (enum verdict)verdict;
                                unknown.bytes_per_hour = i < 3 ? odd[i] : NAN;
                                s.c = (struct circumstances){ .kind = (enum finding_kind)kind,
                                                              .app_name = "",
                                                              .pid = -1,
                                                              .trend = &unknown,
                                                              .exact_bytes = -1,
                                                              .limit_at_ms = -1,
                                                              .then = DETAIL_UNKNOWN,
                                                              .now = DETAIL_UNKNOWN,
                                                              .then_ms = -1 };
                                s.c.generations = i % 2 ? &g : NULL;
                                s.c.headroom = i > 1 ? &none : NULL;
                                s.c.framework = i == 2 ? "gunicorn" : i == 3 ? "celery" : NULL;
                                json_decref(evidence_of(&s));
                                json_decref(list_of(&s, false));
                                json_decref(list_of(&s, true));
                        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(titles_say_who_how_much_and_since_when),
                cmocka_unit_test(a_limit_s_title_says_when_it_is_reached),
                cmocka_unit_test(evidence_has_every_figure),
                cmocka_unit_test(evidence_of_generations_and_of_a_step_is_theirs),
                cmocka_unit_test(every_question_is_asked_in_its_order),
                cmocka_unit_test(growing_states_what_was_measured),
                cmocka_unit_test(a_step_while_reading_a_tenth_of_it_is_loading),
                cmocka_unit_test(without_a_step_nothing_is_loaded_at_once),
                cmocka_unit_test(what_serves_is_long_running),
                cmocka_unit_test(what_is_not_compared_is_unknown),
                cmocka_unit_test(threads_and_files_pile_up_by_16_and_by_half),
                cmocka_unit_test(what_is_still_shared_is_not_being_copied),
                cmocka_unit_test(a_limit_within_a_day_or_used_by_nine_tenths_is_near),
                cmocka_unit_test(unclear_is_always_answered),
                cmocka_unit_test(text_from_a_process_is_data),
                cmocka_unit_test(figures_that_are_not_known_are_no_trouble),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
