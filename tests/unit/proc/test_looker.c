/* The engine asks for a look into a heap: a real Python is looked into by a child of the sampler, whoever can't be looked
 * into is said to be, and a child that crashes or hangs hurts nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/look_bytes.h"
#include "proc_tree.h"
#include "sampler/sampler.h"

enum { FIRST = 2000000001 }; /* pids that are nobody's */

/* A class with 5,000 instances, held by a dict of the module. */
static const char program[] = "class Order:\n"
                              "    pass\n"
                              "ORDERS = {i: Order() for i in range(5000)}\n"
                              "print('ready', end='', flush=True)\n"
                              "input()\n";

struct world {
        struct proc_tree *t;
        struct sampler s;
        struct error err;
        pid_t python;
        int python_in;
};

/* --- a made-up /proc: who is refused --- */

static struct world begin(const char *proc, struct proc_tree *t)
{
        struct world w = { .t = t, .python = -1, .python_in = -1 };
        struct config config = { .interval_ms = 1000, .detail_interval_ms = 1000 };
        struct proc opened;

        w.s = (struct sampler){ .proc = { .fd = -1, .cgroup_fd = -1 }, .scan = { .folder_fd = -1, .loadavg_fd = -1 } };
        assert_int_equal(proc_open(proc, "/nowhere", &opened, &w.err), 0);
        assert_int_equal(sampler_init(&w.s, &config, &opened, -1, &w.err), 0);
        return w;
}

static void tick(struct world *w)
{
        assert_int_equal(sampler_tick(&w->s, clock_mono_ns(), 0, &w->err), 0);
}

static void end(struct world *w)
{
        sampler_done(&w->s);
        if (w->python > 0) {
                kill(w->python, SIGKILL);
                waitpid(w->python, NULL, 0);
                close(w->python_in);
        }
        proc_tree_free(w->t);
}

static void ask(struct world *w, uint32_t seat)
{
        const struct report_request request = { .seat = seat, .what = REQUEST_LOOK };

        requests_take(&w->s.requests, &request, sizeof request);
}

/* How many looks the tick tells of, and the last of them, its cpu_us in the look; the outbox is empty then. */
static int looks_told(struct world *w, struct look *ret)
{
        struct buffer *b = &w->s.outbox.waiting;
        int found = 0;

        for (size_t at = 0; at < b->size;) {
                struct report one;
                int64_t n = report_parse(b->data + at, b->size - at, &one, &w->err);

                assert_true(n > 0);
                identity_done(&one.identity);
                if (one.kind == REPORT_LOOK) {
                        if (found++)
                                look_done(ret);
                        assert_int_equal(look_parse(one.look.bytes, one.look.size, ret, &w->err), 0);
                        ret->cpu_us = one.look.cpu_us;
                }
                at += (size_t)n;
        }
        buffer_clear(b);
        return found;
}

static struct world begin_made_up(char state, const char *status)
{
        struct proc_tree *t = proc_tree_new();
        char path[64];

        proc_tree_add(t, (struct fake_process){ .pid = FIRST, .start_ticks = 9, .exe = "/usr/bin/python3.11", .state = state,
                                                .cmdline = "python3\0shop.py", .cmdline_size = 16 });
        snprintf(path, sizeof path, "%d/status", FIRST);
        proc_tree_write_text(t, path, status);
        proc_tree_write_text(t, "loadavg", "0 0 0 1/9 2000000001\n");
        return begin(t->path, t);
}

static void assert_refused(struct world *w, const char *because)
{
        int64_t end_ms = clock_boot_ms() + 5000;
        struct look look;

        tick(w);
        ask(w, 0);
        while (clock_boot_ms() < end_ms) {
                looker_begin(&w->s);
                assert_int_equal(looker_fd(&w->s.looker), -1);
                tick(w); /* disk sleep is seen at some ticks, each of another millisecond */
                if (looks_told(w, &look) == 1) {
                        assert_non_null(strstr(look_missing(&look, "python"), because));
                        assert_false(look.complete);
                        assert_int_equal(look.cpu_us, 0);
                        look_done(&look);
                        end(w);
                        return;
                }
        }
        fail_msg("no answer that has '%s'", because);
}

