/* Looks into heaps, one child at a time. */
#include "sampler/looker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/look_bytes.h"
#include "proc/state.h"
#include "sampler/sampler.h"

enum {
        TRIES_MOST = 5,     /* ticks: disk sleep is short where it isn't a sickness */
        READ_AT_ONCE = 1 << 16, /* what a pipe holds */
        SWAPPED_PART = 20,
        LAST_WAIT_MS = 500, /* for a child to die: it reads memory, which SIGKILL interrupts */
};

static bool is_idle(const struct looker *l)
{
        return l->child.pidfd < 0;
}

int looker_fd(const struct looker *l)
{
        return l->child.pipe_fd >= 0 ? l->child.pipe_fd : l->child.pidfd;
}

static void close_pipe(struct looker *l)
{
        if (l->child.pipe_fd >= 0)
                close(l->child.pipe_fd);
        l->child.pipe_fd = -1;
}

static void become_idle(struct looker *l)
{
        close_pipe(l);
        close(l->child.pidfd);
        buffer_done(&l->answer);
        *l = (struct looker){ .child = { -1, -1 }, .patience_ms = l->patience_ms, .deadline_ns = INT64_MAX };
}

/* l->killed is set. */
static void end_it(struct looker *l)
{
        look_child_kill(&l->child);
        close_pipe(l);
        l->deadline_ns = INT64_MAX;
}

void looker_done(struct looker *l)
{
        struct pollfd ended = { .fd = l->child.pidfd, .events = POLLIN };
        int64_t cpu_us;

        if (!is_idle(l)) {
                look_child_kill(&l->child);
                poll(&ended, 1, LAST_WAIT_MS);
                look_child_reap(&l->child, &cpu_us, NULL);
                become_idle(l);
        }
}

void looker_forget(struct looker *l, uint32_t seat)
{
        if (is_idle(l) || l->seat != seat || l->forgotten)
                return;
        l->forgotten = true;
        end_it(l);
}

void looker_check_deadline(struct looker *l)
{
        if (is_idle(l) || clock_mono_ns() < l->deadline_ns)
                return;
        error_set(&l->killed, ETIME, "the look took longer than %g s and was ended", (double)l->patience_ms / 1000);
        end_it(l);
}

static void refuse(struct sampler *s, uint32_t seat, const char *reason)
{
        struct buffer answer = {};

        look_child_refuse(reason, &answer);
        requests_answer_look(&s->requests, seat, 0, &answer);
}

/* Is it no time to look at it? *why says so. */
static bool is_unfit(const struct process_state *state, struct error *why)
{
        double swapped = (double)state->swap_bytes, memory = (double)state->rss_bytes + swapped;

        if (state->letter == 'T')
                error_set(why, EBUSY, "it is stopped (state T): it is looked into when it runs again");
        else if (state->letter == 't' || state->tracer_pid)
                error_set(why, EBUSY, "it is being traced (TracerPid %d): it is looked into when it no longer is",
                          state->tracer_pid);
        else if (state->letter == 'D')
                error_set(why, EBUSY, "it was in disk sleep (state D) each time it was to be looked into");
        else if (strchr("ZXx", state->letter))
                error_set(why, ESRCH, "it has exited");
        else if (swapped > 0 && swapped * SWAPPED_PART > memory)
                error_set(why, EBUSY, "%.0f %% of it is swapped out, and a look would bring that back into memory",
                          100 * swapped / (memory > 0 ? memory : swapped));
        else
                return false;
        return true;
}

static void begin_one(struct sampler *s, struct look_wanted *wanted)
{
        const struct process_id *id = &s->table.seats[wanted->seat].id;
        struct looker *l = &s->looker;
        struct process_state state;
        struct error why = {};

        if (s->table.seats[wanted->seat].hangs) {
                refuse(s, wanted->seat, "whoever read it hung: it is left alone");
                return;
        }
        /* Gone: the tick will tell. */
        if (process_state_read(s->proc.fd, id->pid, &state) < 0 || state.start_ticks != id->start_ticks)
                return;
        if (state.letter == 'D' && ++wanted->tries < TRIES_MOST) {
                wanted->tried_ms = s->now_ms;
                requests_put_back(&s->requests, wanted);
                return;
        }
        if (is_unfit(&state, &why) || look_child_start(s->proc.fd, id, &l->child, &why) < 0) {
                refuse(s, wanted->seat, why.text);
                return;
        }
        l->seat = wanted->seat;
        l->mark = s->table.seats[l->seat].mark;
        l->began_ns = clock_mono_ns();
        l->deadline_ns = l->began_ns + l->patience_ms * 1000000;
}

void looker_begin(struct sampler *s)
{
        struct look_wanted wanted;

        while (is_idle(&s->looker) && requests_next_look(&s->requests, s->now_ms, &wanted))
                if (table_is_used(&s->table, wanted.seat))
                        begin_one(s, &wanted);
}

static bool is_another_program(const struct sampler *s, const struct looker *l)
{
        struct exec_mark mark;

        return exec_mark_read(&s->proc, &s->table.seats[l->seat].id, &mark) == 0 && exec_mark_differs(&l->mark, &mark);
}

/* It has ended: whatever it said counts if it ended well and is about who still sits there. */
static void finish(struct sampler *s, struct error *failed, int64_t cpu_us)
{
        struct looker *l = &s->looker;

        if (cpu_us < 0) /* not more than that, at least */
                cpu_us = (clock_mono_ns() - l->began_ns) / 1000;
        if (!l->forgotten && table_is_used(&s->table, l->seat) && sampler_is_still_there(s, l->seat)) {
                if (!failed->code && is_another_program(s, l))
                        error_set(failed, ESRCH, "it became another program while it was looked into");
                if (failed->code) {
                        buffer_clear(&l->answer);
                        l->answer.failed = false;
                        look_child_refuse(failed->text, &l->answer);
                }
                requests_answer_look(&s->requests, l->seat, cpu_us, &l->answer);
        }
        become_idle(l);
}

static void read_some(struct looker *l)
{
        ssize_t n;

        if (!buffer_reserve(&l->answer, READ_AT_ONCE)) {
                error_set(&l->killed, ENOMEM, "out of memory for what the look found");
                end_it(l);
                return;
        }
        n = read(l->child.pipe_fd, l->answer.data + l->answer.size, READ_AT_ONCE);
        if (n > 0)
                l->answer.size += (size_t)n;
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                close_pipe(l);
        if (l->answer.size > LOOK_BYTES_MOST) {
                error_set(&l->killed, EMSGSIZE, "the look said more than %d MiB and was ended", LOOK_BYTES_MOST >> 20);
                end_it(l);
        }
}

void looker_read(struct sampler *s)
{
        struct looker *l = &s->looker;
        struct error how = {};
        int64_t cpu_us;
        int r;

        if (l->child.pipe_fd >= 0)
                read_some(l);
        if (is_idle(l) || l->child.pipe_fd >= 0)
                return;
        r = look_child_reap(&l->child, &cpu_us, &how);
        if (r == -EAGAIN)
                return;
        if (r == 0 && !l->answer.size)
                error_set(&how, ENODATA, "the look ended without an answer");
        finish(s, l->killed.code ? &l->killed : &how, cpu_us);
}

void looker_report(struct sampler *s)
{
        struct requests *r = &s->requests;

        for (uint32_t i = 0; i < r->n_looks; i++)
                report_add_look(&s->outbox.waiting, r->looks[i].seat,
                                &(struct report_look){ r->looks[i].cpu_us, r->looks[i].bytes.data, r->looks[i].bytes.size });
        requests_done(r);
}
