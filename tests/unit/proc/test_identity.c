/* Who a process is, and what it uses, from a made-up proc tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proc/detail.h"
#include "proc/identity.h"
#include "proc_tree.h"

enum { NOW_MS = 100000 };

static const struct identity_rules plain = {};

#define CMDLINE(bytes) .cmdline = bytes, .cmdline_size = sizeof bytes - 1

static int read_one(struct proc_tree *t, const struct identity_rules *rules, int32_t pid, struct identity *who)
{
        struct identity_extra extra;

        return identity_read(&t->proc, rules, pid, IDENTITY_BY_LOOK, NOW_MS, who, &extra);
}

static void all_is_read(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        const struct identity_rules rules = { .open_statm = true };
        struct identity_extra extra;
        struct identity who;

        (void)state;
        t->proc.wall_less_boot_ms = 1000000;
        proc_tree_write_text(t, "cgroup/system.slice/shop.service/memory.max", "1073741824\n");
        proc_tree_add(t, (struct fake_process){ .pid = 4242, .ppid = 7, .start_ticks = 1234,
                                                .exe = "/usr/bin/python3.11",
                      CMDLINE("python3\0-m\0flask\0--app\0shop\0run\0--token\0x\0"),
                              .cgroup = "0::/system.slice/shop.service\n",
                      .limits = "Max data size             unlimited   unlimited  bytes\n"
                                "Max address space         2147483648  unlimited  bytes\n" });
        assert_int_equal(process_look(&t->proc, 4242), LOOK_PYTHON);
        assert_int_equal(identity_read(&t->proc, &rules, 4242, IDENTITY_BY_LOOK, NOW_MS, &who, &extra), IDENTITY_READ);
        assert_int_equal(extra.id.start_ticks, 1234);
        assert_int_equal(extra.id.boot, 0xb3f2c1d0);
        assert_false(extra.unreadable);
        assert_true(extra.statm_fd >= 0);
        close(extra.statm_fd);
        assert_string_equal(who.name, "python3");
        assert_int_equal(who.n_args, 8);
        assert_string_equal(who.args[7], "***");
        assert_int_equal(who.ppid, 7);
        assert_int_equal(who.uid, -1); /* libproc2's part, which knows the real /proc alone */
        assert_string_equal(who.python, "3.11");
        assert_string_equal(who.framework, "flask");
        assert_string_equal(who.application, "shop");
        assert_null(who.folder);
        assert_string_equal(who.unit, "shop.service");
        assert_int_equal(who.limit_bytes, 1073741824);
        assert_string_equal(who.limit_kind, "cgroup");
        assert_int_equal(who.started_at_ms, 1012340);
        identity_done(&who);
}

static void hostile_names_are_names(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct identity who;

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .comm = ") R 1 (\xff\n",
                                                .exe = "/usr/bin/python3" });
        assert_int_equal(read_one(t, &plain, 5, &who), IDENTITY_READ);
        assert_string_equal(who.name, ") R 1 (\xef\xbf\xbd\n");
        assert_int_equal(who.n_args, 0);
        assert_string_equal(who.application, ") R 1 (\xef\xbf\xbd\n");
        identity_done(&who);
}

static void a_cut_name_is_completed(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct identity who;

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .comm = "python3.11-some",
                                                .exe = "/usr/bin/python3",
                      CMDLINE("/x/python3.11-somewhere\0") });
        assert_int_equal(read_one(t, &plain, 5, &who), IDENTITY_READ);
        assert_string_equal(who.name, "python3.11-somewhere");
        identity_done(&who);
}

static void two_megabytes_are_cut(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        size_t size = 2 * 1024 * 1024, length;
        char *bytes = malloc(size);
        struct identity who;

        (void)state;
        memset(bytes, 'x', size);
        memcpy(bytes, "python3\0" "a.py", 13);
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .exe = "/usr/bin/python3", .cmdline = bytes,
                      .cmdline_size = size });
        assert_int_equal(read_one(t, &plain, 5, &who), IDENTITY_READ);
        assert_true(who.cmdline_truncated);
        length = strlen(who.args[0]) + strlen(who.args[1]) + strlen(who.args[2]) + 2;
        assert_int_equal(length, CMDLINE_KEPT);
        identity_done(&who);
        free(bytes);
}

