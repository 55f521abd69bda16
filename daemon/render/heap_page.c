/* A look, whole. */
#include "render/heap_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/figures.h"
#include "base/units.h"
#include "model/look.h"
#include "render/heap_tables.h"
#include "render/line.h"
#include "render/paragraph.h"

enum {
        LABEL_WIDTH = 13,
        PART_WIDTH = 16, BYTES_WIDTH = 9, SHARE_WIDTH = 6, /* of memory's lines, with what is between */
        BAR_MOST = 40,
        NAME_MOST = 48,      /* on a terminal: columns of a name in a sentence, */
        REASON_MOST = 400,   /* of a sentence, */
        LIBRARIES_MOST = 24, /* and libraries */
};

struct heap_page {
        const json_t *heap;
        int64_t now_ms;
        const struct table_options *o;
        struct buffer *out;
};

static const char *text_of(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

static int64_t int_value(const json_t *value)
{
        return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
}

static int64_t int_of(const json_t *object, const char *key)
{
        return int_value(json_object_get(object, key));
}

static int64_t time_of(const json_t *object, const char *key)
{
        const char *text = text_of(object, key);
        int64_t ms;

        return text && time_parse(text, &ms, NULL) == 0 ? ms : -1;
}

static void spaces(struct buffer *out, int n)
{
        for (; n > 0; n--)
                buffer_add_char(out, ' ');
}

/* Returns how many columns it took. */
static int add_styled(const struct heap_page *p, const char *text, int most, enum line_style style)
{
        int used;

        buffer_add_text(p->out, line_style_on(style, p->o->color));
        used = line_add(p->out, text, most, LINE_CUT_MIDDLE, p->o->utf8);
        buffer_add_text(p->out, line_style_off(style, p->o->color));
        return used;
}

/* A name, or a sentence, within another one: on a terminal its middle may go. */
static void add_within(const struct heap_page *p, const char *text, int most, struct buffer *to)
{
        line_add(to, text, p->o->width ? most : 0, LINE_CUT_MIDDLE, p->o->utf8);
}

/* "python3 4242": the pid is what stands first in the id. */
static void write_head(const struct heap_page *p)
{
        const char *name = text_of(p->heap, "name"), *id = text_of(p->heap, "id"), *python = text_of(p->heap, "python");
        int64_t exited_at_ms = time_of(p->heap, "exited_at");
        _cleanup_(buffer_done) struct buffer more = {};
        char pid[16] = "", when[FIGURE_SIZE];
        int width = p->o->width, used;

        if (id)
                snprintf(pid, sizeof pid, "%.*s", (int)strspn(id, "0123456789"), id);
        used = add_styled(p, name, width && width < 2 * NAME_MOST ? width / 2 : width ? NAME_MOST : 0, LINE_BOLD);
        spaces(p->out, name && *pid);
        used += (name && *pid) + add_styled(p, pid, 0, LINE_BOLD);
        if (python)
                buffer_format(&more, "  Python %.31s", python);
        if (exited_at_ms >= 0) {
                figure_time(exited_at_ms, p->now_ms, p->o->utf8, when);
                buffer_format(&more, "%s exited %s", more.size ? "," : " ", when);
        }
        buffer_add_char(&more, '\0');
        if (!width || used < width)
                add_styled(p, more.failed ? NULL : more.data, width ? width - used : 0, LINE_QUIET);
        buffer_add_char(p->out, '\n');
        if (id)
                paragraph_add(p->out, id, 0, 0, LINE_QUIET, p->o);
}

/* When, how long it took, and since when growth is told. */
static void write_when(const struct heap_page *p)
{
        int64_t at_ms = time_of(p->heap, "at"), since_ms = time_of(p->heap, "since_at");
        const json_t *took = json_object_get(p->heap, "took_ms");
        size_t n = json_array_size(json_object_get(p->heap, "looks"));
        _cleanup_(buffer_done) struct buffer text = {};
        char when[FIGURE_SIZE], age[FIGURE_SIZE];
        bool utf8 = p->o->utf8;

        figure_time(at_ms, p->now_ms, utf8, when);
        buffer_format(&text, "Looked into at %s", when);
        if (at_ms >= 0) {
                figure_age(p->now_ms > at_ms ? p->now_ms - at_ms : 0, utf8, age);
                buffer_format(&text, " (%s ago)", age);
        }
        if (json_is_number(took) && json_number_value(took) >= 0)
                buffer_format(&text, " in %.0f ms", fmax(1, fmin(json_number_value(took), 1e9)));
        if (since_ms >= 0) {
                figure_time(since_ms, p->now_ms, utf8, when);
                figure_age(at_ms > since_ms ? at_ms - since_ms : 0, utf8, age);
                buffer_format(&text, "; growth is since %s (%s), over %zu looks", when, age, n + 1);
        } else {
                buffer_add_text(&text, ", for the first time");
        }
        buffer_add_char(&text, '\0');
        paragraph_add(p->out, text.failed ? NULL : text.data, 0, 0, LINE_QUIET, p->o);
}

static void write_fact(const struct heap_page *p, const char *label, const char *text)
{
        if (!text || !*text)
                return;
        spaces(p->out, LABEL_WIDTH - add_styled(p, label, 0, LINE_QUIET));
        paragraph_add(p->out, text, LABEL_WIDTH, LABEL_WIDTH, LINE_PLAIN, p->o);
}

static void write_missing(const struct heap_page *p)
{
        const json_t *list = json_object_get(p->heap, "missing");
        size_t n = json_array_size(list);

        if (!n && json_is_false(json_object_get(p->heap, "complete")))
                write_fact(p, "Incomplete", "there was no time to see everything: figures are estimated from a part");
        for (size_t i = 0; i < n; i++) {
                const char *part = text_of(json_array_get(list, i), "part");
                const char *reason = text_of(json_array_get(list, i), "reason");
                _cleanup_(buffer_done) struct buffer text = {};

                add_within(p, part, NAME_MOST, &text);
                buffer_add_text(&text, ": ");
                add_within(p, reason, REASON_MOST, &text);
                buffer_add_char(&text, '\0');
                write_fact(p, "Missing", text.failed ? NULL : text.data);
        }
}

/* "700, 10, 10"; false: not known. */
static bool three_figures(const json_t *list, bool utf8, char ret[static 4 * FIGURE_SIZE])
{
        size_t used = 0, n = json_array_size(list);
        char figure[FIGURE_SIZE];

        for (size_t i = 0; i < n && i < 3; i++) {
                figure_count(int_value(json_array_get(list, i)), utf8, figure);
                used += (size_t)snprintf(ret + used, 4 * FIGURE_SIZE - used, "%s%s%s", i ? "," : "",
                                         !i ? "" : utf8 ? "\u202f" : " ", figure);
        }
        return n > 0;
}

static void write_collector(const struct heap_page *p)
{
        const json_t *gc = json_object_get(p->heap, "gc"), *enabled = json_object_get(gc, "enabled");
        int64_t uncollectable = int_of(gc, "uncollectable"), frozen = int_of(gc, "frozen");
        int64_t tracked = int_of(p->heap, "tracked_objects");
        _cleanup_(buffer_done) struct buffer text = {};
        char figure[FIGURE_SIZE], three[4 * FIGURE_SIZE];
        bool utf8 = p->o->utf8;

        if (json_is_boolean(enabled))
                buffer_add_text(&text, json_is_true(enabled) ? "on" : "off: cycles go only when it calls gc.collect()");
        else
                buffer_add_text(&text, "not known whether it is on");
        if (json_is_true(json_object_get(gc, "collecting")))
                buffer_add_text(&text, "; a collection was under way");
        if (tracked >= 0) {
                figure_count(tracked, utf8, figure);
                buffer_format(&text, "; %s objects tracked", figure);
        }
        if (frozen > 0) {
                figure_count(frozen, utf8, figure);
                buffer_format(&text, "; %s frozen by gc.freeze()", figure);
        }
        figure_count(uncollectable, utf8, figure);
        if (uncollectable > 0)
                buffer_format(&text, "; %s uncollectable in gc.garbage", figure);
        else if (uncollectable == 0)
                buffer_add_text(&text, "; nothing uncollectable");
        if (three_figures(json_object_get(gc, "thresholds"), utf8, three))
                buffer_format(&text, "; thresholds %s", three);
        if (three_figures(json_object_get(gc, "counts"), utf8, three))
                buffer_format(&text, "; counts %s", three);
        buffer_add_char(&text, '\0');
        buffer_add_char(p->out, '\n');
        write_fact(p, "Collector", text.failed ? NULL : text.data);
}

static void write_libraries(const struct heap_page *p)
{
        const json_t *list = json_object_get(p->heap, "libraries");
        size_t n = json_array_size(list);
        _cleanup_(buffer_done) struct buffer text = {};

        for (size_t i = 0; i < n && (i < LIBRARIES_MOST || !p->o->width); i++) {
                buffer_add_text(&text, i ? ", " : "");
                add_within(p, json_string_value(json_array_get(list, i)), NAME_MOST, &text);
        }
        if (n > LIBRARIES_MOST && p->o->width)
                buffer_format(&text, " and %zu more", n - LIBRARIES_MOST);
        buffer_add_char(&text, '\0');
        write_fact(p, "Native code", text.failed ? NULL : text.data);
}

/* In eighths of a column. */
static void add_bar(const struct heap_page *p, double share)
{
        int room = p->o->width ? p->o->width - PART_WIDTH - BYTES_WIDTH - SHARE_WIDTH - 2 : BAR_MOST;
        static const char *const parts[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
        int eighths = (int)lround(share * 8 * (room < BAR_MOST ? room : BAR_MOST));

        if (eighths < 1)
                return;
        spaces(p->out, 2);
        for (int i = 0; i < (p->o->utf8 ? eighths / 8 : (eighths + 7) / 8); i++)
                buffer_add_text(p->out, p->o->utf8 ? "█" : "#");
        if (p->o->utf8)
                buffer_add_text(p->out, parts[eighths % 8]);
}

/* total_bytes -1: not known, so are shares. */
static void write_part(const struct heap_page *p, const char *label, int64_t bytes, int64_t total_bytes)
{
        double share = bytes >= 0 && total_bytes > 0 ? (double)bytes / (double)total_bytes : -1;
        char figure[FIGURE_SIZE], percent[16] = "";

        spaces(p->out, PART_WIDTH - add_styled(p, label, 0, LINE_QUIET));
        figure_bytes(bytes, p->o->utf8, figure);
        spaces(p->out, BYTES_WIDTH - (bytes < 0 ? 1 : (int)strlen(figure)));
        buffer_add_text(p->out, figure);
        if (share >= 0) {
                if (bytes && share < 0.005)
                        snprintf(percent, sizeof percent, "<1 %%");
                else
                        snprintf(percent, sizeof percent, "%d %%", (int)lround(share * 100));
                spaces(p->out, SHARE_WIDTH + 1 - (int)strlen(percent));
                buffer_add_text(p->out, percent);
                add_bar(p, share);
        }
        buffer_add_char(p->out, '\n');
}

/* Where malloc has it. */
static void write_native(const struct heap_page *p, const json_t *memory)
{
        int64_t heap = int_of(memory, "heap_bytes"), arena = int_of(memory, "arena_bytes");
        int64_t arenas = int_of(memory, "arenas"), large = int_of(memory, "large_bytes");
        _cleanup_(buffer_done) struct buffer text = {};
        char figure[FIGURE_SIZE];

        if (heap > 0) {
                figure_bytes(heap, p->o->utf8, figure);
                buffer_format(&text, ", %s in [heap]", figure);
        }
        if (arena > 0) {
                figure_bytes(arena, p->o->utf8, figure);
                buffer_format(&text, ", %s in malloc's further arenas", figure);
                if (arenas > 0)
                        buffer_format(&text, " (%" PRId64 ")", arenas);
        }
        if (large > 0) {
                figure_bytes(large, p->o->utf8, figure);
                buffer_format(&text, ", %s in single areas of 8 MiB and more", figure);
        }
        if (!text.size)
                return;
        buffer_add_char(&text, '\0');
        spaces(p->out, PART_WIDTH);
        paragraph_add(p->out, text.failed ? NULL : text.data + 2, PART_WIDTH, PART_WIDTH, LINE_QUIET, p->o);
}

static void write_memory(const struct heap_page *p)
{
        static const struct { const char *key, *label; } parts[] = {
                { "python_bytes", "Python objects" }, { "python_free_bytes", "Free in pools" },
                { "native_bytes", "Native" }, { "file_bytes", "Files" }, { "shmem_bytes", "Shared memory" },
        };
        const json_t *memory = json_object_get(p->heap, "memory");
        size_t n = sizeof parts / sizeof *parts, known = 0;
        char figure[FIGURE_SIZE];
        int64_t total = 0;

        for (size_t i = 0; i < n; i++) {
                int64_t bytes = int_of(memory, parts[i].key);

                known += bytes >= 0;
                total += bytes >= 0 && bytes < INT64_MAX / 8 ? bytes : 0;
        }
        if (!known)
                return;
        total = known == n ? total : -1;
        buffer_add_char(p->out, '\n');
        add_styled(p, "Memory", 0, LINE_BOLD);
        if (total >= 0) {
                figure_bytes(total, p->o->utf8, figure);
                buffer_add_text(p->out, "  ");
                add_styled(p, figure, 0, LINE_QUIET);
        }
        buffer_add_char(p->out, '\n');
        for (size_t i = 0; i < n; i++) {
                write_part(p, parts[i].label, int_of(memory, parts[i].key), total);
                if (strcmp(parts[i].key, "native_bytes") == 0)
                        write_native(p, memory);
        }
}

static void write_unnamed(const struct heap_page *p)
{
        const json_t *list = json_object_get(p->heap, "containers");

        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *name = text_of(json_array_get(list, i), "name");

                if (!name || !look_is_unnamed(name))
                        continue;
                buffer_add_char(p->out, '\n');
                paragraph_add(p->out, "A name such as <list #3fa2> stands for what no module leads to: it is in a variable of a "
                              "function that runs, or deep inside an object.", 0, 0, LINE_QUIET, p->o);
                return;
        }
}

void render_heap(const json_t *heap, int64_t now_ms, const struct table_options *options, struct buffer *out)
{
        const struct heap_page p = { .heap = heap, .now_ms = now_ms, .o = options, .out = out };

        write_head(&p);
        write_when(&p);
        write_missing(&p);
        render_heap_tables(heap, now_ms, options, out);
        write_unnamed(&p);
        write_collector(&p);
        write_libraries(&p);
        write_memory(&p);
}
