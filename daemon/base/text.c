/* UTF-8 by hand: strict (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF), without locale. */
#include "base/text.h"

#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"

enum { REPLACEMENT = 0xfffd };

/* How many bytes the sequence has whose first byte this is, and the lowest character that needs that many; 0: a byte
 * that begins none. */
static size_t sequence_length(unsigned char first, uint32_t *ret_least)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t length;

        if (first < 0x80)
                length = 1;
        else if (first >= 0xc2 && first < 0xe0)
                length = 2;
        else if (first >= 0xe0 && first < 0xf0)
                length = 3;
        else if (first >= 0xf0 && first < 0xf5)
                length = 4;
        else
                length = 0;
        *ret_least = least[length];
        return length;
}

uint32_t text_next(const char *bytes, size_t size, size_t *at)
{
        const unsigned char *p = (const unsigned char *)bytes + *at;
        size_t length;
        uint32_t character, least;

        length = sequence_length(*p, &least);
        (*at)++;
        if (length == 1)
                return *p;
        if (!length || length > size - (*at - 1))
                return REPLACEMENT;
        character = *p & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return REPLACEMENT;
                character = character << 6 | (p[i] & 0x3f);
        }
        if (character < least || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
                return REPLACEMENT;
        *at += length - 1;
        return character;
}

size_t text_put(uint32_t character, char ret[static 4])
{
        if (character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
                character = REPLACEMENT;
        if (character < 0x80) {
                ret[0] = (char)character;
                return 1;
        }
        if (character < 0x800) {
                ret[0] = (char)(0xc0 | character >> 6);
                ret[1] = (char)(0x80 | (character & 0x3f));
                return 2;
        }
        if (character < 0x10000) {
                ret[0] = (char)(0xe0 | character >> 12);
                ret[1] = (char)(0x80 | (character >> 6 & 0x3f));
                ret[2] = (char)(0x80 | (character & 0x3f));
                return 3;
        }
        ret[0] = (char)(0xf0 | character >> 18);
        ret[1] = (char)(0x80 | (character >> 12 & 0x3f));
        ret[2] = (char)(0x80 | (character >> 6 & 0x3f));
        ret[3] = (char)(0x80 | (character & 0x3f));
        return 4;
}

static bool is_control(uint32_t character)
{
        return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

size_t text_clean(const char *bytes, size_t size, char *ret, size_t ret_size)
{
        size_t at = 0, length = 0;

        while (at < size) {
                uint32_t character = text_next(bytes, size, &at);
                char utf8[4];
                size_t n = text_put(is_control(character) ? REPLACEMENT : character, utf8);

                if (n > ret_size - 1 - length)
                        break;
                memcpy(ret + length, utf8, n);
                length += n;
        }
        ret[length] = '\0';
        return length;
}

char *text_to_utf8(const char *bytes, size_t size, size_t *ret_size)
{
        _cleanup_(buffer_done) struct buffer b = {};

        if (!buffer_reserve(&b, size + 1))
                return NULL;
        for (size_t at = 0; at < size;) {
                uint32_t character = text_next(bytes, size, &at);
                char utf8[4];

                buffer_add(&b, utf8, text_put(character ? character : REPLACEMENT, utf8));
        }
        return buffer_take(&b, ret_size);
}

bool text_starts(const char *text, const char *with)
{
        return strncmp(text, with, strlen(with)) == 0;
}

bool text_ends(const char *text, const char *with)
{
        size_t size = strlen(text), tail = strlen(with);

        return size >= tail && memcmp(text + size - tail, with, tail) == 0;
}
