/* What the watch's files share: watch.c (seats, the tick), watch_row.c (a process), watch_share.c (who shares a limit),
 * watch_app.c (apps and their generations), watch_tell.c (findings into the file), watch_restore.c (detectors after a
 * restart), watch_look.c (when heaps are looked into), watch_looked.c (what becomes of a look). */
#pragma once

#include "detect/detector.h"
#include "detect/generations.h"
#include "detect/life.h"
#include "engine/watch.h"
#include "model/look.h"
#include "store/table.h"

#define HOUR_TICKS 720 /* an hour at the default interval */

/* A finding that is open, as far as memory needs to know. */
struct told {
        int64_t number;              /* 0: none */
        int64_t opened_at_ms, written_at_ms;
        int64_t grown_bytes;         /* when it was last written */
        unsigned char heap;          /* what of the heap it was written with: enum look_told */
        uint64_t suspects;           /* which they were then, as a number */
        int64_t look_span_ms;        /* over which time its looks reached then */
};

enum look_told { LOOK_NOTHING, LOOK_WHY_NOT, LOOK_FIRST, LOOK_RATES };

struct app {
        uint64_t key;                /* its id as a number */
        char id[APP_ID_SIZE];
        char *name;
        struct app_settings settings;
        uint32_t running;            /* its processes */
        uint32_t references;         /* rows and tellings */
        int64_t began_ms, touched_ms; /* the newest begin; of the last begin or end */
        struct generations *generations; /* NULL until one of its processes ended */
        uint64_t rebuilt;            /* so many lives of them were read from the file */
        struct told told;
        bool rebuild;                /* its past is to be read from the file */
        unsigned char looked_at;     /* so many of its processes are looked into for its finding */
        uint32_t look_number;        /* the process in the file, maybe an ended one, whose look its finding tells of; 0: none */
        int64_t look_at_ms, look_span_ms; /* when that was, and how far back it knows */
};

struct findings {
        struct life life;
        struct told told[FINDING_LIMIT + 1]; /* by kind */
};

/* A process under watch. Kept while a telling refers to it. */
struct row {
        uint32_t process;            /* what the store calls it */
        uint32_t number;             /* in the file: another one only after the file was replaced */
        uint32_t seat;               /* UINT32_MAX: it sits nowhere now */
        uint32_t references;
        struct process_id id;
        struct app *app;
        struct detector *detector;   /* NULL: to be restored */
        bool ready;                  /* the detector has seen all there is */
        bool has_swap, answered;
        int64_t fed_ms;              /* restoring: up to where */
        int64_t anon_bytes, swap_bytes;
        int64_t exact_bytes;         /* the newest exact read; -1 */
        int64_t limit_at_ms;         /* as it stands on the board */
        uint32_t share;              /* place in watch.shares; UINT32_MAX: its room is its own */
        struct headroom headroom;
        struct findings *findings;   /* NULL: nothing was ever found or asked, as of nearly all */
        int64_t since_ms;            /* under watch */
        int64_t exec_ms;             /* when it exec'ed the program it runs, where that was seen; 0 */
        int64_t begun_boot_ms;       /* when its program began, on the clock that start_ticks are of */
        int64_t looked_ms;           /* when its heap was last looked into, or not answered; -1: never */
        int64_t look_cost_us;        /* what that took of one core */
        unsigned char looks_open;    /* looks since its newest finding opened: 0, 1, 2 are 2 or more */
        unsigned char refusals;      /* the last looks, of which nothing came */
        bool never_looks;            /* its interpreter is none that can be looked into */
        bool for_app;                /* looked into for a finding of its app */
        bool replaced;               /* it exec'ed: another row has its place */
};

/* What the tick runs through, close together in memory. */
struct seat {
        struct row *row;             /* NULL: empty */
        struct detector *detector;   /* the row's once it is ready */
        int64_t level_bytes;         /* anon + swap */
        int64_t look_due_ms;         /* when its heap is looked into; INT64_MAX: not as things are; 0: to be worked out */
        unsigned char look_rank;     /* who is due goes by: enum look_rank */
        bool looked;                 /* at this tick the detector did */
        bool stirred;                /* to be looked at: its headroom, the settings or an exact read are new */
};

/* Processes that share the room below one limit. */
struct share {
        uint64_t shared_by;
        double bytes_per_hour;       /* of those that leak */
        uint32_t teller;             /* the seat of the one of which it is told */
        double teller_rate;
        int64_t teller_bytes;
        bool told;
};

enum tell { TELL_OPENED, TELL_WORSENED, TELL_CLOSED, TELL_REFRESHED };
struct telling {
        struct telling *next;
        enum tell what;
        enum finding_kind kind;
        enum severity severity;
        struct row *row;             /* NULL: of the app as a whole */
        struct app *app;
        int64_t number, opened_at_ms, at_ms;
        unsigned attempts;
        bool compose;                /* TELL_CLOSED: it grew until its process ended, so its evidence is written anew */
};

/* What is being read from the file, a piece a tick. */
struct restoring {
        struct row *row;             /* NULL: an ended process of app, or nothing */
        struct app *app;
        uint32_t members[GENERATIONS_KEPT], n_members, next;
        struct detector *detector;   /* of the member */
        int64_t fed_ms, swap_bytes, deadline_ns;
        unsigned samples;
        bool out_of_time;
};

/* A look's bytes, on their way into the file. */
struct look_arrived {
        struct look_arrived *next;
        struct row *row;             /* referred to */
        int64_t asked_ms;
        bool first;                  /* there is none of it in the file */
        char *bytes;
        size_t size;
};

