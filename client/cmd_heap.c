/* memtide heap: what a process's Python heap holds, and what grows. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "client/answer.h"
#include "client/daemon.h"
#include "client/memtide.h"
#include "render/heap_page.h"

/* What every look has; the rest is shown where it is there. */
static int check_look(struct answer *a, const json_t *heap)
{
        answer_need_text(a, heap, "id");
        answer_need_time(a, heap, "at");
        answer_text(a, heap, "python");
        answer_time(a, heap, "since_at");
        answer_object(a, heap, "gc");
        answer_object(a, heap, "memory");
        answer_list(a, heap, "missing");
        answer_need_list(a, heap, "types");
        answer_need_list(a, heap, "containers");
        return a->wrong ? -EPROTO : 0;
}

int cmd_heap(struct client *client, struct error *err)
{
        _cleanup_(buffer_done) struct buffer body = {}, out = {};
        _cleanup_(json_decrefp) json_t *heap = NULL;
        struct answer a = { .what = "/processes/ID/heap", .err = err };
        char path[128];
        int r;

        snprintf(path, sizeof path, "/processes/%.60s/heap", client->id);
        r = daemon_get(client->daemon, path, &body, err);
        if (r < 0)
                return r;
        if (client->settings->json)
                return screen_write_json(&client->screen, body.data, body.size, err);
        heap = answer_load(&a, &body);
        r = heap ? check_look(&a, heap) : -EPROTO;
        if (r < 0)
                return r;
        render_heap(heap, clock_wall_ms(), &client->screen.table, &out);
        return screen_write(&out, err);
}
