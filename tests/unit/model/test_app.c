/* Which processes are one app, and what it is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/app.h"

/* Fields of a struct identity that a test lends as string constants. */
struct lent {
        const char *framework, *application, *folder, *unit, *container, *user;
        int64_t uid;
};

static struct identity identity(struct lent from)
{
        return (struct identity){
                .name = (char *)"python3", .framework = (char *)from.framework, .application = (char *)from.application,
                .folder = (char *)from.folder, .unit = (char *)from.unit, .container = (char *)from.container,
                .user = (char *)from.user, .uid = from.uid,
        };
}

static bool same_app(struct lent a, struct lent b)
{
        struct identity one = identity(a), other = identity(b);
        _cleanup_(freep) char *key_one = app_key(&one), *key_other = app_key(&other);
        char id_one[APP_ID_SIZE], id_other[APP_ID_SIZE];

        app_id(key_one, 0, id_one);
        app_id(key_other, 0, id_other);
        assert_int_equal(strcmp(key_one, key_other) == 0, strcmp(id_one, id_other) == 0);
        return strcmp(key_one, key_other) == 0;
}
#define SAME(a, b) same_app((struct lent)a, (struct lent)b)
#define L(...) { __VA_ARGS__ }

static void unit_user_framework_and_application_make_an_app(void **state)
{
        (void)state;
        assert_true(SAME(L("flask", "shop"), L("flask", "shop")));
        assert_false(SAME(L("flask", "shop"), L("gunicorn", "shop")));
        assert_false(SAME(L("flask", "shop"), L(NULL, "shop")));
        assert_false(SAME(L("flask", "shop"), L("flask", "shop2")));
        assert_false(SAME(L("flask", "shop", .uid = 1), L("flask", "shop", .uid = 2)));
        assert_false(SAME(L("flask", "shop", .unit = "a.service"), L("flask", "shop", .unit = "b.service")));
}

static void what_changes_at_a_restart_makes_no_difference(void **state)
{
        (void)state;
        assert_true(SAME(L("flask", "shop", .unit = "session-3.scope"), L("flask", "shop", .unit = "session-4.scope")));
        assert_true(
                SAME(L("flask", "shop", .unit = "run-u12.service"), L("flask", "shop", .unit = "run-rab12.service")));
        assert_true(
                SAME(L("flask", "shop", .container = "0123456789ab"), L("flask", "shop", .container = "ba9876543210")));
        assert_false(SAME(L("flask", "shop", .container = "web-1"), L("flask", "shop", .container = "web-2")));
}

static void a_folder_counts_for_what_is_relative(void **state)
{
        (void)state;
        assert_false(SAME(L(NULL, "run.py", "/srv/a"), L(NULL, "run.py", "/srv/b")));
        assert_true(SAME(L(NULL, "/srv/run.py", "/srv/a"), L(NULL, "/srv/run.py", "/srv/b")));
}

static void no_part_passes_for_two(void **state)
{
        (void)state;
        assert_false(SAME(L("flask", "a;1:b"), L("flask", "a", "b")));
        assert_false(SAME(L("flask", "-;"), L("flask;-", "")));
        assert_false(SAME(L(NULL, "x"), L("", "x")));
}

static void an_id_is_12_hex_digits_and_always_the_same(void **state)
{
        char id[APP_ID_SIZE], next[APP_ID_SIZE];

        (void)state;
        /* FNV-1a of "foobar" in 64 bits is 85944171f73967e8: an id must not change with a later version. */
        app_id("foobar", 0, id);
        assert_string_equal(id, "4171f739e27c");
        app_id("foobar", 1, next);
        assert_string_not_equal(id, next);
        assert_int_equal(strspn(next, "0123456789abcdef"), 12);
        app_id("foobar", 2, id);
        assert_string_not_equal(id, next);
}

static void assert_name(struct lent from, unsigned attempt, const char *expected)
{
        struct identity who = identity(from);
        _cleanup_(freep) char *name = app_name(&who, attempt);

        assert_string_equal(name, expected);
}
#define NAME(attempt, expected, ...) assert_name((struct lent){ __VA_ARGS__ }, attempt, expected)

static void a_name_says_what_runs(void **state)
{
        (void)state;
        NAME(0, "flask: shop", "flask", "shop", .unit = "shop.service");
        NAME(0, "report.py", NULL, "/srv/report.py");
        NAME(0, "http.server", NULL, "http.server");
        NAME(0, "django: manage.py", "django", "/srv/site/manage.py");
        NAME(0, "python3", NULL, "");
}

static void a_later_attempt_tells_it_apart(void **state)
{
        (void)state;
        NAME(1, "flask: shop (shop.service)", "flask", "shop", .unit = "shop.service");
        NAME(2, "flask: shop (shop.service) #2", "flask", "shop", .unit = "shop.service");
        NAME(1, "run.py (/srv/a)", NULL, "run.py", "/srv/a", .unit = "session-1.scope");
        NAME(1, "report.py (/srv)", NULL, "/srv/report.py");
        NAME(1, "shop (web-1)", NULL, "shop", .container = "web-1", .user = "www-data");
        NAME(1, "shop (www-data)", NULL, "shop", .container = "0123456789ab", .user = "www-data");
        NAME(1, "shop #2", NULL, "shop");
        NAME(2, "shop #3", NULL, "shop");
}

static void a_long_name_is_cut_between_characters(void **state)
{
        char application[4001], folder[4001];

        (void)state;
        for (size_t i = 0; i < 4000; i += 4) {
                memcpy(application + i, "\xf0\x9f\x90\x8d", 4);
                memcpy(folder + i, "/a\xc3\xa4", 4);
        }
        application[4000] = folder[4000] = '\0';
        for (unsigned attempt = 0; attempt < 3; attempt++) {
                struct identity who = identity((struct lent){ NULL, application, folder });
                _cleanup_(freep) char *name = NULL, *clean = NULL;

                name = app_name(&who, attempt);
                clean = text_to_utf8(name, strlen(name), NULL);
                assert_true(strlen(name) < 300);
                assert_string_equal(name, clean);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unit_user_framework_and_application_make_an_app),
                cmocka_unit_test(what_changes_at_a_restart_makes_no_difference),
                cmocka_unit_test(a_folder_counts_for_what_is_relative),
                cmocka_unit_test(no_part_passes_for_two),
                cmocka_unit_test(an_id_is_12_hex_digits_and_always_the_same),
                cmocka_unit_test(a_name_says_what_runs),
                cmocka_unit_test(a_later_attempt_tells_it_apart),
                cmocka_unit_test(a_long_name_is_cut_between_characters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
