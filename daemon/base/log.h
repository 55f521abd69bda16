/* The log: standard error, one line an event, with the journal's priority in front where standard error is
 * the journal. What is quoted is cleaned: no raw control byte ever reaches a terminal or the log. */
#pragma once

#include <stdbool.h>

/* Says whether standard error is the journal ($JOURNAL_STREAM); call once at start. name goes before each line
 * elsewhere ("memtided: …"). */
void log_init(const char *name);

/* Is standard error the journal? */
bool log_is_journal(void);

void log_write(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(3, __VA_ARGS__)
#define log_warning(...) log_write(4, __VA_ARGS__)
#define log_notice(...) log_write(5, __VA_ARGS__)
#define log_info(...) log_write(6, __VA_ARGS__)
