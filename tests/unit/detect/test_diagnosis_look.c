/* What each answer of a look into the heap rests on, and how it is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "looked.h"

#define NARROW "\u202f" /* between thousands */

static void holding_says_what_from_where_to_where(void **state)
{
        (void)state;
        flask_dict();
        assert_answer(&s, "holding", "yes",
                      "\"shop.cache.ORDERS\", a dict, grew from 9" NARROW "100 to 52" NARROW
                      "000 entries in 30 min; \"shop.models.Order\" grew from 9" NARROW "100 to 52" NARROW
                      "000 objects in 30 min, and never shrank by more than a tenth.");
        assert_says(&s, "bound-container", "do", "Bound \"shop.cache.ORDERS\": drop entries");
        assert_says(&s, "bound-container", "why", "from 9" NARROW "100 to 52" NARROW "000 entries in 30 min");
        s.c.look_of_member = true;
        assert_answer(&s, "holding", "yes", "30 min (in one of its processes), and never shrank");
        end();
        cache_on_a_method();
        assert_answer(&s, "holding", "yes", "\"shop.price.Pricer.total\", an lru_cache, grew");
        assert_says(&s, "bound-container", "do", "(`functools.lru_cache(maxsize=…)` instead of `functools.cache`)");
        s.c.framework = "celery"; /* which keeps results as well */
        s.c.now.peak_rss_bytes = -1;
        assert_advice(&s, "bound-container flask-teardown celery-results");
        end();
}

static void a_type_alone_is_asked_after(void **state)
{
        (void)state;
        begin(true);
        add_type(&look, "shop.it's.Order", 640, OF(9100, 23000, 38000, 52000));
        assert_answer(&s, "holding", "yes", "\"shop.it's.Order\" grew from");
        assert_advice(&s, "find-holder flask-teardown");
        assert_says(&s, "find-holder", "do", "See who refers to \"shop.it's.Order\": ");
        assert_says(&s, "find-holder", "do", "objgraph.by_type('shop.it?s.Order')");
        assert_says(&s, "find-holder", "why", "52" NARROW "000 instances are alive");
        add_type(&look, "shop.Basket", 100, OF(9200, 23100, 38100, 52100)); /* one each */
        assert_advice(&s, "find-holder cut-cycle flask-teardown");
        assert_says(&s, "cut-cycle", "do", "If \"shop.it's.Order\" and \"shop.Basket\" refer to each other");
        end();
}

static void a_list_that_nothing_named_leads_to_is_searched_for(void **state)
{
        (void)state;
        begin(true);
        add_container(&look, "<list #3fa2>", "list", OF(9000, 23000, 38000, 52000));
        add_type(&look, "shop.Order", 64, OF(9000, 23000, 38000, 52000));
        assert_answer(&s, "holding", "yes", "\"<list #3fa2>\", a list, grew from 9" NARROW "000 to 52" NARROW "000 entries");
        assert_advice(&s, "find-holder flask-teardown");
        assert_says(&s, "find-holder", "do", "Find the list that grows: no module leads to it");
        assert_says(&s, "find-holder", "do", "type(o).__name__ == 'list' and len(o) > 30500]`");
        add_container(&look, "<shop.Service object>.jobs", "list", OF(9000, 23000, 38000, 52000)); /* which can be found */
        assert_advice(&s, "bound-container flask-teardown");
        assert_says(&s, "bound-container", "do", "Bound \"<shop.Service object>.jobs\"");
        end();
}

static void what_was_not_looked_into_says_why_and_when_it_will_be(void **state)
{
        static const char *const ids[] = { "holding", "dataframes", "native", "fragmentation", "gc" };

        (void)state;
        begin(true);
        s.c.look = NULL;
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
                assert_answer(&s, ids[i], "unknown", "Its Python heap was not looked into.");
        assert_advice(&s, "profile let-me-look");
        s.c.why_no_look = "a look would need CAP_SYS_PTRACE";
        s.c.next_look_ms = s.c.now_ms + 10 * MINUTE;
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
                assert_answer(
                    &s, ids[i], "unknown",
                    "not looked into: a look would need CAP_SYS_PTRACE. It will be looked into at 17:50 UTC.");
        assert_advice(&s, "profile"); /* it will come */
        assert_suspects("");
        end();
        look_init(&look); /* it was refused */
        look.at_ms = s.c.now_ms;
        assert_int_equal(look_miss(&look, "python", "its memory may not be read: that takes CAP_SYS_PTRACE"), 0);
        s.c.look = &look;
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
                assert_answer(&s, ids[i], "unknown", "could be had (python): its memory may not be read");
        assert_answer(&s, "gc", "unknown", "It will be looked into again at 17:50 UTC.");
        assert_advice(&s, "profile let-me-look");
        end();
        look_init(&look);
        assert_int_equal(look_miss(&look, "python", "it is PyPy, whose heap has another form"), 0);
        assert_answer(&s, "holding", "unknown", "it is PyPy");
        s.c.process_name = "pypy3";
        assert_advice(&s, ""); /* nothing would help */
        end();
}

