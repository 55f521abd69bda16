/* What may be behind a leak. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "detect/stdlib_name.h"
#include "detect/suspects.h"
#include "made_look.h"
#include "scene.h"

#define OF(...) ((const int64_t[LOOKS]){ __VA_ARGS__ })

static struct look look;
static struct suspect found[SUSPECTS_MOST];

static void begin(void)
{
        make_looks(&look, NOON, 10 * MINUTE);
        set_memory(&look, OF(50, 60, 70, 80), OF(5, 5, 5, 5), OF(20, 20, 20, 20));
}

/* The names in their order, those that are not sure with a ? behind. */
static void expect(const char *expected)
{
        size_t n = looks_suspects(&look, look_grown_bytes(&look), found);
        char names[2000] = "";

        for (size_t i = 0; i < n; i++)
                snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s%s", i ? " " : "", found[i].name,
                         found[i].sure ? "" : "?");
        assert_string_equal(names, expected);
}

static void end(void)
{
        look_done(&look);
}

static void expect_of_container(const char *name, const char *type, const int64_t lengths[static LOOKS],
                                const char *expected)
{
        begin();
        add_container(&look, name, type, lengths);
        expect(expected);
        end();
}

static void the_global_comes_first_and_its_class_is_named_too(void **state)
{
        (void)state;
        begin();
        add_type(&look, "shop.models.Order", 64, OF(9100, 23000, 38000, 52000));
        add_type(&look, "dict", 184, OF(30000, 44000, 59000, 73000));
        add_type(&look, "shop.models.Line", 56, OF(18200, 46000, 76000, 104000));
        add_container(&look, "shop.config.NAMES", "dict", OF(2231, 2231, 2231, 2231));
        add_container(&look, "shop.cache.ORDERS", "dict", OF(9100, 23000, 38000, 52000));
        expect("shop.cache.ORDERS shop.models.Line shop.models.Order");
        assert_int_equal(found[0].kind, SUSPECT_CONTAINER);
        assert_string_equal(found[0].type, "dict");
        assert_int_equal(found[0].from, 9100);
        assert_int_equal(found[0].to, 52000);
        assert_int_equal(found[0].from_ms, NOON - 30 * MINUTE);
        assert_true(fabs(found[0].per_hour - 2 * 42900) < 3000);
        /* Its slots of 16 bytes, and what comes at its pace: an Order and a dict each. */
        assert_int_equal(found[0].explains_bytes, 42900 * 16 + 42900 * 64 + 43000 * 184);
        assert_int_equal(found[0].looks, LOOKS);
        assert_true(found[0].with_memory >= 0.99);
        assert_int_equal(found[2].kind, SUSPECT_TYPE);
        assert_null(found[2].type);
        assert_int_equal(found[2].explains_bytes, 42900 * 64);
        assert_int_equal(found[2].from_bytes, 9100 * 64);
        end();
}

static void nothing_explains_more_than_all_growth(void **state)
{
        (void)state;
        begin();
        add_container(&look, "shop.cache.ORDERS", "list", OF(1000, 5000000, 9000000, 12000000));
        expect("shop.cache.ORDERS");
        assert_int_equal(found[0].explains_bytes, 30 * MIB);
        look.memory = LOOK_MEMORY_UNKNOWN;
        expect("shop.cache.ORDERS");
        assert_int_equal(found[0].explains_bytes, 8 * INT64_C(11999000));
        end();
}

static void the_numbers_that_make_one_sure(void **state)
{
        (void)state;
        expect_of_container("shop.A", "dict", OF(3000, 3400, 3700, 4000), "shop.A");
        expect_of_container("shop.A", "dict", OF(3000, 3400, 3700, 3999), "shop.A?"); /* 1,000 entries */
        expect_of_container("shop.A", "dict", OF(10000, 10500, 11500, 12000), "shop.A"); /* and a fifth */
        expect_of_container("shop.A", "dict", OF(10000, 10500, 11500, 11999), "shop.A?");
        expect_of_container("shop.A", "dict", OF(4000, 4100, 4150, 4200), "shop.A?");
        expect_of_container("shop.A", "dict", OF(4000, 4100, 4150, 4199), ""); /* nothing at all */
        expect_of_container("shop.A", "dict", OF(4001, 4100, 4150, 4200), "");
        /* A quarter of 30 MiB. */
        expect_of_container("shop.A", "list", OF(9000000, 9300000, 9700000, 9000000 + 983040), "shop.A");
        begin();
        add_type(&look, "shop.Big", 400000, OF(10, 17, 24, 32)); /* few, but large */
        expect("shop.Big");
        end();
}

