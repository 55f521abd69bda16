/* The client: what its commands share. A command returns 0, or negative with one sentence in *err whose code says how
 * memtide ends:
 *
 *   EINVAL     2  wrong usage
 *   EREMOTEIO  4  the daemon does not know it, or refused
 *   EPIPE      0  nobody reads on, which is nobody's failure
 *   others     3  no answer, one that can't be understood, output that can't be written */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/option.h"
#include "client/screen.h"

enum { EXIT_AS_ASKED = 0, EXIT_LEAK = 1, EXIT_USAGE = 2, EXIT_NO_ANSWER = 3, EXIT_REFUSED = 4 };

/* Everything that can be given on the command line; NULL and false where it was not. */
struct settings {
        char *url, *token_file, *color;
        bool json, help, version;
        char *state, *sort, *q, *app, *kind, *process, *limit; /* as the API's parameters of that name */
        int64_t min_growth_bytes; /* 0: not given */
};

struct client {
        const struct settings *settings;
        const char *id; /* the command's argument, NULL where it takes none or none was given */
        char *const *files; /* those of a command that takes files, in argv */
        size_t n_files;
        struct daemon *daemon; /* NULL for a command that asks none */
        struct screen screen;
};

struct command {
        const char *name;
        const char *argument; /* as help shows it: "ID", "[N]", "FILE..."; NULL: none */
        enum {
                ARGUMENT_NONE,
                ARGUMENT_ID,     /* of a process */
                ARGUMENT_NUMBER, /* of a finding; may be left out */
                ARGUMENT_FILES,  /* one or more, "-" among them; it asks no daemon */
        } takes;
        const char *help;
        const struct option *options; /* its own, beside those of all commands; fields of struct settings */
        size_t n_options;
        int (*run)(struct client *client, struct error *err); /* 0, negative, or the exit status */
};

int cmd_ps(struct client *client, struct error *err);
int cmd_apps(struct client *client, struct error *err);
int cmd_show(struct client *client, struct error *err);
int cmd_heap(struct client *client, struct error *err);
int cmd_findings(struct client *client, struct error *err);
int cmd_export(struct client *client, struct error *err);
int cmd_analyze(struct client *client, struct error *err);