static void one_look_tells_what_is_but_not_what_grows(void **state)
{
        (void)state;
        flask_dict();
        forget_past(&look);
        s.c.next_look_ms = s.c.now_ms + 10 * MINUTE;
        assert_answer(
            &s, "holding", "unknown",
            "looked into once, at 17:40 UTC: what grows, only a second look can tell. It will be looked into again");
        assert_answer(&s, "native", "unknown", "only a second look can tell");
        assert_answer(&s, "dataframes", "no", "none is mapped");
        assert_answer(&s, "gc", "no", "Collection is on, its thresholds are 700, 10, 10, and gc.garbage is empty.");
        assert_advice(&s, "profile");
        assert_suspects("");
        add_library(&look, "numpy");
        assert_answer(&s, "dataframes", "unknown", "numpy is mapped; whether");
        end();
}

static void each_part_that_is_missing_is_named(void **state)
{
        (void)state;
        ctypes_malloc();
        assert_int_equal(look_miss(&look, "containers", "it would have taken too long"), 0);
        assert_answer(&s, "holding", "unknown", "could be had (containers): it would have taken too long.");
        assert_answer(&s, "native", "unknown", "(containers)");
        assert_answer(&s, "gc", "no", NULL);
        assert_int_equal(look_miss(&look, "memory", "its smaps cannot be opened"), 0);
        assert_answer(&s, "fragmentation", "unknown", "(memory): its smaps cannot be opened.");
        assert_int_equal(look_miss(&look, "gc", "not found"), 0);
        assert_answer(&s, "gc", "unknown", "(gc): not found.");
        end();
        ctypes_malloc();
        look.complete = false; /* sampled */
        assert_answer(&s, "holding", "unknown", "is not complete");
        assert_answer(&s, "native", "unknown", "98 % lie outside Python's pools, where native code and large");
        assert_suspects("");
        end();
}

static void holding_nothing_needs_time_and_growth(void **state)
{
        (void)state;
        ctypes_malloc();
        assert_answer(&s, "holding", "no", "Between two looks 30 min apart its memory grew by 92.0 MiB");
        s.c.interval_ms = 15001; /* 120 ticks are more than all three spans */
        assert_answer(&s, "holding", "unknown", "neither did its memory grow by 16 MiB");
        s.c.interval_ms = 5000;
        set_memory(&look, OF(50, 51, 51, 52), OF(2, 2, 2, 2), OF(20, 25, 30, 33));
        assert_answer(&s, "holding", "unknown", "neither did its memory grow by 16 MiB");
        end();
        ctypes_malloc(); /* a few large ones may be all there is */
        add_container(&look, "shop.BUFFERS", "list", OF(20, 50, 80, 110));
        assert_answer(&s, "holding", "unknown", NULL);
        assert_answer(&s, "native", "unknown", NULL);
        end();
        ctypes_malloc();
        add_type(&look, "bytearray", 64, OF(20, 90, 160, 230));
        assert_answer(&s, "holding", "unknown", NULL);
        assert_answer(&s, "native", "unknown", NULL);
        end();
}

static void a_little_growth_is_named_but_not_blamed(void **state)
{
        (void)state;
        begin(true);
        add_container(&look, "shop.A", "dict", OF(3000, 3300, 3600, 3900));
        s.c.next_look_ms = s.c.now_ms + 10 * MINUTE;
        assert_answer(&s, "holding", "unknown",
                      "grew from 3" NARROW "000 to 3" NARROW
                      "900 entries in 30 min: too little to tell. It will be looked into again at 17:50 UTC.");
        assert_suspects("shop.A");
        assert_advice(&s, "profile");
        end();
}