static void what_fell_or_stopped_is_none(void **state)
{
        (void)state;
        expect_of_container("shop.A", "dict", OF(1000, 5000, 4500, 9000), "shop.A");
        expect_of_container("shop.A", "dict", OF(1000, 5000, 4499, 9000), "");
        expect_of_container("shop.A", "dict", OF(100, 9000, 200, 8000), ""); /* a cache that is cleared */
        expect_of_container("shop.A", "dict", OF(100, 5000, 5000, 5000), ""); /* loaded once,
        while the process grows on */
        expect_of_container("shop.A", "dict", OF(5000, 5000, 5000, 5000), "");
        expect_of_container("shop.A", "dict", OF(9000, 7000, 5000, 3000), "");
        begin(); /* a quiet night: neither it nor the process grew */
        set_memory(&look, OF(50, 80, 80, 80), OF(5, 5, 5, 5), OF(20, 20, 20, 20));
        add_container(&look, "shop.A", "dict", OF(100, 5000, 5000, 5000));
        expect("shop.A");
        end();
}

static void a_name_may_come_and_go(void **state)
{
        (void)state;
        expect_of_container("shop.A", "dict", OF(NOT_SEEN, NOT_SEEN, 100, 5000), "shop.A");
        expect_of_container("shop.A", "dict", OF(NOT_SEEN, NOT_SEEN, NOT_SEEN, 5000), "");
        expect_of_container("shop.A", "dict", OF(1000, NOT_SEEN, 3000, 5000), "shop.A"); /* torn once */
        expect_of_container("shop.A", "dict", OF(1000, NOT_SEEN, NOT_SEEN, 5000), ""); /* it was empty then */
        expect_of_container("shop.A", "dict", OF(NOT_SEEN, 1000, NOT_SEEN, 5000), "");
        expect_of_container("shop.A", "dict", OF(1000, 2000, 3000, NOT_SEEN), ""); /* gone */
        begin(); /* but not where this look could not see any */
        add_container(&look, "shop.A", "dict", OF(1000, 2000, 3000, NOT_SEEN));
        assert_int_equal(look_miss(&look, "containers", "it would have taken too long"), 0);
        expect("shop.A");
        end();
}

static void what_is_innocent_is_not_named(void **state)
{
        static const int64_t grows[LOOKS] = { 100, 5000, 9000, 14000 };

        (void)state;
        begin();
        add_container(&look, "gc.garbage", "list", grows);
        add_container(&look, "sys.modules", "dict", grows);
        add_container(&look, "shop.SEEN", "weakref.WeakValueDictionary", grows);
        add_container(&look, "shop.TASKS", "_weakrefset.WeakSet", grows);
        add_container(&look, "asyncio.tasks._all_tasks", "set", grows);
        add_container(&look, "re._cache", "dict", OF(100, 200, 400, 512));
        add_container(&look, "linecache.cache", "dict", OF(400, 500, 600, 700));
        add_type(&look, "dict", 200, grows);
        add_type(&look, "collections.OrderedDict", 200, grows);
        add_type(&look, "_thread.lock", 200, grows);
        expect("");
        /* A thousand more in the standard library is somebody's doing, but an application's own goes before. */
        add_container(&look, "logging.root.manager.loggerDict", "dict", grows);
        expect("logging.root.manager.loggerDict");
        add_container(&look, "shop.LITTLE", "dict", OF(1000, 1300, 1600, 2000));
        expect("shop.LITTLE logging.root.manager.loggerDict");
        add_alias(&look, "sys.modules");
        expect("logging.root.manager.loggerDict");
        add_container(&look, "queue.PENDING", "list", grows);
        add_alias(&look, "shop.work.PENDING");
        expect("queue.PENDING logging.root.manager.loggerDict");
        end();
}

static void frames_in_a_list_make_a_few_enough(void **state)
{
        (void)state;
        begin();
        add_type(&look, "pandas.core.frame.DataFrame", 64, OF(20, 60, 90, 120));
        add_type(&look, "numpy.ndarray", 112, OF(200, 500, 800, 1100));
        add_container(&look, "shop.reports.FRAMES", "list", OF(20, 60, 90, 120));
        add_container(&look, "shop.reports.LOG", "list", OF(20, 30, 40, 50));
        expect("shop.reports.FRAMES numpy.ndarray? pandas.core.frame.DataFrame?");
        assert_true(found[0].frames);
        assert_int_equal(found[0].explains_bytes, -1); /* their bodies are not counted */
        end();
}

