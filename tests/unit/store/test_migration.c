/* Files of earlier versions, opened by what knows version 3; and databases that are read without a daemon. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "store/findings.h"
#include "store/looks.h"
#include "world.h"

DEFINE_CLEANUP(struct world *, world_free)
DEFINE_CLEANUP(struct store_reader *, store_reader_close)
#define WORLD _cleanup_(world_freep) struct world *w = world_new()

static char *read_schema(const char *name)
{
        char path[256];
        char *text = calloc(1, 1 << 16);
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", SCHEMA_FOLDER, name);
        f = fopen(path, "re");
        assert_non_null(f);
        assert_non_null(text);
        assert_in_range(fread(text, 1, (1 << 16) - 1, f), 1, (1 << 16) - 2);
        fclose(f);
        return text;
}

static void run(sqlite3 *db, const char *text)
{
        char *err = NULL;

        if (sqlite3_exec(db, text, NULL, NULL, &err) != SQLITE_OK)
                fail_msg("%s", err);
}

/* A file as version 1 made it, with every row that the world's file has. */
static void make_version_1(const struct world *w)
{
        static const char *const tables[] = {
                "state", "text_row", "app_row", "process_row", "event_row", "segment", "tick", "chunk", "detail_chunk",
        };
        _cleanup_(freep) char *schema = read_schema("001.sql");
        char newer[128], text[400];
        sqlite3 *db;

        snprintf(newer, sizeof newer, "%s/newer.db", w->folder);
        assert_int_equal(rename(w->path, newer), 0);
        assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
        run(db, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; BEGIN");
        run(db, schema);
        run(db, "CREATE VIEW finding AS SELECT NULL AS id, NULL AS process_id WHERE 0;"
                "PRAGMA application_id = 0x6d746465; PRAGMA user_version = 1; COMMIT");
        snprintf(text, sizeof text, "ATTACH '%s' AS newer; DELETE FROM state", newer);
        run(db, text);
        for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
                snprintf(text, sizeof text, "INSERT INTO main.%s SELECT * FROM newer.%s", tables[i], tables[i]);
                run(db, text);
        }
        run(db, "UPDATE state SET views = 'those of version 1'");
        sqlite3_close(db);
        unlink(newer);
}

static void history(struct world *w, int n)
{
        for (int i = 0; i < n; i++) {
                world_stir(w);
                world_tick(w);
        }
}

static void make_history(struct world *w)
{
        world_open(w);
        for (int i = 0; i < 20; i++)
                world_begin(w);
        history(w, 800);
        world_close(w);
}

static void history_of_version_1_survives(void **state)
{
        WORLD;

        (void)state;
        make_history(w);
        make_version_1(w);
        assert_int_equal(world_sql_int(w->path, "PRAGMA user_version"), 1);
        world_restart(w);
        assert_int_equal(world_sql_int(w->path, "PRAGMA user_version"), 3);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM finding"), 0);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM look_row"), 0);
        assert_int_equal(store_next_finding(w->store), 1);
        history(w, 100);
        world_check(w);
        world_close(w);
        world_check(w);
        world_restart(w);
        world_check(w);
}

/* A file as version 2 made it: what version 3 added is not there. */
static void make_version_2(const struct world *w)
{
        sqlite3 *db;

        assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
        run(db, "DROP TABLE look_row; PRAGMA user_version = 2");
        sqlite3_close(db);
}

