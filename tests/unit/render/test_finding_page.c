/* One finding as a page, findings as a table. */
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
#include "render/finding_page.h"

#define NOW INT64_C(1795359600000) /* Sunday 22 November 2026, 15:00 UTC */

static const char shop[] =
        "{\"id\": 12, \"kind\": \"leak\", \"severity\": \"warning\", \"state\": \"open\", \"process\": {"
        "\"id\": \"4242-1833921-b3f2c1d0\", \"pid\": 4242, \"name\": \"python3\", \"cmdline\": [\"python3\","
        " \"shop.py\"]},"
        "\"app\": {\"id\": \"00000000000a\", \"name\": \"flask: shop\"},"
        " \"title\": \"flask: shop grows by 46 MiB an hour\","
        "\"opened_at\": \"2026-11-22T11:00:00.000Z\", \"updated_at\": \"2026-11-22T15:00:00.000Z\","
        " \"closed_at\": null,"
        "\"evidence\": {\"from_bytes\": 222298112, \"to_bytes\": 497025024, \"from_at\": \"2026-11-22T09:20:00.000Z\","
        "\"span_seconds\": 20400, \"bytes_per_hour\": 48234496.5, \"low_bytes_per_hour\": 41943040,"
        "\"high_bytes_per_hour\": 52428800, \"confidence\": 0.9986, \"rises\": 31, \"slots\": 34,"
        " \"exact_bytes\": 497025024,"
        "\"troughs\": [[\"2026-11-22T09:20:00Z\", 222298112], [\"2026-11-22T12:00:00Z\", 322298112],"
        "[\"2026-11-22T15:00:00Z\", 497025024]], \"limit\": {\"kind\": \"memory.max\","
        " \"place\": \"/system.slice/shop.service\","
        "\"limit_bytes\": 1073741824, \"used_bytes\": 641728512, \"room_bytes\": 1,"
        " \"at\": \"2026-11-22T23:50:00.000Z\"},"
        "\"generations\": null, \"note\": null},"
        "\"diagnosis\": [{\"id\": \"holding\", \"question\": \"Holding?\", \"answer\": \"unknown\","
        " \"because\": \"No look.\"},"
        "{\"id\": \"loading\", \"question\": \"Loading?\", \"answer\": \"no\", \"because\": \"No step.\"},"
        "{\"id\": \"growing\", \"question\": \"Growing?\", \"answer\": \"yes\", \"because\": \"It rose.\"}],"
        "\"advice\": [{\"id\": \"a\", \"do\": \"Bound it.\", \"why\": \"It never shrank.\"}, {\"id\": \"b\","
        " \"do\": \"Wait.\"}],"
        "\"suspects\": []}";

static char *write_finding(const json_t *finding, struct table_options options)
{
        struct buffer out = {};

        render_finding(finding, NOW, &options, &out);
        return buffer_take(&out, NULL);
}

static int set_utc(void **state)
{
        (void)state;
        setenv("TZ", "UTC0", 1);
        tzset();
        return 0;
}

static void it_says_what_why_and_what_to_do(void **state)
{
        static const char head[] =
                "▲ warning  flask: shop grows by 46 MiB an hour\n"
                "Finding 12, leak, found 11:00, open for 4 h\n"
                "\n"
                "App          flask: shop\n"
                "Process      python3 (4242-1833921-b3f2c1d0)\n"
                "Command      python3 shop.py\n"
                "Growth       +46.0 MiB/h (+40.0 MiB/h to +50.0 MiB/h), 99.8 % sure\n"
                "Lowest       212 MiB to 474 MiB in 5 h 40 min, rose in 31 of 34 steps\n"
                "Confirmed    474 MiB by an exact reading\n"
                "Limit        1.00 GiB, memory.max of /system.slice/shop.service, 612 MiB used, reached in about 9 h "
                "(at 23:50)\n"
                "\n"
                "Lowest level in each stretch of its life\n";
        static const char tail[] =
                "\nWhy\n"
                "yes      Growing?\n"
                "         It rose.\n"
                "no       Loading?\n"
                "         No step.\n"
                "unknown  Holding?\n"
                "         No look.\n"
                "\n"
                "What to do\n"
                "1. Bound it.\n"
                "   It never shrank.\n"
                "2. Wait.\n";
        json_t *finding = json_loads(shop, 0, NULL);
        _cleanup_(freep) char *text = write_finding(finding, (struct table_options){ .utf8 = true });

        (void)state;
        assert_memory_equal(text, head, sizeof head - 1);
        assert_string_equal(text + strlen(text) - (sizeof tail - 1), tail);
        json_decref(finding);
}

