/* What a control group says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proc/cgroup.h"
#include "proc_tree.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void assert_cgroup(const char *text, const char *path, const char *unit, const char *container)
{
        struct cgroup c;

        assert_int_equal(cgroup_parse(text, &c), 0);
        assert_string_equal(c.path ? c.path : "(none)", path ? path : "(none)");
        assert_string_equal(c.unit ? c.unit : "(none)", unit ? unit : "(none)");
        assert_string_equal(c.container ? c.container : "(none)", container ? container : "(none)");
        cgroup_done(&c);
}

static void units_are_services(void **state)
{
        (void)state;
        assert_cgroup("0::/system.slice/shop.service\n", "/system.slice/shop.service", "shop.service", NULL);
        assert_cgroup("0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n",
                      "/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service", "shop.service", NULL);
        assert_cgroup("0::/user.slice/user-0.slice/session-3.scope\n", "/user.slice/user-0.slice/session-3.scope",
                      NULL, NULL);
        assert_cgroup("0::/init.scope\n", "/init.scope", NULL, NULL);
        assert_cgroup("0::/system.slice/a\\x2db\\x0a.service\n", "/system.slice/a\\x2db\\x0a.service",
                      "a-b\\x0a.service", NULL);
        assert_cgroup("0::/system.slice/shop.service (deleted)\n", "/system.slice/shop.service", "shop.service", NULL);
        assert_cgroup("0::/a:b/c.service", "/a:b/c.service", "c.service", NULL);
}

static void v1_is_read_by_its_memory_controller(void **state)
{
        (void)state;
        assert_cgroup("9:name=systemd:/system.slice/shop.service\n4:memory:/shop\n0::/\n", "/shop", "shop.service",
                      NULL);
        assert_cgroup("9:name=systemd:/x.service\n8:pids:/y\n0::/\n", "/x.service", "x.service", NULL);
        assert_cgroup("4:cpu,memory:/m\n", "/m", NULL, NULL);
        assert_cgroup("0::/\n", "/", NULL, NULL);
}

static void containers_are_known_by_id_or_name(void **state)
{
        (void)state;
        assert_cgroup("0::/system.slice/docker-" ID ".scope\n", "/system.slice/docker-" ID ".scope", NULL,
                      "0123456789ab");
        assert_cgroup("4:memory:/docker/" ID "\n", "/docker/" ID, NULL, "0123456789ab");
        assert_cgroup("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope\n",
                      "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", NULL, "0123456789ab");
        assert_cgroup("4:memory:/kubepods/besteffort/pod1/" ID "\n", "/kubepods/besteffort/pod1/" ID, NULL,
                      "0123456789ab");
        assert_cgroup("0::/machine.slice/libpod-" ID ".scope/container\n",
                      "/machine.slice/libpod-" ID ".scope/container", NULL,
                      "0123456789ab");
        assert_cgroup("0::/machine.slice/libpod-conmon-" ID ".scope\n", "/machine.slice/libpod-conmon-" ID ".scope",
                      NULL, NULL);
        assert_cgroup("0::/lxc.payload.web/system.slice/x.service\n", "/lxc.payload.web/system.slice/x.service",
                      "x.service", "web");
        assert_cgroup("4:memory:/lxc/web\n", "/lxc/web", NULL, "web");
        assert_cgroup("0::/machine.slice/machine-web.scope/payload\n", "/machine.slice/machine-web.scope/payload",
                      NULL, "web");
}

static void broken_text_says_nothing(void **state)
{
        (void)state;
        assert_cgroup("", NULL, NULL, NULL);
        assert_cgroup("nonsense", NULL, NULL, NULL);
        assert_cgroup("1:2", NULL, NULL, NULL);
        assert_cgroup("::\n:::::\n", ":::", NULL, NULL);
}

static void the_lowest_limit_above_counts(void **state)
{
        _cleanup_(proc_tree_freep) struct proc_tree *t = proc_tree_new();
        struct cgroup v2 = { .path = (char *)"/a/b/c" }, v1 = { .path = (char *)"/a/b", .v1 = true };
        struct cgroup outside = { .path = (char *)"/../a" };

        (void)state;
        assert_int_equal(cgroup_limit(&t->proc, &v2), -1);
        proc_tree_write_text(t, "cgroup/a/b/c/memory.max", "max\n");
        proc_tree_write_text(t, "cgroup/a/b/memory.max", "1073741824\n");
        proc_tree_write_text(t, "cgroup/a/memory.max", "2147483648\n");
        assert_int_equal(cgroup_limit(&t->proc, &v2), 1073741824);
        proc_tree_write_text(t, "cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_int_equal(cgroup_limit(&t->proc, &v1), -1);
        proc_tree_write_text(t, "cgroup/memory/a/memory.limit_in_bytes", "4096\n");
        assert_int_equal(cgroup_limit(&t->proc, &v1), 4096);
        assert_int_equal(cgroup_limit(&t->proc, &outside), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(units_are_services),
                cmocka_unit_test(v1_is_read_by_its_memory_controller),
                cmocka_unit_test(containers_are_known_by_id_or_name),
                cmocka_unit_test(broken_text_says_nothing),
                cmocka_unit_test(the_lowest_limit_above_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
