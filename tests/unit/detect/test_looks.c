/* Growth between made looks. */
#include "detect/looks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

/* As the sampler's child hands it over: everything that is there was counted. */
static struct look look_at(int64_t at_ms)
{
        struct look look;

        look_init(&look);
        look.at_ms = at_ms;
        look.cuts = (struct look_cuts){ 0, 0, LOOKS_LENGTH_LEAST - 1 };
        return look;
}

/* For one more item; the room doubles. */
static void *grow(void *items, size_t n, size_t size)
{
        if ((n & (n - 1)) == 0)
                items = reallocarray(items, n ? 2 * n : 1, size);
        assert_non_null(items);
        return items;
}

static void add_type(struct look *look, const char *name, int64_t objects, int64_t bytes)
{
        look->types = grow(look->types, look->n_types, sizeof *look->types);
        look->types[look->n_types++] = (struct look_type){ strdup(name), objects, objects, bytes };
}

static struct look_container *add(struct look *look, const char *name, int64_t length)
{
        struct look_container *c;

        look->containers = grow(look->containers, look->n_containers, sizeof *look->containers);
        c = &look->containers[look->n_containers++];
        *c = (struct look_container){ .name = strdup(name), .type = strdup("dict"), .length = length };
        return c;
}

static void add_alias(struct look_container *c, const char *name)
{
        c->aliases[c->n_aliases++] = strdup(name);
}

/* What the engine does: now follows, is ranked and cut; the look before is done with. */
static void follow(struct look *look, struct look now)
{
        if (look->at_ms)
                assert_int_equal(looks_continue(look, &now), 0);
        looks_cut(&now);
        look_done(look);
        *look = now;
}

static const struct look_container *find(const struct look *look, const char *name)
{
        for (size_t i = 0; i < look->n_containers; i++)
                if (strcmp(look->containers[i].name, name) == 0)
                        return &look->containers[i];
        return NULL;
}

static const struct look_type *find_type(const struct look *look, const char *name)
{
        for (size_t i = 0; i < look->n_types; i++)
                if (strcmp(look->types[i].name, name) == 0)
                        return &look->types[i];
        return NULL;
}

static size_t place(const struct look *look, const char *name)
{
        const struct look_container *c = find(look, name);

        assert_non_null(c);
        return (size_t)(c - look->containers);
}

static double rate_of(const struct look *look, const char *name)
{
        const struct look_container *c = find(look, name);

        assert_non_null(c);
        return look_rate(look, c->past, c->length);
}

static void a_first_look_is_by_size_and_ones_own_types_come_first(void **state)
{
        struct look look = {}, now = look_at(HOUR);

        (void)state;
        add_type(&now, "dict", 90000, 9000000);
        add_type(&now, "shop.Order", 10, 480);
        add_type(&now, "shop.Customer", 10, 960);
        add(&now, "shop.SMALL", 20);
        add(&now, "shop.LARGE", 2000);
        follow(&look, now);
        assert_string_equal(look.types[0].name, "shop.Customer");
        assert_string_equal(look.types[1].name, "shop.Order");
        assert_string_equal(look.types[2].name, "dict");
        assert_string_equal(look.containers[0].name, "shop.LARGE");
        assert_true(isnan(rate_of(&look, "shop.LARGE")));
        look_done(&look);
}

