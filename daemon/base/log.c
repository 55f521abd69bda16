/* The log. */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* The exception that style allows: where the log goes is the process's, not a caller's. */
static const char *log_name = "memtide";
static bool log_to_journal;

void log_init(const char *name)
{
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t dev, ino;
        struct stat st;

        log_name = name;
        log_to_journal = stream && sscanf(stream, "%ju:%ju", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
                         st.st_dev == dev && st.st_ino == ino;
}

bool log_is_journal(void)
{
        return log_to_journal;
}

void log_write(int priority, const char *format, ...)
{
        char raw[2048], clean[sizeof raw], line[sizeof raw + 64];
        va_list args;
        int size;

        va_start(args, format);
        vsnprintf(raw, sizeof raw, format, args);
        va_end(args);
        text_clean(raw, strlen(raw), clean, sizeof clean);
        if (log_to_journal)
                size = snprintf(line, sizeof line, "<%d>%s\n", priority, clean);
        else
                size = snprintf(line, sizeof line, "%s: %s\n", log_name, clean);
        /* One write, so that the roles' lines never mix. A log that can't be written is nobody's business. */
        if (write(STDERR_FILENO, line, (size_t)size) < 0)
                return;
}
