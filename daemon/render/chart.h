/* Memory over time for a terminal: a chart in braille (utf8 false: # and .) and a sparkline of one line. Pure but for
 * the time zone, which is the C library's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* What was seen in one step of time: a single reading has the same least and most. Negative: a gap. */
struct chart_point {
        int64_t at_ms;
        int64_t least_bytes, most_bytes;
};

struct chart_options {
        int width, height; /* columns and lines at most, labels counted; held to 30..400 and 6..60 */
        int64_t since_ms, until_ms;
        int64_t now_ms;    /* days are named unless all of it is today */
        int64_t gap_ms;    /* points further apart are not joined; 0: all are */
        bool utf8, color;
};

/* Points by rising time. Nothing that was seen is lost: each column spans from its least to its most. */
void render_chart(const struct chart_point *points, size_t n, const struct chart_options *options, struct buffer *out);

/* width blocks ▁▂▃▄▅▆▇█ (utf8 false: . and #), spaces where nothing is known. Its scale is its own, from 0.9 x the
 * lowest; a range below 2 % of the value is a line in the middle. */
void render_sparkline(const struct chart_point *points, size_t n, int64_t since_ms, int64_t until_ms, int width,
                      bool utf8, struct buffer *out);
