/* The page of one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <math.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "client/page.h"

#define MIB INT64_C(1048576)
#define NOW INT64_C(1795359600000) /* Sunday 22 November 2026, 15:00 UTC */
#define HOUR INT64_C(3600000)

static const struct chart_point points[] = {
        { NOW - HOUR, 60 * MIB, 60 * MIB }, { NOW - HOUR / 2, 65 * MIB, 65 * MIB }, { NOW, 70 * MIB, 70 * MIB },
};

static struct page shop(void)
{
        return (struct page){
                .id = "4242-1833921-b3f2c1d0", .name = "python3", .cmdline = "python3 -m flask run",
                .app = "flask: shop",
                .framework = "flask", .python = "3.11", .user = "www-data", .unit = "shop.service",
                .cgroup = "/system.slice/shop.service", .limit_kind = "cgroup",
                .verdict = "insufficient-data", .pid = 4242, .ppid = 1, .rss_bytes = 70 * MIB,
                .peak_rss_bytes = 77 * MIB, .anon_bytes = 58 * MIB, .pss_bytes = -1, .uss_bytes = -1, .swap_bytes = 0,
                .limit_bytes = 1024 * MIB, .threads = 5, .fds = 21, .cpu_seconds = 12.4,
                .limit_at_ms = -1, .growing_since_ms = -1,
                .started_at_ms = NOW - HOUR, .exited_at_ms = -1, .sampled_at_ms = NOW, .points = points, .n_points = 3,
                .since_ms = NOW - HOUR, .until_ms = NOW, .now_ms = NOW,
        };
}

static char *write_page(const struct page *p, int width)
{
        struct buffer out = {};

        page_write(p, &(struct table_options){ .width = width, .utf8 = true }, &out);
        return buffer_take(&out, NULL);
}

static int set_utc(void **state)
{
        (void)state;
        setenv("TZ", "UTC0", 1);
        tzset();
        return 0;
}

static void it_says_who_and_how_much(void **state)
{
        static const char head[] =
                "python3 4242  running for 1 h\n"
                "4242-1833921-b3f2c1d0\n"
                "python3 -m flask run\n"
                "\n"
                "Memory     70.0 MiB                 App        flask: shop\n"
                "Peak       77.0 MiB                 Runs       flask, Python 3.11\n"
                "Anonymous  58.0 MiB                 User       www-data\n"
                "PSS        –                        Parent     1\n"
                "USS        –                        Started    14:00\n"
                "Swap       0 B                      Unit       shop.service\n"
                "Limit      1.00 GiB (cgroup)        Container  –\n"
                "Growth     –                        Cgroup     /system.slice/shop.service\n"
                "Verdict    too young to tell        Threads    5\n"
                "CPU time   12.4 s                   Files      21\n"
                "\n"
                "Memory, last 1 h\n";
        struct page p = shop();
        _cleanup_(freep) char *text = write_page(&p, 80);

        (void)state;
        assert_memory_equal(text, head, sizeof head - 1);
        assert_non_null(strstr(text, "\nFindings  none\n"));
        assert_non_null(strstr(text, "\nEvents  none\n"));
}

static void it_fits_the_terminal_but_for_the_folded_command(void **state)
{
        char command[3000];
        const struct page_event events[] = { { NOW, "started", command }, { NOW, command, command } };
        struct page p = shop();

        (void)state;
        memset(command, 'c', sizeof command - 1);
        command[sizeof command - 1] = '\0';
        p.name = p.app = p.unit = p.cgroup = p.user = p.container = command;
        p.events = events;
        p.n_events = 2;
        for (int width = 20; width <= 160; width += 20) {
                _cleanup_(freep) char *text = NULL;

                p.cmdline = NULL;
                text = write_page(&p, width);
                for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                        int columns = 0;

                        for (size_t at = 0, size = strlen(line); at < size;)
                                columns += text_width(text_next(line, size, &at));
                        /* The head's line may fold too. A chart is at least 30 wide. */
                        if (!strstr(line, "running for"))
                                assert_in_range(columns, 0, width < 40 ? 60 : width);
                }
        }
}

