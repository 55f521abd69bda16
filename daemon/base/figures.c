/* Figures and times as text. Digits are put together from whole numbers, so that no locale can change the point. */
#include "base/figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define KIB 1024.0

static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

const char *figure_unknown(bool utf8)
{
        return utf8 ? "–" : "-";
}

/* 0 <= value < 999.5, as three figures; less than 1 only between 999.5 and 1024 of the unit below ("0.976 MiB"). */
static void three_figures(double value, char ret[static FIGURE_SIZE])
{
        int decimals = value < 0.9995 ? 3 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
        static const int powers[] = { 1, 10, 100, 1000 };
        int scaled = (int)lround(value * powers[decimals]);

        if (decimals)
                snprintf(ret, FIGURE_SIZE, "%d.%0*d", scaled / powers[decimals], decimals, scaled % powers[decimals]);
        else
                snprintf(ret, FIGURE_SIZE, "%d", scaled);
}

static void size_text(double bytes, char ret[static FIGURE_SIZE])
{
        static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = bytes / KIB;
        size_t unit = 0, used;

        if (bytes < 10 * KIB) {
                snprintf(ret, FIGURE_SIZE, "%d B", (int)bytes);
                return;
        }
        while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
                value /= KIB;
                unit++;
        }
        three_figures(value, ret);
        used = strlen(ret);
        snprintf(ret + used, FIGURE_SIZE - used, " %s", units[unit]);
}

void figure_bytes(int64_t bytes, bool utf8, char ret[static FIGURE_SIZE])
{
        if (bytes < 0)
                snprintf(ret, FIGURE_SIZE, "%s", figure_unknown(utf8));
        else
                size_text((double)bytes, ret);
}

void figure_growth(bool known, double bytes_per_hour, bool utf8, char ret[static FIGURE_SIZE])
{
        const char *minus = utf8 ? "\u2212" : "-";
        double size = fabs(bytes_per_hour);
        char text[FIGURE_SIZE];

        if (!known || !isfinite(bytes_per_hour)) {
                snprintf(ret, FIGURE_SIZE, "%s", figure_unknown(utf8));
                return;
        }
        if (size < 0.1 * KIB * KIB) {
                snprintf(ret, FIGURE_SIZE, "steady");
                return;
        }
        size_text(fmin(size, (double)INT64_MAX), text);
        snprintf(ret, FIGURE_SIZE, "%s%.40s/h", bytes_per_hour < 0 ? minus : "+", text);
}

void figure_count(int64_t count, bool utf8, char ret[static FIGURE_SIZE])
{
        const char *space = utf8 ? "\u202f" : " ";
        char digits[24];
        size_t n, used = 0;

        if (count < 0) {
                snprintf(ret, FIGURE_SIZE, "%s", figure_unknown(utf8));
                return;
        }
        n = (size_t)snprintf(digits, sizeof digits, "%" PRId64, count);
        for (size_t i = 0; i < n; i++) {
                if (i && (n - i) % 3 == 0)
                        used += (size_t)snprintf(ret + used, FIGURE_SIZE - used, "%s", space);
                ret[used++] = digits[i];
        }
        ret[used] = '\0';
}

static void two_units(int64_t large, const char *large_unit, int64_t small, const char *small_unit,
                      char ret[static FIGURE_SIZE])
{
        if (small)
                snprintf(ret, FIGURE_SIZE, "%" PRId64 " %s %" PRId64 " %s", large, large_unit, small, small_unit);
        else
                snprintf(ret, FIGURE_SIZE, "%" PRId64 " %s", large, large_unit);
}

void figure_age(int64_t span_ms, bool utf8, char ret[static FIGURE_SIZE])
{
        int64_t seconds = span_ms / 1000, minutes = seconds / 60, hours = minutes / 60;

        if (span_ms < 0)
                snprintf(ret, FIGURE_SIZE, "%s", figure_unknown(utf8));
        else if (seconds < 60)
                two_units(seconds, "s", 0, "", ret);
        else if (minutes < 60)
                two_units(minutes, "min", 0, "", ret);
        else if (hours < 24)
                two_units(hours, "h", minutes % 60, "min", ret);
        else
                two_units(hours / 24, "d", hours % 24, "h", ret);
}

