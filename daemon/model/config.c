/* The daemon's settings: the option table, and what it fills. */
#include "model/config.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/secret.h"
#include "model/webhook_url.h"

enum {
        FILE_MOST = 1024 * 1024,
};

/* What a command line can say: the settings, and what is of one start alone. */
struct invocation {
        struct config config;
        char *file;
        bool check, version, help;
};

static int check_address(const char *value, struct error *err)
{
        struct listen_address a;

        return listen_address_parse(value, &a, err);
}

static int check_host(const char *value, struct error *err)
{
        if (!host_name_valid(value))
                return error_set(err, EINVAL, "a host name is allowed, without a port");
        return 0;
}

static int check_regex(const char *value, struct error *err)
{
        PCRE2_SIZE offset;
        char why[160];
        int code;
        pcre2_code *regex =
                pcre2_compile((PCRE2_SPTR)value, PCRE2_ZERO_TERMINATED, CONFIG_REGEX_OPTIONS, &code, &offset, NULL);

        if (regex) {
                pcre2_code_free(regex);
                return 0;
        }
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return error_set(err, EINVAL, "a regular expression of PCRE2 is allowed; behind its first %zu bytes: %s",
                         offset, why);
}

static const char *const inspect_words[INSPECT_MODES + 1] = {
        [INSPECT_OFF] = "off", [INSPECT_ON_FINDING] = "on-finding", [INSPECT_PERIODIC] = "periodic",
};

const char *inspect_name(enum inspect inspect)
{
        return inspect < INSPECT_MODES ? inspect_words[inspect] : "unknown";
}

#define FIELD(member) offsetof(struct invocation, member)

