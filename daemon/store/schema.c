/* Migrations, each a file of schema/, and the views, which are made anew whenever their text is another one. */
#include <string.h>

#include "schema_sql.h"
#include "store/store_private.h"

static const char *const migrations[] = { schema_001, schema_002, schema_003 };
_Static_assert(sizeof migrations / sizeof migrations[0] == STORE_VERSION, "a migration a version");

static int run(sqlite3 *db, const char *sql)
{
        return sqlite3_exec(db, sql, NULL, NULL, NULL) & 0xff;
}

static int read_int(sqlite3 *db, const char *sql, int64_t *ret)
{
        sqlite3_stmt *q;
        int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);

        if (rc != SQLITE_OK)
                return rc & 0xff;
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW)
                *ret = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return rc == SQLITE_ROW ? SQLITE_OK : rc & 0xff;
}

static int migrate(sqlite3 *db, int64_t from)
{
        char *pragmas = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
                                        STORE_VERSION);
        int rc = pragmas ? SQLITE_OK : SQLITE_NOMEM;

        for (int64_t i = from; rc == SQLITE_OK && i < STORE_VERSION; i++)
                rc = run(db, migrations[i]);
        if (rc == SQLITE_OK)
                rc = run(db, pragmas);
        sqlite3_free(pragmas);
        return rc;
}

/* FNV-1a, as text: what state.views says of the views that are there. */
static void fingerprint(const char *text, char ret[static 20])
{
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
        sqlite3_snprintf(20, ret, "%llx", (unsigned long long)h);
}

static int make_views(sqlite3 *db)
{
        char print[20], *sql;
        int64_t same = 0;
        int rc;

        fingerprint(schema_views, print);
        sql = sqlite3_mprintf("SELECT views = '%q' FROM state", print);
        rc = sql ? read_int(db, sql, &same) : SQLITE_NOMEM;
        sqlite3_free(sql);
        if (rc != SQLITE_OK || same)
                return rc;
        rc = run(db, schema_views);
        if (rc != SQLITE_OK)
                return rc;
        sql = sqlite3_mprintf("UPDATE state SET views = '%q'", print);
        rc = sql ? run(db, sql) : SQLITE_NOMEM;
        sqlite3_free(sql);
        return rc;
}

int schema_migrate(sqlite3 *db)
{
        int64_t version = 0;
        int rc = read_int(db, "PRAGMA user_version", &version);

        if (rc == SQLITE_OK)
                rc = run(db, "BEGIN IMMEDIATE");
        if (rc != SQLITE_OK)
                return rc;
        rc = version < STORE_VERSION ? migrate(db, version < 0 ? 0 : version) : SQLITE_OK;
        if (rc == SQLITE_OK)
                rc = make_views(db);
        if (rc == SQLITE_OK)
                rc = run(db, "COMMIT");
        if (rc != SQLITE_OK)
                run(db, "ROLLBACK");
        return rc;
}
