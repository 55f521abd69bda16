/* Files that are not ours, damaged, full, locked, deleted, replaced; readers that never end. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "world.h"

DEFINE_CLEANUP(struct world *, world_free)
#define WORLD _cleanup_(world_freep) struct world *w = world_new()

static void write_file(const char *path, const void *bytes, size_t size, off_t at)
{
        int fd = open(path, O_WRONLY | O_CREAT, 0600);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, bytes, size, at), size);
        close(fd);
}

static void sql(const char *path, const char *text)
{
        sqlite3 *db;
        char *err = NULL;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        if (sqlite3_exec(db, text, NULL, NULL, &err) != SQLITE_OK)
                fail_msg("%s", err);
        sqlite3_close(db);
}

static unsigned long long digest(const char *path)
{
        FILE *f = fopen(path, "re");
        unsigned long long h = 17;
        int c;

        assert_non_null(f);
        while ((c = getc(f)) != EOF)
                h = h * 31 + (unsigned)c;
        fclose(f);
        return h;
}

static void refused(struct world *w, const char *because)
{
        unsigned long long before = digest(w->path);
        char wal[128];

        assert_true(store_open(&w->options, &w->store, w->note, &w->err) < 0);
        if (!strstr(w->err.text, because))
                fail_msg("refused with: %s", w->err.text);
        assert_int_equal(digest(w->path), before);
        snprintf(wal, sizeof wal, "%s-wal", w->path);
        assert_int_equal(access(wal, F_OK), -1);
}

static void what_is_not_sqlite_is_refused(void **state)
{
        WORLD;

        (void)state;
        write_file(w->path, "hello, this is somebody's file\n", 31, 0);
        refused(w, "is not an SQLite database");
}

static void other_applications_file_is_refused(void **state)
{
        WORLD;

        (void)state;
        sql(w->path, "CREATE TABLE t(a)");
        refused(w, "another application's");
        sql(w->path, "PRAGMA application_id = 99");
        refused(w, "another application's");
}

static void later_version_is_refused(void **state)
{
        WORLD;

        (void)state;
        world_open(w);
        world_close(w);
        sql(w->path, "PRAGMA user_version = 7");
        refused(w, "has version 7, and this memtided knows version 3");
}

static void folder_is_refused(void **state)
{
        WORLD;

        (void)state;
        assert_int_equal(mkdir(w->path, 0700), 0);
        assert_true(store_open(&w->options, &w->store, w->note, &w->err) < 0);
        rmdir(w->path);
}

static void empty_file_becomes_ours(void **state)
{
        WORLD;
        struct stat st;

        (void)state;
        write_file(w->path, "", 0, 0);
        world_open(w);
        world_close(w);
        assert_int_equal(world_sql_int(w->path, "PRAGMA application_id"), 0x6d746465);
        assert_int_equal(world_sql_int(w->path, "PRAGMA auto_vacuum"), 2);
        unlink(w->path);
        sql(w->path, "PRAGMA page_size = 4096; CREATE TABLE t(a); DROP TABLE t; VACUUM");
        world_open(w);
        world_close(w);
        unlink(w->path);
        umask(0077);
        world_open(w);
        umask(0022);
        assert_int_equal(stat(w->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
}

static void folders_are_made(void **state)
{
        WORLD;
        char path[160], folder[128];
        struct stat st;

        (void)state;
        snprintf(folder, sizeof folder, "%s/a/b", w->folder);
        snprintf(path, sizeof path, "%s/x.db", folder);
        w->options.path = path;
        world_open(w);
        world_close(w);
        assert_int_equal(stat(folder, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0750);
        unlink(path);
        rmdir(folder);
        snprintf(folder, sizeof folder, "%s/a", w->folder);
        rmdir(folder);
}

static void closed_file_is_one_plain_file(void **state)
{
        WORLD;
        char beside[128];

        (void)state;
        world_open(w);
        world_set(w, world_begin(w), 100, 10);
        world_tick(w);
        world_close(w);
        assert_int_equal(world_sql_int(w->path,
                                       "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'delete'"), 1);
        snprintf(beside, sizeof beside, "%s-wal", w->path);
        assert_int_equal(access(beside, F_OK), -1);
        snprintf(beside, sizeof beside, "%s-shm", w->path);
        assert_int_equal(access(beside, F_OK), -1);
        assert_int_equal(world_sql_int(w->path, "SELECT count(*) FROM ring"), 0);
        assert_int_equal(world_sql_int(w->path, "PRAGMA freelist_count"), 0);
}

static void second_daemon_is_refused(void **state)
{
        WORLD;
        pid_t pid;
        int status;

        (void)state;
        world_open(w);
        pid = fork();
        if (pid == 0) {
                struct store *other;
                struct error err;
                char note[512];

                _exit(store_open(&w->options, &other, note, &err) < 0 && strstr(err.text, "another memtided") ? 0 : 1);
        }
        waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
        world_tick(w);
}

static void damaged_is_set_aside(struct world *w, off_t at, size_t size)
{
        char junk[65536];

        world_restart(w);
        for (int i = 0; i < 20; i++)
                world_begin(w);
        for (int i = 0; i < 10; i++) {
                world_stir(w);
                world_tick(w);
        }
        world_close(w);
        memset(junk, 0x5a, sizeof junk);
        write_file(w->path, junk, size, at);
        w->at_ms += 10000;
        world_open(w);
        if (!strstr(w->note, ".corrupt-20"))
                fail_msg("note: %s", w->note);
        world_close(w);
        for (size_t i = 0; i < w->n_processes; i++)
                w->processes[i].running = false;
}

static void damaged_file_is_kept_and_a_new_one_begun(void **state)
{
        WORLD;

        (void)state;
        w->renumbered = true;
        damaged_is_set_aside(w, 0, 16);
        damaged_is_set_aside(w, 4096, 65536);
        damaged_is_set_aside(w, 100, 3000);
}

static void cut_file_is_set_aside(void **state)
{
        WORLD;

        (void)state;
        world_open(w);
        world_set(w, world_begin(w), 100, 10);
        world_tick(w);
        world_close(w);
        assert_int_equal(truncate(w->path, 8192), 0);
        world_open(w);
        assert_non_null(strstr(w->note, ".corrupt-20"));
}

static void some_ticks(struct world *w, int n)
{
        for (int i = 0; i < n; i++) {
                world_stir(w);
                world_tick(w);
        }
}

static void failing_ticks(struct world *w, int n, enum health expected)
{
        for (int i = 0; i < n; i++) {
                struct error err;

                world_stir(w);
                world_add_tick(w);
                assert_int_equal(world_commit(w), expected);
                assert_string_not_equal(w->err.text, "");
                store_maintain(w->store, w->at_ms, true, &err);
        }
}

/* However long it lasts, samples come back from memory. */
static void locked_is_made_up_for(void **state)
{
        static const int lengths[] = { 1, 5, 60, 420 }; /* the last: more than the ring holds */
        WORLD;

        (void)state;
        world_open(w);
        for (int i = 0; i < 10; i++)
                world_begin(w);
        some_ticks(w, 100);
        for (int i = 0; i < 4; i++) {
                sqlite3 *other;

                assert_int_equal(sqlite3_open(w->path, &other), SQLITE_OK);
                assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
                failing_ticks(w, lengths[i], HEALTH_DATABASE_LOCKED);
                sqlite3_close(other);
                some_ticks(w, 1);
                /* What the ring had no room for is there when its segments are sealed. */
                some_ticks(w, lengths[i] > 300 ? 20 : 0);
                world_check(w);
        }
        assert_int_equal(store_counts(w->store).dropped_samples, 0);
}

