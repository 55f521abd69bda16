#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "fake_memory.h"
#include "pyheap/object.h"

#define BASE UINT64_C(0x100000)

struct scene {
        struct fake_memory memory;
        struct remote remote;
};

static void begin(struct scene *s)
{
        *s = (struct scene){};
        fake_memory_map(&s->memory, BASE, 1 << 16);
        remote_init(&s->remote, fake_memory_read, &s->memory);
        remote_allow(&s->remote, &GENEROUS);
}

static void end(struct scene *s)
{
        remote_done(&s->remote);
        fake_memory_done(&s->memory);
}

static void a_str_is_read_in_every_width(void **state)
{
        struct scene s;
        char text[32];
        const struct layout *l = layout_of(12);
        const uint16_t wide[] = { 'c', 0xe9, 0xd800, 0x20ac };
        uint32_t wide_state = 2 << 2 | 1 << 5, shifted = 1 << 16 | 1 << 19 | 1 << 20;

        (void)state;
        begin(&s);
        assert_true(object_read_str(&s.remote, l, fake_memory_str(&s.memory, BASE, 0, "ORDERS", 12), text, sizeof text));
        assert_string_equal(text, "ORDERS");
        assert_true(object_read_str(&s.remote, l, BASE, text, 4));
        assert_string_equal(text, "ORD");
        fake_memory_put_bytes(&s.memory, BASE + STR_STATE, &shifted, 4); /* interned takes 16 bits */
        remote_allow(&s.remote, &GENEROUS);
        assert_true(object_read_str(&s.remote, l, BASE, text, sizeof text));
        assert_string_equal(text, "ORDERS");
        fake_memory_put(&s.memory, BASE + STR_LENGTH, 4);
        fake_memory_put_bytes(&s.memory, BASE + STR_STATE, &wide_state, 4);
        fake_memory_put_bytes(&s.memory, BASE + l->str_compact, wide, sizeof wide);
        remote_allow(&s.remote, &GENEROUS);
        assert_true(object_read_str(&s.remote, l, BASE, text, sizeof text));
        assert_string_equal(text, "c\xc3\xa9\xef\xbf\xbd\xe2\x82\xac");
        end(&s);
}

static void a_str_of_absurd_length_is_none(void **state)
{
        struct scene s;
        char text[32];

        (void)state;
        begin(&s);
        fake_memory_str(&s.memory, BASE, 0, "x", 11);
        fake_memory_put(&s.memory, BASE + STR_LENGTH, UINT64_C(1) << 60);
        assert_false(object_read_str(&s.remote, layout_of(11), BASE, text, sizeof text));
        fake_memory_put(&s.memory, BASE + STR_LENGTH, UINT64_MAX);
        remote_allow(&s.remote, &GENEROUS);
        assert_false(object_read_str(&s.remote, layout_of(11), BASE, text, sizeof text));
        end(&s);
}

/* A dict of three entries, the second deleted; its keys at BASE + 0x1000. */
static void make_dict(struct scene *s, unsigned minor, bool split)
{
        const struct layout *l = layout_of(minor);
        uint64_t keys = BASE + 0x1000, entries = keys + l->keys_indices + 8, values = BASE + 0x2000;
        size_t width = l->keys_compact ? 16 : 24;

        fake_memory_put(&s->memory, BASE + DICT_USED, 2);
        fake_memory_put(&s->memory, BASE + DICT_KEYS, keys);
        fake_memory_put(&s->memory, BASE + DICT_VALUES, split ? values : 0);
        fake_memory_put(&s->memory, keys + 8, l->keys_compact ? 3 | 3 << 8 | 1 << 16 : 8);
        fake_memory_put(&s->memory, keys + l->keys_nentries, 3);
        for (unsigned i = 0; i < 3; i++) {
                uint64_t entry = entries + i * width + (l->keys_compact ? 0 : 8), value = i == 1 ? 0 : BASE + 0x100 * i;

                fake_memory_put(&s->memory, entry, fake_memory_str(&s->memory, BASE + 0x3000 + i * 128, 0, i ? "two" : "zero", minor));
                fake_memory_put(&s->memory, split ? values + l->values_at + i * 8 : entry + 8, value);
        }
}

static bool count(void *context, uint64_t key, uint64_t value)
{
        assert_int_not_equal(key, 0);
        assert_int_not_equal(value, 0);
        return ++*(unsigned *)context < 1000;
}

static void every_form_of_dict_is_read(void **state)
{
        (void)state;
        for (unsigned minor = LAYOUT_OLDEST; minor <= LAYOUT_NEWEST; minor++)
                for (unsigned split = 0; split < 2; split++) {
                        struct scene s;
                        unsigned n = 0;

                        begin(&s);
                        make_dict(&s, minor, split);
                        object_each_entry(&s.remote, layout_of(minor), BASE, 100, count, &n);
                        assert_int_equal(n, 2);
                        assert_int_equal(object_find_entry(&s.remote, layout_of(minor), BASE, "two", 100), BASE + 0x200);
                        assert_int_equal(object_find_entry(&s.remote, layout_of(minor), BASE, "one", 100), 0);
                        end(&s);
                }
}

static void a_table_that_can_t_be_is_not_read(void **state)
{
        static const uint64_t heads[] = { 0x40 | 3 << 8, 3 | 0xff << 8, 3 | 3 << 8 | 7 << 16 };

        (void)state;
        for (size_t i = 0; i <= sizeof heads / sizeof *heads; i++) {
                struct scene s;
                unsigned n = 0;

                begin(&s);
                make_dict(&s, 11, false);
                if (i < sizeof heads / sizeof *heads)
                        fake_memory_put(&s.memory, BASE + 0x1008, heads[i]);
                else
                        fake_memory_put(&s.memory, BASE + 0x1000 + layout_of(11)->keys_nentries, 9); /* more than there are places */
                object_each_entry(&s.remote, layout_of(11), BASE, 100, count, &n);
                assert_int_equal(n, 0);
                end(&s);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_str_is_read_in_every_width),
                cmocka_unit_test(a_str_of_absurd_length_is_none),
                cmocka_unit_test(every_form_of_dict_is_read),
                cmocka_unit_test(a_table_that_can_t_be_is_not_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
