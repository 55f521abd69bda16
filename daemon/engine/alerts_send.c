/* Senders: a helper process for each attempt to deliver an alert, its deadline, and the pauses between attempts. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/alerts_private.h"
#include "engine/role.h"
#include "model/webhook_url.h"

#define PAUSE_FIRST_MS 1000
#define PAUSE_LONGEST_MS (10 * 60 * 1000)
#define GIVEN_UP_AFTER_MS (INT64_C(7) * 24 * 3600 * 1000)
#define TELL_AGAIN_MS (3600 * 1000) /* how often a far side that stays down is logged */
#define LINE_SHOWN 400
#define STATUS_REFUSED 3            /* memtide-alert webhook: no use trying again */

static const struct {
        const char *word, *name;
        int64_t deadline_ms;
} kinds[ALERT_TARGETS] = {
        /* The helper gives the far side 10 s and says what became of it; this is for a helper that hangs by itself. */
        [ALERT_WEBHOOK] = { "webhook", "the webhook", 12000 },
        [ALERT_EXEC] = { "exec", "the program", 30000 },
};

void sender_init(struct sender *s, struct alerts *a, enum alert_target target)
{
        /* What an earlier daemon left in the outbox is looked for at once. */
        *s = (struct sender){ .alerts = a, .target = target, .may_wait = true, .output_fd = -1, .pause_ms = PAUSE_FIRST_MS,
                              .deadline_ms = kinds[target].deadline_ms };
}

/* Once the process is gone, or never came to be. */
static void forget_process(struct sender *s)
{
        s->child = sd_event_source_disable_unref(s->child);
        s->output = sd_event_source_disable_unref(s->output);
        s->timer = sd_event_source_disable_unref(s->timer);
        if (s->output_fd >= 0)
                close(s->output_fd);
        s->output_fd = -1;
        s->pid = 0;
}

static void kill_process(struct sender *s)
{
        if (s->pid <= 0)
                return;
        kill(-s->pid, SIGKILL);
        kill(s->pid, SIGKILL); /* it may not have a group of its own yet */
}

/* The far side may have it already while its answer is on the way: told twice for want of a moment would be a pity. */
static void await_end(struct sender *s, int64_t until_ms)
{
        const struct timespec shortly = { .tv_nsec = 2000000 };
        int status = 0;
        pid_t ended;

        while ((ended = waitpid(s->pid, &status, WNOHANG)) == 0 && clock_mono_ns() / 1000000 < until_ms)
                nanosleep(&shortly, NULL);
        if (ended == 0) {
                kill_process(s);
                waitpid(s->pid, NULL, WNOHANG);
        } else if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                store_drop_alert(s->alerts->store, s->alert);
        }
}

void sender_done(struct sender *s, int64_t until_ms)
{
        if (s->pid > 0) {
                s->child = sd_event_source_disable_unref(s->child);
                await_end(s, until_ms);
        }
        forget_process(s);
        buffer_done(&s->said);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *data)
{
        struct sender *s = data;

        (void)source, (void)usec;
        s->timer = sd_event_source_disable_unref(s->timer);
        s->state = SENDER_IDLE;
        alerts_look(s->alerts);
        return 0;
}

void sender_forget_pause(struct sender *s)
{
        s->may_wait = true;
        s->pause_ms = PAUSE_FIRST_MS;
        s->failing = false;
        if (s->state != SENDER_PAUSING)
                return;
        s->timer = sd_event_source_disable_unref(s->timer);
        s->state = SENDER_IDLE;
}

static int set_timer(struct sender *s, int64_t ms, sd_event_time_handler_t then)
{
        s->timer = sd_event_source_disable_unref(s->timer);
        return sd_event_add_time_relative(s->alerts->loop, &s->timer, CLOCK_MONOTONIC, (uint64_t)ms * 1000, 1000, then, s);
}

struct name {
        char text[400];
};

