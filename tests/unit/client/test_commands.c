/* The command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/cleanup.h"
#include "client/commands.h"

enum { WORDS_MOST = 16 };

/* Parses words parted by |. */
static int parse(const char *line, struct invocation *ret, struct error *err, char room[static 1024])
{
        char *argv[WORDS_MOST] = { (char *)"memtide" };
        int argc = 1;

        strcpy(room, line);
        for (char *p = room, *word; *line && (word = strsep(&p, "|"));)
                argv[argc++] = word;
        *err = (struct error){};
        return invocation_parse(argc, argv, ret, err);
}

static void global_options_stand_before_and_after_the_command(void **state)
{
        static const char *const lines[] = {
                "--url|unix:/run/x|--json|ps|--sort|-rss|--limit|7",
                "ps|--sort|-rss|--limit|7|--url|unix:/run/x|--json",
                "--json|ps|--sort=-rss|--url=unix:/run/x|--limit=7",
                "--sort|-rss|--limit|3|--limit|7|--json|--url|http://elsewhere|--url|unix:/run/x|ps",
        };
        char room[1024];

        (void)state;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                _cleanup_(invocation_done) struct invocation got = {};
                struct error err;

                assert_int_equal(parse(lines[i], &got, &err, room), 0);
                assert_string_equal(got.command->name, "ps");
                assert_string_equal(got.settings.url, "unix:/run/x");
                assert_string_equal(got.settings.sort, "-rss");
                assert_string_equal(got.settings.limit, "7");
                assert_true(got.settings.json);
                assert_null(got.settings.q);
        }
}

static void an_id_is_a_pid_or_a_prefix_of_whole_parts(void **state)
{
        static const char *const ids[] = { "1", "4242", "4242-1833921", "4242-1833921-b3f2c1d0" };
        static const char *const wrong[] = { "0", "x", "42x", "-1", "4242-", "4242-1-zz", "../etc", "99999999999",
                                             " 1", "1?a" };
        char room[1024], line[64];

        (void)state;
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
                _cleanup_(invocation_done) struct invocation got = {};
                struct error err;

                snprintf(line, sizeof line, "show|--json|%s", ids[i]);
                assert_int_equal(parse(line, &got, &err, room), 0);
                assert_string_equal(got.id, ids[i]);
        }
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                _cleanup_(invocation_done) struct invocation got = {};
                struct error err;

                snprintf(line, sizeof line, "export|--|%s", wrong[i]);
                assert_int_equal(parse(line, &got, &err, room), -EINVAL);
                assert_non_null(strstr(err.text, wrong[i]));
        }
}

static void a_finding_may_be_named_by_its_number(void **state)
{
        static const char *const lines[] = { "findings|--json", "findings|12|--json", "--json|findings|--|12" };
        char room[1024];

        (void)state;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                _cleanup_(invocation_done) struct invocation got = {};
                struct error err;

                assert_int_equal(parse(lines[i], &got, &err, room), 0);
                assert_string_equal(got.command->name, "findings");
                assert_true(i ? strcmp(got.id, "12") == 0 : !got.id);
        }
}

static void every_option_of_every_command_is_given_back(void **state)
{
        static const char *const lines[] = {
                "findings|--state|all|--kind|leak|--process|7|--app|x|--limit|9",
                "ps|--state|all|--sort|rss|--q|x|--app|x|--limit|9",
        };
        char room[1024];

        (void)state;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                struct invocation got = {};
                struct error err;

                assert_int_equal(parse(lines[i], &got, &err, room), 0);
                assert_string_equal(got.settings.app, "x");
                invocation_done(&got);
                assert_null(got.settings.app);
                assert_null(got.settings.kind);
                assert_null(got.settings.process);
        }
}

