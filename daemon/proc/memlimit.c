/* What may stop a process's memory from growing. */
#include "proc/memlimit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "proc/parse.h"

enum {
        BUCKETS = 256,
        STAT_SIZE = 16 * 1024,       /* of memory.stat: some 2 KiB, more with each kernel */
        MACHINE_FRESH_MS = 5 * 1000, /* everybody draws on it: 9 us a reading */
        MACHINE_HASH = 1,
};

/* -1: not known, or no limit. */
struct group {
        struct group *next;   /* in its bucket */
        struct group *parent; /* NULL: the top */
        uint64_t hash;        /* of folder; neither 0 nor MACHINE_HASH */
        unsigned refs;        /* processes and groups below */
        bool v1, was_read;
        bool alone;           /* v1 without use_hierarchy: what is below doesn't count here */
        int64_t read_ms;
        int64_t max_bytes, high_bytes, used_bytes, oom_kills;
        char folder[];        /* as cgroup_folder() writes it */
};

struct limits {
        struct group *buckets[BUCKETS];
        bool machine_read;
        int64_t machine_ms, total_bytes, available_bytes;
};

struct limits *limits_new(void)
{
        struct limits *l = calloc(1, sizeof *l);

        if (l)
                l->total_bytes = l->available_bytes = -1;
        return l;
}

struct limits *limits_free(struct limits *l)
{
        for (int i = 0; l && i < BUCKETS; i++)
                while (l->buckets[i]) {
                        struct group *next = l->buckets[i]->next;

                        free(l->buckets[i]);
                        l->buckets[i] = next;
                }
        free(l);
        return NULL;
}

/* FNV-1a */
static uint64_t hash_of(const char *bytes, size_t size)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
        return hash > MACHINE_HASH ? hash : MACHINE_HASH + 1;
}

static void group_unref(struct limits *l, struct group *one)
{
        while (one && --one->refs == 0) {
                struct group *parent = one->parent, **at = &l->buckets[one->hash % BUCKETS];

                while (*at != one)
                        at = &(*at)->next;
                *at = one->next;
                free(one);
                one = parent;
        }
}

/* One with a reference more; *ret_new: it has no parent yet. */
static struct group *group_ref(struct limits *l, const char *folder, size_t n, bool v1, bool *ret_new)
{
        uint64_t hash = hash_of(folder, n);
        struct group *one = l->buckets[hash % BUCKETS];

        while (one && (one->hash != hash || strncmp(one->folder, folder, n) != 0 || one->folder[n]))
                one = one->next;
        *ret_new = !one;
        if (!one) {
                one = calloc(1, sizeof *one + n + 1);
                if (!one)
                        return NULL;
                memcpy(one->folder, folder, n);
                one->hash = hash;
                one->v1 = v1;
                one->next = l->buckets[hash % BUCKETS];
                l->buckets[hash % BUCKETS] = one;
        }
        one->refs++;
        return one;
}

/* A group and those above it. Short of memory it is not known, like one that can't be seen. */
static struct group *take_groups(struct limits *l, const char *folder, bool v1)
{
        struct group *leaf = NULL, **place = &leaf;
        size_t n = strlen(folder);
        bool is_new = true;

        for (int level = 0; level < CGROUP_LEVELS_MAX && is_new; level++) {
                const char *slash = memrchr(folder, '/', n);

                *place = group_ref(l, folder, n, v1, &is_new);
                if (!*place) {
                        group_unref(l, leaf);
                        return NULL;
                }
                place = &(*place)->parent;
                if (!slash)
                        break;
                n = (size_t)(slash - folder);
        }
        return leaf;
}

void limits_note_group(struct limits *l, const struct proc *p, const char *text, const struct cgroup *c,
                       struct process_limits *of)
{
        struct group *before = of->group;
        char folder[PATH_MAX];

        of->cgroup_hash = hash_of(text, strlen(text));
        of->group = cgroup_folder(p, c, folder, sizeof folder) ? take_groups(l, folder, c->v1) : NULL;
        group_unref(l, before);
}

void limits_note_own(const char *text, struct process_limits *of)
{
        of->as_bytes = limit_parse(text, "Max address space");
        of->data_bytes = limit_parse(text, "Max data size");
}

void limits_look(struct limits *l, const struct proc *p, int32_t pid, struct process_limits *of)
{
        _cleanup_(cgroup_done) struct cgroup c = {};
        char path[32], text[8192];

        snprintf(path, sizeof path, "%d/cgroup", pid);
        if (file_read_at(p->fd, path, text, sizeof text) > 0 && hash_of(text, strlen(text)) != of->cgroup_hash &&
            cgroup_parse(text, &c) == 0)
                limits_note_group(l, p, text, &c, of);
        snprintf(path, sizeof path, "%d/limits", pid);
        if (file_read_at(p->fd, path, text, sizeof text) > 0)
                limits_note_own(text, of);
}

void limits_leave(struct limits *l, struct process_limits *of)
{
        if (of->group)
                group_unref(l, of->group);
        *of = PROCESS_LIMITS_NONE;
}

static int64_t read_key(const struct proc *p, const struct group *one, const char *file, const char *key)
{
        char path[PATH_MAX + 64], text[STAT_SIZE];

        snprintf(path, sizeof path, "%s/%s", one->folder, file);
        return file_read_at(p->cgroup_fd, path, text, sizeof text) > 0 ? keyed_parse(text, key) : -1;
}

