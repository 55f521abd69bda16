#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define PAGE 4096

uint32_t world_random(struct world *w, uint32_t below)
{
        w->random ^= w->random << 13;
        w->random ^= w->random >> 7;
        w->random ^= w->random << 17;
        return (uint32_t)(w->random >> 11) % below;
}

struct world *world_new(void)
{
        struct world *w = calloc(1, sizeof *w);

        assert_non_null(w);
        strcpy(w->folder, "/tmp/memtide-store-XXXXXX");
        assert_non_null(mkdtemp(w->folder));
        snprintf(w->path, sizeof w->path, "%s/memtide.db", w->folder);
        w->options = (struct store_options){ .path = w->path, .retention_ms = INT64_C(30) * 86400000,
                                             .max_bytes = INT64_C(2) << 30,
                                             .interval_ms = 1000, .detail_interval_ms = 60000, .boot = WORLD_BOOT,
                                             .group = -1, .now_ms = WORLD_START_MS };
        w->at_ms = WORLD_START_MS;
        w->interval_ms = 1000;
        w->next_pid = 100;
        w->random = 88172645463325252u;
        return w;
}

static void remove_folder(const char *folder)
{
        DIR *d = opendir(folder);
        struct dirent *e;

        while (d && (e = readdir(d)))
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        unlinkat(dirfd(d), e->d_name, 0);
        if (d)
                closedir(d);
        rmdir(folder);
}

struct world *world_free(struct world *w)
{
        store_close(w->store);
        remove_folder(w->folder);
        for (size_t i = 0; i < w->n_processes; i++)
                free(w->processes[i].samples);
        free(w->processes);
        free(w->changes);
        free(w);
        return NULL;
}

void world_open(struct world *w)
{
        w->options.now_ms = w->at_ms;
        w->err.text[0] = '\0';
        if (store_open(&w->options, &w->store, w->note, &w->err) < 0)
                fail_msg("store_open: %s", w->err.text);
}

void world_close(struct world *w)
{
        w->store = store_close(w->store);
}

struct identity world_identity(const char *name)
{
        static char *args[] = { "python3", "-c", "print('a \"b\"\\n')", "", "it's", NULL };

        return (struct identity){ .name = (char *)name, .args = args, .n_args = 5, .ppid = 1, .uid = 33,
                                  .user = "www-data",
                                  .python = "3.11", .framework = "flask", .application = (char *)name,
                                          .unit = "shop.service",
                                  .cgroup = "/system.slice/shop.service", .limit_bytes = INT64_C(1) << 30,
                                  .limit_kind = "cgroup", .started_at_ms = WORLD_START_MS - 5000 };
}

static bool begin(struct world *w, struct world_process *p)
{
        char name[32], app[APP_ID_SIZE];
        struct identity who = world_identity(name);
        bool known;

        snprintf(name, sizeof name, "app%d", p->id.pid % 7);
        store_put_app(w->store, &who, app);
        p->number = store_begin_process(w->store, &p->id, &who, app, w->at_ms, &known);
        assert_int_not_equal(p->number, 0);
        p->running = true;
        p->rss_bytes = p->anon_bytes = -1;
        return known;
}

void world_restart(struct world *w)
{
        world_open(w);
        for (size_t i = 0; i < w->n_processes; i++) {
                struct world_process *p = &w->processes[i];
                uint32_t number = p->number;

                p->has_next_detail = false;
                if (!p->running)
                        continue;
                begin(w, p);
                assert_int_equal(p->number, number);
        }
        store_end_strangers(w->store, w->at_ms);
}

size_t world_begin(struct world *w)
{
        struct world_process *p;

        w->processes = realloc(w->processes, (w->n_processes + 1) * sizeof *w->processes);
        w->changes = realloc(w->changes, (w->n_processes + 1) * sizeof *w->changes);
        assert_non_null(w->processes);
        assert_non_null(w->changes);
        p = &w->processes[w->n_processes];
        *p = (struct world_process){ .id = { w->next_pid, 1000u + (unsigned)w->next_pid, WORLD_BOOT },
                                     .peak_bytes = -1 };
        w->next_pid++;
        assert_false(begin(w, p));
        return w->n_processes++;
}

void world_begin_again(struct world *w, size_t place)
{
        uint32_t number = w->processes[place].number;

        begin(w, &w->processes[place]);
        if (!w->renumbered)
                assert_int_equal(w->processes[place].number, number);
}