static void wrong_usage_names_option_value_and_what_is_allowed(void **state)
{
        static const struct {
                const char *line, *error;
        } rows[] = {
                { "", "it needs a command: ps, apps, show or findings (see memtide --help)" },
                { "frob", "unknown command \"frob\": allowed are ps, apps, show, findings, heap, export" },
                { "top", "unknown command \"top\": allowed are ps, apps, show, findings, heap, export" },
                { "ps|1", "\"1\" is not allowed: ps takes options alone" },
                { "show", "show needs an ID: a PID or an id, as in \"memtide show 4242\"" },
                { "show|1|2", "\"2\" is not allowed: show takes one ID" },
                { "findings|12|13", "\"13\" is not allowed: findings takes one number" },
                { "findings|0", "N \"0\" is not allowed: the number of a finding, as \"memtide findings\" shows it, "
                                "is allowed" },
                { "findings|../x", "N \"../x\" is not allowed: the number of a finding, as \"memtide findings\" shows "
                                   "it, is allowed" },
                { "findings|--state|running", "--state \"running\" is not allowed: open, closed or all is allowed" },
                { "findings|--kind|lake", "--kind \"lake\" is not allowed: leak, step, limit, gc or fragmentation is "
                                          "allowed" },
                { "findings|--process|x", "--process \"x\" is not allowed: a PID or an id as \"memtide ps --json\" "
                                          "shows it is allowed" },
                { "ps|--limit|0", "--limit \"0\" is not allowed: a whole number from 1 to 1000 is allowed" },
                { "ps|--limit|1001", "--limit \"1001\" is not allowed: a whole number from 1 to 1000 is allowed" },
                { "ps|--limit|7x", "--limit \"7x\" is not allowed: a whole number from 1 to 1000 is allowed" },
                { "ps|--limit|99999999999999999999",
                  "--limit \"99999999999999999999\" is not allowed: a whole number from 1 to 1000 is allowed" },
                { "ps|--limit", "--limit needs a value: --limit N" },
                { "ps|--state|dead", "--state \"dead\" is not allowed: running, exited or all is allowed" },
                { "ps|--sort|name", "--sort \"name\" is not allowed: with or without - for descending, rss, growth, "
                                    "pid or started is allowed" },
                { "apps|--sort|--rss", "--sort \"--rss\" is not allowed: with or without - for descending, rss, growth "
                                       "or name is allowed" },
                { "ps|--color|blue", "--color \"blue\" is not allowed: auto, always or never is allowed" },
                { "--url|localhost:9733|ps", "--url \"localhost:9733\" is not allowed: http://HOST:PORT, "
                                             "https://HOST:PORT or unix:/PATH is allowed" },
                { "show|1|--sort|rss",
                  "unknown option \"--sort\": allowed are --url, --token-file, --json, --color, --version, --help" },
                { "-x|ps", "unknown option \"-x\": allowed are those of memtide --help" },
                { "--json=maybe|ps", "--json \"maybe\" is not allowed: yes or no is allowed" },
        };
        char room[1024];

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                _cleanup_(invocation_done) struct invocation got = {};
                struct error err;

                assert_int_equal(parse(rows[i].line, &got, &err, room), -EINVAL);
                /* Of what is allowed, further commands may follow. */
                assert_memory_equal(err.text, rows[i].error, strlen(rows[i].error));
                assert_true(!err.text[strlen(rows[i].error)] || strstr(err.text, "unknown command"));
        }
}

static void a_url_is_http_or_a_socket(void **state)
{
        static const char *const good[] = { "http://127.0.0.1:9733", "https://example.org/memtide/",
                                            "http://[::1]:9733", "unix:/run/memtide.sock" };
        static const char *const bad[] = { "", "unix:", "unix:relative", "http://", "http:///x", "http://h:99999",
                                           "file:///etc/passwd", "http://h/?a=1", "http://h/#x", "HTTP",
                                           "http://a b/" };
        char long_path[200] = "unix:/";
        struct error err = {};

        (void)state;
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
                assert_int_equal(url_check(good[i], &err), 0);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(url_check(bad[i], &err), -EINVAL);
        memset(long_path + 6, 'x', 120);
        assert_int_equal(url_check(long_path, &err), -EINVAL);
        assert_string_equal(err.text, "a socket's path of at most 107 bytes is allowed");
}

static void help_needs_nothing_else(void **state)
{
        char room[1024];
        struct invocation got = {};
        struct error err;

        (void)state;
        assert_int_equal(parse("--help", &got, &err, room), 0);
        assert_true(got.settings.help);
        assert_null(got.command);
        invocation_done(&got);
        assert_int_equal(parse("show|--help", &got, &err, room), 0);
        assert_string_equal(got.command->name, "show");
        invocation_done(&got);
}

static void help_and_man_page_name_every_command_and_option(void **state)
{
        static const char *const names[] = { "ps", "apps", "show", "findings", "heap", "export", "url", "token-file",
                                             "json", "color" };

        (void)state;
        for (int man = 0; man < 2; man++) {
                _cleanup_(freep) char *text = NULL;
                size_t size;
                FILE *to = open_memstream(&text, &size);

                if (man)
                        commands_print_man(to);
                else
                        commands_print_help(NULL, to);
                fclose(to);
                for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                        assert_non_null(strstr(text, names[i]));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(global_options_stand_before_and_after_the_command),
                cmocka_unit_test(an_id_is_a_pid_or_a_prefix_of_whole_parts),
                cmocka_unit_test(a_finding_may_be_named_by_its_number),
                cmocka_unit_test(every_option_of_every_command_is_given_back),
                cmocka_unit_test(wrong_usage_names_option_value_and_what_is_allowed),
                cmocka_unit_test(a_url_is_http_or_a_socket),
                cmocka_unit_test(help_needs_nothing_else),
                cmocka_unit_test(help_and_man_page_name_every_command_and_option),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