static void mount_small(struct world *w, const char *size)
{
        char option[32];

        snprintf(option, sizeof option, "size=%s", size);
        if (mount("none", w->folder, "tmpfs", 0, option) < 0) {
                print_message("skipped: a small tmpfs can't be mounted: %s\n", strerror(errno));
                skip();
        }
}

static void full_disk_is_made_up_for(void **state)
{
        WORLD;
        char filler[128];
        static char bytes[2 << 20];

        (void)state;
        mount_small(w, "3m");
        snprintf(filler, sizeof filler, "%s/filler", w->folder);
        world_open(w);
        for (int i = 0; i < 50; i++)
                world_begin(w);
        some_ticks(w, 50);
        for (int i = 0; i < 3; i++) {
                int fd = open(filler, O_WRONLY | O_CREAT, 0600), j = 0;

                while (write(fd, bytes, 4096) > 0)
                        ;
                close(fd);
                /* A little may still fit into what is there already. */
                for (; j < 400; j++) {
                        world_stir(w);
                        world_add_tick(w);
                        if (world_commit(w) != HEALTH_OK)
                                break;
                        store_maintain(w->store, w->at_ms, true, &w->err);
                }
                assert_true(j < 400);
                failing_ticks(w, 30, HEALTH_DISK_FULL);
                unlink(filler);
                some_ticks(w, 1);
                world_check(w);
        }
        world_close(w);
        world_check(w);
        umount2(w->folder, MNT_DETACH);
}