static void looks_too_near_to_each_other_prove_nothing(void **state)
{
        (void)state;
        flask_dict();
        look.past[0] = look.past[2];
        look.past[0].at_ms = look.at_ms - 149 * MINUTE / 60;
        look.n_past = 1;
        assert_answer(&s, "holding", "unknown", "two looks so near to each other tell too little.");
        assert_suspects("shop.cache.ORDERS shop.models.Order");
        look.past[0].at_ms = look.at_ms - 150 * MINUTE / 60;
        assert_answer(&s, "holding", "yes", NULL);
        end();
}

static void garbage_that_waits_is_not_held(void **state)
{
        (void)state;
        cycles_uncollected();
        assert_answer(&s, "holding", "unknown",
                      "as garbage is not collected, these may be objects that nothing holds.");
        assert_answer(&s, "gc", "yes",
                      "Collection is switched off, and 1" NARROW "300" NARROW "000 tracked objects more");
        assert_answer(&s, "gc", "yes", "after 900" NARROW "000 at 17:30 UTC.");
        assert_says(&s, "gc-enable", "do", "Take out `gc.disable()`");
        add_container(&look, "shop.tree.NODES", "list", OF(100000, 300000, 500000, 700000));
        assert_answer(&s, "holding", "yes", "shop.tree.NODES");
        assert_advice(&s, "gc-enable bound-container flask-teardown");
        s.c.kind = FINDING_LIMIT;
        assert_advice(&s, "bound-container flask-teardown gc-enable");
        end();
}

static void a_collector_at_work_is_no_cause(void **state)
{
        (void)state;
        begin(true);
        look.gc.counts[0] = 1000000; /* between two collections */
        assert_answer(&s, "gc", "no", NULL);
        look.gc.enabled = 0; /* by hand */
        look.gc.counts[0] = look.past[2].gc.counts[0] = 8000;
        assert_answer(&s, "gc", "unknown", "it may well be collected by hand");
        look.gc.counts[0] = 8001;
        assert_answer(&s, "gc", "yes", NULL);
        strcpy(look.python, "3.14.2");
        assert_answer(&s, "gc", "unknown", NULL); /* ten times 2,000 */
        look.gc.enabled = 1;
        look.gc.thresholds[0] = 0;
        look.gc.counts[0] = 20001;
        assert_answer(&s, "gc", "yes", "first threshold is 0, which switches collection off");
        assert_says(&s, "gc-enable", "do", "Set the first threshold, which is 0, back");
        assert_says(&s, "gc-version", "why", "It runs 3.14.2.");
        strcpy(look.python, "3.14.5");
        assert_advice(&s, "gc-enable");
        forget_past(&look);
        assert_answer(&s, "gc", "unknown", "only a second look can tell");
        end();
}

static void a_threshold_counts_where_objects_swing(void **state)
{
        (void)state;
        begin(true);
        look.gc.thresholds[0] = 7000;
        assert_answer(&s, "gc", "unknown", "did not swing by half");
        look.past[1].tracked_objects = 100000;
        assert_answer(&s, "gc", "yes", "went between 50" NARROW "000 and 100" NARROW "000");
        assert_advice(&s, "gc-threshold");
        look.gc.thresholds[0] = 6999;
        assert_answer(&s, "gc", "no", NULL);
        look.gc.thresholds[1] = 100;
        assert_answer(&s, "gc", "unknown", "seldom looked through");
        look.gc.thresholds[1] = 10;
        look.gc.uncollectable = 5;
        assert_answer(&s, "gc", "yes", "gc.garbage holds 5 objects");
        assert_advice(&s, "gc-garbage");
        look.gc.uncollectable = 0;
        look.past[0].gc.frozen = 10; /* once is as it is meant */
        look.past[1].gc.frozen = look.past[2].gc.frozen = look.gc.frozen = 100;
        assert_answer(&s, "gc", "no", NULL);
        look.gc.frozen = 101;
        assert_answer(&s, "gc", "yes", "frozen again and again, 10 in the first look and 101 now");
        end();
}

