/* ?q=: text looked for without regard to case. Pure. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

/* Appends the text in lower case (of what the C.UTF-8 locale knows). */
void match_fold(const char *text, size_t size, struct buffer *to);

/* Is the needle, folded already, in the text? scratch is overwritten. */
bool match_text(const char *text, size_t size, const struct buffer *needle, struct buffer *scratch);
