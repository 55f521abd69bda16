/* Processes as they begin, change and end; each has a slot in the ticks' payload while it is open. */
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

static uint64_t id_key(const struct process_id *id)
{
        return (uint64_t)(uint32_t)id->pid << 40 ^ id->start_ticks ^ (uint64_t)id->boot << 8;
}

/* Two ids may share a key in theory: the table keeps the newer one then, and the other is found in the file. */
static struct process *by_id(struct store *s, const struct process_id *id)
{
        struct process *p = table_get(&s->by_id, id_key(id));

        return p && process_id_equal(&p->id, id) ? p : NULL;
}

static bool slot_take(struct store *s, uint32_t *ret)
{
        while (s->free_slot < s->slots_room && s->slot_used[s->free_slot])
                s->free_slot++;
        if (s->free_slot == s->slots_room) {
                uint32_t room = s->slots_room ? 2 * s->slots_room : 64;
                unsigned char *values = realloc(s->values, (size_t)room * 4);
                bool *used;

                if (!values)
                        return false;
                s->values = values;
                used = realloc(s->slot_used, room * sizeof *used);
                if (!used)
                        return false;
                s->slot_used = used;
                memset(values + (size_t)s->slots_room * 4, 0, (size_t)(room - s->slots_room) * 4);
                memset(used + s->slots_room, 0, (room - s->slots_room) * sizeof *used);
                s->slots_room = room;
        }
        *ret = s->free_slot;
        s->slot_used[*ret] = true;
        if (*ret >= s->n_slots)
                s->n_slots = *ret + 1;
        return true;
}

static void slot_release(struct store *s, uint32_t slot)
{
        if (slot == UINT32_MAX)
                return;
        s->slot_used[slot] = false;
        memset(s->values + (size_t)slot * 4, 0, 4);
        if (slot < s->free_slot)
                s->free_slot = slot;
}

struct process *process_free(struct store *s, struct process *p)
{
        if (!p)
                return NULL;
        slot_release(s, p->slot);
        who_unref(p->who);
        app_drop(s, p->app);
        series_done(&p->series);
        if (p->details)
                detail_series_done(p->details);
        free(p->details);
        free(p);
        return NULL;
}

static bool keep(struct store *s, struct process *p)
{
        if (s->n_processes == s->processes_room) {
                size_t room = s->processes_room ? 2 * s->processes_room : 64;
                struct process **more = realloc(s->processes, room * sizeof(struct process *));

                if (!more)
                        return false;
                s->processes = more;
                s->processes_room = room;
        }
        if (!table_put(&s->by_handle, p->handle, p) || !table_put(&s->by_id, id_key(&p->id), p))
                return false;
        p->place = s->n_processes;
        s->processes[s->n_processes++] = p;
        return true;
}

static void queue_process(struct store *s, struct process *p, bool fresh)
{
        struct op *op = queue_add(s, OP_PROCESS, sizeof *p->who + strlen(who_text(p->who, WHO_CMDLINE)));

        if (!op)
                return;
        op->process = p->no;
        op->tick = p->slot_tick;
        op->segment = p->first_segment;
        op->change = ++s->change;
        op->of.process_row.fresh = fresh;
        op->of.process_row.id = p->id;
        op->of.process_row.slot = p->slot;
        op->of.process_row.who = who_ref(p->who);
        op->of.process_row.app = p->app;
        if (p->app)
                p->app->users++;
}

/* What is known of an id that is not open: from a queued end, else from the file. */
struct past {
        uint32_t no;          /* 0: nothing */
        bool open;            /* it had not ended */
        int64_t first_segment, peak_bytes;
        struct piece piece;   /* of the segment being filled: text and detail lent; NULL where it had none */
};

static void past_from_queue(struct store *s, const struct process_id *id, struct past *ret)
{
        for (struct op *op = s->queue; op; op = op->next) {
                if (op->kind == OP_PROCESS && process_id_equal(&op->of.process_row.id, id))
                        ret->first_segment = op->segment;
                if (op->kind != OP_END || !process_id_equal(&op->of.end.id, id))
                        continue;
                ret->no = op->process;
                ret->peak_bytes = op->of.end.peak_bytes;
                for (uint32_t i = 0; i < op->of.end.n_pieces; i++)
                        if (op->of.end.pieces[i].segment == s->segment)
                                ret->piece = op->of.end.pieces[i];
        }
}

