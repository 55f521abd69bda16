/* What the lows of a life say. */
#include "detect/trend.h"

#include <math.h>
#include <stdlib.h>

#include "detect/detector_private.h"

#define STARTUP 0.02      /* of the life is left out: imports are neither a step nor growth */
#define LEVELS_LEAST 40   /* fewer buckets say nothing */
#define SAMPLES_LEAST 120 /* before, nothing is said */
#define HITS_TO_OPEN 3    /* looks in a row */
#define MISSES_TO_CLOSE 15
#define GROWTH_LEAST 1e6  /* bytes */
#define GROWTH_LEAST_SHARE 0.03 /* of the level */
#define STEP_SHARE 0.6    /* of all growth, in one jump */
#define STEP_LEAST 0.1    /* of the level before */
#define CALM_LEAST 4      /* buckets whose middle says where a level is */
#define FLAT_START 0.03   /* of a window's growth: less is not its begin */
#define WARMING_SHARE 0.05 /* of all growth, in the last quarter */
#define FALL_MOST 0.5     /* of all growth: what breathes deeper is neither a step nor a warm-up */

/* Where a window may begin, as a share of the life. */
static const double onsets[] = {
        0, 1 / 16.0, 2 / 16.0, 4 / 16.0, 6 / 16.0, 8 / 16.0, 10 / 16.0, 11.5 / 16, 12.5 / 16, 13.3 / 16, 14 / 16.0,
};

void levels_keep(struct levels *l)
{
        for (size_t i = l->n; i-- > 0;)
                l->kept[i] = i + 1 < l->n && l->kept[i + 1] < l->low[i] ? l->kept[i + 1] : l->low[i];
}

static double ratio(double a, double b)
{
        return b > 0 ? a / b : 99;
}

/* nats for growth that bends against steady growth. centre: of mass, in shares of the window; worth: see trend.h. With
 * p ~ exp(-x / tau) the log-likelihood needs the centre alone: -log(tau (1 - exp(-1 / tau))) - centre / tau. */
static double bend(double centre, double worth)
{
        static const double taus[] = { 0.12, 0.2, 0.33, 0.5, 0.75, 1.1 };
        double best = -INFINITY;

        for (size_t i = 0; i < sizeof taus / sizeof *taus; i++)
                best = fmax(best, -log(taus[i] * (1 - exp(-1 / taus[i]))) - centre / taus[i]);
        return worth * best;
}

/* nats for a shape with a share `rest` of the full pace on one side of `at` against steady growth. */
static double split(double full_share, double width, double rest, double worth)
{
        double total = width + (1 - width) * rest;

        return worth * (full_share * log(1 / total) + (1 - full_share) * log(rest / total));
}

/* How many jumps of equal size the growth is worth. */
static double worth_of(const double *kept, size_t n)
{
        double squares = 0, growth = kept[n - 1] - kept[0];

        for (size_t i = 1; i < n; i++)
                squares += pow((kept[i] - kept[i - 1]) / growth, 2);
        return 1 / squares;
}

/* What is left when no jump counts for more than a twelfth. */
static void measure_calm(const double *kept, size_t n, struct window *w)
{
        double cut[LEVELS_MAX] = { 0 };

        for (size_t i = 1; i < n; i++)
                cut[i] = cut[i - 1] + fmin((kept[i] - kept[i - 1]) / w->growth, 1 / 12.0);
        w->calm_share = cut[n - 1];
        w->calm_last_quarter = ratio((cut[n - 1] - cut[n - 1 - n / 4]) * 4, cut[n - 1]);
}

static double centre_of(const double *kept, size_t n)
{
        double sum = 0, growth = kept[n - 1] - kept[0];

        for (size_t i = 1; i < n; i++)
                sum += (kept[i] - kept[i - 1]) / growth * ((double)i - 0.5) / (double)(n - 1);
        return sum;
}

