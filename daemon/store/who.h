/* An identity in one piece of memory, as the file keeps it: what an open process costs while it runs, and what a queued
 * write holds on to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/process.h"

enum who_text {
        WHO_NAME, WHO_CMDLINE /* JSON */, WHO_USER, WHO_PYTHON, WHO_FRAMEWORK, WHO_APPLICATION, WHO_FOLDER, WHO_UNIT,
        WHO_CONTAINER, WHO_CGROUP, WHO_LIMIT_KIND, WHO_TEXTS
};

struct who {
        unsigned refs;
        int32_t ppid;
        bool cmdline_truncated, forked;
        int64_t uid, limit_bytes, started_at_ms;
        uint32_t at[WHO_TEXTS]; /* where in text; UINT32_MAX: NULL */
        char text[];
};

struct who *who_new(const struct identity *from); /* NULL: out of memory */
struct who *who_ref(struct who *w);
struct who *who_unref(struct who *w); /* NULL is fine; returns NULL */

static inline const char *who_text(const struct who *w, enum who_text which)
{
        return w->at[which] == UINT32_MAX ? (const char *)0 : w->text + w->at[which];
}
