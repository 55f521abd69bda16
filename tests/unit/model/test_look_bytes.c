/* A look as bytes, and bytes that are none. */
#include "model/look_bytes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define SHOP 120 /* names of each list of the look below */

static int64_t mixed(size_t i, size_t k)
{
        return (int64_t)((i * 2654435761u + k * 40503u) % 100000);
}

static void fill_past(struct look *look, size_t n_past)
{
        look->n_past = n_past;
        for (size_t i = 0; i < n_past; i++)
                look->past[i] = (struct look_past){
                        .at_ms = look->at_ms - (int64_t)(n_past - i) * 600000,
                        .complete = i % 2,
                        .tracked_objects = 100000 + (int64_t)i,
                        .gc = { i % 2, false, { 700, 10, 10 }, { 5, (int64_t)i, 3 }, -1, 0 },
                        .memory = { 1 << 20, 2 << 20, 3 << 20, 4 << 20, (int64_t)i << 20, -1, 7, 8, 9 },
                };
        for (size_t i = 0; i < look->n_types; i++)
                for (size_t k = 0; k < LOOK_PAST; k++) {
                        struct look_type *t = &look->types[i];

                        t->past_objects[k] = k >= n_past || i % 7 == k ? -1 : i % 3 ? t->objects : mixed(i, k);
                        t->past_bytes[k] = k >= n_past || i % 7 == k ? -1 : i % 5 ? t->past_objects[k] * 48 : mixed(k, i);
                }
        for (size_t i = 0; i < look->n_containers; i++)
                for (size_t k = 0; k < LOOK_PAST; k++)
                        look->containers[i].past[k] = k >= n_past ? -1 : i % 3 ? look->containers[i].length : mixed(i, k) - 1;
}

static char *make_name(const char *stem, int digits, size_t i)
{
        char *name = NULL;

        assert_true(asprintf(&name, "%s%0*zu", stem, digits, i) > 0);
        return name;
}

/* A look with something of everything. */
static struct look shop_look(size_t n_past)
{
        struct look look;

        look_init(&look);
        look.at_ms = INT64_C(1790000000123);
        look.took_us = 41234;
        look.complete = false;
        strcpy(look.python, "3.11.2");
        look.tracked_objects = 123456;
        look.gc = (struct look_gc){ 1, true, { 700, 10, 10 }, { 123, 4, 5 }, 0, 370000 };
        look.memory = (struct look_memory){ 5 << 20, 6 << 20, 7 << 20, 8 << 20, 0, 9 << 20, 10 << 20, 2, -1 };
        look.cuts = (struct look_cuts){ 192, 0, 15 };
        look.types = calloc(SHOP, sizeof *look.types);
        look.containers = calloc(SHOP, sizeof *look.containers);
        look.libraries = calloc(2, sizeof *look.libraries);
        assert_true(look.types && look.containers && look.libraries);
        for (size_t i = 0; i < SHOP; i++) {
                look.types[i] = (struct look_type){ make_name("shop.models.Order", 1, i * 7 % SHOP), .objects = mixed(i, 0) };
                look.types[i].tracked = i % 2 ? look.types[i].objects : 0;
                look.types[i].bytes = look.types[i].objects * 48;
                look.containers[i] = (struct look_container){ make_name("shop.caché.ORDERS", 1, i), .type = strdup("dict") };
                look.containers[i].length = i == 5 ? -1 : mixed(i, 1);
                if (i % 4 == 0)
                        look.containers[i].aliases[look.containers[i].n_aliases++] = make_name("shop.web.<closure>.memo", 1, i);
        }
        look.n_types = look.n_containers = SHOP;
        look.libraries[look.n_libraries++] = strdup("numpy");
        look.libraries[look.n_libraries++] = strdup("glibc");
        assert_int_equal(look_miss(&look, "frozen", "the list of frozen objects changed while it was read"), 0);
        fill_past(&look, n_past);
        return look;
}

static void assert_same_past(const struct look_past *a, const struct look_past *b)
{
        assert_int_equal(a->at_ms, b->at_ms);
        assert_int_equal(a->complete, b->complete);
        assert_int_equal(a->tracked_objects, b->tracked_objects);
        assert_memory_equal(&a->memory, &b->memory, sizeof a->memory);
        assert_int_equal(a->gc.enabled, b->gc.enabled);
        assert_int_equal(a->gc.collecting, b->gc.collecting);
        assert_memory_equal(a->gc.thresholds, b->gc.thresholds, sizeof a->gc.thresholds);
        assert_memory_equal(a->gc.counts, b->gc.counts, sizeof a->gc.counts);
        assert_int_equal(a->gc.uncollectable, b->gc.uncollectable);
        assert_int_equal(a->gc.frozen, b->gc.frozen);
}