static void history_and_findings_of_version_2_survive(void **state)
{
        WORLD;
        struct store_reader *r;
        const void *bytes;
        int64_t at_ms;
        size_t size;

        (void)state;
        world_open(w);
        for (int i = 0; i < 20; i++)
                world_begin(w);
        history(w, 100);
        store_put_finding(w->store, &(struct finding){ .number = store_next_finding(w->store), .kind = FINDING_STEP,
                                                       .title = (char *)"It jumped.", .closed_at_ms = -1,
                                                       .opened_at_ms = w->at_ms, .updated_at_ms = w->at_ms });
        history(w, 700);
        world_close(w);
        make_version_2(w);
        assert_int_equal(store_reader_open(w->path, &r, &w->err), 0); /* as it is */
        assert_int_equal(store_read_look(r, 1, &at_ms, &bytes, &size, &w->err), 0);
        store_reader_close(r);
        assert_int_equal(world_sql_int(w->path, "PRAGMA user_version"), 2);
        world_restart(w);
        assert_string_equal(w->note, "");
        assert_int_equal(world_sql_int(w->path, "PRAGMA user_version"), 3);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM look_row"), 0);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM finding"), 1);
        assert_int_equal(store_next_finding(w->store), 2);
        history(w, 100);
        world_check(w);
}

/* Step by step as the store does it, and killed right before the end. */
static void migrate_halfway(const char *path, bool wal)
{
        _cleanup_(freep) char *schema = read_schema("002.sql");
        sqlite3 *db;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        run(db, wal ? "PRAGMA journal_mode = WAL; PRAGMA cache_size = 1" : "PRAGMA cache_size = 1");
        run(db, "BEGIN IMMEDIATE");
        run(db, schema);
        run(db, "PRAGMA user_version = 2");
        kill(getpid(), SIGKILL);
}

static void kill_in_the_middle_leaves_version_1(void **state)
{
        (void)state;
        for (int i = 0; i < 4; i++) {
                bool wal = i & 1, store_alone = i & 2;
                WORLD;
                sqlite3 *db;
                pid_t pid;
                int status;

                make_history(w);
                make_version_1(w);
                pid = fork();
                if (pid == 0)
                        migrate_halfway(w->path, wal);
                waitpid(pid, &status, 0);
                assert_true(WIFSIGNALED(status));
                if (!store_alone) {
                        assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK); /* which rolls it back */
                        run(db, "SELECT * FROM state");
                        sqlite3_close(db);
                        assert_int_equal(world_sql_int(w->path, "PRAGMA user_version"), 1);
                        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM sqlite_schema"
                                                                " WHERE name = 'finding_row'"), 0);
                }
                world_restart(w);
                assert_string_equal(w->note, "");
                history(w, 10);
                world_check(w);
        }
}

static bool count_process(void *data, const struct store_process *p)
{
        size_t *n = data;

        assert_non_null(p->who.name);
        ++*n;
        return true;
}

struct walk { struct store_reader *r; size_t processes, samples; };

static bool count_sample(void *data, const struct store_sample *s)
{
        struct walk *walk = data;

        (void)s;
        walk->samples++;
        return true;
}

static bool walk_process(void *data, const struct store_process *p)
{
        struct walk *walk = data;
        struct error err = {};

        walk->processes++;
        assert_int_equal(store_read_samples(walk->r, p->number, 0, INT64_MAX, count_sample, walk, &err), 0);
        return true;
}

static bool no_finding(void *data, const struct store_finding *f)
{
        (void)data;
        (void)f;
        fail();
        return true;
}

static void version_1_is_read_as_it_is(void **state)
{
        WORLD;
        _cleanup_(store_reader_closep) struct store_reader *r = NULL;
        const struct store_finding_filter all = { .state = STORE_FINDINGS_ALL };
        int64_t opened[FINDING_KINDS], at_ms;
        struct walk walk = {};
        struct growth growth;
        const void *bytes;
        size_t size, want = 0;

        (void)state;
        make_history(w);
        make_version_1(w);
        if (store_reader_open(w->path, &r, &w->err) < 0)
                fail_msg("%s", w->err.text);
        walk.r = r;
        assert_int_equal(store_read_all_processes(r, walk_process, &walk, &w->err), 0);
        assert_int_equal(walk.processes, w->n_processes);
        for (size_t i = 0; i < w->n_processes; i++)
                want += w->processes[i].n_samples;
        assert_int_equal(walk.samples, want);
        assert_int_equal(store_read_findings(r, &all, no_finding, NULL, &w->err), 0);
        assert_int_equal(store_find_finding(r, 1, no_finding, NULL, &w->err), 0);
        assert_int_equal(store_read_open_findings(r, NULL, NULL, opened, &w->err), 0);
        assert_int_equal(opened[FINDING_LEAK], 0);
        assert_int_equal(store_read_finding_change(r), 0);
        assert_int_equal(store_read_growth(r, 1, &growth, &w->err), 0);
        assert_int_equal(store_read_trend(r, 1, &at_ms, &bytes, &size, &w->err), 0);
        assert_int_equal(store_read_alerts(r, 10, NULL, NULL, &w->err), 0);
        assert_int_equal(store_read_look(r, 1, &at_ms, &bytes, &size, &w->err), 0);
        assert_int_equal(world_sql_int(w->path, "PRAGMA user_version"), 1);
}

