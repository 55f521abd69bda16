/* Secrets in command lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proc/mask.h"

enum { ARGS_MAX = 8 };

static void assert_masked(const char *const *given, const char *const *expected)
{
        char *args[ARGS_MAX] = {};
        size_t n = 0;

        for (; given[n]; n++)
                args[n] = strdup(given[n]);
        assert_int_equal(mask_args(args, n), 0);
        for (size_t i = 0; i < n; i++) {
                assert_string_equal(args[i], expected[i]);
                free(args[i]);
        }
}
#define A(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void assert_one(const char *given, const char *expected)
{
        assert_masked(A(given), A(expected));
}

static void options_with_values_are_masked(void **state)
{
        (void)state;
        assert_masked(A("x", "--password", "hunter2", "run"), A("x", "--password", "***", "run"));
        assert_masked(A("x", "--db-password", "hunter2"), A("x", "--db-password", "***"));
        assert_masked(A("x", "--DbPassword", "hunter2"), A("x", "--DbPassword", "***"));
        assert_masked(A("x", "-token", "-abc"), A("x", "-token", "***"));
        assert_masked(A("x", "--api-key", "k", "--user", "u"), A("x", "--api-key", "***", "--user", "u"));
        assert_masked(A("x", "--token", "--secret", "v"), A("x", "--token", "--secret", "***"));
        assert_one("--password=hunter2", "--password=***");
        assert_one("--aws_secret_access_key=a=b c", "--aws_secret_access_key=***");
        assert_one("--passwd=x", "--passwd=***");
        assert_one("-Dpassword=x", "-Dpassword=***");
        assert_one("--apikey=x", "--apikey=***");
        assert_one("--api_key=x", "--api_key=***");
}

static void variables_and_headers_are_masked(void **state)
{
        (void)state;
        assert_one("DB_PASSWORD=my own word", "DB_PASSWORD=***");
        assert_one("PGPASSWORD=x", "PGPASSWORD=***");
        assert_one("password=", "password=");
        assert_one("X-Api-Key: abc def", "X-Api-Key: ***");
        assert_one("Authorization: Basic dXNlcjpwdw==", "Authorization: ***");
        assert_one("Bearer eyJhbGciOi", "Bearer ***");
}

static void code_is_masked_within(void **state)
{
        (void)state;
        assert_masked(A("python3", "-c", "password='hunter2'; run()"), A("python3", "-c", "password='***'; run()"));
        assert_masked(A("python3", "-c", "import x\ntoken = \"a b\"\nx.go()"),
                      A("python3", "-c", "import x\ntoken = \"***\"\nx.go()"));
        assert_masked(A("python3", "-c", "connect(host='h', passwd=\"x\", port=1)"),
                      A("python3", "-c", "connect(host='h', passwd=\"***\", port=1)"));
        assert_masked(A("python3", "-c", "c['secret'] = 'a' + 'b'; d"), A("python3", "-c", "c['secret'] = ***; d"));
        assert_masked(A("python3", "-c", "password = f('x', 'y')\nz"), A("python3", "-c", "password = ***\nz"));
        assert_masked(A("python3", "-c", "set_password('x')"), A("python3", "-c", "set_password('***')"));
        assert_masked(A("python3", "-c", "if token == 'abc': pass"), A("python3", "-c", "if token == '***': pass"));
        assert_masked(A("python3", "-c", "def f(password: str = 'x'): pass"),
                      A("python3", "-c", "def f(password: ***): pass"));
        assert_one("{\"user\": \"u\", \"password\": \"p\\\"w\", \"x\": 1}",
                   "{\"user\": \"u\", \"password\": \"***\", \"x\": 1}");
        assert_one("{\"token\":\"t\"}", "{\"token\":\"***\"}");
}

static void urls_are_masked(void **state)
{
        (void)state;
        assert_one("https://user:pw@host/path", "https://***@host/path");
        assert_one("https://tok@host", "https://***@host");
        assert_one("redis://:pa@ss@host:6379/0", "redis://***@host:6379/0");
        assert_one("redis://:pa/ss@host:6379/0", "redis://***@host:6379/0");
        assert_one("--db=postgresql+psycopg://u:p@h/db?x=1", "--db=postgresql+psycopg://***@h/db?x=1");
        assert_one("http://host:8080/a@2x.png", "http://host:8080/a@2x.png");
        assert_one("http://host/?token=abc&x=1", "http://host/?token=***&x=1");
        assert_one("http://host/me@home", "http://host/me@home");
        assert_one("amqp://a:b@h1;amqp://c:d@h2", "amqp://***@h1;amqp://***@h2");
}

static void what_is_no_secret_stays(void **state)
{
        (void)state;
        assert_masked(A("x", "--token-file", "/etc/token"), A("x", "--token-file", "/etc/token"));
        assert_one("--token-file=/etc/token", "--token-file=/etc/token");
        assert_one("PASSWORD_FILE=/run/secrets/pw", "PASSWORD_FILE=/run/secrets/pw");
        assert_masked(A("x", "--max-tokens", "512"), A("x", "--max-tokens", "512"));
        assert_masked(A("x", "--tokenizer", "gpt2"), A("x", "--tokenizer", "gpt2"));
        assert_masked(A("x", "--no-password", "db"), A("x", "--no-password", "db"));
        assert_masked(A("python3", "-m", "secrets"), A("python3", "-m", "secrets"));
        assert_one("import secrets; secrets.token_hex(8)", "import secrets; secrets.token_hex(8)");
        assert_one("/srv/password/app.py", "/srv/password/app.py");
        assert_one("", "");
        assert_one("user@host", "user@host");
        assert_one("a \"b\" c: d", "a \"b\" c: d");
}

static void hostile_text_takes_linear_time(void **state)
{
        const size_t size = 32 * 1024;
        const char *const pieces[] = { "://", "password", "password ", "token=(", "://a:b", "\"'", "a@://:",
                                       "secret: ", "passwor" };

        (void)state;
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
                char *arg = calloc(1, size + 16);

                for (size_t at = 0; at < size; at += strlen(pieces[i]))
                        strcpy(arg + at, pieces[i]);
                assert_int_equal(mask_args(&arg, 1), 0);
                free(arg);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_with_values_are_masked),
                cmocka_unit_test(variables_and_headers_are_masked),
                cmocka_unit_test(code_is_masked_within),
                cmocka_unit_test(urls_are_masked),
                cmocka_unit_test(what_is_no_secret_stays),
                cmocka_unit_test(hostile_text_takes_linear_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