/* For the log: whom the alerts go to. */
static struct name name_of(const struct sender *s)
{
        const char *target = s->alerts->targets[s->target];
        struct name name, host = {};

        if (target && s->target == ALERT_WEBHOOK)
                webhook_url_show(target, host.text, sizeof host.text);
        else if (target)
                snprintf(host.text, sizeof host.text, "%s", target);
        snprintf(name.text, sizeof name.text, "%s%s%.380s", kinds[s->target].name, target ? " " : "", host.text);
        return name;
}

/* What it said, a line of the log each. */
static void log_said(struct sender *s)
{
        size_t at = 0;

        while (at < s->said.size) {
                const char *line = s->said.data + at, *end = memchr(line, '\n', s->said.size - at);
                size_t size = end ? (size_t)(end - line) : s->said.size - at;

                if (size)
                        log_info("%s: %.*s%s", kinds[s->target].word, size < LINE_SHOWN ? (int)size : LINE_SHOWN, line,
                                 size > LINE_SHOWN ? "…" : "");
                at += size + 1;
        }
        if (s->said_more)
                log_info("%s: and %zu bytes more", kinds[s->target].word, s->said_more);
}

/* The last line is where a program says what ended it, and the only one of the webhook's. */
static void last_line(const struct sender *s, const char **ret, int *ret_size)
{
        const char *text = s->said.data;
        size_t size = s->said.size, begin;

        while (size && (text[size - 1] == '\n' || text[size - 1] == ' '))
                size--;
        begin = size;
        while (begin && text[begin - 1] != '\n')
                begin--;
        *ret = size ? text + begin : "";
        *ret_size = size - begin < LINE_SHOWN ? (int)(size - begin) : LINE_SHOWN;
}

/* How an attempt ended that delivered nothing, in words. */
static void describe(const struct sender *s, const siginfo_t *how, char *ret, size_t room)
{
        const char *line;
        int size;

        last_line(s, &line, &size);
        if (s->out_of_time)
                snprintf(ret, room, "it took more than %" PRId64 " s and was killed", s->deadline_ms / 1000);
        else if (how->si_code != CLD_EXITED)
                snprintf(ret, room, "it was killed by signal %d (%s)", how->si_status, strsignal(how->si_status));
        else if (s->target == ALERT_WEBHOOK && size)
                snprintf(ret, room, "%.*s", size, line);
        else
                snprintf(ret, room, "it ended with status %d%s%.*s", how->si_status, size ? ": " : "", size, line);
}

/* The alert is done with, one way or the other; the next one's turn. */
static void drop(struct sender *s)
{
        store_drop_alert(s->alerts->store, s->alert);
        s->handled = s->alert;
        s->pause_ms = PAUSE_FIRST_MS;
        s->state = SENDER_IDLE;
}

static void delivered(struct sender *s)
{
        if (s->failing)
                log_notice("alerts reach %s again", name_of(s).text);
        s->failing = false;
        if (s->target == ALERT_EXEC)
                log_said(s);
        drop(s);
}

static void failed(struct sender *s, const char *why)
{
        int64_t now = clock_mono_ns() / 1000000;

        if (s->alerts->now_ms - s->alert_at_ms > GIVEN_UP_AFTER_MS) {
                log_error("an alert that %s did not take for 7 days is given up: %s", name_of(s).text, why);
                s->failing = true;
                s->told_mono_ms = now;
                drop(s);
                return;
        }
        if (!s->failing || now - s->told_mono_ms >= TELL_AGAIN_MS) {
                log_warning("alerts don't reach %s: %s; trying again, after %" PRId64 " s next", name_of(s).text, why,
                            s->pause_ms / 1000);
                s->told_mono_ms = now;
        }
        s->failing = true;
        s->state = SENDER_PAUSING;
        if (set_timer(s, s->pause_ms, on_pause_over) < 0)
                s->state = SENDER_IDLE; /* out of memory: the next tick looks again */
        s->pause_ms = s->pause_ms * 2 < PAUSE_LONGEST_MS ? s->pause_ms * 2 : PAUSE_LONGEST_MS;
}

