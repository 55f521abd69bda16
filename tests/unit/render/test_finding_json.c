/* A finding as JSON: every member in its order, what is JSON already as it is, and nothing that would break the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "render/finding_json.h"

#define NOON INT64_C(1795359600000) /* 2026-11-22T15:00:00Z */

static struct finding leak(void)
{
        return (struct finding){
                .number = 12, .kind = FINDING_LEAK, .severity = SEVERITY_WARNING, .process = 7, .app_id = "00000000000a",
                .title = (char *)"flask: shop grows by 46 MiB an hour", .opened_at_ms = NOON, .updated_at_ms = NOON + 1,
                .closed_at_ms = -1, .evidence = (char *)"{\"from_bytes\": 1, \"troughs\": [[\"x, y\", 1], []]}",
                .diagnosis = (char *)"[{\"id\": \"growing\", \"because\": \"a, [b] \\\"c\\\\\"}, {\"id\": \"holding\"}]",
                .advice = (char *)"[]", .suspects = (char *)"[]",
        };
}

static char *write_view(const struct finding *f, bool in_list, bool inlined)
{
        static char *args[] = { (char *)"python3", (char *)"-m\n", NULL };
        const struct finding_view view = { .finding = f, .app_name = "flask: shop", .has_process = f->process != 0,
                                           .id = { 4242, 1833921, 0xb3f2c1d0 }, .name = "python3", .args = args,
                                           .n_args = 2 };
        struct buffer out = {};
        struct json j = json_begin(&out, inlined);

        if (in_list) {
                json_open(&j, '{');
                json_add_key(&j, "findings");
                json_open_list(&j);
        }
        finding_write_json(&j, &view);
        if (in_list) {
                json_close(&j, ']');
                json_close(&j, '}');
        }
        json_end(&j);
        return buffer_take(&out, NULL);
}

static void alone_it_is_laid_out_for_eyes(void **state)
{
        const struct finding f = leak();
        _cleanup_(freep) char *text = write_view(&f, false, false);

        (void)state;
        assert_string_equal(text,
                "{\n"
                "  \"id\": 12,\n"
                "  \"kind\": \"leak\",\n"
                "  \"severity\": \"warning\",\n"
                "  \"state\": \"open\",\n"
                "  \"process\": {\"id\": \"4242-1833921-b3f2c1d0\", \"pid\": 4242, \"name\": \"python3\", "
                "\"cmdline\": [\"python3\", \"-m\\n\"]},\n"
                "  \"app\": {\"id\": \"00000000000a\", \"name\": \"flask: shop\"},\n"
                "  \"title\": \"flask: shop grows by 46 MiB an hour\",\n"
                "  \"opened_at\": \"2026-11-22T15:00:00.000Z\",\n"
                "  \"updated_at\": \"2026-11-22T15:00:00.001Z\",\n"
                "  \"closed_at\": null,\n"
                "  \"evidence\": {\"from_bytes\": 1, \"troughs\": [[\"x, y\", 1], []]},\n"
                "  \"diagnosis\": [\n"
                "    {\"id\": \"growing\", \"because\": \"a, [b] \\\"c\\\\\"},\n"
                "    {\"id\": \"holding\"}\n"
                "  ],\n"
                "  \"advice\": [],\n"
                "  \"suspects\": []\n"
                "}\n");
}

static void in_a_list_it_is_one_line(void **state)
{
        struct finding f = leak();
        _cleanup_(freep) char *text = NULL, *line = NULL;
        int lines = 0;

        (void)state;
        f.closed_at_ms = NOON;
        text = write_view(&f, true, false);
        line = write_view(&f, false, true);
        for (const char *p = text; (p = strchr(p, '\n')); p++)
                lines++;
        assert_int_equal(lines, 5);
        assert_non_null(strstr(text, "\n    {\"id\": 12, "));
        assert_non_null(strstr(text, line));
        assert_null(strchr(line, '\n'));
        assert_non_null(strstr(line, "\"state\": \"closed\""));
}

static void of_an_app_as_a_whole_there_is_no_process(void **state)
{
        struct finding f = leak();
        _cleanup_(freep) char *text = NULL;

        (void)state;
        f.process = 0;
        text = write_view(&f, false, true);
        assert_non_null(strstr(text, "\"process\": null, \"app\": {\"id\": \"00000000000a\""));
}

static void what_is_not_well_formed_is_left_out(void **state)
{
        static const char *const bad[] = { NULL, "", "{", "[1,", "{\"a\": 1} {}", "[1], \"x\": [2]", "{\"a\":\n1}",
                                           "[\"\xff\"]", "null", "\"text\"", "[1]x" };

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct finding f = leak();

                f.evidence = f.diagnosis = f.advice = f.suspects = (char *)bad[i];
                for (int in_list = 0; in_list < 2; in_list++) {
                        _cleanup_(freep) char *text = write_view(&f, in_list, false);
                        json_t *root = json_loads(text, 0, NULL), *finding;

                        assert_non_null(root);
                        finding = in_list ? json_array_get(json_object_get(root, "findings"), 0) : root;
                        assert_int_equal(json_object_size(finding), 14);
                        assert_true(json_is_null(json_object_get(finding, "evidence")));
                        assert_int_equal(json_array_size(json_object_get(finding, "diagnosis")), 0);
                        assert_true(json_is_array(json_object_get(finding, "suspects")));
                        json_decref(root);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(alone_it_is_laid_out_for_eyes),
                cmocka_unit_test(in_a_list_it_is_one_line),
                cmocka_unit_test(of_an_app_as_a_whole_there_is_no_process),
                cmocka_unit_test(what_is_not_well_formed_is_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
