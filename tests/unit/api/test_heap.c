/* What the api answers of a look into a heap, and what where there is none, over a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/look_bytes.h"
#include "site.h"
#include "store/looks.h"

static int set_up(void **state)
{
        struct site *s = site_new();

        s->config.inspect = INSPECT_ON_FINDING;
        s->config.inspect_interval_ms = 600000;
        s->config.interval_ms = 5000;
        *state = s;
        return 0;
}

static int tear_down(void **state)
{
        site_free(*state);
        return 0;
}

static void put_look(struct site *s, int i, const struct look *look)
{
        _cleanup_(buffer_done) struct buffer bytes = {};

        look_write(look, &bytes);
        assert_false(bytes.failed);
        store_put_look(s->store, s->processes[i], look->at_ms, bytes.data, bytes.size);
        site_tick(s);
}

static struct look a_look(const struct site *s)
{
        struct look look;

        look_init(&look);
        look.at_ms = s->at_ms;
        look.took_us = 41200;
        strcpy(look.python, "3.11.2");
        look.tracked_objects = 123456;
        look.gc = (struct look_gc){ 0, false, { 700, 10, 10 }, { 12, 3, 1 }, 0, 0 };
        return look;
}

/* One type, and one container that has grown by 9100 in the hour since a look before. */
static void put_orders(struct site *s, int i)
{
        struct look_type type = { .name = (char *)"shop.models.Order", .objects = 52000, .tracked = 52000,
                                  .bytes = 4992000, .past_objects = { 42900 }, .past_bytes = { -1 } };
        struct look_container container = { .name = (char *)"shop.cache.ORDERS", .type = (char *)"dict",
                                            .length = 52000, .past = { 42900 } };
        struct look look = a_look(s);

        look.types = &type;
        look.n_types = 1;
        look.containers = &container;
        look.n_containers = 1;
        look.past[0].at_ms = look.at_ms - 3600000;
        look.n_past = 1;
        put_look(s, i, &look);
}

static void newest_look_is_answered(void **state)
{
        struct site *s = *state;
        json_t *root, *order, *orders;

        put_orders(s, 0);
        root = site_json(s, "/processes/100/heap", 200);
        assert_string_equal(json_string_value(json_object_get(root, "id")), "100-1000-b3f2c1d0");
        assert_string_equal(json_string_value(json_object_get(root, "name")), "python3");
        assert_string_equal(json_string_value(json_object_get(root, "python")), "3.11.2");
        assert_string_equal(json_string_value(json_object_get(root, "at")), "2026-11-22T15:00:01.000Z");
        assert_string_equal(json_string_value(json_object_get(root, "since_at")), "2026-11-22T14:00:01.000Z");
        assert_true(json_is_false(json_object_get(json_object_get(root, "gc"), "enabled")));
        order = json_array_get(json_object_get(root, "types"), 0);
        assert_string_equal(json_string_value(json_object_get(order, "type")), "shop.models.Order");
        assert_int_equal(json_integer_value(json_object_get(order, "objects_per_hour")), 9100);
        assert_true(json_is_null(json_object_get(order, "bytes_per_hour")));
        orders = json_array_get(json_object_get(root, "containers"), 0);
        assert_int_equal(json_integer_value(json_object_get(orders, "length_per_hour")), 9100);
        json_decref(root);
}

static void text_is_the_page_that_the_client_prints(void **state)
{
        struct site *s = *state;
        _cleanup_(freep) char *text = NULL, *asked = NULL;
        int status;

        put_orders(s, 0);
        text = site_get(s, "/processes/100/heap?format=text", NULL, &status);
        assert_int_equal(status, 200);
        assert_memory_equal(text, "python3 100  Python 3.11.2\n100-1000-b3f2c1d0\n", 45);
        assert_non_null(strstr(text, "\nWhat grows\nCONTAINER "));
        assert_non_null(strstr(text, "\nshop.cache.ORDERS  dict  52\u202f000  +9\u202f100/h\n"));
        asked = site_get(s, "/processes/100-1000/heap", "text/plain", &status);
        assert_string_equal(asked, text);
}

static void newer_look_replaces_the_answer(void **state)
{
        struct site *s = *state;
        struct look look = a_look(s);

        for (int64_t n = 1; n <= 3; n++) {
                json_t *root;

                look.tracked_objects = n;
                put_look(s, 0, &look);
                for (int twice = 0; twice < 2; twice++) {
                        root = site_json(s, "/processes/100/heap", 200);
                        assert_int_equal(json_integer_value(json_object_get(root, "tracked_objects")), n);
                        json_decref(root);
                }
        }
}

