/* A detector as bytes, and back. */
#include <stdlib.h>
#include <string.h>

#include "detect/detector_private.h"

#define SAVED_VERSION 1

/* Both ends are of one machine: the bytes are its own. What is written of the lows are those that were begun. */
struct saved {
        uint32_t version, size; /* of struct saved: another build's may differ */
        uint32_t check;         /* FNV-1a of all that follows it */
        uint32_t n;
        struct trend trend;
        int64_t first_ms, last_ms, clock_ms, width_ms, look_at_ms;
        uint64_t samples;
        uint32_t last, n_gaps, hits, misses;
        struct gap gaps[GAPS];
};

static uint32_t sum_of(const void *bytes, size_t size, uint32_t sum)
{
        const unsigned char *b = bytes;

        for (size_t i = 0; i < size; i++)
                sum = (sum ^ b[i]) * 16777619u;
        return sum;
}

static uint32_t check_of(const struct saved *s, const void *lows)
{
        size_t from = offsetof(struct saved, n);

        return sum_of(lows, s->n * sizeof(uint32_t),
                      sum_of((const char *)s + from, sizeof *s - from, 2166136261u));
}

void detector_save(const struct detector *d, struct buffer *to)
{
        struct saved s;

        memset(&s, 0, sizeof s); /* padding is written too */
        s.version = SAVED_VERSION;
        s.size = sizeof s;
        s.n = d->n;
        s.trend = d->trend;
        s.first_ms = d->first_ms;
        s.last_ms = d->last_ms;
        s.clock_ms = d->clock_ms;
        s.width_ms = d->width_ms;
        s.look_at_ms = d->look_at_ms;
        s.samples = d->samples;
        s.last = d->last;
        s.n_gaps = d->n_gaps;
        s.hits = d->hits;
        s.misses = d->misses;
        memcpy(s.gaps, d->gaps, sizeof s.gaps);
        s.check = check_of(&s, d->low);
        buffer_add(to, &s, sizeof s);
        buffer_add(to, d->low, d->n * sizeof *d->low);
}

struct detector *detector_load(const void *bytes, size_t size)
{
        const char *lows = (const char *)bytes + sizeof(struct saved);
        struct detector *d;
        struct saved s;

        if (size < sizeof s)
                return NULL;
        memcpy(&s, bytes, sizeof s);
        if (s.version != SAVED_VERSION || s.size != sizeof s || s.n > BUCKETS || s.n_gaps > GAPS ||
            size != sizeof s + s.n * sizeof *d->low || s.check != check_of(&s, lows))
                return NULL;
        d = detector_new();
        if (!d)
                return NULL;
        d->trend = s.trend;
        d->first_ms = s.first_ms;
        d->last_ms = s.last_ms;
        d->clock_ms = s.clock_ms;
        d->width_ms = s.width_ms;
        d->look_at_ms = s.look_at_ms;
        d->samples = s.samples;
        d->n = s.n;
        d->last = s.last;
        d->n_gaps = s.n_gaps;
        d->hits = s.hits;
        d->misses = s.misses;
        memcpy(d->gaps, s.gaps, sizeof d->gaps);
        memcpy(d->low, lows, s.n * sizeof *d->low);
        return d;
}
