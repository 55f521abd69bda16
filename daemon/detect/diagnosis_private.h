/* What the parts of a diagnosis share: its numbers, its answers, and its words. */
#pragma once

#include "detect/diagnosis.h"

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

#define SENTENCE_SIZE 2048

struct answers {
        enum answer is[QUESTIONS];
        char because[QUESTIONS][SENTENCE_SIZE];
        bool threads_rose, files_rose;   /* what ASK_THREADS says yes to */
};

void diagnosis_ask(const struct circumstances *c, struct answers *ret);
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
/* Text from a watched process: one line, without what a terminal or a reader could be fooled by, cut. */
struct word word_name(const char *text);
struct word word_quoted(const char *text);       /* the same in quotes */

/* What people call it: "gunicorn: shop", or "python3 (4242)" where nothing tells what it runs. */
struct word word_subject(const struct circumstances *c);
/* "memory.max of shop.service", "RLIMIT_AS", "the machine's memory" */
struct word word_limit(const struct headroom *h);

bool diagnosis_is_growing(const struct circumstances *c);
bool diagnosis_has_limit(const struct circumstances *c);
/* A step is known, with both its levels. */
bool diagnosis_has_step(const struct circumstances *c);
int diagnosis_used_percent(const struct headroom *h);
