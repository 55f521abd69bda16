/* A process: its id as text, its identity's memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/process.h"

static void an_id_is_written_and_read_back(void **state)
{
        static const struct process_id ids[] = {
                { 4242, 1833921, 0xb3f2c1d0 }, { 1, 0, 0 }, { INT32_MAX, INT64_MAX, UINT32_MAX }, { 7, 8, 0x0000000a },
        };
        char text[PROCESS_ID_MAX];

        (void)state;
        process_id_format(&ids[0], text);
        assert_string_equal(text, "4242-1833921-b3f2c1d0");
        process_id_format(&ids[3], text);
        assert_string_equal(text, "7-8-0000000a");
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
                struct process_id id;
                int parts;

                process_id_format(&ids[i], text);
                assert_true(process_id_parse(text, &id, &parts));
                assert_int_equal(parts, 3);
                assert_true(process_id_equal(&id, &ids[i]));
        }
}

static void a_prefix_of_whole_parts_is_an_id(void **state)
{
        struct process_id id;
        int parts;

        (void)state;
        assert_true(process_id_parse("4242", &id, &parts));
        assert_int_equal(parts, 1);
        assert_int_equal(id.pid, 4242);
        assert_true(process_id_parse("4242-0", &id, &parts));
        assert_int_equal(parts, 2);
        assert_true(process_id_parse("4242-18", &id, &parts));
        assert_int_equal(id.start_ticks, 18);
}

static void anything_else_is_none(void **state)
{
        static const char *const wrong[] = {
                "", "0", "-1", "+1", " 1", "1 ", "01", "x", "1-", "1--", "1-2-", "1-2-b3f2c1d", "1-2-b3f2c1d00",
                "1-2-B3F2C1D0", "1-2-b3f2c1d0-", "1-2-b3f2c1d0x", "1-02", "2147483648", "99999999999999999999",
                "1-9223372036854775808", "1-x", "1-2-g0000000", "1-2-0x123456", "1/2",
        };
        struct process_id id;
        int parts;

        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                if (process_id_parse(wrong[i], &id, &parts))
                        fail_msg("\"%s\" was taken for an id", wrong[i]);
}

static void ids_differ_in_any_part(void **state)
{
        const struct process_id a = { 1, 2, 3 };

        (void)state;
        assert_true(process_id_equal(&a, &(struct process_id){ 1, 2, 3 }));
        assert_false(process_id_equal(&a, &(struct process_id){ 2, 2, 3 }));
        assert_false(process_id_equal(&a, &(struct process_id){ 1, 3, 3 }));
        assert_false(process_id_equal(&a, &(struct process_id){ 1, 2, 4 }));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_id_is_written_and_read_back),
                cmocka_unit_test(a_prefix_of_whole_parts_is_an_id),
                cmocka_unit_test(anything_else_is_none),
                cmocka_unit_test(ids_differ_in_any_part),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
