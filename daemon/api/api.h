/* The api's whole state, and how a request is answered: whom it is for, who asks, which route, what is asked, then the
 * route's own function. */
#pragma once

#include "api/answer.h"
#include "api/cache.h"
#include "api/connection.h"
#include "api/keep.h"
#include "api/query.h"
#include "api/state.h"
#include "model/config.h"
#include "model/status.h"

struct api {
        const struct config *config;
        const struct status *status;
        struct store_reader *reader;
        const char *token;         /* NULL: none is asked for */
        int statm_fd;              /* /proc/self/statm, opened before the doors closed; -1: none */
        int64_t began_boot_ms;
        struct state state;
        struct keep keep;
        struct cache cache;
        struct body_pool pool;
        int64_t complained_boot_ms; /* when it was last logged that the database can't be read; 0: never */
};

/* One request on its way through a route. */
struct call {
        struct api *api;
        const struct request *request;
        struct answer *answer;
        struct query query;
        const char *id;         /* what stands in the path's place for it, decoded; NULL: none */
        const char *path;       /* as it came, and the query as it came: for Link */
        const char *raw_query;  /* NULL: none */
        int64_t now_ms;         /* wall */
        bool text;              /* a table is wanted */
};

/* A request_fn, with a struct api as data. */
void api_answer(void *data, const struct request *request, struct answer *ret);

/* The routes. Each writes call->answer. */
void get_processes(struct call *c);
void get_process(struct call *c);
void get_process_samples(struct call *c);
void get_process_events(struct call *c);
void get_process_heap(struct call *c);
void get_apps(struct call *c);
void get_app(struct call *c);
void get_app_samples(struct call *c);
void get_findings(struct call *c);
void get_finding(struct call *c);
void get_metrics(struct call *c);
void get_healthz(struct call *c);

/* Refusals. */
void refuse(struct call *c, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
void refuse_process(struct call *c);     /* 404: none has the id in the path */
void refuse_cursor(struct call *c);      /* 400 */
void refuse_old_cursor(struct call *c);  /* 410 */
void refuse_database(struct call *c, const struct error *err); /* 503 */

/* Where the listing goes on: "next" in JSON (next NULL: null), and closes the outermost object. */
void finish_list(struct json *j, const char *next);
/* The same where the body has no place for it: Link with rel="next", which leads to the same request at that cursor. */
void link_next(struct call *c, const char *next);
