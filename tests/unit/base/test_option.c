/* Options: from a command line or a file into a struct, by a table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/option.h"

struct pet {
        char *name;
        int64_t age_ms;
        int tame;
};

struct values {
        int64_t pause_ms, room_bytes;
        char *path;
        struct option_list names;
        bool loud, once;
        struct pet pets[4];
        size_t n_pets;
};

static int check_name(const char *value, struct error *err)
{
        return *value == 'n' ? 0 : error_set(err, EINVAL, "a name begins with n");
}

static const struct option options[] = {
        { .name = "pause", .metavar = "DURATION", .type = OPTION_DURATION, .field = offsetof(struct values, pause_ms),
          .initial = "5s", .minimum = "100ms", .maximum = "1h",
          .help = "A pause between two rounds, as long as it takes to see that this sentence is broken into lines "
                  "of at most one hundred columns." },
        { .name = "room", .metavar = "SIZE", .type = OPTION_SIZE, .field = offsetof(struct values, room_bytes),
          .initial = "1MiB", .minimum = "4KiB", .help = "Room." },
        { .name = "path", .metavar = "FILE", .type = OPTION_TEXT, .field = offsetof(struct values, path),
          .example = "/srv/x", .help = "A file_name*." },
        { .name = "name", .metavar = "NAME", .type = OPTION_LIST, .field = offsetof(struct values, names),
          .initial = "nobody", .check = check_name, .help = "Names." },
        { .name = "loud", .type = OPTION_FLAG, .field = offsetof(struct values, loud), .initial = "no",
          .help = "Louder." },
        { .name = "once", .type = OPTION_FLAG, .field = offsetof(struct values, once), .not_in_file = true,
          .help = "Once." },
};

static const struct option pet_options[] = {
        { .name = "age", .metavar = "DURATION", .type = OPTION_DURATION, .field = offsetof(struct pet, age_ms),
          .minimum = "1d", .example = "2d", .help = "Its age." },
        { .name = "tame", .metavar = "yes|no", .type = OPTION_CHOICE, .field = offsetof(struct pet, tame),
          .example = "no", .help = "Tame?" },
};

static void *pet_add(void *values, const char *name)
{
        struct values *v = values;

        if (v->n_pets == sizeof v->pets / sizeof *v->pets)
                return NULL;
        v->pets[v->n_pets] = (struct pet){ .name = strdup(name), .age_ms = -1, .tame = -1 };
        return &v->pets[v->n_pets++];
}

static const void *pet_at(const void *values, size_t i, const char **ret_name)
{
        const struct values *v = values;

        if (i >= v->n_pets)
                return NULL;
        *ret_name = v->pets[i].name;
        return &v->pets[i];
}

static const struct option_section pet_section = {
        .word = "pet", .metavar = "NAME", .help = "A pet.", .example = "rex", .options = pet_options, .n_options = 2,
        .add = pet_add, .at = pet_at,
};

static const struct option_table table = {
        .program = "prog", .summary = "Does it.", .section = "prog", .options = options,
        .n_options = sizeof options / sizeof *options, .named = &pet_section,
};

static void values_done(struct values *v)
{
        for (size_t i = 0; i < v->n_pets; i++)
                free(v->pets[i].name);
        option_values_done(&table, v);
}

/* Arguments up to a NULL, then a file's text (NULL: none): what the program would do. */
static int load(struct values *v, struct error *err, const char *file, char *const *arguments)
{
        unsigned char given[sizeof options / sizeof *options] = {};
        int n = 0, r;

        while (arguments[n])
                n++;
        r = option_parse_arguments(&table, n, arguments, v, given, err);
        if (r >= 0 && file)
                r = option_parse_file(&table, "x.conf", file, strlen(file), v, given, err);
        return r < 0 ? r : option_fill_initial(&table, v, given, err);
}
#define ARGUMENTS(...) ((char *[]){ (char *)"prog", __VA_ARGS__ __VA_OPT__(, ) NULL })

static void assert_refused_with(char *const *arguments, const char *file, const char *expected)
{
        _cleanup_(values_done) struct values v = {};
        struct error err = {};

        assert_true(load(&v, &err, file, arguments) < 0);
        assert_string_equal(err.text, expected);
}
#define REFUSED(expected, ...) assert_refused_with(ARGUMENTS(__VA_ARGS__), NULL, expected)
#define FILE_REFUSED(file, expected) assert_refused_with(ARGUMENTS(), file, expected)

static void nothing_given_leaves_the_defaults(void **state)
{
        _cleanup_(values_done) struct values v = {};

        (void)state;
        assert_int_equal(load(&v, NULL, NULL, ARGUMENTS()), 0);
        assert_int_equal(v.pause_ms, 5000);
        assert_int_equal(v.room_bytes, 1 << 20);
        assert_null(v.path);
        assert_int_equal(v.names.n_items, 1);
        assert_string_equal(v.names.items[0], "nobody");
        assert_false(v.loud);
}

