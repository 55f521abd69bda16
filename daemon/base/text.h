/* Text that came from somewhere else: made valid UTF-8, its control characters shown as U+FFFD. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies size bytes as valid UTF-8 into ret (NUL-terminated, cut at a character's edge to fit ret_size >= 1).
 * Broken sequences, surrogates, C0 and C1 controls and DEL become U+FFFD. Returns the length written. */
size_t text_clean(const char *bytes, size_t size, char *ret, size_t ret_size);

/* The same without touching controls: only what is not UTF-8 becomes U+FFFD (JSON keeps controls, escaped).
 * Returns allocated, NUL-terminated text of *ret_size bytes (ret_size may be NULL), NULL when out of memory.
 * A NUL within the bytes becomes U+FFFD too. */
char *text_to_utf8(const char *bytes, size_t size, size_t *ret_size);

/* The next character of UTF-8, valid or broken, at *at (< size); moves *at past it. A broken byte gives U+FFFD. */
uint32_t text_next(const char *bytes, size_t size, size_t *at);

/* Writes one character as UTF-8 (1 to 4 bytes, no NUL added). Returns how many. */
size_t text_put(uint32_t character, char ret[static 4]);

/* How many columns a terminal gives it: 0, 1 or 2. */
int text_width(uint32_t character);

bool text_starts(const char *text, const char *with);
bool text_ends(const char *text, const char *with);
