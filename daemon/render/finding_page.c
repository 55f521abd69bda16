/* One finding, whole. */
#include "render/finding_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/figures.h"
#include "base/units.h"
#include "render/chart.h"
#include "render/evidence.h"
#include "render/line.h"
#include "render/paragraph.h"
#include "render/suspect_table.h"
#include "render/verdict.h"

enum {
        LABEL_WIDTH = 13,
        ANSWER_WIDTH = 9,      /* "unknown" and two spaces */
        WIDTH_OTHERWISE = 80,  /* of the chart in a pipe */
        CHART_HEIGHT = 10,
        COMMAND_MOST = 400,    /* columns of it */
        TROUGHS_MOST = 1000,
};

struct finding_page {
        const json_t *finding;
        struct evidence evidence;
        int64_t now_ms;
        const struct table_options *o;
        struct buffer *out;
};

static const char *text_of(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

static int64_t time_of(const json_t *value)
{
        const char *text = json_string_value(value);
        int64_t ms;

        return text && time_parse(text, &ms, NULL) == 0 ? ms : -1;
}

static bool is_kind(const json_t *finding, const char *kind)
{
        const char *own = text_of(finding, "kind");

        return own && strcmp(own, kind) == 0;
}

struct finding_row finding_row_read(const json_t *f, int64_t now_ms)
{
        const json_t *process = json_object_get(f, "process");
        struct evidence e = evidence_read(json_object_get(f, "evidence"));
        bool jumped = is_kind(f, "step") && e.from_bytes >= 0 && e.to_bytes >= e.from_bytes;
        int64_t opened_at_ms = time_of(json_object_get(f, "opened_at"));

        return (struct finding_row){
                .number = json_integer_value(json_object_get(f, "id")),
                .pid = json_is_object(process) ? json_integer_value(json_object_get(process, "pid")) : -1,
                .severity = text_of(f, "severity"),
                .kind = text_of(f, "kind"),
                .state = text_of(f, "state"),
                .app = text_of(json_object_get(f, "app"), "name"),
                .title = text_of(f, "title"),
                .growth_known = !isnan(e.bytes_per_hour),
                .bytes_per_hour = e.bytes_per_hour,
                .step_bytes = jumped ? e.to_bytes - e.from_bytes : -1,
                .since_ms = e.from_at_ms >= 0 ? e.from_at_ms : opened_at_ms,
                .limit_at_ms = e.limit_at_ms,
                .now_ms = now_ms,
        };
}

static void spaces(struct buffer *out, int n)
{
        for (; n > 0; n--)
                buffer_add_char(out, ' ');
}

static void add_styled(const struct finding_page *p, const char *text, enum line_style style)
{
        buffer_add_text(p->out, line_style_on(style, p->o->color));
        line_add(p->out, text, p->o->width, LINE_CUT_END, p->o->utf8);
        buffer_add_text(p->out, line_style_off(style, p->o->color));
}

static void write_head(const struct finding_page *p)
{
        enum line_style style;
        const char *severity = text_of(p->finding, "severity"), *title = text_of(p->finding, "title");
        const char *mark = severity_words(severity ? severity : "info", p->o->utf8, &style);
        int used;

        buffer_add_text(p->out, line_style_on(style, p->o->color));
        used = line_add(p->out, mark, 20, LINE_CUT_END, p->o->utf8);
        buffer_add_text(p->out, line_style_off(style, p->o->color));
        spaces(p->out, 2);
        paragraph_add(p->out, title ? title : "", used + 2, used + 2, LINE_BOLD, p->o);
}

static void write_state(const struct finding_page *p)
{
        int64_t opened_at_ms = time_of(json_object_get(p->finding, "opened_at"));
        int64_t closed_at_ms = time_of(json_object_get(p->finding, "closed_at"));
        int64_t end_ms = closed_at_ms >= 0 ? closed_at_ms : p->now_ms;
        char opened[FIGURE_SIZE], closed[FIGURE_SIZE], age[FIGURE_SIZE];
        const char *kind = text_of(p->finding, "kind");
        _cleanup_(buffer_done) struct buffer text = {};

        figure_time(opened_at_ms, p->now_ms, p->o->utf8, opened);
        figure_time(closed_at_ms, p->now_ms, p->o->utf8, closed);
        figure_age(opened_at_ms < 0 ? -1 : end_ms > opened_at_ms ? end_ms - opened_at_ms : 0, p->o->utf8, age);
        buffer_format(&text, "Finding %lld, %.20s, found %s, ",
                      (long long)json_integer_value(json_object_get(p->finding, "id")), kind ? kind : "", opened);
        if (closed_at_ms >= 0)
                buffer_format(&text, "closed %s after %s", closed, age);
        else
                buffer_format(&text, "open for %s", age);
        buffer_add_char(&text, '\0');
        paragraph_add(p->out, text.failed ? NULL : text.data, 0, 0, LINE_QUIET, p->o);
}

/* A label and what is known; what is not gets no line. */
static void write_fact(const struct finding_page *p, const char *label, const char *text)
{
        if (!text || !*text)
                return;
        buffer_add_text(p->out, line_style_on(LINE_QUIET, p->o->color));
        buffer_add_text(p->out, label);
        buffer_add_text(p->out, line_style_off(LINE_QUIET, p->o->color));
        spaces(p->out, LABEL_WIDTH - (int)strlen(label));
        paragraph_add(p->out, text, LABEL_WIDTH, LABEL_WIDTH, LINE_PLAIN, p->o);
}

static void write_who(const struct finding_page *p)
{
        const json_t *process = json_object_get(p->finding, "process"), *args = json_object_get(process, "cmdline");
        const char *name = text_of(process, "name"), *id = text_of(process, "id");
        _cleanup_(buffer_done) struct buffer text = {}, cut = {};

        write_fact(p, "App", text_of(json_object_get(p->finding, "app"), "name"));
        if (!json_is_object(process)) {
                write_fact(p, "Process", "all of the app, one after the other");
                return;
        }
        buffer_format(&text, "%s (%s)", name ? name : "", id ? id : "");
        buffer_add_char(&text, '\0');
        write_fact(p, "Process", text.failed ? NULL : text.data);
        buffer_clear(&text);
        for (size_t i = 0; i < json_array_size(args); i++) {
                const char *arg = json_string_value(json_array_get(args, i));

                buffer_add_text(&text, i ? " " : "");
                buffer_add_text(&text, arg ? arg : "");
        }
        buffer_add_char(&text, '\0');
        line_add(&cut, text.failed ? NULL : text.data, p->o->width ? COMMAND_MOST : 0, LINE_CUT_MIDDLE, p->o->utf8);
        buffer_add_char(&cut, '\0');
        write_fact(p, "Command", cut.failed ? NULL : cut.data);
}

static void write_growth(const struct finding_page *p)
{
        const struct evidence *e = &p->evidence;
        char growth[FIGURE_SIZE], low[FIGURE_SIZE], high[FIGURE_SIZE], text[6 * FIGURE_SIZE];
        bool utf8 = p->o->utf8;
        size_t used;

        if (isnan(e->bytes_per_hour) || is_kind(p->finding, "step"))
                return;
        figure_growth(true, e->bytes_per_hour, utf8, growth);
        used = (size_t)snprintf(text, sizeof text, "%s", growth);
        if (!isnan(e->low_bytes_per_hour) && !isnan(e->high_bytes_per_hour)) {
                figure_growth(true, e->low_bytes_per_hour, utf8, low);
                figure_growth(true, e->high_bytes_per_hour, utf8, high);
                if (strcmp(low, high) != 0)
                        used += (size_t)snprintf(text + used, sizeof text - used, " (%s to %s)", low, high);
        }
        if (e->confidence >= 0 && e->confidence <= 1)
                snprintf(text + used, sizeof text - used, ", %.1f %% sure", floor(e->confidence * 1000) / 10);
        write_fact(p, "Growth", text);
}

static int64_t as_ms(int64_t seconds)
{
        return seconds < 0 || seconds > INT64_MAX / 1000 ? -1 : seconds * 1000;
}

static void write_level(const struct finding_page *p)
{
        const struct evidence *e = &p->evidence;
        char from[FIGURE_SIZE], to[FIGURE_SIZE], span[FIGURE_SIZE], text[6 * FIGURE_SIZE];
        bool utf8 = p->o->utf8;
        size_t used;

        if (e->from_bytes >= 0 && e->to_bytes >= 0) {
                figure_bytes(e->from_bytes, utf8, from);
                figure_bytes(e->to_bytes, utf8, to);
                used = (size_t)snprintf(text, sizeof text, "%s to %s", from, to);
                if (as_ms(e->span_seconds) >= 0) {
                        figure_age(as_ms(e->span_seconds), utf8, span);
                        used += (size_t)snprintf(text + used, sizeof text - used, " in %s", span);
                }
                if (e->slots > 0 && e->rises >= 0)
                        snprintf(text + used, sizeof text - used, ", rose in %" PRId64 " of %" PRId64 " steps",
                                 e->rises, e->slots);
                write_fact(p, is_kind(p->finding, "step") ? "Jumped" : "Lowest", text);
        }
        if (e->exact_bytes >= 0) {
                figure_bytes(e->exact_bytes, utf8, to);
                snprintf(text, sizeof text, "%s by an exact reading", to);
                write_fact(p, "Confirmed", text);
        }
        if (e->generations_of > 0 && e->generations_alike >= 0) {
                figure_age(as_ms(e->lifetime_seconds), utf8, span);
                snprintf(text, sizeof text, "%" PRId64 " of %" PRId64 " grew the same way, each in a life of %s",
                         e->generations_alike, e->generations_of, span);
                write_fact(p, "Generations", text);
        }
}

static void write_limit(const struct finding_page *p)
{
        const struct evidence *e = &p->evidence;
        _cleanup_(buffer_done) struct buffer text = {};
        char limit[FIGURE_SIZE], used[FIGURE_SIZE], when[FIGURE_SIZE];
        bool utf8 = p->o->utf8;

        if (e->limit_bytes < 0)
                return;
        figure_bytes(e->limit_bytes, utf8, limit);
        figure_bytes(e->used_bytes, utf8, used);
        figure_forecast(e->limit_at_ms, p->now_ms, true, utf8, when);
        buffer_format(&text, "%s", limit);
        if (e->limit_kind)
                buffer_format(&text, ", %s", e->limit_kind);
        if (e->limit_place && *e->limit_place)
                buffer_format(&text, " of %s", e->limit_place);
        if (e->used_bytes >= 0)
                buffer_format(&text, ", %s used", used);
        if (strcmp(when, figure_unknown(utf8)) != 0)
                buffer_format(&text, ", reached %s", when);
        buffer_add_char(&text, '\0');
        write_fact(p, "Limit", text.failed ? NULL : text.data);
}

static size_t read_troughs(const struct finding_page *p, struct chart_point *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < json_array_size(p->evidence.troughs) && n < TROUGHS_MOST; i++) {
                const json_t *pair = json_array_get(p->evidence.troughs, i), *bytes = json_array_get(pair, 1);
                int64_t at_ms = time_of(json_array_get(pair, 0));

                if (at_ms < 0 || !json_is_integer(bytes) || json_integer_value(bytes) < 0)
                        continue;
                if (n && at_ms <= ret[n - 1].at_ms)
                        continue;
                ret[n++] = (struct chart_point){ at_ms, json_integer_value(bytes), json_integer_value(bytes) };
        }
        return n;
}