static struct look_past as_past(const struct look *look)
{
        return (struct look_past){ look->at_ms, look->complete, look->tracked_objects, look->gc, look->memory };
}

static void assert_same_lists(const struct look *a, const struct look *b)
{
        assert_int_equal(a->n_types, b->n_types);
        for (size_t i = 0; i < a->n_types; i++) {
                const struct look_type *x = &a->types[i], *y = &b->types[i];

                assert_string_equal(x->name, y->name);
                assert_int_equal(x->objects, y->objects);
                assert_int_equal(x->tracked, y->tracked);
                assert_int_equal(x->bytes, y->bytes);
                assert_memory_equal(x->past_objects, y->past_objects, sizeof x->past_objects);
                assert_memory_equal(x->past_bytes, y->past_bytes, sizeof x->past_bytes);
        }
        assert_int_equal(a->n_containers, b->n_containers);
        for (size_t i = 0; i < a->n_containers; i++) {
                const struct look_container *x = &a->containers[i], *y = &b->containers[i];

                assert_string_equal(x->name, y->name);
                assert_string_equal(x->type, y->type);
                assert_int_equal(x->length, y->length);
                assert_int_equal(x->n_aliases, y->n_aliases);
                for (size_t k = 0; k < x->n_aliases; k++)
                        assert_string_equal(x->aliases[k], y->aliases[k]);
                assert_memory_equal(x->past, y->past, sizeof x->past);
        }
}

static void assert_same(const struct look *a, const struct look *b)
{
        struct look_past x = as_past(a), y = as_past(b);

        assert_same_past(&x, &y);
        assert_int_equal(a->took_us, b->took_us);
        assert_int_equal(a->cpu_us, b->cpu_us);
        assert_string_equal(a->python, b->python);
        assert_memory_equal(&a->cuts, &b->cuts, sizeof a->cuts);
        assert_same_lists(a, b);
        assert_int_equal(a->n_libraries, b->n_libraries);
        for (size_t i = 0; i < a->n_libraries; i++)
                assert_string_equal(a->libraries[i], b->libraries[i]);
        assert_int_equal(a->n_missing, b->n_missing);
        for (size_t i = 0; i < a->n_missing; i++) {
                assert_string_equal(a->missing[i].part, b->missing[i].part);
                assert_string_equal(a->missing[i].reason, b->missing[i].reason);
        }
        assert_int_equal(a->n_past, b->n_past);
        for (size_t i = 0; i < a->n_past; i++)
                assert_same_past(&a->past[i], &b->past[i]);
}

static void assert_round_trip(const struct look *look)
{
        _cleanup_(buffer_done) struct buffer bytes = {};
        struct error err = {};
        struct look again;

        look_write(look, &bytes);
        assert_false(bytes.failed);
        assert_int_equal(look_parse(bytes.data, bytes.size, &again, &err), 0);
        assert_same(look, &again);
        look_done(&again);
}

static void what_was_written_is_read(void **state)
{
        (void)state;
        for (size_t n_past = 0; n_past <= LOOK_PAST; n_past++) {
                struct look look = shop_look(n_past);

                assert_round_trip(&look);
                look_done(&look);
        }
}

static void a_look_that_found_nothing_is_one(void **state)
{
        struct look look;

        (void)state;
        look_init(&look);
        assert_round_trip(&look);
        assert_int_equal(look_miss(&look, "python", "it is PyPy"), 0);
        assert_round_trip(&look);
        look_done(&look);
}

/* What never changed costs a byte for all earlier looks; bytes of objects of one size follow from their number. */
static void what_does_not_change_costs_nearly_nothing(void **state)
{
        _cleanup_(buffer_done) struct buffer first = {}, ninth = {}, grown = {};
        struct look look = shop_look(0);

        (void)state;
        look_write(&look, &first);
        fill_past(&look, LOOK_PAST);
        for (size_t i = 0; i < SHOP; i++)
                for (size_t k = 0; k < LOOK_PAST; k++) {
                        look.types[i].past_objects[k] = look.types[i].objects;
                        look.types[i].past_bytes[k] = look.types[i].bytes;
                        look.containers[i].past[k] = look.containers[i].length;
                }
        look_write(&look, &ninth);
        assert_in_range(ninth.size - first.size, 3 * SHOP, 3 * SHOP + 500);
        for (size_t i = 0; i < SHOP; i++)
                for (size_t k = 0; k < LOOK_PAST; k++) {
                        look.types[i].objects = 1000 + (int64_t)i;
                        look.types[i].tracked = look.types[i].objects;
                        look.types[i].bytes = look.types[i].objects * 48;
                        look.types[i].past_objects[k] = look.types[i].objects - (LOOK_PAST - (int64_t)k) * 50;
                        look.types[i].past_bytes[k] = look.types[i].past_objects[k] * 48;
                }
        look_write(&look, &grown);
        assert_true(grown.size <= ninth.size + SHOP * LOOK_PAST);
        assert_round_trip(&look);
        look_done(&look);
}