static void what_grows_comes_first(void **state)
{
        struct look look = {};

        (void)state;
        for (int64_t hour = 1; hour <= 4; hour++) {
                struct look now = look_at(hour * HOUR);

                add_type(&now, "shop.Config", 5000, 500000);
                add_type(&now, "shop.Order", hour * 100, hour * 4800);
                add(&now, "shop.TABLE", 100000);
                add(&now, "shop.SHRINKS", 5000 - hour);
                add(&now, "shop.ORDERS", 100 * hour);
                follow(&look, now);
        }
        assert_string_equal(look.types[0].name, "shop.Order");
        assert_true(look_rate(&look, look.types[0].past_objects, look.types[0].objects) == 100);
        assert_true(look_rate(&look, look.types[0].past_bytes, look.types[0].bytes) == 4800);
        assert_string_equal(look.containers[0].name, "shop.ORDERS");
        assert_true(rate_of(&look, "shop.ORDERS") == 100);
        assert_string_equal(look.containers[1].name, "shop.TABLE");
        assert_string_equal(look.containers[2].name, "shop.SHRINKS");
        assert_int_equal(look.n_past, 3);
        assert_int_equal(look.past[0].at_ms, HOUR);
        look_done(&look);
}

/* Those are listed from LOOK_UNNAMED_LEAST on. */
static void what_has_no_name_was_long_before_it_was_listed(void **state)
{
        struct look look = {}, now = look_at(HOUR);

        (void)state;
        add(&now, "shop.ORDERS", 100);
        follow(&look, now);
        now = look_at(2 * HOUR);
        add(&now, "<list #3fa2>", 1200);
        add(&now, "<shop.Service object>.jobs", 1200);
        follow(&look, now);
        assert_true(rate_of(&look, "<list #3fa2>") == 1200 - (LOOK_UNNAMED_LEAST - 1));
        assert_true(rate_of(&look, "<shop.Service object>.jobs") == 1200 - (LOOKS_LENGTH_LEAST - 1));
        look_done(&look);
}

/* It was at most what the look before left out. */
static void a_new_name_grew_from_what_was_cut_off(void **state)
{
        struct look look = {}, now = look_at(HOUR);

        (void)state;
        for (int i = 0; i < LOOKS_CONTAINERS_MOST + 10; i++) {
                char name[32];

                snprintf(name, sizeof name, "shop.T%03d", i);
                add(&now, name, 1000 + i);
                snprintf(name, sizeof name, "shop.C%03d", i);
                add_type(&now, name, 10 + i, 1000 + 10 * i);
        }
        follow(&look, now);
        assert_int_equal(look.cuts.length, 1009);
        assert_int_equal(look.cuts.own_bytes, 1000 + 10 * (LOOKS_CONTAINERS_MOST + 9 - LOOKS_OWN_MOST));
        assert_int_equal(look.cuts.builtin_bytes, 0);
        now = look_at(2 * HOUR);
        add(&now, "shop.NEW", 5009);
        add(&now, "shop.SHORT", 100);
        add_type(&now, "shop.New", 3180, 31800);
        add_type(&now, "array", 10, 80);
        follow(&look, now);
        assert_true(rate_of(&look, "shop.NEW") == 4000);
        assert_true(rate_of(&look, "shop.SHORT") == 0);
        assert_int_equal(find_type(&look, "shop.New")->past_bytes[0], 1590);
        assert_int_equal(find_type(&look, "shop.New")->past_objects[0], 159);
        assert_int_equal(find_type(&look, "array")->past_objects[0], 0);
        look_done(&look);
}

/* Then it grew like all others since the first look: what is there once may be gone at the next. */
static void a_new_name_counts_when_it_is_seen_twice(void **state)
{
        struct look look = {};

        (void)state;
        for (int64_t k = 1; k <= 5; k++) {
                struct look now = look_at(k * HOUR);

                add(&now, "shop.OTHER", 500);
                if (k >= 4)
                        add(&now, "shop.NEW", 1015 * (k - 3));
                follow(&look, now);
                if (k >= 4)
                        assert_true(rate_of(&look, "shop.NEW") == (k == 4 ? 0 : 1000.0 / 3));
        }
        assert_int_equal(find(&look, "shop.NEW")->past[0], LOOKS_LENGTH_LEAST - 1);
        look_done(&look);
}