static void what_is_no_python_is_a_stranger(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct identity who;

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .exe = "/bin/bash", CMDLINE("python3\0") });
        assert_int_equal(process_look(&t->proc, 5), LOOK_STRANGER);
        assert_int_equal(read_one(t, &plain, 5, &who), IDENTITY_STRANGER);
        proc_tree_add(t, (struct fake_process){ .pid = 6, .start_ticks = 9, .state = 'Z', .exe = "/usr/bin/python3" });
        assert_int_equal(read_one(t, &plain, 6, &who), IDENTITY_GONE);
        proc_tree_add(t, (struct fake_process){ .pid = 7, .start_ticks = 9, .flags = 0x200000, .comm = "python3" });
        assert_int_equal(process_look(&t->proc, 7), LOOK_GONE);
        assert_int_equal(read_one(t, &plain, 7, &who), IDENTITY_GONE);
        assert_int_equal(read_one(t, &plain, 8, &who), IDENTITY_GONE);
}

static void libpython_makes_it_one(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct identity_extra extra;
        struct identity who;
        int64_t start_ms;

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .comm = "uwsgi",
                                                .exe = "/usr/bin/uwsgi-core",
                      CMDLINE("uwsgi\0-w\0shop\0"), .maps = "1-2 r-xp 0 08:01 1 /usr/lib/libpython3.11.so.1.0\n" });
        assert_int_equal(process_look(&t->proc, 5), LOOK_STRANGER);
        assert_true(process_maps_python(&t->proc, 5, &start_ms));
        assert_int_equal(start_ms, 90);
        assert_int_equal(identity_read(&t->proc, &plain, 5, IDENTITY_BY_MAPS, NOW_MS, &who, &extra), IDENTITY_READ);
        assert_string_equal(who.python, "3.11");
        assert_string_equal(who.framework, "uwsgi");
        identity_done(&who);
}

static void a_fork_is_not_yet_known(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct identity who;

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = NOW_MS / 10 - 2, .flags = 0x40,
                                                .exe = "/usr/bin/python3" });
        assert_int_equal(read_one(t, &plain, 5, &who), IDENTITY_EARLY);
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = NOW_MS / 10 - 20, .flags = 0x40,
                                                .exe = "/usr/bin/python3" });
        assert_int_equal(read_one(t, &plain, 5, &who), IDENTITY_READ);
        assert_true(who.forked);
        identity_done(&who);
}

static void include_adds_and_exclude_wins(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        char *const include[] = { (char *)"^sleep" }, *const exclude[] = { (char *)"secret=\\*\\*\\*" };
        struct patterns *includes, *excludes;
        struct identity_rules rules;
        struct error err = {};
        struct identity who;

        (void)state;
        assert_int_equal(patterns_compile(include, 1, &includes, &err), 0);
        assert_int_equal(patterns_compile(exclude, 1, &excludes, &err), 0);
        rules = (struct identity_rules){ .include = includes, .exclude = excludes };
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .exe = "/bin/sleep",
                                                CMDLINE("sleep\0" "9\0") });
        assert_int_equal(read_one(t, &rules, 5, &who), IDENTITY_READ);
        assert_null(who.python);
        identity_done(&who);
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .exe = "/bin/sleep",
                                                CMDLINE("sleep\0secret=x\0") });
        assert_int_equal(read_one(t, &rules, 5, &who), IDENTITY_STRANGER);
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .exe = "/bin/cat", CMDLINE("cat\0") });
        assert_int_equal(read_one(t, &rules, 5, &who), IDENTITY_STRANGER);
        patterns_free(includes);
        patterns_free(excludes);
}

static void a_hanging_one_is_known_by_name(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct identity_extra extra;
        struct identity who;

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .comm = "python3.11",
                                                CMDLINE("python3.11\0x.py\0") });
        assert_int_equal(identity_read(&t->proc, &plain, 5, IDENTITY_BY_NAME, NOW_MS, &who, &extra), IDENTITY_READ);
        assert_true(extra.unreadable);
        assert_int_equal(who.n_args, 0);
        assert_string_equal(who.python, "3.11");
        identity_done(&who);
}

