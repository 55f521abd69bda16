/* A look as GET /processes/ID/heap answers it. */
#pragma once

#include "base/json.h"
#include "model/look.h"

/* An object: id, at, python, tracked_objects, took_ms, cpu_ms, complete, missing [{part, reason}], gc, memory, types,
 * containers, libraries, and looks: the times of the earlier ones. What was not seen this time is not listed; rates are
 * null where a name was never seen before. In the look's own order. */
void look_write_json(struct json *j, const char *id, const struct look *look);