static const struct option options[] = {
        { .name = "db", .metavar = "FILE", .type = OPTION_TEXT, .field = FIELD(config.db),
          .initial_words = "memtide.db in $STATE_DIRECTORY; for root /var/lib/memtide/memtide.db; else "
                           "$XDG_STATE_HOME/memtide/memtide.db",
          .example = "/var/lib/memtide/memtide.db",
          .help = "The SQLite file that keeps the history; made with its folder where absent." },
        { .name = "interval", .metavar = "DURATION", .type = OPTION_DURATION, .field = FIELD(config.interval_ms),
          .initial = "5s", .minimum = "100ms", .maximum = "1h",
          .help = "Time between two samples of a process: one tick." },
        { .name = "detail-interval", .metavar = "DURATION", .type = OPTION_DURATION,
          .field = FIELD(config.detail_interval_ms), .initial = "60s", .minimum = "1ms", .maximum = "365d",
          .help = "How often the costlier figures are taken (PSS, USS, swap, threads, files, CPU, bytes read); "
                  "never more often than a tick." },
        { .name = "listen", .metavar = "ADDRESS", .type = OPTION_LIST, .field = FIELD(config.listen),
          .initial = "127.0.0.1:9733", .check = check_address,
          .help = "Where to answer: HOST:PORT, [V6]:PORT or unix:/path. Port 0 takes a free one and logs it. "
                  "Addresses beyond loopback need a token-file." },
        { .name = "allow-host", .metavar = "NAME", .type = OPTION_LIST, .field = FIELD(config.allow_host),
          .example = "memtide.example.org", .check = check_host,
          .help = "A further name that a request's Host may bear. Loopback names and IP addresses are always "
                  "allowed." },
        { .name = "token-file", .metavar = "FILE", .type = OPTION_TEXT, .field = FIELD(config.token_file),
          .example = "/etc/memtide/token",
          .help = "A file with a bearer token of 16 characters or more, which others can't read. Once it is set, "
                  "every TCP request needs the token; without it nothing beyond loopback and Unix sockets is "
                  "listened on." },
        { .name = "retention", .metavar = "DURATION", .type = OPTION_DURATION, .field = FIELD(config.retention_ms),
          .initial = "30d", .minimum = "1s", .maximum = "36500d",
          .help = "How far back history is kept." },
        { .name = "max-db-size", .metavar = "SIZE", .type = OPTION_SIZE, .field = FIELD(config.max_db_size_bytes),
          .initial = "2GiB", .minimum = "4MiB",
          .help = "Database and WAL together never outgrow it: the oldest history goes first." },
        { .name = "include", .metavar = "REGEX", .type = OPTION_LIST, .field = FIELD(config.include),
          .example = "^/opt/report/", .check = check_regex,
          .help = "Watches processes that are not Python too, where the regular expression (PCRE2) is found "
                  "anywhere in the full command line." },
        { .name = "exclude", .metavar = "REGEX", .type = OPTION_LIST, .field = FIELD(config.exclude),
          .example = "unattended-upgrade", .check = check_regex,
          .help = "Leaves out processes where the regular expression is found anywhere in the full command line; "
                  "wins over include." },
        { .name = "show-secrets", .type = OPTION_FLAG, .field = FIELD(config.show_secrets), .initial = "no",
          .help = "Keeps values in command lines that look like secrets, instead of masking them as *** before "
                  "they are stored, searched, logged or sent." },
        { .name = "min-growth", .metavar = "SIZE", .type = OPTION_SIZE, .field = FIELD(config.min_growth_bytes),
          .initial = "8MiB", .minimum = "1B",
          .help = "A leak that has grown by less than this in all opens no finding." },
        { .name = "inspect", .metavar = "off|on-finding|periodic", .type = OPTION_CHOICE, .words = inspect_words,
          .field = FIELD(config.inspect), .initial = "on-finding",
          .help = "When the Python heap of a process is looked into from outside, which neither stops nor changes it: never; "
                  "once after an hour, and while a finding on it is open; or besides that every inspect-interval." },
        { .name = "inspect-interval", .metavar = "DURATION", .type = OPTION_DURATION,
          .field = FIELD(config.inspect_interval_ms), .initial = "10m", .minimum = "100ms", .maximum = "30d",
          .help = "Time between two looks into one heap, where they repeat. They take 1 % of one core a process at most, and 2 % "
                  "in all: where that does not suffice, they come less often." },
        { .name = "webhook", .metavar = "URL", .type = OPTION_TEXT, .field = FIELD(config.webhook),
          .example = "https://alerts.example.org/memtide", .check = webhook_url_check, .shows_no_user = true,
          .help = "Is told of every finding that opens, worsens or closes: JSON is posted to it (http or https, no "
                  "redirects), again and again until it takes it." },
        { .name = "exec", .metavar = "PROGRAM", .type = OPTION_TEXT, .field = FIELD(config.exec),
          .example = "/usr/local/bin/memtide-alarm",
          .help = "Is run for every finding that opens, worsens or closes, with the JSON on its standard input and "
                  "without a shell, again and again until it ends with status 0." },
        { .name = "config", .metavar = "FILE", .type = OPTION_TEXT, .field = FIELD(file), .not_in_file = true,
          .initial_words = CONFIG_PATH_DEFAULT ", where absent is fine",
          .help = "The configuration file: \"key = value\", each key an option of the same name." },
        { .name = "check-config", .type = OPTION_FLAG, .field = FIELD(check), .not_in_file = true,
          .help = "Prints the settings in force, in the file's own form, and exits." },
        { .name = "version", .type = OPTION_FLAG, .field = FIELD(version), .not_in_file = true,
          .help = "Prints the version and exits." },
        { .name = "help", .type = OPTION_FLAG, .field = FIELD(help), .not_in_file = true,
          .help = "Prints this and exits." },
};

enum { N_OPTIONS = sizeof options / sizeof *options };

#define APP_FIELD(member) offsetof(struct config_app, member)

static const struct option app_options[] = {
        { .name = "min-growth", .metavar = "SIZE", .type = OPTION_SIZE, .field = APP_FIELD(min_growth_bytes),
          .minimum = "1B", .example = "64MiB",
          .help = "In place of the min-growth of all." },
        { .name = "inspect", .metavar = "off|on-finding|periodic", .type = OPTION_CHOICE, .words = inspect_words,
          .field = APP_FIELD(inspect), .example = "periodic",
          .help = "In place of the inspect of all." },
        { .name = "mute", .metavar = "yes|no", .type = OPTION_CHOICE, .field = APP_FIELD(mute), .example = "yes",
          .help = "With yes, no finding opens on the app or its processes, and open ones close." },
};

static void *app_add(void *values, const char *name)
{
        struct config *c = &((struct invocation *)values)->config;
        struct config_app *apps = reallocarray(c->apps, c->n_apps + 1, sizeof *apps);

        if (!apps)
                return NULL;
        c->apps = apps;
        apps[c->n_apps] = (struct config_app){ .glob = strdup(name), .min_growth_bytes = -1, .mute = -1, .inspect = -1 };
        return apps[c->n_apps].glob ? &apps[c->n_apps++] : NULL;
}

