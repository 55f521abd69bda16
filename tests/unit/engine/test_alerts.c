/* Alerts: from an event to the program that is told of it. With a real store, a real loop and the real memtide-alert. */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "engine/alerts_private.h"
#include "world.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* A daemon that has nothing but findings and alerts. */
struct rig {
        struct world *world;
        sd_event *loop;
        struct alerts *alerts;
        struct config config;
        int config_fd;
        char program[128], heard[128], gate[128];
};

static void configure(struct rig *r, const char *program)
{
        char text[512];
        struct error err = {};

        snprintf(text, sizeof text, "db = %s\n%s%s\n", r->world->path, program ? "exec = " : "", program ? program : "");
        config_done(&r->config);
        if (config_parse(text, &r->config, &err) < 0)
                fail_msg("%s", err.text);
        if (r->config_fd >= 0)
                close(r->config_fd);
        r->config_fd = file_memory("config", text, strlen(text));
        assert_true(r->config_fd >= 0);
        alerts_configure(r->alerts, &r->config, r->config_fd);
}

static void begin(struct rig *r)
{
        assert_int_equal(sd_event_new(&r->loop), 0);
        r->alerts = alerts_new(r->loop);
        assert_non_null(r->alerts);
        world_open(r->world);
}

static void end(struct rig *r)
{
        r->alerts = alerts_free(r->alerts);
        world_close(r->world);
        r->loop = sd_event_unref(r->loop);
}

/* The program appends what it is told to `heard`, once `gate` is there; else it fails. */
static void write_program(struct rig *r, const char *more)
{
        FILE *f = fopen(r->program, "w");

        assert_non_null(f);
        fprintf(f, "#!/bin/sh\n%s\n[ -e %s ] || { echo not now; exit 1; }\n{ echo \"$MEMTIDE_EVENT $MEMTIDE_FINDING $MEMTIDE_KIND "
                   "$MEMTIDE_SEVERITY $#\"; cat; } >>%s\n", more, r->gate, r->heard);
        assert_int_equal(fclose(f), 0);
        chmod(r->program, 0755);
}

