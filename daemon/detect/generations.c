/* Lives of an app's processes, and whether they grow alike. */
#include "detect/generations.h"

#include <math.h>
#include <stdlib.h>

#define MIB (1024.0 * 1024.0)

/* Of one life. */
#define SAMPLES_LEAST 60       /* a shorter one says nothing: a child for one task, a worker killed at its start */
#define LOWS_LEAST 24
#define START_UP 10            /* a tenth of it is left out: imports, the first requests */
#define WARM_UP 3              /* a third, should it rise steadily behind that alone */
#define GROWTH_LEAST (2 * MIB) /* and GROWTH_SHARE of where it began */
#define GROWTH_SHARE 0.03
#define EIGHTHS 8
#define EIGHTHS_RISING 4       /* so many rise by RISE_SHARE of the growth: fewer are a step or two. A sawtooth of four
                                * collections a life raises the lows in four of eight */
#define RISE_SHARE 0.02
#define STEP_MOST 0.45         /* of the growth in one eighth */
#define LATE_LEAST 0.5         /* growth in the last quarter against the even share */
/* Growth of the second half to that of the first. What levels off as 1 - exp(-t/T) has r = exp(-D/2T), which falls as
 * the life D gets longer, so it is the square of the same ratio taken at half of the life; a steady leak has 1 in both,
 * and one behind a warm-up has a ratio that rises. The upper bound is for load that sets in late. */
#define RATIO_LEAST 0.6
#define RATIO_MOST 4.0
#define RATIO_STEADY 0.8       /* below, it must be rising */
#define RATIO_RISE 0.1
#define RATIO_WARMED_UP 0.85   /* behind a longer warm-up: t^0.5, as arenas grow, has 0.77 from a third of its life */

/* Of all together. */
#define ALIKE_LEAST 4          /* one that leaked by the detector's own word counts twice: after two such lives, the leak is
                                * their app's, and is not told of each worker for ever */
#define ALIKE_SHARE 0.6        /* of those that were followed: an app may have helpers that do not leak */
#define ALIKE_WITHIN 0.5       /* of the median */
#define SPREAD_MOST 0.3        /* median deviation from the median */
#define FIXED_AFTER 3          /* so many in a row unlike the others: it was mended */
#define CHANCE 0.25            /* that a life that does not leak looks like one that does: a generous guess */

/* How long after (or before) the end of a life its successor may begin. gunicorn and Celery take a second or two, a
 * unit its RestartSec; a timer's next run comes later, unless its job takes nearly as long as its period. */
#define FOLLOWS_MS 20000
#define FOLLOWS_SHARE 20       /* and a twentieth of the life */
#define FOLLOWS_TICKS 3        /* but as many ticks at least: it is not seen sooner */

void generations_init(struct generations *g)
{
        *g = (struct generations){ .growing_since_ms = -1 };
        for (size_t i = 0; i < GENERATIONS_BEGINS; i++)
                g->begins_ms[i] = -1;
}

/* Where the i-th newest is. */
static uint32_t place_of(const struct generations *g, uint32_t i)
{
        return (g->next + GENERATIONS_KEPT - 1 - i) % GENERATIONS_KEPT;
}

static bool follows(const struct generation *life, int64_t began_ms)
{
        int64_t span_ms = life->ended_ms - life->began_ms;
        int64_t tick_ms = span_ms / (int64_t)life->samples;
        int64_t most_ms = span_ms / FOLLOWS_SHARE < FOLLOWS_MS ? span_ms / FOLLOWS_SHARE : FOLLOWS_MS;

        if (most_ms < FOLLOWS_TICKS * tick_ms)
                most_ms = FOLLOWS_TICKS * tick_ms;
        return llabs(began_ms - life->ended_ms) <= most_ms;
}

/* What was never given back from each low on, without the very end, where a process that shuts down frees its memory.
 * Returns where the last level is, which is the lowest of a few. */
static size_t kept_levels(const struct low *lows, size_t n, int64_t *ret)
{
        size_t m = n - 1, few = m / 20 > 3 ? m / 20 : 3;

        for (size_t i = m; i-- > 0;) {
                ret[i] = lows[i].bytes;
                if (i + 1 < m && ret[i + 1] < ret[i])
                        ret[i] = ret[i + 1];
        }
        return m - few;
}

/* Growth of the second half of kept[0..end] over that of the first. */
static double halves(const int64_t *kept, size_t end)
{
        double first = (double)(kept[end / 2] - kept[0]), second = (double)(kept[end] - kept[end / 2]);

        return first > 0 ? second / first : second > 0 ? INFINITY : 0;
}

