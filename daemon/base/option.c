/* Options: from a command line or a file into a struct, by the table. */
#include "base/option.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"

enum {
        LINE_ROOM = 16 * 1024, /* inih's buffer for a line of a file */
        SHOWN_MAX = 100,       /* bytes of a value or path that an error quotes, so that the rest of it still fits */
};

/* Text for an error, cut where it is long. */
struct shown {
        char text[SHOWN_MAX + 8];
};

static struct shown show(const char *text, size_t size)
{
        struct shown s;

        if (text_clean(text, size, s.text, SHOWN_MAX) < size && size >= SHOWN_MAX)
                strcat(s.text, "…");
        return s;
}

static struct shown show_text(const char *text)
{
        return show(text, strlen(text));
}

static const struct option *option_find(const struct option *options, size_t n, const char *name, size_t size)
{
        for (size_t i = 0; i < n; i++)
                if (strlen(options[i].name) == size && memcmp(options[i].name, name, size) == 0)
                        return &options[i];
        return NULL;
}

/* The names of all options, as an error lists them. */
static void list_names(const struct option *options, size_t n, bool of_file, char *ret, size_t room)
{
        size_t used = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < n && used < room; i++)
                if (!of_file || !options[i].not_in_file)
                        used += (size_t)snprintf(ret + used, room - used, "%s%s%s", used ? ", " : "",
                                                 of_file ? "" : "--", options[i].name);
}

static int64_t bound(const struct option *o, const char *text, int64_t otherwise)
{
        int64_t value = otherwise;

        if (text && o->type == OPTION_DURATION)
                duration_parse(text, &value, NULL);
        else if (text)
                size_parse(text, &value, NULL);
        return value;
}

/* *err then says what is allowed, as option.check does. */
static int parse_amount(const struct option *o, const char *value, int64_t *ret, struct error *err)
{
        struct error form = {};
        char range[64] = "";
        int64_t amount;
        int r;

        if (o->minimum && o->maximum)
                snprintf(range, sizeof range, "from %s to %s is allowed", o->minimum, o->maximum);
        else if (o->minimum)
                snprintf(range, sizeof range, "%s or more is allowed", o->minimum);
        else if (o->maximum)
                snprintf(range, sizeof range, "%s or less is allowed", o->maximum);

        r = o->type == OPTION_DURATION ? duration_parse(value, &amount, &form) : size_parse(value, &amount, &form);
        if (r < 0)
                return error_set(err, EINVAL, "%s%s%s", form.text, range[0] ? "; " : "", range);
        if (amount < bound(o, o->minimum, 0) || amount > bound(o, o->maximum, INT64_MAX))
                return error_set(err, EINVAL, "%s", range);
        *ret = amount;
        return 0;
}

const char *const *option_words(const struct option *o)
{
        static const char *const no_yes[] = { "no", "yes", NULL };

        return o->words ? o->words : no_yes;
}

/* Which of the words value is; negative with *err, which lists them. */
static int parse_choice(const struct option *o, const char *value, struct error *err)
{
        const char *const *words = option_words(o);
        char allowed[128] = "";
        size_t used = 0;

        if (!o->words && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
                return error_set(err, EINVAL, "yes or no is allowed");
        for (int i = 0; words[i]; i++) {
                if (strcmp(value, words[i]) == 0)
                        return i;
                used += (size_t)snprintf(allowed + used, used < sizeof allowed ? sizeof allowed - used : 0, "%s%s",
                                         i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
        }
        return error_set(err, EINVAL, "%s is allowed", allowed);
}

static int check_text(const char *value, struct error *err)
{
        size_t size = strlen(value);

        if (!size)
                return error_set(err, EINVAL, "it needs a value");
        if (strchr(" \t", value[0]) || strchr(" \t", value[size - 1]))
                return error_set(err, EINVAL, "blanks before or after the value are not allowed");
        for (size_t at = 0; at < size;) {
                size_t from = at;
                uint32_t c = text_next(value, size, &at);

                if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c == 0xfffd && at - from == 1))
                        return error_set(err, EINVAL, "UTF-8 without control characters is allowed");
        }
        return 0;
}

