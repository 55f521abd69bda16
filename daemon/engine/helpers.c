/* Starting, watching and replacing the sampler and the api. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/engine_private.h"

#define PAUSE_FIRST_MS 50
#define PAUSE_LONGEST_MS 30000
#define HEALTHY_AFTER_MS 60000

int64_t engine_mono_ms(void)
{
        return clock_mono_ns() / 1000000;
}

static int make_page(const char *name, size_t size, int *ret_fd, void **ret, struct error *err)
{
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        void *page = MAP_FAILED;

        if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
                page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED) {
                int code = errno;

                if (fd >= 0)
                        close(fd);
                return error_set(err, code, "cannot make the shared page %s: %s", name, strerror(code));
        }
        /* Nobody who gets it can shrink it under our feet (SIGBUS). */
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
        *ret_fd = fd;
        *ret = page;
        return 0;
}

int engine_make_pages(struct engine *e, struct error *err)
{
        void *page;
        int r = make_page("memtide-status", sizeof *e->status, &e->status_fd, &page, err);

        if (r < 0)
                return r;
        e->status = page;
        r = make_page("memtide-busy", sizeof *e->busy, &e->busy_fd, &page, err);
        if (r < 0)
                return r;
        e->busy = page;
        /* Of address space and of a sparse file: what is never written takes no memory. */
        r = make_page("memtide-board", sizeof *e->board + BOARD_ENTRIES_MAX * sizeof e->board->entries[0], &e->board_fd,
                      &page, err);
        if (r < 0)
                return r;
        e->board = page;
        return 0;
}

int engine_publish_config(struct engine *e, struct error *err)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int fd;

        if (!f)
                return error_set(err, ENOMEM, "out of memory for the settings");
        config_print(&e->config, f);
        if (fclose(f) != 0)
                return error_set(err, ENOMEM, "out of memory for the settings");
        fd = file_memory("memtide-config", text, size);
        if (fd < 0)
                return error_set(err, -fd, "cannot make the roles' settings: %s", strerror(-fd));
        if (e->config_fd >= 0)
                close(e->config_fd);
        e->config_fd = fd;
        return 0;
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *data)
{
        struct helper *h = data;

        (void)source, (void)usec;
        h->pause = sd_event_source_unref(h->pause);
        if (!h->pid && !h->engine->stopping)
                h->start(h->engine);
        return 0;
}

/* Comes back after a pause: quickly at first, so that a killed role costs a tick at most. */
static void helper_pause(struct helper *h)
{
        if (engine_mono_ms() - h->started_mono_ms > HEALTHY_AFTER_MS)
                h->pause_ms = 0;
        h->pause = sd_event_source_unref(h->pause);
        sd_event_add_time_relative(h->engine->loop, &h->pause, CLOCK_MONOTONIC, (uint64_t)h->pause_ms * 1000, 1000,
                                   on_pause_over, h);
        h->pause_ms = h->pause_ms ? h->pause_ms * 2 : PAUSE_FIRST_MS;
        if (h->pause_ms > PAUSE_LONGEST_MS)
                h->pause_ms = PAUSE_LONGEST_MS;
}

void engine_detach_sampler(struct engine *e)
{
        e->sampler_io = sd_event_source_disable_unref(e->sampler_io);
        if (e->sampler_fd >= 0)
                close(e->sampler_fd);
        e->sampler_fd = -1;
        buffer_clear(&e->incoming);
        buffer_clear(&e->requests);
        roster_clear_seats(e->roster);
        e->ended_cpu_ns += e->sampler_cpu_ns;
        e->sampler_cpu_ns = 0;
        e->hung_pid = 0;
        atomic_store_explicit(&e->status->sampler_pid, 0, memory_order_relaxed);
}

static int on_end(sd_event_source *source, const siginfo_t *how, void *data)
{
        struct helper *h = data;
        struct engine *e = h->engine;
        bool sampler = h == &e->sampler;

        if (how->si_pid != h->pid) { /* one that we stopped ourselves: it only had to be reaped */
                sd_event_source_set_floating(source, false); /* which drops the last reference, the loop's own */
                return 0;
        }
        h->child = sd_event_source_unref(h->child);
        h->pid = 0;
        if (how->si_code == CLD_EXITED && how->si_status == 127)
                log_error("%s could not be executed; trying again in %" PRId64 " ms", h->name, h->pause_ms);
        else if (how->si_code == CLD_EXITED)
                log_warning("%s ended with status %d; starting it again in %" PRId64 " ms", h->name, how->si_status, h->pause_ms);
        else
                log_warning("%s was killed by signal %d (%s); starting it again in %" PRId64 " ms", h->name, how->si_status,
                            strsignal(how->si_status), h->pause_ms);
        if (sampler) {
                engine_detach_sampler(e);
                atomic_fetch_add_explicit(&e->status->errors_sampler, 1, memory_order_relaxed);
        }
        helper_pause(h);
        return 0;
}