static void a_name_that_a_torn_read_hid_did_not_grow(void **state)
{
        struct look look = {};

        (void)state;
        for (int64_t k = 1; k <= 6; k++) {
                struct look now = look_at(k * HOUR);

                add(&now, "shop.OTHER", 500);
                add_type(&now, "dict", 1, 1);
                if (k != 4) {
                        add(&now, "shop.ORDERS", 50000);
                        add_type(&now, "shop.Order", 50000, 2400000);
                }
                follow(&look, now);
                assert_int_equal(find(&look, "shop.ORDERS")->length, k == 4 ? -1 : 50000);
                if (k == 4)
                        assert_int_equal(place(&look, "shop.ORDERS"), 1); /* last, though the largest */
                else if (k > 1)
                        assert_true(rate_of(&look, "shop.ORDERS") == 0);
        }
        assert_int_equal(find(&look, "shop.ORDERS")->past[3], -1);
        assert_int_equal(find(&look, "shop.ORDERS")->past[2], 50000);
        assert_int_equal(find_type(&look, "shop.Order")->past_bytes[3], -1);
        assert_int_equal(find_type(&look, "shop.Order")->past_objects[0], 50000);
        look_done(&look);
}

static void a_name_that_stays_away_is_forgotten(void **state)
{
        struct look look = {};

        (void)state;
        for (int64_t k = 1; k <= 6; k++) {
                struct look now = look_at(k * HOUR);

                add(&now, "shop.OTHER", 500);
                add_type(&now, "dict", 1, 1);
                if (k < 3) {
                        add(&now, "shop.ORDERS", 50000);
                        add_type(&now, "shop.Order", 50000, 2400000);
                }
                follow(&look, now);
                assert_int_equal(!!find(&look, "shop.ORDERS"), k < 6);
                assert_int_equal(!!find_type(&look, "shop.Order"), k < 6);
        }
        look_done(&look);
}

/* A process that gives its classes and caches new names all the time. */
static void names_that_come_and_go_stay_bounded(void **state)
{
        struct look look = {};

        (void)state;
        for (int64_t k = 1; k <= 30; k++) {
                struct look now = look_at(k * MINUTE);

                add(&now, "shop.LEAK", 3000 + k);
                for (int i = 0; i < 500; i++) {
                        char name[64];

                        snprintf(name, sizeof name, "shop.session%d_%d", (int)k, i);
                        add(&now, name, 1000 + i);
                        snprintf(name, sizeof name, "shop.Type%d_%d", (int)k, i);
                        add_type(&now, name, 10, 1000 + i);
                        add_type(&now, strchr(name, '.') + 1, 10, 1000 + i);
                }
                follow(&look, now);
                assert_true(look.n_types <= LOOKS_OWN_MOST + LOOKS_BUILTIN_MOST);
                assert_true(look.n_containers <= LOOKS_CONTAINERS_MOST);
                assert_true(look.containers[LOOKS_CONTAINERS_MOST * 3 / 4 - 1].length > 0);
                if (k >= 3)
                        assert_int_equal(place(&look, "shop.LEAK"), 0);
        }
        look_done(&look);
}

static void a_part_that_was_missing_in_between_is_not_known_then(void **state)
{
        struct look look = {};

        (void)state;
        for (int64_t k = 1; k <= 9; k++) {
                struct look now = look_at(k * HOUR);

                if (k >= 3 && k < 8) {
                        assert_int_equal(look_miss(&now, "containers", "the walk ran out of time"), 0);
                        now.cuts.length = -1;
                } else {
                        add(&now, "shop.ORDERS", 1000 * k);
                        if (k >= 8)
                                add(&now, "shop.NEW", 1000 * k);
                }
                add_type(&now, "shop.Order", 1000 * k, 48000 * k);
                follow(&look, now);
                assert_non_null(find(&look, "shop.ORDERS"));
        }
        assert_true(rate_of(&look, "shop.ORDERS") == 1000);
        assert_int_equal(find(&look, "shop.ORDERS")->past[4], -1);
        assert_true(rate_of(&look, "shop.NEW") == 1000); /* since it was first seen */
        assert_int_equal(look_since(&look, find(&look, "shop.NEW")->past), 7);
        assert_int_equal(find_type(&look, "shop.Order")->past_objects[4], 5000);
        look_done(&look);
}

