/* Who is new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/scan.h"
#include "proc_tree.h"

static bool listed(const struct scan *s, int32_t pid)
{
        for (size_t i = 0; i < s->n_pids; i++)
                if (s->pids[i] == pid)
                        return true;
        return false;
}

static void nothing_is_listed_without_a_fork(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        _cleanup_(scan_close) struct scan s = { .folder_fd = -1, .loadavg_fd = -1 };
        struct error err = {};

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = 10 });
        proc_tree_add(t, (struct fake_process){ .pid = 20 });
        proc_tree_write_text(t, "loadavg", "0 0 0 1/9 20\n");
        assert_int_equal(scan_open(t->proc.fd, &s, &err), 0);
        assert_false(s.seeks);
        assert_int_equal(scan_look(&s, 1000, &err), SCAN_ALL);
        assert_int_equal(s.n_pids, 2);
        assert_int_equal(scan_look(&s, 2000, &err), SCAN_NOTHING);
        proc_tree_add(t, (struct fake_process){ .pid = 30 });
        assert_int_equal(scan_look(&s, 3000, &err), SCAN_NOTHING);
        proc_tree_write_text(t, "loadavg", "0 0 0 1/9 30\n");
        assert_int_equal(scan_look(&s, 4000, &err), SCAN_NEWER);
        assert_int_equal(s.n_pids, 1);
        assert_true(listed(&s, 30));
}

static void a_wrapped_counter_and_each_minute_list_all(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        _cleanup_(scan_close) struct scan s = { .folder_fd = -1, .loadavg_fd = -1 };
        struct error err = {};

        (void)state;
        proc_tree_write_text(t, "loadavg", "0 0 0 1/9 32700\n");
        proc_tree_add(t, (struct fake_process){ .pid = 32700 });
        assert_int_equal(scan_open(t->proc.fd, &s, &err), 0);
        assert_int_equal(scan_look(&s, 1000, &err), SCAN_ALL);
        proc_tree_write_text(t, "loadavg", "0 0 0 1/9 301\n");
        proc_tree_add(t, (struct fake_process){ .pid = 301 });
        assert_int_equal(scan_look(&s, 2000, &err), SCAN_ALL);
        assert_true(listed(&s, 301));
        assert_int_equal(scan_look(&s, 61999, &err), SCAN_NOTHING);
        assert_int_equal(scan_look(&s, 62000, &err), SCAN_ALL);
        /* more threads, but no newer pid: somebody chose one */
        proc_tree_write_text(t, "loadavg", "0 0 0 1/10 301\n");
        assert_int_equal(scan_look(&s, 72000, &err), SCAN_ALL);
        assert_int_equal(scan_look(&s, 73000, &err), SCAN_NOTHING);
}

static void the_real_proc_lists_the_newer_alone(void **state)
{
        _cleanup_(scan_close) struct scan s = { .folder_fd = -1, .loadavg_fd = -1 };
        _cleanup_(closep) int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct error err = {};
        int32_t child;
        int r;

        (void)state;
        assert_int_equal(scan_open(proc_fd, &s, &err), 0);
        assert_int_equal(scan_look(&s, 1000, &err), SCAN_ALL);
        assert_true(listed(&s, getpid()));
        child = fork();
        if (child == 0) {
                pause();
                _exit(0);
        }
        r = scan_look(&s, 1001, &err);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (r == SCAN_ALL)
                skip(); /* the counter wrapped just now */
        assert_int_equal(r, SCAN_NEWER);
        assert_true(listed(&s, child));
        assert_false(listed(&s, getpid()));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_listed_without_a_fork),
                cmocka_unit_test(a_wrapped_counter_and_each_minute_list_all),
                cmocka_unit_test(the_real_proc_lists_the_newer_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
