/* Is it Python, and which? */
#include "proc/python.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

/* The beginning of "3.11…" as a version; returns how many characters it has, 0: none. */
static size_t take_version(const char *text, const char *end, char ret[static PYTHON_VERSION_SIZE])
{
        const char *p = text;

        if (p < end && (*p == '2' || *p == '3'))
                p++;
        if (p > text && p + 1 < end && *p == '.' && isdigit((unsigned char)p[1]))
                for (p++; p < end && isdigit((unsigned char)*p) && p - text < 6; p++)
                        ;
        ret[0] = '\0';
        if (p - text >= 3) { /* "3" alone says less than the maps can */
                memcpy(ret, text, (size_t)(p - text));
                ret[p - text] = '\0';
        }
        return (size_t)(p - text);
}

bool python_by_name(const char *path, char ret_version[static PYTHON_VERSION_SIZE])
{
        static const char *const suffixes[] = { "", "t", "d", "td", "-dbg" };
        static const char deleted[] = " (deleted)";
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *end = name + strlen(name);
        size_t rest;

        ret_version[0] = '\0';
        if (text_ends(name, deleted))
                end -= sizeof deleted - 1;
        if (text_starts(name, "pypy")) {
                take_version(name + 4, end, ret_version);
                return true;
        }
        if (!text_starts(name, "python"))
                return false;
        name += 6;
        name += take_version(name, end, ret_version);
        rest = (size_t)(end - name);
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
                if (rest == strlen(suffixes[i]) && memcmp(name, suffixes[i], rest) == 0 && (i == 0 || name[-1] != 'n'))
                        return true;
        return false;
}

/* "…/libpython3.11.so.1.0", "…/lib/python3.11/lib-dynload/x.so" */
static void search_line(struct python_search *s, const char *line, size_t size)
{
        const char *path = memchr(line, '/', size), *end = line + size, *name, *at;
        size_t prefix;

        if (!path)
                return;
        name = (const char *)memrchr(path, '/', (size_t)(end - path)) + 1;
        size = (size_t)(end - name);
        prefix = size > 9 && memcmp(name, "libpython", 9) == 0 ? 9 : size > 7 && memcmp(name, "libpypy", 7) == 0 ?
                7 : 0;
        if (prefix && memmem(name, size, ".so", 3)) {
                s->found = true;
                if (!s->version[0])
                        take_version(name + prefix, end, s->version);
        }
        at = s->version[0] ? NULL : memmem(path, (size_t)(end - path), "lib/py", 6);
        if (at && end - at > 10 && (memcmp(at, "lib/python", 10) == 0 || memcmp(at, "lib/pypy", 8) == 0))
                take_version(at + (at[6] == 't' ? 10 : 8), end, s->version);
}

void python_search_feed(struct python_search *s, const char *piece, size_t size)
{
        while (size) {
                const char *newline = memchr(piece, '\n', size);
                size_t n = newline ? (size_t)(newline - piece) : size;
                size_t fits = sizeof s->line - s->n_line < n ? sizeof s->line - s->n_line : n;

                if (newline && s->n_line == 0) {
                        search_line(s, piece, n);
                } else {
                        memcpy(s->line + s->n_line, piece, fits);
                        s->n_line += fits;
                        if (newline) {
                                search_line(s, s->line, s->n_line);
                                s->n_line = 0;
                        }
                }
                if (!newline)
                        return;
                piece += n + 1;
                size -= n + 1;
        }
}

int python_search_maps(int pid_fd, bool until_version, struct python_search *ret)
{
        _cleanup_(closep) int fd = openat(pid_fd, "maps", O_RDONLY | O_CLOEXEC);
        char piece[16 * 1024];

        ret->found = false;
        ret->version[0] = '\0';
        ret->n_line = 0;
        if (fd < 0)
                return -errno;
        /* 1 MiB is some 10,000 mappings, 5 ms; a process with more has libpython mapped before them or is none. */
        for (size_t have = 0; have < 1024 * 1024;) {
                ssize_t n = read(fd, piece, sizeof piece);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                python_search_feed(ret, piece, (size_t)n);
                have += (size_t)n;
                if (until_version ? ret->version[0] != '\0' : ret->found)
                        break;
        }
        return 0;
}
