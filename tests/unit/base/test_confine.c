/* System calls that were given up are refused, for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"

/* In a process of its own: it can't be undone. What it returns is what went wrong: 0. */
static void assert_goes_well(int (*confined)(void))
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                struct error err = {};

                _exit(confine_no_new_privileges(&err) == 0 ? confined() : 99);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static bool is_refused(long result)
{
        return result < 0 && errno == EPERM;
}

static int named_calls(void)
{
        const struct confine_call more[] = { { "openat" }, { "no_such_call_on_any_machine" }, {} };
        struct error err = {};
        int fd;

        if (confine_system_calls(more, &err) < 0)
                return 1;
        fd = open("/dev/null", O_WRONLY);
        if (fd < 0 || write(fd, "x", 1) != 1)
                return 2;
        if (!is_refused(socket(AF_UNIX, SOCK_STREAM, 0)) || !is_refused(kill(getppid(), 0)))
                return 3;
        return is_refused(execl("/bin/true", "true", NULL)) ? 0 : 4;
}

static void what_is_not_named_is_refused(void **state)
{
        (void)state;
        assert_goes_well(named_calls);
}

static int calls_with_arguments(void)
{
        const struct confine_call more[] = { { "kill", 1, UINT32_MAX, 0 }, { "socket", 0, UINT32_MAX, AF_UNIX },
                                             { "socket", 0, UINT32_MAX, AF_NETLINK }, {} };
        struct error err = {};

        if (confine_system_calls(more, &err) < 0)
                return 1;
        if (kill(getppid(), 0) < 0 || !is_refused(kill(getppid(), SIGWINCH)))
                return 2;
        if (socket(AF_UNIX, SOCK_STREAM, 0) < 0 || socket(AF_NETLINK, SOCK_RAW, 0) < 0)
                return 3;
        return is_refused(socket(AF_INET, SOCK_STREAM, 0)) ? 0 : 4;
}

static void a_call_is_allowed_with_some_arguments_only(void **state)
{
        (void)state;
        assert_goes_well(calls_with_arguments);
}

/* The second filter takes away what the first one left. */
static int few_calls(void)
{
        const struct confine_call first[] = { { "seccomp" }, { "prctl" }, {} };
        const struct confine_call few[] = { { "write", 0, UINT32_MAX, 1 }, { "exit_group" }, { "mmap" }, { "munmap" },
                                            { "madvise" }, { "brk" }, { "sigaltstack" } /* sanitizers do */, {} };
        struct error err = {};

        if (confine_system_calls(first, &err) < 0)
                return 1;
        if (confine_to_system_calls(few, &err) < 0)
                return 2;
        if (!is_refused(fcntl(1, F_GETFD)) || !is_refused(write(2, "", 0)))
                return 3;
        return write(1, "", 0) == 0 ? 0 : 4;
}

static void none_but_these_means_none(void **state)
{
        (void)state;
        assert_goes_well(few_calls);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_named_is_refused),
                cmocka_unit_test(a_call_is_allowed_with_some_arguments_only),
                cmocka_unit_test(none_but_these_means_none),
        };

        return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