static void write_chart(const struct finding_page *p)
{
        _cleanup_(freep) struct chart_point *points = calloc(TROUGHS_MOST, sizeof *points);
        size_t n = points ? read_troughs(p, points) : 0;

        if (n < 3)
                return;
        buffer_add_char(p->out, '\n');
        add_styled(p, "Lowest level in each stretch of its life", LINE_BOLD);
        buffer_add_char(p->out, '\n');
        render_chart(points, n, &(struct chart_options){
                .width = p->o->width ? p->o->width : WIDTH_OTHERWISE, .height = CHART_HEIGHT,
                .since_ms = points[0].at_ms, .until_ms = points[n - 1].at_ms, .now_ms = p->now_ms,
                .utf8 = p->o->utf8, .color = p->o->color }, p->out);
}

static bool answered(const json_t *question, const char *answer)
{
        const char *own = text_of(question, "answer");

        return own && strcmp(own, answer) == 0;
}

static void write_question(const struct finding_page *p, const json_t *question, const char *answer)
{
        const char *because = text_of(question, "because"), *asked = text_of(question, "question");
        bool yes = strcmp(answer, "yes") == 0;
        enum line_style style = yes ? LINE_BOLD : LINE_QUIET;

        buffer_add_text(p->out, line_style_on(style, p->o->color));
        buffer_add_text(p->out, answer);
        buffer_add_text(p->out, line_style_off(style, p->o->color));
        spaces(p->out, ANSWER_WIDTH - (int)strlen(answer));
        paragraph_add(p->out, asked ? asked : "", ANSWER_WIDTH, ANSWER_WIDTH, yes ? LINE_PLAIN : LINE_QUIET, p->o);
        if (!because || !*because)
                return;
        spaces(p->out, ANSWER_WIDTH);
        paragraph_add(p->out, because, ANSWER_WIDTH, ANSWER_WIDTH, LINE_QUIET, p->o);
}

