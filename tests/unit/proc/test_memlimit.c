/* Which limit is the nearest: of control groups of both versions, of a process, of the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/memlimit.h"
#include "proc_tree.h"

#define MIB (INT64_C(1) << 20)
#define PID 4242

DEFINE_CLEANUP(struct limits *, limits_free)

#define LIMITS "Limit                     Soft Limit           Hard Limit           Units     \n"
#define ENDLESS LIMITS "Max data size             unlimited            unlimited            bytes     \n" \
        "Max address space         unlimited            unlimited            bytes     \n"

static void put(struct proc_tree *t, const char *folder, const char *file, const char *text)
{
        char path[256];

        snprintf(path, sizeof path, "cgroup/%s/%s", folder, file);
        proc_tree_write_text(t, path, text);
}

static void put_number(struct proc_tree *t, const char *folder, const char *file, int64_t number)
{
        char text[32];

        snprintf(text, sizeof text, "%" PRId64 "\n", number);
        put(t, folder, file, text);
}

/* A group of v2; limits below 0: "max". */
static void put_group(struct proc_tree *t, const char *folder, int64_t max, int64_t high, int64_t current,
                      int64_t inactive)
{
        char text[128];

        put(t, folder, "memory.max", "max\n");
        put(t, folder, "memory.high", "max\n");
        if (max >= 0)
                put_number(t, folder, "memory.max", max);
        if (high >= 0)
                put_number(t, folder, "memory.high", high);
        put_number(t, folder, "memory.current", current);
        snprintf(text, sizeof text, "anon 1\nfile 2\ninactive_anon 5\ninactive_file %" PRId64 "\nactive_file 3\n",
                 inactive);
        put(t, folder, "memory.stat", text);
        put(t, folder, "memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n");
}

static void put_machine(struct proc_tree *t, int64_t total, int64_t available)
{
        char text[128];

        snprintf(text, sizeof text, "MemTotal:  %" PRId64 " kB\nMemFree: 1 kB\nMemAvailable:   %" PRId64 " kB\n",
                 total / 1024, available / 1024);
        proc_tree_write_text(t, "meminfo", text);
}

/* What a process of this group and these limits is told to be near to, all read anew. */
static struct headroom nearest(struct proc_tree *t, const char *cgroup, const char *rlimits)
{
        _cleanup_(limits_freep) struct limits *l = limits_new();
        const struct address_use use = { .size_bytes = 500 * MIB, .data_bytes = 100 * MIB };
        struct process_limits of = PROCESS_LIMITS_NONE;
        struct headroom h;

        proc_tree_add(t, (struct fake_process){ .pid = PID, .start_ticks = 9, .cgroup = cgroup, .limits = rlimits });
        limits_look(l, &t->proc, PID, &of);
        limits_refresh(l, &t->proc, &of, 1000, 1000);
        limits_nearest(l, &t->proc, &of, &use, &h);
        limits_leave(l, &of);
        return h;
}

static void assert_near(struct headroom h, enum limit_kind kind, int64_t limit, int64_t used, const char *place)
{
        assert_int_equal(h.kind, kind);
        assert_int_equal(h.limit_bytes, limit);
        assert_int_equal(h.used_bytes, used);
        assert_int_equal(h.room_bytes, used < limit ? limit - used : 0);
        assert_string_equal(h.place, place);
}

static void the_group_with_the_least_room_counts(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct headroom h;

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        put_group(t, "a.slice/b.service", 1024 * MIB, -1, 300 * MIB, 100 * MIB);
        put_group(t, "a.slice", 2048 * MIB, -1, 1900 * MIB, 0);
        h = nearest(t, "0::/a.slice/b.service\n", ENDLESS);
        assert_near(h, LIMIT_CGROUP_MAX, 2048 * MIB, 1900 * MIB, "/a.slice");
        assert_int_equal(h.oom_kills, 3);
        assert_true(h.shared_by > 1);
        /* Its own, once it is the nearer one; page cache that can go does not count. */
        put_group(t, "a.slice/b.service", 1024 * MIB, -1, 1020 * MIB, 20 * MIB);
        assert_near(nearest(t, "0::/a.slice/b.service\n", ENDLESS), LIMIT_CGROUP_MAX, 1024 * MIB, 1000 * MIB,
                    "/a.slice/b.service");
}

