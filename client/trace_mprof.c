/* The recordings of mprof (memory_profiler): "MEM <MiB> <seconds since 1970>" a measurement, beside the command line
 * (CMDLINE), functions' times (FUNC) and children (CHLD), which are not the process's own. */
#include <errno.h>
#include <string.h>

#include "client/trace_text.h"

static bool begins(const char *line, size_t size, const char *word)
{
        size_t n = strlen(word);

        return size > n && line[n] == ' ' && memcmp(line, word, n) == 0;
}

static int mprof_head(const char *line, size_t size, struct trace_text *ret, struct error *err)
{
        (void)err;
        *ret = (struct trace_text){ .dates = true };
        return begins(line, size, "CMDLINE") || begins(line, size, "MEM") || begins(line, size, "FUNC");
}

static int read_measurement(const char *line, size_t size, struct trace_figures *ret, struct error *err)
{
        const char *mib, *seconds, *more;
        size_t at = strlen("MEM"), mib_size, seconds_size, more_size;
        double bytes;

        if (!trace_word(line, size, &at, &mib, &mib_size) || !trace_word(line, size, &at, &seconds, &seconds_size))
                return error_set(err, EBADMSG, "MEM needs a size and a time");
        if (trace_word(line, size, &at, &more, &more_size))
                return error_set(err, EBADMSG, "something stands behind the time");
        if (!trace_seconds(seconds, seconds_size, &ret->seconds, err))
                return -EBADMSG;
        ret->bytes = -1;
        /* mprof writes -1 where it could not read the size. */
        if (mib_size >= 2 && mib[0] == '-' && mib[1] == '1')
                return 1;
        if (!trace_number(mib, mib_size, 1 << 20, &bytes, err))
                return -EBADMSG;
        /* And 0 once the process is a zombie: that is its end, no fall. */
        if (bytes > 0)
                ret->bytes = (int64_t)(bytes + 0.5);
        return 1;
}

static int mprof_read(struct trace_text *t, const char *line, size_t size, struct trace_figures *ret,
                      struct error *err)
{
        if (begins(line, size, "MEM")) {
                t->started = true;
                return read_measurement(line, size, ret, err);
        }
        if (size == 0 || begins(line, size, "FUNC") || begins(line, size, "CHLD") || begins(line, size, "CMDLINE"))
                return 0;
        /* The command line may hold line ends. */
        if (!t->started)
                return 0;
        return error_set(err, EBADMSG, "a line of mprof begins with MEM, FUNC, CHLD or CMDLINE");
}

const struct trace_format trace_mprof = { .name = "mprof", .head = mprof_head, .head_holds_data = true,
                                          .read = mprof_read };
