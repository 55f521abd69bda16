/* Containers and types of a look: the rows of what grows in the order of the look, those of what is large by size. */
#include "render/heap_tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "render/table.h"

enum {
        GROWING_SHOWN = 10,          /* rows of a table on a terminal */
        LARGE_SHOWN = 8,
        NAME_LEAST = 24, TYPE_MOST = 32,
};
/* An hour: below this, a builtin type says nothing of why a process grows. */
#define BYTES_GROW_LEAST (0.1 * 1024 * 1024)

/* A container or a type; numbers -1, rates NAN, texts NULL where not known. Texts but also live as long as the JSON. */
struct name_row {
        const char *name, *type;
        char *also;                  /* further names of a container */
        int64_t count, bytes;        /* entries or objects; bytes of a type */
        double count_rate, bytes_rate; /* an hour */
        bool suspect;                /* what grows and is an application's own */
};

struct names {
        struct name_row *rows;
        size_t n;
};

static void names_done(struct names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->rows[i].also);
        free(names->rows);
}

static int64_t int_of(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);

        return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
}

static double rate_of(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);

        return json_is_number(value) ? json_number_value(value) : NAN;
}

/* All aliases, with commas. NULL: none. */
static char *join_aliases(const json_t *list)
{
        struct buffer text = {};

        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *alias = json_string_value(json_array_get(list, i));

                if (!alias)
                        continue;
                buffer_add_text(&text, text.size ? ", " : "");
                buffer_add_text(&text, alias);
        }
        if (text.size)
                return buffer_take(&text, NULL);
        buffer_done(&text);
        return NULL;
}

static struct name_row read_container(const json_t *c)
{
        struct name_row row = { .name = json_string_value(json_object_get(c, "name")),
                                .type = json_string_value(json_object_get(c, "type")),
                                .also = join_aliases(json_object_get(c, "aliases")), .count = int_of(c, "length"),
                                .bytes = -1, .count_rate = rate_of(c, "length_per_hour"), .bytes_rate = NAN };

        row.suspect = row.count_rate >= 1;
        return row;
}

static struct name_row read_type(const json_t *t)
{
        struct name_row row = { .name = json_string_value(json_object_get(t, "type")), .count = int_of(t, "objects"),
                                .bytes = int_of(t, "bytes"), .count_rate = rate_of(t, "objects_per_hour"),
                                .bytes_rate = rate_of(t, "bytes_per_hour") };

        row.suspect = row.count_rate >= 1 && row.name && strchr(row.name, '.');
        return row;
}

/* False: out of memory. */
static bool read_names(const json_t *list, struct name_row (*read)(const json_t *element), struct names *ret)
{
        size_t n = json_array_size(list);

        ret->rows = calloc(n + 1, sizeof *ret->rows);
        if (!ret->rows)
                return false;
        for (size_t i = 0; i < n; i++) {
                struct name_row row = json_is_object(json_array_get(list, i)) ? read(json_array_get(list, i))
                                                                             : (struct name_row){};

                if (row.name)
                        ret->rows[ret->n++] = row;
                else
                        free(row.also);
        }
        return true;
}

static void set_unless_known(const char *text, const struct table_options *o, struct table_cell *ret)
{
        ret->text = text && *text ? text : figure_unknown(o->utf8);
        if (ret->text != text)
                ret->style = LINE_QUIET;
}

static void growing_name(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct name_row *n = row;

        set_unless_known(n->name, o, ret);
        if (n->suspect)
                ret->style = LINE_BOLD;
}

static void cell_text(const void *field, const struct table_options *o, struct table_cell *ret)
{
        set_unless_known(*(const char *const *)field, o, ret);
}

static void cell_type(const void *field, const struct table_options *o, struct table_cell *ret)
{
        cell_text(field, o, ret);
        ret->style = LINE_QUIET;
}

/* None has no further name: that is known, so nothing stands there. */
static void cell_also(const void *field, const struct table_options *o, struct table_cell *ret)
{
        (void)o;
        ret->text = *(char *const *)field;
        ret->style = LINE_QUIET;
}

static void cell_count(const void *field, const struct table_options *o, struct table_cell *ret)
{
        figure_count(*(const int64_t *)field, o->utf8, ret->figure);
        if (*(const int64_t *)field < 0)
                ret->style = LINE_QUIET;
}

