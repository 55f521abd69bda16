/* A round: what the sampler reports of a tick goes into the store, and how we are into the status page. */
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "engine/engine_private.h"

#define TELL_AGAIN_MS (10 * 60 * 1000) /* a trouble that lasts is logged this often */
#define AGE_TRUSTED_AFTER_MS (10 * 60 * 1000) /* no history is dropped by age so soon after the clock jumped */
#define USAGE_EVERY 16 /* ticks */
#define KEPT_BUFFER (256 * 1024)
#define REQUESTS_MOST (64 * 1024) /* bytes that wait for the sampler */

static void tell_health(struct engine *e, enum health now, const struct error *err)
{
        int64_t mono = engine_mono_ms();

        if (now == e->health && (now == HEALTH_OK || mono - e->health_told_ms < TELL_AGAIN_MS))
                return;
        if (now == HEALTH_OK)
                log_notice("storing again: what waited in memory is written");
        else
                log_error("%s: %s%s%s", health_name(now), health_text(now), err->text[0] ? ": " : "", err->text);
        e->health = now;
        e->health_told_ms = mono;
        atomic_store_explicit(&e->status->health, now, memory_order_relaxed);
}

static int64_t rss_of(const char *statm_path)
{
        char text[128];
        long long size, resident;

        if (file_read_at(-1, statm_path, text, sizeof text) <= 0 || sscanf(text, "%lld %lld", &size, &resident) != 2)
                return 0;
        return resident * sysconf(_SC_PAGESIZE);
}

/* How much we use ourselves; read now and then, since nobody asks more often than Prometheus does. */
static void publish_usage(struct engine *e)
{
        char path[48];
        int64_t rss = rss_of("/proc/self/statm"), fds = -3; /* ".", ".." and the folder itself */
        DIR *folder = opendir("/proc/self/fd");

        while (folder && readdir(folder))
                fds++;
        if (folder)
                closedir(folder);

        if (e->sampler.pid) {
                snprintf(path, sizeof path, "/proc/%d/statm", (int)e->sampler.pid);
                rss += rss_of(path);
        }
        atomic_store_explicit(&e->status->rss_bytes, rss, memory_order_relaxed);
        atomic_store_explicit(&e->status->fds, fds, memory_order_relaxed);
}

static void publish_round(struct engine *e, const struct report_tick *tick, int64_t at_ms, bool stored)
{
        struct status *s = e->status;
        int64_t late_ns = tick->began_mono_ns - tick->due_mono_ns;
        struct store_counts counts = store_counts(e->store);

#define ADD(member, value) atomic_fetch_add_explicit(&s->member, (value), memory_order_relaxed)
#define SET(member, value) atomic_store_explicit(&s->member, (value), memory_order_relaxed)
        ADD(samples, tick->seats);
        ADD(ticks_late, tick->skipped + (late_ns > e->config.interval_ms * 1000000 / 2));
        ADD(tick_ns, clock_mono_ns() - tick->due_mono_ns);
        if (atomic_load_explicit(&s->ticks, memory_order_relaxed) % USAGE_EVERY == 0)
                publish_usage(e);
        ADD(ticks, 1);
        ADD(errors_unreadable, roster_failed_samples(e->roster));
        SET(unreadable_now, tick->unreadable);
        SET(errors_not_stored, counts.dropped_samples);
        SET(cpu_ns, clock_cpu_ns() + e->ended_cpu_ns + e->sampler_cpu_ns);
        if (stored) {
                SET(last_tick_at_ms, at_ms);
                SET(last_tick_boot_ms, tick->boot_ms);
        }
#undef ADD
#undef SET
}

static void tell_systemd(struct engine *e, uint32_t by_name)
{
        uint32_t n = roster_count(e->roster);

        if (!e->ready) {
                sd_notifyf(0, "READY=1\nSTATUS=Watching %" PRIu32 " Python processes", n);
                log_info("ready: watching %" PRIu32 " Python processes every %" PRId64 " ms", n, e->config.interval_ms);
                if (by_name)
                        log_notice("%" PRIu32 " of them are seen by name only: without the right to read other users' processes "
                                   "(CAP_SYS_PTRACE) their RSS is known, not their PSS, USS, files and bytes read",
                                   by_name);
                e->ready = true;
        } else if (n != e->told_count) {
                sd_notifyf(0, "STATUS=Watching %" PRIu32 " Python processes", n);
        }
        e->told_count = n;
}

