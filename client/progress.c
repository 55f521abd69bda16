/* A bar on standard error. */
#include "client/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "render/line.h"

enum {
        FIRST_AFTER_NS = 500 * 1000 * 1000,
        AGAIN_AFTER_NS = 100 * 1000 * 1000,
        BAR_WIDTH = 24,
        WIDTH_OTHERWISE = 80,
};

static const char take_back[] = "\r\033[K";

struct progress progress_begin(size_t inputs, bool utf8)
{
        const char *term = getenv("TERM");

        return (struct progress){ .shown_at_all = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0,
                                  .utf8 = utf8, .began_ns = clock_mono_ns(), .inputs = inputs };
}

static void add_bar(struct buffer *out, int per_cent, bool utf8)
{
        int filled = BAR_WIDTH * per_cent / 100;

        for (int i = 0; i < BAR_WIDTH; i++)
                buffer_add_text(out, utf8 ? i < filled ? "█" : "░" : i < filled ? "#" : ".");
}

void progress_line(const struct progress *p, const char *name, int64_t done, int64_t size, int width,
                   struct buffer *out)
{
        _cleanup_(buffer_done) struct buffer text = {};
        double part = size > 0 ? (double)(done < size ? done : size) / (double)size : 0;
        int per_cent = (int)(100 * ((double)p->input + part) / (double)(p->inputs ? p->inputs : 1));

        /* A stream alone has no share of a whole: what was read of it says that it goes on. */
        if (size > 0 || p->inputs > 1) {
                add_bar(&text, per_cent, p->utf8);
                buffer_format(&text, " %3d %%  ", per_cent);
        }
        if (size <= 0)
                buffer_format(&text, "%lld MiB read  ", (long long)(done >> 20));
        if (p->inputs > 1)
                buffer_format(&text, "%zu of %zu  ", p->input + 1, p->inputs);
        buffer_add_text(&text, name);
        buffer_add_char(&text, '\0');
        out->failed |= text.failed;
        if (!text.failed)
                line_add(out, text.data, width, LINE_CUT_END, p->utf8);
}

static int width_of_terminal(void)
{
        struct winsize size;

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_OTHERWISE;
}

/* A terminal that is gone is nobody's failure. */
static void put(const char *bytes, size_t size)
{
        if (write(STDERR_FILENO, bytes, size) < 0)
                return;
}

void progress_step(struct progress *p, const char *name, int64_t done, int64_t size)
{
        _cleanup_(buffer_done) struct buffer out = {};
        int64_t now_ns;

        if (!p->shown_at_all)
                return;
        now_ns = clock_mono_ns();
        if (now_ns - p->began_ns < FIRST_AFTER_NS || now_ns - p->drawn_ns < AGAIN_AFTER_NS)
                return;
        buffer_add_text(&out, take_back);
        progress_line(p, name, done, size, width_of_terminal() - 1, &out);
        if (out.failed)
                return;
        put(out.data, out.size);
        p->drawn = true;
        p->drawn_ns = now_ns;
}

void progress_clear(struct progress *p)
{
        if (p->drawn)
                put(take_back, strlen(take_back));
        p->drawn = false;
}