static const void *app_at(const void *values, size_t i, const char **ret_name)
{
        const struct config *c = &((const struct invocation *)values)->config;

        if (i >= c->n_apps)
                return NULL;
        *ret_name = c->apps[i].glob;
        return &c->apps[i];
}

static const struct option_section app_section = {
        .word = "app",
        .metavar = "NAME or glob",
        .help = "Says what is other for one app, or for all whose names fit: * stands for any characters, ? for one, "
                "[ab] for one of these. Where several sections fit, the later one counts.",
        .example = "gunicorn: shop",
        .options = app_options,
        .n_options = sizeof app_options / sizeof *app_options,
        .add = app_add,
        .at = app_at,
};

static const struct option_table table = {
        .program = "memtided",
        .summary = "Watches the memory of every Python process on this machine from outside, keeps the history in "
                   "one SQLite file, and serves it over HTTP.",
        .section = "memtided",
        .options = options,
        .n_options = N_OPTIONS,
        .named = &app_section,
};

static void invocation_done(struct invocation *v)
{
        for (size_t i = 0; i < v->config.n_apps; i++)
                free(v->config.apps[i].glob);
        free(v->config.apps);
        option_values_done(&table, v);
}

static int default_db(char **ret, struct error *err)
{
        const char *state = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        int r;

        /* systemd passes several folders with colons between them; ours is the first. */
        if (state && strcspn(state, ":") > 0)
                r = asprintf(ret, "%.*s/memtide.db", (int)strcspn(state, ":"), state);
        else if (geteuid() == 0)
                r = asprintf(ret, "/var/lib/memtide/memtide.db");
        else if (xdg && *xdg == '/')
                r = asprintf(ret, "%s/memtide/memtide.db", xdg);
        else if (home && *home == '/')
                r = asprintf(ret, "%s/.local/state/memtide/memtide.db", home);
        else
                return error_set(err, EINVAL,
                                 "--db FILE is needed: neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME says where "
                                 "the database could be");
        if (r < 0) {
                *ret = NULL;
                return error_set(err, ENOMEM, "out of memory");
        }
        return 0;
}

static unsigned char given_of(const unsigned char *given, size_t field)
{
        for (size_t i = 0; i < N_OPTIONS; i++)
                if (options[i].field == field)
                        return given[i];
        return 0;
}

/* What an error calls an option when it is found wrong only after all was read. */
static const char *dashes(const unsigned char *given, size_t field)
{
        return given_of(given, field) & OPTION_ON_COMMAND_LINE ? "--" : "";
}

/* Once the line and the file are in: what was not said, and what holds between options. */
static int settle(struct invocation *v, const unsigned char *given, struct error *err)
{
        int r = option_fill_initial(&table, v, given, err);

        if (r < 0)
                return r;
        v->config.listen_given = given_of(given, FIELD(config.listen));
        if (v->config.detail_interval_ms < v->config.interval_ms)
                v->config.detail_interval_ms = v->config.interval_ms;
        return v->config.db ? 0 : default_db(&v->config.db, err);
}

static int check_exposure(const struct config *c, const unsigned char *given, struct error *err)
{
        for (size_t i = 0; !c->token_file && i < c->listen.n_items; i++) {
                struct listen_address a;
                int r = listen_address_parse(c->listen.items[i], &a, err);

                if (r < 0)
                        return r;
                if (a.kind == LISTEN_TCP && !a.loopback)
                        return error_set(err, EINVAL,
                                         "%slisten \"%s\" is not allowed: without a token-file, only loopback "
                                         "addresses (127.0.0.1, [::1], localhost) and Unix sockets are",
                                         dashes(given, FIELD(config.listen)), c->listen.items[i]);
        }
        return 0;
}

static int check_token(const struct config *c, const unsigned char *given, struct error *err)
{
        _cleanup_(secret_freep) char *token = NULL;

        if (c->token_file && secret_load(c->token_file, &token, err) < 0) {
                error_prefix(err, "%stoken-file is refused: ", dashes(given, FIELD(config.token_file)));
                return -EINVAL;
        }
        return 0;
}

/* As this process; the helper that runs it has no capabilities, and says so where that makes a difference. Not a check of
 * the table's: the roles read the settings too, and can't see every file. */