static void write_questions(const struct finding_page *p)
{
        static const char *const answers[] = { "yes", "no", "unknown" };
        const json_t *list = json_object_get(p->finding, "diagnosis");
        size_t n = json_array_size(list);

        if (!n)
                return;
        buffer_add_char(p->out, '\n');
        add_styled(p, "Why", LINE_BOLD);
        buffer_add_char(p->out, '\n');
        for (size_t a = 0; a < 3; a++)
                for (size_t i = 0; i < n; i++)
                        if (answered(json_array_get(list, i), answers[a]))
                                write_question(p, json_array_get(list, i), answers[a]);
}

static void write_advice(const struct finding_page *p)
{
        const json_t *list = json_object_get(p->finding, "advice");
        size_t n = json_array_size(list);

        if (!n)
                return;
        buffer_add_char(p->out, '\n');
        add_styled(p, "What to do", LINE_BOLD);
        buffer_add_char(p->out, '\n');
        for (size_t i = 0; i < n; i++) {
                const json_t *piece = json_array_get(list, i);
                const char *what = text_of(piece, "do"), *why = text_of(piece, "why");
                char number[32];
                int indent = snprintf(number, sizeof number, "%zu. ", i + 1);

                buffer_add_text(p->out, number);
                paragraph_add(p->out, what ? what : "", indent, indent, LINE_PLAIN, p->o);
                if (!why || !*why)
                        continue;
                spaces(p->out, indent);
                paragraph_add(p->out, why, indent, indent, LINE_QUIET, p->o);
        }
}

void render_finding(const json_t *finding, int64_t now_ms, const struct table_options *options, struct buffer *out)
{
        const struct finding_page p = { .finding = finding, .now_ms = now_ms, .o = options, .out = out,
                                        .evidence = evidence_read(json_object_get(finding, "evidence")) };

        write_head(&p);
        write_state(&p);
        buffer_add_char(out, '\n');
        write_who(&p);
        write_growth(&p);
        write_level(&p);
        write_limit(&p);
        write_fact(&p, "Note", p.evidence.note);
        write_chart(&p);
        render_suspects(json_object_get(finding, "suspects"), options, out);
        write_questions(&p);
        write_advice(&p);
}
