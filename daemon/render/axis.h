/* Scales of a chart: memory upward with round labels, local time to the right at round minutes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/figures.h"

enum { AXIS_INTERVALS_MOST = 6, AXIS_MARKS_MOST = 64 };

/* lowest + i * step for i = 0..intervals are labelled. It begins at 0 unless that would flatten what lies between least
 * and most below a third of the height. */
struct memory_axis {
        double lowest, step; /* bytes */
        int intervals;       /* 1..AXIS_INTERVALS_MOST */
        int unit;            /* power of 1024 that the labels are in */
        int decimals;
};

void memory_axis_choose(double least_bytes, double most_bytes, struct memory_axis *ret);

/* "80 MiB", "0"; the lowest of an axis that does not begin at 0: "from 180 MiB". */
void memory_axis_label(const struct memory_axis *axis, int i, char ret[static FIGURE_SIZE]);

struct time_mark {
        int64_t at_ms;
        char time[12]; /* "14:00", "14:00:10"; "" where marks are days apart */
        char day[12];  /* "22 Nov" where the day changed since the mark before, else "" */
};

/* Marks at round local times between since and until, as many as have room on so many columns. now_ms: while all of it
 * is today no day is named. Returns how many. */
size_t time_axis_marks(int64_t since_ms, int64_t until_ms, int64_t now_ms, int columns,
                       struct time_mark ret[static AXIS_MARKS_MOST]);
