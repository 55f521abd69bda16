/* A look into a live CPython heap. */
#include "pyheap/look.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "pyheap/census.h"
#include "pyheap/containers.h"
#include "pyheap/find.h"
#include "pyheap/gc.h"
#include "pyheap/memory.h"

#define BYTES_A_PART (UINT64_C(4) << 30)

struct looking {
        const struct look_options *options;
        int proc_fd;
        pid_t pid;
        struct remote remote;
        struct mappings maps;
        struct python python;
        struct types types;
        struct pools pools;
        bool has_pools;
        struct look *look;
};

static void allow(struct looking *l)
{
        remote_allow(&l->remote, &(struct remote_budget){ BYTES_A_PART, l->options->cpu_ms * 1000000, l->options->wall_ms * 1000000 });
}

/* maps or smaps; positive when it could not be opened or read: *err has why. */
static int load_mappings(struct looking *l, const char *name, struct mappings *ret, struct error *err)
{
        _cleanup_(fclosep) FILE *from = NULL;
        char path[64];
        int fd, r;

        snprintf(path, sizeof path, "%d/%s", (int)l->pid, name);
        fd = openat(l->proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                from = fdopen(fd, "r");
        if (!from) {
                r = errno;
                if (fd >= 0)
                        close(fd);
                if (r == EACCES || r == EPERM)
                        error_set(err, r, "its memory may not be read: that takes its user's rights or CAP_SYS_PTRACE");
                else
                        error_set(err, r, r == ENOENT ? "it has exited" : "cannot open its %s: %s", name, strerror(r));
                return 1;
        }
        r = mappings_load(from, ret, err);
        if (r == -ENOMEM)
                return r;
        if (r == 0 && ret->n == 0)
                return error_set(err, ESRCH, "it has exited, or maps nothing"), 1;
        return r < 0;
}

static int miss(struct looking *l, const char *part, const struct error *why)
{
        return look_miss(l->look, part, why->text);
}

/* By a dot in the name, then by bytes; equal ones by name, so that two looks agree. */
static int compare_types(const void *a, const void *b)
{
        const struct look_type *x = a, *y = b;
        bool dot_x = strchr(x->name, '.'), dot_y = strchr(y->name, '.');

        if (dot_x != dot_y)
                return dot_x ? -1 : 1;
        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
        const struct type *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

/* Types of the same name are one: classes made at run time have many addresses. */
static int tell_types(struct looking *l)
{
        struct look *look = l->look;
        struct types *t = &l->types;
        double tracked = 0;

        qsort(t->all, t->n, sizeof *t->all, compare_names);
        look->types = calloc(t->n + 1, sizeof *look->types);
        if (!look->types)
                return -ENOMEM;
        for (size_t i = 0; i < t->n;) {
                double objects = 0, bytes = 0, known = 0;
                const char *name = t->all[i]->name;
                struct look_type *to;

                for (; i < t->n && strcmp(t->all[i]->name, name) == 0; i++) {
                        objects += t->all[i]->objects;
                        known += t->all[i]->tracked;
                        bytes += t->all[i]->bytes;
                }
                tracked += known;
                if (objects < 0.5)
                        continue;
                to = &look->types[look->n_types++];
                *to = (struct look_type){ strdup(name), llround(objects), llround(known), llround(bytes) };
                if (!to->name) {
                        look->n_types--;
                        return -ENOMEM;
                }
        }
        look->tracked_objects = llround(tracked);
        qsort(look->types, look->n_types, sizeof *look->types, compare_types);
        while (look->n_types > l->options->types_most)
                free(look->types[--look->n_types].name);
        return 0;
}

static int look_at_gc(struct looking *l)
{
        struct error why = {};

        allow(l);
        if (gc_read(&l->remote, &l->python, &l->look->gc, &why) < 0)
                return miss(l, "gc", &why);
        if (l->look->gc.frozen < 0) {
                error_set(&why, EAGAIN, "the list of frozen objects changed while it was read");
                return miss(l, "frozen", &why);
        }
        return 0;
}

static int look_at_types(struct looking *l)
{
        struct error why = {};
        bool sampled = false;
        int r;

        allow(l);
        r = pools_find(&l->remote, &l->maps, l->python.layout.pool_size, &l->pools, &why);
        if (r < 0)
                return miss(l, "types", &why);
        l->has_pools = l->pools.n && !l->pools.cut;
        allow(l);
        r = census_take(&l->remote, &l->types, &l->pools, l->options->cpu_ms * 1000000, &sampled, &why);
        if (r < 0)
                return miss(l, "types", &why);
        l->look->complete &= !sampled && !l->pools.cut && !l->types.full;
        return tell_types(l);
}

static int look_at_containers(struct looking *l)
{
        struct error why = {};
        int r;

        allow(l);
        r = containers_find(&l->types, &l->python, l->options->containers_most, l->look, &why);
        return r == -ENOMEM ? r : r ? miss(l, "containers", &why) : 0;
}

static int look_at_memory(struct looking *l)
{
        struct mappings smaps = {};
        struct error why = {};
        int r = load_mappings(l, "smaps", &smaps, &why);

        if (r < 0)
                return r;
        if (r > 0)
                return miss(l, "memory", &why);
        memory_split(&smaps, l->has_pools ? &l->pools : NULL, &l->look->memory);
        mappings_done(&smaps);
        return 0;
}

static int look_at_python(struct looking *l)
{
        struct find_options options = { .without_symbols = l->options->without_symbols };
        char path[64], exe[4096];
        struct error why = {};
        ssize_t n;
        int r;

        snprintf(path, sizeof path, "%d/exe", (int)l->pid);
        n = readlinkat(l->proc_fd, path, exe, sizeof exe - 1);
        if (n > 0) {
                exe[n] = 0;
                options.exe = exe;
        }
        allow(l);
        if (find_python(&l->remote, &l->maps, &options, &l->python, &why) != FIND_PYTHON)
                return miss(l, "python", &why);
        python_version_format(l->python.version, l->look->python);
        r = types_init(&l->types, &l->remote, &l->maps, &l->python.layout, l->python.type_type);
        if (r == 0)
                r = look_at_gc(l);
        if (r == 0)
                r = look_at_types(l);
        if (r == 0)
                r = look_at_containers(l);
        return r;
}

int look_take(int proc_fd, pid_t pid, const struct look_options *options, struct look *ret, struct error *err)
{
        struct looking l = { .options = options, .proc_fd = proc_fd, .pid = pid, .look = ret };
        int64_t began_ns = clock_mono_ns();
        struct error why = {};
        int r;

        look_init(ret);
        ret->at_ms = clock_wall_ms();
        if (options->read)
                remote_init(&l.remote, options->read, options->read_context);
        else
                remote_init_process(&l.remote, &pid);
        r = load_mappings(&l, "maps", &l.maps, &why);
        if (r > 0)
                r = miss(&l, "python", &why);
        else if (r == 0)
                r = look_at_python(&l);
        if (r == 0 && l.maps.n)
                r = look_at_memory(&l);
        types_done(&l.types);
        pools_done(&l.pools);
        mappings_done(&l.maps);
        remote_done(&l.remote);
        ret->took_us = (clock_mono_ns() - began_ns) / 1000;
        if (r < 0) {
                look_done(ret);
                return error_set(err, -r, "out of memory looking into process %d", (int)pid);
        }
        return 0;
}
