/* Shared by the two encoders: a character put behind a growing text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* UTF-8 has no characters for U+D800 to U+DFFF, broken UTF-8 reads as U+FFFD, and so does U+FFFE in SQLite: codes from
 * U+D800 on are moved behind all of those. */
#define GAP 0xD800u
#define GAP_SIZE 0x2800u

/* False: out of memory, *text as it was. */
bool encode_put(char **text, uint32_t *size, uint32_t *room, uint32_t code);

/* The code of a character; 0, which no operation has, for one that none is written as. */
static inline uint32_t encode_code(uint32_t character)
{
        return character < GAP ? character : character < GAP + GAP_SIZE ? 0 : character - GAP_SIZE;
}