void figure_seconds(double seconds, bool utf8, char ret[static FIGURE_SIZE])
{
        size_t used;

        if (!isfinite(seconds) || seconds < 0) {
                snprintf(ret, FIGURE_SIZE, "%s", figure_unknown(utf8));
                return;
        }
        if (seconds >= 59.95) {
                figure_age((int64_t)fmin(seconds * 1000 + 50, 1e15), utf8, ret);
                return;
        }
        if (seconds < 0.995)
                snprintf(ret, FIGURE_SIZE, "0.%02d", (int)lround(seconds * 100));
        else
                three_figures(fmax(seconds, 1), ret);
        used = strlen(ret);
        snprintf(ret + used, FIGURE_SIZE - used, " s");
}

static bool local_time(int64_t at_ms, struct tm *ret)
{
        time_t at = (time_t)(at_ms / 1000);

        return localtime_r(&at, ret) != NULL;
}

void figure_time(int64_t at_ms, int64_t now_ms, bool utf8, char ret[static FIGURE_SIZE])
{
        struct tm at, now;

        if (at_ms < 0 || !local_time(at_ms, &at) || !local_time(now_ms, &now))
                snprintf(ret, FIGURE_SIZE, "%s", figure_unknown(utf8));
        else if (at.tm_year == now.tm_year && at.tm_yday == now.tm_yday)
                snprintf(ret, FIGURE_SIZE, "%02d:%02d", at.tm_hour, at.tm_min);
        else if (at_ms < now_ms && now_ms - at_ms < 6 * INT64_C(86400000))
                snprintf(ret, FIGURE_SIZE, "%s %02d:%02d", days[at.tm_wday], at.tm_hour, at.tm_min);
        else if (at.tm_year == now.tm_year)
                snprintf(ret, FIGURE_SIZE, "%d %s %02d:%02d", at.tm_mday, months[at.tm_mon], at.tm_hour, at.tm_min);
        else
                snprintf(ret, FIGURE_SIZE, "%d %s %d", at.tm_mday, months[at.tm_mon], at.tm_year + 1900);
}

void figure_forecast(int64_t at_ms, int64_t now_ms, bool with_time, bool utf8, char ret[static FIGURE_SIZE])
{
        static const struct {
                int64_t below_min, unit_min;
                const char *unit;
        } steps[] = { { 60, 1, "min" }, { 48 * 60, 60, "h" }, { 7 * 1440, 1440, "d" } };
        int64_t minutes = at_ms <= now_ms ? 0 : (at_ms - now_ms) / 60000;
        char when[FIGURE_SIZE];
        size_t used;

        if (at_ms < 0 || minutes > 31 * 1440)
                snprintf(ret, FIGURE_SIZE, "%s", figure_unknown(utf8));
        else if (minutes == 0)
                snprintf(ret, FIGURE_SIZE, "about now");
        else
                snprintf(ret, FIGURE_SIZE, "in weeks");
        if (at_ms < 0 || minutes == 0 || minutes >= 7 * 1440)
                return;
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
                if (minutes < steps[i].below_min) {
                        snprintf(ret, FIGURE_SIZE, "in about %" PRId64 " %s",
                                 (minutes + steps[i].unit_min / 2) / steps[i].unit_min, steps[i].unit);
                        break;
                }
        used = strlen(ret);
        figure_time(at_ms, now_ms, utf8, when);
        if (with_time)
                snprintf(ret + used, FIGURE_SIZE - used, " (at %.20s)", when);
}

void figure_day(int64_t at_ms, char ret[static FIGURE_SIZE])
{
        struct tm at;

        if (local_time(at_ms, &at))
                snprintf(ret, FIGURE_SIZE, "%d %s", at.tm_mday, months[at.tm_mon]);
        else
                *ret = '\0';
}
