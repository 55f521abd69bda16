/* The line that says how far a long run is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "client/progress.h"

static char *line(struct progress p, const char *name, int64_t done, int64_t size, int width)
{
        struct buffer out = {};

        progress_line(&p, name, done, size, width, &out);
        return buffer_take(&out, NULL);
}

static void one_file_is_a_share_of_itself(void **state)
{
        _cleanup_(freep) char *text = line((struct progress){ .inputs = 1 }, "x.csv", 50, 100, 80);
        _cleanup_(freep) char *blocks = line((struct progress){ .inputs = 1, .utf8 = true }, "x.csv", 100, 100, 80);

        (void)state;
        assert_string_equal(text, "############............  50 %  x.csv");
        assert_string_equal(blocks, "████████████████████████ 100 %  x.csv");
}

static void of_many_files_each_has_its_share(void **state)
{
        _cleanup_(freep) char *text = line((struct progress){ .input = 1, .inputs = 4 }, "x.csv", 200, 100, 80);

        (void)state;
        assert_string_equal(text, "############............  50 %  2 of 4  x.csv");
}

static void a_stream_says_how_much_it_was(void **state)
{
        _cleanup_(freep) char *text = line((struct progress){ .inputs = 1 }, "-", 5 << 20, 0, 80);

        (void)state;
        assert_string_equal(text, "5 MiB read  -");
}

static void it_stays_on_its_line(void **state)
{
        _cleanup_(freep) char *text = line((struct progress){ .inputs = 1 }, "a\r\n\033[2Jlong.csv", 0, 1, 36);

        (void)state;
        assert_string_equal(text, "........................   0 %  a??~");
}

static void nothing_is_drawn_where_no_terminal_is(void **state)
{
        struct progress p = { .inputs = 1 };

        (void)state;
        progress_step(&p, "x", 1, 2);
        assert_false(p.drawn);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_file_is_a_share_of_itself),
                cmocka_unit_test(of_many_files_each_has_its_share),
                cmocka_unit_test(a_stream_says_how_much_it_was),
                cmocka_unit_test(it_stays_on_its_line),
                cmocka_unit_test(nothing_is_drawn_where_no_terminal_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