static void says(struct world *w, const char *path, const char *what)
{
        struct store_reader *r;

        w->err.text[0] = '\0';
        assert_true(store_reader_open(path, &r, &w->err) < 0);
        if (!strstr(w->err.text, what))
                fail_msg("said: %s", w->err.text);
}

static void what_can_not_be_read_is_said(void **state)
{
        WORLD;
        char junk[20000];
        sqlite3 *db;
        FILE *f;
        int fd;

        (void)state;
        says(w, w->path, "cannot open the database");
        says(w, w->folder, "cannot open the database");
        f = fopen(w->path, "we");
        for (int i = 0; i < 1000; i++)
                fputs("seconds,rss_bytes\n", f);
        fclose(f);
        says(w, w->path, "is not an SQLite database");
        unlink(w->path);
        assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
        run(db, "CREATE TABLE t (a)");
        says(w, w->path, "is not a database of memtide");
        run(db, "PRAGMA application_id = 0x6d746465; PRAGMA user_version = 9");
        says(w, w->path, "has version 9, and this memtide knows version 3");
        run(db, "PRAGMA user_version = 3");
        says(w, w->path, "cannot open the database");
        sqlite3_close(db);
        unlink(w->path);
        make_history(w);
        memset(junk, 0x5a, sizeof junk);
        fd = open(w->path, O_WRONLY);
        assert_int_equal(pwrite(fd, junk, sizeof junk, 100), sizeof junk);
        close(fd);
        says(w, w->path, "damaged");
}

static void damage_within_is_said_once_it_is_met(void **state)
{
        WORLD;
        _cleanup_(store_reader_closep) struct store_reader *r = NULL;
        int64_t page;
        char junk[4096];
        size_t n = 0;
        int fd, rc = 0;

        (void)state;
        make_history(w);
        page = world_sql_int(w->path, "SELECT rootpage FROM sqlite_schema WHERE name = 'chunk'");
        memset(junk, 0x5a, sizeof junk);
        fd = open(w->path, O_WRONLY);
        assert_int_equal(pwrite(fd, junk, sizeof junk, (page - 1) * 4096), sizeof junk);
        close(fd);
        assert_int_equal(store_reader_open(w->path, &r, &w->err), 0);
        assert_int_equal(store_read_all_processes(r, count_process, &n, &w->err), 0);
        assert_int_equal(n, w->n_processes);
        for (uint32_t i = 1; rc == 0 && i <= n; i++) {
                struct walk walk = {};

                rc = store_read_samples(r, i, 0, INT64_MAX, count_sample, &walk, &w->err);
        }
        assert_true(rc < 0);
        assert_non_null(strstr(w->err.text, "malformed"));
}

/* --- left behind by a daemon that was killed */

/* The samples that somebody without privileges finds, -1 where it can't be read. */
static int64_t read_by_nobody(const char *path)
{
        struct walk walk = {};
        struct error err = {};
        int64_t got;
        int ends[2], status;
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        if (pid == 0) {
                if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
                        _exit(1);
                got = -1;
                if (store_reader_open(path, &walk.r, &err) == 0 &&
                    store_read_all_processes(walk.r, walk_process, &walk, &err) == 0)
                        got = (int64_t)walk.samples;
                if (got < 0)
                        fprintf(stderr, "%s\n", err.text);
                store_reader_close(walk.r);
                _exit(write(ends[1], &got, sizeof got) != sizeof got);
        }
        waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
        assert_int_equal(read(ends[0], &got, sizeof got), sizeof got);
        close(ends[0]);
        close(ends[1]);
        return got;
}

