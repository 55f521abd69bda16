/* A look as a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "render/heap_page.h"

#define NOW INT64_C(1795359600000) /* Sunday 22 November 2026, 15:00 UTC */

static const char shop[] =
        "{\"id\": \"4242-1833921-b3f2c1d0\", \"name\": \"python3\", \"exited_at\": null,"
        "\"at\": \"2026-11-22T14:52:00.000Z\", \"since_at\": \"2026-11-22T09:20:00.000Z\", \"python\": \"3.11.2\","
        "\"tracked_objects\": 523456, \"took_ms\": 41.2, \"cpu_ms\": 30.1, \"complete\": true, \"missing\": [],"
        "\"gc\": {\"enabled\": true, \"thresholds\": [700, 10, 10], \"counts\": [12, 3, 1], \"uncollectable\": 0,"
        "\"frozen\": 0, \"collecting\": false},"
        "\"memory\": {\"python_bytes\": 201326592, \"python_free_bytes\": 12582912, \"native_bytes\": 83886080,"
        "\"file_bytes\": 37748736, \"shmem_bytes\": 0, \"heap_bytes\": 62914560, \"arena_bytes\": 12582912,"
        "\"arenas\": 3, \"large_bytes\": null},"
        "\"types\": [{\"type\": \"shop.models.Order\", \"objects\": 52000, \"bytes\": 4992000,"
        "\"objects_per_hour\": 9100, \"bytes_per_hour\": 873600}, {\"type\": \"shop.Quiet\", \"objects\": 12,"
        "\"bytes\": 1152, \"objects_per_hour\": 0.2, \"bytes_per_hour\": 19}, {\"type\": \"str\","
        "\"objects\": 800000, \"bytes\": 63963136, \"objects_per_hour\": 18000, \"bytes_per_hour\": 1153433},"
        "{\"type\": \"list\", \"objects\": 90000, \"bytes\": 9437184,"
        "\"objects_per_hour\": 40, \"bytes_per_hour\": 3200}],"
        "\"containers\": [{\"name\": \"shop.cache.ORDERS\", \"aliases\": [\"shop.web.ORDERS\"], \"type\": \"dict\","
        "\"length\": 52000, \"length_per_hour\": 9100}, {\"name\": \"sys.modules\", \"aliases\": [],"
        "\"type\": \"dict\", \"length\": 892, \"length_per_hour\": 0}],"
        "\"libraries\": [\"numpy\", \"glibc\"],"
        "\"looks\": [\"2026-11-22T09:20:00.000Z\", \"2026-11-22T12:00:00.000Z\"]}";

static char *write_look(const json_t *heap, struct table_options options)
{
        struct buffer out = {};

        render_heap(heap, NOW, &options, &out);
        return buffer_take(&out, NULL);
}

static int set_utc(void **state)
{
        (void)state;
        setenv("TZ", "UTC0", 1);
        tzset();
        return 0;
}

