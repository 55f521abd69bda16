/* Durations, sizes and times as people write them. No locale, no time zone of the machine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define UNITS_SIZE 32 /* room for any duration, size or time as text, its NUL counted */

/* "100ms", "5s", "10m", "2h", "30d": a whole number and its unit, nothing else. Returns 0, or -EINVAL with what is
 * allowed in *err, to be put behind the name and the value of what was asked for. */
int duration_parse(const char *text, int64_t *ret_ms, struct error *err);

/* "512B", "512KiB", "64MiB", "2GiB", "1TiB". As above. */
int size_parse(const char *text, int64_t *ret_bytes, struct error *err);

/* The shortest form that says exactly this: 90000 ms is "90s", 3600000 is "1h". Not negative. */
void duration_format(int64_t ms, char ret[static UNITS_SIZE]);
void size_format(int64_t bytes, char ret[static UNITS_SIZE]);

/* RFC 3339: "2026-11-22T15:00:00.123Z", "2026-11-22t16:00:00+01:00". Years 1970 to 9999 in UTC, any offset, digits
 * beyond milliseconds dropped; a leap second counts as the second after it and stands only where one can. Returns 0, or
 * -EINVAL with what is allowed in *err. */
int time_parse(const char *text, int64_t *ret_ms, struct error *err);

/* In UTC with milliseconds. Years before 1970 and beyond 9999 are written as the nearest time within. */
void time_format(int64_t ms, char ret[static UNITS_SIZE]);
