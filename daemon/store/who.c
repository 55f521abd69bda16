/* Identities packed into one allocation. */
#include "store/who.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/args.h"

struct who *who_new(const struct identity *from)
{
        _cleanup_(buffer_done) struct buffer json = {};
        const char *texts[WHO_TEXTS];
        size_t size = 0;
        struct who *w;

        args_write(&json, from->args, from->n_args);
        buffer_add_char(&json, '\0');
        if (json.failed)
                return NULL;
        texts[WHO_NAME] = from->name;
        texts[WHO_CMDLINE] = json.data;
        texts[WHO_USER] = from->user;
        texts[WHO_PYTHON] = from->python;
        texts[WHO_FRAMEWORK] = from->framework;
        texts[WHO_APPLICATION] = from->application;
        texts[WHO_FOLDER] = from->folder;
        texts[WHO_UNIT] = from->unit;
        texts[WHO_CONTAINER] = from->container;
        texts[WHO_CGROUP] = from->cgroup;
        texts[WHO_LIMIT_KIND] = from->limit_kind;
        for (unsigned i = 0; i < WHO_TEXTS; i++)
                size += texts[i] ? strlen(texts[i]) + 1 : 0;
        if (size >= UINT32_MAX)
                return NULL;
        w = malloc(sizeof *w + size);
        if (!w)
                return NULL;
        *w = (struct who){ .refs = 1, .ppid = from->ppid, .cmdline_truncated = from->cmdline_truncated,
                           .forked = from->forked, .uid = from->uid, .limit_bytes = from->limit_bytes,
                           .started_at_ms = from->started_at_ms };
        size = 0;
        for (unsigned i = 0; i < WHO_TEXTS; i++) {
                w->at[i] = texts[i] ? (uint32_t)size : UINT32_MAX;
                if (!texts[i])
                        continue;
                memcpy(w->text + size, texts[i], strlen(texts[i]) + 1);
                size += strlen(texts[i]) + 1;
        }
        return w;
}

struct who *who_ref(struct who *w)
{
        w->refs++;
        return w;
}

struct who *who_unref(struct who *w)
{
        if (w && --w->refs == 0)
                free(w);
        return NULL;
}
