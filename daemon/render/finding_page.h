/* One finding for a terminal or as text/plain: what it is, its evidence, why, what to do. One hand for daemon and
 * client: both have it as the JSON of /findings/N. Pure but for the time zone, which is the C library's. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/buffer.h"
#include "render/tables.h"

/* finding: an object as /findings/N answers; what is missing in it, or of another type, is left out. */
void render_finding(const json_t *finding, int64_t now_ms, const struct table_options *options, struct buffer *out);

/* Its row in a table; texts live as long as the JSON. */
struct finding_row finding_row_read(const json_t *finding, int64_t now_ms);