static void measure_shape(const double *kept, size_t n, struct window *w)
{
        static const double ends[] = { 0.5, 0.6, 0.7, 0.8, 0.88 }, begins[] = { 0.25, 0.4, 0.55, 0.7 };

        w->worth = worth_of(kept, n);
        w->bends = bend(centre_of(kept, n), w->worth);
        w->ended = w->began = -INFINITY;
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
                double share = (kept[(size_t)ceil(ends[i] * (double)n) - 1] - kept[0]) / w->growth;

                w->ended = fmax(w->ended, split(share, ends[i], 0.05, w->worth));
        }
        for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
                double share = (kept[(size_t)ceil(begins[i] * (double)n) - 1] - kept[0]) / w->growth;

                w->began = fmax(w->began, split(1 - share, 1 - begins[i], 0.1, w->worth));
        }
}

/* Is it new ground, and was growth not faster before? */
static void measure_before(const struct levels *l, size_t from, struct window *w)
{
        size_t n = w->n, back = from < n ? from : n, wide = from < n / 2 ? 0 : from - n / 2;
        double first = l->kept[from], highest = first, lowest = first;

        w->before = from ? (first - l->kept[from - back]) / w->growth : 0;
        for (size_t i = 0; i < from; i++) {
                highest = fmax(highest, l->low[i]);
                lowest = fmin(lowest, l->low[i]);
        }
        w->height_before = (highest - first) / w->growth;
        w->swing_before = (highest - lowest) / w->growth;
        w->bends_wide = bend(centre_of(l->kept + wide, l->n - wide), worth_of(l->kept + wide, l->n - wide));
}

static void measure_lows(const double *low, size_t n, struct window *w)
{
        double top = low[0];
        long concordant = 0;

        w->fall = 0;
        for (size_t i = 0; i < n; i++) {
                top = fmax(top, low[i]);
                w->fall = fmax(w->fall, (top - low[i]) / w->growth);
                for (size_t j = i + 1; j < n; j++)
                        concordant += (low[j] > low[i]) - (low[j] < low[i]);
        }
        w->tau = (double)concordant / (0.5 * (double)n * (double)(n - 1));
}

static void measure_parts(const double *kept, size_t n, struct window *w)
{
        double middle = kept[n / 2], quarter = kept[n / 4], last = kept[n - 1];
        int moving = 0;

        w->halves = ratio(last - middle, middle - kept[0]);
        w->halves_change = w->halves - ratio(middle - quarter, quarter - kept[0]);
        w->last_quarter = (last - kept[n - 1 - n / 4]) * 4 / w->growth;
        w->off_chord = 0;
        for (size_t k = 0; k < 8; k++)
                moving += kept[(k + 1) * (n - 1) / 8] - kept[k * (n - 1) / 8] > 0.02 * w->growth;
        w->moving = moving / 8.0;
        w->still = 0;
        for (size_t i = 0; i < n; i++) {
                double done = (kept[i] - kept[0]) / w->growth;

                w->off_chord = fmax(w->off_chord, fabs(done - (double)i / (double)(n - 1)));
                if (done >= 0.95 && w->still == 0)
                        w->still = (double)(n - 1 - i) / (double)n;
        }
}

bool window_measure(const struct levels *l, size_t from, struct window *ret)
{
        size_t n = l->n - from;
        const double *kept = l->kept + from;

        *ret = (struct window){ .from = from, .n = n, .share = (double)n / (double)l->n, .growth = kept[n - 1] - kept[0] };
        if (n < 8 || ret->growth <= 0)
                return false;
        ret->relative = ret->growth / fmax(kept[0], UNIT);
        measure_parts(kept, n, ret);
        measure_calm(kept, n, ret);
        measure_shape(kept, n, ret);
        measure_before(l, from, ret);
        measure_lows(l->low + from, n, ret);
        return true;
}

/* It doubles in minutes: a straight line from the first moment on, and much of it. */
static bool leaks_fast(const struct window *w)
{
        return w->relative >= 0.3 && w->growth >= 3e6 && w->off_chord <= 0.1 && w->halves >= 1 && w->halves <= 1.8 &&
               w->bends <= 0.1 && w->worth >= 8 && w->fall <= 0.4 && w->height_before <= 0.25 && w->before <= 1.4;
}

/* Most of its life is a straight line, and steadiness is worth more than half a nat more than any bend. */
static bool leaks_straight(const struct window *w)
{
        return w->share >= 0.7 && w->growth >= 1.5e6 && w->bends <= -0.55 && w->ended <= -1.2 &&
               w->began <= 1 && w->halves >= 0.5 && w->last_quarter >= 0.5 && w->off_chord <= 0.11;
}

