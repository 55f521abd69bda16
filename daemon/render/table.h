/* A table of any rows for a terminal or a pipe: the columns are rows of one array. On a terminal the columns that fit
 * are chosen by rank and cut; in a pipe all are there and nothing is cut. */
#pragma once

#include "base/figures.h"
#include "render/line.h"
#include "render/tables.h"

struct table_cell {
        const char *text;         /* foreign text, cleaned by the writer; NULL: figure */
        char figure[FIGURE_SIZE]; /* what this program made itself */
        enum line_style style;
};

struct table_column {
        const char *title;
        int rank;             /* which columns a narrow terminal keeps: the lowest ranks that fit */
        bool right;           /* figures stand at the right */
        int least, most;      /* on a terminal: columns it may shrink to, and it is cut to; 0: its natural width */
        enum line_cut cut;
        size_t field;         /* where in a row that lies which cell() is given; 0 for the row itself */
        void (*cell)(const void *field, const struct table_options *options, struct table_cell *ret);
};

struct table {
        const struct table_column *columns;
        size_t n_columns;
        const void *rows; /* n_rows of row_size bytes */
        size_t n_rows, row_size;
};

/* Head line and a line a row. Out of memory: out->failed. */
void table_write(const struct table *table, const struct table_options *options, struct buffer *out);
