/* The commands and options of memtide, one row each: the parser, --help and the man page are made from them. */
#pragma once

#include <stdio.h>

#include "client/memtide.h"

extern const struct command commands[];
extern const size_t n_commands;

struct invocation {
        const struct command *command; /* NULL: only --help or --version was asked for */
        const char *id;                /* in argv */
        char **files;                  /* allocated; its texts are in argv */
        size_t n_files;
        struct settings settings;
};

/* Global options stand before and after the command, "--" ends options. Returns 0, or -EINVAL (-ENOMEM) with what is
 * wrong: the option, its value and what is allowed. Release with invocation_done() in either case. */
int invocation_parse(int argc, char *const *argv, struct invocation *ret, struct error *err);
void invocation_done(struct invocation *i);

/* What is allowed for --url, in *err, or 0; for $MEMTIDE_URL as well. */
int url_check(const char *value, struct error *err);

/* --help, of memtide (command NULL) or of one command. */
void commands_print_help(const struct command *command, FILE *to);
/* The sections COMMANDS and OPTIONS of the man page, in scdoc's language. */
void commands_print_man(FILE *to);
