/* The file was deleted, replaced or damaged while we ran: another one is opened at its path, and what memory holds goes
 * on in it. Numbers of processes, apps, segments and ticks are made to fit the file that is there now. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_private.h"

struct renumbering {
        struct table numbers; /* old number of a process -> its new one, which is never 0 */
        uint32_t free_from;   /* no number from here on is taken in the file */
        int64_t ticks, segments;
};

/* It keeps its number where that is above all that are taken. */
static uint32_t renumber(struct store *s, struct renumbering *r, uint32_t old)
{
        void *found = table_get(&r->numbers, old);
        uint32_t no = old >= r->free_from ? old : s->next_process;

        if (found)
                return (uint32_t)(uintptr_t)found;
        if (no >= s->next_process)
                s->next_process = no + 1;
        table_put(&r->numbers, old, (void *)(uintptr_t)no);
        return no;
}

/* The old WAL, left behind when the file alone was deleted, must not be taken for the new file's. */
static void drop_old_wal(struct store *s)
{
        struct stat now;
        char *wal = sqlite3_mprintf("%s-wal", s->path), *shm = sqlite3_mprintf("%s-shm", s->path);

        if (wal && shm && s->wal.st_ino && stat(wal, &now) == 0 && now.st_ino == s->wal.st_ino &&
            now.st_dev == s->wal.st_dev) {
                unlink(wal);
                unlink(shm);
        }
        sqlite3_free(wal);
        sqlite3_free(shm);
}

static void queue_again(struct store *s, struct process *p)
{
        struct op *op = queue_add(s, OP_PROCESS, sizeof *p->who);

        if (!op)
                return;
        op->process = p->no;
        op->tick = p->slot_tick;
        op->segment = p->first_segment;
        op->change = ++s->change;
        op->of.process_row.fresh = true;
        op->of.process_row.id = p->id;
        op->of.process_row.slot = p->slot;
        op->of.process_row.who = who_ref(p->who);
        op->of.process_row.app = p->app;
        if (p->app)
                p->app->users++;
        if (!p->shared_known)
                return;
        op = queue_add(s, OP_SHARED, 0);
        if (!op)
                return;
        op->process = p->no;
        op->tick = p->slot_tick;
        op->of.units = p->shared;
}

static void number_processes(struct store *s, struct renumbering *r)
{
        for (size_t i = 0; i < s->n_processes; i++) {
                struct process *p = s->processes[i];
                sqlite3_stmt *q = store_sql(s, SQL_FIND_PROCESS);
                char id[PROCESS_ID_MAX];
                int64_t no = 0;

                process_id_format(&p->id, id);
                if (q) {
                        sql_bind_text(q, 1, id);
                        no = store_int(s, SQL_FIND_PROCESS, 0);
                }
                if (no)
                        table_put(&r->numbers, p->no, (void *)(uintptr_t)no);
                p->no = no ? (uint32_t)no : renumber(s, r, p->no);
                p->slot_tick += r->ticks;
                p->first_segment = s->closings ? s->closings->segment : s->segment;
        }
}

static void number_pieces(struct store *s, struct renumbering *r)
{
        for (struct closing *c = s->closings; c; c = c->next) {
                /* What was sealed went with the file. */
                memmove(c->pieces, c->pieces + c->n_sealed, (c->n_pieces - c->n_sealed) * sizeof *c->pieces);
                c->n_pieces -= c->n_sealed;
                c->n_sealed = 0;
                for (uint32_t i = 0; i < c->n_pieces; i++) {
                        c->pieces[i].process = renumber(s, r, c->pieces[i].process);
                        c->pieces[i].segment = c->segment;
                }
                qsort(c->pieces, c->n_pieces, sizeof *c->pieces, piece_by_number);
        }
}

