/* Recordings, read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "client/trace.h"
#include "client/trace_text.h"

enum { SAMPLES_MOST = 8 };

/* What was told. */
struct told {
        int r;
        struct error err;
        int begun, ended;
        bool cut;
        size_t n;
        struct trace_sample samples[SAMPLES_MOST];
};

static int begin(void *data, const char *name, struct error *err)
{
        struct told *t = data;

        (void)name;
        (void)err;
        t->begun++;
        return 0;
}

static void add(void *data, const struct trace_sample *sample)
{
        struct told *t = data;

        if (t->n < SAMPLES_MOST)
                t->samples[t->n] = *sample;
        t->n++;
}

static int end(void *data, bool cut, struct error *err)
{
        struct told *t = data;

        (void)err;
        t->ended++;
        t->cut = cut;
        return 0;
}

static void ignore_progress(void *data, int64_t done, int64_t size)
{
        (void)data;
        (void)done;
        (void)size;
}

static struct told read_bytes(const char *bytes, size_t size)
{
        struct told t = {};
        const struct trace_sink sink = { &t, begin, add, end, ignore_progress };
        int fd = memfd_create("trace", 0);
        char path[32];

        assert_int_equal(write(fd, bytes, size), (ssize_t)size);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        t.r = trace_read(path, &sink, &t.err);
        close(fd);
        return t;
}

static struct told read_text(const char *text)
{
        return read_bytes(text, strlen(text));
}

static void assert_sample(const struct told *t, size_t i, double at_s, int64_t bytes)
{
        assert_true(i < t->n);
        assert_true(t->samples[i].at_s == at_s);
        assert_int_equal(t->samples[i].bytes, bytes);
}

/* Refused, and the reason has these words; the path goes before. */
static void assert_refused(const char *text, const char *words)
{
        struct told t = read_text(text);

        assert_true(t.r < 0);
        assert_int_equal(t.ended, 0);
        if (!strstr(t.err.text, words))
                fail_msg("\"%s\" does not say \"%s\"", t.err.text, words);
}

static void csv_columns_stand_in_any_order_among_others(void **state)
{
        static const char *const texts[] = {
                "seconds,rss_bytes\n0,4096\n0.5,8192\n",
                "rss_bytes,seconds\r\n4096,0\r\n8192,.5\r\n",
                "\xef\xbb\xbf" "name,seconds,\"rss_bytes\",x\n\"a,\"\"b\",0,4096,\n,5e-1,\"8192\",1\n",
                "seconds , rss_bytes,at\n 0 ,\t4096,never\n\n 0.5 , 8.192e3,\n",
                "elapsed_time,nproc,cpu,mem_real,mem_virtual\n0,1,0.0,0.00390625,9\n0.5,1,0.0,0.0078125,9\n",
        };

        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct told t = read_text(texts[i]);

                assert_string_equal(t.err.text, "");
                assert_int_equal(t.n, 2);
                assert_int_equal(t.ended, 1);
                assert_false(t.cut);
                assert_sample(&t, 0, 0, 4096);
                assert_sample(&t, 1, 0.5, 8192);
                assert_int_equal(t.samples[1].at_ms, 500);
        }
}

static void dates_count_from_the_first_sample_and_an_empty_cell_is_not_known(void **state)
{
        struct told t = read_text("at,rss_bytes,anon_bytes\n2026-11-22T15:00:00.500Z,,\n"
                                  "2026-11-22T16:00:02+01:00,4096,0\n");

        (void)state;
        assert_int_equal(t.n, 2);
        assert_sample(&t, 0, 0, -1);
        assert_sample(&t, 1, 1.5, 4096);
        assert_int_equal(t.samples[0].at_ms, INT64_C(1795359600500));
}

static void mprof_tells_the_process_from_its_functions_and_children(void **state)
{
        struct told t = read_text("CMDLINE python3 -c import x\nx.run()\nMEM 1.500000 1700000000.0000\n"
                                  "CHLD 0 700.000000 1700000000.0500\nMEM -1.000000 1700000000.1000\n"
                                  "FUNC __main__.f 1.5 1700000000.05 2.0 1700000000.1\n"
                                  "MEM 2.000000 1700000000.2000\nMEM 0.000000 1700000000.3000\n");

        (void)state;
        assert_string_equal(t.err.text, "");
        assert_int_equal(t.n, 4);
        assert_sample(&t, 0, 0, 3 << 19);
        assert_sample(&t, 1, 0.1, -1);
        assert_sample(&t, 2, 0.2, 2 << 20);
        assert_sample(&t, 3, 0.3, -1); /* a zombie */
        t = read_text("MEM 1.0 5\n");
        assert_int_equal(t.n, 1);
}

static void psrecord_names_its_columns_in_a_comment(void **state)
{
        struct told t = read_text("# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n"
                                  "       0.000        0.000        1.500       20.000\n"
                                  "       0.511       99.000        2.000       20.000\n");

        (void)state;
        assert_string_equal(t.err.text, "");
        assert_int_equal(t.n, 2);
        assert_sample(&t, 0, 0, 3 << 19);
        assert_sample(&t, 1, 0.511, 2 << 20);
}

