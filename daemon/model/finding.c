#include "model/finding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[FINDING_KINDS] = {
        [FINDING_LEAK] = "leak", [FINDING_STEP] = "step", [FINDING_LIMIT] = "limit", [FINDING_GC] = "gc",
        [FINDING_FRAGMENTATION] = "fragmentation",
};
static const char *const severities[SEVERITIES] = {
        [SEVERITY_INFO] = "info", [SEVERITY_WARNING] = "warning", [SEVERITY_CRITICAL] = "critical",
};

static int find_word(const char *const *words, int n, const char *word)
{
        for (int i = 0; i < n; i++)
                if (strcmp(words[i], word) == 0)
                        return i;
        return -1;
}

const char *finding_kind_name(enum finding_kind kind)
{
        return kinds[kind];
}

const char *severity_name(enum severity severity)
{
        return severities[severity];
}

bool finding_kind_parse(const char *word, enum finding_kind *ret)
{
        int i = find_word(kinds, FINDING_KINDS, word);

        if (i >= 0)
                *ret = (enum finding_kind)i;
        return i >= 0;
}

bool severity_parse(const char *word, enum severity *ret)
{
        int i = find_word(severities, SEVERITIES, word);

        if (i >= 0)
                *ret = (enum severity)i;
        return i >= 0;
}

const char *finding_event_name(enum finding_event event)
{
        static const char *const names[FINDING_EVENTS] = {
                [FINDING_OPENED] = "opened", [FINDING_WORSENED] = "worsened", [FINDING_CLOSED] = "closed",
        };

        return names[event];
}

void finding_done(struct finding *f)
{
        free(f->title);
        free(f->evidence);
        free(f->diagnosis);
        free(f->advice);
        free(f->suspects);
        *f = (struct finding){};
}

int finding_copy(const struct finding *from, struct finding *ret)
{
        const char *const texts[] = { from->title, from->evidence, from->diagnosis, from->advice, from->suspects };
        char **copies[] = { &ret->title, &ret->evidence, &ret->diagnosis, &ret->advice, &ret->suspects };

        *ret = *from;
        for (size_t i = 0; i < 5; i++)
                *copies[i] = NULL;
        for (size_t i = 0; i < 5; i++) {
                if (!texts[i])
                        continue;
                *copies[i] = strdup(texts[i]);
                if (!*copies[i]) {
                        finding_done(ret);
                        return -ENOMEM;
                }
        }
        return 0;
}
