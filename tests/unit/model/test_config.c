/* The daemon's settings. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/config.h"

static char folder[] = "/tmp/test-config-XXXXXX";
static char file[sizeof folder + 16], token[sizeof folder + 16];

static void write_file(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static int set_up(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        snprintf(file, sizeof file, "%s/x.conf", folder);
        snprintf(token, sizeof token, "%s/token", folder);
        write_file(token, "0123456789abcdef\n");
        setenv("STATE_DIRECTORY", "/state/one:/state/two", 1);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        unlink(file);
        unlink(token);
        return rmdir(folder);
}

/* Every load of these tests names a file: the machine's own must not matter. */
static int load(const char *text, struct config *ret, enum config_action *action, struct error *err, char **more)
{
        char *argv[16] = { (char *)"memtided", (char *)"--config", file };
        int n = 3;

        write_file(file, text);
        while (*more)
                argv[n++] = *more++;
        return config_load(n, argv, ret, action, err);
}
#define MORE(...) ((char *[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void assert_refused(const char *text, char **more, const char *const *says)
{
        enum config_action action;
        struct error err = {};
        struct config c;

        assert_int_equal(load(text, &c, &action, &err, more), -22);
        for (; *says; says++)
                if (!strstr(err.text, *says))
                        fail_msg("\"%s\" does not say \"%s\"", err.text, *says);
}
#define SAYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char *print(const struct config *c)
{
        char *text = NULL;
        size_t size;
        FILE *to = open_memstream(&text, &size);

        assert_non_null(to);
        config_print(c, to);
        fclose(to);
        return text;
}

static void the_defaults_are_those_of_the_interface(void **state)
{
        _cleanup_(config_done) struct config c;
        _cleanup_(freep) char *text = NULL;
        enum config_action action;

        (void)state;
        assert_int_equal(load("", &c, &action, NULL, MORE()), 0);
        assert_int_equal(action, CONFIG_RUN);
        assert_false(c.listen_given);
        text = print(&c);
        assert_string_equal(text, "db = /state/one/memtide.db\n"
                                  "interval = 5s\n"
                                  "detail-interval = 1m\n"
                                  "listen = 127.0.0.1:9733\n"
                                  "retention = 30d\n"
                                  "max-db-size = 2GiB\n"
                                  "show-secrets = no\n"
                                  "min-growth = 8MiB\n"
                                  "inspect = on-finding\n"
                                  "inspect-interval = 10m\n");
}