static void what_grows_comes_first(void **state)
{
        json_t *heap = json_loads(shop, 0, NULL);
        _cleanup_(freep) char *text = write_look(heap, (struct table_options){ .width = 80, .utf8 = true });

        (void)state;
        assert_string_equal(text,
                "python3 4242  Python 3.11.2\n"
                "4242-1833921-b3f2c1d0\n"
                "Looked into at 14:52 (8 min ago) in 41 ms; growth is since 09:20 (5 h 32 min),\n"
                "over 3 looks\n"
                "\n"
                "What grows\n"
                "CONTAINER          TYPE  LENGTH    GROWTH  ALSO\n"
                "shop.cache.ORDERS  dict  52\u202f000  +9\u202f100/h  shop.web.ORDERS\n"
                "\n"
                "TYPE               OBJECTS     GROWTH      SIZE       GROWTH\n"
                "shop.models.Order   52\u202f000   +9\u202f100/h  4.76 MiB   +853 KiB/h\n"
                "str                800\u202f000  +18\u202f000/h  61.0 MiB  +1.10 MiB/h\n"
                "\n"
                "What is large\n"
                "CONTAINER          TYPE  LENGTH    GROWTH  ALSO\n"
                "shop.cache.ORDERS  dict  52\u202f000  +9\u202f100/h  shop.web.ORDERS\n"
                "sys.modules        dict     892    steady\n"
                "\n"
                "TYPE               OBJECTS     GROWTH      SIZE       GROWTH\n"
                "str                800\u202f000  +18\u202f000/h  61.0 MiB  +1.10 MiB/h\n"
                "list                90\u202f000      +40/h  9.00 MiB    +3200 B/h\n"
                "shop.models.Order   52\u202f000   +9\u202f100/h  4.76 MiB   +853 KiB/h\n"
                "shop.Quiet              12     steady    1152 B       steady\n"
                "\n"
                "Collector    on; 523\u202f456 objects tracked; nothing uncollectable; thresholds\n"
                "             700,\u202f10,\u202f10; counts 12,\u202f3,\u202f1\n"
                "Native code  numpy, glibc\n"
                "\n"
                "Memory  320 MiB\n"
                "Python objects    192 MiB   60 %  ████████████████████████\n"
                "Free in pools    12.0 MiB    4 %  █▌\n"
                "Native           80.0 MiB   25 %  ██████████\n"
                "                60.0 MiB in [heap], 12.0 MiB in malloc's further arenas (3)\n"
                "Files            36.0 MiB   11 %  ████▌\n"
                "Shared memory         0 B    0 %\n");
        json_decref(heap);
}

static void names_that_grow_stand_out_and_nothing_else_does(void **state)
{
        json_t *heap = json_loads(shop, 0, NULL);
        _cleanup_(freep) char *text = write_look(heap, (struct table_options){ .width = 80, .utf8 = true,
                                                                               .color = true });

        (void)state;
        assert_non_null(strstr(text, "\n\033[1mshop.cache.ORDERS\033[0m  \033[2mdict"));
        assert_non_null(strstr(text, "\n\033[1mshop.models.Order\033[0m"));
        assert_non_null(strstr(text, "\nstr"));
        assert_non_null(strstr(text, "\nsys.modules"));
        assert_non_null(strstr(text, "\033[2msteady\033[0m\n"));
        json_decref(heap);
}

static void first_look_says_when_growth_will_be_known(void **state)
{
        json_t *heap = json_loads(shop, 0, NULL), *list = json_object_get(heap, "types");
        _cleanup_(freep) char *text = NULL;

        (void)state;
        json_object_set_new(heap, "since_at", json_null());
        json_object_set_new(heap, "looks", json_array());
        json_object_set_new(heap, "containers", json_array());
        for (size_t i = 0; i < json_array_size(list); i++) {
                json_object_set_new(json_array_get(list, i), "objects_per_hour", json_null());
                json_object_set_new(json_array_get(list, i), "bytes_per_hour", json_null());
        }
        text = write_look(heap, (struct table_options){ .width = 80, .utf8 = true });
        assert_non_null(strstr(text, "in 41 ms, for the first time\n\nWhat grows  known from the next look on\n\n"
                                     "What is large\nTYPE"));
        assert_non_null(strstr(text, "52\u202f000       –  4.76 MiB       –\n"));
        json_decref(heap);
}

static void nothing_that_grows_is_said_so(void **state)
{
        json_t *heap = json_loads(shop, 0, NULL);
        _cleanup_(freep) char *text = NULL;

        (void)state;
        json_object_set_new(heap, "containers", json_array());
        json_object_set_new(heap, "types", json_array());
        text = write_look(heap, (struct table_options){ .width = 80, .utf8 = true });
        assert_non_null(strstr(text, "\nWhat grows  nothing since 09:20\n\nCollector"));
        json_decref(heap);
}

