#include "watch_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/board.h"
#include "model/look_bytes.h"
#include "store/looks.h"

#define START_MS INT64_C(1795000000000)
#define BOARD_ROOM 128

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

static void open_store(struct watch_world *w)
{
        const struct store_options options = {
                .path = w->path, .retention_ms = INT64_C(30) * 86400000, .max_bytes = INT64_C(1) << 30,
                .interval_ms = w->config.interval_ms, .detail_interval_ms = w->config.detail_interval_ms, .boot = 7, .group = -1,
                .now_ms = w->at_ms,
        };
        char note[512] = "";
        struct error err = {};

        if (store_open(&options, &w->store, note, &err) < 0)
                fail_msg("%s", err.text);
}

static void read_settings(struct watch_world *w, const char *settings)
{
        struct config fresh = {};
        struct error err = {};

        if (config_parse(settings, &fresh, &err) < 0)
                fail_msg("%s", err.text);
        config_done(&w->config);
        w->config = fresh;
}

struct watch_world *watch_world_new(const char *settings)
{
        struct watch_world *w = calloc(1, sizeof *w);

        assert_non_null(w);
        strcpy(w->folder, "/tmp/memtide-watch-XXXXXX");
        assert_non_null(mkdtemp(w->folder));
        snprintf(w->path, sizeof w->path, "%s/m.db", w->folder);
        w->at_ms = START_MS;
        w->boot_ms = 1000;
        read_settings(w, settings);
        w->board = calloc(1, sizeof *w->board + BOARD_ROOM * sizeof w->board->entries[0]);
        assert_non_null(w->board);
        open_store(w);
        w->watch = watch_new(w->board);
        assert_non_null(w->watch);
        watch_configure(w->watch, &w->config);
        return w;
}

struct watch_world *watch_world_free(struct watch_world *w)
{
        char command[128];

        if (!w)
                return NULL;
        watch_stop(w->watch, w->store);
        watch_free(w->watch);
        store_close(w->store);
        config_done(&w->config);
        buffer_done(&w->requests);
        free(w->board);
        snprintf(command, sizeof command, "rm -r %s", w->folder);
        assert_int_equal(system(command), 0);
        free(w);
        return NULL;
}

void world_configure(struct watch_world *w, const char *settings)
{
        read_settings(w, settings);
        watch_configure(w->watch, &w->config);
}

static void sit(struct watch_world *w, struct fake *f)
{
        char app[APP_ID_SIZE], *no_args[] = { (char *)"python3", (char *)f->app, NULL };
        const struct identity who = {
                .name = (char *)"python3", .args = no_args, .n_args = 2, .ppid = 1, .application = (char *)f->app,
                .limit_bytes = BYTES_UNKNOWN, .started_at_ms = START_MS,
        };
        bool known;

        store_put_app(w->store, &who, app);
        f->process = store_begin_process(w->store, &f->id, &who, app, w->at_ms, &known);
        watch_begin(w->watch, f->seat, f->process, &f->id, app, store_app_name(w->store, app), known, w->at_ms);
        if (f->headroom.kind != LIMIT_NONE)
                watch_headroom(w->watch, f->seat, &f->headroom);
}

struct fake *world_start(struct watch_world *w, const char *app, int64_t bytes, int64_t each_tick)
{
        struct fake *f = &w->fakes[w->n];

        assert_true(w->n < PROCESSES_MOST);
        *f = (struct fake){
                .id = { .pid = (int32_t)(1000 + w->n), .start_ticks = (uint64_t)(w->boot_ms * sysconf(_SC_CLK_TCK) / 1000),
                        .boot = 7 },
                .seat = w->n, .app = app, .running = true, .bytes = bytes, .each_tick = each_tick, .headroom = HEADROOM_UNKNOWN,
                .orders = 1000, .python = "3.11.2", .look_cost_us = 40000, .looked_ms = -1,
        };
        w->n++;
        sit(w, f);
        return f;
}

void world_stop(struct watch_world *w, struct fake *f)
{
        watch_end(w->watch, f->seat, w->store, w->at_ms);
        store_end_process(w->store, f->process, w->at_ms);
        f->running = false;
}

