/* The engine's life: start, signals, reload, end. */
#include "engine/engine.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/engine_private.h"

#define STOP_WITHIN_MS 1000

static uint32_t this_boot(void)
{
        char text[64] = "";

        file_read_at(-1, "/proc/sys/kernel/random/boot_id", text, sizeof text);
        text[8] = '\0';
        return (uint32_t)strtoul(text, NULL, 16);
}

static struct store_options store_options(const struct engine *e)
{
        const struct group *group = getgrnam("memtide");

        return (struct store_options){
                .path = e->config.db,
                .retention_ms = e->config.retention_ms,
                .max_bytes = e->config.max_db_size_bytes,
                .interval_ms = e->config.interval_ms,
                .detail_interval_ms = e->config.detail_interval_ms,
                .boot = this_boot(),
                .group = group ? (int64_t)group->gr_gid : -1,
                .now_ms = clock_wall_ms(),
        };
}

static int on_term(sd_event_source *source, const struct signalfd_siginfo *info, void *engine)
{
        struct engine *e = engine;

        (void)source;
        log_info("stopping on %s", info->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
        sd_notify(0, "STOPPING=1");
        e->stopping = true;
        return sd_event_exit(e->loop, 0);
}

/* The new settings are taken whole or not at all. */
static int reload(struct engine *e, struct error *err)
{
        _cleanup_(config_done) struct config fresh = {};
        enum config_action action;
        struct config old;
        int r = config_load(e->argc, e->argv, &fresh, &action, err);

        if (r < 0)
                return r;
        if (strcmp(fresh.db, e->config.db) != 0)
                return error_set(err, EINVAL, "db: %s: another database needs a restart; it is %s now", fresh.db, e->config.db);
        r = listeners_open(&e->listeners, &fresh, err);
        if (r < 0)
                return r;
        old = e->config;
        e->config = fresh;
        fresh = (struct config){};
        r = engine_publish_config(e, err);
        watch_configure(e->watch, &e->config);
        alerts_configure(e->alerts, &e->config, e->config_fd);
        config_done(&old);
        return r;
}

static int on_hup(sd_event_source *source, const struct signalfd_siginfo *info, void *engine)
{
        struct engine *e = engine;
        struct store_options options;
        struct error err = {};

        (void)source, (void)info;
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_ns() / 1000);
        if (reload(e, &err) < 0) {
                log_error("the configuration stays as it was: %s", err.text);
                sd_notify(0, "READY=1");
                return 0;
        }
        options = store_options(e);
        store_configure(e->store, &options);
        log_notice("configuration reloaded");
        for (int i = 0; i < e->listeners.n; i++)
                log_info("listening on %s", e->listeners.open[i].shown);
        /* Both read their settings at their start, and are back within a tick. */
        helper_stop(&e->api, SIGTERM);
        engine_start_api(e);
        helper_stop(&e->sampler, SIGTERM);
        engine_detach_sampler(e);
        engine_start_sampler(e);
        sd_notify(0, "READY=1");
        return 0;
}

/* Looks after the sampler several times a tick at short intervals, each second at long ones; and pings systemd, but only
 * while ticks come as they should: the watchdog watches the sampling path. */
