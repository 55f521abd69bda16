/* What waits to be written, in order. It is short but while the file can't be written: then it is bounded, and what
 * goes first is what is known elsewhere (ticks are in the encoders as well), then what is least missed. */
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

struct op *queue_add(struct store *s, enum op_kind kind, size_t extra)
{
        struct op *op = calloc(1, sizeof *op);

        if (!op)
                return NULL;
        op->kind = kind;
        op->bytes = sizeof *op + extra;
        s->queue_bytes += op->bytes;
        *s->queue_end = op;
        s->queue_end = &op->next;
        return op;
}

void pieces_free(struct piece *pieces, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                free(pieces[i].text);
                free(pieces[i].detail);
        }
        free(pieces);
}

void op_free(struct store *s, struct op *op)
{
        s->queue_bytes -= op->bytes;
        switch (op->kind) {
        case OP_APP:
                app_drop(s, op->of.app);
                break;
        case OP_PROCESS:
                who_unref(op->of.process_row.who);
                app_drop(s, op->of.process_row.app);
                break;
        case OP_END:
                pieces_free(op->of.end.pieces, op->of.end.n_pieces);
                break;
        case OP_EVENT:
                free(op->of.event.text);
                break;
        case OP_TICK:
                free(op->of.values.payload);
                break;
        case OP_FINDING:
                finding_done(op->of.finding);
                free(op->of.finding);
                break;
        case OP_TREND:
                free(op->of.trend.bytes);
                break;
        case OP_ALERT:
                free(op->of.alert.body);
                break;
        case OP_LOOK:
                free(op->of.look.bytes);
                break;
        case OP_STRANGERS:
        case OP_SEGMENT:
        case OP_SHARED:
        case OP_GROWTH:
        case OP_DROP_ALERT:
        case OP_NUMBERS:
        case OP_DROP_LOOK:
                break;
        }
        free(op);
}

void queue_drop(struct store *s, const struct op *upto)
{
        bool last = !upto;

        while (s->queue && !last) {
                struct op *op = s->queue;

                last = op == upto;
                s->queue = op->next;
                op_free(s, op);
        }
        if (!s->queue)
                s->queue_end = &s->queue;
}

void queue_clear(struct store *s)
{
        while (s->queue)
                queue_drop(s, s->queue);
}

/* Takes out, oldest first, what doomed() says, until the rest fits. */
static void queue_thin(struct store *s, size_t most, bool (*doomed)(struct store *, const struct op *, void *),
                       void *data)
{
        struct op **at = &s->queue;

        while (*at && s->queue_bytes > most) {
                struct op *op = *at;

                if (!doomed(s, op, data)) {
                        at = &op->next;
                        continue;
                }
                *at = op->next;
                if (!*at)
                        s->queue_end = at;
                op_free(s, op);
        }
}

/* A detector's state comes again. */
static bool is_tick(struct store *s, const struct op *op, void *data)
{
        (void)s;
        (void)data;
        return op->kind == OP_TICK || op->kind == OP_TREND;
}

static int64_t piece_samples(const struct piece *p)
{
        struct series_cursor c = { .text = p->text, .size = p->text ? p->size : 0 };
        int64_t n = 0;

        while (series_next(&c))
                n += c.rss ? c.ticks : 0;
        return n;
}

/* All there is of processes that came and went while nothing could be written. */
static bool is_past(struct store *s, const struct op *op, void *data)
{
        if (op->kind == OP_EVENT)
                return true;
        if ((op->kind != OP_PROCESS && op->kind != OP_END && op->kind != OP_SHARED && op->kind != OP_GROWTH &&
             op->kind != OP_FINDING && op->kind != OP_LOOK && op->kind != OP_DROP_LOOK) || !table_get(data, op->process))
                return false;
        for (uint32_t i = 0; op->kind == OP_END && i < op->of.end.n_pieces; i++)
                s->dropped_samples += piece_samples(&op->of.end.pieces[i]);
        return true;
}

static void drop_past(struct store *s)
{
        struct table began = {}, past = {};

        for (struct op *op = s->queue; op; op = op->next) {
                if (op->kind == OP_PROCESS && op->of.process_row.fresh)
                        table_put(&began, op->process, op);
                /* Not one that ended, came back and is open. */
                if (op->kind == OP_PROCESS)
                        table_remove(&past, op->process);
                if (op->kind == OP_END && table_get(&began, op->process))
                        table_put(&past, op->process, op);
        }
        queue_thin(s, QUEUE_BYTES_MAX / 2, is_past, &past);
        table_done(&began);
        table_done(&past);
}

static bool is_superseded(struct store *s, const struct op *op, void *data)
{
        const void *newest = op->kind == OP_FINDING ? table_get(data, (uint64_t)op->of.finding->number) : NULL;

        (void)s;
        return newest && newest != op;
}

static bool is_alert(struct store *s, const struct op *op, void *data)
{
        (void)data;
        s->dropped_alerts += op->kind == OP_ALERT;
        return op->kind == OP_ALERT;
}

/* What was written last of a finding says all that is known of it. */
static void drop_told(struct store *s)
{
        struct table newest = {};

        for (struct op *op = s->queue; op; op = op->next)
                if (op->kind == OP_FINDING)
                        table_put(&newest, (uint64_t)op->of.finding->number, op);
        queue_thin(s, QUEUE_BYTES_MAX / 2, is_superseded, &newest);
        table_done(&newest);
        if (s->queue_bytes > QUEUE_BYTES_MAX)
                queue_thin(s, QUEUE_BYTES_MAX / 2, is_alert, NULL);
}

static bool is_renewed_look(struct store *s, const struct op *op, void *data)
{
        (void)s;
        return op->kind == OP_LOOK && table_get(data, op->process) != op;
}

static bool is_look(struct store *s, const struct op *op, void *data)
{
        (void)s;
        (void)data;
        return op->kind == OP_LOOK;
}

/* The newest look into a process bears what is known of those before. */
static void drop_renewed_looks(struct store *s)
{
        struct table newest = {};

        for (struct op *op = s->queue; op; op = op->next)
                if (op->kind == OP_LOOK)
                        table_put(&newest, op->process, op);
        queue_thin(s, QUEUE_BYTES_MAX / 2, is_renewed_look, &newest);
        table_done(&newest);
}

static void drop_closing(struct store *s)
{
        struct closing *c = s->closings;

        s->closings = c->next;
        s->dropped_samples += c->samples;
        closing_free(s, c);
}

void queue_bound(struct store *s)
{
        size_t bytes = 0;

        if (s->queue_bytes > QUEUE_BYTES_MAX)
                queue_thin(s, QUEUE_BYTES_MAX / 2, is_tick, NULL);
        if (s->queue_bytes > QUEUE_BYTES_MAX)
                drop_renewed_looks(s);
        if (s->queue_bytes > QUEUE_BYTES_MAX)
                drop_past(s);
        if (s->queue_bytes > QUEUE_BYTES_MAX)
                queue_thin(s, QUEUE_BYTES_MAX / 2, is_look, NULL);
        if (s->queue_bytes > QUEUE_BYTES_MAX)
                drop_told(s);
        for (struct closing *c = s->closings; c; c = c->next)
                bytes += c->bytes;
        while (bytes > QUEUE_BYTES_MAX && s->closings->next) {
                bytes -= s->closings->bytes;
                drop_closing(s);
        }
        /* Details are in the encoders as well. */
        if (s->n_details * sizeof *s->details > QUEUE_BYTES_MAX)
                s->n_details = 0;
}
