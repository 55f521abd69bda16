/* Standard output. */
#include "client/screen.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

enum { WIDTH_OTHERWISE = 80, WIDTH_LEAST = 20, WIDTH_MOST = 1000 };

static int terminal_width(void)
{
        const char *columns = getenv("COLUMNS");
        struct winsize size;
        int width = 0;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
                width = size.ws_col;
        /* A serial line or a pty of nobody's says 0. */
        if (width == 0 && columns)
                width = atoi(columns);
        if (width <= 0)
                width = WIDTH_OTHERWISE;
        return width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : width;
}

static bool wants_color(const char *color, bool terminal)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        if (color && strcmp(color, "always") == 0)
                return true;
        if (color && strcmp(color, "never") == 0)
                return false;
        return terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

struct screen screen_init(const char *color)
{
        struct screen s = { .terminal = isatty(STDOUT_FILENO) };

        setlocale(LC_CTYPE, "");
        s.table.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        s.table.width = s.terminal ? terminal_width() : 0;
        s.table.color = wants_color(color, s.terminal);
        return s;
}

static int write_all(const char *bytes, size_t size, struct error *err)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = write(STDOUT_FILENO, bytes + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EPIPE)
                        return error_set(err, EPIPE, "nobody reads the output");
                if (n < 0)
                        return error_set(err, EIO, "cannot write the output: %s", strerror(errno));
                done += (size_t)n;
        }
        return 0;
}

int screen_write(const struct buffer *text, struct error *err)
{
        if (text->failed)
                return error_set(err, ENOMEM, "out of memory for the output");
        return write_all(text->data, text->size, err);
}

/* Within a string DEL and the C1 controls may stand as they are, and a terminal would obey them; between values a
 * carriage return or a tab may. Both are the same JSON written otherwise. */
static void escape_controls(const char *json, size_t size, struct buffer *out)
{
        for (size_t at = 0; at < size;) {
                size_t from = at;
                uint32_t c = text_next(json, size, &at);

                if (c < 0x20 && c != '\n')
                        buffer_add_char(out, ' ');
                else if (c >= 0x7f && c < 0xa0)
                        buffer_format(out, "\\u%04x", (unsigned)c);
                else if (c == 0xfffd)
                        buffer_add_text(out, "\ufffd");
                else
                        buffer_add(out, json + from, at - from);
        }
}

int screen_write_json(const struct screen *screen, const char *json, size_t size, struct error *err)
{
        _cleanup_(buffer_done) struct buffer clean = {};

        if (!screen->terminal)
                return write_all(json, size, err);
        escape_controls(json, size, &clean);
        return screen_write(&clean, err);
}
