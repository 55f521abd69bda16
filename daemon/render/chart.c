/* The chart: a canvas of dots, 2 x 4 to a character in braille, 1 x 2 in ASCII, and axes around it. */
#include "render/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "render/axis.h"
#include "render/line.h"

enum { LINES_FOR_TIME = 3 }; /* the line of the axis, times, days */

struct canvas {
        int columns, lines;          /* characters */
        int dots_across, dots_up;    /* in one character */
        int width, height;           /* dots */
        unsigned char *dots;         /* width * height, the lowest line first */
};

struct chart {
        const struct chart_options *options;
        struct canvas canvas;
        struct memory_axis memory;
        char labels[AXIS_INTERVALS_MOST + 1][FIGURE_SIZE];
        int lines_an_interval, margin; /* margin: columns left of the canvas, its axis counted */
};

static int within(int value, int least, int most)
{
        return value < least ? least : value > most ? most : value;
}

static bool is_known(const struct chart_point *p)
{
        return p->least_bytes >= 0 && p->most_bytes >= p->least_bytes;
}

static bool is_inside(const struct chart *c, const struct chart_point *p)
{
        return is_known(p) && p->at_ms >= c->options->since_ms && p->at_ms <= c->options->until_ms;
}

static int dot_x(const struct chart *c, int64_t at_ms)
{
        double span = (double)(c->options->until_ms - c->options->since_ms);
        double part = span > 0 ? (double)(at_ms - c->options->since_ms) / span : 0;

        return within((int)(part * c->canvas.width), 0, c->canvas.width - 1);
}

/* A labelled value lies in the middle of its label's line. */
static int dot_y(const struct chart *c, double bytes)
{
        const struct canvas *v = &c->canvas;
        double steps = (bytes - c->memory.lowest) / c->memory.step;
        double dot = steps * c->lines_an_interval * v->dots_up + (v->dots_up - 1) / 2.0;

        return within((int)lround(fmin(dot, 1e6)), 0, v->height - 1);
}

static void set_dot(struct canvas *v, int x, int y)
{
        v->dots[(size_t)y * (size_t)v->width + (size_t)x] = 1;
}

/* All dots between two, ends included, without a hole: a steep line goes straight up in its columns. */
static void draw_line(struct canvas *v, int x0, int y0, int x1, int y1)
{
        int dx = abs(x1 - x0), dy = -abs(y1 - y0), step_x = x0 < x1 ? 1 : -1, step_y = y0 < y1 ? 1 : -1;

        for (int error = dx + dy;;) {
                int twice = 2 * error;

                set_dot(v, x0, y0);
                if (x0 == x1 && y0 == y1)
                        return;
                if (twice >= dy) {
                        error += dy;
                        x0 += step_x;
                }
                if (twice <= dx) {
                        error += dx;
                        y0 += step_y;
                }
        }
}

static double middle(const struct chart_point *p)
{
        return ((double)p->least_bytes + (double)p->most_bytes) / 2;
}

static void draw_points(struct chart *c, const struct chart_point *points, size_t n)
{
        const struct chart_point *before = NULL;

        for (size_t i = 0; i < n; i++) {
                const struct chart_point *p = &points[i];
                int x;

                if (!is_inside(c, p)) {
                        before = NULL;
                        continue;
                }
                x = dot_x(c, p->at_ms);
                draw_line(&c->canvas, x, dot_y(c, (double)p->least_bytes), x, dot_y(c, (double)p->most_bytes));
                if (before && p->at_ms >= before->at_ms &&
                    (!c->options->gap_ms || p->at_ms - before->at_ms <= c->options->gap_ms))
                        draw_line(&c->canvas, dot_x(c, before->at_ms), dot_y(c, middle(before)), x,
                                  dot_y(c, middle(p)));
                before = p;
        }
}

static void choose_scale(struct chart *c, const struct chart_point *points, size_t n)
{
        double least = INFINITY, most = 0;
        int label_width = 0;

        for (size_t i = 0; i < n; i++)
                if (is_inside(c, &points[i])) {
                        least = fmin(least, (double)points[i].least_bytes);
                        most = fmax(most, (double)points[i].most_bytes);
                }
        memory_axis_choose(fmin(least, most), most, &c->memory);
        for (int i = 0; i <= c->memory.intervals; i++) {
                memory_axis_label(&c->memory, i, c->labels[i]);
                label_width = within((int)strlen(c->labels[i]), label_width, FIGURE_SIZE);
        }
        c->margin = label_width + 2;
}

static bool make_canvas(struct chart *c)
{
        const struct chart_options *o = c->options;
        struct canvas *v = &c->canvas;
        int lines = within(o->height, 6, 60) - LINES_FOR_TIME;

        c->lines_an_interval = within((lines - 1) / c->memory.intervals, 1, lines);
        v->lines = c->lines_an_interval * c->memory.intervals + 1;
        v->columns = within(within(o->width, 30, 400) - c->margin, 8, 400);
        v->dots_across = o->utf8 ? 2 : 1;
        v->dots_up = o->utf8 ? 4 : 2;
        v->width = v->columns * v->dots_across;
        v->height = v->lines * v->dots_up;
        v->dots = calloc((size_t)v->width, (size_t)v->height);
        return v->dots != NULL;
}