static void what_is_missing_is_said_with_its_reason(void **state)
{
        json_t *heap = json_loads(shop, 0, NULL), *memory = json_object_get(heap, "memory");
        _cleanup_(freep) char *text = NULL;

        (void)state;
        json_object_set_new(heap, "complete", json_false());
        json_object_set_new(heap, "exited_at", json_string("2026-11-22T14:55:00Z"));
        json_object_set_new(heap, "missing", json_pack("[{s:s, s:s}]", "part", "gc", "reason", "It was exiting."));
        json_object_set_new(heap, "gc", json_pack("{s:n, s:n}", "enabled", "uncollectable"));
        json_object_set_new(heap, "tracked_objects", json_null());
        json_object_set_new(memory, "python_bytes", json_null());
        text = write_look(heap, (struct table_options){ .width = 80, .utf8 = true });
        assert_non_null(strstr(text, "python3 4242  Python 3.11.2, exited 14:55\n"));
        assert_non_null(strstr(text, "\nMissing      gc: It was exiting.\n"));
        assert_non_null(strstr(text, "\nCollector    not known whether it is on\n"));
        assert_non_null(strstr(text, "\nMemory\nPython objects          –\n"));
        assert_null(strstr(text, "%"));
        free(text);
        json_object_set_new(heap, "missing", json_array());
        text = write_look(heap, (struct table_options){});
        assert_non_null(strstr(text, "\nIncomplete   there was no time to see everything: figures are estimated from "
                                     "a part\n"));
        json_decref(heap);
}

static void collector_that_is_off_is_told_with_what_that_means(void **state)
{
        json_t *heap = json_loads(shop, 0, NULL);
        _cleanup_(freep) char *text = NULL;

        (void)state;
        json_object_set_new(heap, "gc", json_pack("{s:b, s:i, s:i, s:b}", "enabled", 0, "uncollectable", 42,
                                                  "frozen", 30000, "collecting", 1));
        text = write_look(heap, (struct table_options){});
        assert_non_null(strstr(text, "\nCollector    off: cycles go only when it calls gc.collect(); a collection was "
                                     "under way; 523 456 objects tracked; 30 000 frozen by gc.freeze(); 42 "
                                     "uncollectable in gc.garbage\n"));
        json_decref(heap);
}

/* A container and a type a line, however many: a terminal shows the first ones, a pipe all. */
static void terminal_shows_the_first_and_a_pipe_all(void **state)
{
        json_t *heap = json_loads(shop, 0, NULL), *list = json_object_get(heap, "containers");
        _cleanup_(freep) char *text = NULL;
        char name[32];

        (void)state;
        for (int i = 0; i < 50; i++) {
                snprintf(name, sizeof name, "app.mod%d.CACHE", i);
                json_array_append_new(list, json_pack("{s:s, s:[], s:s, s:i, s:i}", "name", name, "aliases", "type",
                                                      "list", "length", 500 - i, "length_per_hour", 100 - i));
        }
        text = write_look(heap, (struct table_options){ .width = 80 });
        assert_null(strstr(text, "app.mod12.CACHE"));
        assert_non_null(strstr(text, "\nand 41 more: memtide --json heap has all\n"));
        free(text);
        text = write_look(heap, (struct table_options){});
        assert_non_null(strstr(text, "app.mod49.CACHE"));
        assert_null(strstr(text, " more: "));
        json_decref(heap);
}

static void a_name_that_stands_for_none_is_explained(void **state)
{
        json_t *heap = json_loads(shop, 0, NULL), *list = json_object_get(heap, "containers");
        _cleanup_(freep) char *text = write_look(heap, (struct table_options){});

        (void)state;
        assert_null(strstr(text, "no module leads to"));
        free(text);
        json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "name", "<shop.Service object>.jobs", "type", "list", "length", 50));
        text = write_look(heap, (struct table_options){});
        assert_null(strstr(text, "no module leads to"));
        free(text);
        json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "name", "<list #09af>", "type", "list", "length", 5000));
        text = write_look(heap, (struct table_options){});
        assert_non_null(strstr(text, "<list #09af>"));
        assert_non_null(strstr(text, "no module leads to"));
        json_decref(heap);
}

#define HOSTILE "\033[31m\u202eevil\r\n\xc2\x9b" "2J\007"

/* Every text that there is, on one line of 4 KiB: no control passes, a terminal's lines stay within its width, and both
 * ends of a name are there. */
