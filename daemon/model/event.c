/* The words for what happened. */
#include "model/event.h"

const char *event_name(enum event_kind kind)
{
        static const char *const names[EVENT_KINDS] = {
                [EVENT_STARTED] = "started", [EVENT_EXEC] = "exec",         [EVENT_FORKED] = "forked", [EVENT_STEP] = "step",
                [EVENT_LIMIT] = "limit",     [EVENT_OOM_KILL] = "oom-kill", [EVENT_EXITED] = "exited",
        };

        return names[kind];
}