static void exited_process_keeps_its_last_look(void **state)
{
        struct site *s = *state;
        json_t *root;

        put_orders(s, 3);
        store_end_process(s->store, s->processes[3], s->at_ms);
        site_tick(s);
        root = site_json(s, "/processes/103/heap", 200);
        assert_non_null(json_string_value(json_object_get(root, "exited_at")));
        assert_int_equal(json_array_size(json_object_get(root, "types")), 1);
        json_decref(root);
}

static void assert_refused(struct site *s, const char *path, int status, const char *why)
{
        json_t *root = site_json(s, path, status);
        const char *detail = json_string_value(json_object_get(root, "detail"));

        assert_int_equal(json_integer_value(json_object_get(root, "status")), status);
        if (!detail || !strstr(detail, why))
                fail_msg("%s: %s", path, detail);
        json_decref(root);
}

static void where_there_is_none_it_says_why_and_when(void **state)
{
        struct site *s = *state;
        struct config_app blog = { .glob = (char *)"*blog", .min_growth_bytes = -1, .mute = -1,
                                   .inspect = INSPECT_OFF };

        assert_refused(s, "/processes/4711/heap", 404, "no process \"4711\" is known");
        assert_refused(s, "/processes/x/heap", 404, "no process \"x\" is known");
        assert_refused(s, "/processes/100/heap", 404, "it is when a finding opens or when it has lived for 1 h");
        s->config.inspect = INSPECT_PERIODIC;
        assert_refused(s, "/processes/100/heap", 404, "then every 10 min");
        s->config.apps = &blog;
        s->config.n_apps = 1;
        assert_refused(s, "/processes/100/heap", 404, "then every 10 min");
        assert_refused(s, "/processes/102/heap", 404, "inspect is off for \"flask: blog\"");
        s->config.inspect = INSPECT_OFF;
        assert_refused(s, "/processes/100/heap", 404, "inspect is off");
        store_end_process(s->store, s->processes[1], s->at_ms);
        site_tick(s);
        assert_refused(s, "/processes/101/heap", 404, "exited before");
}

/* PyPy, no permission, stopped, too old: the look is there, and says that nothing could be had. */
static void look_that_saw_no_python_is_refused_with_its_reason(void **state)
{
        struct site *s = *state;
        struct look look = a_look(s);

        *look.python = '\0';
        assert_int_equal(look_miss(&look, "python", "PyPy \"7.3\" is not CPython"), 0);
        put_look(s, 0, &look);
        look_done(&look);
        assert_refused(s, "/processes/100/heap", 404, "PyPy \"7.3\" is not CPython");
        assert_refused(s, "/processes/100/heap?format=text", 404, "PyPy");
}

static void look_that_lacks_a_part_is_answered(void **state)
{
        struct site *s = *state;
        struct look look = a_look(s);
        json_t *root, *missing;

        assert_int_equal(look_miss(&look, "containers", "sys.modules was not found"), 0);
        put_look(s, 0, &look);
        look_done(&look);
        root = site_json(s, "/processes/100/heap", 200);
        assert_true(json_is_false(json_object_get(root, "complete")));
        missing = json_array_get(json_object_get(root, "missing"), 0);
        assert_string_equal(json_string_value(json_object_get(missing, "part")), "containers");
        assert_string_equal(json_string_value(json_object_get(missing, "reason")), "sys.modules was not found");
        json_decref(root);
}

static void damaged_look_is_said_to_be(void **state)
{
        struct site *s = *state;

        store_put_look(s->store, s->processes[0], s->at_ms, "\377\377\377\377rubbish", 11);
        site_tick(s);
        assert_refused(s, "/processes/100/heap", 404, "can't be read");
}

static void other_parameters_are_refused(void **state)
{
        struct site *s = *state;

        put_orders(s, 0);
        assert_refused(s, "/processes/100/heap?limit=5", 400, "limit");
        assert_refused(s, "/processes/100/heap?format=csv", 400, "format");
        assert_refused(s, "/processes/100/heap/x", 404, "nothing at");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(newest_look_is_answered, set_up, tear_down),
                cmocka_unit_test_setup_teardown(text_is_the_page_that_the_client_prints, set_up, tear_down),
                cmocka_unit_test_setup_teardown(newer_look_replaces_the_answer, set_up, tear_down),
                cmocka_unit_test_setup_teardown(exited_process_keeps_its_last_look, set_up, tear_down),
                cmocka_unit_test_setup_teardown(where_there_is_none_it_says_why_and_when, set_up, tear_down),
                cmocka_unit_test_setup_teardown(look_that_saw_no_python_is_refused_with_its_reason, set_up, tear_down),
                cmocka_unit_test_setup_teardown(look_that_lacks_a_part_is_answered, set_up, tear_down),
                cmocka_unit_test_setup_teardown(damaged_look_is_said_to_be, set_up, tear_down),
                cmocka_unit_test_setup_teardown(other_parameters_are_refused, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