static int check_program(const struct invocation *v, const unsigned char *given, struct error *err)
{
        const char *program = v->config.exec;
        struct stat st;
        int code = 0;

        if (!program)
                return 0;
        if (stat(program, &st) < 0 || faccessat(AT_FDCWD, program, X_OK, AT_EACCESS) < 0)
                code = errno;
        else if (!S_ISREG(st.st_mode))
                code = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
        if (!code)
                return 0;
        error_set(err, EINVAL, "exec \"%s\" is not allowed: the path of a file that can be executed is (%s)", program,
                  strerror(code));
        if (given_of(given, FIELD(config.exec)) & OPTION_ON_COMMAND_LINE)
                return error_prefix(err, "--");
        return error_prefix(err, "%s: ", v->file ? v->file : CONFIG_PATH_DEFAULT);
}

static int read_file(struct invocation *v, unsigned char *given, struct error *err)
{
        const char *path = v->file ? v->file : CONFIG_PATH_DEFAULT;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        int r = file_load(AT_FDCWD, path, FILE_MOST, &text, &size);

        if (!v->file && (r == -ENOENT || r == -ENOTDIR))
                return 0;
        if (r == -EFBIG)
                return error_set(err, EINVAL, "the configuration file %s has more than %d bytes", path, FILE_MOST);
        if (r < 0)
                return error_set(err, EINVAL, "cannot read the configuration file %s: %s", path, strerror(-r));
        return option_parse_file(&table, path, text, size, v, given, err);
}

static enum config_action action_of(const struct invocation *v)
{
        return v->help ? CONFIG_HELP : v->version ? CONFIG_VERSION : v->check ? CONFIG_CHECK : CONFIG_RUN;
}

int config_load(int argc, char **argv, struct config *ret, enum config_action *ret_action, struct error *err)
{
        _cleanup_(invocation_done) struct invocation v = {};
        unsigned char given[N_OPTIONS] = {};
        enum config_action action;
        int r;

        r = option_parse_arguments(&table, argc, argv, &v, given, err);
        if (r < 0)
                return -EINVAL;
        action = action_of(&v);
        if (action == CONFIG_RUN || action == CONFIG_CHECK) {
                r = read_file(&v, given, err);
                if (r >= 0)
                        r = settle(&v, given, err);
                if (r >= 0)
                        r = check_exposure(&v.config, given, err);
                if (r >= 0)
                        r = check_token(&v.config, given, err);
                if (r >= 0)
                        r = check_program(&v, given, err);
                if (r < 0)
                        return -EINVAL;
        }
        *ret_action = action;
        *ret = v.config;
        v.config = (struct config){};
        return 0;
}

int config_parse(const char *text, struct config *ret, struct error *err)
{
        _cleanup_(invocation_done) struct invocation v = {};
        unsigned char given[N_OPTIONS] = {};

        if (option_parse_file(&table, "settings", text, strlen(text), &v, given, err) < 0 || settle(&v, given, err) < 0)
                return -EINVAL;
        *ret = v.config;
        v.config = (struct config){};
        return 0;
}

struct app_settings config_for_app(const struct config *c, const char *app_name)
{
        struct app_settings s = { .min_growth_bytes = c->min_growth_bytes, .inspect = c->inspect };

        for (size_t i = 0; i < c->n_apps; i++) {
                const struct config_app *a = &c->apps[i];

                /* A name that holds brackets is not a pattern for itself. */
                if (strcmp(a->glob, app_name) != 0 && fnmatch(a->glob, app_name, 0) != 0)
                        continue;
                if (a->min_growth_bytes >= 0)
                        s.min_growth_bytes = a->min_growth_bytes;
                if (a->mute >= 0)
                        s.mute = a->mute;
                if (a->inspect >= 0)
                        s.inspect = (enum inspect)a->inspect;
        }
        return s;
}

void config_done(struct config *c)
{
        struct invocation v = { .config = *c };

        invocation_done(&v);
        *c = (struct config){};
}

void config_print(const struct config *c, FILE *to)
{
        const struct invocation v = { .config = *c };

        option_print_values(&table, &v, to);
}

void config_print_help(FILE *to)
{
        option_print_help(&table, to);
}

void config_print_template(FILE *to)
{
        option_print_template(&table, to);
}

void config_print_man(FILE *to)
{
        option_print_man(&table, to);
}