static void both_forms_of_an_argument_are_taken(void **state)
{
        _cleanup_(values_done) struct values v = {};

        (void)state;
        assert_int_equal(load(&v, NULL, NULL,
                              ARGUMENTS("--pause", "100ms", "--path=a=b", "--name", "n1", "--name=n2", "--loud",
                                        "--room", "4KiB", "--pause=1h")),
                         0);
        assert_int_equal(v.pause_ms, 3600000);
        assert_int_equal(v.room_bytes, 4096);
        assert_string_equal(v.path, "a=b");
        assert_int_equal(v.names.n_items, 2);
        assert_string_equal(v.names.items[1], "n2");
        assert_null(v.names.items[2]);
        assert_true(v.loud);
}

static void errors_name_option_value_and_what_is_allowed(void **state)
{
        (void)state;
        REFUSED("--pause \"50ms\" is not allowed: from 100ms to 1h is allowed", "--pause", "50ms");
        REFUSED("--pause \"2h\" is not allowed: from 100ms to 1h is allowed", "--pause=2h");
        REFUSED("--pause \"5\" is not allowed: a duration is a whole number with ms, s, m, h or d behind it, such as "
                "100ms, 5s, "
                "10m, 2h or 30d; from 100ms to 1h is allowed",
                "--pause", "5");
        REFUSED("--room \"1B\" is not allowed: 4KiB or more is allowed", "--room", "1B");
        REFUSED("--name \"x\" is not allowed: a name begins with n", "--name=x");
        REFUSED("--path \"\" is not allowed: it needs a value", "--path=");
        REFUSED("--path \" a\" is not allowed: blanks before or after the value are not allowed", "--path", " a");
        REFUSED("--path \"a\xef\xbf\xbd"
                "b\" is not allowed: UTF-8 without control characters is allowed",
                "--path", "a\nb");
        REFUSED("--path \"a\xef\xbf\xbd\" is not allowed: UTF-8 without control characters is allowed", "--path",
                "a\xff");
        REFUSED("--loud \"maybe\" is not allowed: yes or no is allowed", "--loud=maybe");
        REFUSED("--path needs a value: --path FILE", "--path");
        REFUSED("unknown option \"--pau\": allowed are --pause, --room, --path, --name, --loud, --once", "--pau=1s");
        REFUSED("unknown option \"--\": allowed are --pause, --room, --path, --name, --loud, --once", "--");
        REFUSED("\"-p\" is not allowed: prog takes options alone (see --help)", "-p");
        REFUSED("\"stray\" is not allowed: prog takes options alone (see --help)", "--loud", "stray");
        REFUSED("\"\" is not allowed: prog takes options alone (see --help)", "");
}

static void a_file_is_read(void **state)
{
        _cleanup_(values_done) struct values v = {};

        (void)state;
        assert_int_equal(load(&v, NULL,
                              "\xef\xbb\xbfpause=10s\r\n"
                              "# a comment\n"
                              "   ; another = one\n"
                              "\n"
                              "  name = n1 # not a comment ; nor this\n"
                              "[prog]\n"
                              "\tname = n2\n"
                              "loud = yes\n"
                              "path = /a:b=c", ARGUMENTS()), 0);
        assert_int_equal(v.pause_ms, 10000);
        assert_int_equal(v.names.n_items, 2);
        assert_string_equal(v.names.items[0], "n1 # not a comment ; nor this");
        assert_string_equal(v.names.items[1], "n2");
        assert_string_equal(v.path, "/a:b=c");
        assert_true(v.loud);
}

static void the_command_line_wins(void **state)
{
        _cleanup_(values_done) struct values v = {};

        (void)state;
        assert_int_equal(load(&v, NULL, "pause = 10s\nname = n1\nname = n2\nloud = yes\nroom = 8KiB\n",
                              ARGUMENTS("--pause=20s", "--name=n3", "--loud=no")), 0);
        assert_int_equal(v.pause_ms, 20000);
        assert_int_equal(v.names.n_items, 1);
        assert_string_equal(v.names.items[0], "n3");
        assert_false(v.loud);
        assert_int_equal(v.room_bytes, 8192);
}

