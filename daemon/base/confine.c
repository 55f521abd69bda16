/* Giving up what a process doesn't need. */
#include "base/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

int confine_capabilities(const int *keep, size_t n, size_t n_in_force, struct error *err)
{
        bool had[CAP_LAST_CAP + 1] = {};

        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        if (capng_get_caps_process() < 0)
                return error_set(err, EPERM, "cannot read this process's capabilities");
        for (size_t i = 0; i < n; i++)
                had[keep[i]] = capng_have_capability(CAPNG_PERMITTED, (unsigned)keep[i]);
        bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

        capng_clear(may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
        for (size_t i = 0; i < n; i++) {
                if (!had[keep[i]])
                        continue;
                capng_update(CAPNG_ADD, CAPNG_PERMITTED | CAPNG_INHERITABLE, (unsigned)keep[i]);
                if (i < n_in_force)
                        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, (unsigned)keep[i]);
                if (may_bound)
                        capng_update(CAPNG_ADD, CAPNG_BOUNDING_SET, (unsigned)keep[i]);
        }
        /* The bounding set shrinks while CAP_SETPCAP is still there, the rest after it. */
        if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS) < 0)
                return error_set(err, EPERM, "cannot shrink the capability bounding set");
        if (capng_apply(CAPNG_SELECT_CAPS) < 0)
                return error_set(err, EPERM, "cannot drop capabilities");
        return 0;
}

void confine_pass_on(const int *keep, size_t n)
{
        for (size_t i = 0; i < n; i++)
                prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, keep[i], 0, 0);
}

int confine_user(const char *const *names, struct error *err)
{
        const struct passwd *who = NULL;

        if (geteuid() != 0)
                return 0;
        for (; *names && !who; names++)
                who = getpwnam(*names);
        if (!who)
                return error_set(err, ENOENT, "there is no user to change to: neither memtide nor nobody exists");
        if (setgroups(0, NULL) < 0 || setresgid(who->pw_gid, who->pw_gid, who->pw_gid) < 0 ||
            setresuid(who->pw_uid, who->pw_uid, who->pw_uid) < 0)
                return error_set(err, errno, "cannot become user %s: %s", who->pw_name, strerror(errno));
        return 0;
}

int confine_no_new_privileges(struct error *err)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_set(err, errno, "cannot set no_new_privs: %s", strerror(errno));
        return 0;
}

/* Seen by strace of all roles on glibc 2.36 (x86-64 and the names other architectures use for the same). */
static const char *const always[] = {
        "read", "readv", "pread64", "preadv", "write", "writev", "close", "close_range", "lseek", "_llseek", "fstat", "fstat64",
        "newfstatat", "fstatat64", "statx", "fcntl", "fcntl64", "dup", "dup2", "dup3", "mmap", "mmap2", "munmap", "mremap",
        "mprotect", "madvise", "brk", "futex", "futex_time64", "sched_yield", "nanosleep", "clock_nanosleep",
        "clock_nanosleep_time64", "clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday", "time", "timerfd_create",
        "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "poll", "ppoll", "ppoll_time64", "select", "pselect6",
        "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "pipe2", "rt_sigaction",
        "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigreturn", "sigaltstack", "signalfd4", "restart_syscall",
        "exit", "exit_group", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "tgkill",
        "set_robust_list", "rseq", "set_tid_address", "prlimit64", "getrlimit", "ugetrlimit", "getrusage", "sysinfo", "uname",
        "sched_getaffinity", "membarrier", "riscv_flush_icache", "arch_prctl",
};

/* A name that this architecture or this libseccomp doesn't know can't be called either. */
static int allow_call(scmp_filter_ctx filter, const struct confine_call *call)
{
        const struct scmp_arg_cmp only = { call->argument, SCMP_CMP_MASKED_EQ, call->mask, call->value };
        int number = seccomp_syscall_resolve_name(call->name);

        if (number == __NR_SCMP_ERROR)
                return 0;
        return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, call->mask ? 1 : 0, &only);
}

static int load_filter(const char *const *names, size_t n, const struct confine_call *calls, struct error *err)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        int r = filter ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = allow_call(filter, &(struct confine_call){ .name = names[i] });
        for (; r == 0 && calls->name; calls++)
                r = allow_call(filter, calls);
        if (r == 0)
                r = seccomp_load(filter);
        if (filter)
                seccomp_release(filter);
        return r < 0 ? error_set(err, -r, "cannot filter system calls: %s", strerror(-r)) : 0;
}

int confine_system_calls(const struct confine_call *more, struct error *err)
{
        return load_filter(always, sizeof always / sizeof *always, more, err);
}

int confine_to_system_calls(const struct confine_call *calls, struct error *err)
{
        return load_filter(NULL, 0, calls, err);
}

int confine_files(struct error *err)
{
        /* Everything that version 1 of Landlock (Linux 5.13) can forbid; with no rule that allows anything. */
        const struct landlock_ruleset_attr all = { .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };
        _cleanup_(closep) int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);

        if (rules < 0) /* built without it, switched off, or forbidden by an outer filter: the kernel has no Landlock for us */
                return 0;
        if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
                return error_set(err, errno, "cannot restrict this process by Landlock: %s", strerror(errno));
        return 0;
}
