/* memtide analyze: the daemon's detector over recorded traces, with no daemon. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "client/memtide.h"
#include "client/progress.h"
#include "client/trace.h"
#include "client/trace_replay.h"
#include "render/table.h"
#include "render/verdict.h"

struct row {
        char *name;
        struct replay_result result;
};

struct analysis {
        struct client *client;
        struct progress progress;
        struct replay replay;
        char *name;             /* of the trace at hand */
        const char *path;       /* of the input at hand */
        struct row *rows;       /* for the table */
        size_t n_rows, room;
        size_t failed;          /* inputs that could not be read */
        bool found, stopped;    /* a leak was found; the output can't be written, or memory ended: no more of it */
};

static void analysis_done(struct analysis *a)
{
        replay_done(&a->replay);
        free(a->name);
        for (size_t i = 0; i < a->n_rows; i++)
                free(a->rows[i].name);
        free(a->rows);
}

static int begin_trace(void *data, const char *name, struct error *err)
{
        struct analysis *a = data;
        int r;

        replay_done(&a->replay);
        free(a->name);
        a->name = strdup(name);
        r = a->name ? replay_init(&a->replay, a->client->settings->min_growth_bytes, err)
                    : error_set(err, ENOMEM, "out of memory");
        a->stopped |= r < 0;
        return r;
}

static void add_sample(void *data, const struct trace_sample *sample)
{
        struct analysis *a = data;

        replay_add(&a->replay, sample);
}

static void show_progress(void *data, int64_t done, int64_t size)
{
        struct analysis *a = data;

        progress_step(&a->progress, a->path, done, size);
}

/* In thousandths: a recording's times are no finer, and the rest of the digits is noise of their sums. */
static double rounded(double value)
{
        return isfinite(value) ? round(value * 1000) / 1000 : value;
}

static void add_rate(struct json *j, double bytes_per_hour)
{
        if (isfinite(bytes_per_hour) && fabs(bytes_per_hour) < 0x1p62)
                json_add_int(j, (int64_t)llround(bytes_per_hour));
        else
                json_add_null(j);
}

static int write_json(struct analysis *a, const struct replay_result *result, struct error *err)
{
        _cleanup_(buffer_done) struct buffer out = {};
        struct json j = json_begin(&out, true);
        const struct { const char *key; double value; } seconds[] = {
                { "since_s", rounded(result->since_s) }, { "closed_at_s", result->closed_s },
                { "span_s", rounded(result->span_s) },
        };

        json_open(&j, '{');
        json_add_key(&j, "file");
        json_add_text(&j, a->name);
        json_add_key(&j, "verdict");
        json_add_text(&j, verdict_name(result->verdict));
        json_add_key(&j, "detected_at_s");
        json_add_double(&j, result->detected_s);
        json_add_key(&j, "bytes_per_hour");
        add_rate(&j, result->bytes_per_hour);
        json_add_key(&j, "confidence");
        json_add_double(&j, rounded(result->confidence));
        for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
                json_add_key(&j, seconds[i].key);
                json_add_double(&j, seconds[i].value);
        }
        json_add_key(&j, "from_bytes");
        json_add_known(&j, result->from_bytes);
        json_add_key(&j, "to_bytes");
        json_add_known(&j, result->to_bytes);
        json_add_key(&j, "samples");
        json_add_int(&j, (int64_t)result->samples);
        json_close(&j, '}');
        buffer_add_char(&out, '\n');
        if (out.failed)
                return error_set(err, ENOMEM, "out of memory");
        return screen_write_json(&a->client->screen, out.data, out.size, err);
}

static int keep_row(struct analysis *a, const struct replay_result *result, struct error *err)
{
        if (a->n_rows == a->room) {
                size_t room = a->room ? 2 * a->room : 16;
                struct row *more = realloc(a->rows, room * sizeof *more);

                if (!more)
                        return error_set(err, ENOMEM, "out of memory");
                a->rows = more;
                a->room = room;
        }
        a->rows[a->n_rows++] = (struct row){ .name = take_ptr(a->name), .result = *result };
        return 0;
}

static int end_trace(void *data, bool cut, struct error *err)
{
        struct analysis *a = data;
        struct replay_result result;
        unsigned long long left_out = a->replay.left_out;
        int r;

        replay_end(&a->replay, &result);
        a->found |= result.found;
        progress_clear(&a->progress);
        if (left_out)
                log_warning("%s: %llu sample%s left out, whose time is not later than the one before", a->name,
                            left_out, left_out == 1 ? "" : "s");
        if (cut)
                log_warning("%s: it ends within its last line: 1 line left out", a->name);
        r = a->client->settings->json ? write_json(a, &result, err) : keep_row(a, &result, err);
        a->stopped |= r < 0;
        return r;
}

