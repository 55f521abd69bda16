/* One tick: sample everybody, see who exec'ed, who is gone and who is new, and say so. */
#include "sampler/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "proc/parse.h"

enum {
        FDS_SPARE = 64,
        FDS_MOST = 1 << 19,
        STATM_SIZE = 128, /* seven numbers */
        /* Discovery may take a quarter of the interval, within these; the rest waits for the next tick. */
        DISCOVER_LEAST_MS = 20,
        DISCOVER_MOST_MS = 200,
        DISCOVER_FIRST_MS = 250, /* 1,000 processes take 80 */
        EXEC_GAP_LOST_PAGES_MS = 4000,
        DETAIL_IN_TICK_NS = 2 * 1000 * 1000,
};

int seat_list_add(struct seat_list *l, uint32_t seat)
{
        if (l->n == l->room) {
                uint32_t room = l->room ? l->room * 2 : 64;
                uint32_t *seats = reallocarray(l->seats, room, sizeof *seats);

                if (!seats)
                        return -ENOMEM;
                l->seats = seats;
                l->room = room;
        }
        l->seats[l->n++] = seat;
        return 0;
}

/* As many descriptors as we are allowed, but for a few that everything else needs. */
static uint32_t fds_to_keep(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return 0;
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur <= FDS_SPARE)
                return 0;
        return limit.rlim_cur - FDS_SPARE > FDS_MOST ? FDS_MOST : (uint32_t)(limit.rlim_cur - FDS_SPARE);
}

int sampler_init(struct sampler *s, const struct config *config, struct proc *proc, int outbox_fd, struct error *err)
{
        int64_t now_ms = clock_boot_ms();
        int r;

        s->proc = *proc;
        *proc = (struct proc){ .fd = -1, .cgroup_fd = -1 };
        s->scan = (struct scan){ .folder_fd = -1, .loadavg_fd = -1 };
        s->outbox.fd = outbox_fd;
        s->show_secrets = config->show_secrets;
        s->interval_ms = config->interval_ms;
        s->detail_interval_ms = config->detail_interval_ms;
        s->first = true;
        s->looker = LOOKER_IDLE;
        s->table.kept_fds_max = fds_to_keep();
        s->rotation.interval_ms = s->detail_interval_ms;
        s->limits = limits_new();
        if (!s->limits)
                return error_set(err, ENOMEM, "out of memory for limits");
        allowance_init(&s->allowance, s->detail_interval_ms, now_ms);
        r = patterns_compile(config->include.items, config->include.n_items, &s->include, err);
        if (r == 0)
                r = patterns_compile(config->exclude.items, config->exclude.n_items, &s->exclude, err);
        if (r == 0)
                r = scan_open(s->proc.fd, &s->scan, err);
        return r;
}

void sampler_done(struct sampler *s)
{
        looker_done(&s->looker);
        requests_done(&s->requests);
        scan_close(&s->scan);
        proc_close(&s->proc);
        table_done(&s->table);
        strangers_done(&s->strangers);
        buffer_done(&s->outbox.waiting);
        buffer_done(&s->changed);
        buffer_done(&s->left);
        buffer_done(&s->headrooms);
        s->limits = limits_free(s->limits);
        s->include = patterns_free(s->include);
        s->exclude = patterns_free(s->exclude);
        free(s->changes);
        free(s->suspects.seats);
        free(s->gone.seats);
        free(s->not_python.seats);
        free(s->fresh.seats);
}

static int make_room(struct sampler *s, uint32_t seats)
{
        struct report_change *changes;
        uint32_t room = s->changes_room ? s->changes_room : 64;

        while (room < seats)
                room *= 2;
        if (room == s->changes_room)
                return 0;
        changes = reallocarray(s->changes, room, sizeof *changes);
        if (!changes)
                return -ENOMEM;
        s->changes = changes;
        s->changes_room = room;
        return 0;
}

static uint32_t pages(uint64_t n)
{
        return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX - 1;
}

static void add_change(struct sampler *s, uint32_t seat, const struct seat_hot *hot)
{
        s->changes[s->n_changes++] = (struct report_change){ seat, hot->rss_pages, hot->shared_pages };
}

/* It could not be read, or it is gone. The kernel says ESRCH of who has exited; all zero is a zombie. */
static int sample_failed(struct sampler *s, uint32_t seat, ssize_t n)
{
        struct seat_hot *hot = &s->table.hot[seat];

        if (n >= 0 || n == -ESRCH || n == -ENOENT)
                return seat_list_add(&s->gone, seat);
        if (hot->rss_pages != UINT32_MAX) {
                hot->rss_pages = UINT32_MAX;
                add_change(s, seat, hot);
        }
        return 0;
}

