/* Lines and numbers. */
#include "client/trace_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
        DIGITS_MOST = 18,      /* that fit an int64_t whatever they are */
        EXPONENT_MOST = 400,   /* beyond what a double holds, either way */
        QUOTED_MOST = 40,      /* of what is wrong, in an error */
};

int trace_lines_init(struct trace_lines *l, int fd, struct error *err)
{
        *l = (struct trace_lines){ .fd = fd, .buffer = malloc(TRACE_LINE_MOST) };
        return l->buffer ? 0 : error_set(err, ENOMEM, "out of memory");
}

void trace_lines_done(struct trace_lines *l)
{
        free(l->buffer);
        *l = (struct trace_lines){ .fd = -1 };
}

/* Reads once into the room behind what is there. 0, or negative with *err. */
static int fill(struct trace_lines *l, struct error *err)
{
        ssize_t n;

        if (l->from > 0) {
                memmove(l->buffer, l->buffer + l->from, l->end - l->from);
                l->scanned -= l->from;
                l->end -= l->from;
                l->from = 0;
        }
        do
                n = read(l->fd, l->buffer + l->end, TRACE_LINE_MOST - l->end);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return error_set(err, EIO, "%s", strerror(errno));
        l->over = n == 0;
        l->end += (size_t)n;
        l->read_bytes += n;
        return 0;
}

int64_t trace_lines_peek(struct trace_lines *l, size_t least, const char **ret, struct error *err)
{
        while (!l->over && l->end - l->from < least) {
                int r = fill(l, err);

                if (r < 0)
                        return r;
        }
        *ret = l->buffer + l->from;
        return (int64_t)(l->end - l->from);
}

static void give(struct trace_lines *l, size_t size, bool whole, struct trace_line *ret)
{
        *ret = (struct trace_line){ .text = l->buffer + l->from, .size = size, .whole = whole };
        if (size > 0 && ret->text[size - 1] == '\r')
                ret->size--;
        l->from += size + whole;
        l->scanned = l->from;
        l->number++;
}

int trace_lines_next(struct trace_lines *l, struct trace_line *ret, struct error *err)
{
        for (;;) {
                const char *end = memchr(l->buffer + l->scanned, '\n', l->end - l->scanned);
                int r;

                if (end) {
                        give(l, (size_t)(end - l->buffer) - l->from, true, ret);
                        return 1;
                }
                l->scanned = l->end;
                if (l->over && l->end > l->from) {
                        give(l, l->end - l->from, false, ret);
                        return 1;
                }
                if (l->over)
                        return 0;
                if (l->end - l->from == TRACE_LINE_MOST) {
                        l->number++;
                        return error_set(err, EBADMSG, "the line is longer than 1 MiB");
                }
                r = fill(l, err);
                if (r < 0)
                        return r;
        }
}

static const double SECONDS_MOST = 1e13; /* 300,000 years: sums and products of times stay within an int64_t */

/* The digits of a number as an integer, and the power of ten that it is to be multiplied by. Digits beyond the 18th
 * change a double no more. */
struct decimal {
        int64_t digits;
        int power, kept;
        bool any;
};

static const char *take_digits(const char *p, const char *end, bool behind_point, struct decimal *d)
{
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
                d->any = true;
                if (d->kept < DIGITS_MOST) {
                        d->digits = d->digits * 10 + (*p - '0');
                        d->kept += d->digits > 0;
                        d->power -= behind_point;
                } else
                        d->power += !behind_point && d->power < EXPONENT_MOST;
        }
        return p;
}

static const char *take_exponent(const char *p, const char *end, struct decimal *d)
{
        bool negative;
        int exponent = 0;

        if (p == end || (*p != 'e' && *p != 'E'))
                return p;
        p++;
        negative = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+'))
                p++;
        d->any = p < end;
        for (; p < end && *p >= '0' && *p <= '9'; p++)
                if (exponent < EXPONENT_MOST)
                        exponent = exponent * 10 + (*p - '0');
        d->power += negative ? -exponent : exponent;
        return p;
}

/* Powers up to 22 are exact in a double, so a number of 15 digits comes out as the nearest double there is. */
static double scale(const struct decimal *d)
{
        static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
                                         1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
        double digits = (double)d->digits;

        if (d->digits == 0)
                return 0;
        if (d->power >= 0 && d->power <= 22)
                return digits * powers[d->power];
        if (d->power < 0 && d->power >= -22)
                return digits / powers[-d->power];
        return digits * pow(10, d->power);
}

bool trace_number(const char *text, size_t size, double unit, double *ret, struct error *err)
{
        const char *p = text, *end = text + size;
        bool negative = size > 0 && *p == '-';
        struct decimal d = {};
        int shown = size > QUOTED_MOST ? QUOTED_MOST : (int)size;

        p += negative;
        p = take_digits(p, end, false, &d);
        if (p < end && *p == '.')
                p = take_digits(p + 1, end, true, &d);
        if (d.any)
                p = take_exponent(p, end, &d);
        if (!d.any || p != end) {
                error_set(err, EBADMSG, "\"%.*s\" is not a number", shown, text);
                return false;
        }
        *ret = scale(&d) * unit;
        if (negative && *ret > 0)
                error_set(err, EBADMSG, "%.*s is negative", shown, text);
        else if (!(*ret <= 0x1p62))
                error_set(err, EBADMSG, "%.*s is too large", shown, text);
        else
                return true;
        return false;
}

bool trace_seconds(const char *text, size_t size, double *ret, struct error *err)
{
        if (!trace_number(text, size, 1, ret, err))
                return false;
        if (*ret <= SECONDS_MOST)
                return true;
        error_set(err, EBADMSG, "%.*s seconds are too many", size > QUOTED_MOST ? QUOTED_MOST : (int)size, text);
        return false;
}

bool trace_word(const char *line, size_t size, size_t *at, const char **ret, size_t *ret_size)
{
        size_t from = *at;

        while (from < size && (line[from] == ' ' || line[from] == '\t'))
                from++;
        *at = from;
        while (*at < size && line[*at] != ' ' && line[*at] != '\t')
                ++*at;
        *ret = line + from;
        *ret_size = *at - from;
        return *ret_size > 0;
}
