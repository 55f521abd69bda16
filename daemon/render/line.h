/* Foreign text on one line of a terminal: no control byte passes, its width is known, and it is cut to fit. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

enum line_cut {
        LINE_CUT_END,    /* "python3 -m flask r…" */
        LINE_CUT_MIDDLE, /* a name: its beginning and its end tell it apart */
};

/* Appends text, at most `most` columns of it (0: all), with … where something was left out (utf8 false: ~). Controls,
 * and what turns the direction of writing, become U+FFFD; utf8 false: everything beyond ASCII becomes ?. NULL adds
 * nothing. Returns how many columns it takes. */
int line_add(struct buffer *out, const char *text, int most, enum line_cut cut, bool utf8);

enum line_style { LINE_PLAIN, LINE_BOLD, LINE_QUIET, LINE_WARNING, LINE_CRITICAL };

/* The terminal's own words for a style and for its end; "" where color is false or nothing is to be said. */
const char *line_style_on(enum line_style style, bool color);
const char *line_style_off(enum line_style style, bool color);
