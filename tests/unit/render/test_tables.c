/* The tables of processes and apps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "render/tables.h"

#define MIB INT64_C(1048576)

static const struct table_options pipe_options = { .utf8 = true };

static struct process_row shop(void)
{
        return (struct process_row){
                .pid = 4242, .name = "flask", .app = "flask: shop", .user = "www-data", .state = "running",
                .verdict = "leak", .cmdline = "python3 -m flask run", .rss_bytes = 70 * MIB, .pss_bytes = 69 * MIB,
                .swap_bytes = 0, .growth_known = true, .bytes_per_hour = 10 * MIB, .started_at_ms = 1000,
                .now_ms = 1000 + 12000 * 1000,
        };
}

static struct process_row unknown(void)
{
        return (struct process_row){ .pid = 7, .name = "python3", .state = "running", .verdict = "insufficient-data",
                                     .rss_bytes = -1, .pss_bytes = -1, .swap_bytes = -1, .started_at_ms = -1 };
}

static char *process_text(const struct process_row *rows, size_t n, struct table_options options)
{
        struct buffer out = {};

        render_process_table(rows, n, &options, &out);
        return buffer_take(&out, NULL);
}

static int columns_of(const char *line, size_t size)
{
        int columns = 0;

        for (size_t at = 0; at < size;)
                columns += text_width(text_next(line, size, &at));
        return columns;
}

static int widest(const char *text)
{
        int most = 0;

        for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
                int columns = columns_of(text, (size_t)(end - text));

                most = columns > most ? columns : most;
        }
        return most;
}

static void a_pipe_gets_everything(void **state)
{
        const struct process_row rows[] = { shop(), unknown() };
        _cleanup_(freep) char *text = process_text(rows, 2, pipe_options);

        (void)state;
        assert_string_equal(text,
                " PID  NAME       MEMORY       GROWTH  VERDICT            APP          USER           PSS  SWAP  "
                "       AGE  COMMAND\n"
                "4242  flask    70.0 MiB  +10.0 MiB/h  ▲ leak             flask: shop  www-data  69.0 MiB   0 B  "
                "3 h 20 min  python3 -m flask run\n"
                "   7  python3         –            –  too young to tell  –            –                –     –    "
                "       –  –\n");
}

static void eighty_columns_hold_what_matters(void **state)
{
        const struct process_row rows[] = { shop(), unknown() };
        struct table_options options = { .width = 80, .utf8 = true };
        _cleanup_(freep) char *text = process_text(rows, 2, options);

        (void)state;
        assert_in_range(widest(text), 60, 80);
        assert_non_null(strstr(text, " PID  NAME       MEMORY       GROWTH  VERDICT"));
        assert_null(strstr(text, "COMMAND"));
}

static void no_line_is_wider_than_the_terminal(void **state)
{
        char name[301];
        struct process_row rows[2] = { shop(), shop() };

        (void)state;
        memset(name, 'n', sizeof name - 1);
        name[300] = '\0';
        rows[0].name = rows[0].app = rows[0].cmdline = name;
        rows[1].name = "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字";
        for (int width = 20; width < 300; width++) {
                struct table_options options = { .width = width, .utf8 = true };
                _cleanup_(freep) char *text = process_text(rows, 2, options);

                assert_in_range(widest(text), 4, width);
        }
}

static void a_long_name_is_cut_at_48_but_whole_in_a_pipe(void **state)
{
        struct process_row row = shop();
        struct table_options wide = { .width = 400, .utf8 = true };
        _cleanup_(freep) char *cut = NULL, *whole = NULL;

        (void)state;
        row.name = "a-name-of-sixty-characters-that-goes-on-and-on-until-its-end";
        cut = process_text(&row, 1, wide);
        whole = process_text(&row, 1, pipe_options);
        assert_non_null(strstr(cut, "a-name-of-sixty-characte…on-and-on-until-its-end  "));
        assert_non_null(strstr(whole, row.name));
}

static void hostile_names_carry_no_control_byte(void **state)
{
        struct process_row row = shop();
        struct table_options options = { .width = 200, .utf8 = true };

        (void)state;
        row.name = "a\033]0;x\007\n\r\xc2\x9b" "b";
        row.cmdline = "\033[2J\xff";
        for (int width = 0; width <= 200; width += 200) {
                _cleanup_(freep) char *text = NULL;

                options.width = width;
                text = process_text(&row, 1, options);
                for (const unsigned char *p = (unsigned char *)text; *p; p++)
                        assert_true(*p == '\n' || (*p >= 0x20 && *p != 0x7f));
                assert_null(strstr(text, "\xc2\x9b"));
                assert_int_equal(strchr(strchr(text, '\n') + 1, '\n')[1], '\0');
        }
}

static void ascii_alone_where_utf8_is_not_spoken(void **state)
{
        struct process_row row = shop();
        _cleanup_(freep) char *text = NULL;

        (void)state;
        row.name = "schöpfer";
        row.bytes_per_hour = -10 * MIB;
        row.user = NULL;
        text = process_text(&row, 1, (struct table_options){});
        for (const unsigned char *p = (unsigned char *)text; *p; p++)
                assert_true(*p < 0x80);
        assert_non_null(strstr(text, "sch?pfer"));
        assert_non_null(strstr(text, "-10.0 MiB/h  ! leak"));
}

static void colour_stands_where_something_leaks_alone(void **state)
{
        const struct process_row rows[] = { shop(), unknown() };
        struct table_options options = { .utf8 = true, .color = true };
        _cleanup_(freep) char *text = process_text(rows, 2, options);

        (void)state;
        assert_non_null(strstr(text, "\033[1;33m▲ leak\033[0m"));
        assert_non_null(strstr(text, "\033[1mflask\033[0m"));
        assert_non_null(strstr(text, "\033[2mtoo young to tell\033[0m"));
}

static void the_state_shows_once_one_has_exited(void **state)
{
        struct process_row rows[] = { shop(), unknown() };
        _cleanup_(freep) char *text = NULL;

        (void)state;
        rows[1].state = "exited";
        text = process_text(rows, 2, pipe_options);
        assert_int_equal(strncmp(text, "STATE     PID", 13), 0);
        assert_non_null(strstr(text, "\nexited "));
}

static void no_rows_leave_the_head(void **state)
{
        _cleanup_(freep) char *text = process_text(NULL, 0, pipe_options);

        (void)state;
        assert_string_equal(text, "PID  NAME  MEMORY  GROWTH  VERDICT  APP  USER  PSS  SWAP  AGE  COMMAND\n");
}

static void apps_have_their_table(void **state)
{
        const struct app_row rows[] = {
                { .name = "gunicorn: shop", .unit = "shop.service", .verdict = "stable", .processes = 1204,
                  .rss_bytes = 280 * MIB, .pss_bytes = 200 * MIB, .swap_bytes = 0, .limit_bytes = -1,
                  .growth_known = true, .bytes_per_hour = 0 },
        };
        _cleanup_(buffer_done) struct buffer out = {};

        (void)state;
        render_app_table(rows, 1, &pipe_options, &out);
        buffer_add_char(&out, '\0');
        assert_string_equal(out.data,
                "APP             PROCESSES   MEMORY  GROWTH  VERDICT      PSS  SWAP  LIMIT  UNIT\n"
                "gunicorn: shop      1\u202f204  280 MiB  steady  stable   200 MiB   0 B      –  shop.service\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pipe_gets_everything),
                cmocka_unit_test(eighty_columns_hold_what_matters),
                cmocka_unit_test(no_line_is_wider_than_the_terminal),
                cmocka_unit_test(a_long_name_is_cut_at_48_but_whole_in_a_pipe),
                cmocka_unit_test(hostile_names_carry_no_control_byte),
                cmocka_unit_test(ascii_alone_where_utf8_is_not_spoken),
                cmocka_unit_test(colour_stands_where_something_leaks_alone),
                cmocka_unit_test(the_state_shows_once_one_has_exited),
                cmocka_unit_test(no_rows_leave_the_head),
                cmocka_unit_test(apps_have_their_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