static void cell_bytes(const void *field, const struct table_options *o, struct table_cell *ret)
{
        figure_bytes(*(const int64_t *)field, o->utf8, ret->figure);
        if (*(const int64_t *)field < 0)
                ret->style = LINE_QUIET;
}

/* "+9 100/h": what a figure grows by. One name of hundreds grows slower than its process, so that "steady" is said of
 * less than elsewhere. */
static void set_rate(double rate, double least, void (*figure)(int64_t value, bool utf8, char ret[static FIGURE_SIZE]),
                     const struct table_options *o, struct table_cell *ret)
{
        char size[FIGURE_SIZE];

        if (!isfinite(rate) || fabs(rate) < least) {
                snprintf(ret->figure, sizeof ret->figure, "%s", isfinite(rate) ? "steady" : figure_unknown(o->utf8));
                ret->style = LINE_QUIET;
                return;
        }
        figure(llround(fmin(fabs(rate), 9e15)), o->utf8, size);
        snprintf(ret->figure, sizeof ret->figure, "%s%.40s/h", rate > 0 ? "+" : o->utf8 ? "\u2212" : "-", size);
}

static void cell_count_rate(const void *field, const struct table_options *o, struct table_cell *ret)
{
        set_rate(*(const double *)field, 1, figure_count, o, ret);
}

static void cell_bytes_rate(const void *field, const struct table_options *o, struct table_cell *ret)
{
        set_rate(*(const double *)field, 1024, figure_bytes, o, ret);
}

#define FIELD(member) offsetof(struct name_row, member)
#define CONTAINER_COLUMNS(name)                                                                                  \
        { .title = "CONTAINER", .rank = 0, .least = NAME_LEAST, .cut = LINE_CUT_MIDDLE, .cell = name },           \
        { .title = "TYPE", .rank = 3, .least = 14, .most = TYPE_MOST, .cut = LINE_CUT_MIDDLE, .field = FIELD(type), \
          .cell = cell_type },                                                                                   \
        { .title = "LENGTH", .rank = 2, .right = true, .field = FIELD(count), .cell = cell_count },              \
        { .title = "GROWTH", .rank = 1, .right = true, .field = FIELD(count_rate), .cell = cell_count_rate },    \
        { .title = "ALSO", .rank = 4, .least = 20, .cut = LINE_CUT_MIDDLE, .field = FIELD(also), .cell = cell_also }
#define TYPE_COLUMNS(name)                                                                                       \
        { .title = "TYPE", .rank = 0, .least = NAME_LEAST, .cut = LINE_CUT_MIDDLE, .cell = name },                \
        { .title = "OBJECTS", .rank = 3, .right = true, .field = FIELD(count), .cell = cell_count },             \
        { .title = "GROWTH", .rank = 2, .right = true, .field = FIELD(count_rate), .cell = cell_count_rate },    \
        { .title = "SIZE", .rank = 4, .right = true, .field = FIELD(bytes), .cell = cell_bytes },                \
        { .title = "GROWTH", .rank = 1, .right = true, .field = FIELD(bytes_rate), .cell = cell_bytes_rate }

enum { CONTAINER_COLUMNS_N = 5, TYPE_COLUMNS_N = 5 };

static const struct table_column growing_containers[] = { CONTAINER_COLUMNS(growing_name) };
static const struct table_column large_containers[] = { CONTAINER_COLUMNS(cell_text) };
static const struct table_column growing_types[] = { TYPE_COLUMNS(growing_name) };
static const struct table_column large_types[] = { TYPE_COLUMNS(cell_text) };

/* Quiet where a row is left out, and how many. */
static void write_rest(size_t rest, const struct table_options *o, struct buffer *out)
{
        if (!rest)
                return;
        buffer_add_text(out, line_style_on(LINE_QUIET, o->color));
        buffer_format(out, "and %zu more: memtide --json heap has all", rest);
        buffer_add_text(out, line_style_off(LINE_QUIET, o->color));
        buffer_add_char(out, '\n');
}

