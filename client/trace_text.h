/* What the formats of text share: lines from a file of any size, numbers, and what a format is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/trace.h"

enum { TRACE_LINE_MOST = 1 << 20 };

/* Lines of a file, a pipe or a FIFO, one at a time. */
struct trace_lines {
        int fd;                    /* the caller's */
        char *buffer;              /* TRACE_LINE_MOST bytes */
        size_t from, scanned, end; /* what of it is not yet given out; no line end lies before scanned */
        bool over;
        int64_t number;            /* of the line given out last, the first is 1 */
        int64_t read_bytes;        /* from the file so far */
};

int trace_lines_init(struct trace_lines *l, int fd, struct error *err);
void trace_lines_done(struct trace_lines *l);

/* The first bytes without taking them, as many as there are up to TRACE_LINE_MOST or `least`, whichever comes first.
 * Returns how many, or negative with *err. */
int64_t trace_lines_peek(struct trace_lines *l, size_t least, const char **ret, struct error *err);

struct trace_line {
        const char *text; /* until the next call; not NUL-terminated */
        size_t size;      /* without its end, "\n" or "\r\n" */
        bool whole;       /* it had an end */
};
/* 1 a line, 0 no more, negative with *err. */
int trace_lines_next(struct trace_lines *l, struct trace_line *ret, struct error *err);

/* A stretch of text that is a number: digits, a point, an exponent, nothing else. It is multiplied by `unit`, and may
 * not be negative, or beyond 2^62 then. Returns false with what is wrong with it in *err. */
bool trace_number(const char *text, size_t size, double unit, double *ret, struct error *err);

/* The same for a time in seconds, at most 10^13. */
bool trace_seconds(const char *text, size_t size, double *ret, struct error *err);

/* What a format found out from its head, for the lines below. */
struct trace_text {
        unsigned time_column, bytes_column, n_columns;
        double bytes_unit;
        bool dates;        /* times are since 1970, not the trace's own seconds */
        bool started;      /* mprof: a measurement came before */
};

/* One line's figures; bytes < 0: not known. */
struct trace_figures {
        double seconds;
        int64_t bytes;
};

struct trace_format {
        const char *name;
        /* Is this the first line of such a trace? Fills in *ret. 1 yes, 0 no, negative: yes, but of no use (*err). */
        int (*head)(const char *line, size_t size, struct trace_text *ret, struct error *err);
        bool head_holds_data; /* the first line is also one for read() */
        /* 1: *ret is filled in, 0: the line says nothing of memory, negative: it is malformed. */
        int (*read)(struct trace_text *t, const char *line, size_t size, struct trace_figures *ret, struct error *err);
};

extern const struct trace_format trace_csv, trace_mprof, trace_psrecord;

/* The next word of a line of words parted by blanks; moves *at past it. False: there is none. */
bool trace_word(const char *line, size_t size, size_t *at, const char **ret, size_t *ret_size);

/* All traces of a database. */
int trace_read_database(const char *path, const struct trace_sink *sink, struct error *err);
