/* What may be behind a finding, as a table. */
#include "render/suspect_table.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/figures.h"
#include "render/line.h"
#include "render/table.h"

enum {
        SUSPECTS_MOST = 100,
        NAME_LEAST = 24,
        TYPE_LEAST = 9,
        TYPE_MOST = 32,
        NAMES_N = 2, /* columns of a list where nothing is counted */
};

struct suspect_row {
        const char *name, *type;
        int64_t from, to, explains_bytes; /* -1: not known */
        double per_hour; /* NAN: not known */
};

static int64_t int_of(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);

        return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
}

/* A container's own type; else what it is. */
static const char *type_of(const json_t *suspect)
{
        const char *kind = json_string_value(json_object_get(suspect, "kind"));
        const char *type = json_string_value(json_object_get(suspect, "type"));

        if (type)
                return type;
        return json_is_true(json_object_get(suspect, "agent")) ? "agent"
               : kind && strcmp(kind, "type") == 0             ? "class"
                                                               : kind;
}

static bool read_row(const json_t *suspect, struct suspect_row *ret)
{
        const json_t *rate = json_object_get(suspect, "per_hour");

        *ret = (struct suspect_row){ .name = json_string_value(json_object_get(suspect, "name")),
                                     .type = type_of(suspect),
                                     .from = int_of(suspect, "from"),
                                     .to = int_of(suspect, "to"),
                                     .explains_bytes = int_of(suspect, "explains_bytes"),
                                     .per_hour = json_is_number(rate) ? json_number_value(rate) : NAN };
        return ret->name != NULL;
}

static void cell_name(const void *field, const struct table_options *o, struct table_cell *ret)
{
        (void)o;
        ret->text = *(const char *const *)field;
        ret->style = LINE_BOLD;
}

static void cell_type(const void *field, const struct table_options *o, struct table_cell *ret)
{
        const char *type = *(const char *const *)field;

        ret->text = type && *type ? type : figure_unknown(o->utf8);
        ret->style = LINE_QUIET;
}

static void cell_count(const void *field, const struct table_options *o, struct table_cell *ret)
{
        int64_t count = *(const int64_t *)field;

        figure_count(count, o->utf8, ret->figure);
        ret->style = count < 0 ? LINE_QUIET : LINE_PLAIN;
}

static void cell_rate(const void *field, const struct table_options *o, struct table_cell *ret)
{
        double rate = *(const double *)field;
        const char *sign = rate >= 0 ? "+" : o->utf8 ? "\u2212" : "-";
        char count[FIGURE_SIZE];

        if (!isfinite(rate)) {
                snprintf(ret->figure, sizeof ret->figure, "%s", figure_unknown(o->utf8));
                ret->style = LINE_QUIET;
                return;
        }
        figure_count(llround(fmin(fabs(rate), 9e15)), o->utf8, count);
        snprintf(ret->figure, sizeof ret->figure, "%s%.40s/h", sign, count);
}

/* A lower bound. */
static void cell_explains(const void *field, const struct table_options *o, struct table_cell *ret)
{
        int64_t bytes = *(const int64_t *)field;
        char figure[FIGURE_SIZE];

        figure_bytes(bytes, o->utf8, figure);
        snprintf(ret->figure, sizeof ret->figure, "%s%.36s", bytes < 0 ? "" : o->utf8 ? "\u2265 " : ">= ", figure);
        ret->style = bytes < 0 ? LINE_QUIET : LINE_PLAIN;
}

#define FIELD(member) offsetof(struct suspect_row, member)

static const struct table_column columns[] = {
        { .title = "NAME", .least = NAME_LEAST, .cut = LINE_CUT_MIDDLE, .field = FIELD(name), .cell = cell_name },
        { .title = "TYPE", .rank = 3, .least = TYPE_LEAST, .most = TYPE_MOST, .cut = LINE_CUT_MIDDLE,
          .field = FIELD(type), .cell = cell_type },
        { .title = "FROM", .rank = 5, .right = true, .field = FIELD(from), .cell = cell_count },
        { .title = "TO", .rank = 2, .right = true, .field = FIELD(to), .cell = cell_count },
        { .title = "GROWTH", .rank = 1, .right = true, .field = FIELD(per_hour), .cell = cell_rate },
        { .title = "EXPLAINS", .rank = 4, .right = true, .field = FIELD(explains_bytes), .cell = cell_explains },
};

void render_suspects(const json_t *suspects, const struct table_options *options, struct buffer *out)
{
        _cleanup_(freep) struct suspect_row *rows = calloc(SUSPECTS_MOST, sizeof *rows);
        bool counted = false;
        size_t n = 0;

        if (!rows) {
                out->failed = true;
                return;
        }
        for (size_t i = 0; i < json_array_size(suspects) && n < SUSPECTS_MOST; i++)
                if (read_row(json_array_get(suspects, i), &rows[n])) {
                        counted |= rows[n].to >= 0;
                        n++;
                }
        if (!n)
                return;
        buffer_add_char(out, '\n');
        buffer_add_text(out, line_style_on(LINE_BOLD, options->color));
        buffer_add_text(out, "Suspects");
        buffer_add_text(out, line_style_off(LINE_BOLD, options->color));
        buffer_add_char(out, '\n');
        table_write(&(struct table){ .columns = columns,
                                     .n_columns = counted ? sizeof columns / sizeof *columns : NAMES_N,
                                     .rows = rows,
                                     .n_rows = n,
                                     .row_size = sizeof *rows },
                    options, out);
}
