/* The command line. */
#include "client/commands.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/finding.h"
#include "model/process.h"

enum { OPTIONS_MOST = 24, LIMIT_MOST = 1000 };

static int one_of(const char *value, const char *const *words, size_t n, struct error *err)
{
        char allowed[128] = "";
        size_t used = 0;

        for (size_t i = 0; i < n; i++) {
                if (strcmp(value, words[i]) == 0)
                        return 0;
                used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s",
                                         i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
        }
        return error_set(err, EINVAL, "%s is allowed", allowed);
}

static int color_check(const char *value, struct error *err)
{
        static const char *const words[] = { "auto", "always", "never" };

        return one_of(value, words, 3, err);
}

static int state_check(const char *value, struct error *err)
{
        static const char *const words[] = { "running", "exited", "all" };

        return one_of(value, words, 3, err);
}

static int finding_state_check(const char *value, struct error *err)
{
        static const char *const words[] = { "open", "closed", "all" };

        return one_of(value, words, 3, err);
}

static int kind_check(const char *value, struct error *err)
{
        const char *words[FINDING_KINDS];

        for (int i = 0; i < FINDING_KINDS; i++)
                words[i] = finding_kind_name((enum finding_kind)i);
        return one_of(value, words, FINDING_KINDS, err);
}

static int process_check(const char *value, struct error *err)
{
        struct process_id id;
        int parts;

        if (process_id_parse(value, &id, &parts))
                return 0;
        return error_set(err, EINVAL, "a PID or an id as \"memtide ps --json\" shows it is allowed");
}

static int sort_check(const char *value, const char *const *words, size_t n, struct error *err)
{
        int r = one_of(*value == '-' ? value + 1 : value, words, n, err);

        if (r < 0)
                error_prefix(err, "with or without - for descending, ");
        return r;
}

static int process_sort_check(const char *value, struct error *err)
{
        static const char *const words[] = { "rss", "growth", "pid", "started" };

        return sort_check(value, words, 4, err);
}

static int app_sort_check(const char *value, struct error *err)
{
        static const char *const words[] = { "rss", "growth", "name" };

        return sort_check(value, words, 3, err);
}

static int limit_check(const char *value, struct error *err)
{
        char *end = NULL;
        long limit = *value >= '0' && *value <= '9' ? strtol(value, &end, 10) : 0;

        if (limit < 1 || limit > LIMIT_MOST || *end)
                return error_set(err, EINVAL, "a whole number from 1 to %d is allowed", LIMIT_MOST);
        return 0;
}

static bool is_http_url(const char *value)
{
        CURLU *url = curl_url();
        char *query = NULL;
        /* libcurl forgives "http:///x". */
        bool fine = url && (text_starts(value, "http://") || text_starts(value, "https://")) &&
                    !strstr(value, ":///") &&
                    curl_url_set(url, CURLUPART_URL, value, 0) == CURLUE_OK &&
                    curl_url_get(url, CURLUPART_QUERY, &query, 0) != CURLUE_OK && !strpbrk(value, "#?");

        curl_free(query);
        curl_url_cleanup(url);
        return fine;
}

