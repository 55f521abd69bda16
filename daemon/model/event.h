/* What happened to a process. */
#pragma once

enum event_kind { EVENT_STARTED, EVENT_EXEC, EVENT_FORKED, EVENT_STEP, EVENT_LIMIT, EVENT_OOM_KILL, EVENT_EXITED, EVENT_KINDS };

/* "started", "exec", "forked", "step", "limit", "oom-kill", "exited" */
const char *event_name(enum event_kind kind);
