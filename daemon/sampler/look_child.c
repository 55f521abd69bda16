/* The process that takes one look. Everything it needs is opened first; then it locks itself in, and only then reads
 * the other one's memory. */
#include "sampler/look_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/confine.h"
#include "model/look_bytes.h"
#include "proc/state.h"
#include "pyheap/look.h"

#ifdef __has_feature
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define SANITIZED 1 /* its shadow takes terabytes of addresses, and it complains on standard error */
#else
#define SANITIZED 0
#endif

enum {
        MEMORY_MOST = 192 << 20, /* addresses: a look takes some 40 MiB, libraries and what the sampler had 30 */
        FIRST_FD = SANITIZED ? 3 : 0,
        LOWEST_PRIORITY = 19,
};

struct task {
        int proc_fd, pipe_fd;
        pid_t parent;
        struct process_id id;
};

static void limit(int what, rlim_t most)
{
        setrlimit(what, &(struct rlimit){ most, most });
}

/* The first to go when memory is short, before anything that is watched. */
static void be_expendable(int proc_fd)
{
        int fd = openat(proc_fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return;
        if (write(fd, "1000", 4) < 0) {
                /* then it is as likely to go as the sampler */
        }
        close(fd);
}

static bool close_all_but(int a, int b)
{
        int low = a < b ? a : b, high = a < b ? b : a;

        if (low > FIRST_FD && syscall(SYS_close_range, FIRST_FD, low - 1, 0) < 0)
                return false;
        if (high > low + 1 && syscall(SYS_close_range, low + 1, high - 1, 0) < 0)
                return false;
        return syscall(SYS_close_range, high + 1, ~0U, 0) == 0;
}

/* Whoever forked it may have other ideas of how to end. */
static void die_by_signals(void)
{
        static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTERM, SIGINT };

        for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
                signal(fatal[i], SIG_DFL);
}

/* Nice 19, not SCHED_IDLE: it holds the other one's mmap lock while the kernel copies, and SCHED_IDLE may have to wait for
 * long with it on a busy machine, where nice 19 still gets on. No core dump, not to a pipe either: it would hold the other
 * one's memory. */
static bool settle(const struct task *t)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != t->parent || !close_all_but(t->proc_fd, t->pipe_fd))
                return false;
        die_by_signals();
        prctl(PR_SET_NAME, "memtide-look");
        setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY);
        be_expendable(t->proc_fd);
        prctl(PR_SET_DUMPABLE, 0);
        limit(RLIMIT_CORE, 0);
        limit(RLIMIT_CPU, LOOK_CPU_SECONDS);
        if (!SANITIZED)
                limit(RLIMIT_AS, MEMORY_MOST);
        return true;
}

int look_child_confine(pid_t pid, int pipe_fd, struct error *err)
{
        const struct confine_call calls[] = {
                { "read" },
                { "pread64" },
                { "lseek" },
                { "_llseek" },
                { "close" },
                { "fstat" },
                { "fstat64" },
                { "newfstatat", 3, AT_EMPTY_PATH, AT_EMPTY_PATH }, /* glibc's fstat(3) until 2.38 */
                { "statx", 2, AT_EMPTY_PATH, AT_EMPTY_PATH },
                { "brk" },
                { "mmap", 2, PROT_EXEC, 0 },
                { "mmap2", 2, PROT_EXEC, 0 },
                { "mprotect", 2, PROT_EXEC, 0 },
                { "mremap" },
                { "munmap" },
                { "madvise" },
                { "sysinfo" }, /* qsort(3) asks how much memory there is */
                { "clock_gettime" },
                { "clock_gettime64" },
                { "process_vm_readv", 0, UINT32_MAX, (uint32_t)pid },
                { "write", 0, UINT32_MAX, (uint32_t)pipe_fd },
                { "exit_group" },
                { "rt_sigreturn" },
                { "restart_syscall" },
#if SANITIZED
                { "write", 0, UINT32_MAX, STDERR_FILENO },
                { "futex" },
                { "getpid" },
                { "gettid" },
                { "getrandom" },
                { "rt_sigaction" },
                { "rt_sigprocmask" },
                { "sched_yield" },
                { "sigaltstack" },
#endif
                {},
        };

        return confine_to_system_calls(calls, err);
}