static void the_database_has_its_place(void **state)
{
        static const struct {
                const char *state_directory, *xdg, *home, *user_s;
        } cases[] = {
                { "/s", "/x", "/h", "/s/memtide.db" },
                { "", "/x", "/h", "/x/memtide/memtide.db" },
                { ":/s", "relative", "/h", "/h/.local/state/memtide/memtide.db" },
                { "", "", "/h", "/h/.local/state/memtide/memtide.db" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                _cleanup_(config_done) struct config c;
                enum config_action action;

                setenv("STATE_DIRECTORY", cases[i].state_directory, 1);
                setenv("XDG_STATE_HOME", cases[i].xdg, 1);
                setenv("HOME", cases[i].home, 1);
                assert_int_equal(load("", &c, &action, NULL, MORE()), 0);
                if (geteuid() == 0 && i > 0)
                        assert_string_equal(c.db, "/var/lib/memtide/memtide.db");
                else
                        assert_string_equal(c.db, cases[i].user_s);
        }
        setenv("STATE_DIRECTORY", "/state/one:/state/two", 1);
}

static void the_command_line_wins_and_replaces_lists(void **state)
{
        _cleanup_(config_done) struct config c;
        enum config_action action;

        (void)state;
        assert_int_equal(
                load("interval = 10s\nlisten = unix:/a\nlisten = unix:/b\ninclude = ^a\nshow-secrets = yes\n", &c,
                     &action, NULL,
                     MORE((char *)"--interval=2s", (char *)"--listen", (char *)"[::1]:0", (char *)"--check-config")),
                0);
        assert_int_equal(action, CONFIG_CHECK);
        assert_int_equal(c.interval_ms, 2000);
        assert_int_equal(c.listen.n_items, 1);
        assert_string_equal(c.listen.items[0], "[::1]:0");
        assert_true(c.listen_given);
        assert_int_equal(c.include.n_items, 1);
        assert_true(c.show_secrets);
}

static void details_are_never_taken_more_often_than_a_tick(void **state)
{
        _cleanup_(config_done) struct config c;
        enum config_action action;

        (void)state;
        assert_int_equal(load("interval = 2m\ndetail-interval = 1s\n", &c, &action, NULL, MORE()), 0);
        assert_int_equal(c.detail_interval_ms, 120000);
}

static void what_is_printed_parses_to_the_same(void **state)
{
        _cleanup_(config_done) struct config c, again, third;
        _cleanup_(freep) char *text = NULL, *text_again = NULL;
        enum config_action action;

        (void)state;
        assert_int_equal(
                load("[memtided]\ninterval = 1500ms\nretention = 36h\nmax-db-size = 4194305B\n", &c, &action, NULL,
                     MORE((char *)"--db=/a b/#x;y = z", (char *)"--include=[#;] ; a\\s*=\\s*b", (char *)"--include=[x]",
                          (char *)"--exclude=; x", (char *)"--exclude=# y", (char *)"--exclude== \xc3\xa4",
                          (char *)"--allow-host=a.example", (char *)"--show-secrets", (char *)"--listen=unix:/a b",
                          (char *)"--token-file", token)),
                0);
        text = print(&c);
        assert_int_equal(config_parse(text, &again, NULL), 0);
        text_again = print(&again);
        assert_string_equal(text, text_again);
        assert_string_equal(again.db, "/a b/#x;y = z");
        assert_string_equal(again.include.items[0], "[#;] ; a\\s*=\\s*b");
        assert_string_equal(again.exclude.items[0], "; x");
        assert_string_equal(again.exclude.items[2], "= \xc3\xa4");
        assert_string_equal(again.token_file, token);
        assert_true(config_parse("interval = never\n", &third, NULL) < 0);
        third = (struct config){};
}

static void an_app_has_what_its_sections_say(void **state)
{
        static const char *const text = "min-growth = 1MiB\n"
                                        "[app \"gunicorn: *\"]\nmute = yes\n"
                                        "[app \"gunicorn: shop [2]\"]\nmin-growth = 3GiB\nmute = no\n"
                                        "[app \"?.py\"]\nmin-growth = 4KiB\ninspect = off\n";
        _cleanup_(config_done) struct config c, again;
        _cleanup_(freep) char *first = NULL, *second = NULL;
        enum config_action action;

        (void)state;
        assert_int_equal(load(text, &c, &action, NULL, MORE((char *)"--min-growth=2MiB", (char *)"--inspect=periodic")), 0);
        first = print(&c);
        assert_non_null(strstr(first, "min-growth = 2MiB\ninspect = periodic\ninspect-interval = 10m\n\n"
                                      "[app \"gunicorn: *\"]\nmute = yes\n\n[app \"gunicorn: shop [2]\"]\n"
                                      "min-growth = 3GiB\nmute = no\n\n[app \"?.py\"]\nmin-growth = 4KiB\ninspect = off\n"));
        assert_int_equal(config_parse(first, &again, NULL), 0);
        second = print(&again);
        assert_string_equal(first, second);

        assert_true(config_for_app(&again, "gunicorn: a/b").mute);
        assert_int_equal(config_for_app(&again, "gunicorn: a/b").min_growth_bytes, 2 << 20);
        assert_false(config_for_app(&again, "gunicorn: shop [2]").mute);
        assert_false(config_for_app(&again, "gunicorn: shop 2").mute);
        assert_int_equal(config_for_app(&again, "gunicorn: shop [2]").min_growth_bytes, INT64_C(3) << 30);
        assert_int_equal(config_for_app(&again, "x.py").min_growth_bytes, 4096);
        assert_int_equal(config_for_app(&again, "x.py").inspect, INSPECT_OFF);
        assert_int_equal(config_for_app(&again, "xx.py").inspect, INSPECT_PERIODIC);
        assert_int_equal(config_for_app(&again, "xx.py").min_growth_bytes, 2 << 20);
        assert_false(config_for_app(&again, "flask: gunicorn: x").mute);
        assert_false(config_for_app(&again, "").mute);
}

static void bad_settings_name_key_value_and_what_is_allowed(void **state)
{
        (void)state;
        assert_refused("interval = 99ms\n", MORE(), SAYS(file, ":1: interval", "\"99ms\"", "100ms to 1h"));
        assert_refused("", MORE((char *)"--interval=61m"), SAYS("--interval", "\"61m\"", "100ms to 1h"));
        assert_refused("max-db-size = 4095KiB\n", MORE(), SAYS("max-db-size", "4095KiB", "4MiB or more"));
        assert_refused("", MORE((char *)"--db="), SAYS("--db", "needs a value"));
        assert_refused("", MORE((char *)"--listen=9733"), SAYS("--listen", "\"9733\"", "HOST:PORT"));
        assert_refused("allow-host = a:80\n", MORE(), SAYS("allow-host", "\"a:80\"", "without a port"));
        assert_refused("include = a(b\n", MORE(), SAYS("include", "\"a(b\"", "PCRE2", "first 3 bytes", "parenthesis"));
        assert_refused("exclude = x\\C\n", MORE(), SAYS("exclude", "PCRE2"));
        assert_refused("show-secrets = 1\n", MORE(), SAYS("show-secrets", "\"1\"", "yes or no"));
        assert_refused("config = /x\n", MORE(), SAYS("unknown key \"config\"", "interval"));
        assert_refused("min-growth = 0B\n", MORE(), SAYS(":1: min-growth", "\"0B\"", "1B or more"));
        assert_refused("[other]\n", MORE(), SAYS("unknown section", "[memtided]", "[app \"NAME or glob\"]"));
        assert_refused("[app \"x\"]\ninterval = 1s\n", MORE(),
                       SAYS(file, ":2: unknown key", "in [app", "min-growth, inspect, mute"));
        assert_refused("[app \"x\"]\nmin-growth = lots\n", MORE(), SAYS(":2: min-growth", "\"lots\"", "64MiB", "1B"));
        assert_refused("[app \"x\"]\nmute = 1\n", MORE(), SAYS(":2: mute", "\"1\"", "yes or no"));
        assert_refused("[app \"x\"]\ninspect = yes\n", MORE(), SAYS(":2: inspect", "\"yes\"", "off, on-finding or periodic"));
        assert_refused("inspect = no\n", MORE(), SAYS(":1: inspect", "\"no\"", "off, on-finding or periodic"));
        assert_refused("", MORE((char *)"--inspect-interval=99ms"), SAYS("--inspect-interval", "\"99ms\"", "100ms to 30d"));
        assert_refused("", MORE((char *)"--nonsense=off"), SAYS("unknown option \"--nonsense\"", "--interval"));
}

static void beyond_loopback_a_token_is_needed(void **state)
{
        _cleanup_(config_done) struct config c;
        enum config_action action;

        (void)state;
        assert_refused("listen = 0.0.0.0:9733\n", MORE(), SAYS("listen \"0.0.0.0:9733\"", "token-file", "loopback"));
        assert_refused("", MORE((char *)"--listen=127.0.0.1:1", (char *)"--listen=[::]:9733"),
                       SAYS("--listen \"[::]:9733\""));
        assert_int_equal(load("listen = unix:/run/x\n", &c, &action, NULL, MORE()), 0);
        config_done(&c);
        assert_int_equal(load("listen = 0.0.0.0:9733\n", &c, &action, NULL, MORE((char *)"--token-file", token)), 0);
}

static void a_bad_token_file_is_refused(void **state)
{
        (void)state;
        assert_refused("token-file = /nowhere/token\n", MORE(), SAYS("token-file", "/nowhere/token", "No such file"));
        write_file(token, "short\n");
        assert_refused("", MORE((char *)"--token-file", token), SAYS("--token-file", token, "16 or more"));
        write_file(token, "0123456789abcdef\n");
        chmod(token, 0644);
        assert_refused("", MORE((char *)"--token-file", token), SAYS("--token-file", token, "others"));
        chmod(token, 0600);
}

static void a_named_file_must_be_there(void **state)
{
        char *absent[] = { (char *)"memtided", (char *)"--config", (char *)"/nowhere/x.conf" };
        char *a_folder[] = { (char *)"memtided", (char *)"--config", (char *)"/tmp" };
        enum config_action action;
        struct error err = {};
        struct config c;

        (void)state;
        assert_int_equal(config_load(3, absent, &c, &action, &err), -22);
        assert_non_null(strstr(err.text, "/nowhere/x.conf: No such file"));
        assert_int_equal(config_load(3, a_folder, &c, &action, &err), -22);
        assert_non_null(strstr(err.text, "/tmp: Is a directory"));
}

static void help_and_version_need_no_file(void **state)
{
        char *help[] = { (char *)"memtided", (char *)"--config=/nowhere", (char *)"--version", (char *)"--help" };
        enum config_action action;
        struct config c;

        (void)state;
        assert_int_equal(config_load(4, help, &c, &action, NULL), 0);
        assert_int_equal(action, CONFIG_HELP);
        config_done(&c);
        assert_int_equal(config_load(3, help, &c, &action, NULL), 0);
        assert_int_equal(action, CONFIG_VERSION);
        config_done(&c);
}

static void the_template_with_every_key_uncommented_is_good(void **state)
{
        _cleanup_(config_done) struct config c;
        _cleanup_(freep) char *text = NULL;
        struct error err = {};
        size_t size;
        FILE *to = open_memstream(&text, &size);

        (void)state;
        config_print_template(to);
        fclose(to);
        for (char *p = text; *p; p++)
                if (*p == '#' && ((p[1] >= 'a' && p[1] <= 'z') || p[1] == '['))
                        *p = ' ';
        if (config_parse(text, &c, &err) < 0)
                fail_msg("%s", err.text);
        assert_int_equal(c.exclude.n_items, 1);
        assert_string_equal(c.token_file, "/etc/memtide/token");
        assert_int_equal(c.n_apps, 1);
        assert_true(config_for_app(&c, "gunicorn: shop").mute);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_defaults_are_those_of_the_interface),
                cmocka_unit_test(the_database_has_its_place),
                cmocka_unit_test(the_command_line_wins_and_replaces_lists),
                cmocka_unit_test(details_are_never_taken_more_often_than_a_tick),
                cmocka_unit_test(what_is_printed_parses_to_the_same),
                cmocka_unit_test(an_app_has_what_its_sections_say),
                cmocka_unit_test(bad_settings_name_key_value_and_what_is_allowed),
                cmocka_unit_test(beyond_loopback_a_token_is_needed),
                cmocka_unit_test(a_bad_token_file_is_refused),
                cmocka_unit_test(a_named_file_must_be_there),
                cmocka_unit_test(help_and_version_need_no_file),
                cmocka_unit_test(the_template_with_every_key_uncommented_is_good),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
