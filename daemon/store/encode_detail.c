/* Chunks of the costlier figures: what encode.h describes, written and read. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/encode.h"
#include "store/encode_text.h"

#define READING 0x20u
#define PASS 0x7Eu
#define READING_TICKS_MAX (PASS - READING) /* 94 */
#define CHANGE 0xA0u
#define LEVELS 4
#define DIGIT_BITS 12

static void put(struct detail_series *s, uint32_t code)
{
        if (!s->failed)
                s->failed = !encode_put(&s->text, &s->size, &s->room, code);
}

void detail_series_done(struct detail_series *s)
{
        free(s->text);
        *s = (struct detail_series){};
}

static void put_change(struct detail_series *s, unsigned state, int64_t change)
{
        uint64_t rest = change < 0 ? (uint64_t)-change : (uint64_t)change;

        for (unsigned level = 0; rest; level = level < LEVELS - 1 ? level + 1 : level) {
                uint32_t digit = rest & ((1u << DIGIT_BITS) - 1);

                /* Above the highest level the same place is filled as often as it takes. */
                if (level == LEVELS - 1) {
                        digit = rest > 4095 ? 4095 : (uint32_t)rest;
                        rest -= digit;
                } else {
                        rest >>= DIGIT_BITS;
                }
                if (digit)
                        put(s, CHANGE + ((digit * 2 + (change < 0)) * LEVELS + level) * DETAIL_STATES + state);
        }
}

void detail_series_feed(struct detail_series *s, uint32_t tick, const int64_t states[static DETAIL_STATES])
{
        uint32_t ticks;

        if (tick < s->ticks)
                return;
        for (ticks = tick + 1 - s->ticks; ticks > READING_TICKS_MAX; ticks -= READING_TICKS_MAX)
                put(s, PASS);
        for (unsigned i = 0; i < DETAIL_STATES; i++)
                put_change(s, i, states[i] - s->states[i]);
        put(s, READING + ticks - 1);
        s->ticks = tick + 1;
        memcpy(s->states, states, sizeof s->states);
}

char *detail_series_finish(struct detail_series *s, uint32_t *ret_size)
{
        char *text;

        if (s->failed)
                detail_series_done(s);
        text = s->text;
        *ret_size = s->size;
        *s = (struct detail_series){};
        return text;
}

bool detail_next(struct detail_cursor *c)
{
        while (!c->damaged && c->at < c->size) {
                uint32_t op = encode_code(text_next(c->text, c->size, &c->at));

                if (op >= READING && op <= PASS) {
                        c->ticks += op < PASS ? op - READING + 1 : READING_TICKS_MAX;
                        c->damaged = c->ticks > SERIES_TICKS_MAX;
                        if (op < PASS)
                                return !c->damaged;
                } else if (op >= CHANGE) {
                        uint32_t v = op - CHANGE;
                        unsigned state = v % DETAIL_STATES, level = v / DETAIL_STATES % LEVELS;
                        int64_t change = (int64_t)(v / (DETAIL_STATES * LEVELS * 2)) << (DIGIT_BITS * level);

                        c->states[state] += v / (DETAIL_STATES * LEVELS) & 1 ? -change : change;
                        c->damaged = c->states[state] > 2 * DETAIL_STATE_MAX ||
                                     c->states[state] < -2 * DETAIL_STATE_MAX;
                } else {
                        c->damaged = true;
                }
        }
        return false;
}

bool detail_series_resume(struct detail_series *s, const char *text, size_t size)
{
        struct detail_cursor c = { .text = text, .size = size };

        *s = (struct detail_series){};
        while (detail_next(&c))
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
        s->ticks = c.ticks;
        memcpy(s->states, c.states, sizeof s->states);
        return true;
}

static int64_t state(int64_t value, int64_t unit)
{
        if (value < 0)
                return 0;
        value /= unit;
        return value >= DETAIL_STATE_MAX ? DETAIL_STATE_MAX : value + 1;
}

static int64_t value(int64_t state, int64_t unit)
{
        return state <= 0 ? -1 : (state - 1) * unit;
}

void detail_to_states(const struct detail *d, int64_t ret[static DETAIL_STATES])
{
        const int64_t states[DETAIL_STATES] = {
                state(d->swap_bytes, 1024), state(d->pss_bytes, 1024), state(d->uss_bytes, 1024),
                state(d->peak_rss_bytes, 1024), state(d->threads, 1), state(d->fds, 1), state(d->cpu_ms, 1),
                state(d->rchar_bytes, 1), state(d->read_bytes, 1),
        };

        memcpy(ret, states, sizeof states);
}

struct detail detail_from_states(const int64_t s[static DETAIL_STATES])
{
        return (struct detail){
                .swap_bytes = value(s[0], 1024), .pss_bytes = value(s[1], 1024), .uss_bytes = value(s[2], 1024),
                .peak_rss_bytes = value(s[3], 1024), .threads = value(s[4], 1), .fds = value(s[5], 1),
                .cpu_ms = value(s[6], 1), .rchar_bytes = value(s[7], 1), .read_bytes = value(s[8], 1),
        };
}
