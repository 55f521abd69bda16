/* The file itself: made, locked, recognised, opened; set aside where it is ours and damaged.
 *
 *      absent, empty, SQLite without a table  --> a new one
 *      ours                                   --> opened, migrated
 *      ours, damaged                          --> renamed NAME.corrupt-TIME with its WAL, then a new one
 *      anything else, or a later version      --> refused, untouched */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "store/store_private.h"

#define HEADER_BYTES 100
#define CHECK_BYTES_MAX (16 << 20) /* PRAGMA quick_check reads all of it: about 1 ms a MiB */

enum header { HEADER_NEW, HEADER_OURS, HEADER_NO_ID, HEADER_BROKEN, HEADER_FOREIGN };

static uint32_t big_endian(const unsigned char *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum header look_at_header(struct store *s, uint32_t *ret_id, uint32_t *ret_version)
{
        unsigned char h[HEADER_BYTES] = {};
        ssize_t n = pread(s->lock_fd, h, sizeof h, 0);

        *ret_version = big_endian(h + 60);
        *ret_id = big_endian(h + 68);
        if (n == 0)
                return HEADER_NEW;
        if (n < (ssize_t)sizeof h)
                return HEADER_FOREIGN;
        if (memcmp(h, "SQLite format 3", 16) != 0)
                return *ret_id == STORE_APPLICATION_ID ? HEADER_BROKEN : HEADER_FOREIGN;
        return *ret_id == STORE_APPLICATION_ID ? HEADER_OURS : *ret_id ? HEADER_FOREIGN : HEADER_NO_ID;
}

static void beside(const struct store *s, const char *suffix, char ret[static 4096])
{
        snprintf(ret, 4096, "%s%s", s->path, suffix);
}

static int make_folder(struct store *s, struct error *err)
{
        char path[4096];

        if (strlen(s->path) + 64 > sizeof path)
                return error_set(err, ENAMETOOLONG, "the path of the database is too long: %s", s->path);
        strcpy(path, s->path);
        for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                if (mkdir(path, 0750) == 0) {
                        /* Not the umask's business. Where the group can't be given, the file is as usable without. */
                        int r = chmod(path, 0750);

                        if (r == 0 && s->options.group >= 0)
                                r = chown(path, (uid_t)-1, (gid_t)s->options.group);
                        errno = r < 0 ? 0 : errno;
                } else if (errno != EEXIST && errno != EISDIR && access(path, X_OK) < 0) {
                        return error_set(err, errno, "cannot make the folder %s: %s", path, strerror(errno));
                }
                *p = '/';
        }
        return 0;
}

bool store_file_replaced(const struct store *s)
{
        struct stat now;

        return stat(s->path, &now) < 0 || now.st_dev != s->file.st_dev || now.st_ino != s->file.st_ino;
}

static int lock_once(struct store *s, struct error *err)
{
        int made;

        s->lock_fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0640);
        made = s->lock_fd >= 0;
        if (!made && errno == EEXIST)
                s->lock_fd = open(s->path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (s->lock_fd < 0)
                return error_set(err, errno, "cannot open the database %s: %s", s->path, strerror(errno));
        if (fstat(s->lock_fd, &s->file) < 0 || !S_ISREG(s->file.st_mode))
                return error_set(err, EINVAL, "the database %s is not a regular file", s->path);
        if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
                return error_set(err, errno, "the database %s is in use by another memtided", s->path);
        if (made && (fchmod(s->lock_fd, 0640) < 0 ||
                     (s->options.group >= 0 && fchown(s->lock_fd, (uid_t)-1, (gid_t)s->options.group) < 0)))
                errno = 0;
        return 0;
}

/* Between open() and flock() another daemon may have taken the name off the file: then once more. */
static int lock_file(struct store *s, struct error *err)
{
        for (int attempt = 0; attempt < 10; attempt++) {
                int r = lock_once(s, err);

                if (r < 0)
                        return r;
                if (!store_file_replaced(s))
                        return 0;
                close(take_fd(s->lock_fd));
        }
        return error_set(err, EBUSY, "the database %s is replaced again and again", s->path);
}

