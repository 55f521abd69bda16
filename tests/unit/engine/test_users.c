/* Users' names are looked up once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/users.h"

static void root_has_a_name_and_it_is_kept(void **state)
{
        struct users *u = users_new();
        const char *name = users_name(u, 0, 1000);

        (void)state;
        assert_string_equal(name, "root");
        assert_ptr_equal(users_name(u, 0, 2000), name);
        users_free(u);
}

static void an_unknown_user_has_none(void **state)
{
        struct users *u = users_new();

        (void)state;
        assert_null(users_name(u, -1, 1000));
        assert_null(users_name(u, 3999999999, 1000));
        assert_null(users_name(u, 3999999999, 100000));
        users_free(u);
}

static void more_users_than_are_remembered_are_fine(void **state)
{
        struct users *u = users_new();

        (void)state;
        for (int64_t uid = 3000000000; uid < 3000000600; uid++)
                assert_null(users_name(u, uid, 1000));
        assert_string_equal(users_name(u, 0, 1000), "root");
        users_free(u);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(root_has_a_name_and_it_is_kept),
                cmocka_unit_test(an_unknown_user_has_none),
                cmocka_unit_test(more_users_than_are_remembered_are_fine),
        };

        return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
