/* The SQLite file, written: the engine is the only writer. Calls on processes, details, events and ticks never fail and
 * never wait: they change memory at once and queue a write; store_commit() writes what is queued in one transaction. When
 * it can't (disk full, locked, deleted, read-only) the queue is kept, bounded, and written later, so that a tick is
 * late in the file but not lost. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/app.h"
#include "model/event.h"
#include "model/health.h"
#include "model/process.h"

struct store;

struct store_options {
        const char *path;
        int64_t retention_ms;
        int64_t max_bytes;      /* database and WAL together */
        int64_t interval_ms, detail_interval_ms; /* details are flushed at a quarter of theirs, a process's first at once */
        uint32_t boot;          /* this boot: processes of another one that are still open have exited */
        int64_t group;          /* gid the file gets, -1: leave it */
        int64_t now_ms;         /* wall clock, for the name of a damaged file */
};

/* Opens or makes the file (0640) and its folder (0750), locks it against a second daemon (flock), migrates,
 * seals what a crash left unsealed. A damaged file of ours is renamed NAME.corrupt-TIME and a new one begun,
 * which *ret_note then says ("" otherwise). Refuses, with *err and the file untouched: not SQLite, another application's,
 * a later version, locked by another daemon, unreadable. */
int store_open(const struct store_options *options, struct store **ret, char ret_note[static 512], struct error *err);

/* Writes what is queued, seals everything, leaves one plain file (journal_mode=DELETE). NULL is fine. Returns NULL. */
struct store *store_close(struct store *s);

/* New options after a reload: retention, size, intervals (path must be the same). */
void store_configure(struct store *s, const struct store_options *options);

/* The newest time stored, ms since 1970; 0 in an empty file. Times given to the calls below must rise. */
int64_t store_newest_ms(const struct store *s);

/* A process that runs now. Known already (same id, not ended, from before a restart of the daemon): it goes on, and
 * *ret_known is true. Returns its number in this store, > 0. app_id names a row put by store_put_app(). */
uint32_t store_begin_process(struct store *s, const struct process_id *id, const struct identity *who, const char *app_id,
                             int64_t at_ms, bool *ret_known);
/* It exec'ed: its identity is replaced. */
void store_change_process(struct store *s, uint32_t process, const struct identity *who, const char *app_id, int64_t at_ms);
void store_end_process(struct store *s, uint32_t process, int64_t at_ms);
/* After all of the running processes were begun once: what the file still holds open has exited. */
void store_end_strangers(struct store *s, int64_t at_ms);

/* The app of an identity (model/app.h), made where it is new, under a name that no other app has. */
void store_put_app(struct store *s, const struct identity *who, char ret_id[static APP_ID_SIZE]);
/* Its name, lent until the next call; "" for one that is not known. */
const char *store_app_name(struct store *s, const char *app_id);

void store_add_event(struct store *s, uint32_t process, int64_t at_ms, enum event_kind kind, const char *text);
void store_add_detail(struct store *s, uint32_t process, const struct detail *detail);

struct store_change {
        uint32_t process;
        int64_t rss_bytes, anon_bytes; /* BYTES_UNKNOWN: not known at this tick */
};
/* One tick: what differs from the last one; every other process that is open is as it was. Ends the round: details and
 * events added since the last tick belong to this one. */
void store_add_tick(struct store *s, int64_t at_ms, const struct store_change *changes, uint32_t n_changes);

/* Writes the queue. HEALTH_OK, or why not. *ret_reopened: the file was deleted, replaced or damaged and one has been
 * opened anew, so the api must be started again; *err then says where a damaged one was put, "" otherwise. *err says more
 * when not OK. */
enum health store_commit(struct store *s, bool *ret_reopened, struct error *err);

/* A bounded piece of what can wait: sealing, retention by age (only if allowed: a clock that just jumped must not
 * delete history) and by size, checkpoint. Once a tick, after store_commit(). 0 or negative. */
int store_maintain(struct store *s, int64_t now_ms, bool age_allowed, struct error *err);

struct store_counts { int64_t bytes, dropped_samples; };
struct store_counts store_counts(const struct store *s);