int url_check(const char *value, struct error *err)
{
        if (text_starts(value, "unix:/")) {
                if (strlen(value + strlen("unix:")) < sizeof((struct sockaddr_un *)NULL)->sun_path)
                        return 0;
                return error_set(err, EINVAL, "a socket's path of at most %zu bytes is allowed",
                                 sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
        }
        if (is_http_url(value))
                return 0;
        return error_set(err, EINVAL, "http://HOST:PORT, https://HOST:PORT or unix:/PATH is allowed");
}

#define FIELD(name) offsetof(struct settings, name)

static const struct option global_options[] = {
        { .name = "url", .metavar = "URL", .type = OPTION_TEXT, .field = FIELD(url), .check = url_check,
          .initial_words = "$MEMTIDE_URL, else http://127.0.0.1:9733", .not_in_file = true,
          .help = "Where memtided listens: http://HOST:PORT, or unix:/PATH for its Unix socket." },
        { .name = "token-file", .metavar = "FILE", .type = OPTION_TEXT, .field = FIELD(token_file), .not_in_file = true,
          .help = "The file that holds the bearer token, where memtided asks for one." },
        { .name = "json", .type = OPTION_FLAG, .field = FIELD(json), .not_in_file = true,
          .help = "Print the API's answer as it is; of analyze, one line of JSON a trace." },
        { .name = "color", .metavar = "WHEN", .type = OPTION_TEXT, .field = FIELD(color), .check = color_check,
          .initial_words = "auto", .not_in_file = true,
          .help = "auto, always or never. auto: on a terminal, unless $NO_COLOR is set." },
        { .name = "version", .type = OPTION_FLAG, .field = FIELD(version), .not_in_file = true,
          .help = "Print the version and exit." },
        { .name = "help", .type = OPTION_FLAG, .field = FIELD(help), .not_in_file = true,
          .help = "Print this, or with a command the options of that command, and exit." },
};

#define STATE_OPTION                                                                                          \
        { .name = "state", .metavar = "STATE", .type = OPTION_TEXT, .field = FIELD(state), .check = state_check,\
          .initial_words = "running", .not_in_file = true, .help = "running, exited or all." }
#define SORT_OPTION(words, by)                                                                                \
        { .name = "sort", .metavar = "KEY", .type = OPTION_TEXT, .field = FIELD(sort), .check = by,           \
          .initial_words = "-rss", .not_in_file = true, .help = words " with - in front for descending." }
#define Q_OPTION                                                                                              \
        { .name = "q", .metavar = "TEXT", .type = OPTION_TEXT, .field = FIELD(q), .not_in_file = true,        \
          .help = "Only those with this text in name, command line, app or unit; upper and lower case are the same." }
#define LIMIT_OPTION                                                                                          \
        { .name = "limit", .metavar = "N", .type = OPTION_TEXT, .field = FIELD(limit), .check = limit_check,  \
          .initial_words = "all", .not_in_file = true, .help = "Only the first N, 1 to 1000." }

static const struct option ps_options[] = {
        STATE_OPTION,
        SORT_OPTION("rss, growth, pid or started,", process_sort_check),
        Q_OPTION,
        { .name = "app", .metavar = "APP", .type = OPTION_TEXT, .field = FIELD(app), .not_in_file = true,
          .help = "Only the processes of this app, by its id or its name." },
        LIMIT_OPTION,
};

static const struct option apps_options[] = {
        STATE_OPTION,
        SORT_OPTION("rss, growth or name,", app_sort_check),
        Q_OPTION,
        LIMIT_OPTION,
};

static const struct option findings_options[] = {
        { .name = "state", .metavar = "STATE", .type = OPTION_TEXT, .field = FIELD(state), .check = finding_state_check,
          .initial_words = "open", .not_in_file = true, .help = "open, closed or all." },
        { .name = "kind", .metavar = "KIND", .type = OPTION_TEXT, .field = FIELD(kind), .check = kind_check,
          .not_in_file = true, .help = "Only this kind: leak, step, limit, gc or fragmentation." },
        { .name = "process", .metavar = "ID", .type = OPTION_TEXT, .field = FIELD(process), .check = process_check,
          .not_in_file = true, .help = "Only those of this process." },
        { .name = "app", .metavar = "APP", .type = OPTION_TEXT, .field = FIELD(app), .not_in_file = true,
          .help = "Only those of this app and of its processes, by its id or its name." },
        LIMIT_OPTION,
};

static const struct option analyze_options[] = {
        { .name = "min-growth", .metavar = "SIZE", .type = OPTION_SIZE, .field = FIELD(min_growth_bytes),
          .initial_words = "as little as stands out", .not_in_file = true,
          .help = "A leak smaller than this in all opens no finding." },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const struct command commands[] = {
        { .name = "ps", .options = ps_options, .n_options = COUNT(ps_options), .run = cmd_ps,
          .help = "The processes, as a table." },
        { .name = "apps", .options = apps_options, .n_options = COUNT(apps_options), .run = cmd_apps,
          .help = "The apps, as a table." },
        { .name = "show", .argument = "ID", .takes = ARGUMENT_ID, .run = cmd_show,
          .help = "One process: facts, a chart of its last 24 hours, its findings, what happened to it." },
        { .name = "findings", .argument = "[N]", .takes = ARGUMENT_NUMBER, .options = findings_options,
          .n_options = COUNT(findings_options), .run = cmd_findings,
          .help = "What was found, newest first; with a number that finding whole: evidence, causes, what to do." },
        { .name = "heap", .argument = "ID", .takes = ARGUMENT_ID, .run = cmd_heap,
          .help = "What its Python heap holds, and what grows: containers and types by name, the garbage collector, "
                  "where its memory is." },
        { .name = "export", .argument = "ID", .takes = ARGUMENT_ID, .run = cmd_export,
          .help = "Its whole history as CSV." },
        { .name = "analyze", .argument = "FILE...", .takes = ARGUMENT_FILES, .options = analyze_options,
          .n_options = COUNT(analyze_options), .run = cmd_analyze,
          .help = "Runs the daemon's detector over recorded traces, with no daemon: CSV, recordings of mprof and "
                  "psrecord, memtide databases. - is standard input." },
};
const size_t n_commands = COUNT(commands);

/* The options that a command takes, its own first; for NULL those of all commands. */
static struct option_table options_of(const struct command *command, const char *program, const char *summary,
                                      struct option room[static OPTIONS_MOST])
{
        size_t own = command ? command->n_options : 0;

        if (own)
                memcpy(room, command->options, own * sizeof *room);
        memcpy(room + own, global_options, sizeof global_options);
        return (struct option_table){ .program = program, .summary = summary, .options = room,
                                      .n_options = own + COUNT(global_options) };
}

static const struct option *find_in(const struct option *options, size_t n, const char *name, size_t size)
{
        for (size_t i = 0; i < n; i++)
                if (strlen(options[i].name) == size && memcmp(options[i].name, name, size) == 0)
                        return &options[i];
        return NULL;
}

/* Whether the word behind this option is its value. Options of one name are of one kind in all commands. */
static bool takes_next(const char *argument)
{
        size_t size = strlen(argument + 2);
        const struct option *o = find_in(global_options, COUNT(global_options), argument + 2, size);

        for (size_t i = 0; !o && i < n_commands; i++)
                o = find_in(commands[i].options, commands[i].n_options, argument + 2, size);
        return o && o->type != OPTION_FLAG;
}

static int set_command(const char *name, struct invocation *ret, struct error *err)
{
        char allowed[128] = "";
        size_t used = 0;

        for (size_t i = 0; i < n_commands; i++) {
                if (strcmp(name, commands[i].name) == 0)
                        ret->command = &commands[i];
                used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "",
                                         commands[i].name);
        }
        if (ret->command)
                return 0;
        return error_set(err, EINVAL, "unknown command \"%.100s\": allowed are %s", name, allowed);
}

static int check_argument(const struct command *command, const char *value, struct error *err)
{
        struct process_id id;
        int parts;
        size_t digits = strspn(value, "0123456789");

        if (command->takes == ARGUMENT_ID && !process_id_parse(value, &id, &parts))
                return error_set(err, EINVAL, "ID \"%.100s\" is not allowed: a PID or an id as \"memtide ps --json\" "
                                 "shows it is allowed", value);
        if (command->takes == ARGUMENT_NUMBER && (*value == '0' || digits == 0 || digits > 18 || value[digits]))
                return error_set(err, EINVAL, "N \"%.100s\" is not allowed: the number of a finding, as \"memtide "
                                 "findings\" shows it, is allowed", value);
        return 0;
}

static int set_argument(char *value, struct invocation *ret, struct error *err)
{
        const struct command *command = ret->command;

        if (command->takes == ARGUMENT_NONE)
                return error_set(err, EINVAL, "\"%.100s\" is not allowed: %s takes options alone", value,
                                 command->name);
        if (command->takes == ARGUMENT_FILES) {
                ret->files[ret->n_files++] = value;
                return 0;
        }
        if (ret->id)
                return error_set(err, EINVAL, "\"%.100s\" is not allowed: %s takes one %s", value, command->name,
                                 command->takes == ARGUMENT_ID ? "ID" : "number");
        ret->id = value;
        return check_argument(command, value, err);
}

/* Parts the words that are options, with their values, from the command and its argument. */
static int part_words(int argc, char *const *argv, char **ret_options, int *ret_n, struct invocation *ret,
                      struct error *err)
{
        bool ended = false;
        int n = 1, r = 0;

        ret->files = calloc((size_t)argc + 1, sizeof *ret->files);
        if (!ret->files)
                return error_set(err, ENOMEM, "out of memory");
        ret_options[0] = (char *)"memtide";
        for (int i = 1; i < argc && r >= 0; i++) {
                if (!ended && strcmp(argv[i], "--") == 0) {
                        ended = true;
                } else if (!ended && text_starts(argv[i], "--")) {
                        ret_options[n++] = argv[i];
                        if (takes_next(argv[i]) && i + 1 < argc)
                                ret_options[n++] = argv[++i];
                } else if (!ended && argv[i][0] == '-' && argv[i][1]) {
                        r = error_set(err, EINVAL, "unknown option \"%.100s\": allowed are those of memtide --help",
                                      argv[i]);
                } else {
                        r = ret->command ? set_argument(argv[i], ret, err) : set_command(argv[i], ret, err);
                }
        }
        *ret_n = n;
        return r;
}

static int check_complete(const struct invocation *i, struct error *err)
{
        const struct command *command = i->command;

        if (i->settings.help || i->settings.version)
                return 0;
        if (!command)
                return error_set(err, EINVAL, "it needs a command: ps, apps, show or findings (see memtide --help)");
        if (command->takes == ARGUMENT_ID && !i->id)
                return error_set(err, EINVAL, "%s needs an ID: a PID or an id, as in \"memtide %s 4242\"",
                                 command->name, command->name);
        if (command->takes == ARGUMENT_FILES && !i->n_files)
                return error_set(err, EINVAL, "%s needs a FILE, or - for standard input", command->name);
        return 0;
}

int invocation_parse(int argc, char *const *argv, struct invocation *ret, struct error *err)
{
        _cleanup_(freep) char **words = calloc((size_t)argc + 1, sizeof *words);
        struct option room[OPTIONS_MOST];
        unsigned char given[OPTIONS_MOST] = {};
        struct option_table table;
        int n, r;

        *ret = (struct invocation){};
        if (!words)
                return error_set(err, ENOMEM, "out of memory");
        r = part_words(argc, argv, words, &n, ret, err);
        if (r < 0)
                return r;
        table = options_of(ret->command, "memtide", NULL, room);
        r = option_parse_arguments(&table, n, words, &ret->settings, given, err);
        return r < 0 ? r : check_complete(ret, err);
}

void invocation_done(struct invocation *i)
{
        struct option room[OPTIONS_MOST];

        /* An option of several commands has one field: what is given back once is NULL the next time. */
        for (size_t c = 0; c < n_commands; c++) {
                struct option_table table = options_of(&commands[c], "memtide", NULL, room);

                option_values_done(&table, &i->settings);
        }
        free(i->files);
        *i = (struct invocation){};
}

static void print_commands(FILE *to)
{
        fputs("\nCommands:\n", to);
        for (size_t i = 0; i < n_commands; i++)
                fprintf(to, "  %-8s %-7s %s\n", commands[i].name, commands[i].argument ? commands[i].argument : "",
                        commands[i].help);
        fputs("\nExit status: 0 as asked, 1 analyze found a leak, 2 wrong usage, 3 no answer from memtided or input "
              "that can't\nbe read, 4 memtided does not know that or refused.\n", to);
}

void commands_print_help(const struct command *command, FILE *to)
{
        struct option room[OPTIONS_MOST];
        struct option_table table;
        char program[64];

        if (command) {
                snprintf(program, sizeof program, "memtide %s%s%s", command->name, command->argument ? " " : "",
                         command->argument ? command->argument : "");
                table = options_of(command, program, command->help, room);
        } else
                table = options_of(NULL, "memtide COMMAND", "Asks memtided what the Python processes of this machine "
                                   "do with their memory.", room);
        option_print_help(&table, to);
        if (!command)
                print_commands(to);
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

static void print_man_options(const struct option *options, size_t n, FILE *to)
{
        for (size_t i = 0; i < n; i++) {
                fprintf(to, "*--%s*", options[i].name);
                if (options[i].metavar)
                        fprintf(to, " _%s_", options[i].metavar);
                fputs("\n\t", to);
                print_scdoc(to, options[i].help);
                if (options[i].initial_words) {
                        fputs(" Default: ", to);
                        print_scdoc(to, options[i].initial_words);
                        fputc('.', to);
                }
                fputs("\n\n", to);
        }
}

void commands_print_man(FILE *to)
{
        fputs("# COMMANDS\n\n", to);
        for (size_t i = 0; i < n_commands; i++) {
                fprintf(to, "## %s", commands[i].name);
                if (commands[i].argument)
                        fprintf(to, " %s", commands[i].argument);
                fputs("\n\n", to);
                print_scdoc(to, commands[i].help);
                fputs("\n\n", to);
                print_man_options(commands[i].options, commands[i].n_options, to);
        }
        fputs("# OPTIONS\n\nThese are taken before and after the command.\n\n", to);
        print_man_options(global_options, COUNT(global_options), to);
}