static void frames_need_their_contents_to_grow(void **state)
{
        (void)state;
        frames_in_a_list();
        assert_answer(&s, "dataframes", "yes",
                      "pandas, numpy is mapped; \"pandas.core.frame.DataFrame\" went from 20 to 120 objects in 30 min, "
                      "as many as came into \"shop.reports.FRAMES\", while memory outside Python's pools, where their "
                      "contents lie, grew by 90.0 MiB.");
        assert_says(&s, "dtypes", "do", "df.memory_usage(deep=True)");
        end();
        flask_dict(); /* pandas mapped is no cause */
        add_library(&look, "pandas");
        assert_answer(&s, "dataframes", "no", "pandas is mapped, but while it grew, neither");
        add_type(&look, "pandas.core.frame.DataFrame", 64, OF(20, 60, 90, 120));
        assert_answer(&s, "dataframes", "unknown", NULL);
        end();
        ctypes_malloc(); /* what malloc serves may be arrays: then no code is blamed for large areas */
        add_library(&look, "numpy");
        assert_answer(&s, "dataframes", "unknown", NULL);
        for (int i = 0; i < LOOKS; i++) {
                memory_at(&look, i)->large_bytes = memory_at(&look, i)->heap_bytes;
                memory_at(&look, i)->heap_bytes = 0;
        }
        assert_answer(&s, "native", "unknown", NULL);
        end();
}

static void a_step_of_large_areas_is_of_arrays(void **state)
{
        (void)state;
        csv_read_whole();
        add_library(&look, "pandas");
        look.memory.large_bytes = 199 * MIB;
        assert_answer(&s, "dataframes", "unknown", NULL);
        look.memory.large_bytes = 200 * MIB;
        assert_answer(&s, "dataframes", "yes", "200 MiB of the 400 MiB lie in single areas");
        assert_advice(&s, "stream chunks dtypes child-for-peak");
        look.past[0].at_ms = s.trend.step_at_ms - MINUTE; /* they were there before */
        look.past[0].memory.large_bytes = MIB;
        assert_answer(&s, "dataframes", "unknown", NULL);
        end();
}

static void native_code_is_named_by_what_is_mapped(void **state)
{
        json_t *list, *first;

        (void)state;
        ctypes_malloc();
        assert_answer(&s, "native", "yes",
                      "Of the 92.0 MiB that it grew by in 30 min, 98 % were served by malloc, outside Python's pools, "
                      "while no container and no type grew by more than 5 %.");
        assert_says(&s, "native-trace", "do", "`memray attach --native 4242`");
        assert_says(&s, "native-trace", "do", "Update _speedups, ddtrace, and free what comes from ctypes");
        list = suspects_of();
        first = json_array_get(list, 0);
        assert_string_equal(get(first, "kind"), "extension");
        assert_true(json_is_null(json_object_get(first, "type")) && json_is_null(json_object_get(first, "from")) &&
                    json_is_null(json_object_get(first, "per_hour")) &&
                    json_is_null(json_object_get(first, "explains_bytes")));
        assert_true(json_is_false(json_object_get(first, "agent")));
        assert_true(json_is_true(json_object_get(json_array_get(list, 1), "agent")));
        json_decref(list);
        end();
}

static void suspects_are_told_with_their_figures(void **state)
{
        json_t *list, *first, *second;

        (void)state;
        flask_dict();
        list = suspects_of();
        first = json_array_get(list, 0);
        second = json_array_get(list, 1);
        assert_string_equal(get(first, "kind"), "container");
        assert_string_equal(get(first, "type"), "dict");
        assert_int_equal(json_integer_value(json_object_get(first, "from")), 9100);
        assert_int_equal(json_integer_value(json_object_get(first, "to")), 52000);
        assert_string_equal(get(first, "from_at"), "2026-11-22T17:10:00.000Z");
        assert_in_range(json_integer_value(json_object_get(first, "per_hour")), 80000, 90000);
        assert_in_range(json_integer_value(json_object_get(first, "explains_bytes")), 10 * MIB, 90 * MIB);
        assert_null(json_object_get(first, "agent"));
        assert_string_equal(get(second, "kind"), "type");
        assert_true(json_is_null(json_object_get(second, "type")));
        json_decref(list);
        end();
}