static int on_deadline(sd_event_source *source, uint64_t usec, void *engine)
{
        struct engine *e = engine;
        int64_t silent = engine_mono_ms() - e->last_round_mono_ms;

        engine_check_sampler(e);
        if (e->watchdog_usec && silent < 15000 + 4 * e->config.interval_ms)
                sd_notify(0, "WATCHDOG=1");
        sd_event_source_set_time_relative(source, 1000000);
        (void)usec;
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int watch(struct engine *e, struct error *err)
{
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        sigaddset(&mask, SIGCHLD);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        signal(SIGPIPE, SIG_IGN);
        r = sd_event_new(&e->loop);
        if (r >= 0)
                r = sd_event_add_signal(e->loop, NULL, SIGTERM, on_term, e);
        if (r >= 0)
                r = sd_event_add_signal(e->loop, NULL, SIGINT, on_term, e);
        if (r >= 0)
                r = sd_event_add_signal(e->loop, NULL, SIGHUP, on_hup, e);
        if (r >= 0)
                r = sd_event_add_time_relative(e->loop, &e->deadline, CLOCK_MONOTONIC, 1000000, 100000, on_deadline, e);
        if (r >= 0 && sd_watchdog_enabled(1, &e->watchdog_usec) <= 0)
                e->watchdog_usec = 0;
        return r < 0 ? error_set(err, -r, "cannot set up the event loop: %s", strerror(-r)) : 0;
}

static int start(struct engine *e, struct error *err)
{
        struct store_options options = store_options(e);
        char note[512] = "";
        int r;

        umask(0027);
        /* libmicrohttpd draws GnuTLS into the api, which speaks no TLS: its tables need not be made. Both names are in use. */
        setenv("GNUTLS_NO_IMPLICIT_INIT", "1", 1);
        setenv("GNUTLS_NO_EXPLICIT_INIT", "1", 1);
        r = watch(e, err);
        if (r == 0)
                r = store_open(&options, &e->store, note, err);
        if (r < 0)
                return r;
        if (note[0])
                log_error("%s", note);
        e->timeline.wall_ms = store_newest_ms(e->store);
        r = engine_make_pages(e, err);
        if (r < 0)
                return r;
        e->watch = watch_new(e->board);
        e->roster = roster_new(e->watch);
        e->users = users_new();
        e->alerts = alerts_new(e->loop);
        if (!e->watch || !e->roster || !e->users || !e->alerts)
                return error_set(err, ENOMEM, "out of memory at start");
        watch_configure(e->watch, &e->config);
        if (r == 0)
                r = engine_publish_config(e, err);
        if (r == 0)
                r = listeners_open(&e->listeners, &e->config, err);
        if (r == 0)
                r = role_keep_capabilities(err);
        if (r < 0)
                return r;
        alerts_configure(e->alerts, &e->config, e->config_fd);
        atomic_store_explicit(&e->status->engine_pid, getpid(), memory_order_relaxed);
        atomic_store_explicit(&e->status->started_at_ms, clock_wall_ms(), memory_order_relaxed);
        for (int i = 0; i < e->listeners.n; i++)
                log_info("listening on %s", e->listeners.open[i].shown);
        engine_start_sampler(e);
        engine_start_api(e);
        return 0;
}

/* The api gets a second to finish its answers, then goes. */
static void end_role(pid_t pid, int64_t until_ms)
{
        while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
                const struct timespec shortly = { .tv_nsec = 5000000 };

                if (engine_mono_ms() >= until_ms) {
                        kill(pid, SIGKILL);
                        waitpid(pid, NULL, 0);
                        return;
                }
                nanosleep(&shortly, NULL);
        }
}

static void stop(struct engine *e)
{
        pid_t sampler = e->sampler.pid, api = e->api.pid;
        int64_t until = engine_mono_ms() + STOP_WITHIN_MS;

        e->stopping = true;
        helper_stop(&e->sampler, SIGKILL); /* it holds nothing that could be lost */
        helper_stop(&e->api, SIGTERM);
        end_role(api, until);
        if (e->watch && e->store)
                watch_stop(e->watch, e->store);
        e->alerts = alerts_free(e->alerts);
        store_close(e->store);
        if (sampler > 0)
                waitpid(sampler, NULL, WNOHANG);
        listeners_close(&e->listeners);
        e->sampler_io = sd_event_source_disable_unref(e->sampler_io);
        e->deadline = sd_event_source_disable_unref(e->deadline);
        sd_event_unref(e->loop);
        roster_free(e->roster);
        watch_free(e->watch);
        users_free(e->users);
        buffer_done(&e->incoming);
        buffer_done(&e->requests);
        config_done(&e->config);
}

int engine_run(struct config *config, int argc, char **argv, struct error *err)
{
        struct engine e = { .argc = argc, .argv = argv, .config_fd = -1, .status_fd = -1, .busy_fd = -1, .board_fd = -1, .sampler_fd = -1 };
        int r;

        e.config = *config;
        *config = (struct config){};
        e.sampler = (struct helper){ .name = "memtide-sampler", .start = engine_start_sampler, .engine = &e };
        e.api = (struct helper){ .name = "memtide-api", .start = engine_start_api, .engine = &e };
        r = start(&e, err);
        if (r == 0) {
                r = sd_event_loop(e.loop);
                if (r < 0)
                        error_set(err, -r, "the event loop failed: %s", strerror(-r));
        }
        stop(&e);
        return r;
}
