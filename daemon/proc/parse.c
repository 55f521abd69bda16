/* The kernel's texts below /proc/PID, taken apart. */
#include "proc/parse.h"

#include <stdlib.h>
#include <string.h>

/* The digits at *at, moved past them; false where there is none. Numbers beyond 64 bits wrap: the kernel writes none.
 */
static bool take_number(const char **at, const char *end, uint64_t *ret)
{
        const char *p = *at;
        uint64_t value = 0;

        for (; p < end && *p >= '0' && *p <= '9'; p++)
                value = value * 10 + (uint64_t)(*p - '0');
        *ret = value;
        if (p == *at)
                return false;
        *at = p;
        return true;
}

bool statm_parse(const char *text, size_t size, struct statm *ret)
{
        const char *p = text, *end = text + size;
        uint64_t *fields[] = { &ret->size, &ret->resident, &ret->shared, &ret->text };

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                if (i > 0 && (p == end || *p++ != ' '))
                        return false;
                if (!take_number(&p, end, fields[i]))
                        return false;
        }
        return true;
}

enum {
        STAT_STATE = 3,
        STAT_PPID = 4,
        STAT_FLAGS = 9,
        STAT_START_TICKS = 22,
        STAT_START_CODE = 26,
        STAT_START_STACK = 28,
        STAT_EXIT_CODE = 52,
};

static void stat_set(struct stat_line *s, int field, uint64_t value)
{
        switch (field) {
        case STAT_PPID:
                s->ppid = (int32_t)value;
                break;
        case STAT_FLAGS:
                s->flags = (uint32_t)value;
                break;
        case STAT_START_TICKS:
                s->start_ticks = value;
                break;
        case STAT_START_CODE:
                s->start_code = value;
                break;
        case STAT_START_STACK:
                s->start_stack = value;
                break;
        case STAT_EXIT_CODE:
                s->exit_code = (int)value;
                break;
        }
}

bool stat_parse(const char *text, size_t size, struct stat_line *ret)
{
        const char *open = memchr(text, '(', size), *close = memrchr(text, ')', size), *p, *end = text + size;
        struct stat_line s = {};
        size_t comm_size;
        int field = STAT_PPID;

        if (!open || !close || close < open || end - close < 4 || close[1] != ' ' || close[3] != ' ')
                return false;
        comm_size = (size_t)(close - open - 1);
        if (comm_size >= sizeof s.comm)
                return false;
        memcpy(s.comm, open + 1, comm_size);
        s.state = close[2];
        for (p = close + 4; p < end && *p != '\n'; field++) {
                bool negative = *p == '-';
                uint64_t value;

                p += negative;
                if (!take_number(&p, end, &value))
                        return false;
                stat_set(&s, field, negative ? -value : value);
                if (p < end && *p == ' ')
                        p++;
        }
        *ret = s;
        return field > STAT_START_STACK;
}

/* Behind the key at the start of a line and its separator. */
static int64_t number_behind(const char *text, const char *key, char separator)
{
        size_t size = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, size) == 0 && line[size] == separator) {
                        const char *p = line + size + 1 + strspn(line + size + 1, " \t");
                        uint64_t value;

                        if (!take_number(&p, p + strlen(p), &value) || value > INT64_MAX)
                                return -1;
                        return (int64_t)value;
                }
        }
        return -1;
}

int64_t field_parse(const char *text, const char *key)
{
        return number_behind(text, key, ':');
}

int64_t keyed_parse(const char *text, const char *key)
{
        return number_behind(text, key, ' ');
}

int64_t field_parse_kib(const char *text, const char *key)
{
        int64_t value = field_parse(text, key);

        return value < 0 || value > INT64_MAX / 1024 ? -1 : value * 1024;
}

int64_t limit_parse(const char *text, const char *name)
{
        const char *line = strstr(text, name);
        uint64_t value;

        if (!line)
                return -1;
        line += strlen(name);
        line += strspn(line, " ");
        if (!take_number(&line, line + strlen(line), &value) || value >= UINT64_C(1) << 62)
                return -1;
        return (int64_t)value;
}

bool loadavg_parse(const char *text, int64_t *ret_threads, int32_t *ret_newest)
{
        const char *slash = strchr(text, '/'), *end = text + strlen(text);
        uint64_t threads, newest;

        if (!slash)
                return false;
        slash++;
        if (!take_number(&slash, end, &threads) || *slash++ != ' ' || !take_number(&slash, end, &newest) ||
            newest > INT32_MAX)
                return false;
        *ret_threads = (int64_t)threads;
        *ret_newest = (int32_t)newest;
        return true;
}