static void refused(const void *bytes, size_t size)
{
        struct error err = {};
        struct look look;

        assert_int_equal(look_parse(bytes, size, &look, &err), -EBADMSG);
        assert_true(err.text[0]);
        look_done(&look); /* nothing is left in it */
}

static void bytes_that_break_off_or_go_on_are_refused(void **state)
{
        _cleanup_(buffer_done) struct buffer bytes = {};
        struct look look = shop_look(3);

        (void)state;
        look_write(&look, &bytes);
        for (size_t size = 0; size < bytes.size; size++) {
                _cleanup_(freep) void *part = malloc(size ? size : 1); /* of just that size, for the sanitizer */

                memcpy(part, bytes.data, size);
                refused(part, size);
        }
        buffer_add_char(&bytes, 0);
        refused(bytes.data, bytes.size);
        bytes.data[0]++;
        refused(bytes.data, bytes.size - 1);
        look_done(&look);
}

/* What a changed byte leaves readable is a look, with times that rise and numbers that can be. */
static void changed_bytes_are_refused_or_a_look(void **state)
{
        _cleanup_(buffer_done) struct buffer bytes = {};
        struct look look = shop_look(LOOK_PAST);
        uint64_t random = 42;
        size_t taken = 0;

        (void)state;
        look_write(&look, &bytes);
        look_done(&look);
        for (unsigned round = 0; round < 20000; round++) {
                _cleanup_(freep) unsigned char *changed = malloc(bytes.size);
                struct error err = {};

                memcpy(changed, bytes.data, bytes.size);
                for (unsigned i = 0; i <= round % 3; i++) {
                        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
                        changed[(random >> 33) % bytes.size] = (unsigned char)(random >> 25);
                }
                if (look_parse(changed, bytes.size, &look, &err) < 0) {
                        assert_int_equal(err.code, EBADMSG);
                        continue;
                }
                taken++;
                assert_true(look.n_past <= LOOK_PAST);
                for (size_t i = 0; i < look.n_past; i++)
                        assert_true(look.past[i].at_ms < (i + 1 < look.n_past ? look.past[i + 1].at_ms : look.at_ms));
                for (size_t i = 0; i < look.n_types; i++)
                        assert_true(look.types[i].tracked >= -1 && look.types[i].past_bytes[0] >= -1);
                look_done(&look);
        }
        assert_in_range(taken, 100, 19000); /* names take most of the room: another letter is another name */
}

static void put(struct buffer *to, uint64_t value)
{
        for (; value >= 0x80; value >>= 7)
                buffer_add_char(to, (char)(value | 0x80));
        buffer_add_char(to, (char)value);
}