static void who_cannot_be_looked_into_is_said_to_be(void **state)
{
        static const char calm[] = "Name:\tpython3\nTracerPid:\t0\nVmRSS:\t1000 kB\nVmSwap:\t10 kB\n";
        static const struct {
                char state;
                const char *status, *because;
        } cases[] = {
                { 'T', calm, "it is stopped (state T): it is looked into when it runs again" },
                { 't', calm, "traced" },
                { 'D', calm, "disk sleep" },
                { 'S', "TracerPid:\t77\nVmRSS:\t1000 kB\nVmSwap:\t0 kB\n", "TracerPid 77" },
                { 'S', "TracerPid:\t0\nVmRSS:\t1000 kB\nVmSwap:\t1000 kB\n", "50 % of it is swapped out" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct world w = begin_made_up(cases[i].state, cases[i].status);

                assert_refused(&w, cases[i].because);
        }
}

static void who_hangs_its_readers_is_left_alone(void **state)
{
        struct world w = begin_made_up('S', "TracerPid:\t0\n");

        (void)state;
        tick(&w);
        w.s.table.seats[0].hangs = true;
        assert_refused(&w, "hung");
}

static void seats_that_cannot_be_are_not_looked_into(void **state)
{
        struct world w = begin_made_up('T', "TracerPid:\t0\n");
        const struct report_request strange = { .seat = 0, .what = 77 };
        struct look look;

        (void)state;
        tick(&w);
        ask(&w, 1);
        ask(&w, UINT32_MAX);
        requests_take(&w.s.requests, &strange, sizeof strange);
        looker_begin(&w.s);
        tick(&w);
        assert_int_equal(looks_told(&w, &look), 0);
        for (uint32_t i = 0; i < 1000; i++)
                ask(&w, 1000 + i);
        assert_int_equal(w.s.requests.n_looks_waiting, REQUESTS_MAX);
        looker_begin(&w.s);
        assert_int_equal(w.s.requests.n_looks_waiting, 0);
        end(&w);
}

/* --- real processes --- */

/* Python with the program above, when it is ready; -1: there is none. */
static pid_t start_python(int *ret_in)
{
        int in[2], out[2];
        char line[16];
        ssize_t n;
        pid_t pid;

        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                dup2(in[0], 0);
                dup2(out[1], 1);
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                execlp("python3", "python3", "-c", program, NULL);
                _exit(127);
        }
        close(in[0]);
        close(out[1]);
        n = read(out[0], line, sizeof line);
        close(out[0]);
        *ret_in = in[1];
        if (n > 0)
                return pid;
        waitpid(pid, NULL, 0);
        close(in[1]);
        return -1;
}

static struct world begin_real(void)
{
        struct world w = begin("/proc", NULL);

        w.python = start_python(&w.python_in);
        if (w.python < 0) {
                print_message("no python3 here that starts: there is nothing to look into\n");
                sampler_done(&w.s);
                skip();
        }
        tick(&w);
        buffer_clear(&w.s.outbox.waiting);
        return w;
}

static uint32_t python_seat(struct world *w)
{
        uint32_t seat = table_find(&w->s.table, w->python);

        assert_int_not_equal(seat, PIDMAP_NONE);
        return seat;
}

/* Until nobody looks any more, as the sampler's loop does it. */
static void wait_for_end(struct world *w)
{
        while (looker_fd(&w->s.looker) >= 0) {
                struct pollfd fd = { .fd = looker_fd(&w->s.looker), .events = POLLIN };
                int64_t left_ms = w->s.looker.deadline_ns == INT64_MAX ? 60000
                                                                       : (w->s.looker.deadline_ns - clock_mono_ns()) / 1000000 + 1;
                int n = poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0);

                assert_true(n > 0 || left_ms < 60000);
                looker_check_deadline(&w->s.looker);
                if (n > 0)
                        looker_read(&w->s);
        }
}

