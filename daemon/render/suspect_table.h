/* What may be behind a finding, as a table: what it is, from how many to how many, how fast, what it explains. */
#pragma once

#include <jansson.h>

#include "base/buffer.h"
#include "render/tables.h"

/* suspects: a list as /findings/N answers; what is missing in it, or of another type, is left out. Nothing is
 * written where nothing is in it. */
void render_suspects(const json_t *suspects, const struct table_options *options, struct buffer *out);
