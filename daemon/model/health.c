/* The words for how the daemon is. */
#include "model/health.h"

static const struct {
        const char *name, *text;
} words[HEALTHS] = {
        [HEALTH_OK] = { "ok", "sampling is on time and stored" },
        [HEALTH_LATE] = { "late", "no tick was stored for more than three intervals" },
        [HEALTH_DISK_FULL] = { "disk-full", "the disk with the database is full; the newest samples wait in memory" },
        [HEALTH_DATABASE_GONE] = { "database-gone", "the database file was deleted or replaced; it is opened anew" },
        [HEALTH_DATABASE_LOCKED] = { "database-locked",
                                     "another program holds the database's write lock; the newest samples wait in memory" },
        [HEALTH_READ_ONLY] = { "read-only", "the database can't be written; the newest samples wait in memory" },
        [HEALTH_READER_HOLDS_WAL] = { "reader-holds-wal",
                                      "a reader's long transaction keeps the database's WAL from being emptied; "
                                      "the newest samples wait in memory until it ends" },
};

const char *health_name(enum health h)
{
        return words[h].name;
}

const char *health_text(enum health h)
{
        return words[h].text;
}
