/* What a verdict and a severity are called. */
#include "render/verdict.h"

#include <string.h>

struct word {
        const char *word, *utf8, *ascii;
        enum line_style style;
};

static const struct word verdicts[] = {
        { "insufficient-data", "too young to tell", "too young to tell", LINE_QUIET },
        { "stable", "stable", "stable", LINE_QUIET },
        { "warming-up", "warming up", "warming up", LINE_QUIET },
        { "step", "● step", "* step", LINE_PLAIN },
        { "leak", "▲ leak", "! leak", LINE_WARNING },
        {},
};
static const struct word severities[] = {
        { "info", "● info", "* info", LINE_PLAIN },
        { "warning", "▲ warning", "! warning", LINE_WARNING },
        { "critical", "◆ critical", "# critical", LINE_CRITICAL },
        {},
};

static const char *find_words(const struct word *words, const char *word, bool utf8, enum line_style *ret_style)
{
        *ret_style = LINE_PLAIN;
        for (; word && words->word; words++)
                if (strcmp(word, words->word) == 0) {
                        *ret_style = words->style;
                        return utf8 ? words->utf8 : words->ascii;
                }
        return word;
}

const char *verdict_words(const char *verdict, bool utf8, enum line_style *ret_style)
{
        return find_words(verdicts, verdict, utf8, ret_style);
}

const char *severity_words(const char *severity, bool utf8, enum line_style *ret_style)
{
        return find_words(severities, severity, utf8, ret_style);
}

bool verdict_leaks(const char *verdict)
{
        return verdict && strcmp(verdict, "leak") == 0;
}
