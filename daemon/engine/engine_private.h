/* What the engine's files share: engine.c (start, signals, end), rounds.c (a tick), helpers.c (sampler and api). */
#pragma once

#include <systemd/sd-event.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "engine/alerts.h"
#include "engine/listeners.h"
#include "engine/roster.h"
#include "engine/users.h"
#include "engine/watch.h"
#include "model/board.h"
#include "model/busy.h"
#include "model/config.h"
#include "model/status.h"
#include "store/store.h"

#define UNREADABLE_MAX 64

/* A role and its fate. A fallen one comes back after a pause that doubles, and shrinks again after a minute of health.
 *
 *   stopped --helper_start--> running --its end--> pausing --timer--> running
 *      ^                         |
 *      +------ helper_stop ------+
 */
struct helper {
        const char *name;
        pid_t pid;               /* 0: stopped or pausing */
        sd_event_source *child, *pause;
        int64_t started_mono_ms;
        int64_t pause_ms;
        void (*start)(void *engine); /* what the end of a pause calls */
        struct engine *engine;
};

struct engine {
        int argc;
        char **argv;
        struct config config;
        sd_event *loop;
        struct store *store;
        struct roster *roster;
        struct watch *watch;
        struct alerts *alerts;
        struct users *users;
        struct listeners listeners;

        struct helper sampler, api;
        int config_fd, status_fd, busy_fd, board_fd; /* memory files handed to the roles */
        struct status *status;             /* shared with the api */
        struct sampler_busy *busy;         /* shared with the sampler */
        struct board *board;               /* shared with the api */

        int sampler_fd;                    /* the engine's end of the socket */
        sd_event_source *sampler_io, *deadline;
        struct buffer incoming, requests;
        struct timeline timeline;
        struct process_id unreadable[UNREADABLE_MAX];
        int n_unreadable;
        int32_t hung_pid;                  /* whom the sampler was reading at the last look, and since when */
        int64_t hung_since_ms, last_round_mono_ms;

        enum health health;
        int64_t health_told_ms;            /* when a trouble was last logged */
        int64_t ended_cpu_ns, sampler_cpu_ns; /* of samplers that ended, of this one */
        int64_t maintain_told_ms;
        uint64_t watchdog_usec;
        bool ready, stopping;
        uint32_t told_count;
        int exit_code;
};

/* helpers.c */
int engine_make_pages(struct engine *e, struct error *err);
int engine_publish_config(struct engine *e, struct error *err); /* for roles started from now on */
void engine_start_sampler(void *engine);
void engine_start_api(void *engine);
void helper_stop(struct helper *h, int signal);
void engine_detach_sampler(struct engine *e); /* its socket and seats are forgotten */
void engine_replace_sampler(struct engine *e, const char *why);
void engine_check_sampler(struct engine *e); /* is it hung? */

/* rounds.c */
int engine_on_report(sd_event_source *source, int fd, uint32_t revents, void *engine);
int64_t engine_mono_ms(void);