static void read_only_is_told(void **state)
{
        WORLD;

        (void)state;
        mount_small(w, "8m");
        world_open(w);
        world_begin(w);
        some_ticks(w, 10);
        assert_int_equal(mount("none", w->folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0 || errno == EBUSY, 1);
        if (errno != EBUSY) {
                failing_ticks(w, 5, HEALTH_READ_ONLY);
                assert_int_equal(mount("none", w->folder, "tmpfs", MS_REMOUNT, NULL), 0);
        }
        some_ticks(w, 5);
        world_check(w);
        world_close(w);
        umount2(w->folder, MNT_DETACH);
}

static size_t ticks_until_reopened(struct world *w)
{
        size_t n = 0;

        w->reopened = false;
        while (!w->reopened && n < 20) {
                enum health h;

                world_stir(w);
                world_add_tick(w);
                h = world_commit(w);
                assert_int_equal(h, w->reopened ? HEALTH_OK : HEALTH_DATABASE_GONE);
                n++;
        }
        assert_true(w->reopened);
        return n;
}

static void deleted_file_is_begun_anew(void **state)
{
        WORLD;
        int64_t from_ms;

        (void)state;
        world_open(w);
        for (int i = 0; i < 20; i++)
                world_begin(w);
        some_ticks(w, 400);
        w->renumbered = true;
        from_ms = w->at_ms - 10000; /* what the segment being filled held comes back as well: here at least that */
        unlink(w->path);
        assert_true(ticks_until_reopened(w) > 3);
        some_ticks(w, 1);
        for (size_t i = 0; i < w->n_processes; i++) {
                char query[128], id[PROCESS_ID_MAX];

                process_id_format(&w->processes[i].id, id);
                snprintf(query, sizeof query, "SELECT count(*) FROM process WHERE id = '%s'", id);
                if (!w->processes[i].running && world_sql_int(w->path, query) == 0)
                        w->processes[i].n_samples = 0; /* went with the file */
        }
        for (int i = 0; i < 400; i++) {
                for (size_t j = 0; j < w->n_processes; j++)
                        if (w->processes[j].running)
                                world_set(w, j, 1000 + i, 10);
                world_tick(w);
        }
        world_check_since(w, from_ms);
        world_close(w);
        world_check_since(w, from_ms);
}

static void replaced_file_is_taken_over(void **state)
{
        WORLD;
        char old[128], wal[140];
        int64_t from_ms;

        (void)state;
        snprintf(old, sizeof old, "%s/old.db", w->folder);
        snprintf(wal, sizeof wal, "%s-wal", old);
        world_open(w);
        for (int i = 0; i < 10; i++)
                world_begin(w);
        some_ticks(w, 500);
        world_copy(w, old);
        sql(old, "PRAGMA journal_mode = DELETE");
        some_ticks(w, 200);
        assert_int_equal(rename(old, w->path), 0);
        w->renumbered = true;
        ticks_until_reopened(w);
        from_ms = w->at_ms;
        some_ticks(w, 500);
        for (size_t i = 0; i < w->n_processes; i++)
                if (!w->processes[i].running && w->processes[i].exited_at_ms < from_ms)
                        w->processes[i].n_samples = 0;
        assert_true(world_sql_int(w->path, "SELECT count(*) FROM sample") > 1000);
        for (size_t i = 0; i < w->n_processes; i++) {
                char query[160], id[PROCESS_ID_MAX];
                int64_t want = 0;

                process_id_format(&w->processes[i].id, id);
                for (size_t j = 0; j < w->processes[i].n_samples; j++)
                        want += w->processes[i].samples[j].at_ms > from_ms;
                snprintf(query, sizeof query, "SELECT count(*) FROM sample WHERE process_id = '%s' AND"
                         " unixepoch(at) > %lld", id, (long long)(from_ms / 1000));
                if (w->processes[i].n_samples)
                        assert_int_equal(world_sql_int(w->path, query), want);
        }
}

static void foreign_replacement_is_left_alone(void **state)
{
        WORLD;
        unsigned long long before;

        (void)state;
        world_open(w);
        world_begin(w);
        some_ticks(w, 5);
        unlink(w->path);
        write_file(w->path,
                   "something else entirely, and long enough to be looked at as a header of a hundred bytes or more, "
                            "which it is not", 112, 0);
        before = digest(w->path);
        for (int i = 0; i < 10; i++) {
                world_add_tick(w);
                assert_int_equal(world_commit(w), HEALTH_DATABASE_GONE);
        }
        assert_int_equal(digest(w->path), before);
        unlink(w->path);
        world_add_tick(w);
        assert_int_equal(world_commit(w), HEALTH_OK);
        assert_true(w->reopened);
}

/* Whatever another program wrote makes SQLite read the file again, and then the damage shows. */
static void damage_while_running_is_recovered_from(void **state)
{
        WORLD;
        char junk[40960];
        sqlite3 *other;
        enum health h = HEALTH_OK;

        (void)state;
        w->renumbered = true;
        world_open(w);
        for (int i = 0; i < 10; i++)
                world_begin(w);
        some_ticks(w, 30);
        world_close(w);
        world_restart(w);
        some_ticks(w, 3);
        assert_int_equal(sqlite3_open(w->path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "UPDATE state SET views = views", NULL, NULL, NULL), SQLITE_OK);
        memset(junk, 0x5a, sizeof junk);
        for (int i = 0; i < 3; i++)
                write_file(w->path, junk, sizeof junk, 8192 + i * (off_t)sizeof junk);
        assert_int_equal(sqlite3_exec(other, "UPDATE state SET views = views || ' '", NULL, NULL, NULL), SQLITE_OK);
        for (int i = 0; i < 400 && !w->reopened; i++) {
                struct error err;

                world_stir(w);
                world_add_tick(w);
                h = world_commit(w);
                store_maintain(w->store, w->at_ms, true, &err);
        }
        sqlite3_close(other);
        assert_true(w->reopened);
        assert_int_equal(h, HEALTH_OK);
        some_ticks(w, 10);
}

static void reader_that_never_ends_is_told(void **state)
{
        WORLD;
        sqlite3 *other;
        enum health h = HEALTH_OK;
        int n = 0;

        (void)state;
        w->options.max_bytes = 4 << 20;
        world_open(w);
        for (int i = 0; i < 300; i++)
                world_set(w, world_begin(w), 1000, 10);
        world_tick(w);
        assert_int_equal(sqlite3_open(w->path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT count(*) FROM ring", NULL, NULL, NULL), SQLITE_OK);
        for (; h == HEALTH_OK && n < 2000; n++) {
                struct error err;

                for (size_t i = 0; i < w->n_processes; i++)
                        world_set(w, i, 1000 + n, 10);
                world_add_tick(w);
                h = world_commit(w);
                store_maintain(w->store, w->at_ms, true, &err);
                assert_true(store_counts(w->store).bytes <= w->options.max_bytes);
        }
        assert_int_equal(h, HEALTH_READER_HOLDS_WAL);
        assert_true(n > 100);
        for (int i = 0; i < 50; i++) {
                world_add_tick(w);
                assert_int_equal(world_commit(w), HEALTH_READER_HOLDS_WAL);
                assert_true(store_counts(w->store).bytes <= w->options.max_bytes);
        }
        sqlite3_close(other);
        world_add_tick(w);
        assert_int_equal(world_commit(w), HEALTH_OK);
        world_maintain(w);
        for (int i = 0; i < 50; i++)
                world_tick(w);
        world_check_since(w, w->at_ms - 100000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_sqlite_is_refused),
                cmocka_unit_test(other_applications_file_is_refused),
                cmocka_unit_test(later_version_is_refused),
                cmocka_unit_test(folder_is_refused),
                cmocka_unit_test(empty_file_becomes_ours),
                cmocka_unit_test(folders_are_made),
                cmocka_unit_test(closed_file_is_one_plain_file),
                cmocka_unit_test(second_daemon_is_refused),
                cmocka_unit_test(damaged_file_is_kept_and_a_new_one_begun),
                cmocka_unit_test(cut_file_is_set_aside),
                cmocka_unit_test(locked_is_made_up_for),
                cmocka_unit_test(full_disk_is_made_up_for),
                cmocka_unit_test(read_only_is_told),
                cmocka_unit_test(deleted_file_is_begun_anew),
                cmocka_unit_test(replaced_file_is_taken_over),
                cmocka_unit_test(foreign_replacement_is_left_alone),
                cmocka_unit_test(damage_while_running_is_recovered_from),
                cmocka_unit_test(reader_that_never_ends_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