static void past_from_file(struct store *s, const struct process_id *id, struct past *ret)
{
        sqlite3_stmt *q = store_sql(s, SQL_FIND_PROCESS);
        char text[PROCESS_ID_MAX];

        if (!q)
                return;
        process_id_format(id, text);
        sql_bind_text(q, 1, text);
        if (sqlite3_step(q) == SQLITE_ROW) {
                ret->no = (uint32_t)sqlite3_column_int64(q, 0);
                ret->open = sqlite3_column_type(q, 1) == SQLITE_NULL;
                ret->first_segment = sqlite3_column_int64(q, 2);
                ret->peak_bytes = sqlite3_column_type(q, 3) == SQLITE_NULL ? BYTES_UNKNOWN : sqlite3_column_int64(q, 3);
        }
        sqlite3_reset(q);
}

static sqlite3_stmt *find_chunk(struct store *s, enum statement which, uint32_t no)
{
        sqlite3_stmt *q = store_sql(s, which);

        if (!q)
                return NULL;
        sqlite3_bind_int64(q, 1, s->segment << 32 | no);
        if (sqlite3_step(q) == SQLITE_ROW)
                return q;
        sqlite3_reset(q);
        return NULL;
}

static void resume(struct process *p, const struct piece *piece)
{
        if (piece->text && !series_resume(&p->series, piece->text, piece->size))
                series_done(&p->series);
        if (!piece->detail)
                return;
        p->details = calloc(1, sizeof *p->details);
        if (p->details && !detail_series_resume(p->details, piece->detail, piece->detail_size))
                detail_series_done(p->details);
}

/* It ended in the segment that is still being filled and is back: its chunk there goes on. */
static void process_resume(struct store *s, struct process *p, const struct past *past)
{
        struct piece piece = past->piece;
        sqlite3_stmt *series, *details;

        if (piece.text || piece.detail) {
                resume(p, &piece);
                return;
        }
        series = find_chunk(s, SQL_FIND_CHUNK, p->no);
        details = find_chunk(s, SQL_FIND_DETAIL_CHUNK, p->no);
        if (series) {
                piece.text = (char *)sqlite3_column_text(series, 0);
                piece.size = (uint32_t)sqlite3_column_bytes(series, 0);
        }
        if (details) {
                piece.detail = (char *)sqlite3_column_text(details, 0);
                piece.detail_size = (uint32_t)sqlite3_column_bytes(details, 0);
        }
        resume(p, &piece);
        if (series)
                sqlite3_reset(series);
        if (details)
                sqlite3_reset(details);
}

static struct process *process_new(struct store *s, const struct process_id *id, const struct identity *who,
                                   const char *app_id, const struct past *past)
{
        struct process *p = calloc(1, sizeof *p);

        if (!p)
                return NULL;
        p->id = *id;
        p->slot = UINT32_MAX;
        p->peak_kib = BYTES_UNKNOWN;
        p->slot_tick = s->tick + 1;
        p->first_segment = past->no ? past->first_segment : s->segment;
        p->no = past->no ? past->no : s->next_process++;
        p->handle = p->no;
        while (table_get(&s->by_handle, p->handle)) /* numbers begin anew in another file, handles don't */
                p->handle = s->odd_handle--;
        if (past->peak_bytes >= 0)
                p->peak = (uint32_t)(past->peak_bytes / UNIT_BYTES) + 1;
        p->who = who_new(who);
        p->app = app_find(s, app_id);
        if (p->app)
                p->app->users++;
        if (!p->who || !slot_take(s, &p->slot) || !keep(s, p))
                return process_free(s, p);
        return p;
}

