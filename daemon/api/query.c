/* The parameters of a request. */
#include "api/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_utf8(const char *text)
{
        size_t size = strlen(text), at = 0;

        while (at < size) {
                size_t before = at;

                /* U+FFFD itself is three bytes; a broken byte gives it too, but takes one. */
                if (text_next(text, size, &at) == 0xfffd && at - before != 3)
                        return false;
        }
        return true;
}

bool percent_decode(char *text, bool plus_is_space)
{
        char *to = text;

        for (const char *p = text; *p; p++, to++) {
                *to = *p == '+' && plus_is_space ? ' ' : *p;
                if (*p == '%') {
                        int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);

                        if (low < 0 || (high == 0 && low == 0))
                                return false;
                        *to = (char)(high << 4 | low);
                        p += 2;
                }
        }
        *to = '\0';
        return is_utf8(text);
}

static bool refuse(struct query_problem *bad, const struct parameter *p, const char *value)
{
        bad->allowed = p->allowed;
        snprintf(bad->parameter, sizeof bad->parameter, "%s", p->name);
        snprintf(bad->detail, sizeof bad->detail, "%s is \"%.100s\"; allowed: %s", p->name, value, p->allowed);
        return false;
}

static const struct choice *find_choice(const struct choice *choices, const char *word)
{
        for (const struct choice *c = choices; c->word; c++)
                if (strcmp(c->word, word) == 0)
                        return c;
        return NULL;
}

static bool parse_choice(const struct parameter *p, const char *value, struct query *ret)
{
        const struct choice *c = find_choice(p->choices, value + (p->kind == PARAMETER_SORT && *value == '-'));

        if (!c)
                return false;
        *(int *)((char *)ret + p->field) = c->value;
        if (p->kind == PARAMETER_SORT)
                ret->descending = *value == '-';
        return true;
}

static bool parse_number(const struct parameter *p, const char *value, int64_t *ret)
{
        size_t digits = strspn(value, "0123456789");

        if (digits == 0 || digits > 9 || value[digits] || *value == '0')
                return false;
        *ret = strtoll(value, NULL, 10);
        return *ret <= p->maximum;
}

/* "-2h": that long before now. A '+' of an offset that nobody escaped has become a space. */
static bool parse_time(char *value, int64_t now_ms, int64_t *ret)
{
        int64_t ago;
        char *space;

        if (*value == '-') {
                if (duration_parse(value + 1, &ago, NULL) < 0)
                        return false;
                *ret = now_ms - ago;
                return true;
        }
        space = strrchr(value, ' ');
        if (space && space - value >= 19)
                *space = '+';
        return time_parse(value, ret, NULL) == 0;
}

static bool parse_duration(const char *value, int64_t maximum, int64_t *ret)
{
        return duration_parse(value, ret, NULL) == 0 && *ret > 0 && *ret <= maximum;
}

static bool parse_value(const struct parameter *p, char *value, struct query *ret)
{
        void *field = (char *)ret + p->field;

        switch (p->kind) {
        case PARAMETER_CHOICE:
        case PARAMETER_SORT:
                return parse_choice(p, value, ret);
        case PARAMETER_NUMBER:
                return parse_number(p, value, field);
        case PARAMETER_TIME:
                return parse_time(value, ret->now_ms, field);
        case PARAMETER_DURATION:
                return parse_duration(value, p->maximum, field);
        case PARAMETER_TEXT:
                *(const char **)field = value;
                return true;
        }
        return false;
}

static void fill_defaults(const struct parameter *parameters, struct query *ret)
{
        *ret = (struct query){ .now_ms = ret->now_ms, .since_ms = INT64_MIN, .until_ms = INT64_MAX };
        for (const struct parameter *p = parameters; p->name; p++) {
                void *field = (char *)ret + p->field;

                if (p->kind == PARAMETER_NUMBER)
                        *(int64_t *)field = p->initial;
                else if (p->kind == PARAMETER_CHOICE || p->kind == PARAMETER_SORT)
                        *(int *)field = (int)p->initial;
                if (p->kind == PARAMETER_SORT)
                        ret->descending = p->descending;
        }
}

static bool refuse_unknown(struct query_problem *bad, const struct parameter *parameters, const char *name)
{
        size_t used = 0;

        for (const struct parameter *p = parameters; p->name && used < sizeof bad->names; p++)
                used += (size_t)snprintf(bad->names + used, sizeof bad->names - used, used ? ", %s" : "%s", p->name);
        bad->allowed = used ? bad->names : "no parameter";
        snprintf(bad->parameter, sizeof bad->parameter, "%.60s", name);
        snprintf(bad->detail, sizeof bad->detail, "\"%.60s\" is not a parameter here; allowed: %s", name, bad->allowed);
        return false;
}

static bool parse_pair(char *pair, const struct parameter *parameters, uint32_t *given, struct query *ret,
                       struct query_problem *bad)
{
        char *value = strchr(pair, '=');
        const struct parameter *p = parameters;

        if (value)
                *value++ = '\0';
        if (!percent_decode(pair, true))
                return refuse_unknown(bad, parameters, pair);
        while (p->name && strcmp(p->name, pair) != 0)
                p++;
        if (!p->name)
                return refuse_unknown(bad, parameters, pair);
        if (*given & 1u << (p - parameters)) {
                refuse(bad, p, value ? value : "");
                snprintf(bad->detail, sizeof bad->detail, "%s is given twice", p->name);
                return false;
        }
        *given |= 1u << (p - parameters);
        if (!value || !percent_decode(value, true) || !parse_value(p, value, ret))
                return refuse(bad, p, value ? value : "");
        return true;
}

bool query_parse(char *text, const struct parameter *parameters, struct query *ret, struct query_problem *bad)
{
        uint32_t given = 0;

        fill_defaults(parameters, ret);
        for (char *pair = text, *next; pair; pair = next) {
                next = strchr(pair, '&');
                if (next)
                        *next++ = '\0';
                if (*pair && !parse_pair(pair, parameters, &given, ret, bad))
                        return false;
        }
        return true;
}
