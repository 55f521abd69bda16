/* Round figures for the axes. */
#include "render/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Steps that read well in their unit: 1, 2 and 5 times powers of ten, the smallest that needs few enough intervals. */
static void choose_step(double low, double high, struct memory_axis *ret)
{
        static const int leads[] = { 1, 2, 5 };
        double unit = pow(1024, ret->unit);

        for (int exponent = -4; exponent < 5; exponent++)
                for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
                        double step = leads[i] * pow(10, exponent) * unit, bottom, top;

                        /* Part of a byte is no step. */
                        if (step < 1)
                                continue;
                        bottom = floor(low / step + 1e-9);
                        top = ceil(high / step - 1e-9);
                        if (top - bottom > AXIS_INTERVALS_MOST)
                                continue;
                        ret->step = step;
                        ret->lowest = bottom * step;
                        ret->intervals = top > bottom ? (int)(top - bottom) : 1;
                        ret->decimals = exponent < 0 ? -exponent : 0;
                        return;
                }
}

void memory_axis_choose(double least, double most, struct memory_axis *ret)
{
        double low = 0, high = fmin(fmax(most, 4096), 0x1p62), range = most - least;

        *ret = (struct memory_axis){ .step = high, .intervals = 1 };
        /* A range below 2 % of the value still looks flat: the window is never less than three times that. A value that
         * never moved is flat from 0 as well. */
        if (range > 0 && range < high / 3) {
                double window = fmax(range * 1.1, high * 0.06);

                low = fmax(0, (least + most) / 2 - window / 2);
                high = low + window;
        }
        while (high / pow(1024, ret->unit) >= 1024 && ret->unit < 6)
                ret->unit++;
        choose_step(low, high, ret);
}

void memory_axis_label(const struct memory_axis *axis, int i, char ret[static FIGURE_SIZE])
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = (axis->lowest + i * axis->step) / pow(1024, axis->unit), whole, part;
        double power = pow(10, axis->decimals);
        char digits[24] = "";

        if (axis->lowest == 0 && i == 0) {
                snprintf(ret, FIGURE_SIZE, "0");
                return;
        }
        part = modf(round(value * power) / power + 0.5 / power / 10, &whole);
        if (axis->decimals)
                snprintf(digits, sizeof digits, ".%0*lld", axis->decimals, (long long)(part * power));
        snprintf(ret, FIGURE_SIZE, "%s%lld%s %s", i == 0 ? "from " : "", (long long)whole, digits, units[axis->unit]);
}

/* Seconds east of Greenwich at that time. */
static int64_t zone_offset(int64_t at_s)
{
        time_t at = (time_t)at_s;
        struct tm local;

        return localtime_r(&at, &local) ? local.tm_gmtoff : 0;
}

static int64_t round_up(int64_t at_s, int64_t offset_s, int64_t step_s)
{
        int64_t over = (at_s + offset_s) % step_s;

        return over > 0 ? at_s + step_s - over : at_s - over;
}

/* The first time at or after at_s whose local clock shows a multiple of the step. Where the clocks change in between,
 * it is the same reading of the new clock. */
static int64_t next_round(int64_t at_s, int64_t step_s)
{
        int64_t before = zone_offset(at_s), found = round_up(at_s, before, step_s);
        int64_t after = zone_offset(found), moved = found - (after - before);

        if (after == before)
                return found;
        if (moved >= at_s && zone_offset(moved) == after)
                return moved;
        return round_up(found, after, step_s);
}

/* Columns that a label needs with room around it: 14:02:10, 14:02, 22 Nov. */
static int64_t label_columns(int64_t step_s)
{
        return step_s < 60 ? 12 : 9;
}

static int64_t choose_time_step(int64_t span_s, int64_t columns)
{
        static const int64_t steps[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 2 * 3600, 3 * 3600,
                                         6 * 3600, 12 * 3600 };
        int64_t days;

        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
                if (span_s / steps[i] * label_columns(steps[i]) <= columns)
                        return steps[i];
        days = span_s / 86400 * label_columns(86400) / (columns > 1 ? columns : 1) + 1;
        return days * 86400;
}

static void name_mark(int64_t at_s, int64_t step_s, int32_t *day, struct time_mark *ret)
{
        time_t at = (time_t)at_s;
        struct tm local;

        *ret = (struct time_mark){ .at_ms = at_s * 1000 };
        if (!localtime_r(&at, &local))
                return;
        if (step_s < 60)
                snprintf(ret->time, sizeof ret->time, "%02d:%02d:%02d", local.tm_hour % 100, local.tm_min % 100,
                         local.tm_sec % 100);
        else if (step_s < 86400)
                snprintf(ret->time, sizeof ret->time, "%02d:%02d", local.tm_hour % 100, local.tm_min % 100);
        if (local.tm_year * 400 + local.tm_yday != *day) {
                char name[FIGURE_SIZE];

                figure_day(at_s * 1000, name);
                snprintf(ret->day, sizeof ret->day, "%.11s", name);
        }
        *day = local.tm_year * 400 + local.tm_yday;
}

size_t time_axis_marks(int64_t since_ms, int64_t until_ms, int64_t now_ms, int columns,
                       struct time_mark ret[static AXIS_MARKS_MOST])
{
        int64_t since_s = since_ms / 1000 + (since_ms % 1000 > 0), until_s = until_ms / 1000, step_s;
        time_t now = (time_t)(now_ms / 1000);
        int32_t day = -1;
        struct tm today;
        size_t n = 0;

        /* Beyond some thousand years no calendar is asked. */
        if (until_s < since_s || since_ms < 0 || until_ms > INT64_C(1) << 48)
                return 0;
        if (localtime_r(&now, &today))
                day = today.tm_year * 400 + today.tm_yday;
        step_s = choose_time_step(until_s - since_s, columns);
        for (int64_t at = next_round(since_s, step_s); at <= until_s && n < AXIS_MARKS_MOST;
             at = next_round(at + 1, step_s))
                name_mark(at, step_s, &day, &ret[n++]);
        return n;
}