static void suspects_stand_before_the_reasons(void **state)
{
        static const char table[] =
                "\nSuspects\n"
                "NAME               TYPE    FROM      TO    GROWTH    EXPLAINS\n"
                "shop.cache.ORDERS  dict   9\u202f100  52\u202f000  +9\u202f100/h  \u2265 4.80 MiB\n"
                "shop.models.Order  class  9\u202f100  52\u202f000         \u2013           \u2013\n"
                "\nWhy\n";
        static const char list[] =
                "[{\"kind\": \"container\", \"name\": \"shop.cache.ORDERS\", \"type\": \"dict\", \"from\": 9100,"
                " \"to\": 52000, \"per_hour\": 9100.2, \"explains_bytes\": 5033164},"
                "{\"kind\": \"type\", \"name\": \"shop.models.Order\", \"type\": null, \"from\": 9100, \"to\": 52000,"
                " \"per_hour\": null, \"explains_bytes\": null}, {\"kind\": \"type\"}, 5]";
        json_t *finding = json_loads(shop, 0, NULL);
        _cleanup_(freep) char *text = NULL, *ascii = NULL;

        (void)state;
        json_object_set_new(finding, "suspects", json_loads(list, 0, NULL));
        text = write_finding(finding, (struct table_options){ .utf8 = true });
        if (!strstr(text, table))
                fail_msg("%s", text);
        ascii = write_finding(finding, (struct table_options){ .width = 60 });
        assert_non_null(strstr(ascii, "+9 100/h"));
        for (const char *at = ascii; *at; at++)
                assert_true((unsigned char)*at < 0x80);
        json_decref(finding);
}

/* Of extensions nothing is counted. */
static void extensions_are_names(void **state)
{
        static const char list[] = "[{\"kind\": \"extension\", \"name\": \"_speedups\", \"agent\": false},"
                                   "{\"kind\": \"extension\", \"name\": \"ddtrace\", \"agent\": true}]";
        json_t *finding = json_loads(shop, 0, NULL);
        _cleanup_(freep) char *text = NULL;

        (void)state;
        json_object_set_new(finding, "suspects", json_loads(list, 0, NULL));
        text = write_finding(finding, (struct table_options){ .utf8 = true });
        if (!strstr(text, "\nSuspects\nNAME       TYPE\n_speedups  extension\nddtrace    agent\n\nWhy\n"))
                fail_msg("%s", text);
        json_decref(finding);
}

static void one_that_is_closed_says_when(void **state)
{
        json_t *finding = json_loads(shop, 0, NULL);
        _cleanup_(freep) char *text = NULL;

        (void)state;
        json_object_set_new(finding, "closed_at", json_string("2026-11-22T14:00:00Z"));
        text = write_finding(finding, (struct table_options){ .utf8 = true });
        assert_non_null(strstr(text, "\nFinding 12, leak, found 11:00, closed 14:00 after 3 h\n"));
        json_decref(finding);
}

static void of_an_app_it_tells_of_its_generations(void **state)
{
        json_t *finding = json_loads(shop, 0, NULL), *evidence = json_object_get(finding, "evidence");
        _cleanup_(freep) char *text = NULL;

        (void)state;
        json_object_set_new(finding, "process", json_null());
        json_object_set_new(evidence, "generations", json_pack("{s:i, s:i, s:i}", "alike", 5, "of", 6,
                                                               "lifetime_seconds", 4200));
        text = write_finding(finding, (struct table_options){ .utf8 = true });
        assert_non_null(strstr(text, "\nProcess      all of the app, one after the other\n"));
        assert_non_null(strstr(text, "\nGenerations  5 of 6 grew the same way, each in a life of 1 h 10 min\n"));
        json_decref(finding);
}

