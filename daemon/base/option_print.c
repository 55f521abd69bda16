/* Options, printed: as settings in force, --help, a file's template, a man page. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/option.h"
#include "base/units.h"

enum {
        HELP_COLUMNS = 100,
        HELP_INDENT = 8,
        TEMPLATE_COLUMNS = 80,
};

/* Words of text in lines of at most so many columns, each begun by prefix. Counts bytes: help texts are ASCII. */
static void print_wrapped(FILE *to, const char *text, const char *prefix, size_t columns)
{
        size_t used = 0;

        while (*text) {
                size_t word = strcspn(text, " ");

                if (used && used + 1 + word > columns) {
                        fputc('\n', to);
                        used = 0;
                }
                used += (size_t)(used ? fprintf(to, " %.*s", (int)word, text)
                                      : fprintf(to, "%s%.*s", prefix, (int)word, text));
                text += word;
                text += strspn(text, " ");
        }
        fputc('\n', to);
}

/* Help and, made from the row, what is allowed and the default: one paragraph. NULL when out of memory. */
static char *paragraph(const struct option *o)
{
        _cleanup_(buffer_done) struct buffer b = {};

        buffer_add_text(&b, o->help);
        if (o->minimum && o->maximum)
                buffer_format(&b, " From %s to %s.", o->minimum, o->maximum);
        else if (o->minimum)
                buffer_format(&b, " At least %s.", o->minimum);
        if (o->type == OPTION_LIST)
                buffer_add_text(&b, " May be given more than once.");
        if (o->initial || o->initial_words)
                buffer_format(&b, " Default: %s.", o->initial_words ? o->initial_words : o->initial);
        return buffer_take(&b, NULL);
}

static void print_key(FILE *to, const char *name, const char *value)
{
        fprintf(to, "%s = %s\n", name, value);
}

static void print_value(FILE *to, const struct option *o, const void *values)
{
        const void *field = (const char *)values + o->field;
        const struct option_list *list = field;
        bool is_amount = o->type == OPTION_DURATION || o->type == OPTION_SIZE;
        char amount[UNITS_SIZE];

        if (is_amount && *(const int64_t *)field < 0)
                return;
        switch (o->type) {
        case OPTION_DURATION:
                duration_format(*(const int64_t *)field, amount);
                print_key(to, o->name, amount);
                break;
        case OPTION_SIZE:
                size_format(*(const int64_t *)field, amount);
                print_key(to, o->name, amount);
                break;
        case OPTION_FLAG:
                print_key(to, o->name, *(const bool *)field ? "yes" : "no");
                break;
        case OPTION_CHOICE:
                if (*(const int *)field >= 0)
                        print_key(to, o->name, option_words(o)[*(const int *)field]);
                break;
        case OPTION_TEXT:
                if (*(char *const *)field)
                        print_key(to, o->name, *(char *const *)field);
                break;
        case OPTION_LIST:
                for (size_t k = 0; k < list->n_items; k++)
                        print_key(to, o->name, list->items[k]);
                break;
        }
}

void option_print_values(const struct option_table *t, const void *values, FILE *to)
{
        const struct option_section *named = t->named;
        const char *name;
        const void *section;

        for (size_t i = 0; i < t->n_options; i++)
                if (!t->options[i].not_in_file)
                        print_value(to, &t->options[i], values);
        for (size_t i = 0; named && (section = named->at(values, i, &name)); i++) {
                fprintf(to, "\n[%s \"%s\"]\n", named->word, name);
                for (size_t k = 0; k < named->n_options; k++)
                        print_value(to, &named->options[k], section);
        }
}

/* What a named section is for and which keys it takes, as one paragraph. */
static char *section_paragraph(const struct option_section *named)
{
        _cleanup_(buffer_done) struct buffer b = {};

        buffer_format(&b, "%s Its keys:", named->help);
        for (size_t i = 0; i < named->n_options; i++)
                buffer_format(&b, "%s %s", i ? "," : "", named->options[i].name);
        buffer_add_text(&b, ".");
        return buffer_take(&b, NULL);
}

