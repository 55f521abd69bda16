/* A bearer token kept in a file. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/secret.h"

#define TOKEN "abcDEF0123456789-._~+/=="

static char folder[] = "/tmp/test-secret-XXXXXX";
static char path[sizeof folder + 8];

static int make_folder(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof path, "%s/token", folder);
        return 0;
}

static int remove_folder(void **state)
{
        (void)state;
        unlink(path);
        return rmdir(folder);
}

static void write_token(const void *bytes, size_t size, mode_t mode)
{
        int fd;

        unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, size), size);
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static void assert_refused(const char *why)
{
        struct error err = {};
        char *token = NULL;

        assert_true(secret_load(path, &token, &err) < 0);
        assert_null(token);
        assert_non_null(strstr(err.text, path));
        if (!strstr(err.text, why))
                fail_msg("\"%s\" does not say \"%s\"", err.text, why);
        assert_null(strstr(err.text, "abc"));
}

static void a_token_is_read_without_its_line_end(void **state)
{
        static const char *const ends[] = { "", "\n", "\r\n" };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                char text[64], *token;
                int size = snprintf(text, sizeof text, TOKEN "%s", ends[i]);

                write_token(text, (size_t)size, 0640);
                assert_int_equal(secret_load(path, &token, NULL), 0);
                assert_string_equal(token, TOKEN);
                secret_free(token);
        }
}

static void bad_tokens_are_refused(void **state)
{
        char large[5000];

        (void)state;
        write_token("", 0, 0600);
        assert_refused("empty");
        write_token("abc456789012345\n", 16, 0600);
        assert_refused("15 characters");
        write_token("abc 56789012345678", 18, 0600);
        assert_refused("letters, digits");
        write_token("abc=56789012345678", 18, 0600);
        assert_refused("letters, digits");
        write_token("abc\0" "56789012345678", 18, 0600);
        assert_refused("letters, digits");
        write_token("abc4567890123456\n\n", 18, 0600);
        assert_refused("letters, digits");
        write_token("abc4567890123456\xc3\xa4", 18, 0600);
        assert_refused("letters, digits");
        memset(large, 'x', sizeof large);
        write_token(large, sizeof large, 0600);
        assert_refused("more than 4096");
}

static void a_file_that_others_reach_is_refused(void **state)
{
        (void)state;
        write_token(TOKEN, strlen(TOKEN), 0644);
        assert_refused("chmod o=");
        write_token(TOKEN, strlen(TOKEN), 0602);
        assert_refused("602");
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
        (void)state;
        unlink(path);
        assert_refused("No such file");
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_refused("not a regular file");
        unlink(path);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_refused("not a regular file");
        rmdir(path);
}

static void only_the_whole_secret_is_equal(void **state)
{
        (void)state;
        assert_true(secret_equal("0123456789abcdef", "0123456789abcdef", 16));
        assert_false(secret_equal("0123456789abcdef", "0123456789abcdeg", 16));
        assert_false(secret_equal("0123456789abcdef", "1123456789abcdef", 16));
        assert_false(secret_equal("0123456789abcdef", "0123456789abcde", 15));
        assert_false(secret_equal("0123456789abcdef", "0123456789abcdef0", 17));
        assert_false(secret_equal("0123456789abcdef", "0123456789abcdef0123456789abcdef", 32));
        assert_false(secret_equal("0123456789abcdef", "", 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_token_is_read_without_its_line_end),
                cmocka_unit_test(bad_tokens_are_refused),
                cmocka_unit_test(a_file_that_others_reach_is_refused),
                cmocka_unit_test(what_is_no_file_is_refused_without_waiting),
                cmocka_unit_test(only_the_whole_secret_is_equal),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
