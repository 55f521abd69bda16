/* Chunks of RSS and shared memory: what encode.h describes, written and read. */
#include "store/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/encode_text.h"

#define RUN_SHORT 0x20u
#define RUN_SHORT_MAX 32u
#define STEP 0x3Fu
#define STEP_MAX 63u
#define RUN_LONG 0xA0u
#define RSS_HIGH 0x400u
#define SHARED_HIGH 0x480u
#define WIDE 0x500u
#define HIGH_BITS 18
#define HIGH_LEVELS 4

bool encode_put(char **text, uint32_t *size, uint32_t *room, uint32_t code)
{
        if (*size + 4 > *room) {
                uint32_t more = *room + *room / 2 + 16;
                char *moved = realloc(*text, more);

                if (!moved)
                        return false;
                *text = moved;
                *room = more;
        }
        *size += (uint32_t)text_put(code >= GAP ? code + GAP_SIZE : code, *text + *size);
        return true;
}

static void put(struct series *s, uint32_t code)
{
        if (!s->failed)
                s->failed = !encode_put(&s->text, &s->size, &s->room, code);
}

void series_done(struct series *s)
{
        free(s->text);
        *s = (struct series){};
}

static void put_run(struct series *s, uint32_t ticks)
{
        s->ticks += ticks;
        while (ticks > RUN_SHORT_MAX) {
                uint32_t run = ticks < SERIES_TICKS_MAX ? ticks : SERIES_TICKS_MAX;

                put(s, RUN_LONG + run - RUN_SHORT_MAX - 1);
                ticks -= run;
        }
        if (ticks)
                put(s, RUN_SHORT + ticks - 1);
}

static uint32_t zigzag(int64_t change)
{
        return (uint32_t)(change < 0 ? -2 * change - 1 : 2 * change);
}

static int64_t unzigzag(uint32_t z)
{
        return z & 1 ? -(int64_t)(z >> 1) - 1 : (int64_t)(z >> 1);
}

/* Puts the part of a change that one wide character can't hold, and returns the rest. */
static int64_t put_high(struct series *s, uint32_t base, int64_t change)
{
        const int64_t unit = INT64_C(1) << HIGH_BITS, high = change / unit;

        if (change <= unit && change >= -unit)
                return change;
        for (uint32_t level = 0; level < HIGH_LEVELS; level++) {
                uint32_t digit = (uint32_t)((high < 0 ? -high : high) >> (4 * level)) & 15;

                if (digit)
                        put(s, base + level * 32 + (high < 0) * 16 + digit);
        }
        return change - high * unit;
}

/* What a character from base on stands for. */
static int64_t high_change(uint32_t code)
{
        int64_t change = (int64_t)(code & 15) << (HIGH_BITS + 4 * (code >> 5 & 3));

        return code & 16 ? -change : change;
}

void series_feed(struct series *s, uint32_t tick, uint32_t rss, uint32_t shared)
{
        int64_t change;

        if (rss == 0)
                shared = s->shared; /* of nobody: not worth a character */
        if ((rss == s->rss && shared == s->shared) || tick < s->ticks)
                return;
        put_run(s, tick - s->ticks);
        change = put_high(s, SHARED_HIGH, (int64_t)shared - s->shared);
        if (change)
                put(s, WIDE + 2 * zigzag(change) + 1);
        change = put_high(s, RSS_HIGH, (int64_t)rss - s->rss);
        if (change) {
                put(s, zigzag(change) <= STEP_MAX ? STEP + zigzag(change) : WIDE + 2 * zigzag(change));
                s->ticks++;
        }
        s->rss = rss;
        s->shared = shared;
}

char *series_finish(struct series *s, uint32_t n_ticks, uint32_t *ret_size)
{
        char *text;

        if (s->ticks < n_ticks && s->rss)
                put_run(s, n_ticks - s->ticks);
        if (s->failed)
                series_done(s);
        text = s->text;
        *ret_size = s->size;
        *s = (struct series){};
        return text;
}

bool series_next(struct series_cursor *c)
{
        while (!c->damaged && c->at < c->size) {
                uint32_t op = encode_code(text_next(c->text, c->size, &c->at));
                uint32_t ticks = 0;
                int64_t rss = c->rss, shared = c->shared;

                if (op >= RUN_SHORT && op <= STEP) {
                        ticks = op - RUN_SHORT + 1;
                } else if (op > STEP && op <= STEP + STEP_MAX) {
                        rss += unzigzag(op - STEP);
                        ticks = 1;
                } else if (op >= RUN_LONG && op < RSS_HIGH) {
                        ticks = op - RUN_LONG + RUN_SHORT_MAX + 1;
                } else if (op >= RSS_HIGH && op < SHARED_HIGH) {
                        rss += high_change(op - RSS_HIGH);
                } else if (op >= SHARED_HIGH && op < WIDE) {
                        shared += high_change(op - SHARED_HIGH);
                } else if (op >= WIDE) {
                        uint32_t v = op - WIDE;

                        *(v & 1 ? &shared : &rss) += unzigzag(v >> 1);
                        ticks = !(v & 1);
                } else {
                        c->damaged = true;
                }
                c->first += c->ticks;
                c->ticks = 0;
                c->damaged |= rss < 0 || rss > UINT32_MAX || shared < 0 || shared > UINT32_MAX;
                c->damaged |= c->first + ticks > SERIES_TICKS_MAX;
                if (c->damaged)
                        return false;
                c->rss = (uint32_t)rss;
                c->shared = (uint32_t)shared;
                c->ticks = ticks;
                if (ticks)
                        return true;
        }
        return false;
}

bool series_resume(struct series *s, const char *text, size_t size)
{
        struct series_cursor c = { .text = text, .size = size };

        *s = (struct series){};
        while (series_next(&c))
                ;
        if (c.damaged || size > UINT32_MAX / 4)
                return false;
        s->text = malloc(size + 4);
        if (!s->text)
                return false;
        if (size)
                memcpy(s->text, text, size);
        s->size = (uint32_t)size;
        s->room = (uint32_t)size + 4;
        s->ticks = c.first + c.ticks;
        s->rss = c.rss;
        s->shared = c.shared;
        return true;
}

struct figures series_figures(uint32_t rss, uint32_t shared)
{
        struct figures f = { BYTES_UNKNOWN, BYTES_UNKNOWN };

        if (!rss)
                return f;
        f.rss_bytes = (int64_t)(rss - 1) * UNIT_BYTES;
        if (shared)
                f.anon_bytes = f.rss_bytes - (int64_t)(shared - 1) * UNIT_BYTES;
        return f;
}

void series_states(int64_t rss_bytes, int64_t anon_bytes, uint32_t *ret_rss, uint32_t *ret_shared)
{
        const int64_t most = (int64_t)(UINT32_MAX - 1) * UNIT_BYTES;

        *ret_rss = *ret_shared = 0;
        if (rss_bytes < 0)
                return;
        if (rss_bytes > most)
                rss_bytes = most;
        *ret_rss = (uint32_t)(rss_bytes / UNIT_BYTES) + 1;
        if (anon_bytes >= 0)
                *ret_shared = anon_bytes >= rss_bytes ? 1 : (uint32_t)((rss_bytes - anon_bytes) / UNIT_BYTES) + 1;
}