static void memory_high_counts_too(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        put_group(t, "s", 1024 * MIB, 800 * MIB, 300 * MIB, 0);
        assert_near(nearest(t, "0::/s\n", ENDLESS), LIMIT_CGROUP_HIGH, 800 * MIB, 300 * MIB, "/s");
        put_group(t, "s", 1024 * MIB, 1024 * MIB, 300 * MIB, 0); /* equally near: what kills is said */
        assert_near(nearest(t, "0::/s\n", ENDLESS), LIMIT_CGROUP_MAX, 1024 * MIB, 300 * MIB, "/s");
        put_group(t, "s", -1, 200 * MIB, 300 * MIB, 0);
        assert_near(nearest(t, "0::/s\n", ENDLESS), LIMIT_CGROUP_HIGH, 200 * MIB, 300 * MIB, "/s");
}

static void those_of_one_group_share_its_room(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct headroom one, two, other;

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        put_group(t, "pod", 100 * MIB, -1, 90 * MIB, 0);
        put_group(t, "pod/x", -1, -1, 40 * MIB, 0);
        put_group(t, "pod/y", -1, -1, 50 * MIB, 0);
        put_group(t, "z", 100 * MIB, -1, 90 * MIB, 0);
        one = nearest(t, "0::/pod/x\n", ENDLESS);
        two = nearest(t, "0::/pod/y\n", ENDLESS);
        other = nearest(t, "0::/z\n", ENDLESS);
        assert_string_equal(one.place, "/pod");
        assert_true(one.shared_by == two.shared_by);
        assert_true(one.shared_by != other.shared_by);
}

