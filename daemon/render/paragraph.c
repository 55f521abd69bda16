/* Text folded to a terminal's width. */
#include "render/paragraph.h"

#include "base/cleanup.h"
#include "base/text.h"

enum { LEAST_WIDTH = 10 }; /* of a line's text: on a terminal so narrow that nothing fits, it may be folded again */

static void spaces(struct buffer *out, int n)
{
        for (; n > 0; n--)
                buffer_add_char(out, ' ');
}

/* Where the line that begins at `from` ends: behind the last word that fits, or within one that is too long. */
static size_t line_end(const struct buffer *text, size_t from, int room)
{
        size_t at = from, word_end = from;
        int used = 0;

        while (at < text->size) {
                size_t before = at;
                uint32_t c = text_next(text->data, text->size, &at);

                if (c == ' ')
                        word_end = before;
                used += text_width(c);
                if (used > room)
                        return word_end > from ? word_end : before > from ? before : at;
        }
        return at;
}

void paragraph_add(struct buffer *out, const char *text, int at, int indent, enum line_style style,
                   const struct table_options *o)
{
        _cleanup_(buffer_done) struct buffer clean = {};
        size_t from = 0;
        bool first = true;

        line_add(&clean, text, 0, LINE_CUT_END, o->utf8);
        out->failed |= clean.failed;
        do {
                int room = o->width - (first ? at : indent);
                size_t end = o->width ? line_end(&clean, from, room < LEAST_WIDTH ? LEAST_WIDTH : room) : clean.size;

                if (!first)
                        spaces(out, indent);
                buffer_add_text(out, line_style_on(style, o->color));
                if (end > from)
                        buffer_add(out, clean.data + from, end - from);
                buffer_add_text(out, line_style_off(style, o->color));
                buffer_add_char(out, '\n');
                first = false;
                for (from = end; from < clean.size && clean.data[from] == ' ';)
                        from++;
        } while (from < clean.size && !clean.failed);
}
