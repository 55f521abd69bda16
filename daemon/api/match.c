/* ?q=: text looked for without regard to case. */
#include "api/match.h"

#include <string.h>
#include <wctype.h>

#include "base/text.h"

void match_fold(const char *text, size_t size, struct buffer *to)
{
        char utf8[4];

        for (size_t at = 0; at < size;) {
                char c = text[at];

                if ((unsigned char)c < 0x80) {
                        buffer_add_char(to, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
                        at++;
                        continue;
                }
                buffer_add(to, utf8, text_put((uint32_t)towlower((wint_t)text_next(text, size, &at)), utf8));
        }
}

bool match_text(const char *text, size_t size, const struct buffer *needle, struct buffer *scratch)
{
        if (!needle->size)
                return true;
        buffer_clear(scratch);
        match_fold(text, size, scratch);
        return scratch->size >= needle->size && memmem(scratch->data, scratch->size, needle->data, needle->size);
}
