/* memtide-sampler: started by memtided, with
 *
 *   descriptor 3  the configuration, as config_print() wrote it
 *   descriptor 4  a stream socket to the engine, for the frames of model/report.h and the engine's requests
 *   descriptor 5  a page of struct sampler_busy
 *
 * and --unreadable PID-STARTTICKS for each process that is known to hang who reads it. Ends with 0 on SIGTERM and when
 * the engine is gone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/log.h"
#include "sampler/sampler.h"

enum {
        CONFIG_FD = 3,
        ENGINE_FD = 4,
        BUSY_FD = 5,
        CONFIG_MOST = 1024 * 1024,
        /* Between two ticks, reading details that are due takes at most a sixteenth of the time, and no more than this.
         */
        DETAILS_PART = 16,
        DETAILS_MOST_NS = 60 * 1000 * 1000,
        /* No look is begun right before a tick: the fork, and the pages that have to be copied after it, take a
         * millisecond at worst. */
        LOOK_ROOM_NS = 10 * 1000 * 1000,
};

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
        (void)signal;
        stopping = 1;
}

static int read_config(struct config *ret, struct error *err)
{
        _cleanup_(buffer_done) struct buffer b = {};
        ssize_t n;

        do {
                if (b.size > CONFIG_MOST || !buffer_reserve(&b, 4096))
                        return error_set(err, ENOMEM, "the configuration is too large");
                n = pread(CONFIG_FD, b.data + b.size, b.room - b.size, (off_t)b.size);
                if (n < 0)
                        return error_set(err, errno, "cannot read the configuration: %s", strerror(errno));
                b.size += (size_t)n;
        } while (n > 0);
        buffer_add_char(&b, '\0');
        return config_parse(b.data, ret, err);
}

static int parse_arguments(int argc, char **argv, struct sampler *s, struct error *err)
{
        for (int i = 1; i < argc; i += 2) {
                struct process_id id;
                int parts;

                if (strcmp(argv[i], "--unreadable") != 0 || i + 1 == argc ||
                    !process_id_parse(argv[i + 1], &id, &parts) ||
                    parts < 2)
                        return error_set(err, EINVAL, "memtide-sampler is started by memtided; "
                                                      "'%s' is not --unreadable PID-STARTTICKS", argv[i]);
                if (s->n_hangs < UNREADABLE_MAX)
                        s->hangs[s->n_hangs++] = id;
        }
        return 0;
}

static int open_world(struct sampler *s, struct error *err)
{
        _cleanup_(proc_close) struct proc proc = { .fd = -1, .cgroup_fd = -1 };
        _cleanup_(config_done) struct config config = {};
        struct sampler_busy *busy = mmap(NULL, sizeof *busy, PROT_READ | PROT_WRITE, MAP_SHARED, BUSY_FD, 0);
        int r = proc_open("/proc", "/sys/fs/cgroup", &proc, err);

        if (r == 0)
                r = libproc_new(&proc.libproc, err);
        if (r == 0)
                r = read_config(&config, err);
        if (r < 0)
                return r;
        close(CONFIG_FD);
        if (busy != MAP_FAILED)
                proc.busy = busy;
        return sampler_init(s, &config, &proc, ENGINE_FD, err);
}

static int lock_in(struct error *err)
{
        static const int reading[] = { CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH };
        /* From clone on it is about the child that looks into heaps, its lock and its end: see look_child.c. No other
         * process can be made, and there are no other pidfds than its own. */
        static const struct confine_call calls[] = {
                { "openat" }, { "readlinkat" }, { "readlink" }, { "getdents64" },
                { "clone", 0, UINT64_MAX, CLONE_PIDFD | SIGCHLD }, { "waitid" },
                { "pidfd_send_signal", 1, UINT32_MAX, SIGKILL },
                { "prctl", 0, UINT32_MAX, PR_SET_PDEATHSIG }, { "prctl", 0, UINT32_MAX, PR_SET_DUMPABLE },
                { "prctl", 0, UINT32_MAX, PR_SET_NAME }, { "prctl", 0, UINT32_MAX, PR_SET_NO_NEW_PRIVS },
                { "setpriority" }, { "seccomp" }, { "process_vm_readv" },
                {},
        };
        int r = confine_capabilities(reading, sizeof reading / sizeof *reading, sizeof reading / sizeof *reading, err);

        if (r == 0)
                r = confine_no_new_privileges(err);
        return r < 0 ? r : confine_system_calls(calls, err);
}

/* Returns 0, or -EPIPE when the engine is gone. */
static int read_requests(struct sampler *s)
{
        struct report_request requests[REQUESTS_MAX];
        ssize_t n = read(ENGINE_FD, requests, sizeof requests);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                return -EPIPE;
        if (n > 0)
                requests_take(&s->requests, requests, (size_t)n);
        return 0;
}