void option_print_help(const struct option_table *t, FILE *to)
{
        fprintf(to, "Usage: %s [OPTION]...\n", t->program);
        print_wrapped(to, t->summary, "", HELP_COLUMNS);
        for (size_t i = 0; i < t->n_options; i++) {
                const struct option *o = &t->options[i];
                _cleanup_(freep) char *text = paragraph(o);

                fprintf(to, "\n  --%s%s%s\n", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
                print_wrapped(to, text ? text : o->help, "        ", HELP_COLUMNS);
        }
        if (t->named) {
                _cleanup_(freep) char *text = section_paragraph(t->named);

                fprintf(to, "\nIn the configuration file:\n\n  [%s \"%s\"]\n", t->named->word, t->named->metavar);
                print_wrapped(to, text ? text : t->named->help, "        ", HELP_COLUMNS);
        }
}

static void print_template_key(FILE *to, const struct option *o)
{
        _cleanup_(freep) char *text = paragraph(o);

        fputc('\n', to);
        print_wrapped(to, text ? text : o->help, "# ", TEMPLATE_COLUMNS);
        fprintf(to, "#%s = %s\n", o->name, o->initial ? o->initial : o->example);
}

void option_print_template(const struct option_table *t, FILE *to)
{
        fprintf(to, "# The settings of %s: \"key = value\", each key an option of the same name. Behind\n"
                    "# a # stands the default, or an example where there is none. The command line\n"
                    "# wins over this file; \"%s --check-config\" prints the settings in force.\n\n[%s]\n",
                t->program, t->program, t->section);
        for (size_t i = 0; i < t->n_options; i++)
                if (!t->options[i].not_in_file)
                        print_template_key(to, &t->options[i]);
        if (!t->named)
                return;
        fputc('\n', to);
        print_wrapped(to, t->named->help, "# ", TEMPLATE_COLUMNS);
        fprintf(to, "#[%s \"%s\"]\n", t->named->word, t->named->example);
        for (size_t i = 0; i < t->named->n_options; i++)
                print_template_key(to, &t->named->options[i]);
}

/* What scdoc would take for its own is escaped. */
static void print_scdoc(FILE *to, const char *text)
{
        for (; *text; text++) {
                if (strchr("\\*_#~`[]|<>", *text))
                        fputc('\\', to);
                fputc(*text, to);
        }
}

/* before: what stands before the option's name. */
static void print_man_option(FILE *to, const struct option *o, const char *before)
{
        _cleanup_(freep) char *text = paragraph(o);

        fprintf(to, "\n*%s", before);
        print_scdoc(to, o->name);
        fputc('*', to);
        if (o->metavar) {
                fputs(" _", to);
                print_scdoc(to, o->metavar);
                fputc('_', to);
        }
        fputs("\n\t", to);
        print_scdoc(to, text ? text : o->help);
        if (o->not_in_file)
                fputs(" On the command line alone.", to);
        fputc('\n', to);
}

void option_print_man(const struct option_table *t, FILE *to)
{
        fputs("# OPTIONS\n\nEvery option but those of the command line alone is a key of the same name in the "
              "configuration file; a flag is _yes_ or _no_ there.\n", to);
        for (size_t i = 0; i < t->n_options; i++)
                print_man_option(to, &t->options[i], "--");
        if (!t->named)
                return;
        /* man(7) would take the quotes out of a heading. */
        fprintf(to, "\n## SECTIONS\n\n*\\[%s \"%s\"\\]* in the configuration file. ", t->named->word,
                t->named->metavar);
        print_scdoc(to, t->named->help);
        fputc('\n', to);
        for (size_t i = 0; i < t->named->n_options; i++)
                print_man_option(to, &t->named->options[i], "");
}
