/* Durations, sizes and times as people write them. */
#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
        const char *name;
        int64_t times;
};

/* From the largest down: formatting takes the first that divides. */
static const struct unit durations[] = {
        { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, {},
};
static const struct unit sizes[] = {
        { "TiB", INT64_C(1) << 40 }, { "GiB", 1 << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "B", 1 }, {},
};

static const int64_t last_ms = INT64_C(253402300799999); /* 9999-12-31T23:59:59.999Z */

static bool parse_with_unit(const char *text, const struct unit *units, int64_t *ret)
{
        const char *p = text;
        int64_t value = 0;

        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
                        return false;
        if (p == text)
                return false;
        for (; units->name; units++)
                if (strcmp(p, units->name) == 0)
                        return !__builtin_mul_overflow(value, units->times, ret);
        return false;
}

int duration_parse(const char *text, int64_t *ret_ms, struct error *err)
{
        if (!parse_with_unit(text, durations, ret_ms))
                return error_set(err, EINVAL,
                                 "a duration is a whole number with ms, s, m, h or d behind it, such as "
                                 "100ms, 5s, 10m, 2h or 30d");
        return 0;
}

int size_parse(const char *text, int64_t *ret_bytes, struct error *err)
{
        if (!parse_with_unit(text, sizes, ret_bytes))
                return error_set(err, EINVAL,
                                 "a size is a whole number with B, KiB, MiB, GiB or TiB behind it, such as "
                                 "512KiB, 64MiB or 2GiB");
        return 0;
}

static void format_with_unit(int64_t value, const struct unit *units, char ret[static UNITS_SIZE])
{
        while (units[1].name && (value == 0 || value % units->times != 0))
                units++;
        snprintf(ret, UNITS_SIZE, "%" PRId64 "%s", value / units->times, units->name);
}

void duration_format(int64_t ms, char ret[static UNITS_SIZE])
{
        format_with_unit(ms, durations, ret);
}

void size_format(int64_t bytes, char ret[static UNITS_SIZE])
{
        format_with_unit(bytes, sizes, ret);
}

static bool is_leap(int64_t year)
{
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int64_t year, int64_t month)
{
        static const char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01. A year is counted from March, so that the leap day is its last: then the days before a month
 * are (153 * month + 2) / 5. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
        int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;

        return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static void date_from_days(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
        int64_t z = days + 719468, era = z / 146097, day_of_era = z % 146097;
        int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        int64_t m = (5 * day_of_year + 2) / 153;

        *ret_day = day_of_year - (153 * m + 2) / 5 + 1;
        *ret_month = m < 10 ? m + 3 : m - 9;
        *ret_year = era * 400 + year_of_era + (*ret_month <= 2);
}

/* The digits at *p, of a fixed number. False where there are fewer, or the value is out of range. */
static bool take_digits(const char **p, int count, int64_t lowest, int64_t highest, int64_t *ret)
{
        int64_t value = 0;

        for (int i = 0; i < count; i++, (*p)++) {
                if (**p < '0' || **p > '9')
                        return false;
                value = value * 10 + (**p - '0');
        }
        *ret = value;
        return value >= lowest && value <= highest;
}

static bool take_char(const char **p, char c, char or_else)
{
        if (**p != c && **p != or_else)
                return false;
        (*p)++;
        return true;
}

/* ".5", ".123456": milliseconds, the rest dropped. Nothing there is 0. */
static bool take_fraction(const char **p, int64_t *ret_ms)
{
        int64_t ms = 0, weight = 100;
        const char *first;

        *ret_ms = 0;
        if (**p != '.')
                return true;
        for (first = ++*p; **p >= '0' && **p <= '9'; (*p)++, weight /= 10)
                ms += (**p - '0') * weight;
        *ret_ms = ms;
        return *p > first;
}

static bool take_offset(const char **p, int64_t *ret_minutes)
{
        int64_t hours, minutes, sign;

        *ret_minutes = 0;
        if (take_char(p, 'Z', 'z'))
                return true;
        sign = **p == '-' ? -1 : 1;
        if (!take_char(p, '+', '-') || !take_digits(p, 2, 0, 23, &hours) || !take_char(p, ':', ':') ||
            !take_digits(p, 2, 0, 59, &minutes))
                return false;
        *ret_minutes = sign * (hours * 60 + minutes);
        return true;
}

static bool parse_time(const char *p, int64_t *ret_ms)
{
        int64_t year, month, day, hour, minute, second, ms, offset, minutes;

        if (!take_digits(&p, 4, 0, 9999, &year) || !take_char(&p, '-', '-') || !take_digits(&p, 2, 1, 12, &month) ||
            !take_char(&p, '-', '-') || !take_digits(&p, 2, 1, month_days(year, month), &day) ||
            !take_char(&p, 'T', 't') || !take_digits(&p, 2, 0, 23, &hour) || !take_char(&p, ':', ':') ||
            !take_digits(&p, 2, 0, 59, &minute) || !take_char(&p, ':', ':') || !take_digits(&p, 2, 0, 60, &second) ||
            !take_fraction(&p, &ms) || !take_offset(&p, &offset) || *p != '\0')
                return false;
        if (year < 1969)
                return false;
        minutes = days_from_date(year, month, day) * 1440 + hour * 60 + minute - offset;
        /* A leap second ends a day in UTC, so only there can it be meant. */
        if (second == 60 && (minutes + 1) % 1440 != 0)
                return false;
        *ret_ms = (minutes * 60 + second) * 1000 + ms;
        return *ret_ms >= 0 && *ret_ms <= last_ms;
}

int time_parse(const char *text, int64_t *ret_ms, struct error *err)
{
        int64_t ms;

        if (!parse_time(text, &ms))
                return error_set(err, EINVAL, "a time is RFC 3339 in the years 1970 to 9999, such as "
                                              "2026-11-22T15:00:00.123Z or 2026-11-22T16:00:00+01:00");
        *ret_ms = ms;
        return 0;
}

static char *put_digits(char *p, int64_t value, int count)
{
        for (int i = count - 1; i >= 0; i--, value /= 10)
                p[i] = (char)('0' + value % 10);
        return p + count;
}

/* By hand: an answer of 10,000 samples has as many times; gmtime_r() and snprintf() take 270 ns for one, this 34. */
void time_format(int64_t ms, char ret[static UNITS_SIZE])
{
        int64_t kept = ms < 0 ? 0 : ms > last_ms ? last_ms : ms, of_day = kept % 86400000, year, month, day;
        char *p = ret;

        date_from_days(kept / 86400000, &year, &month, &day);
        p = put_digits(p, year, 4);
        *p++ = '-';
        p = put_digits(p, month, 2);
        *p++ = '-';
        p = put_digits(p, day, 2);
        *p++ = 'T';
        p = put_digits(p, of_day / 3600000, 2);
        *p++ = ':';
        p = put_digits(p, of_day / 60000 % 60, 2);
        *p++ = ':';
        p = put_digits(p, of_day / 1000 % 60, 2);
        *p++ = '.';
        p = put_digits(p, of_day % 1000, 3);
        *p++ = 'Z';
        *p = '\0';
}