static void hostile_names_stay_on_their_line(void **state)
{
        char name[4200];
        json_t *heap = json_loads(shop, 0, NULL);
        static const int widths[] = { 0, 40, 80, 120 };

        (void)state;
        memset(name, 'A', sizeof name);
        memcpy(name, "head.", 5);
        memcpy(name + 5, HOSTILE, strlen(HOSTILE));
        strcpy(name + 4090, ".TAIL");
        json_object_set_new(heap, "name", json_string(name));
        json_object_set_new(heap, "python", json_string(name));
        json_object_set_new(heap, "libraries", json_pack("[s]", name));
        json_object_set_new(heap, "missing", json_pack("[{s:s, s:s}]", "part", name, "reason", name));
        json_object_set_new(heap, "types", json_pack("[{s:s, s:i, s:f}]", "type", name, "objects", 5, "bytes_per_hour",
                                                     1e300));
        json_object_set_new(heap, "containers", json_pack("[{s:s, s:s, s:[s], s:i, s:i}]", "name", name, "type", name,
                                                          "aliases", name, "length", 5, "length_per_hour", 5));
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
                const struct table_options options = { .width = widths[w], .utf8 = true };
                _cleanup_(freep) char *text = write_look(heap, options);
                size_t size = strlen(text), lines = 0;
                int used = 0;

                for (size_t at = 0; at < size;) {
                        uint32_t c = text_next(text, size, &at);

                        assert_true(c == '\n' || (c >= 0x20 && c != 0x7f && (c < 0x80 || c >= 0xa0) && c != 0x202e));
                        used = c == '\n' ? 0 : used + text_width(c);
                        lines += c == '\n';
                        if (widths[w])
                                assert_in_range(used, 0, widths[w]);
                }
                assert_in_range(lines, 20, widths[w] == 40 ? 60 : 45);
                assert_non_null(strstr(text, "\nhead."));
                assert_non_null(strstr(text, "TAIL"));
                assert_int_equal(strstr(text, name + 100) != NULL, widths[w] == 0);
        }
        json_decref(heap);
}

/* What somebody else's server may answer. */
static void any_json_is_survived(void **state)
{
        static const char *const answers[] = {
                "{}", "{\"id\": 5, \"at\": 7, \"types\": {}, \"containers\": 3, \"gc\": [], \"memory\": \"x\"}",
                "{\"id\": \"x\", \"types\": [1, null, {}, {\"type\": 5}, {\"type\": \"a\", \"objects\": -5}],"
                "\"containers\": [[], {\"name\": \"\"}, {\"name\": \"b\", \"aliases\": {}}, {\"aliases\": [\"c\"]}]}",
                "{\"id\": \"99999999999999999999\", \"gc\": {\"thresholds\": [], \"counts\": [1]}, \"took_ms\": 1e300,"
                "\"memory\": {\"python_bytes\": 9223372036854775807, \"native_bytes\": 9223372036854775807,"
                "\"python_free_bytes\": 9223372036854775807, \"file_bytes\": 0, \"shmem_bytes\": 0},"
                "\"missing\": [5, {}]}",
        };

        (void)state;
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
                for (int width = 0; width < 90; width += 11) {
                        json_t *heap = json_loads(answers[i], 0, NULL);
                        _cleanup_(freep) char *text = write_look(heap, (struct table_options){ .width = width });

                        assert_non_null(heap);
                        assert_non_null(strstr(text, "What grows"));
                        json_decref(heap);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_grows_comes_first),
                cmocka_unit_test(names_that_grow_stand_out_and_nothing_else_does),
                cmocka_unit_test(first_look_says_when_growth_will_be_known),
                cmocka_unit_test(nothing_that_grows_is_said_so),
                cmocka_unit_test(what_is_missing_is_said_with_its_reason),
                cmocka_unit_test(collector_that_is_off_is_told_with_what_that_means),
                cmocka_unit_test(a_name_that_stands_for_none_is_explained),
                cmocka_unit_test(terminal_shows_the_first_and_a_pipe_all),
                cmocka_unit_test(hostile_names_stay_on_their_line),
                cmocka_unit_test(any_json_is_survived),
        };

        return cmocka_run_group_tests(tests, set_utc, NULL);
}
