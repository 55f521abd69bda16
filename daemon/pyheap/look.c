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
#include "base/file.h"
#include "pyheap/census.h"
#include "pyheap/containers.h"
#include "pyheap/find.h"
#include "pyheap/gc.h"
#include "pyheap/libraries.h"
#include "pyheap/memory.h"

#define BYTES_A_PART (UINT64_C(4) << 30)

struct looking {
        const struct look_options *options;
        struct look_files *files;
        struct remote remote;
        struct mappings maps;
        struct python python;
        struct types types;
        struct pools pools;
        struct orphans orphans;
        bool knows_pools; /* which there are, also none */
        struct look *look;
};

static void allow(struct looking *l)
{
        remote_allow(&l->remote, &(struct remote_budget){ BYTES_A_PART, l->options->cpu_ms * 1000000, l->options->wall_ms * 1000000 });
}

static int pagemap_fd(const struct looking *l)
{
        return l->files->pagemap ? fileno(l->files->pagemap) : -1;
}

static FILE *open_stream(int proc_fd, pid_t pid, const char *name, int *ret_errno)
{
        FILE *opened = NULL;
        char path[64];
        int fd;

        snprintf(path, sizeof path, "%d/%s", (int)pid, name);
        fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                opened = fdopen(fd, "r");
        *ret_errno = opened ? 0 : errno;
        if (!opened && fd >= 0)
                close(fd);
        return opened;
}

void look_open(int proc_fd, pid_t pid, struct look_files *ret)
{
        char path[64], scope[8];
        ssize_t n;

        *ret = (struct look_files){ .ptrace_scope = -1 };
        ret->maps = open_stream(proc_fd, pid, "maps", &ret->maps_errno);
        ret->smaps = open_stream(proc_fd, pid, "smaps", &ret->smaps_errno);
        ret->pagemap = open_stream(proc_fd, pid, "pagemap", &(int){ 0 });
        snprintf(path, sizeof path, "%d/exe", (int)pid);
        n = readlinkat(proc_fd, path, ret->exe, sizeof ret->exe - 1);
        ret->exe[n > 0 ? n : 0] = 0;
        if (file_read_at(proc_fd, "sys/kernel/yama/ptrace_scope", scope, sizeof scope) > 0 && scope[0] >= '0' && scope[0] <= '3')
                ret->ptrace_scope = scope[0] - '0';
}

void look_close(struct look_files *files)
{
        fclosep(&files->maps);
        fclosep(&files->smaps);
        fclosep(&files->pagemap);
        files->maps = files->smaps = files->pagemap = NULL;
}

/* Yama lets everybody with the same user's rights read maps, and asks more of process_vm_readv(2) alone. */
static int deny(const struct looking *l, struct error *err)
{
        int scope = l->files->ptrace_scope;

        if (scope == 3)
                return error_set(err, EPERM, "its memory may not be read: kernel.yama.ptrace_scope is 3, which forbids it to all");
        if (scope > 0)
                return error_set(err, EPERM, "its memory may not be read: kernel.yama.ptrace_scope is %d, so that takes CAP_SYS_PTRACE",
                                 scope);
        return error_set(err, EPERM, "its memory may not be read: that takes its user's rights or CAP_SYS_PTRACE");
}