/* What a sample did not meet may be there; what it met is estimated. */
static void a_sample_tells_nothing_of_what_it_did_not_meet(void **state)
{
        struct look look = {}, now = look_at(HOUR);

        (void)state;
        now.cuts.own_bytes = now.cuts.builtin_bytes = -1;
        add_type(&now, "shop.Order", 1000, 48000);
        follow(&look, now);
        assert_int_equal(look.cuts.own_bytes, -1);
        now = look_at(2 * HOUR);
        add_type(&now, "shop.Order", 2000, 96000);
        add_type(&now, "shop.Rare", 900, 9000);
        follow(&look, now);
        assert_int_equal(find_type(&look, "shop.Order")->past_objects[0], 1000);
        assert_int_equal(find_type(&look, "shop.Rare")->past_objects[0], -1);
        look_done(&look);
}

static void a_container_is_known_by_any_of_its_names(void **state)
{
        struct look look = {}, now = look_at(HOUR);
        struct look_container *c;

        (void)state;
        add_alias(add(&now, "shop.cache.ORDERS", 1000), "shop.web.orders");
        add(&now, "shop.OTHER", 1000);
        add_alias(add(&now, "shop.KEPT", 70), "shop.SWAPPED");
        follow(&look, now);

        now = look_at(2 * HOUR);
        add_alias(add(&now, "shop.web.orders", 2000), "shop.admin.orders");
        c = add(&now, "shop.LIST", 5000); /* has the name of a dict, but is none */
        free(c->type);
        c->type = strdup("list");
        add_alias(c, "shop.OTHER");
        add(&now, "shop.SWAPPED", 9000); /* no longer the same as KEPT, which has its name still */
        add(&now, "shop.KEPT", 80);
        follow(&look, now);
        assert_true(rate_of(&look, "shop.web.orders") == 1000);
        assert_true(rate_of(&look, "shop.LIST") == 5000 - 15);
        assert_true(rate_of(&look, "shop.KEPT") == 10);
        assert_true(rate_of(&look, "shop.SWAPPED") == 9000 - 15);
        assert_null(find(&look, "shop.cache.ORDERS"));
        assert_int_equal(find(&look, "shop.OTHER")->length, -1);
        look_done(&look);
}

static void classes_of_one_name_are_paired_in_their_order(void **state)
{
        struct look look = {}, now = look_at(HOUR);

        (void)state;
        add_type(&now, "shop.Made", 10, 1000);
        add_type(&now, "shop.Made", 20, 500);
        follow(&look, now);
        now = look_at(2 * HOUR);
        add_type(&now, "shop.Made", 10, 1000);
        add_type(&now, "shop.Made", 20, 500);
        follow(&look, now);
        assert_int_equal(look.n_types, 2);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(look.types[i].past_bytes[0], look.types[i].bytes);
        look_done(&look);
}

static void a_clock_set_back_begins_anew(void **state)
{
        struct look look = {}, now;

        (void)state;
        for (int64_t k = 3; k <= 5; k++) {
                now = look_at(k * HOUR);
                add(&now, "shop.ORDERS", 1000 * k);
                add(&now, "shop.OLD", 100);
                follow(&look, now);
        }
        now = look_at(4 * HOUR);
        add(&now, "shop.ORDERS", 9000);
        follow(&look, now);
        assert_int_equal(look.n_past, 0);
        assert_true(isnan(rate_of(&look, "shop.ORDERS")));
        assert_null(find(&look, "shop.OLD"));
        look_done(&look);
}

