/* Samples into buckets. */
#include "detect/detector_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN 1.03 /* when the life has grown by so much: 24 looks a doubling, however long it is */
#define GAP_SAMPLES 16  /* without any for so long (of what a bucket or a sample takes) is a gap */
#define SAME_LEVEL 0.02 /* nothing changed over a gap: it is left out */

struct detector *detector_new(void)
{
        struct detector *d = calloc(1, sizeof *d);

        if (d)
                d->trend = (struct trend){ .verdict = VERDICT_INSUFFICIENT_DATA, .bytes_per_hour = NAN, .rate_low = NAN,
                                           .rate_high = NAN, .confidence = NAN, .since_ms = -1, .from_bytes = -1,
                                           .to_bytes = -1, .step_at_ms = -1, .ready_at_ms = -1 };
        return d;
}

struct detector *detector_free(struct detector *d)
{
        free(d);
        return NULL;
}

const struct trend *detector_trend(const struct detector *d)
{
        return &d->trend;
}

int64_t detector_wall_ms(const struct detector *d, int64_t own_ms)
{
        int64_t skipped = 0;

        for (uint32_t i = 0; i < d->n_gaps; i++)
                if (own_ms >= d->gaps[i].at_ms)
                        skipped = d->gaps[i].skipped_ms;
        return d->first_ms + own_ms + skipped;
}

size_t detector_lows(const struct detector *d, struct low *ret, size_t room)
{
        size_t n = 0;

        for (uint32_t i = 0; i < d->n && n < room; i++)
                if (d->low[i] != BUCKET_EMPTY)
                        ret[n++] = (struct low){ detector_wall_ms(d, i * d->width_ms), (int64_t)d->low[i] * UNIT };
        return n;
}

/* Neighbours become one, of twice the width. */
static void merge(struct detector *d)
{
        uint32_t half = (d->n + 1) / 2;

        for (uint32_t i = 0; i < half; i++) {
                uint32_t a = d->low[2 * i], b = 2 * i + 1 < d->n ? d->low[2 * i + 1] : BUCKET_EMPTY;

                d->low[i] = a < b ? a : b; /* empty is the largest number */
        }
        d->n = half;
        d->width_ms *= 2;
}

static void skip_gap(struct detector *d, int64_t skipped_ms)
{
        if (d->n_gaps == GAPS) { /* the oldest two become one */
                memmove(d->gaps, d->gaps + 1, (GAPS - 1) * sizeof *d->gaps);
                d->n_gaps--;
        }
        d->gaps[d->n_gaps] = (struct gap){ d->clock_ms, skipped_ms + (d->n_gaps ? d->gaps[d->n_gaps - 1].skipped_ms : 0) };
        d->n_gaps++;
}

/* How far its own time runs: all of it, but for a gap. Over one in which nothing changed it stands still. Where something
 * did, the program ran meanwhile; but a gap is never longer than the life before, so that a clock that was set from 1970 to
 * today does not make all that was seen a moment long ago. */
static int64_t time_passed(struct detector *d, int64_t at_ms, uint32_t level)
{
        int64_t passed = at_ms - d->last_ms;
        int64_t usual = d->samples > 1 ? d->clock_ms / (int64_t)(d->samples - 1) + 1 : passed, counted = usual;

        if (passed / GAP_SAMPLES <= usual)
                return passed;
        if (fabs((double)level - d->last) > SAME_LEVEL * d->last)
                counted = passed < d->clock_ms ? passed : d->clock_ms;
        if (counted < passed)
                skip_gap(d, passed - counted);
        return counted;
}

static void fill(struct detector *d, uint32_t level)
{
        uint32_t at = (uint32_t)(d->clock_ms / d->width_ms);

        if (at >= d->n) {
                for (uint32_t i = d->n; i <= at; i++)
                        d->low[i] = BUCKET_EMPTY;
                d->n = at + 1;
        }
        if (level < d->low[at])
                d->low[at] = level;
}

bool detector_add(struct detector *d, int64_t at_ms, int64_t bytes)
{
        uint32_t level;

        if (bytes < 0 || (d->samples && at_ms <= d->last_ms))
                return false;
        level = bytes / UNIT < BUCKET_EMPTY ? (uint32_t)(bytes / UNIT) : BUCKET_EMPTY - 1;
        if (!d->samples)
                d->first_ms = d->last_ms = at_ms;
        else
                d->clock_ms += time_passed(d, at_ms, level);
        if (!d->width_ms)
                d->width_ms = d->clock_ms;
        d->samples++;
        while (d->width_ms && d->clock_ms / d->width_ms >= BUCKETS)
                merge(d);
        if (d->width_ms)
                fill(d, level);
        d->last = level;
        d->last_ms = at_ms;
        if (d->clock_ms < d->look_at_ms)
                return false;
        d->look_at_ms = (int64_t)((double)d->clock_ms * LOOK_AGAIN);
        trend_look(d);
        return true;
}
