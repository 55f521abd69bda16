/* JSON from a daemon that may be anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "client/answer.h"

static json_t *load(struct answer *a, struct error *err, const char *text)
{
        struct buffer body = { .data = (char *)text, .size = strlen(text), .room = strlen(text) };

        *err = (struct error){};
        *a = (struct answer){ .what = "/x", .err = err };
        return answer_load(a, &body);
}

static void known_values_are_read(void **state)
{
        struct answer a;
        struct error err;
        _cleanup_(json_decrefp) json_t *o = load(&a, &err,
                "{\"t\": \"text\", \"i\": 9007199254740993, \"d\": 1.5, \"at\": \"2026-11-22T15:00:00.123Z\", "
                "\"l\": [1], "
                "\"growth\": {\"verdict\": \"leak\", \"bytes_per_hour\": 10, \"since_at\": null}, \"n\": null}");
        struct growth_answer g = answer_growth(&a, o);

        (void)state;
        assert_string_equal(answer_need_text(&a, o, "t"), "text");
        assert_int_equal(answer_need_int(&a, o, "i"), 9007199254740993);
        assert_true(answer_number(&a, o, "d") == 1.5);
        assert_int_equal(answer_need_time(&a, o, "at"), 1795359600123);
        assert_int_equal(json_array_size(answer_need_list(&a, o, "l")), 1);
        assert_string_equal(g.verdict, "leak");
        assert_true(g.known && g.bytes_per_hour == 10 && g.since_at_ms == -1 && g.limit_at_ms == -1);
        assert_false(a.wrong);
}

static void null_and_absent_are_not_known(void **state)
{
        struct answer a;
        struct error err;
        _cleanup_(json_decrefp) json_t *o = load(&a, &err, "{\"n\": null}");

        (void)state;
        for (int i = 0; i < 2; i++) {
                const char *key = i ? "absent" : "n";

                assert_null(answer_text(&a, o, key));
                assert_int_equal(answer_int(&a, o, key), -1);
                assert_true(isnan(answer_number(&a, o, key)));
                assert_int_equal(answer_time(&a, o, key), -1);
                assert_null(answer_list(&a, o, key));
                assert_null(answer_object(&a, o, key));
        }
        assert_false(a.wrong);
}

static void what_is_needed_and_missing_is_named_once(void **state)
{
        struct answer a;
        struct error err;
        _cleanup_(json_decrefp) json_t *o = load(&a, &err, "{\"pid\": null}");

        (void)state;
        assert_int_equal(answer_need_int(&a, o, "pid"), -1);
        assert_string_equal(answer_need_text(&a, o, "name"), "");
        assert_true(a.wrong);
        assert_string_equal(err.text, "the answer to /x can't be understood: it has no \"pid\"");
}

static void wrong_types_are_errors(void **state)
{
        static const struct {
                const char *value, *kind;
        } rows[] = { { "{}", "i" }, { "[]", "i" }, { "\"1\"", "i" }, { "1.5", "i" }, { "-1", "i" }, { "true", "i" },
                     { "7", "t" }, { "7", "a" }, { "\"x\"", "a" }, { "\"2026-13-01T00:00:00Z\"", "a" }, { "{}", "l" },
                     { "[]", "o" }, { "\"x\"", "d" } };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct answer a;
                struct error err;
                char text[64];
                _cleanup_(json_decrefp) json_t *o = NULL;

                snprintf(text, sizeof text, "{\"k\": %s}", rows[i].value);
                o = load(&a, &err, text);
                switch (*rows[i].kind) {
                case 'i': assert_int_equal(answer_int(&a, o, "k"), -1); break;
                case 't': assert_null(answer_text(&a, o, "k")); break;
                case 'a': assert_int_equal(answer_time(&a, o, "k"), -1); break;
                case 'l': assert_null(answer_list(&a, o, "k")); break;
                case 'o': assert_null(answer_object(&a, o, "k")); break;
                default: assert_true(isnan(answer_number(&a, o, "k")));
                }
                assert_true(a.wrong);
        }
}

static void what_is_no_object_is_refused(void **state)
{
        static const char *const texts[] = { "", "x", "[]", "7", "{", "{\"a\": }", "\xff", "{\"a\": 1e999}", "{} {}" };
        static char deep[100001];
        struct answer a;
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                assert_null(load(&a, &err, texts[i]));
                assert_true(a.wrong && *err.text);
        }
        memset(deep, '[', sizeof deep - 1);
        assert_null(load(&a, &err, deep));
        assert_true(a.wrong);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(known_values_are_read),
                cmocka_unit_test(null_and_absent_are_not_known),
                cmocka_unit_test(what_is_needed_and_missing_is_named_once),
                cmocka_unit_test(wrong_types_are_errors),
                cmocka_unit_test(what_is_no_object_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
