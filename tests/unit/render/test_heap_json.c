/* A look as JSON: every member in its order, null for what is not known, and nothing that was not seen this time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "render/heap_json.h"

#define NOON INT64_C(1795359600000) /* 2026-11-22T15:00:00Z */
#define HOUR_MS INT64_C(3600000)
#define NEVER { -1, -1, -1, -1, -1, -1, -1, -1 }

static char *write_look(const struct look *look)
{
        const struct look_view view = { .look = look, .id = "4242-1833921-b3f2c1d0", .name = "python3",
                                        .exited_at_ms = -1 };
        struct buffer out = {};
        struct json j = json_begin(&out, false);

        look_write_json(&j, &view);
        json_end(&j);
        return buffer_take(&out, NULL);
}

static void it_is_laid_out_for_eyes(void **state)
{
        struct look_type types[] = {
                { .name = (char *)"shop.models.Order", .objects = 52000, .tracked = 52000, .bytes = 4992000,
                  .past_objects = { 33800, -1, -1, -1, -1, -1, -1, -1 },
                  .past_bytes = { 3244800, -1, -1, -1, -1, -1, -1, -1 } },
                { .name = (char *)"gone.Since", .objects = -1, .tracked = -1, .bytes = -1, .past_objects = { 7 },
                  .past_bytes = { 7 } },
                { .name = (char *)"dict", .objects = 9, .tracked = 0, .bytes = 2000, .past_objects = NEVER,
                  .past_bytes = NEVER },
        };
        struct look_container containers[] = {
                { .name = (char *)"shop.cache.ORDERS", .aliases = { (char *)"shop.web.O", (char *)"shop.admin.O" },
                  .n_aliases = 2, .type = (char *)"dict", .length = 52000,
                  .past = { 51999, -1, -1, -1, -1, -1, -1, -1 } },
                { .name = (char *)"gone.SINCE", .type = (char *)"list", .length = -1, .past = { 7 } },
        };
        struct look_missing missing[] = { { (char *)"frozen", (char *)"It can't be read in \"3.13\"." } };
        char *libraries[] = { (char *)"numpy", (char *)"glibc" };
        struct look look;
        _cleanup_(freep) char *text = NULL;

        (void)state;
        look_init(&look);
        look.at_ms = NOON;
        look.took_us = 41234;
        look.cpu_us = 30000;
        look.complete = false;
        strcpy(look.python, "3.11.2");
        look.tracked_objects = 123456;
        look.gc = (struct look_gc){ 1, false, { 700, 10, 10 }, { 12, 3, 1 }, 0, -1 };
        look.memory = (struct look_memory){ 100, 20, 30, 40, 0, 25, -1, -1, 5 };
        look.types = types;
        look.n_types = 3;
        look.containers = containers;
        look.n_containers = 2;
        look.libraries = libraries;
        look.n_libraries = 2;
        look.missing = missing;
        look.n_missing = 1;
        look.past[0].at_ms = NOON - 2 * HOUR_MS;
        look.n_past = 1;
        text = write_look(&look);
        assert_string_equal(text,
                "{\n"
                "  \"id\": \"4242-1833921-b3f2c1d0\",\n"
                "  \"name\": \"python3\",\n"
                "  \"exited_at\": null,\n"
                "  \"at\": \"2026-11-22T15:00:00.000Z\",\n"
                "  \"since_at\": \"2026-11-22T13:00:00.000Z\",\n"
                "  \"python\": \"3.11.2\",\n"
                "  \"tracked_objects\": 123456,\n"
                "  \"took_ms\": 41.234,\n"
                "  \"cpu_ms\": 30.0,\n"
                "  \"complete\": false,\n"
                "  \"missing\": [\n"
                "    {\"part\": \"frozen\", \"reason\": \"It can't be read in \\\"3.13\\\".\"}\n"
                "  ],\n"
                "  \"gc\": {\"enabled\": true, \"thresholds\": [700, 10, 10], \"counts\": [12, 3, 1], "
                "\"uncollectable\": 0, \"frozen\": null, \"collecting\": false},\n"
                "  \"memory\": {\"python_bytes\": 100, \"python_free_bytes\": 20, \"native_bytes\": 30, "
                "\"file_bytes\": 40, \"shmem_bytes\": 0, \"heap_bytes\": 25, "
                "\"arena_bytes\": null, \"arenas\": null, \"large_bytes\": 5},\n"
                "  \"types\": [\n"
                "    {\"type\": \"shop.models.Order\", \"objects\": 52000, \"tracked\": 52000, \"bytes\": 4992000, "
                "\"objects_per_hour\": 9100, \"bytes_per_hour\": 873600},\n"
                "    {\"type\": \"dict\", \"objects\": 9, \"tracked\": 0, \"bytes\": 2000, \"objects_per_hour\": null, "
                "\"bytes_per_hour\": null}\n"
                "  ],\n"
                "  \"containers\": [\n"
                "    {\"name\": \"shop.cache.ORDERS\", \"aliases\": [\"shop.web.O\", \"shop.admin.O\"], "
                "\"type\": \"dict\", \"length\": 52000, \"length_per_hour\": 0.5}\n"
                "  ],\n"
                "  \"libraries\": [\n"
                "    \"numpy\",\n"
                "    \"glibc\"\n"
                "  ],\n"
                "  \"looks\": [\n"
                "    \"2026-11-22T13:00:00.000Z\"\n"
                "  ]\n"
                "}\n");
}

