/* What the api says of growth and of findings, over a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "site.h"

static int set_up(void **state)
{
        *state = site_new();
        return 0;
}

static int tear_down(void **state)
{
        site_free(*state);
        return 0;
}

/* The numbers of a list of findings, or of the member "findings" of an object, as "12 15 ". */
static const char *numbers(const json_t *list, char ret[static 256])
{
        size_t used = 0;

        *ret = '\0';
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *one = json_array_get(list, i);

                if (json_is_object(one))
                        one = json_object_get(one, "id");
                used += (size_t)snprintf(ret + used, 256 - used, "%d ", (int)json_integer_value(one));
        }
        return ret;
}

static void assert_findings(struct site *s, const char *path, const char *want)
{
        json_t *root = site_json(s, path, 200);
        char got[256];

        if (strcmp(numbers(json_object_get(root, "findings"), got), want) != 0)
                fail_msg("%s: %s, not %s", path, got, want);
        json_decref(root);
}

static void assert_pids(struct site *s, const char *path, const char *want)
{
        json_t *root = site_json(s, path, 200), *list = json_object_get(root, "processes");
        char got[128] = "";
        size_t used = 0;

        for (size_t i = 0; i < json_array_size(list); i++)
                used += (size_t)snprintf(got + used, sizeof got - used, "%d ",
                                         (int)json_integer_value(json_object_get(json_array_get(list, i), "pid")));
        assert_string_equal(got, want);
        json_decref(root);
}

static void a_process_shows_its_growth_and_its_findings(void **state)
{
        struct site *s = *state;
        _cleanup_(freep) char *text = NULL;
        int status;

        site_grow(s, 0, VERDICT_LEAK, 10485760.4, SITE_START_MS + 3600000);
        site_put_finding(s, 12, 0, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 9, 0, FINDING_STEP, SEVERITY_INFO, true);
        site_put_finding(s, 15, 0, FINDING_LIMIT, SEVERITY_CRITICAL, false);
        site_tick(s);
        for (int i = 0; i < 2; i++) {
                free(text);
                text = site_get(s, i ? "/processes" : "/processes/100", NULL, &status);
                assert_non_null(strstr(text,
                        "\"growth\": {\"verdict\": \"leak\", \"bytes_per_hour\": 10485760, \"confidence\": 0.998, "
                        "\"since_at\": \"2026-11-22T14:00:00.000Z\", \"limit_at\": \"2026-11-22T16:00:00.000Z\"}"));
                assert_non_null(strstr(text, "\"findings\": [12, 15]"));
        }
        free(text);
        text = site_get(s, "/processes/101", NULL, &status);
        assert_non_null(strstr(text, "\"growth\": {\"verdict\": \"insufficient-data\", \"bytes_per_hour\": null, "
                                     "\"confidence\": null, \"since_at\": null, \"limit_at\": null},\n"
                                     "  \"findings\": []"));
}

static void an_exited_process_keeps_the_growth_it_ended_with(void **state)
{
        struct site *s = *state;
        const struct growth growth = { VERDICT_STEP, 5000, 0.75, SITE_START_MS, -1 };
        json_t *root, *list;

        store_put_growth(s->store, s->processes[3], &growth);
        store_end_process(s->store, s->processes[3], s->at_ms);
        site_tick(s);
        for (int i = 0; i < 2; i++) {
                root = site_json(s, i ? "/processes?state=exited" : "/processes/103", 200);
                list = json_object_get(root, "processes");
                list = json_object_get(list ? json_array_get(list, 0) : root, "growth");
                assert_string_equal(json_string_value(json_object_get(list, "verdict")), "step");
                assert_int_equal(json_integer_value(json_object_get(list, "bytes_per_hour")), 5000);
                json_decref(root);
        }
        site_grow(s, 0, VERDICT_LEAK, 7000, -1);
        site_grow(s, 1, VERDICT_STABLE, 10, -1);
        site_tick(s);
        assert_pids(s, "/processes?state=all&sort=-growth", "100 103 101 102 ");
}