static void a_malformed_line_is_named_with_its_reason(void **state)
{
        static const struct { const char *text, *words; } wrong[] = {
                { "seconds,rss_bytes\n0,1\n1,x\n", ":3: \"x\" is not a number" },
                { "seconds,rss_bytes\n0,1\n\n1\n", ":4: it has 1 cells, the header 2" },
                { "seconds,rss_bytes\n0,1,2\n", ":2: it has 3 cells" },
                { "seconds,rss_bytes\n,1\n", ":2: \"\" is not a number" },
                { "seconds,rss_bytes\n0,-1\n", ":2: -1 is negative" },
                { "seconds,rss_bytes\n-0.5,1\n", ":2: -0.5 is negative" },
                { "seconds,rss_bytes\n0,nan\n", "\"nan\" is not" },
                { "seconds,rss_bytes\n0,inf\n", "\"inf\" is not" },
                { "seconds,rss_bytes\n0,1e\n", "\"1e\" is not" },
                { "seconds,rss_bytes\n0,0x10\n", "\"0x10\" is not" },
                { "seconds,rss_bytes\n0,1 2\n", "\"1 2\" is not" },
                { "seconds,rss_bytes\n0,4611686018427390000\n", "is too large" },
                { "seconds,rss_bytes\n0,1e999999999999\n", "is too large" },
                { "seconds,rss_bytes\n1e300,1\n", "is too large" },
                { "seconds,rss_bytes\n4e16,1\n", "too many" },
                { "seconds,rss_bytes\n0,\"1\n", "a quote is not closed" },
                { "seconds,rss_bytes\n0,\"1\"2\n", "behind a closing quote" },
                { "at,rss_bytes\nyesterday,1\n", ":2: \"yesterday\" is not a time" },
                { "seconds,seconds,rss_bytes\n", ":1: the header names seconds twice" },
                { "seconds,rss\n", ":1: the header names no rss_bytes" },
                { "rss_bytes,x\n", "neither seconds nor at" },
                { "MEM 1.5\n", ":1: MEM needs" },
                { "MEM 1.5 1 2\n", "behind the time" },
                { "MEM 1.5 1\nNEM 2 2\n", ":2: a line of mprof begins with" },
                { "# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n 1 2\n", ":2: it has no Real (MB)" },
                { "# Elapsed time   CPU (%)\n 1 2\n", "names no Real (MB)" },
                { "hello\n", "is no recording" },
                { "\n", "is no recording" },
                { "SQLite format 2", "is no recording" },
                { "", "is empty" },
                { "\xef\xbb\xbf", "is empty" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                assert_refused(wrong[i].text, wrong[i].words);
}

static void a_recording_that_ends_within_a_line_loses_that_line_alone(void **state)
{
        static const char *const texts[] = {
                "seconds,rss_bytes\n0,4096\n1,81",
                "seconds,rss_bytes\n0,4096\n1",
                "MEM 0.00390625 0\nMEM 0.0",
                "# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n0 0 0.00390625 9\n 1 0 0.",
        };
        struct told t;

        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                t = read_text(texts[i]);
                assert_string_equal(t.err.text, "");
                assert_int_equal(t.n, 1);
                assert_true(t.cut);
                assert_sample(&t, 0, 0, 4096);
        }
        t = read_text("seconds,rss_bytes");
        assert_int_equal(t.r, 0);
        assert_int_equal(t.n, 0);
}

static void a_nul_is_no_end(void **state)
{
        static const char bytes[] = "seconds,rss_bytes\n0,1\0\n";
        struct told t = read_bytes(bytes, sizeof bytes - 1);

        (void)state;
        assert_true(t.r < 0);
        assert_non_null(strstr(t.err.text, "is not a number"));
}

/* Longer than what is read at once, and lines of every length around its edge. */
static void a_long_recording_is_read_whole(void **state)
{
        enum { LINES = 200000 };
        _cleanup_(freep) char *text = malloc(LINES * 32);
        size_t size = (size_t)sprintf(text, "seconds,rss_bytes,x\n");
        struct told t;

        (void)state;
        for (int i = 0; i < LINES; i++)
                size += (size_t)sprintf(text + size, "%d,4096,%.*s\n", i, i % 17, "aaaaaaaaaaaaaaaaa");
        t = read_bytes(text, size);
        assert_string_equal(t.err.text, "");
        assert_int_equal(t.n, LINES);
}

static void a_line_without_end_is_refused(void **state)
{
        _cleanup_(freep) char *text = malloc(3 << 20);
        size_t size = (size_t)sprintf(text, "seconds,rss_bytes\n");
        struct told t;

        (void)state;
        memset(text + size, ',', (3 << 20) - size);
        t = read_bytes(text, 3 << 20);
        assert_true(t.r < 0);
        assert_non_null(strstr(t.err.text, ":2: the line is longer than 1 MiB"));
}

static void a_number_comes_out_as_the_nearest_double(void **state)
{
        static const char *const texts[] = { "0", "000", "0.1", "1.5", "123456789012345", "0.000001", "1700000000.1234",
                                             "73400320.", ".25", "12e3", "12E-3", "1.7976e2", "0e999", "-0",
                                             "0.0e-999" };

        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct error err = {};
                double got = NAN;

                assert_true(trace_number(texts[i], strlen(texts[i]), 1, &got, &err));
                assert_true(got == strtod(texts[i], NULL));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(csv_columns_stand_in_any_order_among_others),
                cmocka_unit_test(dates_count_from_the_first_sample_and_an_empty_cell_is_not_known),
                cmocka_unit_test(mprof_tells_the_process_from_its_functions_and_children),
                cmocka_unit_test(psrecord_names_its_columns_in_a_comment),
                cmocka_unit_test(a_malformed_line_is_named_with_its_reason),
                cmocka_unit_test(a_recording_that_ends_within_a_line_loses_that_line_alone),
                cmocka_unit_test(a_nul_is_no_end),
                cmocka_unit_test(a_long_recording_is_read_whole),
                cmocka_unit_test(a_line_without_end_is_refused),
                cmocka_unit_test(a_number_comes_out_as_the_nearest_double),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