void world_end(struct world *w, size_t place)
{
        struct world_process *p = &w->processes[place];

        store_end_process(w->store, p->number, w->at_ms);
        p->running = false;
        p->has_next_detail = false;
        p->exited_at_ms = w->at_ms;
        for (uint32_t i = 0; i < w->n_changes; i++)
                if (w->changes[i].process == p->number)
                        w->changes[i] = w->changes[--w->n_changes];
}

void world_set(struct world *w, size_t place, int64_t rss_pages, int64_t shared_pages)
{
        struct world_process *p = &w->processes[place];
        struct store_change *c = NULL;

        for (uint32_t i = 0; i < w->n_changes; i++)
                if (w->changes[i].process == p->number)
                        c = &w->changes[i];
        if (!c)
                c = &w->changes[w->n_changes++];
        p->rss_bytes = rss_pages < 0 ? -1 : rss_pages * PAGE;
        p->anon_bytes = rss_pages < 0 ||
                shared_pages < 0 ? -1 : (rss_pages - (shared_pages < rss_pages ? shared_pages : rss_pages)) * PAGE;
        *c = (struct store_change){ p->number, p->rss_bytes, p->anon_bytes };
}

void world_detail(struct world *w, size_t place)
{
        struct world_process *p = &w->processes[place];

        p->has_next_detail = true;
        p->next_detail = (struct detail){
                .swap_bytes = world_random(w, 3) ? 0 : (int64_t)world_random(w, 1000) * 1024,
                .pss_bytes = world_random(w, 4) ? (int64_t)world_random(w, 1u << 30) * 1024 : -1,
                .uss_bytes = world_random(w, 4) ? (int64_t)world_random(w, 1u << 20) * 1024 : -1,
                .peak_rss_bytes = -1, .threads = world_random(w, 50) + 1,
                .fds = world_random(w, 9) ? (int64_t)world_random(w, 100) : -1, .cpu_ms = world_random(w, 1u << 31),
                .rchar_bytes = (int64_t)world_random(w, 1u << 31) << world_random(w, 20),
                .read_bytes = world_random(w, 2) ? -1 : (int64_t)world_random(w, 1u << 31) << world_random(w, 20),
        };
        store_add_detail(w->store, p->number, &p->next_detail);
}

static void remember(struct world *w, struct world_process *p)
{
        if (p->n_samples == p->room) {
                p->room = p->room ? 2 * p->room : 64;
                p->samples = realloc(p->samples, p->room * sizeof *p->samples);
                assert_non_null(p->samples);
        }
        p->samples[p->n_samples++] = (struct world_sample){ w->at_ms, p->rss_bytes, p->anon_bytes, p->has_next_detail,
                                                            p->next_detail };
}

void world_add_tick(struct world *w)
{
        w->at_ms += w->interval_ms;
        for (size_t i = 0; i < w->n_processes; i++) {
                struct world_process *p = &w->processes[i];

                if (p->running && p->rss_bytes >= 0)
                        remember(w, p);
                p->has_next_detail = false;
        }
        store_add_tick(w->store, w->at_ms, w->changes, w->n_changes);
        w->n_changes = 0;
}

enum health world_commit(struct world *w)
{
        bool reopened;
        enum health h;

        w->err.text[0] = '\0';
        h = store_commit(w->store, &reopened, &w->err);
        w->reopened |= reopened;
        return h;
}

void world_maintain(struct world *w)
{
        struct error err = {};

        if (store_maintain(w->store, w->at_ms, true, &err) < 0)
                fail_msg("store_maintain: %s", err.text);
}

void world_tick(struct world *w)
{
        enum health h;

        world_add_tick(w);
        h = world_commit(w);
        if (h != HEALTH_OK)
                fail_msg("store_commit: %s: %s", health_name(h), w->err.text);
        world_maintain(w);
}

static int64_t next_rss(struct world *w, int64_t pages)
{
        switch (world_random(w, 12)) {
        case 0: return -1;
        case 1: return world_random(w, 1u << 31);
        case 2: return world_random(w, 300000);
        case 3: return 0;
        default: return (pages < 0 ? 5000 : pages) + world_random(w, 100);
        }
}