/* Most of its life speaks for steady growth, if not as plainly. */
static bool leaks_steadily(const struct window *w)
{
        return w->share >= 0.8 && w->bends <= 0 && w->ended <= -0.4 &&
               w->worth >= 4 && w->halves >= 0.25 && w->last_quarter >= 0.3 && w->off_chord <= 0.16;
}

/* It may come in few jumps, or begin late, but nothing speaks against it. doublings: of the number of samples beyond the
 * patience of 600, 4 at most: a shape that bends or halts counts for less the longer the life that still grows. */
static bool leaks_patiently(const struct window *w, double doublings)
{
        bool dying = w->halves < 0.9 && w->halves_change < 0;
        bool short_of_life = w->share < 0.2 && w->swing_before > 0.5; /* no longer than an earlier wave may be */

        return w->share >= 0.1 && !short_of_life && w->relative >= 0.06 && !dying &&
               w->halves >= 0.1 && w->last_quarter >= 0.1 && w->moving >= 0.55 && w->still <= 0.075 && w->tau >= 0.5 &&
               w->before <= 1.5 && w->height_before <= 0.3 && w->ended <= 0.7 + 2 * doublings &&
               w->bends_wide <= 3 + 0.8 * doublings && w->began <= 0.9 && w->calm_share >= 0.3 &&
               w->calm_last_quarter >= 0.4;
}

bool window_leaks(const struct window *w, uint64_t samples)
{
        bool unbent = w->halves >= 0.9 && w->tau >= 0.95;

        return leaks_fast(w) || (samples >= 350 && leaks_straight(w)) ||
               (samples >= (unbent ? 400 : 500) && leaks_steadily(w)) ||
               (samples >= 800 && leaks_patiently(w, fmin(4, log2((double)samples / 600))));
}

/* Buckets without a sample lie on the line between their neighbours. */
static void bridge(struct levels *l, size_t from, size_t to)
{
        for (size_t i = from; i < to; i++) {
                double along = (double)(i - from + 1) / (double)(to - from + 1);

                l->low[i] = l->low[from - 1] + (l->low[to] - l->low[from - 1]) * along;
        }
}

/* The life without its start-up. Returns the first bucket that is in it. The newest bucket, which is still being filled, is
 * joined to the one before. */
static size_t read_levels(const struct detector *d, struct levels *l)
{
        size_t first = 0, known = 0;

        while (first < d->n && (double)(first + 1) * (double)d->width_ms <= STARTUP * (double)d->clock_ms)
                first++;
        while (first < d->n && d->low[first] == BUCKET_EMPTY)
                first++;
        l->n = d->n - first;
        for (size_t i = 0; i < l->n; i++) {
                if (d->low[first + i] == BUCKET_EMPTY)
                        continue;
                l->low[i] = (double)d->low[first + i] * UNIT;
                if (known + 1 < i)
                        bridge(l, known + 1, i);
                known = i;
        }
        l->n = l->n ? known + 1 : 0; /* the newest always holds a sample */
        if (l->n > 1) {
                size_t last = l->n - 1;

                l->low[last - 1] = fmin(l->low[last - 1], l->low[last]);
                l->n--;
        }
        levels_keep(l);
        return first;
}

