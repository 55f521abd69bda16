/* One line of blocks: where a process's memory went, at a glance. */
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "render/chart.h"

enum { LEVELS = 8 };

/* The highest value of each column, -1 where nothing is known: a spike stays. */
static void fold(const struct chart_point *points, size_t n, int64_t since_ms, int64_t until_ms, int width, double *ret)
{
        double span = fmax((double)(until_ms - since_ms), 1);

        for (int x = 0; x < width; x++)
                ret[x] = -1;
        for (size_t i = 0; i < n; i++) {
                const struct chart_point *p = &points[i];
                int x;

                if (p->least_bytes < 0 || p->at_ms < since_ms || p->at_ms > until_ms)
                        continue;
                x = (int)((double)(p->at_ms - since_ms) / span * width);
                x = x < width ? x : width - 1;
                ret[x] = fmax(ret[x], (double)p->most_bytes);
        }
}

static int level(double value, double least, double most)
{
        double low = least * 0.9;

        if (most - least < 0.02 * most || most <= low)
                return LEVELS / 2 - 1;
        return (int)fmin((value - low) / (most - low) * LEVELS, LEVELS - 1);
}

void render_sparkline(const struct chart_point *points, size_t n, int64_t since_ms, int64_t until_ms, int width,
                      bool utf8, struct buffer *out)
{
        _cleanup_(freep) double *values = NULL;
        double least = INFINITY, most = 0;
        char bytes[4];

        if (width <= 0 || until_ms < since_ms)
                return;
        values = calloc((size_t)width, sizeof *values);
        if (!values) {
                out->failed = true;
                return;
        }
        fold(points, n, since_ms, until_ms, width, values);
        for (int x = 0; x < width; x++)
                if (values[x] >= 0) {
                        least = fmin(least, values[x]);
                        most = fmax(most, values[x]);
                }
        for (int x = 0; x < width; x++) {
                int at = values[x] < 0 ? 0 : level(values[x], least, most);

                if (values[x] < 0)
                        buffer_add_char(out, ' ');
                else if (utf8)
                        buffer_add(out, bytes, text_put(0x2581 + (uint32_t)at, bytes));
                else
                        buffer_add_char(out, at >= LEVELS / 2 ? '#' : '.');
        }
}
