/* How the daemon is: the words of /healthz. The engine writes it into the status page, the api answers from there. */
#pragma once

enum health {
        HEALTH_OK,
        HEALTH_LATE,             /* sampling is behind its interval */
        HEALTH_DISK_FULL,
        HEALTH_DATABASE_GONE,    /* deleted or replaced */
        HEALTH_DATABASE_LOCKED,  /* another program holds its write lock */
        HEALTH_READ_ONLY,
        HEALTH_READER_HOLDS_WAL, /* a reader's transaction keeps the WAL growing */
        HEALTHS
};

/* "ok", "late", "disk-full", … */
const char *health_name(enum health h);
/* One sentence for people. */
const char *health_text(enum health h);
