/* CSV with a header: rss_bytes, and seconds or at (RFC 3339), among any other columns in any order. So what `memtide
 * export` writes. psrecord --log-format csv names its columns elapsed_time and mem_real (MiB). */
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "client/trace_text.h"

enum { TIME_SIZE = 64 };

/* A cell, blanks around it left out, and quotes: what stands in quotes twice is no number and no time either way. */
struct cell {
        const char *text;
        size_t size;
};

struct cells {
        const char *at, *end;
        bool more; /* a comma stood behind the last one, or nothing was read yet */
};

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static const char *quoted_end(const char *p, const char *end)
{
        for (; p < end; p++)
                if (*p == '"') {
                        if (p + 1 == end || p[1] != '"')
                                return p;
                        p++;
                }
        return NULL;
}

/* 1 a cell, 0 no more, negative: it is malformed. */
static int next_cell(struct cells *c, struct cell *ret, struct error *err)
{
        const char *p = c->at, *last;

        if (!c->more)
                return 0;
        while (p < c->end && is_blank(*p))
                p++;
        if (p < c->end && *p == '"') {
                ret->text = p + 1;
                last = quoted_end(p + 1, c->end);
                if (!last)
                        return error_set(err, EBADMSG, "a quote is not closed on its line");
                ret->size = (size_t)(last - ret->text);
                for (p = last + 1; p < c->end && is_blank(*p); p++)
                        ;
                if (p < c->end && *p != ',')
                        return error_set(err, EBADMSG, "something stands behind a closing quote");
        } else {
                ret->text = p;
                while (p < c->end && *p != ',')
                        p++;
                for (last = p; last > ret->text && is_blank(last[-1]); last--)
                        ;
                ret->size = (size_t)(last - ret->text);
        }
        c->more = p < c->end;
        c->at = p + c->more;
        return 1;
}

static bool names(const struct cell *cell, const char *name)
{
        return cell->size == strlen(name) && memcmp(cell->text, name, cell->size) == 0;
}

static const struct column {
        const char *name;
        bool is_time, is_date;
        double unit;
        int rank; /* of two that are there the lower one is read */
} columns[] = {
        { .name = "seconds", .is_time = true, .rank = 0 },
        { .name = "at", .is_time = true, .is_date = true, .rank = 1 },
        { .name = "elapsed_time", .is_time = true, .rank = 2 },
        { .name = "rss_bytes", .unit = 1, .rank = 0 },
        { .name = "mem_real", .unit = 1 << 20, .rank = 1 },
};

static const struct column *column_named(const struct cell *cell)
{
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
                if (names(cell, columns[i].name))
                        return &columns[i];
        return NULL;
}

static int csv_head(const char *line, size_t size, struct trace_text *ret, struct error *err)
{
        struct cells cells = { .at = line, .end = line + size, .more = true };
        const struct column *time = NULL, *bytes = NULL;
        struct cell cell;
        int r;

        *ret = (struct trace_text){};
        while ((r = next_cell(&cells, &cell, err)) > 0) {
                const struct column *c = column_named(&cell), **chosen = c && c->is_time ? &time : &bytes;

                if (c && c == *chosen)
                        return error_set(err, EBADMSG, "the header names %s twice", c->name);
                if (c && (!*chosen || c->rank < (*chosen)->rank)) {
                        *chosen = c;
                        *(c->is_time ? &ret->time_column : &ret->bytes_column) = ret->n_columns;
                }
                ret->n_columns++;
        }
        /* A first line that names neither is not called bad CSV: it is no CSV of ours. */
        if (r < 0 || (!time && !bytes))
                return 0;
        if (!bytes)
                return error_set(err, EBADMSG, "the header names no rss_bytes");
        if (!time)
                return error_set(err, EBADMSG, "the header names neither seconds nor at");
        ret->dates = time->is_date;
        ret->bytes_unit = bytes->unit;
        return 1;
}

static int read_time(const struct trace_text *t, const struct cell *cell, double *ret, struct error *err)
{
        char text[TIME_SIZE];
        struct error why;
        int64_t ms;

        if (!t->dates)
                return trace_seconds(cell->text, cell->size, ret, err) ? 0 : -EBADMSG;
        if (cell->size >= sizeof text || memchr(cell->text, '\0', cell->size))
                return error_set(err, EBADMSG, "\"%.*s\" is not a time", cell->size < 40 ? (int)cell->size : 40,
                                 cell->text);
        memcpy(text, cell->text, cell->size);
        text[cell->size] = '\0';
        if (time_parse(text, &ms, &why) < 0)
                return error_set(err, EBADMSG, "\"%.40s\" is not a time: %s", text, why.text);
        *ret = (double)ms / 1000;
        return 0;
}

static int csv_read(struct trace_text *t, const char *line, size_t size, struct trace_figures *ret, struct error *err)
{
        struct cells cells = { .at = line, .end = line + size, .more = true };
        struct cell cell, time = {}, bytes = {};
        unsigned n = 0;
        double value;
        int r;

        if (size == 0)
                return 0;
        for (; (r = next_cell(&cells, &cell, err)) > 0; n++) {
                if (n == t->time_column)
                        time = cell;
                if (n == t->bytes_column)
                        bytes = cell;
        }
        if (r < 0)
                return r;
        if (n != t->n_columns)
                return error_set(err, EBADMSG, "it has %u cells, the header %u", n, t->n_columns);
        r = read_time(t, &time, &ret->seconds, err);
        if (r < 0)
                return r;
        ret->bytes = -1;
        if (bytes.size == 0)
                return 1;
        if (!trace_number(bytes.text, bytes.size, t->bytes_unit, &value, err))
                return -EBADMSG;
        ret->bytes = (int64_t)(value + 0.5);
        return 1;
}

const struct trace_format trace_csv = { .name = "CSV", .head = csv_head, .read = csv_read };