/* The one thing that is done for every process at every tick: this, and pread(), is the price of a sample. */
static int sample_text(struct sampler *s, uint32_t seat, const char *text, ssize_t n)
{
        struct seat_hot *hot = &s->table.hot[seat];
        struct statm m;
        struct seat *one = &s->table.seats[seat];
        uint32_t rss, shared, size, code, rss_before = hot->rss_pages;

        if (n <= 0 || !statm_parse(text, (size_t)n, &m) || m.size == 0)
                return sample_failed(s, seat, n);
        rss = pages(m.resident);
        shared = pages(m.shared);
        size = pages(m.size);
        code = pages(m.text);
        if (rss != hot->rss_pages || shared != hot->shared_pages) {
                hot->rss_pages = rss;
                hot->shared_pages = shared;
                add_change(s, seat, hot);
        }
        if (code == hot->text_pages && size == hot->size_pages)
                return 0;
        /* Another program has other code. The size alone changes often: that only makes it suspect, more so when pages
         * went with it, as an exec drops them all. */
        if (code != hot->text_pages) {
                one->code_changed = hot->text_pages != TEXT_UNKNOWN;
                one->exec_gap_ms = 0;
        } else if (rss < rss_before - rss_before / 4 && one->exec_gap_ms > EXEC_GAP_LOST_PAGES_MS) {
                one->exec_gap_ms = EXEC_GAP_LOST_PAGES_MS;
        }
        hot->size_pages = size;
        hot->text_pages = code;
        return seat_list_add(&s->suspects, seat);
}

static ssize_t read_kept(int fd, char text[static STATM_SIZE])
{
        ssize_t n = pread(fd, text, STATM_SIZE, 0);

        return n < 0 ? -errno : n;
}

/* Without a kept descriptor the pid may be another process's by now: its start is looked at as well. */
static ssize_t read_unkept(const struct sampler *s, uint32_t seat, char text[static STATM_SIZE])
{
        const struct process_id *id = &s->table.seats[seat].id;
        struct exec_mark mark;
        char path[32];
        ssize_t n;
        int r;

        snprintf(path, sizeof path, "%d/statm", id->pid);
        n = file_read_at(s->proc.fd, path, text, STATM_SIZE);
        r = n > 0 ? exec_mark_read(&s->proc, id, &mark) : 0;
        return r < 0 ? r : n;
}

static int sample_all(struct sampler *s)
{
        const struct table *t = &s->table;
        char text[STATM_SIZE];
        int r = 0;

        for (uint32_t seat = 0; seat < t->n && r == 0; seat++) {
                if (t->hot[seat].fd >= 0)
                        r = sample_text(s, seat, text, read_kept(t->hot[seat].fd, text));
                else if (t->hot[seat].fd == SEAT_UNKEPT)
                        r = sample_text(s, seat, text, read_unkept(s, seat, text));
        }
        return r;
}

bool sampler_sample_new(struct sampler *s, uint32_t seat)
{
        struct seat_hot *hot = &s->table.hot[seat];
        char text[STATM_SIZE];
        struct statm m = {};
        ssize_t n = hot->fd >= 0 ? read_kept(hot->fd, text) : read_unkept(s, seat, text);

        if (n <= 0 || !statm_parse(text, (size_t)n, &m) || m.size == 0 || make_room(s, s->table.n) < 0)
                return false;
        hot->rss_pages = pages(m.resident);
        hot->shared_pages = pages(m.shared);
        hot->size_pages = pages(m.size);
        hot->text_pages = pages(m.text);
        add_change(s, seat, hot);
        return true;
}

static void leave(struct sampler *s, uint32_t seat, enum report_gone why)
{
        struct seat *one = &s->table.seats[seat];

        report_add_gone(&s->left, seat, why);
        s->n_first -= !one->has_detail;
        one->fresh = false;
        limits_leave(s->limits, &one->limits);
        requests_forget(&s->requests, seat);
        looker_forget(&s->looker, seat);
        /* Whoever has its pid now, newer or chosen (clone3 with set_tid), or it itself after an exec, is looked at
         * soon. */
        strangers_add(&s->strangers, one->id.pid, s->now_ms, s->now_ms);
        table_leave(&s->table, seat);
}

