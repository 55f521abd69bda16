/* A command line. */
#include "proc/cmdline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "model/process.h"

enum {
        /* prog "" "" is somebody's, the dozens of NULs behind a title of setproctitle are nobody's. */
        EMPTY_AT_END_MAX = 3,
};

/* A cut within a character would show it as broken: it is left out. */
static size_t whole_characters(const char *bytes, size_t size)
{
        size_t from = size;

        while (from > 0 && size - from < 3 && ((unsigned char)bytes[from - 1] & 0xc0) == 0x80)
                from--;
        if (from > 0 && (unsigned char)bytes[from - 1] >= 0xc0) {
                unsigned char lead = (unsigned char)bytes[from - 1];
                size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

                if (size - (from - 1) < need)
                        return from - 1;
        }
        return size;
}

int cmdline_parse(const char *bytes, size_t size, bool truncated, struct cmdline *ret)
{
        _cleanup_(cmdline_done) struct cmdline c = { .truncated = truncated };
        size_t end = size, n = 0;

        if (truncated)
                size = end = whole_characters(bytes, size);
        while (end > 0 && bytes[end - 1] == '\0')
                end--;
        if (end == 0) /* it has none, or wiped it out */
                size = 0;
        else if (size - end > EMPTY_AT_END_MAX + 1)
                size = end;
        for (size_t i = 0; i < size; i++)
                n += bytes[i] == '\0';
        n += size > 0 && bytes[size - 1] != '\0';
        c.args = calloc(n + 1, sizeof *c.args);
        if (!c.args)
                return -ENOMEM;
        for (size_t at = 0; at < size;) {
                const char *nul = memchr(bytes + at, '\0', size - at);
                size_t one = nul ? (size_t)(nul - (bytes + at)) : size - at;

                c.args[c.n] = text_to_utf8(bytes + at, one, NULL);
                if (!c.args[c.n])
                        return -ENOMEM;
                c.n++;
                at += one + 1;
        }
        *ret = c;
        c = (struct cmdline){};
        return 0;
}

int cmdline_read(int pid_fd, struct cmdline *ret)
{
        _cleanup_(freep) char *bytes = malloc(CMDLINE_KEPT + 2);
        ssize_t n;

        if (!bytes)
                return -ENOMEM;
        n = file_read_at(pid_fd, "cmdline", bytes, CMDLINE_KEPT + 2);
        if (n < 0)
                return (int)n;
        return cmdline_parse(bytes, n > CMDLINE_KEPT ? CMDLINE_KEPT : (size_t)n, n > CMDLINE_KEPT, ret);
}

char *cmdline_join(const struct cmdline *c)
{
        _cleanup_(buffer_done) struct buffer b = {};

        for (size_t i = 0; i < c->n; i++) {
                if (i > 0)
                        buffer_add_char(&b, ' ');
                buffer_add_text(&b, c->args[i]);
        }
        return buffer_take(&b, NULL);
}

void cmdline_done(struct cmdline *c)
{
        for (size_t i = 0; i < c->n; i++)
                free(c->args[i]);
        free(c->args);
        *c = (struct cmdline){};
}