static void growth_is_sorted_by_with_nulls_last(void **state)
{
        struct site *s = *state;
        json_t *root;
        char path[256], next[128];

        site_grow(s, 0, VERDICT_STABLE, -500, -1);
        site_grow(s, 1, VERDICT_LEAK, 9000, -1);
        site_grow(s, 3, VERDICT_STABLE, 0, -1);
        site_tick(s);
        assert_pids(s, "/processes?sort=-growth", "101 103 100 102 ");
        assert_pids(s, "/processes?sort=growth", "100 103 101 102 ");
        root = site_json(s, "/processes?sort=-growth&limit=2", 200);
        snprintf(next, sizeof next, "%s", json_string_value(json_object_get(root, "next")));
        json_decref(root);
        /* Figures that move meanwhile change nothing about pages of one listing. */
        site_grow(s, 0, VERDICT_LEAK, 99000, -1);
        site_tick(s);
        snprintf(path, sizeof path, "/processes?sort=-growth&limit=2&cursor=%s", next);
        assert_pids(s, path, "100 102 ");
        assert_pids(s, "/processes?sort=-growth&limit=1", "100 ");
}

static void apps_grow_and_have_findings(void **state)
{
        struct site *s = *state;
        json_t *root, *app;
        char got[256];

        site_grow(s, 0, VERDICT_STABLE, 5, -1);
        site_grow(s, 2, VERDICT_LEAK, 3600, SITE_START_MS + 1);
        site_put_finding(s, 3, 2, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 4, -1, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 2, 1, FINDING_STEP, SEVERITY_INFO, false);
        site_tick(s);
        root = site_json(s, "/apps?sort=growth", 200);
        app = json_array_get(json_object_get(root, "apps"), 0);
        assert_string_equal(json_string_value(json_object_get(app, "name")), "flask: blog");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(app, "growth"), "bytes_per_hour")), 3600);
        assert_string_equal(numbers(json_object_get(app, "findings"), got), "3 ");
        app = json_array_get(json_object_get(root, "apps"), 1);
        assert_string_equal(json_string_value(json_object_get(json_object_get(app, "growth"), "verdict")), "leak");
        app = json_object_get(app, "growth");
        assert_int_equal(json_integer_value(json_object_get(app, "bytes_per_hour")), 48234496);
        assert_string_equal(json_string_value(json_object_get(app, "limit_at")),
                            "2026-11-22T18:00:00.000Z");
        app = json_array_get(json_object_get(root, "apps"), 1);
        assert_string_equal(numbers(json_object_get(app, "findings"), got), "2 4 ");
        json_decref(root);
}

static void findings_are_listed_newest_first_and_filtered(void **state)
{
        struct site *s = *state;
        char path[256];

        assert_findings(s, "/findings", "");
        site_put_finding(s, 1, 0, FINDING_STEP, SEVERITY_INFO, true);
        site_put_finding(s, 2, 0, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 3, 2, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 4, -1, FINDING_LEAK, SEVERITY_CRITICAL, false);
        site_tick(s);
        assert_findings(s, "/findings", "4 3 2 ");
        assert_findings(s, "/findings?state=closed", "1 ");
        assert_findings(s, "/findings?state=all", "4 3 2 1 ");
        assert_findings(s, "/findings?state=all&kind=step", "1 ");
        assert_findings(s, "/findings?kind=gc", "");
        assert_findings(s, "/findings?state=all&process=100", "2 1 ");
        assert_findings(s, "/findings?process=100-1000", "2 ");
        assert_findings(s, "/findings?process=100-1000-b3f2c1d0&kind=leak", "2 ");
        assert_findings(s, "/findings?process=101", "");
        assert_findings(s, "/findings?process=4711", "");
        assert_findings(s, "/findings?process=none", "");
        assert_findings(s, "/findings?app=nobody", "");
        assert_findings(s, "/findings?app=flask:+shop", "4 2 ");
        snprintf(path, sizeof path, "/findings?app=%s", s->app_ids[1]);
        assert_findings(s, path, "3 ");
        assert_findings(s, "/findings?limit=1", "4 ");
}

