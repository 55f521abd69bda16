/* Inside the reader. */
#pragma once

#include <sqlite3.h>

#include "store/args.h"
#include "store/encode.h"
#include "store/read.h"
#include "store/table.h"

enum read_statement {
        READ_BEGIN, READ_END, READ_VERSION, READ_STATE, READ_RING_ROW, READ_RING_NEWEST, READ_LAST_TIME, READ_SLOTS,
        READ_SHARED, READ_CHANGED, READ_RUNNING, READ_EXITED, READ_EXITED_OF_APP, READ_NUMBER, READ_BY_ID,
                READ_BY_PREFIX,
        READ_DETAILS_SINCE, READ_DETAIL_LEAST, READ_DETAIL_NEWEST, READ_DETAIL_CHUNK, READ_SPAN, READ_SEGMENTS,
                READ_TIMES,
        READ_CHUNK, READ_RING, READ_SHARED_OF, READ_DETAILS_OF, READ_EVENTS, READ_APPS, READ_MEMBERS, READ_OLDEST,
        READ_ALL,
        /* From here on: of version 2. */
        READ_FINDINGS, READ_FINDINGS_OPEN, READ_FINDINGS_OF_PROCESS, READ_FINDINGS_OF_APP, READ_FINDING, READ_BRIEFS,
        READ_FINDING_COUNTS, READ_FINDING_CHANGE, READ_GROWTH, READ_TREND, READ_ALERTS,
        /* From here on: of version 3. */
        READ_LOOK,
        READ_STATEMENTS
};

/* state, as it is in this snapshot */
struct read_state { int64_t ring_size, segment, seal_first, seal_next, seal_process; };

struct store_reader {
        sqlite3 *db;
        sqlite3_stmt *statements[READ_STATEMENTS];
        int file_fd, wal_fd; /* O_PATH: for their sizes alone */
        int depth;           /* of snapshots: a call within one begins none of its own */
        int64_t version;
        struct read_state state;      /* at the newest tick that was read */
        struct store_tick tick;       /* the newest that was read; number 0: none */
        unsigned stuck;               /* looks in a row that found none newer */
        struct buffer payload;        /* its values */
        uint32_t *shared;             /* by slot */
        size_t shared_room;
        int64_t shared_change, shared_count; /* what shared was read at */
        struct args args;
        struct buffer trend;          /* lent by store_read_trend() */
        struct buffer look;           /* lent by store_read_look() */
};

int read_prepare(struct store_reader *r, int64_t version); /* SQLITE_OK or an error's code */
/* NULL where the file is of a version that has none of it. */
sqlite3_stmt *read_sql(struct store_reader *r, enum read_statement which);
static inline int64_t chunk_id(int64_t segment, uint32_t process)
{
        return (int64_t)((uint64_t)segment << 32 | process);
}
int read_failed(struct store_reader *r, struct error *err);
int read_state(struct store_reader *r, struct read_state *ret, struct error *err);
/* Of columns from at on: the nine figures of detail_open. */
struct detail read_detail(sqlite3_stmt *q, int at);
/* The newest reading of a process: open ones as well, or chunks alone, from segment back to first. False: none was
 * found. */
bool read_newest_detail(struct store_reader *r, uint32_t process, bool open, int64_t segment, int64_t first,
                        struct detail *ret);