static void number_op(struct store *s, struct renumbering *r, struct op *op)
{
        op->tick += r->ticks;
        op->segment += r->segments;
        op->change = ++s->change;
        switch (op->kind) {
        case OP_END:
                for (uint32_t i = 0; i < op->of.end.n_pieces; i++)
                        op->of.end.pieces[i].segment += r->segments;
                op->process = renumber(s, r, op->process);
                for (uint32_t i = 0; i < op->of.end.n_pieces; i++)
                        op->of.end.pieces[i].process = op->process;
                break;
        case OP_PROCESS:
        case OP_EVENT:
        case OP_SHARED:
        case OP_TREND:
        case OP_GROWTH:
        case OP_LOOK:
        case OP_DROP_LOOK:
                op->process = renumber(s, r, op->process);
                break;
        case OP_FINDING:
                op->process = op->process ? renumber(s, r, op->process) : 0;
                break;
        case OP_ALERT:
                op->of.alert.number = ++s->last_alert; /* nobody has seen the old one, and the file may hold it */
                break;
        case OP_DROP_ALERT:
        case OP_NUMBERS:
        case OP_APP:
        case OP_STRANGERS:
        case OP_SEGMENT:
        case OP_TICK:
                break;
        }
}

/* Its row in segment, for views and for recovery. */
static void queue_segment(struct store *s, int64_t segment, int64_t tick, int64_t at_ms)
{
        struct op *op = queue_add(s, OP_SEGMENT, 0);

        if (!op)
                return;
        op->segment = segment;
        op->tick = tick;
        op->at_ms = at_ms;
}

/* In the order in which it would have come: apps, processes, segments, then what was queued. */
static void requeue(struct store *s, struct renumbering *r, struct op *waiting)
{
        apps_place_again(s);
        store_queue_numbers(s);
        for (size_t i = 0; i < s->n_processes; i++)
                queue_again(s, s->processes[i]);
        for (struct closing *c = s->closings; c; c = c->next)
                queue_segment(s, c->segment, c->first_tick, c->at_ms[0]);
        if (s->segment_ticks)
                queue_segment(s, s->segment, s->segment_first, s->segment_at_ms[0]);
        for (struct op *op = waiting; op; op = op->next)
                number_op(s, r, op);
        *s->queue_end = waiting;
        while (*s->queue_end)
                s->queue_end = &(*s->queue_end)->next;
}

/* Memory's ticks and segments go on where they are, or behind those of the file. */
static void shift_time(struct store *s, const struct store *was, struct renumbering *r)
{
        int64_t first_tick = was->closings ? was->closings->first_tick : was->segment_first;
        int64_t first_segment = was->closings ? was->closings->segment : was->segment;

        r->ticks = s->tick >= first_tick ? s->tick + 1 - first_tick : 0;
        r->segments = s->segment > first_segment ? s->segment - first_segment : 0;
        if (s->change < was->change)
                s->change = was->change;
        s->tick = was->tick + r->ticks;
        s->at_ms = was->at_ms;
        s->segment = was->segment + r->segments;
        s->segment_first = was->segment_first + r->ticks;
        s->segment_ticks = was->segment_ticks;
        for (struct closing *c = s->closings; c; c = c->next) {
                c->segment += r->segments;
                c->first_tick += r->ticks;
                c->begun = false;
        }
}

static void number_details(struct store *s, struct renumbering *r)
{
        for (size_t i = 0; i < s->n_details; i++) {
                s->details[i].id = ++s->detail_id;
                s->details[i].tick += r->ticks;
                s->details[i].process = renumber(s, r, s->details[i].process);
        }
}

int store_reopen(struct store *s, char ret_note[static 512], struct error *err)
{
        struct store was = *s;
        struct renumbering r = {};
        struct op *waiting;
        int rc;

        s->damaged = false;
        store_disconnect(s);
        drop_old_wal(&was);
        rc = store_open_file(s, ret_note, err);
        if (rc == 0)
                rc = store_load(s, err);
        if (rc < 0) {
                store_disconnect(s);
                s->file = was.file;
                s->wal = (struct stat){};
                s->tick = was.tick;
                s->at_ms = was.at_ms;
                s->segment = was.segment;
                s->segment_first = was.segment_first;
                s->segment_ticks = was.segment_ticks;
                return rc;
        }
        waiting = s->queue;
        s->queue = NULL;
        s->queue_end = &s->queue;
        r.free_from = s->next_process;
        if (s->next_process < was.next_process)
                s->next_process = was.next_process;
        shift_time(s, &was, &r);
        number_processes(s, &r);
        number_pieces(s, &r);
        number_details(s, &r);
        requeue(s, &r, waiting);
        table_done(&r.numbers);
        if (s->segment_length > s->ring_size)
                s->segment_length = s->ring_size;
        return 0;
}
