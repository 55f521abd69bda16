/* Recorded traces of one process's memory, read as they come. The format is told by the content: CSV, the recordings of
 * mprof and of psrecord, memtide's own database (a trace for each process in it).
 *
 * Memory is bounded whatever the file's size; a line is at most 1 MiB. A line that is not what its format says is
 * refused with the file, the line and the reason. A recording that merely ends within its last line lost nothing else:
 * that line is left out, and said to be. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct trace_sample {
        int64_t at_ms;  /* as recorded: since 1970, or since the trace's own beginning */
        double at_s;    /* the trace's own seconds; since its first sample where its times are dates */
        int64_t bytes;  /* negative: not known */
};

/* Who is told. The samples come in the order of the recording, which need not be that of time. */
struct trace_sink {
        void *data;
        /* A trace begins; name lives until end(), which comes unless reading it failed. Negative stops, with *err. */
        int (*begin)(void *data, const char *name, struct error *err);
        void (*sample)(void *data, const struct trace_sample *sample);
        /* The trace is whole. cut: its last line was left out. */
        int (*end)(void *data, bool cut, struct error *err);
        /* So much of this input is done, in bytes; size is 0 where nobody knows it. Called every few milliseconds. */
        void (*progress)(void *data, int64_t done, int64_t size);
};

/* path "-" is standard input. 0, or negative with *err, which names the file (and the line). */
int trace_read(const char *path, const struct trace_sink *sink, struct error *err);