static bool is_rising(const int64_t *kept, size_t end, double ratio_least)
{
        double growth = (double)(kept[end] - kept[0]), late = (double)(kept[end] - kept[end * 3 / 4]);
        double ratio = halves(kept, end), before = halves(kept, end / 2);
        int rises = 0;

        if (growth < GROWTH_LEAST || growth < GROWTH_SHARE * (double)kept[0])
                return false;
        for (size_t i = 0; i < EIGHTHS; i++) {
                double rise = (double)(kept[end * (i + 1) / EIGHTHS] - kept[end * i / EIGHTHS]);

                if (rise > STEP_MOST * growth)
                        return false;
                rises += rise > RISE_SHARE * growth;
        }
        if (rises < EIGHTHS_RISING || late * 4 < LATE_LEAST * growth || ratio < ratio_least || ratio > RATIO_MOST)
                return false;
        return ratio >= RATIO_STEADY || ratio - before >= RATIO_RISE;
}

/* Growth in bytes of a life, and that an hour of it. */
static double growth_of(const struct generation *life)
{
        return (double)(life->last_bytes - life->first_bytes);
}

static double rate_of(const struct generation *life)
{
        return growth_of(life) / ((double)life->growing_ms / 3600e3);
}

static int by_size(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, uint32_t n)
{
        qsort(values, n, sizeof *values, by_size);
        return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Median of what `of` gives for the lives, and how far they lie from it: the median deviation, as a share. */
static double middle(const struct generation *const *lives, uint32_t n, double (*of)(const struct generation *),
                     double *ret_spread)
{
        double values[GENERATIONS_KEPT], m;

        for (uint32_t i = 0; i < n; i++)
                values[i] = of(lives[i]);
        m = median(values, n);
        for (uint32_t i = 0; i < n; i++)
                values[i] = fabs(of(lives[i]) - m);
        if (ret_spread)
                *ret_spread = m > 0 ? median(values, n) / m : INFINITY;
        return m;
}

/* The lives that count, newest first: all that were followed. */
static uint32_t counted(const struct generations *g, const struct generation **ret)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < g->n; i++)
                if (g->kept[place_of(g, i)].followed)
                        ret[n++] = &g->kept[place_of(g, i)];
        return n;
}

/* Those of lives that rise and do it alike, newest first; *ret_unlike: how many of the newest don't. Workers that are
 * replaced after so many requests grow by the same each, at whatever speed those come; others by the same an hour. */
static uint32_t select_alike(const struct generation *const *lives, uint32_t n, const struct generation **ret,
                             uint32_t *ret_unlike)
{
        const struct generation *rising[GENERATIONS_KEPT];
        double (*of)(const struct generation *) = rate_of, of_rate, of_growth, m;
        uint32_t n_rising = 0, found = 0;

        *ret_unlike = n;
        for (uint32_t i = 0; i < n; i++)
                if (lives[i]->rising)
                        rising[n_rising++] = lives[i];
        if (!n_rising)
                return 0;
        middle(rising, n_rising, rate_of, &of_rate);
        middle(rising, n_rising, growth_of, &of_growth);
        if (of_growth < of_rate)
                of = growth_of;
        if (fmin(of_rate, of_growth) > SPREAD_MOST)
                return 0;
        m = middle(rising, n_rising, of, NULL);
        for (uint32_t i = 0; i < n; i++)
                if (lives[i]->rising && fabs(of(lives[i]) - m) <= ALIKE_WITHIN * m) {
                        if (!found)
                                *ret_unlike = i;
                        ret[found++] = lives[i];
                }
        return found;
}

static bool enough(const struct generation *const *alike, uint32_t n)
{
        uint32_t sum = 0;

        for (uint32_t i = 0; i < n; i++)
                sum += alike[i]->leaked ? 2 : 1;
        return sum >= ALIKE_LEAST;
}

static void reconsider(struct generations *g)
{
        const struct generation *lives[GENERATIONS_KEPT], *alike[GENERATIONS_KEPT];
        uint32_t n = counted(g, lives), unlike, n_alike = select_alike(lives, n, alike, &unlike);

        /* What was found stays found until the newest lives are otherwise: one or two that are no evidence either way,
         * such as those a deploy cut short, close nothing. */
        if (g->growing_since_ms >= 0) {
                if (unlike >= FIXED_AFTER || !enough(alike, n_alike))
                        g->growing_since_ms = -1;
        } else if (enough(alike, n_alike) && n_alike >= ALIKE_SHARE * n && unlike == 0) {
                g->growing_since_ms = alike[n_alike - 1]->began_ms;
        }
}

