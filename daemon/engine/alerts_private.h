/* What the files of alerts share: alerts.c (what happened, the outbox), alerts_send.c (the helper processes). */
#pragma once

#include "base/buffer.h"
#include "engine/alerts.h"

#define OUTPUT_KEPT 4096 /* bytes of what a helper or the program says, for the log */

/* One target's deliveries, one at a time and in order.
 *
 *   idle --sender_begin--> sending --delivered, refused, too old--> idle
 *    ^                        |
 *    |                        +-- failed, or killed at its deadline --> pausing
 *    +----------------- the pause is over, or other settings -------------+
 */
struct sender {
        struct alerts *alerts;
        enum alert_target target;
        enum { SENDER_IDLE, SENDER_SENDING, SENDER_PAUSING } state;
        bool may_wait;              /* the outbox may hold something for it: worth a look */
        pid_t pid;
        sd_event_source *child, *output, *timer; /* timer: the helper's deadline, or the end of the pause */
        int output_fd;
        struct buffer said;
        size_t said_more;           /* bytes beyond what is kept */
        bool out_of_time;
        int64_t alert, alert_at_ms; /* what is being sent */
        int64_t handled;            /* what was delivered or given up last: the file may not know that yet. 0: it does */
        int64_t deadline_ms, pause_ms; /* of an attempt; the next pause */
        bool failing;
        int64_t told_mono_ms;       /* when a failure was last logged */
};

struct told {
        int64_t finding;
        enum finding_event event;
};

struct alerts {
        sd_event *loop;
        char *targets[ALERT_TARGETS]; /* as configured: the URL, the program's path; NULL: none */
        int config_fd;
        struct store *store;          /* lent, with db_path, by the last alerts_after_commit() */
        char *db_path;
        int64_t now_ms;
        struct told *told;            /* n_told of them; oldest first */
        size_t n_told, told_room;
        int64_t n_forgotten;
        bool unreadable;              /* the file could not be read, and that was logged */
        struct sender senders[ALERT_TARGETS];
};

/* alerts.c: starts what waits for senders that are idle. */
void alerts_look(struct alerts *a);

/* alerts_send.c */
void sender_init(struct sender *s, struct alerts *a, enum alert_target target);
/* An attempt under way may end in peace until then, by the monotonic clock. */
void sender_done(struct sender *s, int64_t until_ms);
void sender_begin(struct sender *s, const struct store_alert *alert); /* idle before */
void sender_forget_pause(struct sender *s); /* its target changed: what failed there may work here */
