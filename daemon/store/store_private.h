/* Inside the store's writer. Memory is the truth about the segment being filled and those not yet sealed; the file
 * follows:
 *
 *      calls --> open processes, encoders --segment full--> closing --seal, a batch a tick--> chunks in the file
 *          \--> queue --commit--> rows, ring, shared_open, detail_open
 *
 * What the ring holds is there for readers and for the time after a crash; so a commit that fails costs nothing but
 * memory. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "store/encode.h"
#include "store/findings.h"
#include "store/looks.h"
#include "store/schema.h"
#include "store/store.h"
#include "store/table.h"
#include "store/who.h"

#define PAGE_BYTES 4096
#define FRAME_BYTES (PAGE_BYTES + 24) /* a page in the WAL */
#define SEGMENT_TICKS 360
#define RING_SLACK 40                 /* ticks there are to seal a segment before its rows in the ring are used again */
#define QUEUE_BYTES_MAX (8 << 20)
#define BUSY_MS 20

enum statement {
        SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK, SQL_PUT_APP, SQL_FIND_TEXT, SQL_PUT_TEXT, SQL_PUT_PROCESS, SQL_END_PROCESS,
        SQL_DROP_SHARED, SQL_PUT_EVENT, SQL_STRANGERS_EVENT, SQL_END_STRANGERS, SQL_PUT_SEGMENT, SQL_PUT_TICK,
        SQL_PUT_SHARED, SQL_PUT_DETAIL, SQL_PUT_STATE, SQL_PUT_CHUNK, SQL_PUT_DETAIL_CHUNK, SQL_PUT_TIME,
                SQL_END_SEGMENT,
        SQL_TRIM_SHARED, SQL_SET_PEAK, SQL_MAKE_AHEAD, SQL_DROP_DETAILS, SQL_FIND_PROCESS, SQL_FIND_CHUNK,
        SQL_FIND_DETAIL_CHUNK, SQL_FIND_APP_KEY, SQL_FIND_APP_ID, SQL_FIND_APP_NAME, SQL_STOP_PROCESS,
                SQL_OLDEST_SEGMENT,
        SQL_DROP_CHUNKS, SQL_DROP_DETAIL_CHUNKS, SQL_DROP_TIMES, SQL_DROP_SEGMENT, SQL_OLD_PROCESSES, SQL_OLDEST_ENDED,
        SQL_DROP_PROCESS, SQL_DROP_EVENTS, SQL_DROP_TEXT, SQL_DROP_APP, SQL_OLD_EVENTS, SQL_DROP_PROCESS_CHUNK,
        SQL_DROP_PROCESS_DETAIL, SQL_PAGE_COUNT, SQL_FREE_COUNT, SQL_COUNT_FINDING, SQL_PUT_FINDING, SQL_NOTE_NUMBERS,
        SQL_LAST_FINDING, SQL_LAST_ALERT, SQL_PUT_TREND, SQL_DROP_TREND, SQL_PUT_GROWTH, SQL_DROP_GROWTH, SQL_PUT_ALERT,
        SQL_DROP_ALERT, SQL_BOUND_ALERTS, SQL_CLOSE_ENDED, SQL_DROP_ENDED_TRENDS, SQL_OLD_FINDINGS, SQL_EXTRA_FINDING,
        SQL_DROP_FINDING, SQL_DROP_FINDINGS_OF, SQL_PUT_LOOK, SQL_DROP_LOOK, SQL_LOOKS_SIZE, SQL_LOOKS_LEAST_MISSED,
        STATEMENTS
};

struct app {
        uint32_t no;
        uint64_t hash; /* of the key */
        char id[APP_ID_SIZE];
        char *key, *name, *framework, *unit, *container;
        unsigned users; /* open processes and queued writes */
};

struct process {
        uint32_t handle;           /* what callers know it by: its number when it began */
        uint32_t no;               /* in this file: another one only after the file was replaced */
        size_t place;              /* in store.processes */
        struct process_id id;
        struct who *who;
        struct app *app;
        uint32_t slot;
        int64_t slot_tick, first_segment;
        uint32_t rss, shared;      /* states now (encode.h) */
        uint32_t known_rss, known_shared; /* newest that were known; 0: never */
        uint32_t peak;             /* highest state; 0 */
        int64_t peak_kib;          /* newest VmHWM; -1 */
        bool had_detail;
        bool shared_known, shared_moved; /* shared_open has a row of it; more than its newest since the segment began */
        struct series series;
        struct detail_series *details; /* NULL: no reading in this segment */
};

