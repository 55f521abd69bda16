/* What runs now, kept in memory as of the newest tick. A snapshot never changes: a later tick makes another one, and
 * the two share what did not change (who a process is, its costlier figures), so that the snapshots which cursors
 * still need cost 80 bytes a process and tick. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "api/open_findings.h"
#include "model/app.h"
#include "model/board.h"
#include "model/process.h"
#include "store/read.h"

#define APP_NONE UINT32_MAX

/* Who a process is. text holds its members as JSON, from "id" to "limit_kind", as they stand in a list; the offsets
 * lead to the values in it. */
struct known {
        unsigned refs;
        uint32_t number, slot;
        struct process_id id;
        int64_t started_at_ms, limit_bytes;
        char app_id[APP_ID_SIZE];
        uint32_t size, name_at, cmdline_at, user_at, app_name_at, unit_at;
        char text[];
};

/* Its costlier figures. */
struct reading {
        unsigned refs;
        struct detail detail;
};

struct row {
        struct known *who;
        struct reading *reading;
        struct figures now;
        int64_t peak_rss_bytes;
        struct growth growth; /* as the board had it when the snapshot was made */
};

struct app_entry {
        char id[APP_ID_SIZE];
        const char *name, *framework, *unit, *container;
};

struct apps {
        unsigned refs;
        uint32_t n;
        struct app_entry *list; /* by id */
        char *texts;
        size_t texts_size;
};

struct snapshot {
        unsigned refs;
        int64_t tick, at_ms;   /* 0: no tick yet */
        uint32_t n;
        struct row *rows;      /* by known.number */
        struct apps *apps;     /* every one, past and present */
        struct open_findings *findings;
};

struct state {
        struct store_reader *reader; /* lent */
        const struct board *board;   /* lent; NULL: none */
        uint32_t board_room;         /* entries that lie within it */
        struct snapshot *newest;     /* NULL before the first state_refresh() that succeeded */
        int64_t change, detail_change, finding_change;
        uint64_t serial;             /* rises whenever newest changes */
        int64_t replaced_bytes;      /* what newest's successor no longer shares with it, in all so far */
        bool dirty;                  /* the last refresh failed halfway */
};

/* board: of board_room entries; NULL: of no process the growth is known. */
void state_init(struct state *s, struct store_reader *reader, const struct board *board, uint32_t board_room);
void state_done(struct state *s);

/* Takes over what was committed since. On failure *err says why, and newest is as it was. */
int state_refresh(struct state *s, struct error *err);

struct snapshot *snapshot_ref(struct snapshot *s);
struct snapshot *snapshot_unref(struct snapshot *s);
DEFINE_CLEANUP(struct snapshot *, snapshot_unref)

const struct row *snapshot_find(const struct snapshot *s, uint32_t number);
/* An app by its id or its name; APP_NONE. */
uint32_t snapshot_find_app(const struct snapshot *s, const char *id_or_name);
uint32_t snapshot_find_app_id(const struct snapshot *s, const char *id);

/* Who a process is, written once. NULL: out of memory. */
struct known *known_new(const struct store_process *p);
struct known *known_unref(struct known *k);

/* Writes the members that say who a process is, "id" to "limit_kind". Where offsets is not NULL, it is told where
 * values begin: name, cmdline, user, app name, unit. */
void process_write_identity(struct json *j, const struct store_process *p, uint32_t offsets[5]);
