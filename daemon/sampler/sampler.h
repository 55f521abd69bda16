/* The sampler: every tick, one figure of every Python process. It reads /proc and tells the engine; it writes nothing
 * else. */
#pragma once

#include "base/error.h"
#include "model/config.h"
#include "model/report.h"
#include "proc/memlimit.h"
#include "proc/pattern.h"
#include "proc/proc.h"
#include "proc/scan.h"
#include "sampler/looker.h"
#include "sampler/oom.h"
#include "sampler/outbox.h"
#include "sampler/requests.h"
#include "sampler/schedule.h"
#include "sampler/strangers.h"
#include "sampler/table.h"

#define UNREADABLE_MAX 64

/* Numbers of seats. */
struct seat_list {
        uint32_t *seats;
        uint32_t n, room;
};

struct sampler {
        struct proc proc;
        struct scan scan;
        struct table table;
        struct strangers strangers;
        struct outbox outbox;
        struct oom_watch oom;
        struct limits *limits;
        struct requests requests;
        struct looker looker;
        struct patterns *include, *exclude;
        bool show_secrets;
        int64_t interval_ms, detail_interval_ms;
        struct process_id hangs[UNREADABLE_MAX]; /* n_hangs processes that are known to hang their readers */
        uint32_t n_hangs;
        int64_t now_ms;      /* since boot, at this tick */
        bool first;          /* the first tick is not over */

        /* of this tick */
        struct report_change *changes; /* room for every seat */
        uint32_t n_changes, changes_room;
        struct seat_list suspects;     /* those that may have exec'ed */
        struct seat_list gone;         /* those that exited */
        struct seat_list not_python;   /* those that exec'ed what is not watched */
        struct buffer changed, left;   /* frames of those that exec'ed, and of those that are gone */
        struct buffer headrooms;       /* those of the limits that are near */

        /* details */
        struct rotation rotation;
        struct allowance allowance;
        struct seat_list fresh;        /* those whose detail is new */
        bool settled;                   /* all that were there at the start have had their first reading */
        uint32_t n_first, first_cursor; /* seats without a first reading, and where to look for them */
        double sampling_ns;            /* what plain sampling takes a tick, averaged */
};

/* config: its patterns are compiled, its intervals taken over. proc is taken over. outbox_fd stays the caller's. */
int sampler_init(struct sampler *s, const struct config *config, struct proc *proc, int outbox_fd, struct error *err);
void sampler_done(struct sampler *s);

/* One tick: its frames are in the outbox then. due_ns on the monotonic clock; skipped: ticks left out before it.
 * Negative when memory is short or /proc is gone. */
int sampler_tick(struct sampler *s, int64_t due_ns, uint32_t skipped, struct error *err);

/* Reads details that are due until until_ns (monotonic). With dear ones: may end later by one reading of a large
 * process (44 ms at most), so not within a tick. */
void sampler_read_details(struct sampler *s, int64_t until_ns, bool dear);
/* Are there more due than a tick itself has time for? */
bool sampler_has_backlog(const struct sampler *s);

/* Answers the engine's requests that can be done until until_ns (monotonic): in the next round. most_time: there is
 * never more time than now, so the first one is done even if it takes longer. */
void sampler_answer(struct sampler *s, int64_t until_ns, bool most_time);

/* --- between the sampler's own files --- */

int seat_list_add(struct seat_list *l, uint32_t seat);
/* Sees who is new; frames of those who are Python go to the outbox. until_ns: what isn't done then waits for the next
 * tick. */
int sampler_discover(struct sampler *s, int64_t until_ns, struct error *err);
/* Looks whether the suspects exec'ed. */
int sampler_check_execs(struct sampler *s);
/* Puts a first figure of a seat that was just taken among the changes; false: it is gone already. */
bool sampler_sample_new(struct sampler *s, uint32_t seat);
/* Reads who it is, with all that is known of it: it may hang its readers, it may map libpython. Returns enum
 * identity_result. */
int sampler_identify(struct sampler *s, int32_t pid, enum identity_known known, struct identity *ret,
                     struct identity_extra *extra);
void sampler_report_details(struct sampler *s);
void sampler_report_exact(struct sampler *s);
/* Whatever was read by pid is of this process if it is still there: a pid is not given out again before. */
bool sampler_is_still_there(const struct sampler *s, uint32_t seat);