static void v1_counts_the_hierarchy(void **state)
{
        static const char in[] = "9:name=systemd:/x.service\n4:memory:/docker/web\n0::/\n";
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct headroom h;

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        put(t, "memory", "memory.limit_in_bytes", "9223372036854771712\n");
        put(t, "memory", "memory.usage_in_bytes", "9223372036854771000\n");
        put_number(t, "memory/docker", "memory.limit_in_bytes", 1024 * MIB);
        put_number(t, "memory/docker", "memory.usage_in_bytes", 900 * MIB);
        put(t, "memory/docker", "memory.stat", "inactive_file 7\ntotal_inactive_file 104857600\n");
        put(t, "memory/docker", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
        put(t, "memory/docker", "memory.use_hierarchy", "1\n");
        put(t, "memory/docker/web", "memory.limit_in_bytes", "9223372036854771712\n");
        put(t, "memory/docker/web", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
        h = nearest(t, in, ENDLESS);
        assert_near(h, LIMIT_CGROUP_MAX, 1024 * MIB, 800 * MIB, "/docker");
        assert_int_equal(h.oom_kills, 7);
        /* Without a hierarchy what is above doesn't count. */
        put(t, "memory/docker", "memory.use_hierarchy", "0\n");
        assert_near(nearest(t, in, ENDLESS), LIMIT_MACHINE, 8192 * MIB, 4096 * MIB, "");
        assert_near(nearest(t, "4:memory:/docker\n", ENDLESS), LIMIT_CGROUP_MAX, 1024 * MIB, 800 * MIB, "/docker");
}

static void resource_limits_are_its_own(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct headroom h;

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        h = nearest(t, "0::/\n", LIMITS "Max data size             unlimited            unlimited            bytes\n"
                                        "Max address space         1073741824           unlimited            bytes\n");
        assert_near(h, LIMIT_RLIMIT_AS, 1024 * MIB, 500 * MIB, "");
        assert_int_equal(h.shared_by, 0);
        assert_int_equal(h.oom_kills, -1);
        h = nearest(t, "0::/\n", LIMITS "Max data size             209715200            unlimited            bytes\n"
                                        "Max address space         1073741824           unlimited            bytes\n");
        assert_near(h, LIMIT_RLIMIT_DATA, 200 * MIB, 100 * MIB, "");
}

static void without_limits_the_machine_is_left(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct headroom h;

        (void)state;
        assert_int_equal(nearest(t, "0::/\n", NULL).kind, LIMIT_NONE);
        put_machine(t, 8192 * MIB, 4096 * MIB);
        put_group(t, "a", -1, -1, 300 * MIB, 0);
        h = nearest(t, "0::/a\n", ENDLESS);
        assert_near(h, LIMIT_MACHINE, 8192 * MIB, 4096 * MIB, "");
        assert_int_equal(h.room_bytes, 4096 * MIB);
        assert_true(h.shared_by != 0);
        /* A limit above what the machine has left is not the nearest. */
        put_group(t, "a", 1 << 30, -1, 0, 0);
        put_machine(t, 8192 * MIB, 100 * MIB);
        assert_int_equal(nearest(t, "0::/a\n", ENDLESS).kind, LIMIT_MACHINE);
}

static void garbage_is_no_limit(void **state)
{
        static const char *const texts[] = { "", "\n", "max", "-1\n", "12x\n", "x12\n", " 12\n", "0x10\n", "\x80\xff\n",
                                             "9223372036854771712\n", "99999999999999999999999\n" };
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                put_group(t, "a", -1, -1, 300 * MIB, 0);
                put(t, "a", "memory.max", texts[i]);
                assert_int_equal(nearest(t, "0::/a\n", ENDLESS).kind, LIMIT_MACHINE);
                put_group(t, "a", 400 * MIB, -1, 300 * MIB, 0);
                put(t, "a", "memory.current", texts[i]); /* a limit with no use known can't be judged */
                assert_int_equal(nearest(t, "0::/a\n", ENDLESS).kind, LIMIT_MACHINE);
                put_group(t, "a", 400 * MIB, -1, 300 * MIB, 0);
                put(t, "a", "memory.stat", texts[i]);
                put(t, "a", "memory.events", texts[i]);
                assert_near(nearest(t, "0::/a\n", texts[i]), LIMIT_CGROUP_MAX, 400 * MIB, 300 * MIB, "/a");
                assert_int_equal(nearest(t, "0::/a\n", texts[i]).oom_kills, -1);
                assert_int_equal(nearest(t, texts[i], ENDLESS).kind, LIMIT_MACHINE);
        }
        put_group(t, "a", 400 * MIB, -1, 300 * MIB, 999 * MIB);
        assert_near(nearest(t, "0::/a\n", ENDLESS), LIMIT_CGROUP_MAX, 400 * MIB, 0, "/a");
        proc_tree_write_text(t, "meminfo", "MemTotal: kB\nMemAvailable: 9223372036854775807 kB\n");
        assert_int_equal(nearest(t, "0::/\n", ENDLESS).kind, LIMIT_NONE);
}

/* The number of the mount that the made-up cgroups are on, as mountinfo would say it. */
static uint64_t mount_of(struct proc_tree *t)
{
        struct statx st = {};

        if (statx(t->proc.cgroup_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
                skip(); /* Linux before 5.8 */
        return st.stx_mnt_id;
}

static void reopen_below(struct proc_tree *t, const char *root)
{
        char text[512], cgroup[128];
        struct error err = {};

        snprintf(text, sizeof text,
                 "23 1 0:21 / / rw - ext4 /dev/vda rw\n"
                 "%" PRIu64 " 23 0:28 %s /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n", mount_of(t), root);
        proc_tree_write_text(t, "self/mountinfo", text);
        snprintf(cgroup, sizeof cgroup, "%s/cgroup", t->path);
        proc_close(&t->proc);
        assert_int_equal(proc_open(t->path, cgroup, &t->proc, &err), 0);
}

/* In a container /sys/fs/cgroup may be the container's own group, while /proc tells the paths of the machine. */
static void a_part_of_the_tree_is_not_taken_for_all(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        put_group(t, ".", 512 * MIB, -1, 100 * MIB, 0); /* of /docker/me */
        put_group(t, "sub", 256 * MIB, -1, 100 * MIB, 0);
        put_group(t, "other", 128 * MIB, -1, 100 * MIB, 0);
        reopen_below(t, "/docker/me");
        assert_near(nearest(t, "0::/docker/me\n", ENDLESS), LIMIT_CGROUP_MAX, 512 * MIB, 100 * MIB, "/docker/me");
        assert_near(nearest(t, "0::/docker/me/sub\n", ENDLESS), LIMIT_CGROUP_MAX, 256 * MIB, 100 * MIB,
                    "/docker/me/sub");
        assert_int_equal(nearest(t, "0::/docker/other\n", ENDLESS).kind, LIMIT_MACHINE);
        assert_int_equal(nearest(t, "0::/other\n", ENDLESS).kind, LIMIT_MACHINE);
        assert_int_equal(nearest(t, "0::/docker/mean/sub\n", ENDLESS).kind, LIMIT_MACHINE);
        assert_int_equal(nearest(t, "0::/docker/me/../sub\n", ENDLESS).kind, LIMIT_MACHINE);
        assert_int_equal(nearest(t, "0::/\n", ENDLESS).kind, LIMIT_MACHINE);
        /* With a namespace of its own, what is outside has a path that leads out. */
        reopen_below(t, "/");
        assert_near(nearest(t, "0::/sub\n", ENDLESS), LIMIT_CGROUP_MAX, 256 * MIB, 100 * MIB, "/sub");
        assert_near(nearest(t, "0::/\n", ENDLESS), LIMIT_CGROUP_MAX, 512 * MIB, 100 * MIB, "/");
        assert_int_equal(nearest(t, "0::/../sub\n", ENDLESS).kind, LIMIT_MACHINE);
        assert_int_equal(nearest(t, "0::/..\n", ENDLESS).kind, LIMIT_MACHINE);
        /* A namespace made after the mount: only a group beside ours can be named. */
        reopen_below(t, "/..");
        assert_near(nearest(t, "0::/../sub\n", ENDLESS), LIMIT_CGROUP_MAX, 256 * MIB, 100 * MIB, "/../sub");
        assert_int_equal(nearest(t, "0::/sub\n", ENDLESS).kind, LIMIT_MACHINE);
        reopen_below(t, "/my\\040pod");
        assert_near(nearest(t, "0::/my pod/sub\n", ENDLESS), LIMIT_CGROUP_MAX, 256 * MIB, 100 * MIB, "/my pod/sub");
}

static void a_group_is_read_once_in_a_while(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        _cleanup_(limits_freep) struct limits *l = limits_new();
        const struct address_use use = { -1, -1 };
        struct process_limits one = PROCESS_LIMITS_NONE, two = PROCESS_LIMITS_NONE;
        struct headroom h;

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        put_group(t, "a", 400 * MIB, -1, 300 * MIB, 0);
        put_group(t, "b", 400 * MIB, -1, 350 * MIB, 0);
        proc_tree_add(t, (struct fake_process){ .pid = 1, .cgroup = "0::/a\n" });
        proc_tree_add(t, (struct fake_process){ .pid = 2, .cgroup = "0::/a\n" });
        limits_look(l, &t->proc, 1, &one);
        limits_look(l, &t->proc, 2, &two);
        limits_refresh(l, &t->proc, &one, 1000, 500);
        put_number(t, "a", "memory.current", 200 * MIB);
        limits_refresh(l, &t->proc, &two, 1499, 500);
        limits_nearest(l, &t->proc, &two, &use, &h);
        assert_int_equal(h.used_bytes, 300 * MIB);
        limits_refresh(l, &t->proc, &two, 1500, 500);
        limits_nearest(l, &t->proc, &one, &use, &h);
        assert_int_equal(h.used_bytes, 200 * MIB);
        /* Moved into another one. */
        proc_tree_add(t, (struct fake_process){ .pid = 1, .cgroup = "0::/b\n" });
        limits_look(l, &t->proc, 1, &one);
        limits_refresh(l, &t->proc, &one, 1501, 500);
        limits_nearest(l, &t->proc, &one, &use, &h);
        assert_string_equal(h.place, "/b");
        limits_leave(l, &one);
        limits_nearest(l, &t->proc, &two, &use, &h);
        assert_string_equal(h.place, "/a");
        limits_leave(l, &two);
}

static void depth_has_an_end(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        char cgroup[1200] = "0::";

        (void)state;
        put_machine(t, 8192 * MIB, 4096 * MIB);
        put_group(t, ".", 400 * MIB, -1, 300 * MIB, 0);
        for (int i = 0; i < 60; i++)
                strcat(cgroup, "/dddddddd");
        assert_int_equal(nearest(t, cgroup, ENDLESS).kind, LIMIT_CGROUP_MAX);
        for (int i = 0; i < 10; i++)
                strcat(cgroup, "/dddddddd");
        assert_int_equal(nearest(t, cgroup, ENDLESS).kind, LIMIT_MACHINE);
}

/* The real /proc and cgroups of this machine, as they are. */
static struct headroom really_nearest(int32_t pid)
{
        _cleanup_(proc_close) struct proc p = { .fd = -1, .cgroup_fd = -1 };
        _cleanup_(limits_freep) struct limits *l = limits_new();
        const struct process_id id = { .pid = pid };
        struct process_limits of = PROCESS_LIMITS_NONE;
        struct address_use use;
        struct detail detail;
        struct headroom h;
        struct error err = {};

        assert_int_equal(proc_open("/proc", "/sys/fs/cgroup", &p, &err), 0);
        detail_read(&p, &id, &detail, &use);
        limits_look(l, &p, pid, &of);
        limits_refresh(l, &p, &of, 1000, 1000);
        limits_nearest(l, &p, &of, &use, &h);
        limits_leave(l, &of);
        return h;
}

static int32_t start_child(void)
{
        int32_t pid = fork();

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        pause();
        }
        assert_true(pid > 0);
        return pid;
}

static void end_child(int32_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void a_real_resource_limit_is_seen(void **state)
{
        int32_t pid = start_child();
        struct rlimit low = { .rlim_cur = (rlim_t)MIB, .rlim_max = RLIM_INFINITY };
        struct headroom h;

        (void)state;
        if (prlimit(pid, RLIMIT_AS, &low, NULL) < 0) {
                end_child(pid);
                skip(); /* somebody limited us for good */
        }
        h = really_nearest(pid);
        assert_int_equal(h.kind, LIMIT_RLIMIT_AS);
        assert_int_equal(h.limit_bytes, MIB);
        assert_int_equal(h.room_bytes, 0);
        assert_true(h.used_bytes > MIB);
        end_child(pid);
}

static bool write_to(const char *folder, const char *file, int64_t number)
{
        char path[300];
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", folder, file);
        f = fopen(path, "w");
        if (!f)
                return false;
        fprintf(f, "%" PRId64 "\n", number);
        return fclose(f) == 0;
}

static void a_real_group_is_seen(void **state)
{
        bool v1 = access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0;
        int32_t pid = start_child();
        struct headroom h = HEADROOM_UNKNOWN;
        char folder[200];
        bool made;

        (void)state;
        snprintf(folder, sizeof folder, "/sys/fs/cgroup/%smemtide-test-%d", v1 ? "memory/" : "", (int)getpid());
        made = mkdir(folder, 0700) == 0 && write_to(folder, v1 ? "memory.limit_in_bytes" : "memory.max", 2 * MIB) &&
               write_to(folder, "cgroup.procs", pid);
        if (made)
                h = really_nearest(pid);
        end_child(pid);
        rmdir(folder);
        if (!made) {
                print_message("no control group with a memory limit can be made here\n");
                skip();
        }
        assert_int_equal(h.kind, LIMIT_CGROUP_MAX);
        assert_int_equal(h.limit_bytes, 2 * MIB);
        assert_true(h.used_bytes >= 0 && h.used_bytes <= 2 * MIB);
        assert_int_equal(h.oom_kills, 0);
        assert_string_equal(h.place, strrchr(folder, '/'));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_group_with_the_least_room_counts),
                cmocka_unit_test(memory_high_counts_too),
                cmocka_unit_test(those_of_one_group_share_its_room),
                cmocka_unit_test(v1_counts_the_hierarchy),
                cmocka_unit_test(resource_limits_are_its_own),
                cmocka_unit_test(without_limits_the_machine_is_left),
                cmocka_unit_test(garbage_is_no_limit),
                cmocka_unit_test(a_part_of_the_tree_is_not_taken_for_all),
                cmocka_unit_test(a_group_is_read_once_in_a_while),
                cmocka_unit_test(depth_has_an_end),
                cmocka_unit_test(a_real_resource_limit_is_seen),
                cmocka_unit_test(a_real_group_is_seen),
        };

        return cmocka_run_group_tests_name("memlimit", tests, NULL, NULL);
}
