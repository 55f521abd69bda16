/* The reader's connection: to what a daemon has open, to what one left, to what is only a copy. Never written to. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/read_private.h"
#include "store/schema.h"

struct store_reader *store_reader_close(struct store_reader *r)
{
        if (!r)
                return NULL;
        for (unsigned i = 0; i < READ_STATEMENTS; i++)
                sqlite3_finalize(r->statements[i]);
        sqlite3_close(r->db);
        if (r->file_fd >= 0)
                close(r->file_fd);
        if (r->wal_fd >= 0)
                close(r->wal_fd);
        buffer_done(&r->payload);
        free(r->shared);
        args_done(&r->args);
        buffer_done(&r->trend);
        buffer_done(&r->look);
        free(r);
        return NULL;
}
DEFINE_CLEANUP(struct store_reader *, store_reader_close)

/* A database in WAL mode needs an index of the WAL beside it; where SQLite can't make one it refuses. But without an
 * index nobody else has it open, so it is read without locks: with an index in memory, or as a file that never changes.
 * (SQLite 3.40: the former wants a VFS without locks, for nolock=1 rules the WAL out.) */
enum way { WAY_SHARED, WAY_ALONE, WAY_UNCHANGING };

static bool is_absent(const char *path, const char *suffix)
{
        char *beside = sqlite3_mprintf("%s%s", path, suffix);
        bool absent = beside && access(beside, F_OK) < 0 && errno == ENOENT;

        sqlite3_free(beside);
        return absent;
}

static int open_unchanging(const char *path, sqlite3 **ret)
{
        _cleanup_(buffer_done) struct buffer uri = {};

        buffer_add_text(&uri, path[0] == '/' ? "file://" : "file:");
        for (const char *p = path; *p; p++)
                if (strchr("%?#", *p))
                        buffer_format(&uri, "%%%02x", (unsigned)*p);
                else
                        buffer_add_char(&uri, *p);
        buffer_add_text(&uri, "?immutable=1");
        buffer_add_char(&uri, '\0');
        if (uri.failed)
                return SQLITE_NOMEM;
        return sqlite3_open_v2(uri.data, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
}

static int connect(struct store_reader *r, const char *path, enum way way)
{
        int rc = way == WAY_UNCHANGING ? open_unchanging(path, &r->db)
                : sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                                  way == WAY_ALONE ? "unix-none" : NULL);

        if (rc != SQLITE_OK)
                return rc & 0xff;
        sqlite3_busy_timeout(r->db, 1000); /* while the writer changes the journal's mode */
        /* First of all: what comes after reads the file. */
        if (way == WAY_ALONE) {
                sqlite3_db_config(r->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                rc = sqlite3_exec(r->db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
        }
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(r->db, "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -512;"
                                         "PRAGMA temp_store = MEMORY; PRAGMA query_only = ON;"
                                         "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);
        return rc & 0xff;
}

static int connect_anyhow(struct store_reader *r, const char *path)
{
        int rc = connect(r, path, WAY_SHARED);

        if ((rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) || access(path, R_OK) < 0 || !is_absent(path, "-shm") ||
            !is_absent(path, "-journal"))
                return rc;
        sqlite3_close(take_ptr(r->db));
        return connect(r, path, is_absent(path, "-wal") ? WAY_UNCHANGING : WAY_ALONE);
}

static int64_t pragma_int(struct store_reader *r, const char *sql)
{
        sqlite3_stmt *q = NULL;
        int64_t value = 0;

        if (sqlite3_prepare_v2(r->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
                value = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return value;
}

static int open_failed(struct store_reader *r, const char *path, int rc, struct error *err)
{
        if (rc == SQLITE_NOTADB)
                return error_set(err, EINVAL, "%s is not an SQLite database", path);
        if (rc == SQLITE_CORRUPT)
                return error_set(err, EIO, "the database %s is damaged: %s", path, sqlite3_errmsg(r->db));
        return error_set(err, EIO, "cannot open the database %s: %s", path, sqlite3_errmsg(r->db));
}

/* Whose it is, and of which version. */
static int recognise(struct store_reader *r, const char *path, int64_t *ret_version, struct error *err)
{
        *ret_version = pragma_int(r, "PRAGMA user_version");
        if (pragma_int(r, "PRAGMA application_id") != STORE_APPLICATION_ID || *ret_version < 1)
                return error_set(err, EINVAL, "%s is not a database of memtide", path);
        if (*ret_version > STORE_VERSION)
                return error_set(err, EINVAL, "the database %s has version %lld, and this memtide knows version %d",
                                 path, (long long)*ret_version, STORE_VERSION);
        return 0;
}

int store_reader_open(const char *path, struct store_reader **ret, struct error *err)
{
        _cleanup_(store_reader_closep) struct store_reader *r = calloc(1, sizeof *r);
        char *wal = sqlite3_mprintf("%s-wal", path);
        struct store_tick tick;
        int64_t version;
        int rc;

        if (!r || !wal) {
                sqlite3_free(wal);
                return error_set(err, ENOMEM, "out of memory opening %s", path);
        }
        r->file_fd = open(path, O_PATH | O_CLOEXEC);
        rc = connect_anyhow(r, path);
        r->wal_fd = open(wal, O_PATH | O_CLOEXEC);
        sqlite3_free(wal);
        if (rc != SQLITE_OK)
                return open_failed(r, path, rc, err);
        rc = recognise(r, path, &version, err);
        if (rc < 0)
                return rc;
        rc = read_prepare(r, version);
        if (rc != SQLITE_OK)
                return open_failed(r, path, rc, err);
        rc = store_read_newest(r, &tick, err);
        if (rc < 0)
                return rc;
        *ret = take_ptr(r);
        return 0;
}
