/* A finding as JSON: what /findings/N answers, what is in a list's elements, and what an alert carries. One hand for all. */
#pragma once

#include "model/finding.h"
#include "model/process.h"
#include "base/json.h"

struct finding_view {
        const struct finding *finding;
        const char *app_name;
        bool has_process;
        struct process_id id;
        const char *name;
        char *const *args;
        size_t n_args;
};
/* An object: id, kind, severity, state, process, app, title, opened_at, updated_at, closed_at, evidence, diagnosis, advice,
 * suspects. What the last four hold is JSON already and goes out as it is, if it is well-formed (else null or an empty list). */
void finding_write_json(struct json *j, const struct finding_view *v);
