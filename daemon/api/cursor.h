/* The place in a listing where its next page begins, as text for `next` and `?cursor=`. Nothing is secret in it; a
 * checksum over it and over what was listed tells one that was made up, cut, or given to another listing. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CURSOR_SIZE 96

/* What is listed, as a number: begin with LISTING_NONE and fold in whatever makes it another listing. */
#define LISTING_NONE UINT64_C(0xcbf29ce484222325)
uint64_t listing_add_text(uint64_t listing, const char *text); /* NULL and "" differ */
uint64_t listing_add_int(uint64_t listing, int64_t value);

void cursor_format(const uint64_t values[3], uint64_t listing, char ret[static CURSOR_SIZE]);
bool cursor_parse(const char *text, uint64_t listing, uint64_t ret[3]);
