/* One line of foreign text. */
#include "render/line.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* Marks upon one letter beyond these are dropped: a thousand of them would be written over the lines around. */
enum { MARKS_KEPT = 3 };

struct glyph {
        uint32_t character;
        int width;
};

static bool is_hostile(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || (c >= 0xe0000 && c < 0xe0100);
}

/* The next character as it is shown. marks counts those since the last letter. */
static struct glyph next_glyph(const char *text, size_t size, size_t *at, int *marks, bool utf8)
{
        while (*at < size) {
                uint32_t c = text_next(text, size, at);
                int width;

                if (is_hostile(c))
                        c = 0xfffd;
                if (!utf8 && c >= 0x80)
                        c = '?';
                width = text_width(c);
                *marks = width ? 0 : *marks + 1;
                if (*marks <= MARKS_KEPT)
                        return (struct glyph){ .character = c, .width = width };
        }
        return (struct glyph){};
}

static void add_glyph(struct buffer *out, uint32_t character)
{
        char bytes[4];

        buffer_add(out, bytes, text_put(character, bytes));
}

static int whole_width(const char *text, size_t size, bool utf8)
{
        int width = 0, marks = 0;

        for (size_t at = 0; at < size;) {
                width += next_glyph(text, size, &at, &marks, utf8).width;
                if (width > INT32_MAX / 2)
                        break;
        }
        return width;
}

int line_add(struct buffer *out, const char *text, int most, enum line_cut cut, bool utf8)
{
        size_t size = text ? strlen(text) : 0, at = 0;
        int total = whole_width(text, size, utf8), seen = 0, used = 0, marks = 0, head, tail;
        bool whole = most <= 0 || total <= most, dotted = false;

        head = cut == LINE_CUT_MIDDLE ? most / 2 : most - 1;
        tail = most - 1 - head;
        while (at < size) {
                struct glyph g = next_glyph(text, size, &at, &marks, utf8);

                if (!g.character)
                        break;
                if (whole || (!dotted && seen + g.width <= head) || (dotted && g.width && total - seen <= tail)) {
                        add_glyph(out, g.character);
                        used += g.width;
                } else if (!dotted) {
                        add_glyph(out, utf8 ? 0x2026 : '~');
                        used++;
                        dotted = true;
                }
                seen += g.width;
        }
        return used;
}

const char *line_style_on(enum line_style style, bool color)
{
        static const char *const words[] = { "", "\033[1m", "\033[2m", "\033[1;33m", "\033[1;31m" };

        return color ? words[style] : "";
}

const char *line_style_off(enum line_style style, bool color)
{
        return color && style != LINE_PLAIN ? "\033[0m" : "";
}