static void two_containers_share_what_is_in_them(void **state)
{
        static const int64_t grows[LOOKS] = { 100, 5000, 9000, 14100 };

        (void)state;
        begin();
        add_type(&look, "shop.Order", 100, grows);
        add_container(&look, "shop.LIST", "list", grows);
        add_container(&look, "shop.DICT", "dict", grows);
        expect("shop.DICT shop.LIST shop.Order");
        assert_int_equal(found[0].explains_bytes, 14000 * (16 + 50));
        assert_int_equal(found[1].explains_bytes, 14000 * (8 + 50));
        strcpy(look.python, "3.9.2"); /* whose dicts have slots of 24 bytes */
        expect("shop.DICT shop.LIST shop.Order");
        assert_int_equal(found[0].explains_bytes, 14000 * (24 + 50));
        end();
}

static void a_container_of_little_growth_comes_behind_a_type_of_much(void **state)
{
        (void)state;
        begin();
        add_type(&look, "shop.Order", 100, OF(1000, 100000, 200000, 300000));
        add_container(&look, "shop.URLS", "dict", OF(500, 900, 1200, 1600));
        expect("shop.Order shop.URLS");
        end();
}

static void there_are_ten_at_most(void **state)
{
        char name[32];

        (void)state;
        begin();
        for (int i = 0; i < 30; i++) {
                snprintf(name, sizeof name, "shop.A%02d", i);
                add_container(&look, name, "dict", OF(1000, 2000 + i * 100, 3000 + i * 200, 4000 + i * 300));
        }
        assert_int_equal(looks_suspects(&look, -1, found), SUSPECTS_MOST);
        assert_string_equal(found[0].name, "shop.A29");
        assert_string_equal(found[9].name, "shop.A20");
        end();
}

static void one_look_and_absurd_numbers_are_no_trouble(void **state)
{
        (void)state;
        begin();
        add_container(&look, "shop.A", "", OF(0, INT64_MAX / 4, INT64_MAX / 2, INT64_MAX));
        add_type(&look, "shop.B", 1, OF(0, INT64_MAX / 4, INT64_MAX / 2, INT64_MAX));
        expect("shop.A shop.B");
        assert_int_equal(found[0].explains_bytes, 30 * MIB);
        look.past[1].at_ms = look.past[2].at_ms; /* no time in between */
        expect("");
        forget_past(&look);
        expect("");
        end();
        make_looks(&look, NOON, MINUTE);
        expect("");
        end();
}

static void the_standard_library_is_known_by_its_modules(void **state)
{
        static const char *const its[] = {
                "collections.deque",         "_thread.lock",        "zoneinfo.ZoneInfo", "__future__.x",
                "<interpreter 1>.re._cache", "asyncore.socket_map", "annotationlib.x"
        };
        static const char *const others[] = { "dict",
                                              "",
                                              ".",
                                              "shop.cache",
                                              "collectionsx.deque",
                                              "rest.x",
                                              "__main__.A",
                                              "<interpreter 1>",
                                              "<interpreter 2>.shop.A",
                                              "numpy.ndarray",
                                              "<interpreter " };

        (void)state;
        for (size_t i = 0; i < sizeof its / sizeof *its; i++)
                assert_true(stdlib_owns(its[i]));
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                assert_false(stdlib_owns(others[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_global_comes_first_and_its_class_is_named_too),
                cmocka_unit_test(nothing_explains_more_than_all_growth),
                cmocka_unit_test(the_numbers_that_make_one_sure),
                cmocka_unit_test(what_fell_or_stopped_is_none),
                cmocka_unit_test(a_name_may_come_and_go),
                cmocka_unit_test(what_is_innocent_is_not_named),
                cmocka_unit_test(frames_in_a_list_make_a_few_enough),
                cmocka_unit_test(two_containers_share_what_is_in_them),
                cmocka_unit_test(a_container_of_little_growth_comes_behind_a_type_of_much),
                cmocka_unit_test(there_are_ten_at_most),
                cmocka_unit_test(one_look_and_absurd_numbers_are_no_trouble),
                cmocka_unit_test(the_standard_library_is_known_by_its_modules),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
