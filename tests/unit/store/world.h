/* A store in a temporary folder, and beside it what it must hold: every sample that was ever put into it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/read.h"
#include "store/store.h"

#define WORLD_START_MS INT64_C(1795000000000)
#define WORLD_BOOT 0xb3f2c1d0u

struct world_sample { int64_t at_ms, rss_bytes, anon_bytes; bool has_detail; struct detail detail; };

struct world_process {
        struct process_id id;
        uint32_t number;
        bool running, has_next_detail;
        int64_t rss_bytes, anon_bytes; /* as last told; -1: unknown */
        int64_t peak_bytes, exited_at_ms;
        struct detail next_detail;     /* belongs to the coming tick */
        struct world_sample *samples;
        size_t n_samples, room;
};

struct world {
        char folder[64], path[96];
        struct store_options options;
        struct store *store;
        int64_t at_ms, interval_ms;
        struct world_process *processes;
        size_t n_processes;
        int32_t next_pid;
        uint64_t random;
        bool reopened, renumbered; /* renumbered: another file was begun, in which numbers are others */
        struct error err;
        char note[512];
        /* changes of the coming tick */
        struct store_change *changes;
        uint32_t n_changes;
};

struct world *world_new(void);
struct world *world_free(struct world *w); /* removes the folder */

void world_open(struct world *w);          /* asserts that it opens */
void world_close(struct world *w);
/* Opens it again and begins every running process anew, as the engine does after a start. */
void world_restart(struct world *w);

size_t world_begin(struct world *w);       /* a new process; its place */
void world_begin_again(struct world *w, size_t place); /* one that ended, with its old id */
void world_end(struct world *w, size_t place);
void world_set(struct world *w, size_t place, int64_t rss_pages, int64_t shared_pages); /* rss_pages < 0: unknown */
void world_detail(struct world *w, size_t place);
/* Adds the tick without committing it; then commits and maintains. */
void world_add_tick(struct world *w);
enum health world_commit(struct world *w);
void world_tick(struct world *w);          /* both; asserts that all is well */
void world_maintain(struct world *w);

uint32_t world_random(struct world *w, uint32_t below);
/* Something happens to some processes: changes, jumps, ends, begins, details. */
void world_stir(struct world *w);

/* Reads everything through the reader and through the views, and asserts that it is what the world knows, no more and
 * no less, up to the newest tick that was committed. least_ms: what is older may be missing. */
void world_check(struct world *w);
void world_check_since(struct world *w, int64_t least_ms);
/* The same of a file elsewhere: a copy, at the time at_ms. lost: samples that may be missing at the end. */
void world_check_file(struct world *w, const char *path, int64_t least_ms, size_t lost);

void world_copy(const struct world *w, const char *to); /* file and WAL as they are at this moment */
int64_t world_sql_int(const char *path, const char *sql);
void world_sql_text(const char *path, const char *sql, char *ret, size_t size);
struct identity world_identity(const char *name);        /* strings are constants: not to be released */