/* Of the engine and the child that looks; 0, or -EPIPE when the engine is gone. */
static int answer_poll(struct sampler *s, const struct pollfd fds[static 2])
{
        int r = 0;

        if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
                return -EPIPE;
        if (fds[0].revents & POLLOUT)
                r = outbox_send(&s->outbox);
        if (r == 0 && (fds[0].revents & POLLIN))
                r = read_requests(s);
        if (fds[1].revents)
                looker_read(s);
        return r;
}

static void begin_look(struct sampler *s, int64_t until_ns)
{
        if (until_ns - clock_mono_ns() > LOOK_ROOM_NS)
                looker_begin(s);
}

/* Waits until until_ns, sending what the engine takes and doing what it asks for meanwhile. Signals come in here alone,
 * so that none is missed. Returns 0, or -EPIPE when the engine is gone. */
static int wait_until(struct sampler *s, int64_t until_ns)
{
        sigset_t none;

        sigemptyset(&none);
        for (;;) {
                struct pollfd fds[] = { { .fd = ENGINE_FD, .events = POLLIN },
                                        { .fd = looker_fd(&s->looker), .events = POLLIN } };
                int64_t now_ns = clock_mono_ns(), wake_ns = until_ns;
                int r;

                if (now_ns >= until_ns || stopping)
                        return 0;
                if (s->outbox.waiting.size)
                        fds[0].events |= POLLOUT;
                if (wake_ns > s->looker.deadline_ns)
                        wake_ns = s->looker.deadline_ns > now_ns ? s->looker.deadline_ns : now_ns;
                wake_ns -= now_ns;
                r = ppoll(fds, 2, &(struct timespec){ wake_ns / 1000000000, wake_ns % 1000000000 }, &none);
                looker_check_deadline(&s->looker);
                if (r <= 0)
                        continue;
                r = answer_poll(s, fds);
                if (r < 0)
                        return r;
                sampler_answer(s, until_ns, false);
                begin_look(s, until_ns);
        }
}

/* What is left to read for details is read right before the next tick, so that it goes out fresh. */
static int wait_for_tick(struct sampler *s, int64_t due_ns)
{
        int64_t time_ns = s->interval_ms * 1000000 / DETAILS_PART;
        int r;

        sampler_answer(s, due_ns - time_ns * 3 / 2, true);
        begin_look(s, due_ns);
        if (sampler_has_backlog(s)) {
                time_ns = time_ns < DETAILS_MOST_NS ? time_ns : DETAILS_MOST_NS;
                r = wait_until(s, due_ns - time_ns * 3 / 2); /* the last third is for one that takes long */
                if (r < 0 || stopping)
                        return r;
                sampler_read_details(s, due_ns - time_ns / 2, true);
        }
        return wait_until(s, due_ns);
}

static int run(struct sampler *s, struct error *err)
{
        int64_t interval_ns = s->interval_ms * 1000000, due_ns = clock_mono_ns();
        uint32_t skipped = 0;
        int r = 0;

        for (bool first = true; !stopping; first = false) {
                if (!outbox_is_full(&s->outbox)) {
                        r = sampler_tick(s, due_ns, skipped, err);
                        if (r < 0)
                                return r;
                        skipped = 0;
                        r = outbox_send(&s->outbox);
                } else {
                        skipped++;
                }
                if (r == 0) {
                        due_ns = schedule_next(due_ns, clock_mono_ns(), interval_ns, first, &skipped);
                        r = wait_for_tick(s, due_ns);
                }
                if (r == -EPIPE)
                        return 0;
                if (r < 0)
                        return error_set(err, -r, "out of memory telling the engine");
        }
        return 0;
}

int main(int argc, char **argv)
{
        struct sampler s = { .proc = { .fd = -1, .cgroup_fd = -1 }, .scan = { .folder_fd = -1, .loadavg_fd = -1 },
                             .looker = LOOKER_IDLE };
        const struct sigaction on_term = { .sa_handler = stop };
        struct error err = {};
        sigset_t ends;
        int r;

        log_init("memtide-sampler");
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        sigprocmask(SIG_BLOCK, &ends, NULL);
        sigaction(SIGTERM, &on_term, NULL);
        sigaction(SIGINT, &on_term, NULL);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGCHLD, SIG_DFL); /* were it ignored, nobody could ask how a look ended */
        r = parse_arguments(argc, argv, &s, &err);
        if (r == 0 && fcntl(ENGINE_FD, F_SETFL, O_NONBLOCK) < 0)
                r = error_set(&err, errno, "memtide-sampler is started by memtided: descriptor 4 is not there");
        if (r == 0)
                r = open_world(&s, &err);
        if (r == 0)
                r = lock_in(&err);
        if (r == 0)
                r = run(&s, &err);
        sampler_done(&s);
        if (r < 0)
                log_error("%s", err.text);
        return r == 0 ? 0 : err.code == EINVAL ? 2 : 1;
}