/* The chunks of one process in one segment, text not NUL-terminated. */
struct piece {
        int64_t segment;
        uint32_t process, size, detail_size;
        bool trim;                 /* shared_open holds rows that nobody needs then */
        int64_t peak_bytes;        /* to be kept in its row, as no VmHWM is known; else -1 */
        char *text, *detail;
};

struct closing {
        struct closing *next;
        int64_t segment, first_tick, detail_id, samples;
        uint32_t n_ticks, n_pieces, n_sealed;
        bool begun;                /* its times are in the file */
        size_t bytes;
        struct piece *pieces;      /* by number of process */
        int64_t at_ms[];
};

enum op_kind {
        OP_APP, OP_PROCESS, OP_END, OP_EVENT, OP_STRANGERS, OP_SEGMENT, OP_TICK, OP_SHARED, OP_FINDING, OP_TREND,
        OP_GROWTH, OP_ALERT, OP_DROP_ALERT, OP_NUMBERS, OP_LOOK, OP_DROP_LOOK
};

struct op {
        struct op *next;
        enum op_kind kind;
        uint32_t process;
        size_t bytes;
        int64_t at_ms, tick, change, segment;
        union {
                struct app *app;
                struct {
                        bool fresh;        /* it was not in the file before */
                        uint32_t app_no, slot;
                        struct process_id id;
                        struct who *who;
                        struct app *app;
                } process_row;
                struct {
                        struct process_id id;
                        int64_t sampled_at_ms, peak_bytes;
                        struct figures last;
                        struct piece *pieces;
                        uint32_t n_pieces;
                        bool had_shared;
                } end;
                struct { enum event_kind kind; char *text; } event;
                struct { uint32_t size; unsigned char *payload; int64_t shared; } values;
                uint32_t units;
                struct finding *finding;
                struct { void *bytes; size_t size; } trend, look;
                struct growth growth;
                struct { int64_t number; enum alert_target target; char *body; } alert;
        } of;
};

struct detail_op { int64_t id, tick; uint32_t process; int64_t states[DETAIL_STATES]; };

struct marks { int64_t segment, seal_first, seal_next, seal_process; };

struct store {
        char *path;
        struct store_options options;
        int lock_fd;               /* flock; open from before SQLite opens the file until after it closed it,
                for closing any
                                    * descriptor of a file drops the locks that SQLite took on it */
        struct stat file, wal;     /* what was opened */
        sqlite3 *db;
        sqlite3_stmt *statements[STATEMENTS];
        int64_t wal_frames;

        struct table by_handle, by_id;
        struct process **processes;
        size_t n_processes, processes_room;
        struct app **apps;
        size_t n_apps, apps_room;
        uint32_t next_process, next_app, odd_handle;
        int64_t change;

        unsigned char *values;     /* what the next tick's payload begins with */
        bool *slot_used;
        uint32_t n_slots, slots_room, free_slot; /* n_slots: all used ones are below; free_slot: none free below */

        int64_t tick, at_ms;       /* newest */
        bool feed_all;             /* at the next tick every encoder is told how its process is */
        int64_t segment, segment_first;
        uint32_t segment_ticks, segment_length;
        int64_t segment_at_ms[SEGMENT_TICKS];
        uint32_t ring_size, ring_wanted;
        uint32_t *ring_made;       /* slots that each row of the ring has room for */
        struct closing *closings;  /* oldest first */
        struct { int64_t id, at_ms; } detail_ends[16]; /* sealed up to id; at_ms: when the segment ended */
        unsigned n_detail_ends;
        int64_t detail_dropped;    /* up to this id they are gone from detail_open */

        struct op *queue, **queue_end;
        size_t queue_bytes;
        int64_t shared_count;
        struct detail_op *details;
        size_t n_details, details_room;
        bool details_urgent;       /* a first reading of a process waits to be seen */
        int64_t details_since_ms, detail_id, detail_written;
        struct marks written;      /* as in the file */

