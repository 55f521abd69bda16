/* What a recording is, by its first bytes; and reading those that are text. */
#include "client/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "client/trace_text.h"

static const char sqlite_magic[] = "SQLite format 3"; /* its NUL belongs to it */
static const char byte_order_mark[] = "\xef\xbb\xbf";

/* One input that is text. */
struct reading {
        const char *name; /* for errors */
        const struct trace_sink *sink;
        struct trace_lines lines;
        const struct trace_format *format;
        struct trace_text text;
        int64_t size, shown_bytes, first_ms;
        bool any;         /* a sample came before: first_ms is set */
};

static void reading_done(struct reading *r)
{
        trace_lines_done(&r->lines);
}

static int refuse_line(const struct reading *r, struct error *err)
{
        return error_prefix(err, "%.200s:%lld: ", r->name, (long long)r->lines.number);
}

static int take_head(struct reading *r, const struct trace_line *line, struct error *err)
{
        static const struct trace_format *const formats[] = { &trace_mprof, &trace_psrecord, &trace_csv };

        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
                int found = formats[i]->head(line->text, line->size, &r->text, err);

                if (found < 0)
                        return refuse_line(r, err);
                if (found) {
                        r->format = formats[i];
                        return 0;
                }
        }
        return error_set(err, EBADMSG, "%.200s is no recording: neither CSV whose header names rss_bytes and seconds "
                         "or at, nor of mprof or psrecord, nor a memtide database", r->name);
}

static int take_line(struct reading *r, const struct trace_line *line, struct error *err)
{
        struct trace_figures f;
        struct trace_sample s;
        int found = r->format->read(&r->text, line->text, line->size, &f, err);

        if (found < 0)
                return refuse_line(r, err);
        if (!found)
                return 0;
        s = (struct trace_sample){ .at_ms = (int64_t)(f.seconds * 1000 + 0.5), .at_s = f.seconds, .bytes = f.bytes };
        if (!r->any)
                r->first_ms = s.at_ms;
        r->any = true;
        if (r->text.dates)
                s.at_s = (double)(s.at_ms - r->first_ms) / 1000;
        r->sink->sample(r->sink->data, &s);
        return 0;
}

static void show_progress(struct reading *r)
{
        if (r->shown_bytes == r->lines.read_bytes)
                return;
        r->shown_bytes = r->lines.read_bytes;
        r->sink->progress(r->sink->data, r->shown_bytes, r->size);
}

/* A line without an end may be the half of a line even where it reads well: "12,7340" of "12,73400320". */
static int take_lines(struct reading *r, const struct trace_line *head, struct error *err)
{
        struct trace_line line = *head;
        int found = 1;

        if (!r->format->head_holds_data)
                found = trace_lines_next(&r->lines, &line, err);
        for (; found > 0 && line.whole; found = trace_lines_next(&r->lines, &line, err)) {
                int taken = take_line(r, &line, err);

                if (taken < 0)
                        return taken;
                show_progress(r);
        }
        if (found < 0)
                return refuse_line(r, err);
        return r->sink->end(r->sink->data, found > 0, err);
}

static int read_text(struct reading *r, const char *path, struct error *err)
{
        struct trace_line line;
        const char *start;
        int found;

        if (trace_lines_peek(&r->lines, sizeof byte_order_mark, &start, err) >= 3 &&
            memcmp(start, byte_order_mark, 3) == 0)
                r->lines.from = r->lines.scanned = 3;
        found = trace_lines_next(&r->lines, &line, err);
        if (found < 0)
                return refuse_line(r, err);
        if (found == 0)
                return error_set(err, EBADMSG, "%.200s is empty", r->name);
        found = take_head(r, &line, err);
        if (found >= 0)
                found = r->sink->begin(r->sink->data, path, err);
        return found < 0 ? found : take_lines(r, &line, err);
}

static int open_input(const char *path, int *ret, struct error *err)
{
        *ret = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                      : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return *ret >= 0 ? 0 : error_set(err, errno, "cannot open %.200s: %s", path, strerror(errno));
}

int trace_read(const char *path, const struct trace_sink *sink, struct error *err)
{
        _cleanup_(reading_done) struct reading reading = { .name = path, .sink = sink };
        _cleanup_(closep) int fd = -1;
        struct stat st;
        const char *start;
        int64_t n;
        int r = open_input(path, &fd, err);

        if (strcmp(path, "-") == 0)
                reading.name = "standard input";
        if (r >= 0)
                r = trace_lines_init(&reading.lines, fd, err);
        if (r < 0)
                return r;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
                reading.size = st.st_size;
        n = trace_lines_peek(&reading.lines, sizeof sqlite_magic, &start, err);
        if (n < 0)
                return error_prefix(err, "cannot read %.200s: ", reading.name);
        if (n < (int64_t)sizeof sqlite_magic || memcmp(start, sqlite_magic, sizeof sqlite_magic) != 0)
                return read_text(&reading, path, err);
        if (reading.name != path)
                return error_set(err, EBADMSG, "standard input is a database: name its file instead");
        return trace_read_database(path, sink, err);
}