void world_stir(struct world *w)
{
        for (size_t i = 0; i < w->n_processes; i++) {
                struct world_process *p = &w->processes[i];

                if (!p->running) {
                        if (world_random(w, 60) == 0 && p->exited_at_ms < w->at_ms)
                                world_begin_again(w, i);
                        continue;
                }
                if (p->rss_bytes < 0 || world_random(w, 3) == 0)
                        world_set(w, i, next_rss(w, p->rss_bytes / PAGE),
                                  world_random(w, 5) ? 100 : (int64_t)world_random(w, 4000) - 1);
                if (world_random(w, 15) == 0)
                        world_detail(w, i);
                if (world_random(w, 80) == 0)
                        world_end(w, i);
        }
        if (world_random(w, 6) == 0)
                world_begin(w);
}

/* --- what is there
 * ---------------------------------------------------------------------------------------------------- */

struct check {
        struct world *w;
        const struct world_process *p;
        size_t at, bad;
        bool has_detail; /* the reader gives it; the view of samples doesn't */
};

static void check_sample(struct check *c, int64_t at_ms, int64_t rss, int64_t anon, const struct detail *d)
{
        const struct world_sample *want = &c->p->samples[c->at];

        if (c->at >= c->p->n_samples)
                fail_msg("process %u: a sample too many, at %lld", c->p->number, (long long)at_ms - WORLD_START_MS);
        if (want->at_ms != at_ms || want->rss_bytes != rss || want->anon_bytes != anon)
                fail_msg("process %u: sample %zu of %zu is %lld %lld %lld, not %lld %lld %lld", c->p->number, c->at,
                         c->p->n_samples,
                         (long long)at_ms - WORLD_START_MS, (long long)rss, (long long)anon,
                         (long long)want->at_ms - WORLD_START_MS, (long long)want->rss_bytes,
                                 (long long)want->anon_bytes);
        if (d && (!want->has_detail || memcmp(d, &want->detail, sizeof *d) != 0))
                fail_msg("process %u: wrong detail at sample %zu", c->p->number, c->at);
        if (!d && c->has_detail && want->has_detail && c->bad++ == 0)
                c->bad = 1; /* maybe not yet flushed: only the newest ones may be */
        if (d && c->bad)
                fail_msg("process %u: a detail is missing before sample %zu", c->p->number, c->at);
        c->at++;
}

static bool on_sample(void *data, const struct store_sample *s)
{
        check_sample(data, s->at_ms, s->figures.rss_bytes, s->figures.anon_bytes, s->detail);
        return true;
}

static size_t first_since(const struct world_process *p, int64_t least_ms)
{
        size_t i = 0;

        while (i < p->n_samples && p->samples[i].at_ms < least_ms)
                i++;
        return i;
}

static int64_t parse_time(const char *text)
{
        struct tm tm = {};
        int ms;
        char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

        assert_non_null(rest);
        assert_int_equal(sscanf(rest, ".%3dZ", &ms), 1);
        return (int64_t)timegm(&tm) * 1000 + ms;
}

static int64_t number(sqlite3_stmt *q, int at)
{
        return sqlite3_column_type(q, at) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, at);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, const char *id)
{
        sqlite3_stmt *q;

        if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
                fail_msg("%s", sqlite3_errmsg(db));
        sqlite3_bind_text(q, 1, id, -1, SQLITE_TRANSIENT);
        return q;
}

static void check_view_samples(sqlite3 *db, struct check *c, const char *id, int64_t least_ms)
{
        sqlite3_stmt *q = prepare(db, "SELECT at, rss_bytes, anon_bytes FROM sample WHERE process_id = ? ORDER BY at",
                                  id);
        int rc;

        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
                int64_t at_ms = parse_time((const char *)sqlite3_column_text(q, 0));

                if (at_ms >= least_ms)
                        check_sample(c, at_ms, number(q, 1), number(q, 2), NULL);
        }
        assert_int_equal(rc, SQLITE_DONE);
        sqlite3_finalize(q);
}

