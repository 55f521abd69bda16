/* What was found, in the SQLite file: findings, the alerts that must still be sent, the detectors' states, and the
 * growth that exited processes ended with. Written like all else: calls change memory and queue a write, store_commit()
 * writes.
 *
 * Open findings stay; closed ones go with the retention, and at most 10,000 are kept, in a small file fewer (one for
 * each 64 KiB of its largest size). As long as one is kept its process and app can be read, even where their history
 * went for want of room. A finding left open by a process that ended while nobody watched is closed by
 * store_end_strangers(), or by store_open() after a boot, at the time its process counts as exited. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/finding.h"
#include "model/growth.h"
#include "store/read.h"
#include "store/store.h"

/* The number for a new finding: rises, and none that was ever in the file is given twice. One that was not committed
 * before a kill may come again: so nobody should be told of it before that. */
int64_t store_next_finding(struct store *s);
/* Writes it whole, new or changed; everything is copied. */
void store_put_finding(struct store *s, const struct finding *f);

/* A process's detector, as detector_save() wrote it, having seen all samples up to and with at_ms. Forgotten when the
 * process ends. Not kept where those of all processes would fill more than an eighth of the file's largest size. */
void store_put_trend(struct store *s, uint32_t process, int64_t at_ms, const void *bytes, size_t size);
/* The growth a process had when it ended. Right before store_end_process(). */
void store_put_growth(struct store *s, uint32_t process, const struct growth *growth);

/* An alert to be sent: the outbox outlives the daemon. At most ALERTS_MOST wait, in a small file fewer (one for each
 * 64 KiB of its largest size); then the oldest goes (counted). */
#define ALERTS_MOST 1000
enum alert_target { ALERT_WEBHOOK, ALERT_EXEC, ALERT_TARGETS };
void store_put_alert(struct store *s, enum alert_target target, int64_t at_ms, const char *body);
/* It was delivered, or given up. */
void store_drop_alert(struct store *s, int64_t alert);
int64_t store_dropped_alerts(const struct store *s);

/* Reading. Texts are lent until the callback returns; false stops. */
struct store_finding {
        const struct finding *finding;
        const char *app_name;
        bool has_process;           /* finding->process != 0; the rest is only then there */
        struct process_id id;
        const char *name;
        char *const *args;
        size_t n_args;
};
typedef bool (*store_finding_fn)(void *data, const struct store_finding *f);

struct store_finding_filter {
        enum { STORE_FINDINGS_OPEN, STORE_FINDINGS_CLOSED, STORE_FINDINGS_ALL } state;
        uint32_t process;       /* 0: any */
        const char *app_id;     /* NULL: any */
        bool of_kind;           /* only of kind */
        enum finding_kind kind;
        int64_t below;          /* only numbers below it; 0: any */
        uint32_t limit;         /* 0: all */
};
/* Newest (highest number) first. */
int store_read_findings(struct store_reader *r, const struct store_finding_filter *filter, store_finding_fn fn,
                        void *data, struct error *err);
/* 1 found, 0 none, negative. */
int store_find_finding(struct store_reader *r, int64_t number, store_finding_fn fn, void *data, struct error *err);
/* The open ones by process and app, and how many were ever opened by kind: for lists and metrics, in one cheap pass. */
struct store_finding_brief {
        int64_t number;
        enum finding_kind kind;
        enum severity severity;
        uint32_t process;
        char app_id[APP_ID_SIZE];
};
int store_read_open_findings(struct store_reader *r, bool (*fn)(void *data, const struct store_finding_brief *f),
                             void *data, int64_t ret_opened[static FINDING_KINDS], struct error *err);
/* Rises whenever a finding was written; kept in the newest tick's transaction. */
int64_t store_read_finding_change(struct store_reader *r);

/* 1 and *ret, 0: none. Of an exited process (store_put_growth). */
int store_read_growth(struct store_reader *r, uint32_t process, struct growth *ret, struct error *err);
/* 1 and what store_put_trend() was given (lent until the next call), 0: none. */
int store_read_trend(struct store_reader *r, uint32_t process, int64_t *ret_at_ms, const void **ret_bytes,
                     size_t *ret_size, struct error *err);

/* The oldest alerts waiting, at most `limit`. */
struct store_alert { int64_t number; enum alert_target target; int64_t at_ms; const char *body; };
int store_read_alerts(struct store_reader *r, uint32_t limit, bool (*fn)(void *data, const struct store_alert *a),
                      void *data, struct error *err);
