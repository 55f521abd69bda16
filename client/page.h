/* The page of one process on a terminal: who it is, its figures, a chart, its findings, what happened to it. Pure. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "render/chart.h"
#include "render/tables.h"

struct page_event {
        int64_t at_ms;
        const char *event, *text;
};

struct page_finding {
        int64_t number, closed_at_ms; /* closed_at_ms -1: open */
        const char *severity, *title;
};

/* Texts NULL, figures -1 (cpu_seconds NAN) where not known. */
struct page {
        const char *id, *name, *cmdline, *app, *framework, *python, *user, *unit, *container, *cgroup, *limit_kind,
                *verdict;
        int64_t pid, ppid, rss_bytes, peak_rss_bytes, anon_bytes, pss_bytes, uss_bytes, swap_bytes, limit_bytes,
                threads, fds;
        double cpu_seconds, bytes_per_hour;
        bool growth_known, cmdline_truncated;
        int64_t growing_since_ms, limit_at_ms;
        int64_t started_at_ms, exited_at_ms, sampled_at_ms;

        const struct chart_point *points;
        size_t n_points;
        int64_t since_ms, until_ms, gap_ms; /* of the chart */

        const struct page_finding *findings; /* the open ones first */
        size_t n_findings;
        const struct page_event *events; /* the newest, by rising time */
        size_t n_events;
        bool events_left_out;            /* there were earlier ones */
        int64_t now_ms;                  /* today is the day of this */
};

void page_write(const struct page *p, const struct table_options *options, struct buffer *out);