/* Dots of one character, bit x + dots_across * (lines from the bottom). */
static unsigned cell_dots(const struct canvas *v, int column, int line)
{
        unsigned dots = 0;

        for (int y = 0; y < v->dots_up; y++)
                for (int x = 0; x < v->dots_across; x++) {
                        size_t at = (size_t)(line * v->dots_up + y) * (size_t)v->width;

                        if (v->dots[at + (size_t)(column * v->dots_across + x)])
                                dots |= 1u << (x + v->dots_across * y);
                }
        return dots;
}

static void add_cell(const struct canvas *v, unsigned dots, struct buffer *out)
{
        /* Braille counts its dots from the top, the fourth line came later; by our bits, from the bottom left on. */
        static const unsigned char braille[8] = { 0x40, 0x80, 0x04, 0x20, 0x02, 0x10, 0x01, 0x08 };
        uint32_t character = 0x2800;
        char bytes[4];

        if (!dots || v->dots_across == 1) {
                buffer_add_char(out, !dots ? ' ' : dots == 1 ? '.' : '#');
                return;
        }
        for (int i = 0; i < 8; i++)
                if (dots & 1u << i)
                        character |= braille[i];
        buffer_add(out, bytes, text_put(character, bytes));
}

static void add_canvas_line(const struct chart *c, int line, struct buffer *out)
{
        const struct canvas *v = &c->canvas;
        const char *label = line % c->lines_an_interval == 0 ? c->labels[line / c->lines_an_interval] : "";
        const char *axis = c->options->utf8 ? (*label ? "┤" : "│") : (*label ? "+" : "|");
        int used = 0;

        buffer_add_text(out, line_style_on(LINE_QUIET, c->options->color));
        buffer_format(out, "%*s %s", c->margin - 2, label, axis);
        buffer_add_text(out, line_style_off(LINE_QUIET, c->options->color));
        for (int x = 0; x < v->columns; x++)
                if (cell_dots(v, x, line))
                        used = x + 1;
        for (int x = 0; x < used; x++)
                add_cell(v, cell_dots(v, x, line), out);
        buffer_add_char(out, '\n');
}

static int mark_column(const struct chart *c, const struct time_mark *m)
{
        return dot_x(c, m->at_ms) / c->canvas.dots_across;
}

static void add_axis_line(const struct chart *c, const struct time_mark *marks, size_t n, struct buffer *out)
{
        bool utf8 = c->options->utf8;
        size_t next = 0;

        buffer_format(out, "%*s %s", c->margin - 2, "", utf8 ? "└" : "+");
        for (int x = 0; x < c->canvas.columns; x++) {
                bool marked = false;

                for (; next < n && mark_column(c, &marks[next]) == x; next++)
                        marked = true;
                buffer_add_text(out, utf8 ? (marked ? "┬" : "─") : (marked ? "+" : "-"));
        }
        buffer_add_char(out, '\n');
}

/* Times, or days, centred below their marks, held within the chart; one that would touch the one before is left out. */
static void add_mark_texts(const struct chart *c, const struct time_mark *marks, size_t n, bool day, struct buffer *out)
{
        int at = 0, width = c->margin + c->canvas.columns;
        bool any = false;

        for (size_t i = 0; i < n; i++) {
                const char *text = day ? marks[i].day : marks[i].time;
                int length = (int)strlen(text);
                int from = within(c->margin + mark_column(c, &marks[i]) - length / 2, 0, width - length);

                if (!length || from < (any ? at + 2 : 0))
                        continue;
                buffer_format(out, "%*s%s", from - at, "", text);
                at = from + length;
                any = true;
        }
        if (any)
                buffer_add_char(out, '\n');
}

void render_chart(const struct chart_point *points, size_t n, const struct chart_options *options, struct buffer *out)
{
        struct chart c = { .options = options };
        struct time_mark marks[AXIS_MARKS_MOST];
        size_t n_marks;

        choose_scale(&c, points, n);
        if (!make_canvas(&c)) {
                out->failed = true;
                return;
        }
        draw_points(&c, points, n);
        for (int line = c.canvas.lines - 1; line >= 0; line--)
                add_canvas_line(&c, line, out);
        n_marks = time_axis_marks(options->since_ms, options->until_ms, options->now_ms, c.canvas.columns, marks);
        buffer_add_text(out, line_style_on(LINE_QUIET, options->color));
        add_axis_line(&c, marks, n_marks, out);
        add_mark_texts(&c, marks, n_marks, false, out);
        add_mark_texts(&c, marks, n_marks, true, out);
        buffer_add_text(out, line_style_off(LINE_QUIET, options->color));
        free(c.canvas.dots);
}
