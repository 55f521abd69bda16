/* Measures the store by itself: N processes over T simulated ticks of a second, 30 % changing, details once a minute.
 * Prints what a tick costs, what is written and left on the disk for each process and tick, and how long reading
 * takes.
 *
 *      measure_store [PROCESSES] [TICKS] [FILE] [nodetail]            not a test: nothing fails here */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/read.h"
#include "store/store.h"

static uint64_t seed = 88172645463325252u;

static uint32_t rnd(uint32_t below)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return (uint32_t)(seed >> 11) % below;
}

static double cpu_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double wall_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static long long written(void)
{
        FILE *f = fopen("/proc/self/io", "re");
        char line[128];
        long long n = 0;

        while (f && fgets(line, sizeof line, f))
                sscanf(line, "wchar: %lld", &n);
        if (f)
                fclose(f);
        return n;
}

static long rss_kib(void)
{
        FILE *f = fopen("/proc/self/statm", "re");
        long size, resident = 0;

        if (f && fscanf(f, "%ld %ld", &size, &resident) != 2)
                resident = 0;
        if (f)
                fclose(f);
        return resident * 4;
}

struct proc { uint32_t number; int64_t base, shared, held; bool changing; struct detail detail; };

static bool count(void *data, const struct store_sample *s)
{
        (void)s;
        ++*(int *)data;
        return true;
}

static bool count_process(void *data, const struct store_process *p)
{
        (void)p;
        ++*(int *)data;
        return true;
}

static void read_all(const char *path, uint32_t number, int64_t now, int64_t span, const char *what)
{
        struct store_reader *r;
        struct error err;
        int n = 0;
        double best = 1e9;

        if (store_reader_open(path, &r, &err) < 0)
                return;
        for (int i = 0; i < 5; i++) {
                double began = wall_us();

                n = 0;
                store_read_samples(r, number, now - span, INT64_MAX, count, &n, &err);
                if (wall_us() - began < best)
                        best = wall_us() - began;
        }
        printf("%s: %d samples of process %u in C: %.0f us\n", what, n, number, best);
        store_reader_close(r);
}

static void read_sql(const char *path, const char *sql, const char *what)
{
        sqlite3 *db;
        sqlite3_stmt *q = NULL;
        double best = 1e9;
        int n = 0;

        sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
        for (int i = 0; i < 3; i++) {
                double began = wall_us();

                n = 0;
                if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
                        printf("%s\n", sqlite3_errmsg(db));
                while (sqlite3_step(q) == SQLITE_ROW)
                        n++;
                sqlite3_finalize(q);
                if (wall_us() - began < best)
                        best = wall_us() - began;
        }
        sqlite3_close(db);
        printf("%s: %d rows: %.2f ms\n", what, n, best / 1e3);
}

static uint32_t begin_again(struct store *store, uint32_t number, int64_t now)
{
        struct process_id id = { .pid = 900000, .start_ticks = 1, .boot = 1 };
        char *args[] = { NULL }, app[APP_ID_SIZE];
        struct identity who = { .name = "late", .args = args, .application = "late", .limit_bytes = -1,
                                .started_at_ms = now };
        bool known;

        store_end_process(store, number, now);
        store_put_app(store, &who, app);
        return store_begin_process(store, &id, &who, app, now, &known);
}

