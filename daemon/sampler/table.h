/* The processes that are watched, each on a seat: a small number that is its own while it lives. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/process.h"
#include "proc/identity.h"
#include "proc/memlimit.h"
#include "sampler/pidmap.h"

/*   free --table_take--> used --table_leave--> leaving --table_settle--> free
 *
 * A seat that is leaving is not given out again before the tick is over: the engine hears of who appeared before it
 * hears of who is gone. */
enum {
        SEAT_FREE = -1,
        SEAT_LEAVING = -2,
        SEAT_UNKEPT = -3, /* used, but no descriptor is left for it: opened at each tick */
};

#define LIMITS_EVERY 5 /* visits: a process is seldom moved into another group, and it takes 20 us to see it */
#define TEXT_UNKNOWN UINT32_MAX /* text_pages: look at once whether it exec'ed */

/* What every tick touches, side by side. In pages. */
struct seat_hot {
        int fd; /* statm, or one of the above */
        uint32_t rss_pages, shared_pages, size_pages, text_pages;
};

/* What runs: shared by a process and those it forked. */
struct lineage {
        unsigned refs;
        char *framework, *application, *folder, *python;
};

struct seat {
        struct process_id id;
        struct exec_mark mark;
        struct lineage *lineage;
        bool unreadable; /* known by name only */
        bool hangs;      /* reading it has hung: only what can't hang is read */
        bool code_changed; /* statm says that it runs another program */
        bool fresh;      /* detail is new since the last report */
        bool has_detail;
        bool no_rollup;  /* smaps_rollup can't be read, or is too dear ever to be */
        uint8_t repeats; /* readings since the last real one */
        int64_t exec_checked_ms, exec_gap_ms; /* when it was last asked whether it exec'ed; how long not again */
        struct detail detail;
        int64_t detail_ms;                    /* when it was read */
        int64_t cpu_ns;                       /* its CPU time then */
        uint32_t rss_pages, shared_pages;     /* and its figures */
        int64_t rollup_ns, rollup_ms;         /* what smaps_rollup took, and when */
        uint32_t visits;
        struct process_limits limits;         /* released by who lets the seat leave */
        uint8_t limits_left;                  /* visits until they are looked at again */
        struct address_use use;               /* when the detail was read */
        struct headroom_told told;
};

struct table {
        struct seat_hot *hot;
        struct seat *seats;
        uint32_t n;     /* seats beyond are free */
        uint32_t room;
        uint32_t used;
        uint32_t unreadable; /* of them */
        uint32_t kept_fds, kept_fds_max;
        uint32_t lowest_free; /* none below is free */
        uint32_t *leaving, n_leaving;
        struct pidmap by_pid;
};

void table_done(struct table *t);

/* A seat for a process, its hot part zero but for the descriptor (taken over, SEAT_UNKEPT for none). lineage is taken
 * over as well. Returns its number, or -ENOMEM (also where REPORT_SEATS_MAX are used). */
int64_t table_take(struct table *t, const struct identity_extra *who, struct lineage *lineage);
void table_leave(struct table *t, uint32_t seat);
void table_settle(struct table *t);

/* Its seat, or PIDMAP_NONE. */
uint32_t table_find(const struct table *t, int32_t pid);
bool table_is_used(const struct table *t, uint32_t seat);

/* A lineage with copies of what an identity says; NULL when out of memory. */
struct lineage *lineage_new(const struct identity *who);
struct lineage *lineage_ref(struct lineage *l);
struct lineage *lineage_unref(struct lineage *l);
/* Lets an identity say what its lineage says. Returns 0 or -ENOMEM. */
int lineage_apply(const struct lineage *l, struct identity *who);