        int64_t last_finding, last_alert; /* numbers: they never fall, whatever file is there */
        int64_t dropped_alerts, alerts_over; /* over: by the transaction that is being written */
        int64_t findings_looked_ms; /* when it was looked last for findings that must go */

        int64_t dropped_samples, samples_open;
        enum health maintained;    /* how the last store_maintain() went */
        unsigned gone_commits;
        int64_t gone_since_ms;
        bool damaged;
        int64_t pages_max;         /* as told to SQLite */
        bool aging;                /* the last piece of retention left more to do */
};

/* store_file.c: the file itself */
int store_open_file(struct store *s, char ret_note[static 512], struct error *err);
void store_disconnect(struct store *s);
int64_t store_file_bytes(const struct store *s);
bool store_file_replaced(const struct store *s); /* its path leads to another file now, or to none */
/* schema.c */
int schema_migrate(sqlite3 *db); /* SQLITE_OK or an error's code */
/* store.c */
int store_load(struct store *s, struct error *err);
/* store_sql.c */
sqlite3_stmt *store_sql(struct store *s, enum statement which);
int store_step(struct store *s, enum statement which); /* runs and resets it: SQLITE_DONE or SQLITE_ROW as SQLITE_OK */
int64_t store_int(struct store *s, enum statement which, int64_t none);
enum health store_health(struct store *s, int rc, struct error *err);
void sql_bind_text(sqlite3_stmt *q, int at, const char *text);
void sql_bind_known(sqlite3_stmt *q, int at, int64_t value); /* NULL for negative ones */
/* store_recover.c: seals what a crash left; SQLITE_OK or an error's code */
int store_recover(struct store *s);
/* store_queue.c */
struct op *queue_add(struct store *s, enum op_kind kind, size_t extra);
void queue_clear(struct store *s);
void queue_drop(struct store *s, const struct op *upto); /* from the front, upto the last; NULL: none */
void queue_bound(struct store *s);
void op_free(struct store *s, struct op *op);
void pieces_free(struct piece *pieces, uint32_t n);
/* store_write.c */
int store_write_queue(struct store *s, size_t most, const struct op **ret_upto); /* about most bytes of it */
int store_write_marks(struct store *s, const struct marks *m);
int store_write_end(struct store *s, const struct op *op);
int store_flush_details(struct store *s);
/* store_finding.c */
void store_load_numbers(struct store *s);
void store_queue_numbers(struct store *s);
int store_write_finding_op(struct store *s, const struct op *op);
int store_note_findings(struct store *s);              /* that some are no more */
int store_close_ended(struct store *s, int64_t at_ms); /* findings and trends of processes that are no more */
/* store_look.c */
int store_write_look_op(struct store *s, const struct op *op);
/* store_process.c */
struct process *process_free(struct store *s, struct process *p);
int64_t process_peak_bytes(const struct process *p);
uint32_t process_number(struct store *s, uint32_t process); /* in the file; of one that ended: what it was known by */
/* store_app.c */
struct app *app_find(struct store *s, const char *id);
void app_drop(struct store *s, struct app *a);
void apps_place_again(struct store *s);
/* store_seal.c */
void segment_begin(struct store *s, int64_t at_ms);
void segment_close(struct store *s);
struct marks store_marks(const struct store *s, uint32_t sealed_now);
void closing_free(struct store *s, struct closing *c);
int store_seal(struct store *s, uint32_t at_most, uint32_t *ret_sealed);
void store_sealed(struct store *s, uint32_t n);
int piece_by_number(const void *a, const void *b); /* for qsort() */
int write_piece(struct store *s, const struct piece *p);
/* store_retain.c */
int store_retain(struct store *s, int64_t now_ms, bool age_allowed, bool *ret_more);
bool store_retain_due(struct store *s, int64_t now_ms, bool age_allowed);
void store_limit_pages(struct store *s);
int64_t store_wal_frames_most(const struct store *s);
/* store_reopen.c */
int store_reopen(struct store *s, char ret_note[static 512], struct error *err);
