/* Tables: every cell is made once into a buffer of its own, then columns are chosen, then lines are written. */
#include "render/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum {
        COLUMNS_MAX = 24,
        BETWEEN = 2,
        /* In a pipe one name of thousands of characters must not make every row as long. */
        PAD_MOST = 64,
};

struct made_cell {
        size_t at, size;
        int width;
        enum line_style style;
};

struct layout {
        const struct table *table;
        const struct table_options *options;
        struct buffer text;
        struct made_cell *cells;         /* the head, then the rows, n_columns each */
        int natural[COLUMNS_MAX], width[COLUMNS_MAX];
        bool shown[COLUMNS_MAX];
};

static void layout_done(struct layout *l)
{
        buffer_done(&l->text);
        free(l->cells);
}

static int at_most(int a, int b)
{
        return a < b ? a : b;
}

static void make_cell(struct layout *l, size_t column, const struct table_cell *cell, struct made_cell *ret)
{
        const struct table_column *c = &l->table->columns[column];
        size_t at = l->text.size;
        const char *text = cell->text ? cell->text : cell->figure;

        ret->at = at;
        ret->width = line_add(&l->text, text, l->options->width ? c->most : 0, c->cut, l->options->utf8);
        ret->size = l->text.size - at;
        ret->style = cell->style;
        if (ret->width > l->natural[column])
                l->natural[column] = ret->width;
}

static bool make_cells(struct layout *l)
{
        const struct table *t = l->table;

        l->cells = calloc(t->n_rows + 1, t->n_columns * sizeof *l->cells);
        if (!l->cells)
                return false;
        for (size_t c = 0; c < t->n_columns; c++)
                make_cell(l, c, &(struct table_cell){ .text = t->columns[c].title, .style = LINE_QUIET }, &l->cells[c]);
        for (size_t r = 0; r < t->n_rows; r++)
                for (size_t c = 0; c < t->n_columns; c++) {
                        struct table_cell cell = {};

                        t->columns[c].cell((const char *)t->rows + r * t->row_size + t->columns[c].field,
                                           l->options, &cell);
                        make_cell(l, c, &cell, &l->cells[(r + 1) * t->n_columns + c]);
                }
        return !l->text.failed;
}

/* How narrow a column may get. */
static int least_width(const struct layout *l, size_t c)
{
        int least = l->table->columns[c].least;

        return least ? at_most(l->natural[c], least) : l->natural[c];
}

static size_t next_by_rank(const struct layout *l, const bool *tried)
{
        size_t best = SIZE_MAX;

        for (size_t c = 0; c < l->table->n_columns; c++)
                if (!tried[c] && (best == SIZE_MAX || l->table->columns[c].rank < l->table->columns[best].rank))
                        best = c;
        return best;
}

/* The columns of the lowest ranks that fit at their least; what is left over then widens them in the same order. */
static void choose_columns(struct layout *l)
{
        bool tried[COLUMNS_MAX] = {}, widened[COLUMNS_MAX] = {};
        int left = l->options->width;
        bool first = true;
        size_t c;

        while ((c = next_by_rank(l, tried)) != SIZE_MAX) {
                int need = least_width(l, c) + (first ? 0 : BETWEEN);

                tried[c] = true;
                if (!first && need > left)
                        continue;
                l->shown[c] = true;
                l->width[c] = least_width(l, c);
                left -= need;
                first = false;
        }
        while (left > 0 && (c = next_by_rank(l, widened)) != SIZE_MAX) {
                int more = l->shown[c] ? at_most(left, l->natural[c] - l->width[c]) : 0;

                widened[c] = true;
                l->width[c] += more;
                left -= more;
        }
}

static void all_columns(struct layout *l)
{
        for (size_t c = 0; c < l->table->n_columns; c++) {
                l->shown[c] = true;
                l->width[c] = at_most(l->natural[c], PAD_MOST);
        }
}

static void add_spaces(struct buffer *out, int n)
{
        for (; n > 0; n--)
                buffer_add_char(out, ' ');
}

/* Adds a cell; returns its width. A cell that is too wide for its column is cut a second time, to what it got. */
static int write_cell(const struct layout *l, size_t column, const struct made_cell *cell, struct buffer *out)
{
        const struct table_options *o = l->options;
        int width = cell->width;

        buffer_add_text(out, line_style_on(cell->style, o->color));
        if (o->width && width > l->width[column]) {
                _cleanup_(freep) char *whole = strndup(l->text.data + cell->at, cell->size);

                if (!whole)
                        out->failed = true;
                width = line_add(out, whole, l->width[column], l->table->columns[column].cut, o->utf8);
        } else
                buffer_add(out, l->text.data + cell->at, cell->size);
        buffer_add_text(out, line_style_off(cell->style, o->color));
        return width;
}

static void write_line(const struct layout *l, const struct made_cell *cells, struct buffer *out)
{
        int owed = 0; /* spaces before the next cell: written only if there is one, so that no line ends in spaces */

        for (size_t c = 0; c < l->table->n_columns; c++) {
                int pad = l->width[c] - cells[c].width, width;

                if (!l->shown[c])
                        continue;
                if (!cells[c].width) {
                        owed += l->width[c] + BETWEEN;
                        continue;
                }
                if (pad < 0)
                        pad = 0;
                add_spaces(out, owed + (l->table->columns[c].right ? pad : 0));
                width = write_cell(l, c, &cells[c], out);
                if (l->table->columns[c].right)
                        owed = BETWEEN;
                else
                        owed = BETWEEN + (width < l->width[c] ? l->width[c] - width : 0);
        }
        buffer_add_char(out, '\n');
}

void table_write(const struct table *table, const struct table_options *options, struct buffer *out)
{
        _cleanup_(layout_done) struct layout l = { .table = table, .options = options };

        if (table->n_columns > COLUMNS_MAX || !make_cells(&l)) {
                out->failed = true;
                return;
        }
        if (options->width)
                choose_columns(&l);
        else
                all_columns(&l);
        for (size_t r = 0; r <= table->n_rows; r++)
                write_line(&l, &l.cells[r * table->n_columns], out);
}