/* maps or smaps; positive when it could not be opened or read: *err has why. */
static int load_mappings(struct looking *l, FILE *from, int why_not, struct mappings *ret, struct error *err)
{
        int r;

        if (!from) {
                if (why_not == EACCES || why_not == EPERM)
                        deny(l, err);
                else
                        error_set(err, why_not, why_not == ENOENT ? "it has exited" : "cannot open what is mapped: %s",
                                  strerror(why_not));
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

/* Takes out from the type at `from` up to the one at `end`; *cut: what the largest of them has. */
static void take_out(struct look *look, size_t from, size_t end, int64_t *cut)
{
        for (size_t i = from; i < end; i++) {
                if (look->types[i].bytes > *cut)
                        *cut = look->types[i].bytes;
                free(look->types[i].name);
        }
        memmove(look->types + from, look->types + end, (look->n_types - end) * sizeof *look->types);
        look->n_types -= end - from;
}

/* An application's own go before the built-in ones, but an eighth stays for those: dict and list tell what the own ones hold. Of
 * a type that a sample did not meet there may be any number. */
static void cut_types(struct look *look, size_t most, bool sampled)
{
        size_t own = 0, n_builtin, builtin_most;

        look->cuts.own_bytes = look->cuts.builtin_bytes = 0;
        while (own < look->n_types && strchr(look->types[own].name, '.'))
                own++;
        n_builtin = look->n_types - own;
        builtin_most = own + most / 8 < most ? most - own : most / 8;
        if (n_builtin > builtin_most)
                take_out(look, own + builtin_most, look->n_types, &look->cuts.builtin_bytes);
        if (look->n_types > most)
                take_out(look, own - (look->n_types - most), own, &look->cuts.own_bytes);
        if (sampled)
                look->cuts.own_bytes = look->cuts.builtin_bytes = -1;
}

/* Types of the same name are one: classes made at run time have many addresses. */
static int tell_types(struct looking *l, bool sampled)
{
        struct look *look = l->look;
        struct types *t = &l->types;
        double tracked = 0;

        if (t->n) /* not where the pools hold nothing that is known */
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
        cut_types(look, l->options->types_most, sampled);
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

/* Up to 3.9 pools are small, and finding many takes as long as reading them: less time is left to count, but a third at
 * least. */
static int64_t left_to_count(const struct looking *l, int64_t began_cpu_ns)
{
        int64_t all_ns = l->options->cpu_ms * 1000000, left_ns = all_ns - (clock_cpu_ns() - began_cpu_ns);

        return left_ns > all_ns / 3 ? left_ns : all_ns / 3;
}

static int look_at_types(struct looking *l)
{
        int64_t began_cpu_ns = clock_cpu_ns();
        struct error why = {};
        bool sampled = false;
        int r;

        allow(l);
        r = pools_find(&l->remote, &l->maps, l->python.layout.pool_size, pagemap_fd(l), &l->pools, &why);
        if (r < 0)
                return miss(l, "types", &why);
        l->knows_pools = !l->pools.cut;
        allow(l);
        r = census_take(&l->remote, &l->types, &l->pools, left_to_count(l, began_cpu_ns), &l->orphans, &sampled, &why);
        if (r < 0)
                return miss(l, "types", &why);
        sampled |= l->pools.cut || l->types.full;
        l->look->complete &= !sampled;
        return tell_types(l, sampled);
}

static int look_at_containers(struct looking *l)
{
        struct error why = {};
        int r;

        allow(l);
        r = containers_find(&l->types, &l->python, &l->orphans, l->options->containers_most, l->look, &why);
        if (r == 0)
                l->look->cuts.length = l->look->n_containers < l->options->containers_most
                                               ? CONTAINER_LENGTH_LEAST - 1
                                               : l->look->containers[l->look->n_containers - 1].length;
        return r == -ENOMEM ? r : r ? miss(l, "containers", &why) : 0;
}

static int look_at_memory(struct looking *l)
{
        struct mappings smaps = {};
        struct error why = {};
        int r = load_mappings(l, l->files->smaps, l->files->smaps_errno, &smaps, &why);

        if (r < 0)
                return r;
        if (r > 0)
                return miss(l, "memory", &why);
        allow(l);
        memory_split(&smaps, l->knows_pools ? &l->pools : NULL, &l->remote, pagemap_fd(l), &l->look->memory);
        mappings_done(&smaps);
        return 0;
}

static int look_at_python(struct looking *l)
{
        struct find_options options = { .without_symbols = l->options->without_symbols };
        struct error why = {};
        int r;

        if (l->files->exe[0])
                options.exe = l->files->exe;
        allow(l);
        if (find_python(&l->remote, &l->maps, &options, &l->python, &why) != FIND_PYTHON) {
                if (l->remote.denied == EPERM)
                        deny(l, &why);
                l->look->hopeless = why.code == ENOTSUP || why.code == ENOENT;
                return miss(l, "python", &why);
        }
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

int look_take(struct look_files *files, pid_t pid, const struct look_options *options, struct look *ret, struct error *err)
{
        struct looking l = { .options = options, .files = files, .look = ret };
        int64_t began_ns = clock_mono_ns(), cpu_ns = clock_cpu_ns();
        struct error why = {};
        int r;

        look_init(ret);
        ret->at_ms = clock_wall_ms();
        if (options->read)
                remote_init(&l.remote, options->read, options->read_context);
        else
                remote_init_process(&l.remote, &pid);
        r = load_mappings(&l, files->maps, files->maps_errno, &l.maps, &why);
        if (r > 0)
                r = miss(&l, "python", &why);
        else if (r == 0)
                r = look_at_python(&l);
        if (r == 0)
                r = libraries_find(&l.maps, ret);
        if (r == 0 && l.maps.n)
                r = look_at_memory(&l);
        types_done(&l.types);
        pools_done(&l.pools);
        mappings_done(&l.maps);
        remote_done(&l.remote);
        ret->took_us = (clock_mono_ns() - began_ns) / 1000;
        ret->cpu_us = (clock_cpu_ns() - cpu_ns) / 1000;
        if (r < 0) {
                look_done(ret);
                return error_set(err, -r, "out of memory looking into process %d", (int)pid);
        }
        return 0;
}