static void a_file_s_errors_name_its_line(void **state)
{
        (void)state;
        FILE_REFUSED("pause = 5s\n\npause = 6s\n",
                     "x.conf:3: pause \"6s\" is not allowed: the key is there already, and once is allowed");
        FILE_REFUSED("\npause = 50ms\n", "x.conf:2: pause \"50ms\" is not allowed: from 100ms to 1h is allowed");
        FILE_REFUSED("loud = true\n", "x.conf:1: loud \"true\" is not allowed: yes or no is allowed");
        FILE_REFUSED("path =\n", "x.conf:1: path \"\" is not allowed: it needs a value");
        FILE_REFUSED("pawse = 5s\n", "x.conf:1: unknown key \"pawse\": allowed are pause, room, path, name, loud");
        FILE_REFUSED("once = yes\n", "x.conf:1: unknown key \"once\": allowed are pause, room, path, name, loud");
        FILE_REFUSED("[other]\n", "x.conf:1: unknown section (allowed are [prog] and [pet \"NAME\"]): \"[other]\"");
        FILE_REFUSED("[prog] x\n", "x.conf:1: unknown section (allowed are [prog] and [pet \"NAME\"]): \"[prog] x\"");
        FILE_REFUSED("[prog\n", "x.conf:1: unknown section (allowed are [prog] and [pet \"NAME\"]): \"[prog\"");
        FILE_REFUSED("pause\n", "x.conf:1: a line is \"key = value\", a comment that begins with #, or [prog]");
        FILE_REFUSED("pause = 5s\nnonsense\nbogus = 1\n",
                     "x.conf:2: a line is \"key = value\", a comment that begins with #, or [prog]");
        FILE_REFUSED("bogus = 1\nnonsense\n",
                     "x.conf:1: unknown key \"bogus\": allowed are pause, room, path, name, loud");
        FILE_REFUSED("= 5\n", "x.conf:1: unknown key \"\": allowed are pause, room, path, name, loud");
}

static void a_section_with_a_name_fills_a_struct_of_its_own(void **state)
{
        _cleanup_(values_done) struct values v = {};

        (void)state;
        assert_int_equal(load(&v, NULL,
                              "[pet \"a \"b\" [c] ] # d\"]\nage = 3d\ntame=no\n"
                              "[prog]\npause = 10s\n"
                              "  [pet \"rex\"]  \n"
                              "[pet \"rex\"]\ntame = yes\n", ARGUMENTS()), 0);
        assert_int_equal(v.pause_ms, 10000);
        assert_int_equal(v.n_pets, 3);
        assert_string_equal(v.pets[0].name, "a \"b\" [c] ] # d");
        assert_int_equal(v.pets[0].age_ms, 3 * 86400000);
        assert_int_equal(v.pets[0].tame, 0);
        assert_int_equal(v.pets[1].age_ms, -1);
        assert_int_equal(v.pets[1].tame, -1);
        assert_int_equal(v.pets[2].tame, 1);
}

static void a_section_s_errors_name_its_line_and_what_it_takes(void **state)
{
        (void)state;
        FILE_REFUSED("[pet \"a\"]\n\nage = 1h\n", "x.conf:3: age \"1h\" is not allowed: 1d or more is allowed");
        FILE_REFUSED("[pet \"a\"]\ntame = perhaps\n",
                     "x.conf:2: tame \"perhaps\" is not allowed: yes or no is allowed");
        FILE_REFUSED("[pet \"a\"]\npause = 5s\n",
                     "x.conf:2: unknown key \"pause\": allowed in [pet \"NAME\"] are age, tame");
        FILE_REFUSED("[pet \"a\"]\n[prog]\nage = 5d\n",
                     "x.conf:3: unknown key \"age\": allowed are pause, room, path, name, loud");
        FILE_REFUSED("[pet \"a\"]\ntame = no\ntame = no\n",
                     "x.conf:3: tame \"no\" is not allowed: the key is there already, and once is allowed");
        FILE_REFUSED("[pet \"\"]\n", "x.conf:1: the name \"\" of a section is not allowed: it needs a value");
        FILE_REFUSED("[pet \"a\001\"]\n", "x.conf:1: the name \"a\xef\xbf\xbd\" of a section is not allowed: UTF-8 "
                     "without control characters is allowed");
        FILE_REFUSED("[pet \"]\n", "x.conf:1: unknown section (allowed are [prog] and [pet \"NAME\"]): \"[pet \"]\"");
        FILE_REFUSED("[pet a]\n", "x.conf:1: unknown section (allowed are [prog] and [pet \"NAME\"]): \"[pet a]\"");
}

static void what_the_command_line_overrules_is_checked_all_the_same(void **state)
{
        (void)state;
        assert_refused_with(
                ARGUMENTS("--pause=5s"), "pause = 1\n",
                "x.conf:1: pause \"1\" is not allowed: a duration is a whole number with ms, s, m, h or d behind it, "
                "such as 100ms, 5s, 10m, 2h or 30d; from 100ms to 1h is allowed");
}