struct look_plan {
        uint32_t seat;               /* the one that is being looked into; UINT32_MAX: none */
        int64_t asked_ms;            /* when that was asked for */
        int64_t next_ms;             /* the soonest that another one may begin */
        bool due;                    /* somebody is */
        bool bad_told;               /* the log has been told of bytes that are no look */
        unsigned n_arrived;
        struct look_arrived *arrived, **arrived_end;
        uint32_t fresh_number;       /* whose look is not in the file yet; 0: nobody's */
        struct buffer fresh;
};

enum look_rank { LOOK_PLAIN, LOOK_FINDING, LOOK_OPENING };

struct watch {
        struct board *board;
        const struct config *config;
        struct seat *seats;
        uint32_t n_seats;
        uint32_t *look;              /* seats to be looked at in this tick */
        uint32_t n_look;
        struct row **left;           /* sat here when the last sampler went */
        uint32_t n_left, left_next;
        struct table apps;
        struct share *shares;
        uint32_t n_shares, shares_room;
        bool shares_changed;
        uint32_t apps_open;          /* apps with an open finding */
        uint64_t ticks;
        int64_t at_ms, boot_ms;      /* of the newest tick */
        struct buffer scratch;

        struct look_plan looks;
        struct telling *tellings, **tellings_end;
        struct store_reader *reader; /* while something is to be told or restored */
        struct restoring restoring;
        int64_t began_ms;            /* the first tick; -1 */
        uint32_t restore_next;       /* the seat from which on to look for rows that are not ready */
        bool settled, resumed, renumber, rows_waiting, apps_waiting;
        int64_t trouble_told_ms;
};

/* watch_row.c */
struct row *row_new(uint32_t process, const struct process_id *id, bool known); /* NULL: out of memory */
struct row *row_unref(struct row *row);
struct findings *row_findings(struct row *row); /* made where it has none; NULL: out of memory */
int64_t row_level(const struct row *row); /* anon + swap; -1: not known */
struct growth row_growth(const struct watch *w, const struct row *row);
void row_publish(struct watch *w, struct row *row);
void row_publish_limit(struct watch *w, struct row *row);
struct life_facts row_facts(const struct watch *w, const struct row *row, int64_t at_ms);

/* watch.c */
void row_seated(struct watch *w, struct row *row); /* it is ready: its seat feeds the detector */

/* watch_share.c */
void shares_tick(struct watch *w); /* works them out anew where it is time to */
double share_rate(const struct watch *w, const struct row *row);
bool share_teller(const struct watch *w, const struct row *row);

/* watch_app.c */
struct app *app_get(struct watch *w, const char *id, const char *name); /* NULL: out of memory */
void app_unref(struct app *a);
void apps_done(struct watch *w);
void apps_configure(struct watch *w);
void app_begin(struct watch *w, struct app *a, int64_t at_ms);
void app_end(struct watch *w, struct store *store, struct row *row, int64_t at_ms);
/* One life that is over; makes app->generations. */
void app_add_generation(struct app *a, const struct detector *d, int64_t at_ms);
void app_consider(struct watch *w, struct store *store, struct app *a, int64_t at_ms);
void apps_tick(struct watch *w, struct store *store, int64_t at_ms);

/* watch_tell.c */
void tell_row(struct watch *w, struct row *row, enum finding_kind kind, enum tell what, enum severity severity, int64_t at_ms);
void tell_app(struct watch *w, struct app *a, enum tell what, int64_t at_ms);
/* Until the deadline. True: findings were written. */
bool tell_all(struct watch *w, struct store *store, struct alerts *alerts, int64_t deadline_ns);
void tellings_done(struct watch *w);
void tellings_again(struct watch *w); /* every open finding is written anew */

/* watch_look.c: see its head for the rules */
void looks_configure(struct watch *w);          /* when each is due, anew */
void look_schedule(struct watch *w, const struct row *row); /* the same for one: it was seated, its finding closed */
void look_opens(struct watch *w, struct row *row); /* a finding of it */
void look_app(struct watch *w, struct app *a); /* a finding of the app opened or closed */
void look_refused(struct watch *w, struct row *row, bool for_ever);
/* At a tick: whether anybody is due has been noted in looks.due. Asks for one of them at most. */
void looks_tick(struct watch *w, struct buffer *requests);
void look_arrives(struct watch *w, struct row *row, const struct report_look *look);
void look_forget(struct watch *w, uint32_t seat); /* somebody left it; UINT32_MAX: everybody, the sampler went */
void look_end(struct watch *w, struct row *row);  /* it ended, or exec'ed: what is on its way is not stored */
void look_drop_first(struct watch *w);            /* of those that arrived */
void looks_done(struct watch *w);
int64_t look_next_ms(const struct watch *w, const struct row *row); /* when there will be one; -1: never */
int64_t look_follow_ms(const struct watch *w);    /* from a finding's first look to its second */
int64_t row_opened_ms(const struct row *row);     /* when the newest of its open findings was opened; -1: it has none */

/* watch_looked.c */
/* After a commit: continues one that arrived from the look before, puts it into the store, and tells open findings of it.
 * True: it did. */
bool looks_store(struct watch *w, struct store *store);
void looks_committed(struct watch *w);
void looks_lost(struct watch *w); /* the database is a new file */
/* The newest look of a process, by its number in the file. 1 found: release it with look_done(); 0 none, and nothing to
 * release. */
int look_load(struct watch *w, uint32_t number, struct look *ret);
/* After a restart: when it was last looked into. */
void look_restore(struct watch *w, struct row *row);
const char *look_why_none(const struct watch *w, const struct row *row); /* half a sentence, for diagnosis.h */

/* watch_restore.c */
bool restore_waiting(const struct watch *w);
void restore_all(struct watch *w, struct store *store, struct alerts *alerts, int64_t deadline_ns);
void restore_forget(struct watch *w, const struct row *row); /* it is gone */
void restore_done(struct watch *w);
