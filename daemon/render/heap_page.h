/* A look for a terminal or as text/plain: what grows first, then what is large, then the collector and what the memory
 * is. One hand for daemon and client: both have it as the JSON of /processes/ID/heap. Pure but for the time zone, which
 * is the C library's. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/buffer.h"
#include "render/tables.h"

/* heap: an object as /processes/ID/heap answers; what is missing in it, or of another type, is left out. */
void render_heap(const json_t *heap, int64_t now_ms, const struct table_options *options, struct buffer *out);
