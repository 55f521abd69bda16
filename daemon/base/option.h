/* Options: one table row each, from which the command line, the configuration file, --help, --check-config, the file's
 * template and the man page are all made. A value is checked in one place, and an error names the option as it was
 * given (--interval, or file:line: interval), the value, and what is allowed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum option_type {
        OPTION_DURATION, /* int64_t, ms */
        OPTION_SIZE,     /* int64_t, bytes */
        OPTION_TEXT,     /* char *, NULL where not given */
        OPTION_LIST,     /* struct option_list: repeatable */
        OPTION_FLAG,     /* bool; yes or no in the file */
        OPTION_CHOICE,   /* int: which of its words; -1 not given */
};

/* Where a value was given: flags, both may be set. */
enum { OPTION_IN_FILE = 1, OPTION_ON_COMMAND_LINE = 2 };

struct option_list {
        char **items; /* n_items of them */
        size_t n_items;
};

struct option {
        const char *name;       /* "interval": --interval, and the key */
        const char *metavar;    /* "DURATION", NULL for a flag */
        enum option_type type;
        const char *initial;    /* as it would be written; NULL: none */
        const char *minimum, *maximum; /* of a duration or size, NULL: none */
        size_t field;           /* offset in the struct that is filled */
        /* A further look at one value (a regular expression, an address): 0, or negative with what is allowed in *err,
         * to be put behind the option's name and the value. May be NULL. */
        int (*check)(const char *value, struct error *err);
        const char *const *words; /* of a choice, with a NULL behind the last; NULL: no (0) and yes (1) */
        const char *help;       /* one sentence or two, for all of --help, template and man page */
        const char *initial_words; /* says what the default is where initial can't: "the newest of …", or NULL */
        const char *example;    /* a value for the template where there is no initial one; not NULL there */
        bool not_in_file;       /* of the command line alone */
        bool shows_no_user;     /* an URL: errors quote it without its user info */
};

/* A section that repeats, each with a name in quotes: [app "NAME"], its quotes and brackets taken as they are. Its keys
 * fill a struct a section; in there a duration or size that was not given is -1, and is not printed. */
struct option_section {
        const char *word;       /* "app" */
        const char *metavar;    /* "NAME" */
        const char *help;       /* one sentence or two */
        const char *example;    /* a name, for the template */
        const struct option *options; /* at most 32, none of them a list or not_in_file */
        size_t n_options;
        /* A section begins: the struct that its keys fill, nothing given yet, values' own; NULL when out of memory. */
        void *(*add)(void *values, const char *name);
        /* The i-th one and its name; NULL behind the last. */
        const void *(*at)(const void *values, size_t i, const char **ret_name);
};

struct option_table {
        const char *program;    /* "memtided" */
        const char *summary;    /* what the program is for: a sentence or two */
        const char *section;    /* "memtided": the section whose keys they are; keys before any section count too */
        const struct option *options;
        size_t n_options;
        const struct option_section *named; /* may stand in the file too, or NULL; who owns values releases them */
};

/* Below, `values` is the struct that the table's fields lie in, zeroed before the first call, and `given` has one byte
 * an option, zeroed too. What a failed call has set so far stays: release it all with option_values_done(). A text or
 * list may not be empty, begin or end with a blank, or hold control characters: the file's form could not hold it. */

/* --name VALUE, --name=VALUE, --flag; argv[0] is left out. The last value counts, a list keeps them all. Returns 0, or
 * -EINVAL (-ENOMEM) with *err. */
int option_parse_arguments(const struct option_table *t, int argc, char *const *argv, void *values,
                           unsigned char *given, struct error *err);

/* The text of an INI file; path is for messages. What the command line gave already is checked and left as it is. */
int option_parse_file(const struct option_table *t, const char *path, const char *text, size_t size, void *values,
                      unsigned char *given, struct error *err);

/* The words of a choice or flag, in the order of its values. */
const char *const *option_words(const struct option *o);

/* The initial value of every option that was not given. */
int option_fill_initial(const struct option_table *t, void *values, const unsigned char *given, struct error *err);

void option_values_done(const struct option_table *t, void *values);

/* The settings as a file that option_parse_file() reads to the same settings; what has no value is left out. */
void option_print_values(const struct option_table *t, const void *values, FILE *to);
/* --help: 100 columns at most. */
void option_print_help(const struct option_table *t, FILE *to);
/* A file with every key explained and commented out. */
void option_print_template(const struct option_table *t, FILE *to);
/* The section OPTIONS of a man page, in scdoc's language. */
void option_print_man(const struct option_table *t, FILE *to);
