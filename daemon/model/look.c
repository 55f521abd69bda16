/* A look, and what it takes to keep one. */
#include "model/look.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void look_init(struct look *look)
{
        *look = (struct look){
                .cpu_us = -1,
                .complete = true,
                .tracked_objects = -1,
                .gc = LOOK_GC_UNKNOWN,
                .memory = LOOK_MEMORY_UNKNOWN,
                .cuts = LOOK_CUTS_UNKNOWN,
        };
        for (size_t i = 0; i < LOOK_PAST; i++)
                look->past[i] = (struct look_past){ -1, false, -1, LOOK_GC_UNKNOWN, LOOK_MEMORY_UNKNOWN };
}

void look_done(struct look *look)
{
        for (size_t i = 0; i < look->n_types; i++)
                free(look->types[i].name);
        for (size_t i = 0; i < look->n_containers; i++) {
                for (size_t k = 0; k < look->containers[i].n_aliases; k++)
                        free(look->containers[i].aliases[k]);
                free(look->containers[i].name);
                free(look->containers[i].type);
        }
        for (size_t i = 0; i < look->n_missing; i++) {
                free(look->missing[i].part);
                free(look->missing[i].reason);
        }
        for (size_t i = 0; i < look->n_libraries; i++)
                free(look->libraries[i]);
        free(look->types);
        free(look->containers);
        free(look->libraries);
        free(look->missing);
        look_init(look);
}

int look_miss(struct look *look, const char *part, const char *reason)
{
        struct look_missing *missing = realloc(look->missing, (look->n_missing + 1) * sizeof *missing);

        look->complete = false;
        if (!missing)
                return -ENOMEM;
        look->missing = missing;
        missing += look->n_missing;
        *missing = (struct look_missing){ strdup(part), strdup(reason) };
        if (missing->part && missing->reason) {
                look->n_missing++;
                return 0;
        }
        free(missing->part);
        free(missing->reason);
        return -ENOMEM;
}

const char *look_missing(const struct look *look, const char *part)
{
        for (size_t i = 0; i < look->n_missing; i++)
                if (strcmp(look->missing[i].part, part) == 0)
                        return look->missing[i].reason;
        return NULL;
}

bool look_is_own(const struct look_type *type)
{
        return strchr(type->name, '.');
}

bool look_is_unnamed(const char *name)
{
        /* "<shop.Service object #3fa2>.jobs" is an attribute: more follows */
        return *name == '<' && strstr(name, " #") && strchr(name, '>') && strchr(name, '>')[1] == '\0';
}

int look_since(const struct look *look, const int64_t past[static LOOK_PAST])
{
        for (size_t i = 0; i < look->n_past; i++)
                if (past[i] >= 0)
                        return (int)i;
        return -1;
}

static double rate(int64_t from, int64_t from_ms, int64_t to, int64_t to_ms)
{
        return to_ms > from_ms ? (double)(to - from) * 3600e3 / (double)(to_ms - from_ms) : NAN;
}

double look_rate(const struct look *look, const int64_t past[static LOOK_PAST], int64_t now)
{
        int since = look_since(look, past), last = -1;
        double grows, before;

        if (since < 0 || now < 0)
                return NAN;
        for (int i = since + 1; i < (int)look->n_past; i++)
                if (past[i] >= 0)
                        last = i;
        grows = rate(past[since], look->past[since].at_ms, now, look->at_ms);
        if (last < 0)
                return grows;
        before = rate(past[since], look->past[since].at_ms, past[last], look->past[last].at_ms);
        return before < grows ? before : grows;
}