static int list_add(struct option_list *list, const char *value)
{
        char **items = reallocarray(list->items, list->n_items + 2, sizeof *items);

        if (!items)
                return -ENOMEM;
        list->items = items;
        items[list->n_items] = strdup(value);
        if (!items[list->n_items])
                return -ENOMEM;
        items[++list->n_items] = NULL;
        return 0;
}

/* Checks a value and, unless values is NULL, stores it. *err says what is allowed. */
static int set_checked(const struct option *o, const char *value, void *values, struct error *err)
{
        void *field = values ? (char *)values + o->field : NULL;
        bool is_amount = o->type == OPTION_DURATION || o->type == OPTION_SIZE;
        int64_t amount = 0;
        int choice = 0, r;

        if (is_amount)
                r = parse_amount(o, value, &amount, err);
        else if (o->type == OPTION_FLAG || o->type == OPTION_CHOICE)
                r = choice = parse_choice(o, value, err);
        else
                r = check_text(value, err);
        if (r >= 0 && o->check)
                r = o->check(value, err);
        if (r < 0 || !values)
                return r;
        if (is_amount) {
                *(int64_t *)field = amount;
        } else if (o->type == OPTION_FLAG) {
                *(bool *)field = choice;
        } else if (o->type == OPTION_CHOICE) {
                *(int *)field = choice;
        } else if (o->type == OPTION_LIST) {
                r = list_add(field, value);
        } else {
                char *copy = strdup(value);

                if (copy) {
                        free(*(char **)field);
                        *(char **)field = copy;
                } else
                        r = -ENOMEM;
        }
        return r < 0 ? error_set(err, ENOMEM, "out of memory") : 0;
}

/* The value as an error quotes it. */
static struct shown show_value(const struct option *o, const char *value)
{
        const char *at = o->shows_no_user ? strrchr(value, '@') : NULL, *scheme = at ? strstr(value, "://") : NULL;
        size_t kept = scheme && scheme < at ? (size_t)(scheme - value) + 3 : 0;
        char masked[4 * SHOWN_MAX];

        if (!at)
                return show_text(value);
        snprintf(masked, sizeof masked, "%.*s***%s", (int)kept, value, at);
        return show_text(masked);
}

/* where: the option as it was given. */
static int set_value(const struct option *o, const char *where, const char *value, void *values, struct error *err)
{
        struct error allowed = {};
        int r = set_checked(o, value, values, &allowed);

        if (r == -ENOMEM)
                return error_set(err, ENOMEM, "out of memory for %s", where);
        if (r < 0)
                return error_set(err, EINVAL, "%s \"%s\" is not allowed: %s", where, show_value(o, value).text,
                                 allowed.text);
        return 0;
}

static int parse_argument(const struct option_table *t, int argc, char *const *argv, int *at, void *values,
                          unsigned char *given, struct error *err)
{
        const char *argument = argv[*at], *value = NULL;
        size_t size = strcspn(argument, "=");
        const struct option *o = NULL;
        char names[384], where[64];

        if (!text_starts(argument, "--"))
                return error_set(err, EINVAL, "\"%s\" is not allowed: %s takes options alone (see --help)",
                                 show_text(argument).text, t->program);
        if (size > 2)
                o = option_find(t->options, t->n_options, argument + 2, size - 2);
        if (!o) {
                list_names(t->options, t->n_options, false, names, sizeof names);
                return error_set(err, EINVAL, "unknown option \"%s\": allowed are %s", show(argument, size).text,
                                 names);
        }
        snprintf(where, sizeof where, "--%s", o->name);
        if (argument[size] == '=')
                value = argument + size + 1;
        else if (o->type == OPTION_FLAG)
                value = "yes";
        else if (*at + 1 < argc)
                value = argv[++*at];
        else
                return error_set(err, EINVAL, "%s needs a value: %s %s", where, where, o->metavar);
        (*at)++;
        given[o - t->options] |= OPTION_ON_COMMAND_LINE;
        return set_value(o, where, value, values, err);
}

