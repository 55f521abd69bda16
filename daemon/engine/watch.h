/* Watching for leaks: each running process's detector and the life of its findings, each app's generations. Fed by the
 * roster as rounds come in, it asks the sampler for exact reads and for looks into heaps, writes findings and looks into the
 * store, the growth onto the board, and tells alerts. After a restart it takes each process's detector from the store, a few
 * a tick. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/alerts.h"
#include "model/board.h"
#include "model/config.h"
#include "model/report.h"
#include "store/findings.h"

struct watch;

struct watch *watch_new(struct board *board); /* lent; NULL: out of memory */
struct watch *watch_free(struct watch *w);    /* NULL is fine; returns NULL */
void watch_configure(struct watch *w, const struct config *config); /* lent until the next call; before all others */

/* What the roster tells, seat by seat. process: its number in the store. known: it was watched before this start.
 * app_name: as the store has it. */
void watch_begin(struct watch *w, uint32_t seat, uint32_t process, const struct process_id *id, const char *app_id,
                 const char *app_name, bool known, int64_t at_ms);
void watch_change(struct watch *w, uint32_t seat, const char *app_id, const char *app_name, struct store *store,
                  int64_t at_ms); /* exec: what it kept so far is gone */
void watch_figures(struct watch *w, uint32_t seat, const struct figures *now); /* only where they changed */
void watch_detail(struct watch *w, uint32_t seat, const struct detail *detail);
void watch_headroom(struct watch *w, uint32_t seat, const struct headroom *headroom);
void watch_exact(struct watch *w, uint32_t seat, const struct report_exact *exact);
void watch_look(struct watch *w, uint32_t seat, const struct report_look *look);
/* Right before the roster ends the process in the store. */
void watch_end(struct watch *w, uint32_t seat, struct store *store, int64_t at_ms);
/* The sampler went: seats mean nothing any more. Processes that come back with the next one go on where they were. */
void watch_clear_seats(struct watch *w);
/* Every process that runs has been begun by now: those that sat here before watch_clear_seats() and did not come back have
 * exited. Right before the roster ends them in the store; at each tick. */
void watch_settle(struct watch *w, struct store *store, int64_t at_ms);

/* The tick: every detector gets its sample; requests to the sampler (struct report_request) are put into *requests.
 * boot_ms: the tick on CLOCK_BOOTTIME, which start_ticks are measured on. */
void watch_tick(struct watch *w, struct store *store, int64_t at_ms, int64_t boot_ms, struct buffer *requests);
/* After a commit that succeeded: what needs to read the file (restoring, looks, telling), within a few ms. True: it wrote
 * looks or findings and told alerts of these, which another commit makes readable. */
bool watch_after_commit(struct watch *w, struct store *store, struct alerts *alerts, const char *db_path, int64_t at_ms);
/* The database is a new file: open findings are written again. */
void watch_reopened(struct watch *w);
/* The daemon stops: detectors are written, and no file is held open any more. Before store_close(). */
void watch_stop(struct watch *w, struct store *store);