static int compare_doubles(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* Theil and Sen: the median of the slopes of all pairs, and between which of them the true slope lies with 95 % (Kendall's
 * variance of their ranks). Every second level of a long window: the pairs of 64 are plenty. */
static void fit_rate(const double *low, size_t n, double bucket_hours, struct trend *t)
{
        static const size_t points_most = 64;
        double slopes[64 * 63 / 2];
        size_t stride = (n + points_most - 1) / points_most, n_slopes = 0, points = (n + stride - 1) / stride;
        double spread;

        for (size_t i = 0; i < n; i += stride)
                for (size_t j = i + stride; j < n; j += stride)
                        slopes[n_slopes++] = (low[j] - low[i]) / ((double)(j - i) * bucket_hours);
        if (!n_slopes)
                return;
        qsort(slopes, n_slopes, sizeof *slopes, compare_doubles);
        spread = 1.96 * sqrt((double)points * (double)(points - 1) * (double)(2 * points + 5) / 18);
        t->bytes_per_hour = slopes[n_slopes / 2];
        t->rate_low = slopes[(size_t)fmax(0, ((double)n_slopes - spread) / 2)];
        t->rate_high = slopes[(size_t)fmin((double)n_slopes - 1, ((double)n_slopes + spread) / 2)];
}

static void count_rises(const double *low, size_t n, struct trend *t)
{
        static const size_t slots_most = 36;
        size_t wide = (n + slots_most - 1) / slots_most;
        double last = INFINITY;

        t->rises = t->slots = 0;
        for (size_t i = 0; i < n; i += wide) {
                double least = low[i];

                for (size_t j = i; j < n && j < i + wide; j++)
                        least = fmin(least, low[j]);
                if (i) {
                        t->slots++;
                        t->rises += least > last;
                }
                last = least;
        }
}

static int64_t when(const struct detector *d, size_t bucket)
{
        return detector_wall_ms(d, (int64_t)bucket * d->width_ms);
}

/* Growth of what is kept over the second half of a window, bytes an hour. */
static double recent_rate(const struct detector *d, const struct levels *l, size_t from)
{
        size_t half = from + (l->n - from) / 2;

        return (l->kept[l->n - 1] - l->kept[half]) / ((double)(l->n - half) * (double)d->width_ms / 3600e3);
}

/* Tells of a window in the trend: since when, from what, to what, how fast. It begins where the growth does: the window
 * of a leak that began late has a flat start. first: of the levels, in buckets. */
static void tell_window(const struct detector *d, const struct levels *l, size_t first, size_t from, struct trend *t)
{
        double begun = l->kept[from] + FLAT_START * (l->kept[l->n - 1] - l->kept[from]);

        while (!t->paused && from + LEVELS_LEAST / 4 < l->n && l->kept[from + 1] < begun)
                from++;
        t->since_ms = when(d, first + from);
        t->from_bytes = (int64_t)l->kept[from];
        t->to_bytes = (int64_t)l->kept[l->n - 1];
        fit_rate(l->low + from, l->n - from, (double)d->width_ms / 3600e3, t);
        if (t->paused) { /* a median forgets what halted only now */
                t->bytes_per_hour = recent_rate(d, l, from);
                t->rate_low = fmin(t->rate_low, t->bytes_per_hour);
        }
        count_rises(l->low + from, l->n - from, t);
}

/* Where the window began that was told of last. */
static size_t told_from(const struct detector *d, const struct levels *l, size_t first)
{
        size_t from = 0;

        while (from + LEVELS_LEAST / 4 < l->n && when(d, first + from) < d->trend.since_ms)
                from++;
        return from;
}

/* The widest window that looks like a leak; l->n: none. */
static size_t find_leak(const struct levels *l, uint64_t samples)
{
        size_t last = l->n;

        for (size_t i = 0; i < sizeof onsets / sizeof *onsets; i++) {
                size_t from = (size_t)(onsets[i] * (double)l->n);
                double growth = l->kept[l->n - 1] - l->kept[from];
                struct window w;

                if (from == last || growth < GROWTH_LEAST || growth < GROWTH_LEAST_SHARE * l->kept[from])
                        continue;
                last = from;
                if (window_measure(l, from, &w) && window_leaks(&w, samples))
                        return from;
        }
        return l->n;
}

/* The largest rise of the kept level within two buckets. */
static size_t find_jump(const struct levels *l, double *ret_bytes)
{
        size_t at = 0;

        *ret_bytes = 0;
        for (size_t i = 1; i < l->n; i++) {
                double rise = l->kept[i] - l->kept[i >= 2 ? i - 2 : 0];

                if (rise > *ret_bytes) {
                        *ret_bytes = rise;
                        at = i;
                }
        }
        return at;
}

static double deepest_fall(const struct levels *l)
{
        double top = l->low[0], fall = 0;

        for (size_t i = 0; i < l->n; i++) {
                top = fmax(top, l->low[i]);
                fall = fmax(fall, top - l->low[i]);
        }
        return fall;
}

static double middle_of(const double *low, size_t n)
{
        double sorted[LEVELS_MAX];

        for (size_t i = 0; i < n; i++)
                sorted[i] = low[i];
        qsort(sorted, n, sizeof *sorted, compare_doubles);
        return sorted[n / 2];
}

/* The last quarter's middle over that of the quarter before, bytes an hour: a tooth that is just rising is no growth. */
static double calm_rate(const struct detector *d, const double *low, size_t n)
{
        size_t quarter = n / 4;

        if (quarter < CALM_LEAST)
                return NAN;
        return (middle_of(low + n - quarter, quarter) - middle_of(low + n - 2 * quarter, quarter)) /
               ((double)quarter * (double)d->width_ms / 3600e3);
}

/* What it is when it is no leak. All of it is over the whole life but its start-up. */
static void judge_calm(const struct detector *d, const struct levels *l, size_t first, struct trend *t)
{
        double growth = l->kept[l->n - 1] - l->kept[0], jump;
        double latest = l->kept[l->n - 1] - l->kept[l->n - 1 - l->n / 4];
        size_t at = find_jump(l, &jump);

        t->bytes_per_hour = calm_rate(d, l->low, l->n);
        t->rate_low = t->rate_high = NAN;
        t->from_bytes = (int64_t)l->kept[0];
        t->to_bytes = (int64_t)l->kept[l->n - 1];
        t->since_ms = when(d, first);
        t->step_at_ms = -1;
        t->verdict = VERDICT_STABLE;
        if (growth < GROWTH_LEAST || growth < GROWTH_LEAST_SHARE * l->kept[0] || deepest_fall(l) > FALL_MOST * growth)
                return;
        if (jump >= STEP_SHARE * growth && jump >= STEP_LEAST * l->kept[at >= 2 ? at - 2 : 0]) {
                t->verdict = VERDICT_STEP;
                t->since_ms = t->step_at_ms = when(d, first + at);
                t->step_from_bytes = (int64_t)l->kept[at >= 2 ? at - 2 : 0];
                t->step_to_bytes = (int64_t)l->kept[at];
                t->bytes_per_hour = calm_rate(d, l->low + at, l->n - at); /* it rose: what has it done since? */
        } else if (latest >= GROWTH_LEAST / 4 && latest >= WARMING_SHARE * growth) {
                t->verdict = VERDICT_WARMING_UP;
        }
}

static double logistic(double x)
{
        return 1 / (1 + exp(-x));
}

/* How sure: of a leak by the looks that agreed and the evidence against a bend; of calm by how much has been seen. */
static double confidence_of(const struct detector *d, const struct levels *l, size_t from)
{
        struct window w;

        if (!d->trend.growing)
                return fmin(0.99, logistic(log2((double)d->samples / SAMPLES_LEAST)));
        if (!window_measure(l, from, &w))
                return 0.9;
        return fmin(0.999, logistic(2.5 + 0.1 * (double)d->hits - fmin(2, w.bends)));
}

void trend_look(struct detector *d)
{
        struct trend *t = &d->trend;
        struct levels l;
        size_t first, leak;

        t->first_ms = d->first_ms;
        t->last_ms = d->last_ms;
        t->samples = d->samples;
        if (d->samples < SAMPLES_LEAST || !d->width_ms) {
                t->ready_at_ms = d->samples > 1 ? d->first_ms + d->clock_ms / (int64_t)(d->samples - 1) * SAMPLES_LEAST : -1;
                return;
        }
        first = read_levels(d, &l);
        if (l.n < LEVELS_LEAST)
                return;
        t->ready_at_ms = -1;
        leak = find_leak(&l, d->samples);
        d->hits = leak < l.n ? d->hits + 1 : 0;
        d->misses = leak < l.n ? 0 : d->misses + 1;
        t->growing = t->growing ? d->misses < MISSES_TO_CLOSE : d->hits >= HITS_TO_OPEN;
        t->paused = false;
        if (!t->growing) {
                judge_calm(d, &l, first, t);
        } else {
                t->verdict = VERDICT_LEAK;
                t->step_at_ms = -1;
                t->paused = leak == l.n;
                tell_window(d, &l, first, t->paused ? told_from(d, &l, first) : leak, t);
        }
        t->confidence = confidence_of(d, &l, leak < l.n ? leak : 0);
}
