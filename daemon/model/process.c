/* A process: its id as text, its identity's memory. */
#include "model/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool process_id_equal(const struct process_id *a, const struct process_id *b)
{
        return a->pid == b->pid && a->start_ticks == b->start_ticks && a->boot == b->boot;
}

void process_id_format(const struct process_id *id, char ret[static PROCESS_ID_MAX])
{
        snprintf(ret, PROCESS_ID_MAX, "%" PRId32 "-%" PRIu64 "-%08" PRIx32, id->pid, id->start_ticks, id->boot);
}

/* Decimal digits alone: no sign, no space, no leading zero but "0" itself. */
static const char *parse_digits(const char *text, uint64_t limit, uint64_t *ret)
{
        uint64_t value = 0;
        const char *p = text;

        if (*p == '0' && p[1] >= '0' && p[1] <= '9')
                return NULL;
        for (; *p >= '0' && *p <= '9'; p++) {
                unsigned digit = (unsigned)(*p - '0');

                if (value > (limit - digit) / 10)
                        return NULL;
                value = value * 10 + digit;
        }
        *ret = value;
        return p == text ? NULL : p;
}

bool process_id_parse(const char *text, struct process_id *ret, int *parts)
{
        struct process_id id = {};
        uint64_t pid;
        const char *p = parse_digits(text, INT32_MAX, &pid);

        if (!p || pid == 0)
                return false;
        id.pid = (int32_t)pid;
        *parts = 1;
        if (*p == '-') {
                p = parse_digits(p + 1, INT64_MAX, &id.start_ticks);
                if (!p)
                        return false;
                *parts = 2;
        }
        if (*parts == 2 && *p == '-') {
                if (strspn(p + 1, "0123456789abcdef") != 8 || p[9] != '\0')
                        return false;
                id.boot = (uint32_t)strtoul(p + 1, NULL, 16);
                *parts = 3;
                p += 9;
        }
        if (*p != '\0')
                return false;
        *ret = id;
        return true;
}

void identity_done(struct identity *who)
{
        for (size_t i = 0; i < who->n_args; i++)
                free(who->args[i]);
        free(who->args);
        free(who->name);
        free(who->user);
        free(who->python);
        free(who->framework);
        free(who->application);
        free(who->folder);
        free(who->unit);
        free(who->container);
        free(who->cgroup);
        free(who->limit_kind);
        *who = (struct identity){};
}