/* Maintenance that fails is told once in a while: the samples themselves are safe. */
static void maintain(struct engine *e, int64_t at_ms, int64_t boot_ms)
{
        bool age_allowed = !e->timeline.jumped_ms || boot_ms - e->timeline.jumped_ms > AGE_TRUSTED_AFTER_MS;
        struct error err = {};

        if (store_maintain(e->store, at_ms, age_allowed, &err) == 0 ||
            (e->maintain_told_ms && engine_mono_ms() - e->maintain_told_ms < TELL_AGAIN_MS))
                return;
        log_warning("housekeeping of the database: %s", err.text);
        e->maintain_told_ms = engine_mono_ms();
}

static enum health commit(struct engine *e)
{
        struct error trouble = {};
        bool reopened = false;
        enum health health = store_commit(e->store, &reopened, &trouble);

        tell_health(e, health, &trouble);
        if (!reopened)
                return health;
        if (health == HEALTH_OK && trouble.text[0]) /* where a damaged one went */
                log_error("%s", trouble.text);
        log_notice("the database is a new file: starting the api anew on it");
        helper_stop(&e->api, SIGTERM);
        engine_start_api(e);
        watch_reopened(e->watch);
        return health;
}

/* What is not asked now is believed later: nobody waits for a sampler that doesn't read. */
static void ask_sampler(struct engine *e)
{
        ssize_t n = 0;

        if (e->requests.size && e->sampler_fd >= 0)
                n = send(e->sampler_fd, e->requests.data, e->requests.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
                buffer_drop(&e->requests, (size_t)n);
        if (e->requests.size > REQUESTS_MOST || e->requests.failed)
                buffer_done(&e->requests);
}

static int take_round(struct engine *e, size_t size, const struct report_tick *tick, struct error *err)
{
        int64_t at_ms = timeline_next(&e->timeline, tick->wall_ms, tick->boot_ms);
        enum health health;
        int r = roster_apply(e->roster, e->incoming.data, size, at_ms, e->users, e->store, err);

        if (r < 0)
                return r;
        e->last_round_mono_ms = engine_mono_ms();
        e->hung_pid = 0;
        e->sampler_cpu_ns = tick->cpu_ns;
        watch_tick(e->watch, e->store, at_ms, tick->boot_ms, &e->requests);
        ask_sampler(e);
        health = commit(e);
        publish_round(e, tick, at_ms, health == HEALTH_OK);
        /* The next tick may be an hour away: what was found is told now. */
        if (health == HEALTH_OK && watch_after_commit(e->watch, e->store, e->alerts, e->config.db, at_ms))
                health = commit(e);
        if (health == HEALTH_OK)
                alerts_after_commit(e->alerts, e->store, e->config.db, at_ms);
        if (health == HEALTH_OK)
                maintain(e, at_ms, tick->boot_ms);
        tell_systemd(e, tick->unreadable);
        return 0;
}

static int take_rounds(struct engine *e, struct error *err)
{
        for (;;) {
                struct report_tick tick;
                int64_t n = report_find_tick(e->incoming.data, e->incoming.size, &tick, err);
                int r;

                if (n <= 0)
                        return (int)n;
                r = take_round(e, (size_t)n, &tick, err);
                if (r < 0)
                        return r;
                buffer_drop(&e->incoming, (size_t)n);
                if (!e->incoming.size && e->incoming.room > KEPT_BUFFER) {
                        /* Many processes began at once: what that took for a moment lies scattered between what stays. */
                        buffer_done(&e->incoming);
                        malloc_trim(0);
                }
        }
}

int engine_on_report(sd_event_source *source, int fd, uint32_t revents, void *engine)
{
        struct engine *e = engine;
        struct error err = {};
        ssize_t n;

        (void)source, (void)revents;
        if (!buffer_reserve(&e->incoming, 64 * 1024)) {
                engine_replace_sampler(e, "out of memory for its report");
                return 0;
        }
        n = read(fd, e->incoming.data + e->incoming.size, e->incoming.room - e->incoming.size);
        if (n < 0)
                return 0;
        if (n == 0) { /* it is ending: SIGCHLD says how */
                e->sampler_io = sd_event_source_disable_unref(e->sampler_io);
                return 0;
        }
        e->incoming.size += (size_t)n;
        if (take_rounds(e, &err) < 0)
                engine_replace_sampler(e, err.text);
        return 0;
}