static void check_view_details(sqlite3 *db, const struct world_process *p, const char *id, size_t first)
{
        sqlite3_stmt *q = prepare(db,
                                  "SELECT at, swap_bytes, pss_bytes, uss_bytes, threads, fds, round(cpu_seconds * 1000),"
                                      " rchar_bytes, read_bytes FROM detail WHERE process_id = ? ORDER BY at", id);
        size_t i = first;

        while (sqlite3_step(q) == SQLITE_ROW) {
                int64_t at_ms = parse_time((const char *)sqlite3_column_text(q, 0));
                const struct detail *d;

                while (i < p->n_samples && p->samples[i].at_ms < at_ms)
                        i++;
                if (i == p->n_samples || p->samples[i].at_ms != at_ms)
                        continue; /* a reading at a tick whose RSS is unknown, or before what is checked */
                assert_true(p->samples[i].has_detail);
                d = &p->samples[i].detail;
                assert_int_equal(number(q, 1), d->swap_bytes);
                assert_int_equal(number(q, 2), d->pss_bytes);
                assert_int_equal(number(q, 3), d->uss_bytes);
                assert_int_equal(number(q, 4), d->threads);
                assert_int_equal(number(q, 5), d->fds);
                assert_int_equal(number(q, 6), d->cpu_ms);
                assert_int_equal(number(q, 7), d->rchar_bytes);
                assert_int_equal(number(q, 8), d->read_bytes);
        }
        sqlite3_finalize(q);
}

void world_check_file(struct world *w, const char *path, int64_t least_ms, size_t lost)
{
        struct store_reader *r;
        struct error err = {};
        sqlite3 *db;

        if (store_reader_open(path, &r, &err) < 0)
                fail_msg("store_reader_open: %s", err.text);
        assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        for (size_t i = 0; i < w->n_processes; i++) {
                const struct world_process *p = &w->processes[i];
                size_t first = first_since(p, least_ms);
                struct check read = { w, p, first, 0, true }, view = { w, p, first, 0, false };
                char id[PROCESS_ID_MAX], query[128];

                process_id_format(&p->id, id);
                snprintf(query, sizeof query, "SELECT no FROM process_row WHERE id = '%s'", id);
                if (store_read_samples(r, (uint32_t)world_sql_int(path, query), least_ms, INT64_MAX, on_sample, &read,
                                       &err) < 0)
                        fail_msg("store_read_samples: %s", err.text);
                check_view_samples(db, &view, id, least_ms);
                check_view_details(db, p, id, first);
                if (read.at + lost < p->n_samples || view.at != read.at)
                        fail_msg("process %u: %zu samples by the reader, %zu by the view, of %zu", p->number, read.at,
                                 view.at,
                                 p->n_samples);
        }
        sqlite3_close(db);
        store_reader_close(r);
}

void world_check_since(struct world *w, int64_t least_ms)
{
        world_check_file(w, w->path, least_ms, 0);
}

void world_check(struct world *w)
{
        world_check_since(w, 0);
}

static void copy_file(const char *from, const char *to)
{
        static char bytes[1 << 16];
        FILE *in = fopen(from, "re"), *out = in ? fopen(to, "we") : NULL;
        size_t n;

        while (out && (n = fread(bytes, 1, sizeof bytes, in)) > 0)
                assert_int_equal(fwrite(bytes, 1, n, out), n);
        if (out)
                fclose(out);
        if (in)
                fclose(in);
}

/* By another process: closing a file here would drop the locks that SQLite holds on it. */
void world_copy(const struct world *w, const char *to)
{
        char from_wal[128], to_wal[160], command[1200];

        snprintf(from_wal, sizeof from_wal, "%s-wal", w->path);
        snprintf(to_wal, sizeof to_wal, "%s-wal", to);
        if (w->store) {
                snprintf(command, sizeof command, "cp %s %s && rm -f %s && { ! [ -e %s ] || cp %s %s; }", w->path, to,
                         to_wal,
                         from_wal, from_wal, to_wal);
                assert_int_equal(system(command), 0);
                return;
        }
        copy_file(w->path, to);
        unlink(to_wal);
        if (access(from_wal, F_OK) == 0)
                copy_file(from_wal, to_wal);
}

int64_t world_sql_int(const char *path, const char *sql)
{
        sqlite3 *db;
        sqlite3_stmt *q;
        int64_t value = -1;

        assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
                fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        if (sqlite3_step(q) == SQLITE_ROW)
                value = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        sqlite3_close(db);
        return value;
}

void world_sql_text(const char *path, const char *sql, char *ret, size_t size)
{
        sqlite3 *db;
        sqlite3_stmt *q;

        assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        snprintf(ret, size, "%s", (const char *)sqlite3_column_text(q, 0));
        sqlite3_finalize(q);
        sqlite3_close(db);
}