/* As the kubelet counts: page cache that wasn't used lately goes before anybody is killed. */
static int64_t without_cache(int64_t used_bytes, int64_t inactive_file_bytes)
{
        if (used_bytes < 0 || inactive_file_bytes < 0)
                return used_bytes;
        return used_bytes > inactive_file_bytes ? used_bytes - inactive_file_bytes : 0;
}

static void read_v1(const struct proc *p, struct group *one)
{
        one->max_bytes = cgroup_read_number(p, one->folder, "memory.limit_in_bytes");
        one->high_bytes = one->used_bytes = -1;
        /* Of its own processes alone: a limit further up wants those of the groups below it. */
        one->oom_kills = read_key(p, one, "memory.oom_control", "oom_kill");
        if (one->max_bytes < 0)
                return;
        one->used_bytes = without_cache(cgroup_read_number(p, one->folder, "memory.usage_in_bytes"),
                                        read_key(p, one, "memory.stat", "total_inactive_file"));
        one->alone = cgroup_read_number(p, one->folder, "memory.use_hierarchy") == 0;
}

static void read_v2(const struct proc *p, struct group *one)
{
        one->max_bytes = cgroup_read_number(p, one->folder, "memory.max");
        one->high_bytes = cgroup_read_number(p, one->folder, "memory.high");
        one->used_bytes = one->oom_kills = -1;
        if (one->max_bytes < 0 && one->high_bytes < 0)
                return;
        one->used_bytes = without_cache(cgroup_read_number(p, one->folder, "memory.current"),
                                        read_key(p, one, "memory.stat", "inactive_file"));
        one->oom_kills = read_key(p, one, "memory.events", "oom_kill");
}

static void read_machine(struct limits *l, const struct proc *p)
{
        char text[4096];

        if (file_read_at(p->fd, "meminfo", text, sizeof text) <= 0)
                text[0] = '\0';
        l->total_bytes = field_parse_kib(text, "MemTotal");
        l->available_bytes = field_parse_kib(text, "MemAvailable");
}

void limits_refresh(struct limits *l, const struct proc *p, const struct process_limits *of, int64_t now_ms,
                    int64_t fresh_ms)
{
        int64_t machine_fresh_ms = fresh_ms < MACHINE_FRESH_MS ? fresh_ms : MACHINE_FRESH_MS;

        for (struct group *g = of->group; g; g = g->parent) {
                if (g->was_read && now_ms - g->read_ms < fresh_ms)
                        continue;
                (g->v1 ? read_v1 : read_v2)(p, g);
                g->read_ms = now_ms;
                g->was_read = true;
        }
        if (l->machine_read && now_ms - l->machine_ms < machine_fresh_ms)
                return;
        read_machine(l, p);
        l->machine_ms = now_ms;
        l->machine_read = true;
}

/* v2 counts the groups below with it; v1 only lets us add up those that lead to the process. */
static int64_t kills_of(const struct process_limits *of, const struct group *limited)
{
        int64_t kills = 0;
        bool known = false;

        if (!limited->v1)
                return limited->oom_kills;
        for (const struct group *g = of->group; g; g = g->parent) {
                known |= g->oom_kills >= 0;
                if (g->oom_kills >= 0 && __builtin_add_overflow(kills, g->oom_kills, &kills))
                        return -1;
                if (g == limited)
                        break;
        }
        return known ? kills : -1;
}

/* Its path as /proc/PID/cgroup has it. */
static void set_place(const struct proc *p, const struct group *one, struct headroom *ret)
{
        const char *root = one->v1 ? p->v1_root : p->v2_root, *below = strchrnul(one->folder, '/');
        char path[2 * PATH_MAX];

        snprintf(path, sizeof path, "%s%s", root && strcmp(root, "/") != 0 ? root : *below ? "" : "/", below);
        headroom_set_place(ret, path);
}

void limits_nearest(const struct limits *l, const struct proc *p, const struct process_limits *of,
                    const struct address_use *use, struct headroom *ret)
{
        int64_t taken = l->total_bytes > l->available_bytes ? l->total_bytes - l->available_bytes : 0;
        const struct group *nearest = NULL;

        *ret = HEADROOM_UNKNOWN;
        for (const struct group *g = of->group; g; g = g->parent) {
                if (g->alone && g != of->group)
                        continue;
                if (headroom_consider(ret, LIMIT_CGROUP_MAX, g->max_bytes, g->used_bytes))
                        nearest = g;
                if (headroom_consider(ret, LIMIT_CGROUP_HIGH, g->high_bytes, g->used_bytes))
                        nearest = g;
        }
        headroom_consider(ret, LIMIT_RLIMIT_AS, of->as_bytes, use->size_bytes);
        headroom_consider(ret, LIMIT_RLIMIT_DATA, of->data_bytes, use->data_bytes);
        headroom_consider(ret, LIMIT_MACHINE, l->total_bytes, l->available_bytes < 0 ? -1 : taken);
        if (ret->kind == LIMIT_MACHINE) {
                ret->shared_by = MACHINE_HASH;
        } else if (ret->kind == LIMIT_CGROUP_MAX || ret->kind == LIMIT_CGROUP_HIGH) {
                ret->shared_by = nearest->hash;
                ret->oom_kills = kills_of(of, nearest);
                set_place(p, nearest, ret);
        }
}