static void cell_name(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct row *r = row;

        (void)o;
        ret->text = r->name;
        if (r->result.verdict == VERDICT_LEAK)
                ret->style = LINE_BOLD;
}

static void cell_verdict(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct row *r = row;

        ret->text = verdict_words(verdict_name(r->result.verdict), o->utf8, &ret->style);
}

static void cell_growth(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct row *r = row;
        bool known = isfinite(r->result.bytes_per_hour);

        figure_growth(known, r->result.bytes_per_hour, o->utf8, ret->figure);
        if (!known || strcmp(ret->figure, "steady") == 0)
                ret->style = LINE_QUIET;
}

static void cell_bytes(const void *field, const struct table_options *o, struct table_cell *ret)
{
        int64_t bytes = *(const int64_t *)field;

        figure_bytes(bytes, o->utf8, ret->figure);
        if (bytes < 0)
                ret->style = LINE_QUIET;
}

static void set_span(double seconds, const struct table_options *o, struct table_cell *ret)
{
        bool known = isfinite(seconds) && seconds >= 0 && seconds < 0x1p52;

        figure_age(known ? (int64_t)llround(seconds * 1000) : -1, o->utf8, ret->figure);
        if (!known)
                ret->style = LINE_QUIET;
}

static void cell_since(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct row *r = row;

        set_span(r->result.since_s - r->result.first_s, o, ret);
}

static void cell_detected(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct row *r = row;

        set_span(r->result.detected_s - r->result.first_s, o, ret);
}

static void cell_closed(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct row *r = row;

        set_span(r->result.closed_s - r->result.first_s, o, ret);
}

static void cell_span(const void *row, const struct table_options *o, struct table_cell *ret)
{
        const struct row *r = row;

        set_span(r->result.span_s, o, ret);
}

#define RESULT_FIELD(name) (offsetof(struct row, result) + offsetof(struct replay_result, name))

/* The times count from a trace's first sample. */
static const struct table_column columns[] = {
        { .title = "FILE", .rank = 0, .least = 16, .most = 64, .cut = LINE_CUT_MIDDLE, .cell = cell_name },
        { .title = "VERDICT", .rank = 1, .cell = cell_verdict },
        { .title = "GROWTH", .rank = 2, .right = true, .cell = cell_growth },
        { .title = "FROM", .rank = 6, .right = true, .field = RESULT_FIELD(from_bytes), .cell = cell_bytes },
        { .title = "TO", .rank = 7, .right = true, .field = RESULT_FIELD(to_bytes), .cell = cell_bytes },
        { .title = "SINCE", .rank = 5, .right = true, .cell = cell_since },
        { .title = "DETECTED", .rank = 3, .right = true, .cell = cell_detected },
        { .title = "SPAN", .rank = 4, .right = true, .cell = cell_span },
        /* The last one is left out where nothing closed. */
        { .title = "CLOSED", .rank = 8, .right = true, .cell = cell_closed },
};

static int write_table(struct analysis *a, struct error *err)
{
        _cleanup_(buffer_done) struct buffer out = {};
        size_t n_columns = sizeof columns / sizeof *columns - 1;

        for (size_t i = 0; i < a->n_rows; i++)
                if (!isnan(a->rows[i].result.closed_s))
                        n_columns = sizeof columns / sizeof *columns;
        if (a->n_rows)
                table_write(&(struct table){ .columns = columns, .n_columns = n_columns, .rows = a->rows,
                                             .n_rows = a->n_rows, .row_size = sizeof *a->rows },
                            &a->client->screen.table, &out);
        return screen_write(&out, err);
}

/* One input that can't be read keeps the others from nothing: each is said as it comes. */
static int read_inputs(struct analysis *a, struct error *err)
{
        const struct trace_sink sink = { .data = a, .begin = begin_trace, .sample = add_sample, .end = end_trace,
                                         .progress = show_progress };
        const struct client *c = a->client;

        for (size_t i = 0; i < c->n_files; i++) {
                struct error why = {};
                int r;

                a->path = c->files[i];
                a->progress.input = i;
                r = trace_read(a->path, &sink, &why);
                progress_clear(&a->progress);
                if (r < 0 && a->stopped) {
                        *err = why;
                        return r;
                }
                if (r < 0) {
                        a->failed++;
                        log_error("%s", why.text);
                }
        }
        return 0;
}

int cmd_analyze(struct client *client, struct error *err)
{
        _cleanup_(analysis_done) struct analysis a = { .client = client };
        int r;

        a.progress = progress_begin(client->n_files, client->screen.table.utf8);
        r = read_inputs(&a, err);
        if (r >= 0 && !client->settings->json)
                r = write_table(&a, err);
        if (r < 0)
                return r;
        if (a.failed)
                return EXIT_NO_ANSWER;
        return a.found ? EXIT_LEAK : EXIT_AS_ASKED;
}
