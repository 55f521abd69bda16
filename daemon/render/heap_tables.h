/* The names in a look as tables: what grows, then what is large. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/buffer.h"
#include "render/tables.h"

/* heap: an object as /processes/ID/heap answers. On a terminal the first of each table, in a pipe all. */
void render_heap_tables(const json_t *heap, int64_t now_ms, const struct table_options *options, struct buffer *out);