static void look_at_python(struct world *w, struct look *ret)
{
        ask(w, python_seat(w));
        ask(w, python_seat(w)); /* asked twice, looked once */
        looker_begin(&w->s);
        assert_true(looker_fd(&w->s.looker) >= 0);
        wait_for_end(w);
        tick(w);
        assert_int_equal(looks_told(w, ret), 1);
}

static void a_real_heap_is_looked_into(void **state)
{
        struct world w = begin_real();
        struct look look;
        int64_t orders = -1, length = -1;

        (void)state;
        look_at_python(&w, &look);
        if (look_missing(&look, "python") && strstr(look_missing(&look, "python"), "may not be read")) {
                print_message("skipped: other processes' memory may not be read here\n");
                look_done(&look);
                end(&w);
                skip();
        }
        assert_null(look_missing(&look, "python"));
        assert_string_not_equal(look.python, "");
        for (size_t i = 0; i < look.n_types; i++)
                if (strcmp(look.types[i].name, "__main__.Order") == 0)
                        orders = look.types[i].objects;
        for (size_t i = 0; i < look.n_containers; i++)
                if (strcmp(look.containers[i].name, "__main__.ORDERS") == 0)
                        length = look.containers[i].length;
        assert_int_equal(orders, 5000);
        assert_int_equal(length, 5000);
        assert_true(look.memory.file_bytes > 0);
        assert_true(look.cpu_us > 0 && look.cpu_us < 5000000);
        look_done(&look);
        /* It can be asked for again. */
        look_at_python(&w, &look);
        look_done(&look);
        end(&w);
}

static void a_stopped_one_is_refused(void **state)
{
        struct world w = begin_real();
        struct look look;
        int status;

        (void)state;
        kill(w.python, SIGSTOP);
        assert_int_equal(waitpid(w.python, &status, WUNTRACED), w.python);
        ask(&w, python_seat(&w));
        looker_begin(&w.s);
        assert_int_equal(looker_fd(&w.s.looker), -1);
        tick(&w);
        assert_int_equal(looks_told(&w, &look), 1);
        assert_string_equal(look_missing(&look, "python"), "it is stopped (state T): it is looked into when it runs again");
        look_done(&look);
        end(&w);
}

/* The child gets a signal as soon as it is there: it may still be quicker, and then another one is begun. */
static void assert_child_that_gets(int number, int64_t patience_ms, const char *said)
{
        struct world w = begin_real();
        void (*handler)(int);
        bool hit = false;

        handler = signal(SIGSEGV, SIG_DFL); /* cmocka's would be the child's until it has settled */
        w.s.looker.patience_ms = patience_ms;
        for (int i = 0; i < 20 && !hit; i++) {
                const char *missing;
                struct look look;

                ask(&w, python_seat(&w));
                looker_begin(&w.s);
                assert_int_equal(syscall(SYS_pidfd_send_signal, w.s.looker.child.pidfd, number, NULL, 0), 0);
                wait_for_end(&w);
                tick(&w);
                assert_int_equal(looks_told(&w, &look), 1);
                missing = look_missing(&look, "python");
                hit = missing && strcmp(missing, said) == 0;
                look_done(&look);
        }
        signal(SIGSEGV, handler);
        assert_true(hit);
        end(&w);
}

static void a_child_that_hangs_is_ended(void **state)
{
        (void)state;
        assert_child_that_gets(SIGSTOP, 250, "the look took longer than 0.25 s and was ended");
}

static void a_child_that_crashes_is_said_to_have(void **state)
{
        (void)state;
        assert_child_that_gets(SIGSEGV, 20000, "the look was ended by signal 11 (Segmentation fault)");
        assert_child_that_gets(SIGXCPU, 20000, "the look took more than 5 s of CPU time and was ended");
}

