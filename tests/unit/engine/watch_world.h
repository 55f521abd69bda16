/* A watch over a real store, fed by hand as the roster does it, with processes whose memory a test moves. */
#pragma once

#include "engine/watch.h"
#include "model/look.h"
#include "store/findings.h"

#define MIB (INT64_C(1) << 20)
#define PROCESSES_MOST 64

struct fake {
        struct process_id id;
        uint32_t process, seat;
        const char *app;
        bool running;
        int64_t bytes;          /* anon */
        int64_t each_tick;      /* grows by so much */
        struct headroom headroom;
        /* Its heap: shop.cache.ORDERS holds so many shop.models.Order, as many more each tick. */
        int64_t orders, orders_each_tick;
        const char *python;     /* "3.11.2" */
        const char *refusal;    /* looks fail, because of that, */
        bool hopeless;          /* now and for ever */
        int64_t look_cost_us;
        unsigned looks;         /* answered */
        int64_t looked_ms;      /* the last of them; -1 */
};

struct watch_world {
        char folder[64], path[96];
        struct config config;
        struct board *board;
        struct store *store;
        struct watch *watch;
        struct buffer requests;
        int64_t at_ms;
        struct fake fakes[PROCESSES_MOST];
        uint32_t n;
        bool silent;            /* nobody answers requests */
        int64_t lie_bytes;      /* what exact reads say; 0: the truth */
        bool troubled;          /* commits may fail */
        uint32_t asked;         /* exact reads so far */
        int64_t boot_ms;        /* this machine has been up */
        bool silent_looks, bad_looks; /* nobody answers those requests; the answers are rubbish */
        uint32_t looks;         /* asked for so far */
};

struct watch_world *watch_world_new(const char *settings);
struct watch_world *watch_world_free(struct watch_world *w);

struct fake *world_start(struct watch_world *w, const char *app, int64_t bytes, int64_t each_tick);
void world_stop(struct watch_world *w, struct fake *f);
void world_limit(struct watch_world *w, struct fake *f, const struct headroom *headroom);
/* Answers what was asked, moves memory, and all that belongs to a tick. */
void world_tick(struct watch_world *w);
void world_ticks(struct watch_world *w, unsigned n);

/* The daemon stops and starts again, killed: with no time to write anything. away: processes that end meanwhile. */
void world_restart(struct watch_world *w, bool killed);
/* Another sampler: seats are others. */
void world_replace_sampler(struct watch_world *w);
void world_configure(struct watch_world *w, const char *settings);

struct growth world_growth(const struct watch_world *w, const struct fake *f); /* as on the board */
/* What is in the file, newest first; texts are not kept. Returns how many. */
struct seen {
        struct finding finding;
        char title[200], evidence[4096], suspects[2048], diagnosis[16384], app_name[64];
        bool has_process;
};
/* The newest look of a process, as it is in the file. False: none. */
bool world_look(const struct watch_world *w, const struct fake *f, struct look *ret);
uint32_t world_findings(struct watch_world *w, int state, struct seen *ret, uint32_t room);
/* Ticks until so many findings are open; fails after `most`. Returns how many ticks it took. */
unsigned world_until_open(struct watch_world *w, uint32_t n, unsigned most);
uint32_t world_opened(struct watch_world *w); /* findings ever opened */
