/* The place where a listing's next page begins. */
#include "api/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits */
static uint64_t hash_byte(uint64_t hash, unsigned char byte)
{
        return (hash ^ byte) * UINT64_C(0x100000001b3);
}

uint64_t listing_add_int(uint64_t listing, int64_t value)
{
        for (int i = 0; i < 64; i += 8)
                listing = hash_byte(listing, (unsigned char)((uint64_t)value >> i));
        return listing;
}

uint64_t listing_add_text(uint64_t listing, const char *text)
{
        if (!text)
                return listing_add_int(listing, -1);
        for (const char *p = text; *p; p++)
                listing = hash_byte(listing, (unsigned char)*p);
        return listing_add_int(listing, (int64_t)strlen(text));
}

static uint64_t checksum(const uint64_t values[3], uint64_t listing)
{
        for (int i = 0; i < 3; i++)
                listing = listing_add_int(listing, (int64_t)values[i]);
        return listing;
}

void cursor_format(const uint64_t values[3], uint64_t listing, char ret[static CURSOR_SIZE])
{
        snprintf(ret, CURSOR_SIZE, "%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%016" PRIx64, values[0], values[1], values[2],
                 checksum(values, listing));
}

bool cursor_parse(const char *text, uint64_t listing, uint64_t ret[3])
{
        uint64_t values[4];
        char again[CURSOR_SIZE];
        const char *p = text;

        for (int i = 0; i < 4; i++) {
                char *end;
                size_t digits = strspn(p, "0123456789abcdef");

                if (digits == 0 || digits > 16)
                        return false;
                values[i] = strtoull(p, &end, 16);
                if (*end != (i < 3 ? '-' : '\0'))
                        return false;
                p = end + 1;
        }
        /* One text for one place: leading zeros and the like are not ours. */
        cursor_format(values, listing, again);
        if (strcmp(text, again) != 0)
                return false;
        memcpy(ret, values, 3 * sizeof *ret);
        return true;
}
