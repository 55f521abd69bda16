/* What a verdict is called. */
#include "render/verdict.h"

#include <string.h>

static const struct {
        const char *verdict, *utf8, *ascii;
        enum line_style style;
} words[] = {
        { "insufficient-data", "too young to tell", "too young to tell", LINE_QUIET },
        { "stable", "stable", "stable", LINE_QUIET },
        { "warming-up", "warming up", "warming up", LINE_QUIET },
        { "step", "● step", "* step", LINE_PLAIN },
        { "leak", "▲ leak", "! leak", LINE_WARNING },
};

const char *verdict_words(const char *verdict, bool utf8, enum line_style *ret_style)
{
        *ret_style = LINE_PLAIN;
        for (size_t i = 0; verdict && i < sizeof words / sizeof *words; i++)
                if (strcmp(verdict, words[i].verdict) == 0) {
                        *ret_style = words[i].style;
                        return utf8 ? words[i].utf8 : words[i].ascii;
                }
        return verdict;
}

bool verdict_leaks(const char *verdict)
{
        return verdict && strcmp(verdict, "leak") == 0;
}