void world_limit(struct watch_world *w, struct fake *f, const struct headroom *headroom)
{
        f->headroom = *headroom;
        watch_headroom(w->watch, f->seat, headroom);
}

static struct fake *on_seat(struct watch_world *w, uint32_t seat)
{
        for (uint32_t i = 0; i < w->n; i++)
                if (w->fakes[i].running && w->fakes[i].seat == seat)
                        return &w->fakes[i];
        return NULL;
}

static void make_look(const struct watch_world *w, const struct fake *f, struct look *ret)
{
        look_init(ret);
        ret->at_ms = w->at_ms;
        ret->took_us = f->look_cost_us;
        if (f->refusal) {
                ret->hopeless = f->hopeless;
                assert_int_equal(look_miss(ret, "python", f->refusal), 0);
                return;
        }
        snprintf(ret->python, sizeof ret->python, "%s", f->python);
        ret->memory = (struct look_memory){ f->bytes, 0, 0, 8 * MIB, 0, 0, 0, 0, 0 };
        ret->tracked_objects = f->orders;
        ret->types = calloc(1, sizeof *ret->types);
        ret->types[ret->n_types++] = (struct look_type){ .name = strdup("shop.models.Order"), .objects = f->orders,
                                                         .tracked = f->orders, .bytes = f->orders * 64 };
        ret->containers = calloc(1, sizeof *ret->containers);
        ret->containers[ret->n_containers++] = (struct look_container){ .name = strdup("shop.cache.ORDERS"),
                                                                        .type = strdup("dict"), .length = f->orders };
}

static void answer_look(struct watch_world *w, struct fake *f)
{
        struct look look;
        struct buffer bytes = {};

        w->looks++;
        if (w->silent_looks)
                return;
        make_look(w, f, &look);
        look_write(&look, &bytes);
        assert_false(bytes.failed);
        if (w->bad_looks)
                memset(bytes.data, 0xa5, bytes.size);
        f->looks++;
        f->looked_ms = w->at_ms;
        watch_look(w->watch, f->seat, &(struct report_look){ f->look_cost_us, bytes.data, bytes.size });
        buffer_done(&bytes);
        look_done(&look);
}

static void answer(struct watch_world *w)
{
        for (size_t i = 0; i + sizeof(struct report_request) <= w->requests.size; i += sizeof(struct report_request)) {
                struct report_request request;
                struct fake *f;

                memcpy(&request, w->requests.data + i, sizeof request);
                f = on_seat(w, request.seat);
                if (!f) /* it has ended meanwhile */
                        continue;
                if (request.what == REQUEST_LOOK) {
                        answer_look(w, f);
                        continue;
                }
                w->asked++;
                if (!w->silent)
                        watch_exact(w->watch, f->seat, &(struct report_exact){ f->bytes, w->lie_bytes ? w->lie_bytes : f->bytes, 0 });
        }
        buffer_clear(&w->requests);
}

static bool commit(struct watch_world *w)
{
        bool reopened;
        struct error err = {};
        enum health health = store_commit(w->store, &reopened, &err);

        if (health != HEALTH_OK && !w->troubled)
                fail_msg("%s", err.text);
        if (reopened)
                watch_reopened(w->watch);
        return health == HEALTH_OK;
}

void world_tick(struct watch_world *w)
{
        struct store_change changes[PROCESSES_MOST];
        uint32_t n = 0;

        answer(w);
        w->at_ms += w->config.interval_ms;
        w->boot_ms += w->config.interval_ms;
        watch_settle(w->watch, w->store, w->at_ms);
        for (uint32_t i = 0; i < w->n; i++) {
                struct fake *f = &w->fakes[i];

                if (!f->running)
                        continue;
                f->bytes += f->each_tick;
                f->orders += f->orders_each_tick;
                changes[n++] = (struct store_change){ f->process, f->bytes + 8 * MIB, f->bytes / 4096 * 4096 };
                watch_figures(w->watch, f->seat, &(struct figures){ f->bytes + 8 * MIB, f->bytes / 4096 * 4096 });
        }
        store_add_tick(w->store, w->at_ms, changes, n);
        watch_tick(w->watch, w->store, w->at_ms, w->boot_ms, &w->requests);
        if (!commit(w))
                return;
        if (watch_after_commit(w->watch, w->store, NULL, w->path, w->at_ms))
                commit(w);
        store_maintain(w->store, w->at_ms, true, NULL);
}

