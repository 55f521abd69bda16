/* What to listen on, taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/config.h"

static void assert_tcp(const char *value, const char *host, int port, bool loopback)
{
        struct listen_address a;

        assert_int_equal(listen_address_parse(value, &a, NULL), 0);
        assert_int_equal(a.kind, LISTEN_TCP);
        assert_string_equal(a.host, host);
        assert_int_equal(a.port, port);
        assert_int_equal(a.loopback, loopback);
}

static void hosts_and_ports(void **state)
{
        (void)state;
        assert_tcp("127.0.0.1:9733", "127.0.0.1", 9733, true);
        assert_tcp("127.200.0.1:0", "127.200.0.1", 0, true);
        assert_tcp("localhost:65535", "localhost", 65535, true);
        assert_tcp("LocalHost:1", "LocalHost", 1, true);
        assert_tcp("0.0.0.0:9733", "0.0.0.0", 9733, false);
        assert_tcp("128.0.0.1:9733", "128.0.0.1", 9733, false);
        assert_tcp("db1.example.org:80", "db1.example.org", 80, false);
        assert_tcp("localhost.example.org:80", "localhost.example.org", 80, false);
        assert_tcp("my_host-2:80", "my_host-2", 80, false);
}

static void version_6_stands_in_brackets(void **state)
{
        (void)state;
        assert_tcp("[::1]:9733", "::1", 9733, true);
        assert_tcp("[0:0:0:0:0:0:0:1]:9733", "0:0:0:0:0:0:0:1", 9733, true);
        assert_tcp("[::]:9733", "::", 9733, false);
        assert_tcp("[fe80::1]:9733", "fe80::1", 9733, false);
        assert_tcp("[::ffff:127.0.0.1]:9733", "::ffff:127.0.0.1", 9733, false);
}

static void unix_paths_fit_into_an_address(void **state)
{
        struct listen_address a;
        char value[128];

        (void)state;
        assert_int_equal(listen_address_parse("unix:/run/memtide/api.sock", &a, NULL), 0);
        assert_int_equal(a.kind, LISTEN_UNIX);
        assert_string_equal(a.path, "/run/memtide/api.sock");
        assert_false(a.loopback);
        snprintf(value, sizeof value, "unix:/%0106d", 0);
        assert_int_equal(listen_address_parse(value, &a, NULL), 0);
        assert_int_equal(strlen(a.path), 107);
        snprintf(value, sizeof value, "unix:/%0107d", 0);
        assert_true(listen_address_parse(value, &a, NULL) < 0);
}

static void anything_else_is_refused_and_told_what_is_allowed(void **state)
{
        static const char *const wrong[] = {
                "", ":", "9733", ":9733", "localhost", "localhost:", "localhost:65536", "localhost:-1", "localhost:+1",
                "localhost: 1", "localhost:1 ", "localhost:01", "localhost:http", "::1:9733", "[::1]", "[::1]9733",
                "[::1:9733", "[]:9733", "[127.0.0.1]:9733", "[::1%lo]:9733", "256.0.0.1:1", "127.1:1", "1.2.3:1",
                "1.2.3.4.5:1", "-a:1", "a-:1", "a..b:1", ".a:1", "a.:1", "a b:1", "*:9733", "unix:", "unix:run/x",
                "unix:/", "unix:/run/", "http://localhost:9733", "localhost:99999999999999999999", "[[::1]]:1", "]:1",
        };

        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct error err = {};
                struct listen_address a;

                if (listen_address_parse(wrong[i], &a, &err) >= 0)
                        fail_msg("\"%s\" was taken for an address", wrong[i]);
                assert_true(strstr(err.text, "HOST:PORT") || strstr(err.text, "[::1]:9733") ||
                            strstr(err.text, "unix:/path"));
        }
}

static void long_hosts_are_refused(void **state)
{
        struct listen_address a;
        char value[600];

        (void)state;
        for (int size = 60; size < 500; size++) {
                snprintf(value, sizeof value, "a%0*d.org:1", size - 1, 0);
                assert_int_equal(listen_address_parse(value, &a, NULL) == 0, size <= 63);
                snprintf(value, sizeof value, "[%0*d]:1", size, 0);
                assert_true(listen_address_parse(value, &a, NULL) < 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hosts_and_ports),
                cmocka_unit_test(version_6_stands_in_brackets),
                cmocka_unit_test(unix_paths_fit_into_an_address),
                cmocka_unit_test(anything_else_is_refused_and_told_what_is_allowed),
                cmocka_unit_test(long_hosts_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