static void the_first_look_stays_and_the_others_thin_out_evenly(void **state)
{
        struct look look = {};
        double worst = 0;

        (void)state;
        for (int64_t k = 1; k <= 1000; k++) {
                struct look now = look_at(k * 10 * MINUTE);
                int64_t widest = 0, gap;

                now.tracked_objects = k;
                add(&now, "shop.ORDERS", 100 * k);
                follow(&look, now);
                assert_int_equal(look.n_past, k - 1 < LOOK_PAST ? k - 1 : LOOK_PAST);
                if (k == 1)
                        continue;
                assert_int_equal(look.past[0].tracked_objects, 1);
                assert_int_equal(look.past[look.n_past - 1].tracked_objects, k - 1);
                assert_true(rate_of(&look, "shop.ORDERS") == 600);
                for (size_t i = 0; i + 1 < look.n_past; i++) {
                        assert_int_equal(look.containers[0].past[i], 100 * look.past[i].tracked_objects);
                        gap = look.past[i + 1].at_ms - look.past[i].at_ms;
                        widest = gap > widest ? gap : widest;
                }
                if (k > LOOK_PAST) {
                        double ideal = (double)(look.past[LOOK_PAST - 1].at_ms - look.past[0].at_ms) / (LOOK_PAST - 1);

                        worst = (double)widest / ideal > worst ? (double)widest / ideal : worst;
                }
        }
        print_message("widest gap between kept looks: %.2f of an even one\n", worst);
        assert_true(worst <= 3);
        look_done(&look);
}

/* A cache that fills to 5,000 entries, is emptied, and fills again, beside a table that gets 12 entries an hour. */
static void a_busy_cache_is_not_ranked_above_a_slow_leak(void **state)
{
        size_t behind = 0, looks = 0;
        uint64_t random = 7;
        struct look look = {};

        (void)state;
        for (int64_t k = 0; k < 6 * 24 * 60; k++) {
                struct look now = look_at(HOUR + k * 10 * MINUTE);

                random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
                add(&now, "shop.LEAK", 100 + 2 * k);
                add(&now, "shop.BUSY", 16 + (int64_t)((random >> 33) % 5000));
                if (k % 23 > 3)
                        add(&now, "shop.EMPTIED", k % 23 * 200);
                follow(&look, now);
                if (k < 6 * 24 * 30)
                        continue;
                looks++;
                behind += place(&look, "shop.LEAK") > 0;
        }
        print_message("%zu of %zu looks of the second month have something before the leak\n", behind, looks);
        assert_true(behind * 100 <= looks);
        look_done(&look);
}

/* Forty small tables grow; then a thousand large ones appear. */
static void what_is_cut_is_neither_large_nor_growing(void **state)
{
        struct look look = {};
        char name[32];

        (void)state;
        for (int64_t hour = 1; hour <= 3; hour++) {
                struct look now = look_at(hour * HOUR);

                for (int i = 0; i < 40; i++) {
                        snprintf(name, sizeof name, "shop.leak.T%02d", i);
                        add(&now, name, 100 + hour * (i + 1));
                }
                for (int i = 0; i < 1000 && hour == 3; i++) {
                        snprintf(name, sizeof name, "shop.cache.T%04d", i);
                        add(&now, name, 5000 + i);
                }
                add(&now, "shop.SHORT", LOOKS_LENGTH_LEAST - 1);
                follow(&look, now);
        }
        assert_int_equal(look.n_containers, LOOKS_CONTAINERS_MOST);
        for (int i = 0; i < 40; i++) {
                snprintf(name, sizeof name, "shop.leak.T%02d", i);
                assert_true(place(&look, name) < 40);
        }
        assert_non_null(find(&look, "shop.cache.T0999"));
        assert_null(find(&look, "shop.cache.T0000"));
        assert_null(find(&look, "shop.SHORT"));
        assert_int_equal(look.cuts.length, 5999 - (LOOKS_CONTAINERS_MOST - 40));
        look_done(&look);
}