uint32_t store_begin_process(struct store *s, const struct process_id *id, const struct identity *who,
                             const char *app_id,
                             int64_t at_ms, bool *ret_known)
{
        struct past past = { .peak_bytes = BYTES_UNKNOWN };
        struct process *p = by_id(s, id);

        *ret_known = true;
        if (p) {
                store_change_process(s, p->handle, who, app_id, at_ms);
                return p->handle;
        }
        past_from_queue(s, id, &past);
        if (!past.no)
                past_from_file(s, id, &past);
        p = process_new(s, id, who, app_id, &past);
        if (!p)
                return 0;
        if (past.no) {
                process_resume(s, p, &past);
                /* Away since then; but where no tick has passed, the next one says how it is. */
                if (p->series.ticks < s->segment_ticks)
                        series_feed(&p->series, p->series.ticks, 0, 0);
                s->feed_all = true;
        }
        *ret_known = past.open;
        queue_process(s, p, !past.no);
        return p->handle;
}

void store_change_process(struct store *s, uint32_t process, const struct identity *who, const char *app_id,
                          int64_t at_ms)
{
        struct process *p = table_get(&s->by_handle, process);
        struct who *w = p ? who_new(who) : NULL;
        struct app *a;

        (void)at_ms;
        if (!w)
                return;
        who_unref(p->who);
        p->who = w;
        a = app_find(s, app_id);
        if (a) {
                a->users++;
                app_drop(s, p->app);
                p->app = a;
        }
        queue_process(s, p, false);
}

uint32_t process_number(struct store *s, uint32_t process)
{
        const struct process *p = table_get(&s->by_handle, process);

        return p ? p->no : process;
}

int64_t process_peak_bytes(const struct process *p)
{
        if (p->peak_kib >= 0)
                return p->peak_kib * 1024;
        return p->peak ? (int64_t)(p->peak - 1) * UNIT_BYTES : BYTES_UNKNOWN;
}

/* Its chunks: those that wait in segments not yet sealed, and the one of the segment being filled. */
static void take_pieces(struct store *s, struct process *p, struct op *op)
{
        uint32_t n = 1;

        for (struct closing *c = s->closings; c; c = c->next)
                n++;
        op->of.end.pieces = calloc(n, sizeof *op->of.end.pieces);
        if (!op->of.end.pieces)
                return;
        n = 0;
        for (struct closing *c = s->closings; c; c = c->next)
                for (uint32_t i = c->n_sealed; i < c->n_pieces; i++)
                        if (c->pieces[i].process == p->no && (c->pieces[i].text || c->pieces[i].detail)) {
                                op->of.end.pieces[n++] = c->pieces[i];
                                c->pieces[i].text = c->pieces[i].detail = NULL;
                        }
        op->of.end.pieces[n] = (struct piece){ .segment = s->segment, .process = p->no, .peak_bytes = BYTES_UNKNOWN };
        op->of.end.pieces[n].text = series_finish(&p->series, s->segment_ticks, &op->of.end.pieces[n].size);
        if (p->details)
                op->of.end.pieces[n].detail = detail_series_finish(p->details, &op->of.end.pieces[n].detail_size);
        op->of.end.n_pieces = n + 1;
}

void store_end_process(struct store *s, uint32_t process, int64_t at_ms)
{
        struct process *p = table_get(&s->by_handle, process);
        struct op *op = p ? queue_add(s, OP_END, 256 + p->series.size) : NULL;

        if (!p)
                return;
        if (op) {
                op->process = p->no;
                op->at_ms = at_ms;
                op->change = ++s->change;
                op->segment = s->segment;
                op->of.end.id = p->id;
                op->of.end.sampled_at_ms = p->known_rss && p->slot_tick <= s->tick ? s->at_ms : BYTES_UNKNOWN;
                op->of.end.last = series_figures(p->known_rss, p->known_shared);
                op->of.end.peak_bytes = process_peak_bytes(p);
                op->of.end.had_shared = p->known_shared != 0;
                take_pieces(s, p, op);
        }
        table_remove(&s->by_handle, p->handle);
        table_remove(&s->by_id, id_key(&p->id));
        s->processes[p->place] = s->processes[--s->n_processes];
        s->processes[p->place]->place = p->place;
        process_free(s, p);
}

void store_end_strangers(struct store *s, int64_t at_ms)
{
        struct op *op = queue_add(s, OP_STRANGERS, 0);

        if (!op)
                return;
        op->at_ms = at_ms;
        op->change = ++s->change;
}