int main(int argc, char **argv)
{
        uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000, ticks = argc > 2 ? (uint32_t)atoi(argv[2]) : 1440;
        const char *path = argc > 3 ? argv[3] : "/tmp/memtide-measure.db";
        bool details = argc < 5;
        struct store_options options = { .path = path, .retention_ms = INT64_C(30) * 86400000,
                                         .max_bytes = INT64_C(2) << 30,
                                         .interval_ms = 1000, .detail_interval_ms = 60000, .boot = 1, .group = -1,
                                                 .now_ms = 1 };
        struct proc *procs = calloc(n, sizeof *procs);
        struct store_change *changes = calloc(n, sizeof *changes);
        struct store *store;
        struct error err;
        char note[512], sql[256];
        double worst = 0, total = 0, *spent = calloc(ticks, sizeof *spent);
        long long wrote, wrote_first = 0;
        int64_t now = INT64_C(1795000000000);
        struct stat st;
        int over = 0;

        if (store_open(&options, &store, note, &err) < 0) {
                printf("%s\n", err.text);
                return 1;
        }
        wrote = written();
        for (uint32_t i = 0; i < n; i++) {
                struct process_id id = { .pid = (int32_t)(1000 + i), .start_ticks = 100 + i, .boot = 1 };
                char name[32], *args[] = { "/usr/bin/python3", name, "--worker", NULL }, app[APP_ID_SIZE];
                struct identity who = { .name = "python3", .args = args, .n_args = 3, .ppid = 1, .uid = 0,
                                        .user = "root",
                                        .python = "3.11", .application = name, .cgroup = "/user.slice",
                                                .limit_bytes = -1,
                                        .started_at_ms = now - 1000 };
                bool known;

                snprintf(name, sizeof name, "app_%04u.py", i);
                store_put_app(store, &who, app);
                procs[i].number = store_begin_process(store, &id, &who, app, now, &known);
                procs[i].base = 2000 + rnd(38000);
                procs[i].shared = 800 + rnd(2200);
                procs[i].changing = rnd(10) < 3 || i == 5;
        }
        for (uint32_t t = 0; t < ticks; t++) {
                uint32_t n_changes = 0;
                double began;

                now += 1000;
                if (t == ticks - 1440) /* one that lives for 1,440 ticks */
                        procs[5].number = begin_again(store, procs[5].number, now);
                for (uint32_t i = 0; i < n; i++) {
                        struct proc *p = &procs[i];
                        bool changed = t == 0 || (i == 5 && t == ticks - 1440);

                        if (p->changing) {
                                if (p->held > 248 || (p->held && rnd(10) < 3))
                                        p->held = 0;
                                p->held += 1 + rnd(8);
                                changed = true;
                        }
                        if (rnd(20000) == 0) {
                                p->shared++;
                                changed = true;
                        }
                        if (changed)
                                changes[n_changes++] = (struct store_change){
                                        p->number, (p->base + p->held) * 4096, (p->base + p->held - p->shared) * 4096,
                                };
                }
                began = cpu_us();
                for (uint32_t i = 0; details && i < n; i++) {
                        struct detail *d = &procs[i].detail;

                        if ((i + t) % 60)
                                continue;
                        *d = (struct detail){ .swap_bytes = 0, .pss_bytes = (procs[i].base + procs[i].held) * 4000 / 1024 * 1024,
                                              .uss_bytes = (procs[i].base + procs[i].held) * 3900 / 1024 * 1024,
                                              .peak_rss_bytes = (procs[i].base + 260) * 4096, .threads = 1, .fds = 5,
                                              .cpu_ms = d->cpu_ms + (procs[i].changing ? rnd(50) : 0),
                                              .rchar_bytes = d->rchar_bytes + (procs[i].changing ? rnd(100) : 0),
                                                      .read_bytes = 0 };
                        store_add_detail(store, procs[i].number, d);
                }
                store_add_tick(store, now, changes, n_changes);
                {
                        bool reopened;

                        if (store_commit(store, &reopened, &err) != HEALTH_OK ||
                            store_maintain(store, now, true, &err) < 0)
                                printf("%s\n", err.text);
                }
                spent[t] = cpu_us() - began;
                if (t == 0)
                        continue;
                total += spent[t];
                over += spent[t] > 5000;
                if (spent[t] > worst)
                        worst = spent[t];
                if (t % 120 == 119)
                        printf("after %u ticks: %.2f B written a process and tick\n", t + 1,
                               (double)(written() - wrote) / n / (t + 1));
                if (t == ticks / 2)
                        wrote_first = written() - wrote;
        }
        if (getenv("MEASURE_LEAVE")) /* file and WAL as they are, to be looked into */
                _exit(0);
        wrote = written() - wrote;
        for (uint32_t t = 1; t < ticks; t++)
                if (spent[t] > 2500)
                        printf("tick %u took %.0f us\n", t + 1, spent[t]);
        printf("%u processes, %u ticks: %.0f us CPU a tick, worst %.0f (first %.0f), %d over 5 ms; RSS %ld KiB\n", n,
               ticks,
               total / (ticks - 1), worst, spent[0], over, rss_kib());
        printf("written: %.2f B a process and tick, second half %.2f\n", (double)wrote / n / ticks,
               (double)(wrote - wrote_first) / n / (ticks - ticks / 2 - 1));
        read_all(path, procs[5].number, now, INT64_MAX / 2, "while running");
        snprintf(sql, sizeof sql, "SELECT * FROM sample WHERE process_id = '900000-1-00000001'");
        read_sql(path, sql, "while running, view");
        read_sql(path, "SELECT * FROM process", "view process");
        read_sql(path, "SELECT * FROM process WHERE id = '900000-1-00000001'", "view process, one");
        read_sql(path, "SELECT * FROM detail WHERE process_id = '900000-1-00000001'", "view detail");
        {
                struct store_reader *r;

                if (store_reader_open(path, &r, &err) == 0) {
                        struct store_tick tick;
                        double a = wall_us(), b, c;
                        int got = 0;

                        store_read_newest(r, &tick, &err);
                        b = wall_us();
                        store_read_changed(r, 0, count_process, &got, &err);
                        c = wall_us();
                        printf("newest tick again: %.0f us; all %d processes: %.0f us\n", b - a, got, c - b);
                        store_reader_close(r);
                }
        }
        {
                double began = wall_us();

                store_close(store);
                printf("close: %.0f ms\n", (wall_us() - began) / 1e3);
        }
        stat(path, &st);
        printf("at rest: %.3f B a process and tick (%lld bytes)\n", (double)st.st_size / n / ticks,
               (long long)st.st_size);
        read_sql(path, sql, "closed, view");
        read_all(path, procs[5].number, now, INT64_MAX / 2, "closed");
        read_sql(path, "SELECT id FROM process", "ids of view process");
        read_sql(path, "SELECT max(at) FROM sample WHERE process_id = '900000-1-00000001'", "max(at)");
        free(procs);
        free(changes);
        free(spent);
        return 0;
}
