/* Values in command lines that look like secrets.
 *
 * One pass over each argument, linear in its size whatever it holds: it comes from a process that we don't know. */
#include "proc/mask.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text.h"

#define MASK "***"

static bool is_name(char c)
{
        return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool name_ends(const char *name, size_t size, const char *with)
{
        size_t n = strlen(with);

        return size >= n && strncasecmp(name + size - n, with, n) == 0;
}

/* Does a secret's word begin here? rest: characters of the name from here on. */
static bool word_at(const char *p, size_t rest)
{
        static const char *const words[] = { "password", "passwd", "passphrase", "secret", "apikey", "api-key",
                                             "api_key",
                                             "api.key", "token" };

        if (!strchr("pPsSaAtT", *p))
                return false;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                size_t n = strlen(words[i]);

                if (rest < n || strncasecmp(p, words[i], n) != 0)
                        continue;
                if (words[i][0] != 't')
                        return true;
                /* Counts of tokens and tokenizers are no secrets, and common in the command lines of language models.
                 */
                p += n;
                rest -= n;
                return !(rest >= 2 && strncasecmp(p, "iz", 2) == 0) && !(rest >= 2 && strncasecmp(p, "is", 2) == 0) &&
                       !(rest >= 1 && tolower((unsigned char)*p) == 's' &&
                         (rest == 1 || !isalpha((unsigned char)p[1])));
        }
        return false;
}

static bool is_secret_name(const char *name, size_t size)
{
        static const char *const harmless[] = { "file", "path", "dir", "stdin", "prompt" };

        for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
                if (name_ends(name, size, harmless[i]))
                        return false;
        if (size > 3 && strncasecmp(name, "no-", 3) == 0)
                return false;
        for (size_t i = 0; i < size; i++)
                if (word_at(name + i, size - i))
                        return true;
        return name_ends(name, size, "authorization");
}

/* Past a quoted text that begins at p: behind its closing quote, or the end. */
static const char *skip_quoted(const char *p)
{
        char quote = *p++;

        for (; *p && *p != quote; p++)
                if (*p == '\\' && p[1])
                        p++;
        return *p ? p + 1 : p;
}

/* Past a value within text: a word, a quoted text, a call with all it is given, and what is joined on by an operator.
 */
static const char *skip_value(const char *p)
{
        int depth = 0;

        for (;;) {
                const char *next;

                if (*p == '"' || *p == '\'') {
                        p = skip_quoted(p);
                        if (*p == ':' && depth == 0) /* if token == "x": */
                                return p;
                } else if (*p && strchr("([{", *p)) {
                        depth++;
                        p++;
                } else if (*p && strchr(")]}", *p)) {
                        if (depth-- == 0)
                                return p;
                        p++;
                } else if (*p && depth > 0) {
                        p++;
                } else if (*p && !strchr(" \t\r\n&;,", *p)) {
                        p++;
                } else {
                        /* "a" "b", "a" + x, and the default behind an annotation (password: str = "x") */
                        next = p + strspn(p, " \t");
                        if (next == p || !*next || !strchr("\"'+%=", *next))
                                return p;
                        p = next + (*next != '"' && *next != '\'');
                        p += strspn(p, " \t=");
                }
        }
}

/* A quoted value keeps its quotes, so that what is around it still reads well. */
static void add_mask(struct buffer *out, const char *from, const char *to)
{
        bool quoted = to - from >= 2 && (*from == '"' || *from == '\'') && to[-1] == *from && skip_quoted(from) == to;

        if (quoted)
                buffer_add_char(out, *from);
        buffer_add_text(out, MASK);
        if (quoted)
                buffer_add_char(out, *from);
}

/* Where the value of a name that ended at p begins: behind "=", ":", " = ", "'] = ", "==", ":=", "=>"; NULL: none does.
 */
static const char *value_begin(const char *p)
{
        const char *op = p + strspn(p, "\"'])"), *end;

        op += strspn(op, " \t");
        end = op + strspn(op, "=:!>");
        if (end > op && end - op <= 2 && memcmp(op, "::", 2) != 0)
                return end + strspn(end, " \t");
        /* set_token("x") */
        if (op == p && *p == '(' && (p[1] == '"' || p[1] == '\''))
                return p + 1;
        return NULL;
}

/* Where the user info of a URL ends: its "@", NULL where it has none. p: behind "://". A password with an unescaped "/"
 * in it is no valid URL, but given all the same: "redis://:a/b@host". */