/* columns: the last one of containers, ALSO, goes where none has a further name. */
static void write_table(const struct names *names, size_t shown, const struct table_column *columns, size_t n_columns,
                        const struct table_options *o, struct buffer *out)
{
        size_t n = o->width && names->n > shown ? shown : names->n;
        bool also = columns[n_columns - 1].field != FIELD(also);

        if (!n)
                return;
        for (size_t i = 0; i < n; i++)
                also |= names->rows[i].also != NULL;
        table_write(&(struct table){ .columns = columns, .n_columns = n_columns - !also, .rows = names->rows,
                                     .n_rows = n, .row_size = sizeof *names->rows }, o, out);
        write_rest(names->n - n, o, out);
}

static void write_title(const char *title, const char *more, const struct table_options *o, struct buffer *out)
{
        buffer_add_char(out, '\n');
        buffer_add_text(out, line_style_on(LINE_BOLD, o->color));
        buffer_add_text(out, title);
        buffer_add_text(out, line_style_off(LINE_BOLD, o->color));
        if (*more) {
                buffer_add_text(out, line_style_on(LINE_QUIET, o->color));
                buffer_format(out, "  %s", more);
                buffer_add_text(out, line_style_off(LINE_QUIET, o->color));
        }
        buffer_add_char(out, '\n');
}

/* Any container and an application's own type that gets longer; a builtin type that takes more memory to speak of. */
static struct names growing_of(const struct names *all)
{
        struct names ret = { .rows = calloc(all->n + 1, sizeof *ret.rows) };

        for (size_t i = 0; ret.rows && i < all->n; i++)
                if (all->rows[i].suspect || all->rows[i].bytes_rate >= BYTES_GROW_LEAST)
                        ret.rows[ret.n++] = all->rows[i];
        return ret;
}

static int by_size(const void *a, const void *b)
{
        const struct name_row *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes < y->bytes ? 1 : -1;
        if (x->count != y->count)
                return x->count < y->count ? 1 : -1;
        return strcmp(x->name, y->name);
}

static void write_growing(const struct names *containers, const struct names *types, const json_t *heap, int64_t now_ms,
                          const struct table_options *o, struct buffer *out)
{
        /* They borrow the rows' texts. */
        struct names c = growing_of(containers), t = growing_of(types);
        const char *since = json_string_value(json_object_get(heap, "since_at"));
        char when[FIGURE_SIZE], more[2 * FIGURE_SIZE] = "";
        int64_t since_ms;

        if (!c.n && !t.n && since && time_parse(since, &since_ms, NULL) == 0) {
                figure_time(since_ms, now_ms, o->utf8, when);
                snprintf(more, sizeof more, "nothing since %s", when);
        } else if (!c.n && !t.n) {
                snprintf(more, sizeof more, "known from the next look on");
        }
        write_title("What grows", more, o, out);
        write_table(&c, GROWING_SHOWN, growing_containers, CONTAINER_COLUMNS_N, o, out);
        if (c.n && t.n)
                buffer_add_char(out, '\n');
        write_table(&t, GROWING_SHOWN, growing_types, TYPE_COLUMNS_N, o, out);
        out->failed |= !c.rows || !t.rows;
        free(c.rows);
        free(t.rows);
}

static void write_large(struct names *containers, struct names *types, const struct table_options *o,
                        struct buffer *out)
{
        if (!containers->n && !types->n)
                return;
        qsort(containers->rows, containers->n, sizeof *containers->rows, by_size);
        qsort(types->rows, types->n, sizeof *types->rows, by_size);
        write_title("What is large", "", o, out);
        write_table(containers, LARGE_SHOWN, large_containers, CONTAINER_COLUMNS_N, o, out);
        if (containers->n && types->n)
                buffer_add_char(out, '\n');
        write_table(types, LARGE_SHOWN, large_types, TYPE_COLUMNS_N, o, out);
}

void render_heap_tables(const json_t *heap, int64_t now_ms, const struct table_options *o, struct buffer *out)
{
        _cleanup_(names_done) struct names containers = {}, types = {};

        if (!read_names(json_object_get(heap, "containers"), read_container, &containers) ||
            !read_names(json_object_get(heap, "types"), read_type, &types)) {
                out->failed = true;
                return;
        }
        write_growing(&containers, &types, heap, now_ms, o, out);
        write_large(&containers, &types, o, out);
}