void world_ticks(struct watch_world *w, unsigned n)
{
        while (n-- > 0)
                world_tick(w);
}

void world_restart(struct watch_world *w, bool killed)
{
        if (!killed)
                watch_stop(w->watch, w->store);
        watch_free(w->watch);
        store_close(w->store);
        memset(w->board, 0, sizeof *w->board + BOARD_ROOM * sizeof w->board->entries[0]);
        buffer_clear(&w->requests);
        open_store(w);
        w->watch = watch_new(w->board);
        assert_non_null(w->watch);
        watch_configure(w->watch, &w->config);
        for (uint32_t i = 0; i < w->n; i++)
                if (w->fakes[i].running)
                        sit(w, &w->fakes[i]);
        store_end_strangers(w->store, w->at_ms + w->config.interval_ms);
}

void world_replace_sampler(struct watch_world *w)
{
        watch_clear_seats(w->watch);
        buffer_clear(&w->requests);
        for (uint32_t i = 0; i < w->n; i++) {
                w->fakes[i].seat = (w->fakes[i].seat + 5) % PROCESSES_MOST;
                if (w->fakes[i].running)
                        sit(w, &w->fakes[i]);
        }
}

struct growth world_growth(const struct watch_world *w, const struct fake *f)
{
        struct growth g;

        assert_int_equal(board_read(w->board, f->seat, &g), f->process);
        return g;
}

struct collecting { struct seen *at; uint32_t n, room; };

static bool collect(void *data, const struct store_finding *f)
{
        struct collecting *c = data;

        assert_true(c->n < c->room);
        c->at[c->n] = (struct seen){ .finding = *f->finding, .has_process = f->has_process };
        snprintf(c->at[c->n].title, sizeof c->at[c->n].title, "%s", f->finding->title);
        snprintf(c->at[c->n].evidence, sizeof c->at[c->n].evidence, "%s", f->finding->evidence);
        snprintf(c->at[c->n].suspects, sizeof c->at[c->n].suspects, "%s", f->finding->suspects);
        snprintf(c->at[c->n].diagnosis, sizeof c->at[c->n].diagnosis, "%s", f->finding->diagnosis);
        snprintf(c->at[c->n].app_name, sizeof c->at[c->n].app_name, "%s", f->app_name);
        c->n++;
        return true;
}

uint32_t world_findings(struct watch_world *w, int state, struct seen *ret, uint32_t room)
{
        _cleanup_(store_reader_closep) struct store_reader *r = NULL;
        const struct store_finding_filter filter = { .state = state };
        struct collecting c = { ret, 0, room };
        struct error err = {};

        if (store_reader_open(w->path, &r, &err) < 0 || store_read_findings(r, &filter, collect, &c, &err) < 0)
                fail_msg("%s", err.text);
        return c.n;
}

bool world_look(const struct watch_world *w, const struct fake *f, struct look *ret)
{
        _cleanup_(store_reader_closep) struct store_reader *r = NULL;
        struct error err = {};
        const void *bytes;
        int64_t at_ms;
        size_t size;
        int found;

        if (store_reader_open(w->path, &r, &err) < 0)
                fail_msg("%s", err.text);
        found = store_read_look(r, f->process, &at_ms, &bytes, &size, &err);
        if (found < 0 || (found && look_parse(bytes, size, ret, &err) < 0))
                fail_msg("%s", err.text);
        return found;
}

unsigned world_until_open(struct watch_world *w, uint32_t n, unsigned most)
{
        struct seen seen[PROCESSES_MOST];

        for (unsigned i = 1; i <= most; i++) {
                world_tick(w);
                if (i % 8 == 0 && world_findings(w, STORE_FINDINGS_OPEN, seen, PROCESSES_MOST) == n)
                        return i;
        }
        fail_msg("not %u findings after %u ticks", n, most);
        return 0;
}

uint32_t world_opened(struct watch_world *w)
{
        struct seen seen[PROCESSES_MOST];

        return world_findings(w, STORE_FINDINGS_ALL, seen, PROCESSES_MOST);
}
