/* Is this memory growing, and how? Pure and streaming: samples go in one at a time, in the order of time; what they say so
 * far comes out. Nothing later is ever used. The same at any sampling interval and at any scale of time; some 800 bytes a
 * process, and nanoseconds a sample.
 *
 * The samples are what must be given back for memory to be free: anon + swap of a live process, RSS in a recording. The
 * whole life is kept in at most 128 buckets, the lowest level of each, which merge in pairs as it grows longer. What they
 * are asked is explained in trend.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "model/growth.h"

/* What the detector says. Times are those of the samples, ms. */
struct trend {
        enum verdict verdict;
        bool growing;           /* a finding is due: it has been a leak for several looks */
        bool paused;            /* the newest look saw no leak: it will be told no more if that goes on */
        double bytes_per_hour;  /* of the lows, over the window spoken of; NAN: not known */
        double rate_low, rate_high; /* where the rate lies with 95 % (Theil-Sen), bytes an hour */
        double confidence;      /* 0 to 1; NAN: not known */
        int64_t since_ms;       /* where the window begins */
        int64_t from_bytes;     /* the lowest level there */
        int64_t to_bytes;       /* the lowest level now: what is surely kept */
        uint32_t rises, slots;  /* of so many slots of the window so many rose */
        int64_t step_at_ms;     /* VERDICT_STEP: when; -1 */
        int64_t step_from_bytes, step_to_bytes;
        int64_t first_ms, last_ms; /* of all samples */
        uint64_t samples;
        int64_t ready_at_ms;    /* VERDICT_INSUFFICIENT_DATA: when there may be enough; -1 */
};

struct detector;

struct detector *detector_new(void); /* NULL: out of memory */
struct detector *detector_free(struct detector *d); /* NULL is fine; returns NULL */

/* A sample; one that is not later than the last is left out. bytes < 0: it could not be read. Returns true when it looked
 * again, so that what detector_trend() says may differ. */
bool detector_add(struct detector *d, int64_t at_ms, int64_t bytes);
/* As of the newest look; the detector's own. */
const struct trend *detector_trend(const struct detector *d);

/* The trough series: the lowest level in each slot of the whole life, oldest first. Returns how many (<= room). */
struct low { int64_t at_ms, bytes; };
size_t detector_lows(const struct detector *d, struct low *ret, size_t room);

/* As bytes, and back: what a restart of the daemon goes on from. A text of another version or a damaged one is refused
 * (NULL): the detector is then made anew from the history. At most some 800 bytes. */
void detector_save(const struct detector *d, struct buffer *to);
struct detector *detector_load(const void *bytes, size_t size);