/* A short-lived child takes nobody's place. */
static void forget_begin(struct generations *g, const struct trend *child)
{
        int64_t span_ms = child->last_ms - child->first_ms, most_ms;

        most_ms = child->samples > 1 ? FOLLOWS_TICKS * span_ms / (int64_t)(child->samples - 1) : 0;
        for (size_t i = 0; i < GENERATIONS_BEGINS; i++)
                if (g->begins_ms[i] >= 0 && llabs(g->begins_ms[i] - child->first_ms) <= most_ms) {
                        g->begins_ms[i] = -1;
                        return;
                }
}

/* kept holds the levels of the life's n lows, up to and with kept[end]. */
static struct generation sum_up(const struct trend *trend, const int64_t *kept, size_t end, size_t n, int64_t at_ms)
{
        size_t from = n / START_UP;
        bool rising = is_rising(kept + from, end - from, RATIO_LEAST);

        if (!rising && is_rising(kept + n / WARM_UP, end - n / WARM_UP, RATIO_WARMED_UP)) {
                rising = true;
                from = n / WARM_UP;
        }
        return (struct generation){
                .began_ms = trend->first_ms, .ended_ms = at_ms, .samples = trend->samples, .rising = rising,
                .leaked = rising && trend->growing,
                .first_bytes = kept[from], .middle_bytes = kept[(from + end) / 2], .last_bytes = kept[end],
                .growing_ms = (int64_t)((double)(at_ms - trend->first_ms) * (double)(end - from) / (double)n),
        };
}

void generations_add(struct generations *g, const struct trend *trend, const struct low *lows, size_t n, int64_t at_ms)
{
        struct generation life;
        int64_t *kept;
        size_t end;

        if (!trend || at_ms <= trend->first_ms)
                return;
        if (trend->samples < SAMPLES_LEAST || n < LOWS_LEAST) {
                forget_begin(g, trend);
                return;
        }
        kept = malloc(n * sizeof *kept);
        if (!kept)
                return;
        end = kept_levels(lows, n, kept);
        life = sum_up(trend, kept, end, n, at_ms);
        free(kept);
        for (size_t i = 0; i < GENERATIONS_BEGINS && !life.followed; i++)
                if (g->begins_ms[i] >= 0 && follows(&life, g->begins_ms[i])) {
                        life.followed = true;
                        g->begins_ms[i] = -1;
                }
        g->kept[g->next] = life;
        g->next = (g->next + 1) % GENERATIONS_KEPT;
        g->n += g->n < GENERATIONS_KEPT;
        g->seen++;
        reconsider(g);
}

void generations_begin(struct generations *g, int64_t at_ms)
{
        for (uint32_t i = g->n; i-- > 0;) {
                struct generation *life = &g->kept[place_of(g, i)];

                if (life->followed || !follows(life, at_ms))
                        continue;
                life->followed = true;
                reconsider(g);
                return;
        }
        g->begins_ms[g->next_begin] = at_ms;
        g->next_begin = (g->next_begin + 1) % GENERATIONS_BEGINS;
}

/* How sure: one less the probability that so many look alike by chance. */
static double confidence(uint32_t alike, uint32_t of)
{
        double chance = 0, ways = 1;

        for (uint32_t k = 0; k <= of; k++) {
                if (k >= alike)
                        chance += ways * pow(CHANCE, k) * pow(1 - CHANCE, of - k);
                ways = ways * (of - k) / (k + 1);
        }
        return 1 - chance;
}

static double first_of(const struct generation *life)
{
        return (double)life->first_bytes;
}

static double last_of(const struct generation *life)
{
        return (double)life->last_bytes;
}

static double span_of(const struct generation *life)
{
        return (double)(life->ended_ms - life->began_ms);
}

void generations_trend(const struct generations *g, struct generations_trend *ret)
{
        const struct generation *lives[GENERATIONS_KEPT], *alike[GENERATIONS_KEPT];
        uint32_t n = counted(g, lives), unlike, n_alike = select_alike(lives, n, alike, &unlike);

        *ret = (struct generations_trend){
                .growing = g->growing_since_ms >= 0, .since_ms = g->growing_since_ms, .bytes_per_hour = NAN,
                .confidence = NAN, .from_bytes = -1, .to_bytes = -1, .lifetime_ms = -1, .ended_ms = -1, .alike = n_alike, .of = n,
        };
        if (!n_alike)
                return;
        ret->ended_ms = alike[0]->ended_ms;
        ret->bytes_per_hour = middle(alike, n_alike, rate_of, NULL);
        ret->confidence = confidence(n_alike, n);
        ret->from_bytes = (int64_t)middle(alike, n_alike, first_of, NULL);
        ret->to_bytes = (int64_t)middle(alike, n_alike, last_of, NULL);
        ret->lifetime_ms = (int64_t)middle(alike, n_alike, span_of, NULL);
}

void generations_mended(struct generations *g)
{
        uint64_t seen = g->seen;

        generations_init(g);
        g->seen = seen;
}
