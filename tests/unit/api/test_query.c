/* Parameters: what each may be, and how a bad one is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "api/query.h"

static const struct choice states[] = { { "running", STATE_RUNNING }, { "all", STATE_ALL }, {} };
static const struct choice sorts[] = { { "rss", SORT_RSS }, { "pid", SORT_PID }, {} };
static const struct parameter parameters[] = {
        { "state", PARAMETER_CHOICE, offsetof(struct query, state), states, .allowed = "running or all" },
        { "sort", PARAMETER_SORT, offsetof(struct query, sort), sorts, .descending = true, .allowed = "rss or pid" },
        { "q", PARAMETER_TEXT, offsetof(struct query, q), .allowed = "text" },
        { "limit", PARAMETER_NUMBER, offsetof(struct query, limit), .initial = 100, .maximum = 1000,
          .allowed = "1 to 1000" },
        { "since", PARAMETER_TIME, offsetof(struct query, since_ms), .allowed = "a time" },
        { "step", PARAMETER_DURATION, offsetof(struct query, step_ms), .maximum = 86400000, .allowed = "a duration" },
        {},
};

static char text[512];
static struct query query;
static struct query_problem bad;

static bool parse(const char *asked)
{
        snprintf(text, sizeof text, "%s", asked);
        query = (struct query){ .now_ms = 10000000 };
        bad = (struct query_problem){};
        return query_parse(text, parameters, &query, &bad);
}

static void what_is_not_given_has_its_default(void **state)
{
        (void)state;
        query = (struct query){ .now_ms = 5 };
        assert_true(query_parse(NULL, parameters, &query, &bad));
        assert_int_equal(query.state, STATE_RUNNING);
        assert_int_equal(query.sort, SORT_RSS);
        assert_true(query.descending);
        assert_int_equal(query.limit, 100);
        assert_null(query.q);
        assert_true(query.since_ms == INT64_MIN && query.until_ms == INT64_MAX);
        assert_int_equal(query.now_ms, 5);
        assert_true(parse("&&"));
}

static void what_is_given_is_decoded(void **state)
{
        (void)state;
        assert_true(parse("q=a%20b+c%2Bd%C3%A9&limit=1000&sort=pid&st%61te=all"));
        assert_string_equal(query.q, "a b c+d\xc3\xa9");
        assert_int_equal(query.limit, 1000);
        assert_int_equal(query.sort, SORT_PID);
        assert_false(query.descending);
        assert_int_equal(query.state, STATE_ALL);
        assert_true(parse("sort=-pid"));
        assert_true(query.descending);
        assert_true(parse("q=a=b"));
        assert_string_equal(query.q, "a=b");
}

static void times_are_absolute_or_ago(void **state)
{
        (void)state;
        assert_true(parse("since=-2h"));
        assert_int_equal(query.since_ms, 10000000 - 7200000);
        assert_true(parse("since=1970-01-01T00:00:01Z"));
        assert_int_equal(query.since_ms, 1000);
        /* '+' as curl sends it, and as it should be sent */
        assert_true(parse("since=1970-01-01T01:00:01+01:00"));
        assert_int_equal(query.since_ms, 1000);
        assert_true(parse("since=1970-01-01T01:00:01%2B01:00"));
        assert_int_equal(query.since_ms, 1000);
}

static void a_bad_one_is_named_with_its_value_and_what_is_allowed(void **state)
{
        static const struct {
                const char *asked, *parameter;
        } cases[] = {
                { "limit=0", "limit" },          { "limit=1001", "limit" },  { "limit=-1", "limit" },
                { "limit=01", "limit" },         { "limit=1e3", "limit" },   { "limit=", "limit" },
                { "limit", "limit" },            { "limit=99999999999999999999", "limit" },
                { "state=dead", "state" },       { "state=RUNNING", "state" }, { "state=", "state" },
                { "sort=--pid", "sort" },        { "sort=-", "sort" },       { "sort=name", "sort" },
                { "q=%", "q" },                  { "q=%4", "q" },            { "q=%zz", "q" },
                { "q=%00", "q" },                { "q=%ff", "q" },           { "q=%c0%80", "q" },
                { "since=now", "since" },        { "since=-2", "since" },    { "since=-", "since" },
                { "since=2026-02-30T00:00:00Z", "since" },
                { "step=0s", "step" },           { "step=2d", "step" },      { "step=5", "step" },
                { "step=9223372036854775807d", "step" },
                { "limit=5&limit=5", "limit" },  { "q=a&q=b", "q" },
                { "nonsense=1", "nonsense" },    { "=1", "" },               { "%zz=1", "%zz" },
                { "Limit=1", "Limit" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                if (parse(cases[i].asked))
                        fail_msg("taken: %s", cases[i].asked);
                if (strcmp(bad.parameter, cases[i].parameter) != 0 || !bad.detail[0] || !bad.allowed || !bad.allowed[0])
                        fail_msg("%s: %s, %s, %s", cases[i].asked, bad.parameter, bad.detail, bad.allowed);
        }
        assert_false(parse("limit=77777"));
        assert_non_null(strstr(bad.detail, "77777"));
        assert_string_equal(bad.allowed, "1 to 1000");
        assert_false(parse("x=1"));
        assert_string_equal(bad.allowed, "state, sort, q, limit, since, step");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_given_has_its_default),
                cmocka_unit_test(what_is_given_is_decoded),
                cmocka_unit_test(times_are_absolute_or_ago),
                cmocka_unit_test(a_bad_one_is_named_with_its_value_and_what_is_allowed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
