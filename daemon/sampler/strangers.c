/* Processes that are not watched. */
#include "sampler/strangers.h"

#include <stddef.h>
#include <stdlib.h>

enum {
        AGAIN_AFTER_PART = 4, /* of its age */
        AGAIN_MOST_MS = 60 * 1000,
        MAPS_AGAIN_MS = 3600 * 1000,
};

static const int64_t maps_ages_ms[] = { 1000, 10 * 1000, 60 * 1000, 600 * 1000 };

void strangers_done(struct strangers *s)
{
        free(s->list);
        pidmap_done(&s->by_pid);
        *s = (struct strangers){};
}

static bool grow(struct strangers *s)
{
        uint32_t room = s->room ? s->room * 2 : 64;
        struct stranger *list;

        if (room > STRANGERS_MAX)
                return false;
        list = reallocarray(s->list, room, sizeof *list);
        if (!list)
                return false;
        s->list = list;
        s->room = room;
        return true;
}

void strangers_add(struct strangers *s, int32_t pid, int64_t since_ms, int64_t due_ms)
{
        uint32_t i = pidmap_get(&s->by_pid, pid);

        if (i == PIDMAP_NONE) {
                i = s->n;
                if ((i == s->room && !grow(s)) || pidmap_set(&s->by_pid, pid, i) < 0)
                        return;
                s->n++;
        }
        s->list[i] = (struct stranger){ .pid = pid, .since_ms = since_ms, .due_ms = due_ms,
                                           .maps_due_ms = since_ms + maps_ages_ms[0] };
        if (due_ms < s->due_ms || s->n == 1)
                s->due_ms = due_ms;
}

bool strangers_has(const struct strangers *s, int32_t pid)
{
        return pidmap_get(&s->by_pid, pid) != PIDMAP_NONE;
}

void strangers_remove(struct strangers *s, int32_t pid)
{
        uint32_t i = pidmap_get(&s->by_pid, pid);

        if (i == PIDMAP_NONE)
                return;
        pidmap_remove(&s->by_pid, pid);
        s->n--;
        if (i == s->n)
                return;
        /* The last one takes its place; it is in the map already, so that can't fail. */
        s->list[i] = s->list[s->n];
        pidmap_set(&s->by_pid, s->list[i].pid, i);
}

struct stranger *strangers_next(struct strangers *s, uint32_t *at, int64_t now_ms)
{
        if (now_ms < s->due_ms)
                return NULL;
        for (; *at < s->n; ++*at)
                if (s->list[*at].due_ms <= now_ms)
                        return &s->list[*at];
        s->due_ms = INT64_MAX;
        for (uint32_t i = 0; i < s->n; i++)
                if (s->list[i].due_ms < s->due_ms)
                        s->due_ms = s->list[i].due_ms;
        return NULL;
}

bool stranger_wants_maps(const struct stranger *one, int64_t now_ms)
{
        return now_ms >= one->maps_due_ms;
}

void stranger_maps_looked(struct stranger *one, int64_t now_ms, int64_t start_ms)
{
        if (start_ms && start_ms < one->since_ms)
                one->since_ms = start_ms;
        one->maps_due_ms = now_ms + MAPS_AGAIN_MS;
        for (size_t i = sizeof maps_ages_ms / sizeof *maps_ages_ms; i-- > 0;)
                if (now_ms - one->since_ms < maps_ages_ms[i])
                        one->maps_due_ms = one->since_ms + maps_ages_ms[i];
}

void strangers_looked(struct strangers *s, struct stranger *one, int64_t now_ms, int64_t interval_ms)
{
        int64_t gap_ms = (now_ms - one->since_ms) / AGAIN_AFTER_PART;

        if (gap_ms > AGAIN_MOST_MS)
                gap_ms = AGAIN_MOST_MS;
        if (gap_ms < interval_ms)
                gap_ms = interval_ms;
        /* Half a tick early, so that it is due at the tick meant and not just missed by it. */
        one->due_ms = now_ms + gap_ms - interval_ms / 2;
        if (one->due_ms < s->due_ms)
                s->due_ms = one->due_ms;
}