/* Those that the kernel killed are, as far as can be told, the largest that died of SIGKILL. */
static void dismiss_gone(struct sampler *s)
{
        int64_t kills = s->gone.n ? oom_kills_unclaimed(&s->oom, s->proc.libproc, s->now_ms) : 0;

        for (; kills > 0; kills--) {
                uint32_t largest = UINT32_MAX, most = 0;

                for (uint32_t i = 0; i < s->gone.n; i++) {
                        uint32_t seat = s->gone.seats[i], rss = s->table.hot[seat].rss_pages;
                        const struct process_id *id = &s->table.seats[seat].id;

                        if (table_is_used(&s->table, seat) && rss != UINT32_MAX && rss > most &&
                            oom_may_have_killed(s->proc.fd, id->pid, id->start_ticks)) {
                                largest = seat;
                                most = rss;
                        }
                }
                if (largest == UINT32_MAX)
                        break;
                leave(s, largest, GONE_OOM_KILLED);
                oom_claim(&s->oom);
        }
        for (uint32_t i = 0; i < s->gone.n; i++)
                if (table_is_used(&s->table, s->gone.seats[i]))
                        leave(s, s->gone.seats[i], GONE_EXITED);
        for (uint32_t i = 0; i < s->not_python.n; i++)
                leave(s, s->not_python.seats[i], GONE_NOT_PYTHON);
        oom_end_tick(&s->oom, s->proc.libproc, s->now_ms);
}

static int64_t discover_until(const struct sampler *s)
{
        int64_t ms = s->interval_ms / 4;

        ms = ms < DISCOVER_LEAST_MS ? DISCOVER_LEAST_MS : ms > DISCOVER_MOST_MS ? DISCOVER_MOST_MS : ms;
        return clock_mono_ns() + (s->first ? DISCOVER_FIRST_MS : ms) * 1000000;
}

/* The changes of seats that have been given up since must not be told: the engine hears of them after GONE. */
static void drop_stale_changes(struct sampler *s)
{
        uint32_t n = 0;

        if (!s->table.n_leaving)
                return;
        for (uint32_t i = 0; i < s->n_changes; i++)
                if (table_is_used(&s->table, s->changes[i].seat))
                        s->changes[n++] = s->changes[i];
        s->n_changes = n;
}

static void take_frames(struct buffer *to, struct buffer *from)
{
        buffer_add(to, from->data, from->size);
        to->failed |= from->failed;
        buffer_clear(from);
}

static void say_tick(struct sampler *s, struct report_tick *tick)
{
        struct buffer *out = &s->outbox.waiting;

        take_frames(out, &s->changed);
        take_frames(out, &s->left);
        sampler_report_details(s);
        take_frames(out, &s->headrooms);
        sampler_report_exact(s);
        looker_report(s);
        drop_stale_changes(s);
        tick->n_changes = s->n_changes;
        tick->seats = s->table.used;
        tick->unreadable = s->table.unreadable;
        tick->cpu_ns = clock_cpu_ns();
        report_add_tick(out, tick, s->changes);
}

int sampler_tick(struct sampler *s, int64_t due_ns, uint32_t skipped, struct error *err)
{
        struct report_tick tick = { .due_mono_ns = due_ns, .began_mono_ns = clock_mono_ns(), .wall_ms = clock_wall_ms(),
                                    .boot_ms = clock_boot_ms(), .skipped = skipped };
        int64_t cpu_ns = clock_cpu_ns();
        int r;

        s->now_ms = tick.boot_ms;
        s->proc.wall_less_boot_ms = tick.wall_ms - tick.boot_ms;
        s->n_changes = s->suspects.n = s->gone.n = s->not_python.n = 0;
        r = make_room(s, s->table.n);
        if (r == 0)
                r = sample_all(s);
        cpu_ns = clock_cpu_ns() - cpu_ns;
        s->sampling_ns += ((double)cpu_ns - s->sampling_ns) / 8;
        if (r == 0)
                r = sampler_check_execs(s);
        if (r < 0)
                return error_set(err, -r, "out of memory sampling");
        dismiss_gone(s);
        r = sampler_discover(s, discover_until(s), err);
        if (r < 0)
                return r;
        sampler_read_details(s, clock_mono_ns() + DETAIL_IN_TICK_NS, false);
        say_tick(s, &tick);
        table_settle(&s->table);
        s->first = false;
        return 0;
}