static void open_gate(struct rig *r)
{
        close(open(r->gate, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static int set_up(void **state)
{
        struct rig *r = calloc(1, sizeof *r);

        *state = r;
        r->config_fd = -1;
        r->world = world_new();
        snprintf(r->program, sizeof r->program, "%s/program", r->world->folder);
        snprintf(r->heard, sizeof r->heard, "%s/heard", r->world->folder);
        snprintf(r->gate, sizeof r->gate, "%s/gate", r->world->folder);
        begin(r);
        world_begin(r->world);
        write_program(r, ":");
        return 0;
}

static int tear_down(void **state)
{
        struct rig *r = *state;

        end(r);
        config_done(&r->config);
        close(r->config_fd);
        world_free(r->world);
        free(r);
        return 0;
}

/* Another tick, with these findings opened in it. */
static void tick(struct rig *r, int n)
{
        for (int i = 0; i < n; i++) {
                const struct finding f = {
                        .number = store_next_finding(r->world->store), .kind = FINDING_LEAK, .severity = SEVERITY_WARNING,
                        .process = r->world->processes[0].number, .app_id = "0123456789ab", .title = (char *)"it \"grows\"\nfast",
                        .opened_at_ms = r->world->at_ms, .updated_at_ms = r->world->at_ms, .closed_at_ms = -1,
                        .evidence = (char *)"{\"from_bytes\": 1}", .diagnosis = (char *)"[]", .advice = (char *)"[]",
                        .suspects = (char *)"[]",
                };

                store_put_finding(r->world->store, &f);
                alerts_tell(r->alerts, f.number, FINDING_OPENED);
        }
        world_tick(r->world);
        alerts_after_commit(r->alerts, r->world->store, r->world->path, r->world->at_ms);
}

/* Runs the loop until so many lines were heard, or for a while. Returns how many there are. */
static int run(struct rig *r, int lines, int64_t most_ms)
{
        int64_t until = clock_mono_ns() + most_ms * 1000000;
        int heard;

        do {
                _cleanup_(freep) char *text = NULL;
                size_t size = 0;

                heard = 0;
                if (file_load(AT_FDCWD, r->heard, 1 << 20, &text, &size) == 0)
                        for (size_t i = 0; i < size; i++)
                                heard += text[i] == '\n';
                if (heard >= lines)
                        break;
                assert_true(sd_event_run(r->loop, 20000) >= 0);
        } while (clock_mono_ns() < until);
        return heard;
}

/* Until nothing is sent or put off any more. */
static void settle(struct rig *r)
{
        while (r->alerts->senders[ALERT_EXEC].state != SENDER_IDLE)
                assert_true(sd_event_run(r->loop, 20000) >= 0);
}

static int waiting(struct rig *r)
{
        world_tick(r->world); /* so that it knows what was dropped */
        return (int)world_sql_int(r->world->path, "SELECT count(*) FROM alert_row");
}

static char *heard(struct rig *r)
{
        char *text = NULL;

        assert_int_equal(file_load(AT_FDCWD, r->heard, 1 << 20, &text, NULL), 0);
        return text;
}

static void each_event_is_told_once_and_in_order(void **state)
{
        struct rig *r = *state;
        _cleanup_(freep) char *text = NULL;
        const char *at;

        open_gate(r);
        configure(r, r->program);
        tick(r, 3);
        assert_int_equal(run(r, 6, 10000), 6);
        settle(r);
        text = heard(r);
        at = strstr(text, "opened 1 leak warning 0\n{\"event\": \"opened\", \"host\": \"");
        assert_ptr_equal(at, text);
        at = strstr(at, "\"title\": \"it \\\"grows\\\"\\nfast\"");
        assert_non_null(at);
        at = strstr(at, "opened 2 leak");
        assert_non_null(at);
        assert_non_null(strstr(at, "opened 3 leak"));
        assert_int_equal(waiting(r), 0);
        tick(r, 0);
        assert_int_equal(run(r, 7, 100), 6);
}

static void with_nobody_to_tell_nothing_waits(void **state)
{
        struct rig *r = *state;

        configure(r, NULL);
        tick(r, 2);
        assert_int_equal(waiting(r), 0);
        assert_int_equal(r->alerts->senders[ALERT_EXEC].state, SENDER_IDLE);
}

static void what_fails_is_tried_again_and_keeps_its_order(void **state)
{
        struct rig *r = *state;
        _cleanup_(freep) char *text = NULL;
        int64_t began = clock_mono_ns();

        configure(r, r->program);
        tick(r, 1);
        assert_int_equal(run(r, 1, 300), 0);
        assert_int_equal(r->alerts->senders[ALERT_EXEC].state, SENDER_PAUSING);
        tick(r, 1);
        open_gate(r);
        assert_int_equal(run(r, 4, 10000), 4);
        assert_true(clock_mono_ns() - began > 1000000000);
        text = heard(r);
        assert_ptr_equal(strstr(text, "opened 1 leak"), text);
        settle(r);
        assert_int_equal(waiting(r), 0);
}

static void what_was_not_delivered_is_after_a_restart(void **state)
{
        struct rig *r = *state;

        configure(r, r->program);
        tick(r, 2);
        assert_int_equal(run(r, 1, 300), 0);
        end(r);
        open_gate(r);
        begin(r);
        configure(r, r->program);
        tick(r, 0);
        assert_int_equal(run(r, 4, 10000), 4);
        settle(r);
        assert_int_equal(waiting(r), 0);
}

static void what_waits_for_nobody_any_more_goes(void **state)
{
        struct rig *r = *state;

        configure(r, r->program);
        tick(r, 2);
        run(r, 1, 300);
        configure(r, NULL);
        tick(r, 0);
        settle(r);
        tick(r, 0);
        assert_int_equal(waiting(r), 0);
}

static void another_target_is_tried_at_once(void **state)
{
        struct rig *r = *state;
        char other[160];

        configure(r, r->program);
        tick(r, 1);
        run(r, 1, 300);
        assert_int_equal(r->alerts->senders[ALERT_EXEC].state, SENDER_PAUSING);
        open_gate(r);
        snprintf(other, sizeof other, "%s/../%s/program", r->world->folder, basename(r->world->folder));
        configure(r, other);
        tick(r, 0);
        assert_int_equal(run(r, 2, 700), 2);
}

static void a_program_that_hangs_is_killed_with_its_children(void **state)
{
        struct rig *r = *state;
        char pid[32] = "", path[160];

        snprintf(path, sizeof path, "sleep 1000 & echo $! >%s/pid; [ -e %s ] || wait", r->world->folder, r->gate);
        write_program(r, path);
        configure(r, r->program);
        r->alerts->senders[ALERT_EXEC].deadline_ms = 500;
        tick(r, 1);
        while (r->alerts->senders[ALERT_EXEC].state == SENDER_SENDING)
                assert_true(sd_event_run(r->loop, 20000) >= 0);
        snprintf(path, sizeof path, "%s/pid", r->world->folder);
        assert_true(file_read_at(AT_FDCWD, path, pid, sizeof pid) > 0);
        /* Nobody reaps it here: dead is a zombie, too. */
        snprintf(path, sizeof path, "/proc/%d/cmdline", atoi(pid));
        for (int i = 0; i < 200 && file_read_at(AT_FDCWD, path, pid, sizeof pid) > 0; i++)
                usleep(5000);
        assert_true(file_read_at(AT_FDCWD, path, pid, sizeof pid) <= 0);
        assert_int_equal(r->alerts->senders[ALERT_EXEC].state, SENDER_PAUSING);
}

static void after_seven_days_it_is_given_up(void **state)
{
        struct rig *r = *state;

        configure(r, r->program);
        tick(r, 2);
        run(r, 1, 300);
        assert_int_equal(waiting(r), 2);
        r->world->at_ms += 8 * DAY_MS;
        tick(r, 0);
        settle(r);
        assert_int_equal(waiting(r), 0);
        assert_int_equal(run(r, 1, 0), 0);
}

static void a_program_that_floods_its_output_is_no_matter(void **state)
{
        struct rig *r = *state;

        write_program(r, "head -c 3000000 /dev/zero | tr '\\0' x");
        open_gate(r);
        configure(r, r->program);
        tick(r, 1);
        assert_int_equal(run(r, 2, 10000), 2);
        settle(r);
        assert_int_equal(r->alerts->senders[ALERT_EXEC].said.size, OUTPUT_KEPT);
        assert_int_equal(waiting(r), 0);
}

/* The engine looks for its roles beside its own executable. */
static void put_beside(const char *helper)
{
        char self[PATH_MAX], link[PATH_MAX + 32], whole[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

        assert_true(n > 0);
        assert_non_null(realpath(helper, whole)); /* it may be given from the build folder */
        self[n] = '\0';
        snprintf(link, sizeof link, "%s/memtide-alert", dirname(self));
        unlink(link);
        assert_int_equal(symlink(whole, link), 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(each_event_is_told_once_and_in_order, set_up, tear_down),
                cmocka_unit_test_setup_teardown(with_nobody_to_tell_nothing_waits, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_fails_is_tried_again_and_keeps_its_order, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_was_not_delivered_is_after_a_restart, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_waits_for_nobody_any_more_goes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(another_target_is_tried_at_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_program_that_hangs_is_killed_with_its_children, set_up, tear_down),
                cmocka_unit_test_setup_teardown(after_seven_days_it_is_given_up, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_program_that_floods_its_output_is_no_matter, set_up, tear_down),
        };
        sigset_t child;

        if (argc != 2) {
                fputs("usage: test_alerts MEMTIDE-ALERT\n", stderr);
                return 2;
        }
        put_beside(argv[1]);
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, NULL);
        return cmocka_run_group_tests_name("alerts", tests, NULL, NULL);
}