/* Has the file, without an application id, anything in it? Looked at so that nothing is written, not even beside it. */
static bool has_tables(const struct store *s)
{
        char *uri = sqlite3_mprintf("file:%s?mode=ro&immutable=1", s->path);
        sqlite3_stmt *q = NULL;
        sqlite3 *db = NULL;
        bool any = true;

        if (uri && !strpbrk(s->path, "?#%") &&
            sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_schema", -1, &q, NULL) == SQLITE_OK)
                any = sqlite3_step(q) != SQLITE_ROW || sqlite3_column_int64(q, 0) != 0;
        sqlite3_finalize(q);
        sqlite3_close(db);
        sqlite3_free(uri);
        return any;
}

static int recognise(struct store *s, bool *ret_damaged, struct error *err)
{
        uint32_t id, version;
        char wal[4096];

        beside(s, "-wal", wal);
        switch (look_at_header(s, &id, &version)) {
        case HEADER_NEW:
                return 0;
        case HEADER_OURS:
                if (version <= STORE_VERSION)
                        return 0;
                return error_set(err, EINVAL, "the database %s has version %u, and this memtided knows version %d",
                                 s->path,
                                 version, STORE_VERSION);
        case HEADER_NO_ID:
                if (access(wal, F_OK) < 0 && !has_tables(s))
                        return 0;
                return error_set(err, EINVAL, "the database %s is another application's", s->path);
        case HEADER_BROKEN:
                *ret_damaged = true;
                return error_set(err, EINVAL, "its header is damaged");
        case HEADER_FOREIGN:
                break;
        }
        if (id && s->file.st_size >= HEADER_BYTES) {
                unsigned char magic[16];

                if (pread(s->lock_fd, magic, sizeof magic, 0) == sizeof magic && !memcmp(magic, "SQLite format 3", 16))
                        return error_set(err, EINVAL, "the database %s is another application's", s->path);
        }
        return error_set(err, EINVAL, "%s is not an SQLite database", s->path);
}

static int note_wal(void *data, sqlite3 *db, const char *name, int frames)
{
        struct store *s = data;

        (void)db;
        (void)name;
        s->wal_frames = frames;
        return SQLITE_OK;
}

static int run(struct store *s, const char *sql)
{
        return sqlite3_exec(s->db, sql, NULL, NULL, NULL) & 0xff;
}

static int pragma_int(struct store *s, const char *sql, int64_t *ret)
{
        sqlite3_stmt *q;
        int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

        if (rc == SQLITE_OK) {
                rc = sqlite3_step(q);
                if (rc == SQLITE_ROW)
                        *ret = sqlite3_column_int64(q, 0);
                rc = sqlite3_finalize(q);
        }
        return rc & 0xff;
}

static int quick_check(struct store *s)
{
        sqlite3_stmt *q;
        int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL);
        bool fine;

        if (rc != SQLITE_OK)
                return rc & 0xff;
        fine = sqlite3_step(q) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
        rc = sqlite3_finalize(q) & 0xff;
        return rc != SQLITE_OK ? rc : fine ? SQLITE_OK : SQLITE_CORRUPT;
}

/* page_size and auto_vacuum count only before the first table; the WAL only after the file is whole, so that its header
 * says whose it is whatever happens. */