static int widest(const char *text)
{
        int most = 0, columns = 0;

        for (size_t at = 0, size = strlen(text); at < size;) {
                uint32_t c = text_next(text, size, &at);

                columns = c == '\n' ? 0 : columns + text_width(c);
                most = columns > most ? columns : most;
        }
        return most;
}

static void it_is_folded_to_the_terminal(void **state)
{
        json_t *finding = json_loads(shop, 0, NULL);
        char word[301];

        (void)state;
        memset(word, 'w', sizeof word - 1);
        word[300] = '\0';
        json_object_set_new(finding, "title", json_string(word));
        json_object_set_new(json_array_get(json_object_get(finding, "advice"), 0), "do",
                            json_string("漢字漢字漢字漢字漢字漢字漢字漢字漢字 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"));
        for (int width = 30; width < 200; width += 7) {
                _cleanup_(freep) char *text = write_finding(finding, (struct table_options){ .width = width,
                                                                                             .utf8 = true });

                assert_in_range(widest(text), 20, width);
                assert_null(strstr(text, " \n"));
        }
        json_decref(finding);
}

static void hostile_text_carries_no_control_byte(void **state)
{
        static const char evil[] = "a\033]0;x\007\n\r\xc2\x9b" "b";
        json_t *finding = json_loads(shop, 0, NULL);

        (void)state;
        json_object_set_new(finding, "title", json_string(evil));
        json_object_set_new(finding, "severity", json_string(evil));
        json_object_set_new(finding, "kind", json_string(evil));
        json_object_set_new(json_object_get(finding, "process"), "name", json_string(evil));
        json_object_set_new(json_object_get(finding, "process"), "id", json_string(evil));
        json_array_append_new(json_object_get(json_object_get(finding, "process"), "cmdline"), json_string(evil));
        json_object_set_new(json_object_get(finding, "app"), "name", json_string(evil));
        json_object_set_new(json_object_get(finding, "evidence"), "note", json_string(evil));
        json_object_set_new(json_array_get(json_object_get(finding, "diagnosis"), 0), "because", json_string(evil));
        json_object_set_new(json_array_get(json_object_get(finding, "advice"), 0), "do", json_string(evil));
        json_object_set_new(finding, "suspects",
                            json_pack("[{s:s, s:s, s:s}]", "kind", evil, "name", evil, "type", evil));
        for (int width = 0; width <= 80; width += 80) {
                struct table_options options = { .width = width, .utf8 = true };
                struct finding_row row = finding_row_read(finding, NOW);
                _cleanup_(freep) char *text = write_finding(finding, options);
                _cleanup_(buffer_done) struct buffer table = {};

                render_finding_table(&row, 1, &options, &table);
                buffer_add_char(&table, '\0');
                for (const unsigned char *p = (unsigned char *)text; *p; p++)
                        assert_true(*p == '\n' || (*p >= 0x20 && *p != 0x7f));
                for (const unsigned char *p = (unsigned char *)table.data; *p; p++)
                        assert_true(*p == '\n' || (*p >= 0x20 && *p != 0x7f));
                assert_null(strstr(text, "\xc2\x9b"));
        }
        json_decref(finding);
}