void look_child_refuse(const char *reason, struct buffer *to)
{
        struct look look;

        look_init(&look);
        look.cpu_us = 0;
        if (look_miss(&look, "python", reason) == 0)
                look_write(&look, to);
        else
                to->failed = true;
        look_done(&look);
}

static void look_into(struct look_files *files, const struct task *t, struct buffer *to)
{
        struct look_options options = LOOK_OPTIONS;
        struct error err = {};
        struct look look;

        if (look_child_confine(t->id.pid, t->pipe_fd, &err) < 0 || look_take(files, t->id.pid, &options, &look, &err) < 0) {
                look_child_refuse(err.text, to);
                return;
        }
        look_write(&look, to);
        look_done(&look);
}

static bool say(int pipe_fd, const struct buffer *b)
{
        for (size_t at = 0; at < b->size;) {
                ssize_t n = write(pipe_fd, b->data + at, b->size - at);

                if (n < 0 && errno != EINTR)
                        return false;
                at += n > 0 ? (size_t)n : 0;
        }
        return !b->failed;
}

/* The start is compared once the files are open: whoever is the right one then has been all the while. */
static _Noreturn void run(const struct task *t)
{
        struct process_state state;
        struct look_files files;
        struct buffer said = {};

        if (!settle(t))
                _exit(1);
        look_open(t->proc_fd, t->id.pid, &files);
        if (process_state_read(t->proc_fd, t->id.pid, &state) < 0 || state.start_ticks != t->id.start_ticks)
                _exit(1);
        close(t->proc_fd);
        look_into(&files, t, &said);
        _exit(say(t->pipe_fd, &said) ? 0 : 1); /* not exit(): the streams are the sampler's */
}

int look_child_start(int proc_fd, const struct process_id *id, struct look_child *ret, struct error *err)
{
        struct task task = { .proc_fd = proc_fd, .parent = getpid(), .id = *id };
        int pidfd = -1, ends[2];
        long pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_set(err, errno, "cannot make a pipe for a look: %s", strerror(errno));
        task.pipe_fd = ends[1];
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        /* Not fork(3): a pidfd is the one handle by which nobody else can ever be signalled or waited for. These very flags
         * are what the sampler's filter allows. */
        pid = syscall(SYS_clone, (unsigned long)(CLONE_PIDFD | SIGCHLD), NULL, &pidfd, NULL, NULL);
        if (pid == 0)
                run(&task);
        close(ends[1]);
        if (pid < 0 || pidfd < 0) {
                error_set(err, pid < 0 ? errno : ENOSYS, "cannot start a process for a look: %s",
                          pid < 0 ? strerror(errno) : "this kernel has no pidfds");
                close(ends[0]);
                return -err->code;
        }
        *ret = (struct look_child){ .pidfd = pidfd, .pipe_fd = ends[0] };
        return 0;
}

static int judge_end(const siginfo_t *how, struct error *err)
{
        if (how->si_code == CLD_EXITED && how->si_status == 0)
                return 0;
        if (how->si_code == CLD_EXITED)
                error_set(err, ECHILD, "the look ended with status %d", how->si_status);
        else if (how->si_status == SIGXCPU)
                error_set(err, ETIME, "the look took more than %d s of CPU time and was ended", LOOK_CPU_SECONDS);
        else
                error_set(err, ECHILD, "the look was ended by signal %d (%s)", how->si_status, strsignal(how->si_status));
        return 1;
}

int look_child_reap(const struct look_child *child, int64_t *ret_cpu_us, struct error *err)
{
        struct rusage used = {};
        siginfo_t how = {};

        *ret_cpu_us = -1;
        /* By hand: waitid(3) hides what it used. */
        if (syscall(SYS_waitid, P_PIDFD, child->pidfd, &how, WEXITED | WNOHANG, &used) < 0) {
                error_set(err, errno, "the look's end is not known: %s", strerror(errno));
                return 1;
        }
        if (how.si_pid == 0)
                return -EAGAIN;
        *ret_cpu_us = (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec +
                      used.ru_stime.tv_usec;
        return judge_end(&how, err);
}

void look_child_kill(const struct look_child *child)
{
        syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
}