static void an_exec_leaves_another_mark(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        const struct process_id id = { .pid = 5, .start_ticks = 9 }, reused = { .pid = 5, .start_ticks = 8 };
        struct exec_mark before, after;

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .comm = "a" });
        assert_int_equal(exec_mark_read(&t->proc, &id, &before), 0);
        assert_true(exec_mark_read(&t->proc, &reused, &after) < 0);
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .comm = "renamed" });
        assert_int_equal(exec_mark_read(&t->proc, &id, &after), 0);
        assert_false(exec_mark_differs(&before, &after));
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .comm = "a",
                                                .start_stack = 0x7ffc00000000 });
        assert_int_equal(exec_mark_read(&t->proc, &id, &after), 0);
        assert_true(exec_mark_differs(&before, &after));
        proc_tree_add(t, (struct fake_process){ .pid = 5, .start_ticks = 9, .comm = "b", .start_stack = 1 });
        assert_int_equal(exec_mark_read(&t->proc, &id, &after), 0);
        assert_true(exec_mark_differs(&before, &after));
}

static void details_are_read_or_unknown(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        const struct process_id id = { .pid = 2000000000, .start_ticks = 9 };
        struct address_use use;
        struct report_exact exact;
        struct detail d;

        (void)state;
        proc_tree_add(t, (struct fake_process){ .pid = id.pid, .start_ticks = 9 });
        detail_read(&t->proc, &id, &d, &use);
        assert_int_equal(d.swap_bytes, 16 * 1024);
        assert_int_equal(d.peak_rss_bytes, 80000 * 1024);
        assert_int_equal(d.threads, 5);
        assert_int_equal(d.fds, -1);
        assert_int_equal(d.rchar_bytes, -1);
        assert_int_equal(d.cpu_ms, -1);
        assert_int_equal(d.pss_bytes, -1);
        assert_int_equal(use.size_bytes, 900000 * 1024);
        assert_int_equal(use.data_bytes, 70000 * 1024);
        assert_false(detail_read_rollup(&t->proc, &id, &d));
        detail_read_exact(&t->proc, &id, &exact);
        assert_int_equal(exact.rss_bytes, -1);
        proc_tree_write_text(t, "2000000000/io", "rchar: 90\nwchar: 1\nread_bytes: 8\n");
        proc_tree_write_text(t, "2000000000/smaps_rollup",
                             "0-1 ---p 0 0 0 [rollup]\nRss: 40 kB\nPss:  30 kB\nPss_Dirty: 1 kB\n"
                             "Private_Clean: 8 kB\nPrivate_Dirty: 12 kB\nAnonymous: 16 kB\nSwap: 4 kB\n"
                             "SwapPss: 4 kB\n");
        detail_read(&t->proc, &id, &d, &use);
        assert_int_equal(d.rchar_bytes, 90);
        assert_int_equal(d.read_bytes, 8);
        assert_true(detail_read_rollup(&t->proc, &id, &d));
        assert_int_equal(d.pss_bytes, 30 * 1024);
        assert_int_equal(d.uss_bytes, 20 * 1024);
        detail_read_exact(&t->proc, &id, &exact);
        assert_int_equal(exact.rss_bytes, 40 * 1024);
        assert_int_equal(exact.anon_bytes, 16 * 1024);
        assert_int_equal(exact.swap_bytes, 4 * 1024);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_is_read),
                cmocka_unit_test(hostile_names_are_names),
                cmocka_unit_test(a_cut_name_is_completed),
                cmocka_unit_test(two_megabytes_are_cut),
                cmocka_unit_test(what_is_no_python_is_a_stranger),
                cmocka_unit_test(libpython_makes_it_one),
                cmocka_unit_test(a_fork_is_not_yet_known),
                cmocka_unit_test(include_adds_and_exclude_wins),
                cmocka_unit_test(a_hanging_one_is_known_by_name),
                cmocka_unit_test(an_exec_leaves_another_mark),
                cmocka_unit_test(details_are_read_or_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
