/* Looks into heaps: queued, then written like all else. Their room is bounded when one is written, by a sum over an
 * index: 0.8 ms with 20,000 of them. */
#include <stdlib.h>
#include <string.h>

#include "model/look_bytes.h"
#include "store/store_private.h"

#define LEAST_MISSED_AT_ONCE 64 /* as SQL_LOOKS_LEAST_MISSED says */

/* What all of them together may take. */
static int64_t looks_most(const struct store *s)
{
        return s->options.max_bytes / 8;
}

/* What one takes: its row fills no page of its own, but what goes beyond a page does. */
static int64_t size_in_file(size_t size)
{
        return ((int64_t)size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

void store_put_look(struct store *s, uint32_t process, int64_t at_ms, const void *bytes, size_t size)
{
        struct op *op;
        void *copy;

        if (!table_get(&s->by_handle, process) || !size || size > LOOK_BYTES_MOST ||
            size_in_file(size) > looks_most(s))
                return;
        copy = malloc(size);
        op = copy ? queue_add(s, OP_LOOK, size) : NULL;
        if (!op) {
                free(copy);
                return;
        }
        memcpy(copy, bytes, size);
        op->process = process_number(s, process);
        op->at_ms = at_ms;
        op->of.look.bytes = copy;
        op->of.look.size = size;
}

void store_drop_look(struct store *s, uint32_t process)
{
        struct op *op = queue_add(s, OP_DROP_LOOK, 0);

        if (op)
                op->process = process_number(s, process);
}

static int drop_look(struct store *s, int64_t process)
{
        sqlite3_stmt *q = store_sql(s, SQL_DROP_LOOK);

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, process);
        return store_step(s, SQL_DROP_LOOK);
}

/* Some go until the rest takes no more than that. *ret_dropped: 0 once there is nothing left to drop. */
static int drop_least_missed(struct store *s, int64_t size, int64_t most, unsigned *ret_dropped)
{
        struct { int64_t process, size; } gone[LEAST_MISSED_AT_ONCE];
        sqlite3_stmt *q = store_sql(s, SQL_LOOKS_LEAST_MISSED);
        unsigned n = 0;
        int rc = SQLITE_OK;

        *ret_dropped = 0;
        if (!q)
                return sqlite3_errcode(s->db);
        for (; n < LEAST_MISSED_AT_ONCE && size > most && sqlite3_step(q) == SQLITE_ROW; n++) {
                gone[n].process = sqlite3_column_int64(q, 0);
                gone[n].size = sqlite3_column_int64(q, 1);
                size -= gone[n].size;
        }
        sqlite3_reset(q);
        for (unsigned i = 0; rc == SQLITE_OK && i < n; i++)
                rc = drop_look(s, gone[i].process);
        *ret_dropped = n;
        return rc;
}

/* Once they fill their room a part of it is made free at once, for who goes first is found by reading a row of each
 * process (10 ms with 20,000). */
static int bound_looks(struct store *s)
{
        int64_t most = looks_most(s), size = store_int(s, SQL_LOOKS_SIZE, 0);
        unsigned dropped = 1;
        int rc = SQLITE_OK;

        if (size <= most)
                return SQLITE_OK;
        most -= most / 16;
        while (rc == SQLITE_OK && size > most && dropped) {
                rc = drop_least_missed(s, size, most, &dropped);
                size = store_int(s, SQL_LOOKS_SIZE, 0);
        }
        return rc;
}

static int put_look(struct store *s, const struct op *op)
{
        sqlite3_stmt *q = store_sql(s, SQL_PUT_LOOK);
        int rc;

        if (!q)
                return sqlite3_errcode(s->db);
        sqlite3_bind_int64(q, 1, op->process);
        sqlite3_bind_int64(q, 2, op->at_ms);
        sqlite3_bind_int64(q, 3, size_in_file(op->of.look.size));
        sqlite3_bind_blob(q, 4, op->of.look.bytes, (int)op->of.look.size, SQLITE_STATIC);
        rc = store_step(s, SQL_PUT_LOOK);
        return rc == SQLITE_OK ? bound_looks(s) : rc;
}

int store_write_look_op(struct store *s, const struct op *op)
{
        return op->kind == OP_LOOK ? put_look(s, op) : drop_look(s, op->process);
}
