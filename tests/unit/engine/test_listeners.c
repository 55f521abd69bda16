/* The addresses that are asked for are listened on, and a reload changes just what differs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "engine/listeners.h"

static struct config asking(char **addresses, size_t n)
{
        return (struct config){ .listen = { .items = addresses, .n_items = n }, .listen_given = true };
}

static void port_zero_takes_a_free_one_and_shows_it(void **state)
{
        char *want[] = { (char *)"127.0.0.1:0" };
        const struct config c = asking(want, 1);
        struct listeners l = {};
        struct error err = {};

        (void)state;
        assert_int_equal(listeners_open(&l, &c, &err), 0);
        assert_int_equal(l.n, 1);
        assert_true(strncmp(l.open[0].shown, "http://127.0.0.1:", 17) == 0);
        assert_true(atoi(l.open[0].shown + 17) > 0);
        listeners_close(&l);
}

static void a_unix_socket_is_0660_replaces_a_stale_one_and_goes_at_the_end(void **state)
{
        char folder[] = "/tmp/memtide-test-XXXXXX", path[64], address[80];
        char *want[] = { address };
        const struct config c = asking(want, 1);
        struct listeners l = {}, killed = {};
        struct error err = {};
        struct stat st;

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/s", folder);
        snprintf(address, sizeof address, "unix:%s", path);
        assert_int_equal(listeners_open(&killed, &c, &err), 0);
        assert_int_not_equal(listeners_open(&l, &c, &err), 0); /* somebody answers there */
        assert_non_null(strstr(err.text, path));
        close(killed.open[0].fd);                              /* as a kill -9 leaves it */
        assert_int_equal(listeners_open(&l, &c, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        listeners_close(&l);
        assert_int_not_equal(stat(path, &st), 0);
        rmdir(folder);
}

static void a_reload_keeps_what_stays(void **state)
{
        char *before[] = { (char *)"127.0.0.1:0" };
        char *after[] = { (char *)"127.0.0.1:0", (char *)"[::1]:0" };
        char *impossible[] = { (char *)"127.0.0.1:0", (char *)"192.0.2.1:0" };
        struct config c = asking(before, 1);
        struct listeners l = {};
        struct error err = {};
        int fd;

        (void)state;
        assert_int_equal(listeners_open(&l, &c, &err), 0);
        fd = l.open[0].fd;
        c = asking(impossible, 2);
        assert_true(listeners_open(&l, &c, &err) < 0);
        assert_int_equal(l.n, 1);
        c = asking(after, 2);
        if (listeners_open(&l, &c, &err) < 0) { /* a machine without IPv6 */
                listeners_close(&l);
                skip();
        }
        assert_int_equal(l.open[0].fd, fd);
        assert_int_equal(l.n, 2);
        listeners_close(&l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(port_zero_takes_a_free_one_and_shows_it),
                cmocka_unit_test(a_unix_socket_is_0660_replaces_a_stale_one_and_goes_at_the_end),
                cmocka_unit_test(a_reload_keeps_what_stays),
        };

        return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
