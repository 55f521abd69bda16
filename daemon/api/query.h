/* The parameters of a request: which a route takes, what each may be, and what was asked. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURSOR_MAX 128

enum sort { SORT_RSS, SORT_GROWTH, SORT_PID, SORT_STARTED, SORT_NAME };
enum state_filter { STATE_RUNNING, STATE_EXITED, STATE_ALL };
enum finding_filter { FINDINGS_OPEN, FINDINGS_CLOSED, FINDINGS_ALL };
enum format { FORMAT_DEFAULT, FORMAT_JSON, FORMAT_TEXT, FORMAT_CSV };

/* What was asked, defaults filled in. Texts lead into the query string that was given. */
struct query {
        int state; /* enum state_filter; of findings enum finding_filter */
        int sort;  /* enum sort */
        bool descending;
        int format; /* enum format */
        int every_process; /* 1: processes=all */
        int kind;          /* enum finding_kind; -1: any */
        const char *q, *app, *process, *cursor; /* NULL: not given */
        int64_t limit;
        int64_t since_ms, until_ms; /* INT64_MIN, INT64_MAX: not given */
        int64_t step_ms;            /* 0: not given */
        int64_t now_ms;             /* to be set before: what "-2h" counts from */
};

struct choice {
        const char *word;
        int value;
};

/* One parameter of a route: its kind says how it is read, the rest what it may be. */
struct parameter {
        const char *name;
        enum {
                PARAMETER_CHOICE,
                PARAMETER_SORT,
                PARAMETER_TEXT,
                PARAMETER_NUMBER,
                PARAMETER_TIME,
                PARAMETER_DURATION,
        } kind;
        size_t field;                 /* offset in struct query */
        const struct choice *choices; /* up to one without a word */
        int64_t initial, maximum;     /* of a number, which is at least 1; of a choice or sort, initial is its value */
        bool descending;              /* of a sort: initially so */
        const char *allowed;          /* in words, for the problem */
};

struct query_problem {
        char parameter[64], detail[256];
        const char *allowed; /* NULL: nothing to say */
        char names[256];     /* what allowed leads to where a parameter is unknown */
};

/* Reads a query string (NULL: none), in place: percent-encoding is undone, strictly, and '+' is a space. parameters:
 * up to one without a name. ret->now_ms is kept. False: *bad says which parameter, its value and what is allowed. */
bool query_parse(char *text, const struct parameter *parameters, struct query *ret, struct query_problem *bad);

/* Undoes percent-encoding in place. False: a broken escape, a NUL, or bytes that are not UTF-8. */
bool percent_decode(char *text, bool plus_is_space);