static void what_is_missing_or_of_another_type_is_left_out(void **state)
{
        static const char *const odd[] = {
                "{}", "{\"title\": 5, \"evidence\": [], \"diagnosis\": {}, \"advice\": [1, null, {}], \"process\": []}",
                "{\"evidence\": {\"troughs\": [1, [], [\"x\", 1], [\"2026-11-22T15:00:00Z\", -1]],"
                " \"from_bytes\": 1e300,"
                "\"confidence\": 77, \"bytes_per_hour\": \"x\", \"limit\": 3, \"generations\": {\"of\": 1,"
                " \"alike\": 1}}}",
                "{\"suspects\": [null, 7, [], {}, {\"name\": 5}, {\"name\": \"x\", \"kind\": 1, \"from\": \"y\","
                " \"to\": -5, \"per_hour\": 1e308}, {\"name\": \"\", \"per_hour\": -1e308, \"to\": 1}]}",
                "{\"evidence\": {\"from_bytes\": 5, \"to_bytes\": 3, \"span_seconds\": 9000000000000000000}}",
        };

        (void)state;
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
                json_t *finding = json_loads(odd[i], 0, NULL);
                _cleanup_(freep) char *text = NULL;
                struct finding_row row;
                _cleanup_(buffer_done) struct buffer table = {};

                assert_non_null(finding);
                row = finding_row_read(finding, NOW);
                text = write_finding(finding, (struct table_options){ .width = 80, .utf8 = true, .color = true });
                render_finding_table(&row, 1, &(struct table_options){ .utf8 = true }, &table);
                assert_non_null(text);
                assert_false(table.failed);
                json_decref(finding);
        }
}

static void the_table_holds_what_matters(void **state)
{
        json_t *finding = json_loads(shop, 0, NULL);
        struct finding_row rows[3];
        _cleanup_(buffer_done) struct buffer out = {}, narrow = {}, bright = {};

        (void)state;
        for (int i = 0; i < 3; i++)
                rows[i] = finding_row_read(finding, NOW);
        rows[0].severity = "critical";
        rows[2].severity = "info";
        rows[2].kind = "step";
        rows[2].step_bytes = 84 << 20;
        rows[2].limit_at_ms = rows[2].pid = -1;
        render_finding_table(rows, 3, &(struct table_options){ .utf8 = true }, &out);
        buffer_add_char(&out, '\0');
        assert_string_equal(out.data,
                " N  SEVERITY    KIND  APP           PID       GROWTH  SINCE  LIMIT         TITLE\n"
                "12  ◆ critical  leak  flask: shop  4242  +46.0 MiB/h  09:20  in about 9 h  "
                "flask: shop grows by 46 MiB an hour\n"
                "12  ▲ warning   leak  flask: shop  4242  +46.0 MiB/h  09:20  in about 9 h  "
                "flask: shop grows by 46 MiB an hour\n"
                "12  ● info      step  flask: shop   all    +84.0 MiB  09:20  –             "
                "flask: shop grows by 46 MiB an hour\n");
        render_finding_table(rows, 3, &(struct table_options){ .utf8 = true, .width = 80 }, &narrow);
        buffer_add_char(&narrow, '\0');
        assert_in_range(widest(narrow.data), 60, 80);
        assert_non_null(strstr(narrow.data, "LIMIT"));
        render_finding_table(rows, 3, &(struct table_options){ .utf8 = true, .color = true }, &bright);
        buffer_add_char(&bright, '\0');
        assert_non_null(strstr(bright.data, "\033[1;31m◆ critical\033[0m"));
        assert_non_null(strstr(bright.data, "\033[1;33m▲ warning\033[0m"));
        json_decref(finding);
}

static void the_state_shows_once_one_is_closed(void **state)
{
        json_t *finding = json_loads(shop, 0, NULL);
        struct finding_row row = finding_row_read(finding, NOW);
        _cleanup_(buffer_done) struct buffer out = {};

        (void)state;
        row.state = "closed";
        render_finding_table(&row, 1, &(struct table_options){ .utf8 = true, .width = 120 }, &out);
        buffer_add_char(&out, '\0');
        assert_memory_equal(out.data, "STATE   ", 8);
        json_decref(finding);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_says_what_why_and_what_to_do),
                cmocka_unit_test(suspects_stand_before_the_reasons),
                cmocka_unit_test(extensions_are_names),
                cmocka_unit_test(one_that_is_closed_says_when),
                cmocka_unit_test(of_an_app_it_tells_of_its_generations),
                cmocka_unit_test(it_is_folded_to_the_terminal),
                cmocka_unit_test(hostile_text_carries_no_control_byte),
                cmocka_unit_test(what_is_missing_or_of_another_type_is_left_out),
                cmocka_unit_test(the_table_holds_what_matters),
                cmocka_unit_test(the_state_shows_once_one_is_closed),
        };

        return cmocka_run_group_tests(tests, set_utc, NULL);
}