static void what_grows_is_not_called_free(void **state)
{
        (void)state;
        survivors_of_a_peak();
        assert_answer(&s, "fragmentation", "yes", "Of 116 MiB in Python's pools, 104 MiB are free and stay so");
        assert_says(&s, "lower-peak", "why", "keep 104 MiB");
        assert_title(&s, "flask: shop keeps 104 MiB that it no longer uses");
        s.trend.verdict = VERDICT_LEAK;
        assert_answer(&s, "fragmentation", "unknown", "as it grows, that may yet be used");
        s.trend.verdict = VERDICT_STABLE;
        look.past[0].memory.python_free_bytes = look.past[1].memory.python_free_bytes = 0; /* it is not an hour */
        assert_answer(&s, "fragmentation", "unknown", "whether that stays so");
        end();
        churning_threads();
        assert_answer(&s, "fragmentation", "yes", "malloc's 24 arenas, one set a thread, hold 180 MiB of 242 MiB");
        look_done(&look); /* not glibc's: nothing to be set */
        make_looks(&look, s.c.now_ms, 10 * MINUTE);
        set_memory(&look, OF(300, 300, 300, 300), OF(3, 3, 3, 3), OF(20, 20, 20, 20));
        assert_answer(&s, "fragmentation", "no", "at most 23.0 MiB can be free: 3.00 MiB in Python's pools");
        end();
}

static void flask_is_known_by_its_heap_too(void **state)
{
        (void)state;
        flask_dict();
        s.c.framework = "gunicorn";
        assert_answer(&s, "long-running", "yes",
                      "that of gunicorn, which runs until it is stopped; a Flask app is in it.");
        assert_advice(&s, "bound-container flask-teardown gunicorn-recycle");
        look.types[0].objects = -1; /* seen earlier, or cut off */
        assert_advice(&s, "bound-container gunicorn-recycle");
        add_container(&look, "shop.web.app.config", "flask.config.Config", OF(28, 28, 28, 28));
        assert_advice(&s, "bound-container flask-teardown gunicorn-recycle");
        end();
}

static void names_of_a_process_are_data(void **state)
{
        char nasty[3000] = "a\n\x1b[31m\"`'\\\u202e\u2028%s%n.\U0001f40d";
        int64_t grows[4] = { 1000, 9000, 20000, 30000 };
        json_t *list;

        (void)state;
        while (strlen(nasty) < 2900)
                strcat(nasty, "\U0001f40d");
        begin(true);
        for (int i = 0; i < 12; i++) {
                grows[3] += 30000;
                add_container(&look, nasty, i % 2 ? nasty : "dict", grows);
                add_type(&look, nasty, 1 + i, grows);
                add_library(&look, nasty);
        }
        s.c.why_no_look = nasty;
        for (int i = 0; i < 8; i++) {
                if (i & 1)
                        set_memory(&look, OF(50, 51, 51, 52), OF(2, 2, 2, 2), OF(20, 50, 80, 110));
                if (i == 4)
                        assert_int_equal(look_miss(&look, "gc", nasty), 0);
                if (i == 6)
                        assert_int_equal(look_miss(&look, "python", nasty), 0);
                s.c.look = i == 7 ? NULL : &look;
                json_decref(list_of(&s, false));
                json_decref(list_of(&s, true));
                list = suspects_of();
                if (i < 6)
                        assert_string_equal(get(json_array_get(list, 0), "name"), nasty);
                json_decref(list);
        }
        end();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(holding_says_what_from_where_to_where),
                cmocka_unit_test(a_type_alone_is_asked_after),
                cmocka_unit_test(a_list_that_nothing_named_leads_to_is_searched_for),
                cmocka_unit_test(what_was_not_looked_into_says_why_and_when_it_will_be),
                cmocka_unit_test(one_look_tells_what_is_but_not_what_grows),
                cmocka_unit_test(each_part_that_is_missing_is_named),
                cmocka_unit_test(holding_nothing_needs_time_and_growth),
                cmocka_unit_test(a_little_growth_is_named_but_not_blamed),
                cmocka_unit_test(looks_too_near_to_each_other_prove_nothing),
                cmocka_unit_test(garbage_that_waits_is_not_held),
                cmocka_unit_test(a_collector_at_work_is_no_cause),
                cmocka_unit_test(a_threshold_counts_where_objects_swing),
                cmocka_unit_test(frames_need_their_contents_to_grow),
                cmocka_unit_test(a_step_of_large_areas_is_of_arrays),
                cmocka_unit_test(native_code_is_named_by_what_is_mapped),
                cmocka_unit_test(suspects_are_told_with_their_figures),
                cmocka_unit_test(what_grows_is_not_called_free),
                cmocka_unit_test(flask_is_known_by_its_heap_too),
                cmocka_unit_test(names_of_a_process_are_data),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