static const char *user_info_end(const char *p, const char *word_end, const char *last_at)
{
        const char *stop = p, *at, *colon;

        if (!last_at || last_at < p)
                return NULL;
        while (stop < word_end && !strchr("/?#", *stop))
                stop++;
        at = memrchr(p, '@', (size_t)(stop - p));
        if (at)
                return at;
        colon = memchr(p, ':', (size_t)(stop - p));
        if (colon && strspn(colon + 1, "0123456789") != (size_t)(stop - colon - 1))
                return last_at;
        return NULL;
}

/* The run of characters around p that no space or quote ends, and the last "@" in it; looked for once a run. */
struct word {
        const char *end, *last_at;
};

static void word_find(struct word *w, const char *p)
{
        if (w->end && p < w->end)
                return;
        w->end = p + strcspn(p, " \t\r\n\"'<>");
        w->last_at = memrchr(p, '@', (size_t)(w->end - p));
}

/* Copies text with its secrets masked. */
static void mask_text(const char *p, struct buffer *out)
{
        struct word word = {};

        while (*p) {
                const char *name = p, *value, *end;

                if (text_starts(p, "://")) {
                        buffer_add(out, p, 3);
                        p += 3;
                        word_find(&word, p);
                        end = user_info_end(p, word.end, word.last_at);
                        if (end) {
                                buffer_add_text(out, MASK);
                                p = end;
                        }
                        continue;
                }
                while (is_name(*p))
                        p++;
                if (p == name) {
                        buffer_add_char(out, *p++);
                        continue;
                }
                buffer_add(out, name, (size_t)(p - name));
                if (p - name == 6 && strncasecmp(name, "bearer", 6) == 0 && *p == ' ') {
                        value = p + 1;
                } else {
                        value = is_secret_name(name, (size_t)(p - name)) ? value_begin(p) : NULL;
                        if (!value)
                                continue;
                }
                end = name_ends(name, (size_t)(p - name), "authorization") ?
                        value + strcspn(value, "\"'\r\n") : skip_value(value);
                if (end == value)
                        continue;
                buffer_add(out, p, (size_t)(value - p));
                add_mask(out, value, end);
                p = end;
        }
}

/* "--name=V", "NAME=V", "Name: V": all behind it is the value, with its spaces. Returns the value, NULL: it is not
 * such. */
static const char *whole_value(const char *arg)
{
        const char *name = arg + strspn(arg, "-"), *end = name;

        while (is_name(*end))
                end++;
        if (end == name || !is_secret_name(name, (size_t)(end - name)))
                return NULL;
        if (*end == '=' && end[1] != '=')
                return end + 1;
        if (end[0] == ':' && end[1] == ' ')
                return end + 2;
        return NULL;
}

/* Is the next argument the value? "--password V"; "--password --user x" is a question to be asked, then an option. */
static bool wants_value(const char *arg, const char *next)
{
        const char *name = arg + strspn(arg, "-");
        size_t size = strlen(name);

        if (arg == name || !size || text_starts(next, "--"))
                return false;
        for (size_t i = 0; i < size; i++)
                if (!is_name(name[i]))
                        return false;
        return is_secret_name(name, size);
}

static int mask_one(char **arg, bool is_value, bool is_code)
{
        _cleanup_(buffer_done) struct buffer out = {};
        const char *value = is_code ? NULL : whole_value(*arg);
        char *masked;

        if (is_value) {
                buffer_add_text(&out, MASK);
        } else if (value && *value) {
                buffer_add(&out, *arg, (size_t)(value - *arg));
                buffer_add_text(&out, MASK);
        } else {
                mask_text(*arg, &out);
        }
        masked = buffer_take(&out, NULL);
        if (!masked)
                return -ENOMEM;
        free(*arg);
        *arg = masked;
        return 0;
}

int mask_args(char **args, size_t n)
{
        bool is_value = false;

        for (size_t i = 0; i < n; i++) {
                bool is_code = i > 0 && strcmp(args[i - 1], "-c") == 0;
                bool next_is_value = !is_value && !is_code && i + 1 < n && wants_value(args[i], args[i + 1]);
                int r = mask_one(&args[i], is_value && args[i][0], is_code);

                if (r < 0)
                        return r;
                is_value = next_is_value;
        }
        return 0;
}
