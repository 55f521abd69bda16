/* What memory a process may still take: which limit is the nearest, and whether it is news. */
#include "model/headroom.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *limit_kind_name(enum limit_kind kind)
{
        static const char *const names[LIMIT_KINDS] = {
                [LIMIT_NONE] = NULL, [LIMIT_CGROUP_MAX] = "memory.max", [LIMIT_CGROUP_HIGH] = "memory.high",
                [LIMIT_RLIMIT_AS] = "RLIMIT_AS", [LIMIT_RLIMIT_DATA] = "RLIMIT_DATA", [LIMIT_MACHINE] = "MemAvailable",
        };

        return names[kind];
}

bool headroom_consider(struct headroom *nearest, enum limit_kind kind, int64_t limit_bytes, int64_t used_bytes)
{
        int64_t room;

        if (limit_bytes < 0 || used_bytes < 0)
                return false;
        room = used_bytes < limit_bytes ? limit_bytes - used_bytes : 0;
        if (nearest->kind != LIMIT_NONE && room >= nearest->room_bytes)
                return false;
        *nearest = HEADROOM_UNKNOWN;
        nearest->kind = kind;
        nearest->limit_bytes = limit_bytes;
        nearest->used_bytes = used_bytes;
        nearest->room_bytes = room;
        return true;
}

void headroom_set_place(struct headroom *h, const char *path)
{
        static const char cut[] = "…";
        size_t size = strlen(path), most = sizeof h->place - sizeof cut;

        if (size < sizeof h->place) {
                memcpy(h->place, path, size + 1);
                return;
        }
        path += size - most;
        while ((*path & 0xc0) == 0x80) /* not within a character */
                path++;
        snprintf(h->place, sizeof h->place, "%s%s", cut, path);
}

bool headroom_tell(struct headroom_told *told, const struct headroom *now)
{
        const struct headroom_told news = { .kind = now->kind, .limit_bytes = now->limit_bytes,
                                            .room_bytes = now->room_bytes, .oom_kills = now->oom_kills,
                                            .shared_by = now->shared_by };
        int64_t moved = news.room_bytes > told->room_bytes ? news.room_bytes - told->room_bytes
                                                           : told->room_bytes - news.room_bytes;

        if (news.kind == told->kind && news.limit_bytes == told->limit_bytes && news.shared_by == told->shared_by &&
            news.oom_kills == told->oom_kills && moved <= news.limit_bytes / 100)
                return false;
        *told = news;
        return true;
}