static void who_has_gone_is_not_answered(void **state)
{
        struct world w = begin_real();
        struct look look;

        (void)state;
        ask(&w, python_seat(&w));
        looker_begin(&w.s);
        syscall(SYS_pidfd_send_signal, w.s.looker.child.pidfd, SIGSTOP, NULL, 0);
        kill(w.python, SIGKILL);
        waitpid(w.python, NULL, 0);
        tick(&w);
        wait_for_end(&w);
        tick(&w);
        assert_int_equal(looks_told(&w, &look), 0);
        w.python = -1;
        close(w.python_in);
        end(&w);
}

static void the_sampler_ends_with_a_look_under_way(void **state)
{
        struct world w = begin_real();
        int64_t began_ms = clock_boot_ms();

        (void)state;
        ask(&w, python_seat(&w));
        looker_begin(&w.s);
        syscall(SYS_pidfd_send_signal, w.s.looker.child.pidfd, SIGSTOP, NULL, 0);
        end(&w);
        assert_true(clock_boot_ms() - began_ms < 1000);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
        assert_int_equal(errno, ECHILD);
}

/* --- what the child may --- */

/* Bit by bit, what went otherwise than it should. */
static int try_everything(pid_t target, const void *address, int allowed_fd, int other_fd)
{
        const struct iovec remote = { (void *)(uintptr_t)address, 4 };
        char here[4];
        const struct iovec local = { here, sizeof here };
        struct error err = {};
        int wrong = 0;

        if (look_child_confine(target, allowed_fd, &err) < 0)
                return 64;
        wrong |= process_vm_readv(target, &local, 1, &remote, 1, 0) != 4 || memcmp(here, "seen", 4) != 0 ? 1 : 0;
        wrong |= write(allowed_fd, "x", 1) != 1 ? 2 : 0;
        wrong |= openat(AT_FDCWD, "/proc/self/maps", O_RDONLY) >= 0 || errno != EPERM ? 4 : 0;
        wrong |= kill(target, 0) == 0 || errno != EPERM || prctl(PR_SET_DUMPABLE, 1) == 0 || fork() >= 0 ? 8 : 0;
        wrong |= process_vm_readv(getppid(), &local, 1, &remote, 1, 0) >= 0 || errno != EPERM ? 16 : 0;
        wrong |= write(other_fd, "x", 1) >= 0 || errno != EPERM ? 32 : 0;
        wrong |= mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 64 : 0;
        return wrong;
}

static void the_child_may_read_one_memory_and_write_one_pipe(void **state)
{
        static char seen[] = "seen";
        int allowed[2], other[2], status;
        pid_t target, child;

        (void)state;
        assert_int_equal(pipe2(allowed, O_CLOEXEC), 0);
        assert_int_equal(pipe2(other, O_CLOEXEC), 0);
        target = fork();
        if (target == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        pause();
        }
        child = fork();
        if (child == 0) {
                prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                _exit(try_everything(target, seen, allowed[1], other[1]));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        kill(target, SIGKILL);
        waitpid(target, NULL, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        for (int i = 0; i < 2; i++) {
                close(allowed[i]);
                close(other[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_cannot_be_looked_into_is_said_to_be),
                cmocka_unit_test(who_hangs_its_readers_is_left_alone),
                cmocka_unit_test(seats_that_cannot_be_are_not_looked_into),
                cmocka_unit_test(a_real_heap_is_looked_into),
                cmocka_unit_test(a_stopped_one_is_refused),
                cmocka_unit_test(a_child_that_hangs_is_ended),
                cmocka_unit_test(a_child_that_crashes_is_said_to_have),
                cmocka_unit_test(who_has_gone_is_not_answered),
                cmocka_unit_test(the_sampler_ends_with_a_look_under_way),
                cmocka_unit_test(the_child_may_read_one_memory_and_write_one_pipe),
        };

        return cmocka_run_group_tests_name("looker", tests, NULL, NULL);
}
