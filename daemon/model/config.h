/* The daemon's settings: the option table, and what it fills. The command line wins over the file; a repeatable option
 * on the command line replaces the file's. Roles get the settings as text in the file's own form (config_print()). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/option.h"

#define CONFIG_PATH_DEFAULT "/etc/memtide/memtided.conf"

/* When a process's Python heap is looked into. */
enum inspect { INSPECT_OFF, INSPECT_ON_FINDING, INSPECT_PERIODIC, INSPECT_MODES };
const char *inspect_name(enum inspect inspect); /* "off", "on-finding", "periodic" */

/* [app "…"]: what is other for the apps whose names its glob fits. */
struct config_app {
        char *glob;                     /* a name, or a pattern of fnmatch(3) */
        int64_t min_growth_bytes;       /* -1: not given */
        int mute;                       /* 1 yes, 0 no, -1 not given */
        int inspect;                    /* enum inspect; -1: not given */
};

struct config {
        char *db;                       /* never NULL after config_load(): the default is worked out there */
        int64_t interval_ms, detail_interval_ms; /* detail is never below interval after config_load() */
        struct option_list listen;      /* "HOST:PORT", "[V6]:PORT", "unix:/path" */
        bool listen_given;              /* false: listen is the default, which sockets by activation replace */
        struct option_list allow_host;
        char *token_file;
        int64_t retention_ms, max_db_size_bytes;
        struct option_list include, exclude;
        bool show_secrets;
        char *webhook, *exec;           /* NULL: none. Whom alerts go to; the URL may hold secrets: webhook_url_show() */
        int64_t min_growth_bytes;
        enum inspect inspect;
        int64_t inspect_interval_ms;
        struct config_app *apps;        /* n_apps sections, as the file has them */
        size_t n_apps;
};

/* What holds for one app: its sections over the settings of all, a later section over an earlier one. */
struct app_settings {
        int64_t min_growth_bytes;
        bool mute;
        enum inspect inspect;
};
struct app_settings config_for_app(const struct config *c, const char *app_name);

enum config_action { CONFIG_RUN, CONFIG_CHECK, CONFIG_VERSION, CONFIG_HELP };

/* Command line and file (--config, by default CONFIG_PATH_DEFAULT, where absent is fine but a --config that is absent
 * is not). Returns 0, or -EINVAL with one sentence: wrong usage or configuration, exit status 2. Release on success.
 * CONFIG_VERSION and CONFIG_HELP leave *ret empty. The token file is looked into here, so that a bad one is refused, and whether
 * `exec` can be executed. */
int config_load(int argc, char **argv, struct config *ret, enum config_action *ret_action, struct error *err);
/* The text that config_print() wrote. */
int config_parse(const char *text, struct config *ret, struct error *err);
void config_done(struct config *c);

void config_print(const struct config *c, FILE *to);    /* the settings in force, in the file's own form */
void config_print_help(FILE *to);
void config_print_template(FILE *to);                   /* memtided.conf with every key commented out */
void config_print_man(FILE *to);                        /* the OPTIONS section of memtided.8, in scdoc's language */

/* How include and exclude are compiled (pcre2_compile()), by the check and by whoever matches with them. */
#define CONFIG_REGEX_OPTIONS (PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C)

/* Letters, digits, - and _ in labels with dots between them: a name or an IPv4 address. */
bool host_name_valid(const char *name);

/* Is value an address to listen on? check for the table, and the one parser for everybody. */
struct listen_address {
        enum { LISTEN_TCP, LISTEN_UNIX } kind;
        char host[256]; /* without brackets */
        uint16_t port;  /* 0: any free one */
        char path[108]; /* of a Unix socket */
        bool loopback;  /* TCP: 127.0.0.0/8, ::1 or localhost */
};
int listen_address_parse(const char *value, struct listen_address *ret, struct error *err);