static void long_lines_are_taken_whole_or_refused(void **state)
{
        static char file[40000];
        struct error err = {};

        (void)state;
        for (size_t size = 100; size < 20000; size += 331) {
                _cleanup_(values_done) struct values v = {};
                int r;

                strcpy(file, "path = ");
                memset(file + 7, 'x', size);
                strcpy(file + 7 + size, "\npause = 7s\n");
                r = load(&v, &err, file, ARGUMENTS());
                if (size < 16000) {
                        assert_int_equal(r, 0);
                        assert_int_equal(strlen(v.path), size);
                        assert_int_equal(v.pause_ms, 7000);
                } else if (size > 16400) {
                        assert_true(r < 0);
                        assert_non_null(strstr(err.text, "x.conf:1: the line is longer"));
                }
        }
}

static void a_nul_in_a_file_is_refused(void **state)
{
        static const char file[] = "path = a\0b\n";
        unsigned char given[sizeof options / sizeof *options] = {};
        _cleanup_(values_done) struct values v = {};
        struct error err = {};

        (void)state;
        assert_true(option_parse_file(&table, "x.conf", file, sizeof file - 1, &v, given, &err) < 0);
        assert_non_null(strstr(err.text, "NUL"));
}

static char *print(void (*printer)(const struct option_table *, FILE *))
{
        char *text = NULL;
        size_t size;
        FILE *to = open_memstream(&text, &size);

        assert_non_null(to);
        printer(&table, to);
        fclose(to);
        return text;
}

static void help_names_every_option_within_100_columns(void **state)
{
        _cleanup_(freep) char *help = print(option_print_help);

        (void)state;
        assert_non_null(strstr(help, "  --pause DURATION\n"));
        assert_non_null(strstr(help, "From 100ms to 1h. Default: 5s."));
        assert_non_null(strstr(help, "  --once\n"));
        assert_non_null(strstr(help, "  [pet \"NAME\"]\n        A pet. Its keys: age, tame.\n"));
        for (const char *line = help; *line; line += strcspn(line, "\n") + 1)
                assert_true(strcspn(line, "\n") <= 100);
}

static void a_template_can_be_used_line_by_line(void **state)
{
        _cleanup_(freep) char *template = print(option_print_template);
        _cleanup_(values_done) struct values before = {}, after = {};
        struct error err = {};

        (void)state;
        assert_null(strstr(template, "#once"));
        assert_int_equal(load(&before, &err, template, ARGUMENTS()), 0);
        assert_int_equal(before.pause_ms, 5000);
        assert_null(before.path);
        for (char *p = template; *p; p++)
                if (*p == '#' && p[1] != ' ')
                        *p = ' ';
        memcpy(strstr(template, "name = nobody"), "name = n9    ", 13);
        assert_int_equal(load(&after, &err, template, ARGUMENTS()), 0);
        assert_string_equal(after.path, "/srv/x");
        assert_string_equal(after.names.items[0], "n9");
        assert_string_equal(after.pets[0].name, "rex");
        assert_int_equal(after.pets[0].tame, 0);
}

static void the_man_page_escapes_what_scdoc_would_take(void **state)
{
        _cleanup_(freep) char *man = print(option_print_man);

        (void)state;
        assert_non_null(strstr(man, "\n# OPTIONS\n") ? man : strstr(man, "# OPTIONS\n"));
        assert_non_null(strstr(man, "\n*--path* _FILE_\n\tA file\\_name\\*.\n"));
        assert_non_null(strstr(man, "On the command line alone."));
        assert_non_null(strstr(man, "\n*\\[pet \"NAME\"\\]* in the configuration file. A pet.\n"));
        assert_non_null(strstr(man, "\n*tame* _yes\\|no_\n\tTame?\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_given_leaves_the_defaults),
                cmocka_unit_test(both_forms_of_an_argument_are_taken),
                cmocka_unit_test(errors_name_option_value_and_what_is_allowed),
                cmocka_unit_test(a_file_is_read),
                cmocka_unit_test(the_command_line_wins),
                cmocka_unit_test(a_file_s_errors_name_its_line),
                cmocka_unit_test(a_section_with_a_name_fills_a_struct_of_its_own),
                cmocka_unit_test(a_section_s_errors_name_its_line_and_what_it_takes),
                cmocka_unit_test(what_the_command_line_overrules_is_checked_all_the_same),
                cmocka_unit_test(long_lines_are_taken_whole_or_refused),
                cmocka_unit_test(a_nul_in_a_file_is_refused),
                cmocka_unit_test(help_names_every_option_within_100_columns),
                cmocka_unit_test(a_template_can_be_used_line_by_line),
                cmocka_unit_test(the_man_page_escapes_what_scdoc_would_take),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
