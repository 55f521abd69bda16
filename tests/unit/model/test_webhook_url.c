/* Where alerts are posted to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/webhook_url.h"

static void urls_of_http_are_allowed_and_shown_without_secrets(void **state)
{
        static const char *const cases[][2] = {
                { "http://a", "http://a" },
                { "https://hooks.example.org/services/T0/B0/secret?key=secret#x", "https://hooks.example.org" },
                { "HTTPS://user:p%40ss@example.org:8443/x", "HTTPS://example.org:8443" },
                { "http://:pw@[::1]:9/", "http://[::1]:9" },
                { "http://127.0.0.1:1?x@y", "http://127.0.0.1:1" },
                { "http://u@h", "http://h" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct error err = {};
                char shown[300];

                if (webhook_url_check(cases[i][0], &err) < 0)
                        fail_msg("%s: %s", cases[i][0], err.text);
                webhook_url_show(cases[i][0], shown, sizeof shown);
                assert_string_equal(shown, cases[i][1]);
        }
}

static void what_is_no_url_of_http_is_refused(void **state)
{
        static const char *const cases[] = {
                "", "example.org", "ftp://a", "file:///etc/passwd", "http:/a", "http://", "https:///x", "http://u@", "http://u@/x",
                "http://a b", "http://a/\xc3\xa4", "http://a:0", "http://a:65536", "http://a:", "http://a:8x", "http://[::1",
                "http://[::1]x", "http://[nonsense]", "http://a@b@c", "http://a\\@b", "http://a/\n", "http://-a", "http://a:1:2",
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct error err = {};

                if (webhook_url_check(cases[i], &err) == 0)
                        fail_msg("%s is taken", cases[i]);
                assert_non_null(strstr(err.text, "http://HOST"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(urls_of_http_are_allowed_and_shown_without_secrets),
                cmocka_unit_test(what_is_no_url_of_http_is_refused),
        };

        return cmocka_run_group_tests_name("webhook_url", tests, NULL, NULL);
}