static void the_order_does_not_depend_on_the_order_of_reading(void **state)
{
        struct look a = look_at(HOUR), b = look_at(HOUR);

        (void)state;
        for (int i = 0; i < 700; i++) {
                char name[32];

                snprintf(name, sizeof name, "shop.T%03d", i);
                add(&a, name, 100 + i % 5);
                snprintf(name, sizeof name, "shop.T%03d", 699 - i);
                add(&b, name, 100 + (699 - i) % 5);
        }
        looks_cut(&a);
        looks_cut(&b);
        assert_int_equal(a.n_containers, b.n_containers);
        for (size_t i = 0; i < a.n_containers; i++)
                assert_string_equal(a.containers[i].name, b.containers[i].name);
        look_done(&a);
        look_done(&b);
}

static void looks_of_nothing_follow_each_other(void **state)
{
        struct look a, b;

        (void)state;
        look_init(&a);
        look_init(&b);
        b.at_ms = 1;
        assert_int_equal(looks_continue(&a, &b), 0);
        looks_cut(&b);
        assert_int_equal(b.n_past, 1);
        assert_int_equal(b.n_types, 0);
        look_done(&a);
        look_done(&b);
}

/* Also when a hostile heap gave all of them one name. */
static void thousands_of_names_compare_at_once(void **state)
{
        (void)state;
        for (int same = 0; same < 2; same++) {
                struct look before = look_at(HOUR), now = look_at(2 * HOUR);
                struct timespec began, ended;

                for (int i = 0; i < 3000; i++) {
                        char name[64];

                        snprintf(name, sizeof name, "shop.module%d.Type%d", same ? 0 : i % 50, same ? 0 : i * 7919 % 3000);
                        add_type(&before, name, i, 48 * i);
                        add_type(&now, name, i + i % 9, 48 * (i + i % 9));
                        add_alias(add(&before, name, 1000 + i), "shop.alias");
                        add_alias(add(&now, name, 1000 + i), "shop.alias");
                }
                clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
                assert_int_equal(looks_continue(&before, &now), 0);
                looks_cut(&now);
                clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
                print_message("3,000 types and 3,000 containers%s: %.1f ms\n", same ? " of one name" : "",
                              (double)(ended.tv_sec - began.tv_sec) * 1e3 + (double)(ended.tv_nsec - began.tv_nsec) / 1e6);
                assert_int_equal(now.n_types, LOOKS_OWN_MOST);
                look_done(&before);
                look_done(&now);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_first_look_is_by_size_and_ones_own_types_come_first),
                cmocka_unit_test(what_grows_comes_first),
                cmocka_unit_test(what_has_no_name_was_long_before_it_was_listed),
                cmocka_unit_test(a_new_name_grew_from_what_was_cut_off),
                cmocka_unit_test(a_new_name_counts_when_it_is_seen_twice),
                cmocka_unit_test(a_name_that_a_torn_read_hid_did_not_grow),
                cmocka_unit_test(a_name_that_stays_away_is_forgotten),
                cmocka_unit_test(names_that_come_and_go_stay_bounded),
                cmocka_unit_test(a_part_that_was_missing_in_between_is_not_known_then),
                cmocka_unit_test(a_sample_tells_nothing_of_what_it_did_not_meet),
                cmocka_unit_test(a_container_is_known_by_any_of_its_names),
                cmocka_unit_test(classes_of_one_name_are_paired_in_their_order),
                cmocka_unit_test(a_clock_set_back_begins_anew),
                cmocka_unit_test(the_first_look_stays_and_the_others_thin_out_evenly),
                cmocka_unit_test(a_busy_cache_is_not_ranked_above_a_slow_leak),
                cmocka_unit_test(what_is_cut_is_neither_large_nor_growing),
                cmocka_unit_test(the_order_does_not_depend_on_the_order_of_reading),
                cmocka_unit_test(looks_of_nothing_follow_each_other),
                cmocka_unit_test(thousands_of_names_compare_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