static void pages_of_findings_hold_each_once_while_some_open_and_close(void **state)
{
        static const char *const states[] = { "open", "closed", "all" };
        static const char *const want[] = { "8 6 4 2 ", "7 5 3 1 ", "8 7 6 5 4 3 2 1 " };
        struct site *s = *state;
        char path[512], next[3][128], seen[3][256] = {};

        for (int64_t n = 1; n <= 8; n++)
                site_put_finding(s, n, (int)n % 4, FINDING_LEAK, SEVERITY_WARNING, n % 2);
        site_tick(s);
        for (int i = 0; i < 3; i++)
                next[i][0] = '\0';
        for (int page = 0; page < 8; page++) {
                for (int i = 0; i < 3; i++) {
                        json_t *root;
                        const char *cursor;
                        char got[256];

                        if (page && !next[i][0])
                                continue;
                        snprintf(path, sizeof path, "/findings?state=%s&limit=1%s%s", states[i], page ? "&cursor=" : "",
                                 next[i]);
                        root = site_json(s, path, 200);
                        strcat(seen[i], numbers(json_object_get(root, "findings"), got));
                        cursor = json_string_value(json_object_get(root, "next"));
                        snprintf(next[i], sizeof next[i], "%s", cursor ? cursor : "");
                        json_decref(root);
                }
                /* Meanwhile one closes that the next page must still hold, and another opens. */
                site_tick(s);
                site_put_finding(s, 6 - 2 * page > 0 ? 6 - 2 * page : 2, 2, FINDING_LEAK, SEVERITY_WARNING, true);
                site_put_finding(s, 20 + page, 1, FINDING_STEP, SEVERITY_INFO, page % 2);
                site_tick(s);
        }
        for (int i = 0; i < 3; i++)
                assert_string_equal(seen[i], want[i]);
}

static void one_finding_is_whole(void **state)
{
        struct site *s = *state;
        static const char *const keys[] = { "id", "kind", "severity", "state", "process", "app", "title", "opened_at",
                                            "updated_at", "closed_at", "evidence", "diagnosis", "advice", "suspects" };
        json_t *root;

        site_put_finding(s, 12, 0, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 13, -1, FINDING_LEAK, SEVERITY_WARNING, true);
        site_tick(s);
        root = site_json(s, "/findings/12", 200);
        assert_int_equal(json_object_size(root), 14);
        for (size_t i = 0; i < 14; i++)
                assert_non_null(json_object_get(root, keys[i]));
        assert_string_equal(json_string_value(json_object_get(json_object_get(root, "process"), "id")),
                            "100-1000-b3f2c1d0");
        assert_int_equal(json_array_size(json_object_get(json_object_get(root, "process"), "cmdline")), 3);
        assert_string_equal(json_string_value(json_object_get(json_object_get(root, "app"), "name")), "flask: shop");
        json_decref(root);
        root = site_json(s, "/findings/13", 200);
        assert_true(json_is_null(json_object_get(root, "process")));
        assert_string_equal(json_string_value(json_object_get(root, "state")), "closed");
        json_decref(root);
}

static void what_is_not_there_or_not_allowed_is_refused(void **state)
{
        static const struct {
                const char *path;
                int status;
                const char *parameter;
        } rows[] = {
                { "/findings/1", 404, NULL }, { "/findings/0", 404, NULL }, { "/findings/-1", 404, NULL },
                { "/findings/x", 404, NULL }, { "/findings/99999999999999999999", 404, NULL },
                { "/findings/", 404, NULL },
                { "/findings?state=running", 400, "state" }, { "/findings?kind=lake", 400, "kind" },
                { "/findings?limit=0", 400, "limit" }, { "/findings?limit=1001", 400, "limit" },
                { "/findings?cursor=x", 400, "cursor" }, { "/findings?cursor=0-0-0-0000000000000000", 400, "cursor" },
                { "/findings?sort=rss", 400, "sort" }, { "/findings?q=x", 400, "q" }, { "/findings/1?x=1", 400, "x" },
        };
        struct site *s = *state;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                json_t *root = site_json(s, rows[i].path, rows[i].status);
                const char *parameter = json_string_value(json_object_get(root, "parameter"));

                assert_true(rows[i].parameter ? parameter && strcmp(parameter, rows[i].parameter) == 0 : !parameter);
                json_decref(root);
        }
}

static void as_text_they_are_what_the_client_prints(void **state)
{
        struct site *s = *state;
        _cleanup_(freep) char *table = NULL, *again = NULL, *page = NULL;
        int status;

        site_put_finding(s, 12, 0, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 13, -1, FINDING_LEAK, SEVERITY_CRITICAL, false);
        site_tick(s);
        table = site_get(s, "/findings", "text/plain", &status);
        assert_int_equal(status, 200);
        assert_memory_equal(table, " N  SEVERITY    KIND  APP          PID       GROWTH", 51);
        assert_non_null(strstr(table, "\n13  ◆ critical  leak  flask: shop  all  +46.0 MiB/h  "));
        assert_non_null(strstr(table, "\n12  ▲ warning   leak  flask: shop  100  +46.0 MiB/h  "));
        again = site_get(s, "/findings?format=text", NULL, &status);
        assert_string_equal(table, again);
        page = site_get(s, "/findings/12?format=text", NULL, &status);
        assert_memory_equal(page, "▲ warning  flask: shop grows by 46 MiB an hour\nFinding 12, leak, ", 67);
        assert_non_null(strstr(page, "\nyes      Growing?\n         It rose.\n"));
        assert_non_null(strstr(page, "\n1. Profile it.\n   It shows the line.\n"));
}