/* Takes what is there, and keeps the beginning of it. False at its end. */
static bool take_output(struct sender *s)
{
        char bytes[16 * 1024];
        ssize_t n = read(s->output_fd, bytes, sizeof bytes);
        size_t room = OUTPUT_KEPT - s->said.size, kept;

        if (n <= 0)
                return n < 0 && (errno == EAGAIN || errno == EINTR);
        kept = (size_t)n < room ? (size_t)n : room;
        buffer_add(&s->said, bytes, kept);
        s->said_more += (size_t)n - kept;
        return true;
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        (void)fd, (void)revents;
        return take_output(data) ? 0 : sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static int on_end(sd_event_source *source, const siginfo_t *how, void *data)
{
        struct sender *s = data;
        char why[512];

        (void)source;
        take_output(s);
        forget_process(s);
        describe(s, how, why, sizeof why);
        if (how->si_code == CLD_EXITED && how->si_status == 0) {
                delivered(s);
        } else if (s->target == ALERT_WEBHOOK && how->si_code == CLD_EXITED && how->si_status == STATUS_REFUSED) {
                log_error("%s refused an alert, which is given up: %s", name_of(s).text, why);
                drop(s);
        } else {
                failed(s, why);
        }
        alerts_look(s->alerts);
        return 0;
}

/* It may even hang in the kernel and not die yet: its end is waited for by the loop, and until then nothing else is sent. */
static int on_deadline(sd_event_source *source, uint64_t usec, void *data)
{
        struct sender *s = data;

        (void)source, (void)usec;
        s->timer = sd_event_source_disable_unref(s->timer);
        s->out_of_time = true;
        kill_process(s);
        return 0;
}

static int start(struct sender *s, const char *body, struct error *err)
{
        const char *args[] = { kinds[s->target].word, NULL };
        struct role_start role = { .name = "memtide-alert", .args = args, .n_fds = 3 };
        _cleanup_(closep) int body_fd = file_memory("memtide-alert-body", body, strlen(body)), theirs = -1;
        int pair[2], r;

        if (body_fd < 0)
                return error_set(err, -body_fd, "cannot hand an alert over: %s", strerror(-body_fd));
        if (pipe2(pair, O_CLOEXEC) < 0)
                return error_set(err, errno, "cannot hand an alert over: %s", strerror(errno));
        s->output_fd = pair[0];
        theirs = pair[1];
        fcntl(s->output_fd, F_SETFL, O_NONBLOCK);
        role.fds[0] = s->alerts->config_fd;
        role.fds[1] = body_fd;
        role.fds[2] = theirs;
        s->pid = role_start(&role, err);
        if (s->pid < 0)
                return s->pid;
        r = sd_event_add_child(s->alerts->loop, &s->child, s->pid, WEXITED, on_end, s);
        if (r >= 0)
                r = sd_event_add_io(s->alerts->loop, &s->output, s->output_fd, EPOLLIN, on_output, s);
        if (r >= 0)
                r = sd_event_source_set_priority(s->output, SD_EVENT_PRIORITY_IDLE); /* whatever it says, sampling goes first */
        if (r >= 0)
                r = set_timer(s, s->deadline_ms, on_deadline);
        return r < 0 ? error_set(err, -r, "cannot watch memtide-alert: %s", strerror(-r)) : 0;
}

void sender_begin(struct sender *s, const struct store_alert *alert)
{
        struct error err = {};

        s->state = SENDER_SENDING;
        s->alert = alert->number;
        s->alert_at_ms = alert->at_ms;
        s->out_of_time = false;
        s->said_more = 0;
        buffer_clear(&s->said);
        if (start(s, alert->body, &err) == 0)
                return;
        kill_process(s);
        if (s->pid > 0)
                waitpid(s->pid, NULL, 0);
        forget_process(s);
        failed(s, err.text);
}
