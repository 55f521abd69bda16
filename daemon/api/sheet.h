/* Samples as they are sent: rows under columns, as JSON or CSV. */
#pragma once

#include "api/api.h"
#include "api/fold.h"

struct sheet {
        struct call *call;
        bool csv, first; /* first: nothing stands in the row yet */
        struct buffer text;
        struct json json;
        int64_t rows;
        int64_t next_ms; /* where the next page begins, set when no row fits any more; -1: nowhere */
        const char *process_count; /* a column of that name behind the time; NULL: none */
};

/* id: whose samples they are. The columns are those of the call's query. process_count: as above. */
void sheet_begin(struct sheet *s, struct call *c, const char *id, const char *process_count);
void sheet_done(struct sheet *s);

/* A row as it was sampled. cpu and the rest are null where detail is NULL. False: it did not fit, next_ms is set. */
bool sheet_add_sample(struct sheet *s, int64_t at_ms, int64_t processes, const struct figures *f,
                      const struct detail *d);
/* A row of a step. */
bool sheet_add_step(struct sheet *s, int64_t processes, const struct step *step);

/* Makes it the answer. next: the cursor of the next page or NULL. */
void sheet_finish(struct sheet *s, const char *next);

/* The span that is asked for, by the parameters or by the cursor. newest_ms: the newest tick; a listing ends there.
 * False: the cursor is bad, which has been answered. */
bool sheet_span(struct call *c, uint64_t listing, int64_t newest_ms, int64_t *ret_since_ms, int64_t *ret_until_ms);
/* Finishes with the cursor that next_ms asks for. */
void sheet_finish_span(struct sheet *s, uint64_t listing, int64_t until_ms);
