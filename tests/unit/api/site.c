#include "site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define BOOT 0xb3f2c1d0u

static void begin_process(struct site *s, int i)
{
        static char *args[] = { (char *)"python3", (char *)"-m", (char *)"flask", NULL };
        char *application = (char *)(i < 2 ? "shop" : "blog");
        const struct identity who = { .name = (char *)"python3", .args = args, .n_args = 3, .ppid = 1, .uid = 33,
                                      .framework = (char *)"flask", .application = application,
                                      .limit_bytes = INT64_C(1) << 30, .limit_kind = (char *)"cgroup",
                                      .started_at_ms = SITE_START_MS - 5000 };
        const struct process_id id = { .pid = 100 + i, .start_ticks = 1000u + (unsigned)i, .boot = BOOT };
        bool known;

        store_put_app(s->store, &who, s->app_ids[i / 2]);
        s->processes[i] = store_begin_process(s->store, &id, &who, s->app_ids[i / 2], s->at_ms, &known);
}

void site_tick(struct site *s)
{
        struct store_change changes[SITE_PROCESSES];
        bool reopened;
        struct error err = {};

        s->at_ms += 1000;
        for (int i = 0; i < SITE_PROCESSES; i++)
                changes[i] = (struct store_change){ s->processes[i], (i + 1) << 20, (i + 1) << 19 };
        store_add_tick(s->store, s->at_ms, changes, SITE_PROCESSES);
        if (store_commit(s->store, &reopened, &err) != HEALTH_OK)
                fail_msg("store_commit: %s", err.text);
}

struct site *site_new(void)
{
        struct site *s = calloc(1, sizeof *s);
        char note[512];
        struct error err = {};

        assert_non_null(s);
        strcpy(s->folder, "/tmp/memtide-api-XXXXXX");
        assert_non_null(mkdtemp(s->folder));
        snprintf(s->path, sizeof s->path, "%s/memtide.db", s->folder);
        s->at_ms = SITE_START_MS;
        s->board = calloc(1, sizeof *s->board + SITE_PROCESSES * sizeof *s->board->entries);
        assert_non_null(s->board);
        if (store_open(&(struct store_options){ .path = s->path, .retention_ms = INT64_C(30) * 86400000,
                                                .max_bytes = INT64_C(2) << 30, .interval_ms = 1000,
                                                .detail_interval_ms = 60000, .boot = BOOT, .group = -1,
                                                .now_ms = s->at_ms }, &s->store, note, &err) < 0)
                fail_msg("store_open: %s", err.text);
        for (int i = 0; i < SITE_PROCESSES; i++)
                begin_process(s, i);
        site_tick(s);
        if (store_reader_open(s->path, &s->api.reader, &err) < 0)
                fail_msg("store_reader_open: %s", err.text);
        s->config.interval_ms = 1000;
        s->api.config = &s->config;
        s->api.status = &s->status;
        s->api.statm_fd = -1;
        s->api.pool.limit = 64 << 20;
        state_init(&s->api.state, s->api.reader, s->board, SITE_PROCESSES);
        return s;
}

struct site *site_free(struct site *s)
{
        char command[128];

        cache_done(&s->api.cache);
        keep_done(&s->api.keep);
        state_done(&s->api.state);
        store_reader_close(s->api.reader);
        store_close(s->store);
        unlink(s->path);
        for (int i = 0; i < 2; i++) {
                snprintf(command, sizeof command, "%s-%s", s->path, i ? "wal" : "shm");
                unlink(command);
        }
        assert_int_equal(rmdir(s->folder), 0);
        free(s->board);
        free(s);
        return NULL;
}

void site_grow(struct site *s, int i, enum verdict verdict, double bytes_per_hour, int64_t limit_at_ms)
{
        const struct growth growth = { verdict, bytes_per_hour, 0.9986, SITE_START_MS - 3600000, limit_at_ms };

        board_write(s->board, (uint32_t)i, s->processes[i], &growth);
}

void site_put_finding(struct site *s, int64_t number, int i, enum finding_kind kind, enum severity severity,
                      bool closed)
{
        struct finding f = {
                .number = number, .kind = kind, .severity = severity, .process = i < 0 ? 0 : s->processes[i],
                .title = (char *)"flask: shop grows by 46 MiB an hour", .opened_at_ms = s->at_ms,
                .updated_at_ms = s->at_ms, .closed_at_ms = closed ? s->at_ms : -1,
                .evidence = (char *)"{\"bytes_per_hour\": 48234496.4, \"confidence\": 0.98, "
                                    "\"from_at\": \"2026-11-22T14:00:00.000Z\", \"limit\": {"
                                    "\"limit_bytes\": 1073741824, \"at\": \"2026-11-22T18:00:00.000Z\"}}",
                .diagnosis = (char *)"[{\"id\": \"growing\", \"question\": \"Growing?\", \"answer\": \"yes\", "
                                     "\"because\": \"It rose.\"}]",
                .advice = (char *)"[{\"id\": \"profile\", \"do\": \"Profile it.\", \"why\": \"It shows the line.\"}]",
                .suspects = (char *)"[]",
        };

        memcpy(f.app_id, s->app_ids[i < 0 ? 0 : i / 2], sizeof f.app_id);
        store_put_finding(s->store, &f);
}

char *site_get(struct site *s, const char *path, const char *accept, int *ret_status)
{
        char text[1024];
        char *query;
        struct request request = { .head = { .method = METHOD_GET, .host = (char *)"localhost",
                                             .accept = (char *)accept } };
        _cleanup_(answer_done) struct answer answer = {};
        struct buffer body = {};

        snprintf(text, sizeof text, "%s", path);
        query = strchr(text, '?');
        if (query)
                *query++ = '\0';
        request.head.path = text;
        request.head.query = query;
        api_answer(&s->api, &request, &answer);
        *ret_status = answer.status;
        buffer_add(&body, answer.lead, answer.lead_size);
        if (answer.body)
                buffer_add(&body, answer.body->data, answer.body->size);
        return buffer_take(&body, NULL);
}

json_t *site_json(struct site *s, const char *path, int status)
{
        int got;
        _cleanup_(freep) char *text = site_get(s, path, NULL, &got);
        json_t *root = json_loads(text, 0, NULL);

        if (got != status || !root)
                fail_msg("%s: %d %s", path, got, text);
        return root;
}
