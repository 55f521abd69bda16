/* An api without sockets over a store of its own: what a request gets is asked for by a call. */
#pragma once

#include <jansson.h>

#include "api/api.h"
#include "model/board.h"
#include "store/findings.h"
#include "store/store.h"

#define SITE_PROCESSES 4
#define SITE_START_MS INT64_C(1795359600000) /* 2026-11-22T15:00:00Z */

/* Four processes run in it: pids 100 and 101 are the app "flask: shop", 102 and 103 "flask: blog"; they take 1, 2, 3
 * and 4 MiB. */
struct site {
        char folder[64], path[96];
        struct store *store;
        struct board *board;             /* entry i is of process i */
        struct status status;
        struct config config;
        struct api api;
        uint32_t processes[SITE_PROCESSES];
        char app_ids[2][APP_ID_SIZE];
        int64_t at_ms;                   /* of the newest tick */
};

struct site *site_new(void);
struct site *site_free(struct site *s);

/* A tick, a second later: what was put is stored. */
void site_tick(struct site *s);
/* The growth of process i is on the board. */
void site_grow(struct site *s, int i, enum verdict verdict, double bytes_per_hour, int64_t limit_at_ms);
/* Puts a finding of process i (-1: of shop as a whole) as it is: opened now, and closed where closed is true. */
void site_put_finding(struct site *s, int64_t number, int i, enum finding_kind kind, enum severity severity,
                      bool closed);

/* What GET of path (with its query) is answered, on the heap; accept may be NULL. */
char *site_get(struct site *s, const char *path, const char *accept, int *ret_status);
/* The same as JSON; asserts the status. */
json_t *site_json(struct site *s, const char *path, int status);