static void helper_begin(struct helper *h, const struct role_start *start)
{
        struct error err = {};
        pid_t pid = role_start(start, &err);

        h->started_mono_ms = engine_mono_ms();
        if (pid < 0) {
                log_error("%s; trying again in %" PRId64 " ms", err.text, h->pause_ms);
                helper_pause(h);
                return;
        }
        h->pid = pid;
        sd_event_add_child(h->engine->loop, &h->child, pid, WEXITED, on_end, h);
}

/* Not waited for: one that hangs in the kernel would hang us. The loop goes on watching it, and reaps it. */
void helper_stop(struct helper *h, int signal)
{
        h->pause = sd_event_source_unref(h->pause);
        if (h->child) {
                sd_event_source_set_floating(h->child, true);
                h->child = sd_event_source_unref(h->child);
        }
        if (h->pid > 0)
                kill(h->pid, signal);
        h->pid = 0;
}

void engine_start_sampler(void *engine)
{
        struct engine *e = engine;
        char ids[UNREADABLE_MAX][48];
        const char *args[2 * UNREADABLE_MAX + 1] = {};
        struct role_start start = { .name = e->sampler.name, .args = args, .n_fds = 3, .reads_processes = true };
        _cleanup_(closep) int theirs = -1;
        int pair[2];

        for (int i = 0; i < e->n_unreadable; i++) {
                snprintf(ids[i], sizeof ids[i], "%" PRId32 "-%" PRIu64, e->unreadable[i].pid, e->unreadable[i].start_ticks);
                args[2 * i] = "--unreadable";
                args[2 * i + 1] = ids[i];
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
                log_error("cannot make a socket for the sampler: %s", strerror(errno));
                helper_pause(&e->sampler);
                return;
        }
        e->sampler_fd = pair[0];
        theirs = pair[1];
        fcntl(e->sampler_fd, F_SETFL, O_NONBLOCK);
        atomic_store_explicit(&e->busy->pid, 0, memory_order_relaxed);
        start.fds[0] = e->config_fd;
        start.fds[1] = theirs;
        start.fds[2] = e->busy_fd;
        sd_event_add_io(e->loop, &e->sampler_io, e->sampler_fd, EPOLLIN, engine_on_report, e);
        e->last_round_mono_ms = engine_mono_ms();
        helper_begin(&e->sampler, &start);
        if (!e->sampler.pid)
                engine_detach_sampler(e);
        else
                atomic_store_explicit(&e->status->sampler_pid, e->sampler.pid, memory_order_relaxed);
}

static int open_read_only(int fd)
{
        char path[32];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        return open(path, O_RDONLY | O_CLOEXEC);
}

void engine_start_api(void *engine)
{
        struct engine *e = engine;
        char count[12];
        const char *args[] = { "--sockets", count, NULL };
        struct role_start start = { .name = e->api.name, .args = args, .n_fds = 3 };
        _cleanup_(closep) int status = open_read_only(e->status_fd), board = open_read_only(e->board_fd);

        if (status < 0 || board < 0) {
                log_error("cannot hand the shared pages to the api: %s", strerror(errno));
                helper_pause(&e->api);
                return;
        }
        snprintf(count, sizeof count, "%d", e->listeners.n);
        start.fds[0] = e->config_fd;
        start.fds[1] = status;
        start.fds[2] = board;
        for (int i = 0; i < e->listeners.n; i++)
                start.fds[start.n_fds++] = e->listeners.open[i].fd;
        helper_begin(&e->api, &start);
}

void engine_replace_sampler(struct engine *e, const char *why)
{
        log_warning("replacing the sampler: %s", why);
        helper_stop(&e->sampler, SIGKILL);
        engine_detach_sampler(e);
        atomic_fetch_add_explicit(&e->status->errors_sampler, 1, memory_order_relaxed);
        helper_pause(&e->sampler);
}

/* Two ways to hang: reading one process for longer than two ticks and a second (then that process is left out from now
 * on), or silence for much longer, which a busy machine alone doesn't explain. */
void engine_check_sampler(struct engine *e)
{
        int64_t now = engine_mono_ms(), silent = now - e->last_round_mono_ms;
        int32_t pid = atomic_load_explicit(&e->busy->pid, memory_order_relaxed);
        uint64_t start = atomic_load_explicit(&e->busy->start_ticks, memory_order_relaxed);
        char why[160];

        if (!e->sampler.pid || silent < e->config.interval_ms)
                return;
        if (pid != e->hung_pid) {
                e->hung_pid = pid;
                e->hung_since_ms = now;
        }
        if (pid && now - e->hung_since_ms > 1000 + 2 * e->config.interval_ms) {
                if (e->n_unreadable < UNREADABLE_MAX)
                        e->unreadable[e->n_unreadable++] = (struct process_id){ .pid = pid, .start_ticks = start };
                snprintf(why, sizeof why, "it hung reading process %" PRId32 ", which is left out from now on", pid);
                engine_replace_sampler(e, why);
        } else if (silent > 10000 + 3 * e->config.interval_ms) {
                snprintf(why, sizeof why, "nothing heard of it for %" PRId64 " s", silent / 1000);
                engine_replace_sampler(e, why);
        }
}