static int set_up(struct store *s)
{
        struct stat now;
        int rc;

        sqlite3_busy_timeout(s->db, BUSY_MS);
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        rc = run(s, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA page_size = 4096;"
                    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY");
        if (rc == SQLITE_OK && fstat(s->lock_fd, &now) == 0 && now.st_size > 0 && now.st_size <= CHECK_BYTES_MAX)
                rc = quick_check(s);
        if (rc == SQLITE_OK)
                rc = schema_migrate(s->db);
        if (rc == SQLITE_OK)
                rc = run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
        return rc;
}

static int connect(struct store *s, bool *ret_damaged, struct error *err)
{
        int64_t id = 0, version = 0;
        int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

        if (rc == SQLITE_OK) {
                sqlite3_busy_timeout(s->db, BUSY_MS);
                rc = pragma_int(s, "PRAGMA application_id", &id);
        }
        if (rc == SQLITE_OK)
                rc = pragma_int(s, "PRAGMA user_version", &version);
        if (rc == SQLITE_OK && (version > STORE_VERSION || (id && id != STORE_APPLICATION_ID))) {
                sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                return error_set(err, EINVAL, "the database %s has version %lld of application %llx, and this memtided "
                                 "knows version %d of %x", s->path, (long long)version, (long long)id, STORE_VERSION,
                                 STORE_APPLICATION_ID);
        }
        if (rc == SQLITE_OK)
                rc = set_up(s);
        if (rc == SQLITE_OK) {
                sqlite3_wal_hook(s->db, note_wal, s);
                rc = store_recover(s);
        }
        *ret_damaged = (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
        if (rc != SQLITE_OK)
                return error_set(err, EIO, "cannot open the database %s: %s", s->path,
                                 s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
        return 0;
}

void store_disconnect(struct store *s)
{
        for (unsigned i = 0; i < STATEMENTS; i++) {
                sqlite3_finalize(s->statements[i]);
                s->statements[i] = NULL;
        }
        sqlite3_close(s->db);
        s->db = NULL;
        s->wal_frames = 0;
        s->pages_max = 0;
        if (s->lock_fd >= 0)
                close(take_fd(s->lock_fd));
}

static int set_aside(struct store *s, const char *why, char ret_note[static 512], struct error *err)
{
        char to[4096], from_wal[4096], to_wal[4096], shm[4096], when[32] = "", reason[160];
        time_t t = (time_t)(s->options.now_ms / 1000);
        struct tm tm;

        snprintf(reason, sizeof reason, "%.150s", why);
        if (gmtime_r(&t, &tm))
                strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
        snprintf(to, sizeof to, "%s.corrupt-%s", s->path, when);
        for (int i = 1; access(to, F_OK) == 0 && i < 1000; i++)
                snprintf(to, sizeof to, "%s.corrupt-%s.%d", s->path, when, i);
        beside(s, "-wal", from_wal);
        beside(s, "-shm", shm);
        if (snprintf(to_wal, sizeof to_wal, "%s-wal", to) >= (int)sizeof to_wal || rename(s->path, to) < 0)
                return error_set(err, errno, "cannot rename the damaged database %s: %s", s->path, strerror(errno));
        if (rename(from_wal, to_wal) < 0 && errno != ENOENT)
                unlink(from_wal); /* it must not be taken for the new file's */
        unlink(shm);
        snprintf(ret_note, 512, "the database %.120s was damaged (%s); it is kept as %.150s and a new one was begun",
                 s->path,
                 reason, to);
        return 0;
}

/* Opens what is at the path, or makes it. */
int store_open_file(struct store *s, char ret_note[static 512], struct error *err)
{
        char wal[4096];

        for (int attempt = 0;; attempt++) {
                bool damaged = false;
                int r = make_folder(s, err);

                if (r == 0)
                        r = lock_file(s, err);
                if (r == 0)
                        r = recognise(s, &damaged, err);
                if (r == 0)
                        r = connect(s, &damaged, err);
                if (r == 0)
                        break;
                if (s->db) /* closing must not write into what may be damaged, or not ours */
                        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                if (damaged && attempt == 0) {
                        int fd = take_fd(s->lock_fd);
                        struct error why = *err;

                        store_disconnect(s);
                        r = set_aside(s, why.text, ret_note, err);
                        close(fd); /* only now: until here nobody else may have touched it */
                } else {
                        store_disconnect(s);
                }
                if (!damaged || attempt > 0 || r < 0)
                        return r < 0 ? r : -EIO;
        }
        beside(s, "-wal", wal);
        if (stat(wal, &s->wal) < 0)
                s->wal = (struct stat){};
        return 0;
}

int64_t store_file_bytes(const struct store *s)
{
        struct stat file, wal;
        char path[4096];

        beside(s, "-wal", path);
        return (stat(s->path, &file) == 0 ? file.st_size : 0) + (stat(path, &wal) == 0 ? wal.st_size : 0);
}
