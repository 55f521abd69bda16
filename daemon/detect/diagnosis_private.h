/* What the parts of a diagnosis share: its numbers, its answers, and its words. */
#pragma once

#include "detect/diagnosis.h"
#include "detect/looks.h"

#define DIAGNOSIS_MIB (INT64_C(1) << 20)
#define DIAGNOSIS_HOUR_MS INT64_C(3600000)

/* The numbers. An hour in ticks is 720 of them: twelve minutes at one second. */
enum {
        STEP_LEAST_BYTES = 32 << 20,     /* a rise by so much, and STEP_LEAST_PERCENT, within a few samples is a step */
        STEP_LEAST_PERCENT = 10,
        START_UP_MS = 60000,             /* the first minute of a life and START_UP_PERCENT are start-up */
        START_UP_PERCENT = 2,
        LOADED_SHARE = 10,               /* a tenth of a step was read: it was loaded. csv.reader into lists reads 0.12
                                          * of what it then holds, json.load 0.25 */
        NOT_LOADED_SHARE = 50,           /* a fiftieth: it was not */
        KEPT_PERCENT = 60,               /* of a step still there: the level did not fall */
        PILED_UP_LEAST = 16,             /* threads or files more, and PILED_UP_PERCENT more */
        PILED_UP_PERCENT = 50,
        READ_OVER_PERCENT = 50,          /* of the time spoken of lies between two readings: enough to say no */
        SHARED_FELL_PERCENT = 90,        /* less than that left of what was shared: it fell */
        HELD_LEAST = 16 << 20,           /* grew by so much while no object did: nothing is held */
        NATIVE_LEAST = 32 << 20,         /* by so much: native code, where */
        NATIVE_PERCENT = 70,             /* of it was served by malloc; Python's pools,
        where that much of it lies there */
        FLAT_PERCENT = 5,                /* what grew by less is flat; or by less than so many */
        FLAT_ENTRIES = 16,               /* of a container: a few large ones may be all there is, */
        FLAT_OBJECTS = 64,               /* of a type: of some, few come and go all the time */
        LOOKS_APART_TICKS = 30,          /* two looks that far apart give rates (they are taken 60 apart, or an inspect-interval);
                                          * three that are closer do as well */
        FLAT_APART_TICKS = 120,          /* and that far: flatness */
        FRAMES_LEAST = 16,
        FRAMES_PERCENT = 20,
        LARGE_STEP_SHARE = 2,            /* half of a step in areas of 8 MiB and more: arrays */
        HOUR_TICKS = 720,
        FREE_LEAST = 32 << 20,           /* so much lies free in pools, and */
        FREE_SHARE = 2,                  /* half of them does */
        ARENAS_LEAST = 4,
        ARENAS_SHARE = 2,                /* half of private memory is in malloc's arenas */
        NOT_FREE_SHARE = 5,              /* less than a fifth can be free at all */
        GC_TIMES = 10,                   /* a count or a threshold is out of the ordinary ten times above the default */
        GC_SWING_SHARE = 2,
        YOUNG_MS = 3600000,              /* younger is not long-running unless a framework runs it */
        LIMIT_NEAR_MS = 24 * 3600000,
        LIMIT_USED_PERCENT = 90,
        ADVICE_MOST = 5,
        TROUGHS_MOST = 32,
        NAME_MOST = 200,                 /* characters of text from a watched process */
};

enum question {
        ASK_GROWING, ASK_HOLDING, ASK_LOADING, ASK_DATAFRAMES, ASK_LONG_RUNNING, ASK_WORKLOAD, ASK_THREADS, ASK_FORKED,
        ASK_NATIVE, ASK_FRAGMENTATION, ASK_GC, ASK_LIMIT, ASK_UNCLEAR, QUESTIONS,
};

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

#define SENTENCE_SIZE 4096 /* three names of NAME_MOST characters fit in */

struct answers {
        enum answer is[QUESTIONS];
        char because[QUESTIONS][SENTENCE_SIZE];
        bool threads_rose, files_rose;   /* what ASK_THREADS says yes to */
        bool free_in_pools, free_in_arenas; /* ASK_FRAGMENTATION */
        bool gc_off, gc_threshold, gc_garbage; /* ASK_GC */
        struct suspect suspects[SUSPECTS_MOST]; /* by the look; names are its */
        size_t n_suspects;
};

void diagnosis_ask(const struct circumstances *c, struct answers *ret);
/* Of those: what a look into the heap tells (holding, dataframes, native, fragmentation, gc), and the suspects. */
void diagnosis_ask_look(const struct circumstances *c, struct answers *ret);
void diagnosis_ask_gc(const struct circumstances *c, struct answers *ret);
void diagnosis_ask_dataframes(const struct circumstances *c, struct answers *ret);
void diagnosis_ask_native(const struct circumstances *c, struct answers *ret);
void diagnosis_ask_fragmentation(const struct circumstances *c, struct answers *ret);
/* What a look into one process says of an app: " (in one of its processes)"; else "". */
const char *diagnosis_where(const struct circumstances *c);
/* The heap was looked into, and that part ("" for any: the interpreter) was had. Else the answer is unknown, and
 * why. */
bool diagnosis_looked(const struct circumstances *c, struct answers *a, enum question q, const char *part);
/* "a dict", "an lru_cache"; what could be no type's name is "a container". */
struct word word_kind_of(const struct suspect *container);
/* When it will be looked into again: " It will be looked into again at 14:12 UTC."; "" where that is not known. */
struct word word_next_look(const struct circumstances *c);
/* So many ticks, in ms. */
int64_t diagnosis_ticks(const struct circumstances *c, int ticks);
/* Nothing counted grew since that look (of look->past), both of them complete. */
bool look_is_flat(const struct look *look, size_t since);
bool look_has_library(const struct look *look, const char *name);
__attribute__((format(printf, 4, 5))) void diagnosis_say(struct answers *a, enum question q, enum answer is,
                                                         const char *format, ...);
/* A list in JSON. */
void diagnosis_advise(const struct circumstances *c, const struct answers *a, struct buffer *to);

/* Words, to be put into sentences. */
struct word {
        char text[4 * NAME_MOST + 32];
};

struct word word_bytes(int64_t bytes);           /* "46.0 MiB" */
struct word word_rate(double bytes_per_hour);    /* "46.0 MiB an hour" */
struct word word_span(int64_t ms);               /* "5 h 40 min" */
struct word word_time(int64_t at_ms, int64_t now_ms); /* "14:02 UTC", "21 Nov 14:02 UTC" */
struct word word_count(int64_t count);
struct word word_percent(int64_t part, int64_t whole); /* "97 %" */
/* Text from a watched process: one line, without what a terminal or a reader could be fooled by, cut. */
struct word word_name(const char *text);
struct word word_quoted(const char *text);       /* the same in quotes */

/* What people call it: "gunicorn: shop", or "python3 (4242)" where nothing tells what it runs. */
struct word word_subject(const struct circumstances *c);
/* "memory.max of shop.service", "RLIMIT_AS", "the machine's memory" */
struct word word_limit(const struct headroom *h);

bool diagnosis_is_growing(const struct circumstances *c);
/* By its command line, or by what its heap holds: under gunicorn, say. */
bool diagnosis_is_flask(const struct circumstances *c);
bool diagnosis_has_limit(const struct circumstances *c);
/* A step is known, with both its levels. */
bool diagnosis_has_step(const struct circumstances *c);
int diagnosis_used_percent(const struct headroom *h);