int option_parse_arguments(const struct option_table *t, int argc, char *const *argv, void *values,
                           unsigned char *given, struct error *err)
{
        for (int at = 1; at < argc;) {
                int r = parse_argument(t, argc, argv, &at, values, given, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A file on its way through inih, which asks for one line at a time and calls back with what it found there. */
struct ini_source {
        const struct option_table *table;
        const char *path;
        const char *text, *end; /* what is still to be read */
        int line;               /* number of the line that was read last */
        void *values;
        unsigned char *given;
        void *section;          /* what keys of a named section fill; NULL outside */
        uint32_t section_given; /* bit n: its n-th option was */
        struct error *err;
        int failed;             /* the first failure: nothing is read or set after it */
};

static int refuse_line(struct ini_source *s, const char *why, const char *line, size_t size)
{
        return error_set(s->err, EINVAL, "%s:%d: %s: \"%s\"", show_text(s->path).text, s->line, why,
                         show(line, size).text);
}

/* [word "NAME"]: everything between the first and the last quote is the name. Returns 0 when line isn't one, 1 with the
 * section begun, or negative. */
static int begin_named(struct ini_source *s, const char *line, size_t size)
{
        const struct option_section *named = s->table->named;
        _cleanup_(freep) char *name = NULL;
        struct error allowed = {};
        char begin[64];
        size_t n;

        if (!named)
                return 0;
        n = (size_t)snprintf(begin, sizeof begin, "[%s \"", named->word);
        if (size < n + 2 || memcmp(line, begin, n) != 0 || memcmp(line + size - 2, "\"]", 2) != 0)
                return 0;
        name = strndup(line + n, size - n - 2);
        if (!name)
                return error_set(s->err, ENOMEM, "out of memory reading %s", show_text(s->path).text);
        if (check_text(name, &allowed) < 0)
                return error_set(s->err, EINVAL, "%s:%d: the name \"%s\" of a section is not allowed: %s",
                                 show_text(s->path).text, s->line, show_text(name).text, allowed.text);
        s->section = named->add(s->values, name);
        if (!s->section)
                return error_set(s->err, ENOMEM, "out of memory reading %s", show_text(s->path).text);
        s->section_given = 0;
        return 1;
}

/* inih cuts a section's name at 50 characters, ignores what stands behind it, and keeps one without keys to itself. */
static int begin_section(struct ini_source *s, const char *line, size_t size)
{
        const struct option_section *named = s->table->named;
        size_t name = strlen(s->table->section);
        char why[128];
        int r;

        if (size == name + 2 && line[size - 1] == ']' && memcmp(line + 1, s->table->section, name) == 0) {
                s->section = NULL;
                return 0;
        }
        r = begin_named(s, line, size);
        if (r != 0)
                return r < 0 ? r : 0;
        if (named)
                snprintf(why, sizeof why, "unknown section (allowed are [%s] and [%s \"%s\"])", s->table->section,
                         named->word, named->metavar);
        else
                snprintf(why, sizeof why, "unknown section (only [%s] is allowed)", s->table->section);
        return refuse_line(s, why, line, size);
}

/* inih's reader: puts the next line of the source into to, without the blanks around it (one before a line would make
 * it part of the value above). NULL at the end, and after a failure. */
static char *read_line(char *to, int room, void *data)
{
        struct ini_source *s = data;
        const char *line = s->text, *next;
        size_t size;

        if (s->failed || line == s->end)
                return NULL;
        next = memchr(line, '\n', (size_t)(s->end - line));
        size = (size_t)((next ? next : s->end) - line);
        s->text = next ? next + 1 : s->end;
        s->line++;
        for (; size && strchr(" \t\r", line[size - 1]); size--)
                ;
        for (; size && strchr(" \t", *line); size--)
                line++;
        if (memchr(line, '\0', size))
                s->failed = refuse_line(s, "a NUL is not allowed in a text", line, size);
        else if (size + 3 > (size_t)room)
                s->failed = refuse_line(s, "the line is longer than 16000 bytes", line, size);
        else if (size && *line == '[')
                s->failed = begin_section(s, line, size);
        if (s->failed)
                return NULL;
        memcpy(to, line, size);
        memcpy(to + size, "\n", 2);
        return to;
}

static int refuse_key(struct ini_source *s, const char *name)
{
        const struct option_table *t = s->table;
        char names[256], place[64] = "";

        if (s->section) {
                list_names(t->named->options, t->named->n_options, true, names, sizeof names);
                snprintf(place, sizeof place, " in [%s \"%s\"]", t->named->word, t->named->metavar);
        } else {
                list_names(t->options, t->n_options, true, names, sizeof names);
        }
        return error_set(s->err, EINVAL, "%s:%d: unknown key \"%s\": allowed%s are %s", show_text(s->path).text,
                         s->line, show_text(name).text, place, names);
}

/* Notes that an option was given in the file. Returns whether it was before. */
static bool note_given(struct ini_source *s, size_t i)
{
        bool before = s->section ? s->section_given >> i & 1 : s->given[i] & OPTION_IN_FILE;

        if (s->section)
                s->section_given |= UINT32_C(1) << i;
        else
                s->given[i] |= OPTION_IN_FILE;
        return before;
}

/* inih's handler: 1 is well. */
static int take_key(void *data, const char *section, const char *name, const char *value)
{
        struct ini_source *s = data;
        const struct option *options = s->section ? s->table->named->options : s->table->options;
        size_t n = s->section ? s->table->named->n_options : s->table->n_options, i;
        const struct option *o = option_find(options, n, name, strlen(name));
        char where[SHOWN_MAX + 64];
        bool overruled;

        (void)section;
        if (s->failed)
                return 0;
        if (!o || o->not_in_file) {
                s->failed = refuse_key(s, name);
                return 0;
        }
        i = (size_t)(o - options);
        overruled = !s->section && s->given[i] & OPTION_ON_COMMAND_LINE;
        snprintf(where, sizeof where, "%s:%d: %s", show_text(s->path).text, s->line, o->name);
        if (note_given(s, i) && o->type != OPTION_LIST)
                s->failed = error_set(s->err, EINVAL, "%s \"%s\" is not allowed: the key is there already, and once is "
                                      "allowed", where, show_value(o, value).text);
        else
                s->failed = set_value(o, where, value, overruled ? NULL : s->section ? s->section : s->values, s->err);
        return !s->failed;
}

/* What inih is like is up to variables of the library. Its buffer on the stack would be of 200 bytes, and an inline
 * comment would cut a value that holds " ;". */
static void set_up_inih(void)
{
        ini_use_stack = false;
        ini_initial_alloc = LINE_ROOM;
        ini_max_line = LINE_ROOM;
        ini_allow_multiline = false;
        ini_allow_inline_comments = false;
        ini_allow_bom = true;
}

int option_parse_file(const struct option_table *t, const char *path, const char *text, size_t size, void *values,
                      unsigned char *given, struct error *err)
{
        struct ini_source s = {
                .table = t, .path = path, .text = text, .end = text + size,
                .values = values, .given = given, .err = err,
        };
        int line;

        set_up_inih();
        line = ini_parse_stream(read_line, &s, take_key, &s);
        if (s.failed && (line <= 0 || line >= s.line))
                return s.failed;
        if (line > 0)
                return error_set(err, EINVAL, "%s:%d: a line is \"key = value\", a comment that begins with #, or [%s]",
                                 show_text(path).text, line, t->section);
        if (line < 0)
                return error_set(err, ENOMEM, "out of memory reading %s", path);
        return 0;
}

int option_fill_initial(const struct option_table *t, void *values, const unsigned char *given, struct error *err)
{
        for (size_t i = 0; i < t->n_options; i++) {
                const struct option *o = &t->options[i];
                int r;

                if (given[i] || !o->initial)
                        continue;
                r = set_value(o, o->name, o->initial, values, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

void option_values_done(const struct option_table *t, void *values)
{
        for (size_t i = 0; i < t->n_options; i++) {
                void *field = (char *)values + t->options[i].field;

                if (t->options[i].type == OPTION_TEXT) {
                        free(*(char **)field);
                        *(char **)field = NULL;
                } else if (t->options[i].type == OPTION_LIST) {
                        struct option_list *list = field;

                        for (size_t k = 0; k < list->n_items; k++)
                                free(list->items[k]);
                        free(list->items);
                        *list = (struct option_list){};
                }
        }
}