static void what_is_not_known_is_null(void **state)
{
        struct look look;
        _cleanup_(freep) char *text = NULL;
        json_t *root, *gc;
        const char *key;
        json_t *value;

        (void)state;
        look_init(&look);
        look.at_ms = NOON;
        text = write_look(&look);
        root = json_loads(text, 0, NULL);
        assert_non_null(root);
        assert_true(json_is_null(json_object_get(root, "python")) && json_is_null(json_object_get(root, "since_at")));
        assert_true(json_is_null(json_object_get(root, "tracked_objects")));
        assert_true(json_is_true(json_object_get(root, "complete")));
        gc = json_object_get(root, "gc");
        assert_int_equal(json_object_size(gc), 6);
        json_object_foreach(gc, key, value)
                assert_true(json_is_null(value));
        assert_int_equal(json_object_size(json_object_get(root, "memory")), 9);
        json_object_foreach(json_object_get(root, "memory"), key, value)
                assert_true(json_is_null(value));
        assert_true(json_is_array(json_object_get(root, "types")));
        assert_true(json_is_array(json_object_get(root, "containers")));
        assert_non_null(strstr(text, "\n  \"missing\": [],\n"));
        json_decref(root);
}

/* Names come out of a heap: quotes, escapes, what turns the direction of writing, four thousand letters. */
static void names_arrive_whole_and_break_nothing(void **state)
{
        char name[4097];
        struct look_container c = { .name = name, .type = (char *)"\"]}, {\"", .length = 16, .past = NEVER };
        struct look look;
        _cleanup_(freep) char *text = NULL;
        json_t *root;

        (void)state;
        memset(name, 'A', sizeof name - 1);
        memcpy(name, "\033[31m\"\\\u202e\n", 11);
        name[sizeof name - 1] = '\0';
        look_init(&look);
        look.containers = &c;
        look.n_containers = 1;
        text = write_look(&look);
        for (const char *p = text; *p; p++)
                assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
        root = json_loads(text, 0, NULL);
        assert_non_null(root);
        assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(root, "containers"), 0),
                                                              "name")), name);
        assert_int_equal(json_array_size(json_object_get(root, "containers")), 1);
        json_decref(root);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_is_laid_out_for_eyes),
                cmocka_unit_test(what_is_not_known_is_null),
                cmocka_unit_test(names_arrive_whole_and_break_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
