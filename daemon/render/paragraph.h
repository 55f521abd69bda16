/* Foreign text of several lines' length, folded at its spaces to the width of a terminal; no control byte passes. */
#pragma once

#include "base/buffer.h"
#include "render/line.h"
#include "render/tables.h"

/* Appends the text and a newline. The first line goes on at column `at`, where the cursor stands; further ones begin
 * with `indent` spaces. options->width 0 (a pipe): it stays on one line. NULL is like "". */
void paragraph_add(struct buffer *out, const char *text, int at, int indent, enum line_style style,
                   const struct table_options *options);