static void an_exited_process_says_when(void **state)
{
        struct page p = shop();
        _cleanup_(freep) char *text = NULL;

        (void)state;
        p.started_at_ms = NOW - 50 * HOUR;
        p.exited_at_ms = NOW - 24 * HOUR;
        text = write_page(&p, 80);
        assert_non_null(strstr(text, "python3 4242  exited Sat 15:00 after 1 d 2 h\n"));
        assert_non_null(strstr(text, "Memory in its last 1 h\n"));
}

static void findings_and_events_are_listed(void **state)
{
        const struct page_finding findings[] = {
                { 12, -1, "warning", "flask: shop grows by 46 MiB an hour since 22 Nov 14:02\033[2J" },
                { 9, NOW - HOUR, "info", "flask: shop jumped by 84 MiB at 22 Nov 13:02" },
        };
        const struct page_event events[] = { { NOW - HOUR, "started", "" }, { NOW, "exec", "python3 \033[2Jx" } };
        struct page p = shop();
        _cleanup_(freep) char *text = NULL;

        (void)state;
        p.findings = findings;
        p.n_findings = 2;
        p.events = events;
        p.n_events = 2;
        p.events_left_out = true;
        text = write_page(&p, 80);
        assert_non_null(strstr(text, "Findings\n"
                "▲ warning   12  flask: shop grows by 46 MiB an hour since 22 Nov 14:02�[2J\n"
                "● info      9  closed 14:00: flask: shop jumped by 84 MiB at 22 Nov 13:02\n"
                "memtide findings 12 says why, and what to do.\n"));
        assert_non_null(strstr(text, "Events  the newest\n14:00       started\n15:00       exec      python3 �[2Jx\n"));
}

static void a_leak_says_since_when_and_until_when(void **state)
{
        struct page p = shop();
        _cleanup_(freep) char *text = NULL;

        (void)state;
        p.verdict = "leak";
        p.growth_known = true;
        p.bytes_per_hour = 46.0 * MIB;
        p.growing_since_ms = NOW - HOUR;
        p.limit_at_ms = NOW + 3 * HOUR;
        text = write_page(&p, 80);
        assert_non_null(strstr(text, "\nLimit      1.00 GiB in about 3 h    Container"));
        assert_non_null(strstr(text, "\nGrowth     +46.0 MiB/h "));
        assert_non_null(strstr(text, "\nVerdict    ▲ leak since 14:00 "));
        free(text);
        p.limit_bytes = -1;
        text = write_page(&p, 80);
        assert_non_null(strstr(text, "\nLimit      reached in about 3 h "));
}

static void nothing_known_is_dashes(void **state)
{
        struct page p = { .id = "", .name = "", .ppid = -1, .rss_bytes = -1, .peak_rss_bytes = -1,
                          .anon_bytes = -1, .pss_bytes = -1, .uss_bytes = -1, .swap_bytes = -1, .limit_bytes = -1,
                          .threads = -1, .fds = -1, .cpu_seconds = NAN,
                          .started_at_ms = -1, .exited_at_ms = -1, .sampled_at_ms = -1, .now_ms = NOW };
        _cleanup_(freep) char *text = write_page(&p, 0);

        (void)state;
        assert_non_null(strstr(text, "Memory     –                        App        –\n"));
        assert_non_null(strstr(text, "No sample of this time is stored.\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_says_who_and_how_much),
                cmocka_unit_test(it_fits_the_terminal_but_for_the_folded_command),
                cmocka_unit_test(an_exited_process_says_when),
                cmocka_unit_test(findings_and_events_are_listed),
                cmocka_unit_test(a_leak_says_since_when_and_until_when),
                cmocka_unit_test(nothing_known_is_dashes),
        };

        return cmocka_run_group_tests(tests, set_utc, NULL);
}
