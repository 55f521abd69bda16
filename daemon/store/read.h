/* The SQLite file, read: for the api (and memtide analyze later), through a read-only connection of its own. Every call
 * is one short read transaction. Strings handed to callbacks live until the callback returns. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/app.h"
#include "model/event.h"
#include "model/process.h"

struct store_reader;

/* Opens it, prepares every statement and reads once, so that no further file needs to be opened later (the api locks
 * itself in after this). Also what a daemon that was killed left behind, in a folder that can't be written; files of
 * earlier versions are read as they are. */
int store_reader_open(const char *path, struct store_reader **ret, struct error *err);
struct store_reader *store_reader_close(struct store_reader *r); /* NULL is fine; returns NULL */

/* A snapshot: the calls between begin and end see one state of the file. They may be left out for a single call. */
int store_reader_begin(struct store_reader *r, struct error *err);
void store_reader_end(struct store_reader *r);

/* Has anything been committed since this was last asked? Costs microseconds (PRAGMA data_version). */
bool store_reader_changed(struct store_reader *r);

struct store_process {
        uint32_t number;
        struct process_id id;
        int64_t change;                 /* rises with every begin, exec and end anywhere: see store_read_processes() */
        struct identity who;
        char app_id[APP_ID_SIZE];
        const char *app_name;
        int64_t exited_at_ms;           /* BYTES_UNKNOWN while it runs */
        int64_t sampled_at_ms;          /* of an exited one: its last sample; else of the newest tick */
        struct figures last;            /* newest sample */
        struct detail detail;           /* newest reading */
        int64_t peak_rss_bytes;         /* VmHWM, else the highest sample */
        uint32_t slot;                  /* where its figures stand in a tick's values; UINT32_MAX once exited */
};
/* The strings of who are lent. Return false to stop. */
typedef bool (*store_process_fn)(void *data, const struct store_process *p);

/* Every process whose row changed after `change` (0: all that run now, with newest figures and details filled in). Used
 * to keep a table in memory up to date. */
int store_read_changed(struct store_reader *r, int64_t change, store_process_fn fn, void *data, struct error *err);
/* Exited ones, newest end first; also those of an app (NULL: all). */
int store_read_exited(struct store_reader *r, const char *app_id, store_process_fn fn, void *data, struct error *err);
/* One, by a prefix of its id (parts as in process_id_parse()): the newest that fits. 1 found, 0 none, negative. */
int store_find_process(struct store_reader *r, const struct process_id *id, int parts, store_process_fn fn, void *data,
                       struct error *err);
/* Past and present, in the order in which they were found. fn may read each one's samples. */
int store_read_all_processes(struct store_reader *r, store_process_fn fn, void *data, struct error *err);
int store_read_process(struct store_reader *r, uint32_t number, store_process_fn fn, void *data, struct error *err);

struct store_tick {
        int64_t number;                 /* ticks are numbered without gaps as long as the file lives */
        int64_t at_ms;
        int64_t change;                 /* the newest store_process.change it goes with */
        int64_t detail_change;          /* rises when details were written */
        uint32_t n_slots;
};
/* The newest tick; values(slot) by store_tick_figures(). 1 found, 0 none yet, negative. The values are the reader's, until
 * the next call of it. */
int store_read_newest(struct store_reader *r, struct store_tick *ret, struct error *err);
struct figures store_tick_figures(const struct store_reader *r, uint32_t slot);

/* Newest details written after detail_change. */
typedef void (*store_detail_fn)(void *data, uint32_t process, const struct detail *d);
int store_read_details(struct store_reader *r, int64_t detail_change, store_detail_fn fn, void *data, struct error *err);

/* The history of one process, oldest first, since <= at < until. detail is NULL between its readings. */
struct store_sample {
        int64_t at_ms, tick;
        struct figures figures;         /* BYTES_UNKNOWN where it could not be read */
        const struct detail *detail;
};
typedef bool (*store_sample_fn)(void *data, const struct store_sample *sample);
int store_read_samples(struct store_reader *r, uint32_t process, int64_t since_ms, int64_t until_ms, store_sample_fn fn,
                       void *data, struct error *err);

struct store_event { int64_t rowid, at_ms; const char *event, *text; };
typedef bool (*store_event_fn)(void *data, const struct store_event *e);
int store_read_events(struct store_reader *r, uint32_t process, int64_t after_rowid, store_event_fn fn, void *data,
                      struct error *err);

struct store_app { char id[APP_ID_SIZE]; const char *name, *framework, *unit, *container; };
typedef bool (*store_app_fn)(void *data, const struct store_app *a);
int store_read_apps(struct store_reader *r, store_app_fn fn, void *data, struct error *err);
/* The numbers of an app's processes, past and present, that were alive between since and until. */
int store_read_members(struct store_reader *r, const char *app_id, int64_t since_ms, int64_t until_ms,
                       bool (*fn)(void *data, uint32_t process), void *data, struct error *err);

/* The oldest sample's time, ms; 0: none. The file's and its WAL's bytes together. */
int64_t store_read_oldest_ms(struct store_reader *r);
int64_t store_reader_bytes(const struct store_reader *r);
