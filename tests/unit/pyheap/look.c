/* look PID [--without-symbols] [--cpu-ms N] [--rubbish N]: prints one look into a process's Python heap as JSON, for
 * tests/system/test_pyheap.py. --rubbish N: one read in N answers random words. */
#include "pyheap/look.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

struct rubbish {
        pid_t pid;
        uint64_t one_in, state;
};

static uint64_t random_word(uint64_t *state)
{
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return *state >> 33 | *state << 31;
}

/* Whole words, so that what was a pointer becomes one to elsewhere; small numbers now and then, which sizes believe. */
static ssize_t read_rubbish(void *context, void *to, const struct iovec *pieces, size_t n)
{
        struct rubbish *r = context;
        struct iovec local = { to, 0 };
        ssize_t got;

        for (size_t i = 0; i < n; i++)
                local.iov_len += pieces[i].iov_len;
        got = process_vm_readv(r->pid, &local, 1, pieces, n, 0);
        if (got > 0 && random_word(&r->state) % r->one_in == 0)
                for (size_t i = 0; i + 8 <= (size_t)got; i += 8) {
                        uint64_t word = random_word(&r->state);

                        if (word % 3 == 0)
                                memcpy((char *)to + i, &(uint64_t){ word % 7 ? word : word >> 50 }, 8);
                }
        return got < 0 ? -errno : got;
}

static void print_figures(struct json *j, const char *key, const int64_t *v, size_t n)
{
        json_add_key(j, key);
        json_open(j, '[');
        for (size_t i = 0; i < n; i++)
                json_add_known(j, v[i]);
        json_close(j, ']');
}

static void print_figure(struct json *j, const char *key, int64_t value)
{
        json_add_key(j, key);
        json_add_known(j, value);
}

static void print_text(struct json *j, const char *key, const char *value)
{
        json_add_key(j, key);
        json_add_text(j, value);
}

static void print_gc(struct json *j, const struct look_gc *gc)
{
        json_add_key(j, "gc");
        json_open(j, '{');
        print_figure(j, "enabled", gc->enabled);
        print_figures(j, "thresholds", gc->thresholds, 3);
        print_figures(j, "counts", gc->counts, 3);
        print_figure(j, "uncollectable", gc->uncollectable);
        print_figure(j, "frozen", gc->frozen);
        json_add_key(j, "collecting");
        json_add_bool(j, gc->collecting);
        json_close(j, '}');
}

static void print_memory(struct json *j, const struct look_memory *m)
{
        json_add_key(j, "memory");
        json_open(j, '{');
        print_figure(j, "python_bytes", m->python_bytes);
        print_figure(j, "python_free_bytes", m->python_free_bytes);
        print_figure(j, "native_bytes", m->native_bytes);
        print_figure(j, "file_bytes", m->file_bytes);
        print_figure(j, "shmem_bytes", m->shmem_bytes);
        print_figure(j, "heap_bytes", m->heap_bytes);
        print_figure(j, "arena_bytes", m->arena_bytes);
        print_figure(j, "arenas", m->arenas);
        print_figure(j, "large_bytes", m->large_bytes);
        json_close(j, '}');
}

static void print_lists(struct json *j, const struct look *look)
{
        json_add_key(j, "libraries");
        json_open(j, '[');
        for (size_t i = 0; i < look->n_libraries; i++)
                json_add_text(j, look->libraries[i]);
        json_close(j, ']');
        json_add_key(j, "types");
        json_open_list(j);
        for (size_t i = 0; i < look->n_types; i++) {
                json_open(j, '{');
                print_text(j, "type", look->types[i].name);
                print_figure(j, "objects", look->types[i].objects);
                print_figure(j, "tracked", look->types[i].tracked);
                print_figure(j, "bytes", look->types[i].bytes);
                json_close(j, '}');
        }
        json_close(j, ']');
        json_add_key(j, "containers");
        json_open_list(j);
        for (size_t i = 0; i < look->n_containers; i++) {
                json_open(j, '{');
                print_text(j, "name", look->containers[i].name);
                json_add_key(j, "aliases");
                json_open(j, '[');
                for (size_t k = 0; k < look->containers[i].n_aliases; k++)
                        json_add_text(j, look->containers[i].aliases[k]);
                json_close(j, ']');
                print_text(j, "type", look->containers[i].type);
                print_figure(j, "length", look->containers[i].length);
                json_close(j, '}');
        }
        json_close(j, ']');
}

/* The most memory that this program ever had: VmHWM, as getrusage(2) tells of the one it was forked from, too. */
static int64_t peak_bytes(void)
{
        _cleanup_(fclosep) FILE *f = fopen("/proc/self/status", "re");
        char line[256];
        int64_t kib;

        while (f && fgets(line, sizeof line, f))
                if (sscanf(line, "VmHWM: %" SCNd64, &kib) == 1)
                        return kib * 1024;
        return -1;
}

static void print_look(const struct look *look, int64_t cpu_us)
{
        struct buffer text = {};
        struct json j = json_begin(&text, false);

        json_open(&j, '{');
        print_text(&j, "python", look->python);
        print_figure(&j, "tracked_objects", look->tracked_objects);
        json_add_key(&j, "took_ms");
        json_add_milli(&j, look->took_us);
        json_add_key(&j, "cpu_ms");
        json_add_milli(&j, cpu_us);
        print_figure(&j, "peak_bytes", peak_bytes());
        json_add_key(&j, "complete");
        json_add_bool(&j, look->complete);
        json_add_key(&j, "missing");
        json_open(&j, '{');
        for (size_t i = 0; i < look->n_missing; i++)
                print_text(&j, look->missing[i].part, look->missing[i].reason);
        json_close(&j, '}');
        print_gc(&j, &look->gc);
        print_memory(&j, &look->memory);
        print_lists(&j, look);
        json_close(&j, '}');
        json_end(&j);
        fwrite(text.data, 1, text.size, stdout);
        buffer_done(&text);
}

int main(int argc, char **argv)
{
        struct look_options options = LOOK_OPTIONS;
        _cleanup_(closep) int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct rubbish rubbish = { .pid = argc > 1 ? atoi(argv[1]) : 0, .state = (uint64_t)clock_mono_ns() };
        int64_t cpu_ns = clock_cpu_ns();
        struct error err = {};
        struct look_files files;
        struct look look;

        if (rubbish.pid <= 0 || proc_fd < 0) {
                fprintf(stderr, "usage: look PID [--without-symbols] [--cpu-ms N] [--rubbish N]\n");
                return 2;
        }
        for (int i = 2; i < argc; i++)
                if (strcmp(argv[i], "--without-symbols") == 0) {
                        options.without_symbols = true;
                } else if (strcmp(argv[i], "--cpu-ms") == 0 && i + 1 < argc) {
                        options.cpu_ms = atoi(argv[++i]);
                } else if (strcmp(argv[i], "--rubbish") == 0 && i + 1 < argc) {
                        rubbish.one_in = strtoull(argv[++i], NULL, 10);
                        options.read = read_rubbish;
                        options.read_context = &rubbish;
                }
        look_open(proc_fd, rubbish.pid, &files);
        if (look_take(&files, rubbish.pid, &options, &look, &err) < 0) {
                fprintf(stderr, "look: %s\n", err.text);
                return 1;
        }
        look_close(&files);
        print_look(&look, (clock_cpu_ns() - cpu_ns) / 1000);
        look_done(&look);
        return 0;
}
