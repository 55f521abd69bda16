/* One tick: what changed goes to the encoders and into the payload for the ring; details and events are queued. */
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

static void queue_shared(struct store *s, struct process *p, int64_t tick)
{
        struct op *op = queue_add(s, OP_SHARED, 0);

        p->shared_moved = p->shared_known;
        p->shared_known = true;
        s->shared_count++;
        if (!op)
                return;
        op->process = p->no;
        op->tick = tick;
        op->of.units = p->shared;
}

static void change(struct store *s, const struct store_change *c)
{
        struct process *p = table_get(&s->by_handle, c->process);
        uint32_t rss, shared;
        unsigned char *value;

        if (!p)
                return;
        series_states(c->rss_bytes, c->anon_bytes, &rss, &shared);
        value = s->values + (size_t)p->slot * 4;
        for (unsigned i = 0; i < 4; i++)
                value[i] = (unsigned char)(rss >> (24 - 8 * i));
        p->rss = rss;
        if (!rss)
                return;
        if (shared != p->shared) {
                p->shared = shared;
                queue_shared(s, p, s->tick + 1);
        }
        p->known_rss = rss;
        p->known_shared = shared;
        if (rss > p->peak)
                p->peak = rss;
        if (!s->feed_all)
                series_feed(&p->series, s->segment_ticks, rss, shared);
}

static void feed_absent(struct store *s, const struct store_change *c)
{
        struct process *p = c->rss_bytes < 0 ? table_get(&s->by_handle, c->process) : NULL;

        if (p && !s->feed_all)
                series_feed(&p->series, s->segment_ticks, 0, 0);
}

static void queue_tick(struct store *s)
{
        /* Eight slots at a time: a row of the ring that keeps its size is rewritten where it is. */
        uint32_t size = (s->n_slots + 7) / 8 * 32, held = s->slots_room * 4;
        struct op *op = queue_add(s, OP_TICK, size);

        if (!op)
                return;
        op->of.values.payload = calloc(1, size + 1);
        op->of.values.size = op->of.values.payload ? size : 0;
        if (op->of.values.payload && held)
                memcpy(op->of.values.payload, s->values, size < held ? size : held);
        op->tick = s->tick;
        op->at_ms = s->at_ms;
        op->change = s->change;
        op->of.values.shared = s->shared_count;
}

void store_add_tick(struct store *s, int64_t at_ms, const struct store_change *changes, uint32_t n_changes)
{
        if (at_ms <= s->at_ms)
                at_ms = s->at_ms + 1;
        if (!s->segment_ticks)
                segment_begin(s, at_ms);
        for (uint32_t i = 0; i < n_changes; i++) {
                change(s, &changes[i]);
                feed_absent(s, &changes[i]);
        }
        for (size_t i = 0; s->feed_all && i < s->n_processes; i++)
                series_feed(&s->processes[i]->series, s->segment_ticks, s->processes[i]->rss, s->processes[i]->shared);
        s->feed_all = false;
        s->segment_at_ms[s->segment_ticks++] = at_ms;
        s->samples_open += (int64_t)s->n_processes;
        s->tick++;
        s->at_ms = at_ms;
        queue_tick(s);
        if (s->segment_ticks >= s->segment_length)
                segment_close(s);
        queue_bound(s);
}

void store_add_detail(struct store *s, uint32_t process, const struct detail *detail)
{
        struct process *p = table_get(&s->by_handle, process);
        struct detail_op *op;

        if (!p)
                return;
        if (s->n_details == s->details_room) {
                size_t room = s->details_room ? 2 * s->details_room : 64;
                struct detail_op *more = realloc(s->details, room * sizeof *more);

                if (!more)
                        return;
                s->details = more;
                s->details_room = room;
        }
        if (!p->details)
                p->details = calloc(1, sizeof *p->details);
        if (!s->n_details)
                s->details_since_ms = s->at_ms;
        op = &s->details[s->n_details++];
        op->id = ++s->detail_id;
        op->process = p->no;
        op->tick = s->tick + 1;
        detail_to_states(detail, op->states);
        if (p->details)
                detail_series_feed(p->details, s->segment_ticks, op->states);
        s->details_urgent |= !p->had_detail;
        p->had_detail = true;
        p->peak_kib = op->states[3] ? op->states[3] - 1 : p->peak_kib;
}

void store_add_event(struct store *s, uint32_t process, int64_t at_ms, enum event_kind kind, const char *text)
{
        struct process *p = table_get(&s->by_handle, process);
        struct op *op = queue_add(s, OP_EVENT, strlen(text) + 1);

        if (!op)
                return;
        /* Of one that has just ended, its number is what it was known by. */
        op->process = p ? p->no : process;
        op->at_ms = at_ms;
        op->of.event.kind = kind;
        op->of.event.text = strdup(text);
}
