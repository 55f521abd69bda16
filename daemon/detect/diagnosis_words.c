/* Words of a diagnosis: figures, times, and names that came from a watched process. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/figures.h"
#include "base/text.h"
#include "detect/diagnosis_private.h"

struct word word_bytes(int64_t bytes)
{
        struct word w;
        char figure[FIGURE_SIZE];

        figure_bytes(bytes, true, figure);
        snprintf(w.text, sizeof w.text, "%s", figure);
        return w;
}

struct word word_rate(double bytes_per_hour)
{
        bool known = isfinite(bytes_per_hour) && fabs(bytes_per_hour) < 9e18;
        struct word w = word_bytes(known ? (int64_t)fabs(bytes_per_hour) : -1);

        strcat(w.text, " an hour");
        return w;
}

struct word word_span(int64_t ms)
{
        struct word w;
        char figure[FIGURE_SIZE];

        figure_age(ms, true, figure);
        if (ms >= 0 && ms < 1000) /* at 100 ms a tick */
                snprintf(w.text, sizeof w.text, "%" PRId64 " ms", ms);
        else
                snprintf(w.text, sizeof w.text, "%s", figure);
        return w;
}

struct word word_count(int64_t count)
{
        struct word w;
        char figure[FIGURE_SIZE];

        figure_count(count, true, figure);
        snprintf(w.text, sizeof w.text, "%s", figure);
        return w;
}

struct word word_percent(int64_t part, int64_t whole)
{
        double share = whole > 0 ? (double)part / (double)whole * 100 : 0;
        struct word w;

        snprintf(w.text, sizeof w.text, "%.0f %%", share < 0 ? 0 : share > 100 ? 100 : share);
        return w;
}

struct word word_time(int64_t at_ms, int64_t now_ms)
{
        static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        time_t at_s = (time_t)(at_ms / 1000), now_s = (time_t)(now_ms / 1000);
        struct word w = {};
        struct tm at, now;

        if (at_ms < 0 || !gmtime_r(&at_s, &at) || !gmtime_r(&now_s, &now))
                snprintf(w.text, sizeof w.text, "%s", figure_unknown(true));
        else if (at.tm_year == now.tm_year && at.tm_yday == now.tm_yday)
                snprintf(w.text, sizeof w.text, "%02d:%02d UTC", at.tm_hour, at.tm_min);
        else if (at.tm_year == now.tm_year)
                snprintf(w.text, sizeof w.text, "%d %s %02d:%02d UTC", at.tm_mday, months[at.tm_mon], at.tm_hour,
                         at.tm_min);
        else
                snprintf(w.text, sizeof w.text, "%d %s %d %02d:%02d UTC", at.tm_mday, months[at.tm_mon],
                         at.tm_year + 1900, at.tm_hour, at.tm_min);
        return w;
}

/* Line and paragraph separators, and what turns the direction of the text around it. */
static bool misleads(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
               (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

static void add_name(struct word *w, const char *text)
{
        size_t used = strlen(w->text), size = text ? strlen(text) : 0, at = 0;

        for (int n = 0; at < size && n < NAME_MOST; n++) {
                uint32_t c = text_next(text, size, &at);

                if (n == NAME_MOST - 1 && at < size)
                        c = 0x2026; /* … */
                used += text_put(misleads(c) ? 0xfffd : c, w->text + used);
        }
        w->text[used] = '\0';
}

struct word word_name(const char *text)
{
        struct word w = {};

        add_name(&w, text);
        return w;
}

struct word word_quoted(const char *text)
{
        struct word w = { "\"" };

        add_name(&w, text);
        strcat(w.text, "\"");
        return w;
}

struct word word_subject(const struct circumstances *c)
{
        struct word w = word_name(c->app_name);
        size_t used = strlen(w.text);

        /* An app is named after its program only where nothing tells what that runs. */
        if (!used)
                strcpy(w.text, "A process");
        else if (c->process_name && !c->framework && c->pid > 0 && strcmp(c->app_name, c->process_name) == 0)
                snprintf(w.text + used, sizeof w.text - used, " (%d)", c->pid);
        return w;
}

struct word word_limit(const struct headroom *h)
{
        const char *slash = strrchr(h->place, '/');
        struct word w = {}, place;

        if (h->kind == LIMIT_MACHINE) {
                strcpy(w.text, "the machine's memory");
                return w;
        }
        place = word_name(slash && slash[1] ? slash + 1 : h->place);
        if ((h->kind == LIMIT_CGROUP_MAX || h->kind == LIMIT_CGROUP_HIGH) && *place.text &&
            strcmp(place.text, "/") != 0)
                snprintf(w.text, sizeof w.text, "%s of %.*s", limit_kind_name(h->kind), (int)(sizeof w.text - 32),
                         place.text);
        else
                snprintf(w.text, sizeof w.text, "%s", limit_kind_name(h->kind));
        return w;
}
