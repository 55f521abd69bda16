/* The findings that are open now, by process and by app: what lists of processes and apps, and metrics, say of them. */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "model/growth.h"
#include "store/findings.h"

struct open_finding {
        int64_t number;
        enum finding_kind kind;
        enum severity severity;
        uint32_t process;        /* 0: of the app as a whole */
        char app_id[APP_ID_SIZE];
        struct growth growth;    /* of the app as a whole, out of the evidence; else not known */
};

/* Shared by the snapshots between which none of it changed. */
struct open_findings {
        unsigned refs;
        uint32_t n;
        struct open_finding *list;       /* by process, then number */
        uint32_t *by_app;                /* places in the list, by app, then number */
        int64_t opened[FINDING_KINDS];   /* how many were ever opened */
};

int open_findings_read(struct store_reader *reader, struct open_findings **ret, struct error *err);
struct open_findings *open_findings_ref(struct open_findings *f);
struct open_findings *open_findings_unref(struct open_findings *f); /* NULL is fine; returns NULL */

/* Those of a process (not 0): the first one's place in the list; *ret_n may be 0. */
uint32_t open_findings_of_process(const struct open_findings *f, uint32_t process, uint32_t *ret_n);
/* Those of an app and of its processes: the first one's place in by_app. */
uint32_t open_findings_of_app(const struct open_findings *f, const char *app_id, uint32_t *ret_n);

/* "findings": [12, 15] */
void open_findings_write_process(const struct open_findings *f, uint32_t process, struct json *j);
void open_findings_write_app(const struct open_findings *f, const char *app_id, struct json *j);