/* The file as it stands, most of which is in the WAL alone, in a folder that only root can write. */
static void leave_behind(struct world *w, const char *to, bool with_index)
{
        static const char *const suffixes[] = { "", "-wal", "-shm" };

        for (int i = 0; i < (with_index ? 3 : 2); i++) {
                char command[600];

                snprintf(command, sizeof command, "cp '%s%s' '%s%s' && chmod 644 '%s%s'", w->path, suffixes[i], to,
                         suffixes[i], to, suffixes[i]);
                assert_int_equal(system(command), 0);
        }
        assert_int_equal(chmod(w->folder, 0555), 0);
}

static void killed_daemons_file_is_read_in_a_folder_that_cannot_be_written(void **state)
{
        (void)state;
        for (int with_index = 0; with_index < 2; with_index++) {
                WORLD;
                char copy[128], index[140];
                int64_t want = 0;

                snprintf(copy, sizeof copy, "%s/copy #1?.db", w->folder);
                snprintf(index, sizeof index, "%s-shm", copy);
                world_open(w);
                for (int i = 0; i < 20; i++)
                        world_begin(w);
                history(w, 500);
                leave_behind(w, copy, with_index);
                for (size_t i = 0; i < w->n_processes; i++)
                        want += (int64_t)w->processes[i].n_samples;
                assert_int_equal(read_by_nobody(copy), want);
                assert_int_equal(access(index, F_OK), with_index ? 0 : -1);
                chmod(w->folder, 0755);
        }
}

/* Its header says WAL, and there is none. */
static void copy_without_its_wal_is_read(void **state)
{
        WORLD;
        int64_t want = 0;
        int fd;

        (void)state;
        make_history(w);
        for (size_t i = 0; i < w->n_processes; i++)
                want += (int64_t)w->processes[i].n_samples;
        fd = open(w->path, O_WRONLY);
        assert_int_equal(pwrite(fd, "\2\2", 2, 18), 2);
        close(fd);
        assert_int_equal(chmod(w->path, 0644), 0);
        assert_int_equal(chmod(w->folder, 0555), 0);
        assert_int_equal(read_by_nobody(w->path), want);
        chmod(w->folder, 0755);
}

static void running_daemons_file_is_read_by_its_group(void **state)
{
        WORLD;
        char beside[128];
        int64_t want = 0;

        (void)state;
        world_open(w);
        for (int i = 0; i < 20; i++)
                world_begin(w);
        history(w, 300);
        for (size_t i = 0; i < w->n_processes; i++)
                want += (int64_t)w->processes[i].n_samples;
        assert_int_equal(chmod(w->folder, 0755), 0);
        for (int i = 0; i < 3; i++) {
                static const char *const suffixes[] = { "", "-wal", "-shm" };

                snprintf(beside, sizeof beside, "%s%s", w->path, suffixes[i]);
                assert_int_equal(chmod(beside, 0644), 0);
        }
        assert_int_equal(read_by_nobody(w->path), want);
        world_close(w);
        assert_int_equal(read_by_nobody(w->path), want);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(history_of_version_1_survives),
                cmocka_unit_test(history_and_findings_of_version_2_survive),
                cmocka_unit_test(kill_in_the_middle_leaves_version_1),
                cmocka_unit_test(version_1_is_read_as_it_is),
                cmocka_unit_test(what_can_not_be_read_is_said),
                cmocka_unit_test(damage_within_is_said_once_it_is_met),
                cmocka_unit_test(killed_daemons_file_is_read_in_a_folder_that_cannot_be_written),
                cmocka_unit_test(copy_without_its_wal_is_read),
                cmocka_unit_test(running_daemons_file_is_read_by_its_group),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
