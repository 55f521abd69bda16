/* Figures and times as memtide shows them everywhere: three significant figures, binary units, the sign of growth, two
 * units of age. utf8 false: ASCII alone. What is not known is a dash, never 0 and never blank. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FIGURE_SIZE 48 /* room for any figure here, its NUL counted */

/* "–" */
const char *figure_unknown(bool utf8);

/* "9216 B" below 10 KiB, then "842 KiB", "73.4 MiB", "1.02 GiB"; negative: not known. */
void figure_bytes(int64_t bytes, bool utf8, char ret[static FIGURE_SIZE]);

/* "+10.5 MiB/h", "−3.2 MiB/h", "steady" below 0.1 MiB an hour; not known, NaN or infinite: a dash. */
void figure_growth(bool known, double bytes_per_hour, bool utf8, char ret[static FIGURE_SIZE]);

/* "52 000" with narrow spaces; negative: not known. */
void figure_count(int64_t count, bool utf8, char ret[static FIGURE_SIZE]);

/* "12 s", "4 min", "3 h 20 min", "6 d 4 h", rounded down; negative: not known. */
void figure_age(int64_t span_ms, bool utf8, char ret[static FIGURE_SIZE]);

/* CPU time, which needs more than an age at its small end: "0.04 s", "12.4 s", from a minute on like an age. */
void figure_seconds(double seconds, bool utf8, char ret[static FIGURE_SIZE]);

/* Local time: "14:02" today, "Sat 14:02" in the six days before, "3 Nov 14:02", "3 Nov 2025" in another year.
 * Negative: not known. The time zone is the C library's, so call tzset() first. */
void figure_time(int64_t at_ms, int64_t now_ms, bool utf8, char ret[static FIGURE_SIZE]);

/* When something will be, without claiming more than is known: "in about 3 h (at 17:20)", without the time unless
 * with_time; "in weeks" beyond a week, a dash beyond a month or where it is not known; "about now" once it is due. */
void figure_forecast(int64_t at_ms, int64_t now_ms, bool with_time, bool utf8, char ret[static FIGURE_SIZE]);

/* "22 Nov" */
void figure_day(int64_t at_ms, char ret[static FIGURE_SIZE]);
