/* What the lows of a life say: pure arithmetic on an array of levels, one a bucket.
 *
 * The *kept level* at a bucket is the lowest level from there to now: what was never given back since. It can't fall. A
 * sawtooth, a batch, a wave of load leave it flat until their last rise; a leak is a steady climb of it; a step is one jump;
 * a warm-up climbs and bends. All tests read it over a *window*: from a candidate onset to now.
 *
 * Growth comes in jumps (a malloc arena, a batch's remains), and a few large ones prove little. So the growth of a window
 * is weighed as a compound Poisson process: jumps g_i that sum to 1 are worth W = 1 / sum(g_i^2) jumps of equal size, and the
 * log-likelihood of a shape p_i (the share of the growth expected in bucket i) is W * sum(g_i * log(p_i)) nats. Steady growth
 * (all p_i the same) is set against growth that
 *   bends   p_i ~ exp(-i / tau): a cache that fills at random, a warm-up. It comes down to the centre of mass of the growth;
 *   ended   nearly all before a point in the window: a backlog, a load, a step;
 *   began   nearly all behind one: it is then for a later window to say.
 * The younger a process, the more must speak for steady growth before it is called a leak. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEVELS_MAX 128

struct levels {
        size_t n;
        double low[LEVELS_MAX];  /* bytes */
        double kept[LEVELS_MAX];
};
/* Fills in kept. */
void levels_keep(struct levels *l);

/* One window, measured. */
struct window {
        size_t from, n;          /* buckets: [from, from + n), up to the newest */
        double share;            /* of the life */
        double growth;           /* of the kept level, bytes */
        double relative;         /* to the level at its begin */
        double halves;           /* growth of its second half / of its first */
        double halves_change;    /* that less the same ratio within its first half: a growth that dies out slows ever more */
        double last_quarter;     /* growth there * 4 / growth */
        double moving;           /* share of its eighths in which it grew */
        double before;           /* growth in as long before it / growth */
        double height_before;    /* highest low before it over its first level / growth: it is no new ground */
        double swing_before;     /* highest less lowest low before it / growth */
        double fall;             /* largest fall of the lows / growth */
        double tau;              /* Kendall's rank correlation of the lows with time */
        double off_chord;        /* largest distance from the straight line / growth */
        double still;            /* share of the window since 95 % of the growth was there */
        double worth;            /* W: jumps of equal size */
        double bends, bends_wide, ended, began; /* nats for that shape against steady growth; wide: from half a window before */
        double calm_share;       /* of the growth left when single jumps are cut to a twelfth of it */
        double calm_last_quarter; /* growth there of what is left, * 4 / what is left */
};
/* False: it did not grow. */
bool window_measure(const struct levels *l, size_t from, struct window *ret);

/* Is it a leak, given so many samples of life? */
bool window_leaks(const struct window *w, uint64_t samples);