static void assert_line(const char *text, const char *line)
{
        const char *at = strstr(text, line);

        if (!at || (at > text && at[-1] != '\n') || at[strlen(line)] != '\n')
                fail_msg("no line %s in\n%s", line, text);
}

static void metrics_tell_of_growth_and_findings(void **state)
{
        struct site *s = *state;
        _cleanup_(freep) char *none = NULL, *text = NULL, *all = NULL;
        int status;

        none = site_get(s, "/metrics", NULL, &status);
        assert_line(none, "memtide_findings_total{kind=\"fragmentation\"} 0");
        assert_line(none, "# TYPE memtide_findings_open gauge");
        assert_line(none, "# TYPE memtide_app_seconds_to_limit gauge");
        assert_line(none, "# TYPE memtide_process_growth_bytes_per_second gauge");
        assert_null(strstr(none, "\nmemtide_app_growth_bytes_per_second{"));
        site_grow(s, 0, VERDICT_LEAK, 7200, INT64_MAX / 2);
        site_grow(s, 2, VERDICT_STABLE, -3600, INT64_MAX / 2); /* what shrinks reaches no limit */
        site_put_finding(s, 1, 0, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 2, 1, FINDING_LEAK, SEVERITY_WARNING, false);
        site_put_finding(s, 3, 0, FINDING_LIMIT, SEVERITY_CRITICAL, false);
        site_put_finding(s, 4, 3, FINDING_STEP, SEVERITY_INFO, true);
        site_tick(s);
        text = site_get(s, "/metrics", NULL, &status);
        assert_line(text, "memtide_app_growth_bytes_per_second{app=\"flask: shop\"} 2");
        assert_line(text, "memtide_app_growth_bytes_per_second{app=\"flask: blog\"} -1");
        assert_non_null(strstr(text, "\nmemtide_app_seconds_to_limit{app=\"flask: shop\"} "));
        assert_null(strstr(text, "\nmemtide_app_seconds_to_limit{app=\"flask: blog\"} "));
        assert_line(text, "memtide_findings_open{app=\"flask: shop\",kind=\"leak\",severity=\"warning\"} 2");
        assert_line(text, "memtide_findings_open{app=\"flask: shop\",kind=\"limit\",severity=\"critical\"} 1");
        assert_null(strstr(text, "{app=\"flask: blog\",kind="));
        assert_line(text, "memtide_findings_total{kind=\"leak\"} 2");
        assert_line(text, "memtide_findings_total{kind=\"step\"} 1");
        assert_line(text, "memtide_process_resident_memory_bytes{app=\"flask: shop\",pid=\"100\","
                          "id=\"100-1000-b3f2c1d0\"} 1048576");
        assert_line(text, "memtide_process_growth_bytes_per_second{app=\"flask: shop\",pid=\"100\","
                          "id=\"100-1000-b3f2c1d0\"} 2");
        assert_null(strstr(text, "pid=\"102\""));
        all = site_get(s, "/metrics?processes=all", NULL, &status);
        assert_line(all, "memtide_process_growth_bytes_per_second{app=\"flask: blog\",pid=\"102\","
                         "id=\"102-1002-b3f2c1d0\"} -1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_process_shows_its_growth_and_its_findings, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_exited_process_keeps_the_growth_it_ended_with, set_up, tear_down),
                cmocka_unit_test_setup_teardown(growth_is_sorted_by_with_nulls_last, set_up, tear_down),
                cmocka_unit_test_setup_teardown(apps_grow_and_have_findings, set_up, tear_down),
                cmocka_unit_test_setup_teardown(findings_are_listed_newest_first_and_filtered, set_up, tear_down),
                cmocka_unit_test_setup_teardown(pages_of_findings_hold_each_once_while_some_open_and_close, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(one_finding_is_whole, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_not_there_or_not_allowed_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(as_text_they_are_what_the_client_prints, set_up, tear_down),
                cmocka_unit_test_setup_teardown(metrics_tell_of_growth_and_findings, set_up, tear_down),
        };

        setenv("TZ", "UTC0", 1);
        tzset();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
