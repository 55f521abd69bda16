/* The logs of psrecord: a table of words parted by blanks, its head a comment whose titles stand in fields of 12
 * characters. "Real (MB)" is RSS in MiB. */
#include <errno.h>
#include <string.h>

#include "client/trace_text.h"

enum { MARGIN = 2, FIELD = 13 }; /* "# ", and each title with the blank behind it */

static int psrecord_head(const char *line, size_t size, struct trace_text *ret, struct error *err)
{
        const char *real;

        *ret = (struct trace_text){};
        if (size < MARGIN || line[0] != '#' || !memmem(line, size, "Elapsed time", strlen("Elapsed time")))
                return 0;
        real = memmem(line, size, "Real (MB)", strlen("Real (MB)"));
        if (!real)
                return error_set(err, EBADMSG, "the head of this psrecord log names no Real (MB)");
        ret->bytes_column = (unsigned)((real - line - MARGIN) / FIELD);
        if (ret->bytes_column == 0)
                return error_set(err, EBADMSG, "the head of this psrecord log has its titles elsewhere");
        return 1;
}

static int psrecord_read(struct trace_text *t, const char *line, size_t size, struct trace_figures *ret,
                         struct error *err)
{
        const char *word, *time, *bytes = NULL;
        size_t at = 0, word_size, time_size, bytes_size = 0;
        double value;

        if (!trace_word(line, size, &at, &time, &time_size) || *time == '#')
                return 0;
        for (unsigned column = 1; column <= t->bytes_column && trace_word(line, size, &at, &word, &word_size); column++)
                if (column == t->bytes_column) {
                        bytes = word;
                        bytes_size = word_size;
                }
        if (!bytes)
                return error_set(err, EBADMSG, "it has no Real (MB)");
        if (!trace_seconds(time, time_size, &ret->seconds, err))
                return -EBADMSG;
        if (!trace_number(bytes, bytes_size, 1 << 20, &value, err))
                return -EBADMSG;
        /* A zombie's is 0: that is its end, no fall. */
        ret->bytes = value > 0 ? (int64_t)(value + 0.5) : -1;
        return 1;
}

const struct trace_format trace_psrecord = { .name = "psrecord", .head = psrecord_head, .read = psrecord_read };