/* Names that share all but a letter unfold to thousands of times the bytes they take. */
static void names_that_unfold_to_too_much_are_refused(void **state)
{
        _cleanup_(buffer_done) struct buffer bytes = {};

        (void)state;
        buffer_add_char(&bytes, 1);
        put(&bytes, 1000000);
        put(&bytes, 0);
        put(&bytes, LOOK_NAME_MOST);
        for (size_t i = 0; i < LOOK_NAME_MOST; i++)
                buffer_add_char(&bytes, 'x');
        for (size_t i = 1; i < 1000000; i++) {
                put(&bytes, LOOK_NAME_MOST);
                put(&bytes, 0);
        }
        refused(bytes.data, bytes.size);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
        const struct {
                const char *bytes;
                size_t size;
        } bad[] = {
                { "", 0 },
                { "\x01", 1 },
                { "\x02\x00", 2 },
                { "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },    /* names without end */
                { "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 }, /* a number without end */
                { "\x01\x80\x00", 3 },                                     /* zero in two bytes */
                { "\x01\x01\x01\x01x", 5 },                                /* shares with no name before it */
                { "\x01\x01\x00\xff\xff\x03x", 7 },                        /* a name longer than the bytes */
        };
        _cleanup_(freep) void *many = calloc(1, LOOK_BYTES_MOST + 1);

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                refused(bad[i].bytes, bad[i].size);
        refused(many, LOOK_BYTES_MOST + 1);
}

static void set_name(struct look *look, const char *name)
{
        free(look->types[0].name);
        look->types[0].name = strdup(name);
}

static void names_come_out_clean_and_not_too_long(void **state)
{
        _cleanup_(freep) char *huge = malloc(3 * LOOK_NAME_MOST);
        _cleanup_(buffer_done) struct buffer bytes = {};
        struct look look = shop_look(2), again;
        struct error err = {};

        (void)state;
        set_name(&look, "shop.\x1b[31m\xff.Örder");
        look_write(&look, &bytes);
        assert_int_equal(look_parse(bytes.data, bytes.size, &again, &err), 0);
        assert_string_equal(again.types[0].name, "shop.�[31m�.Örder");
        look_done(&again);

        for (size_t i = 0; i + 2 < 3 * LOOK_NAME_MOST; i += 2)
                memcpy(huge + i, "ö", 3);
        huge[0] = 's';
        huge[1] = '.';
        set_name(&look, huge);
        buffer_clear(&bytes);
        look_write(&look, &bytes);
        assert_int_equal(look_parse(bytes.data, bytes.size, &again, &err), 0);
        assert_int_equal(strlen(again.types[0].name), LOOK_NAME_MOST);
        assert_memory_equal(again.types[0].name, huge, LOOK_NAME_MOST);
        look_done(&again);
        look_done(&look);
}

/* A heap may be made of such: what is written can always be read, and says that it isn't all. */
static void more_names_than_fit_are_cut(void **state)
{
        _cleanup_(buffer_done) struct buffer bytes = {};
        struct error err = {};
        struct look look, again;

        (void)state;
        look_init(&look);
        look.cuts = (struct look_cuts){ 0, 0, 15 };
        look.types = calloc(LOOK_NAMES_MOST + 5, sizeof *look.types);
        for (size_t i = 0; i < LOOK_NAMES_MOST + 5; i++)
                look.types[look.n_types++] = (struct look_type){ make_name("x.", i % 2 ? 600 : 1, i), 1, 1, 1 };
        look_write(&look, &bytes);
        assert_int_equal(look_parse(bytes.data, bytes.size, &again, &err), 0);
        assert_in_range(again.n_types, 5000, LOOK_NAMES_MOST);
        assert_false(again.complete);
        assert_int_equal(again.cuts.own_bytes, -1);
        assert_int_equal(again.cuts.length, 15);
        look_done(&again);
        look_done(&look);
}

static void numbers_out_of_bounds_are_brought_within(void **state)
{
        _cleanup_(buffer_done) struct buffer bytes = {};
        struct look look = shop_look(1), again;
        struct error err = {};

        (void)state;
        look.types[0].objects = INT64_MAX;
        look.types[0].bytes = INT64_MIN;
        look.types[0].past_objects[0] = INT64_MIN;
        look.types[0].past_bytes[0] = INT64_MAX;
        look.gc.thresholds[0] = -700;
        look_write(&look, &bytes);
        assert_int_equal(look_parse(bytes.data, bytes.size, &again, &err), 0);
        assert_true(again.types[0].objects == INT64_C(1) << 56);
        assert_int_equal(again.types[0].bytes, -1);
        assert_int_equal(again.types[0].past_objects[0], -1);
        assert_true(again.types[0].past_bytes[0] == INT64_C(1) << 56);
        assert_int_equal(again.gc.thresholds[0], -1);
        look_done(&again);
        look_done(&look);
}

static void looks_whose_times_do_not_rise_are_refused(void **state)
{
        _cleanup_(buffer_done) struct buffer bytes = {};
        struct look look = shop_look(3);

        (void)state;
        look.past[1].at_ms = look.past[0].at_ms;
        look_write(&look, &bytes);
        refused(bytes.data, bytes.size);
        fill_past(&look, 3);
        look.at_ms = look.past[2].at_ms;
        buffer_clear(&bytes);
        look_write(&look, &bytes);
        refused(bytes.data, bytes.size);
        look_done(&look);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_written_is_read),
                cmocka_unit_test(a_look_that_found_nothing_is_one),
                cmocka_unit_test(what_does_not_change_costs_nearly_nothing),
                cmocka_unit_test(bytes_that_break_off_or_go_on_are_refused),
                cmocka_unit_test(changed_bytes_are_refused_or_a_look),
                cmocka_unit_test(names_that_unfold_to_too_much_are_refused),
                cmocka_unit_test(sizes_that_cannot_be_are_refused),
                cmocka_unit_test(names_come_out_clean_and_not_too_long),
                cmocka_unit_test(more_names_than_fit_are_cut),
                cmocka_unit_test(numbers_out_of_bounds_are_brought_within),
                cmocka_unit_test(looks_whose_times_do_not_rise_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
