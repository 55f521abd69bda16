/* A finding: something about the memory of a process, or of an app as a whole, that its people should know. It is opened
 * once, may become more severe (worsen), and is closed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/app.h"

enum finding_kind { FINDING_LEAK, FINDING_STEP, FINDING_LIMIT, FINDING_GC, FINDING_FRAGMENTATION, FINDING_KINDS };
enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITIES };

const char *finding_kind_name(enum finding_kind kind); /* "leak", "step", "limit", "gc", "fragmentation" */
const char *severity_name(enum severity severity);     /* "info", "warning", "critical" */
/* The reverse; false for any other word. */
bool finding_kind_parse(const char *word, enum finding_kind *ret);
bool severity_parse(const char *word, enum severity *ret);

/* What happens to a finding, as alerts say it: "opened", "worsened", "closed". */
enum finding_event { FINDING_OPENED, FINDING_WORSENED, FINDING_CLOSED, FINDING_EVENTS };
const char *finding_event_name(enum finding_event event);

/* Texts are owned; the last four hold JSON on one line. */
struct finding {
        int64_t number;             /* > 0, never used again */
        enum finding_kind kind;
        enum severity severity;
        uint32_t process;           /* its number in the store; 0: of the app as a whole */
        char app_id[APP_ID_SIZE];
        char *title;                /* one line for people */
        int64_t opened_at_ms, updated_at_ms;
        int64_t closed_at_ms;       /* -1: open */
        char *evidence;             /* an object */
        char *diagnosis, *advice, *suspects; /* lists */
};

void finding_done(struct finding *f);
int finding_copy(const struct finding *from, struct finding *ret); /* 0 or -ENOMEM */
