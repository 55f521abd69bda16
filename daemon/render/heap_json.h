/* A look as GET /processes/ID/heap answers it. */
#pragma once

#include "base/json.h"
#include "model/look.h"

struct look_view {
        const struct look *look;
        const char *id, *name;   /* the process's; name NULL: not known */
        int64_t exited_at_ms;    /* negative: it runs */
};

/* An object: id, name, exited_at, at, since_at (the earliest look that growth is told since; null at a first one),
 * python, tracked_objects, took_ms, cpu_ms, complete, missing [{part, reason}], gc, memory, types, containers,
 * libraries, and looks: the times of the earlier ones. What was not seen this time is not listed; rates are null where
 * a name was never seen before. In the look's own order. */
void look_write_json(struct json *j, const struct look_view *view);
