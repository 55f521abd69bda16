/* memtide: asks memtided, and shows what it says. */
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "client/commands.h"
#include "client/daemon.h"
#include "version.h"

static int exit_status(const struct error *err)
{
        switch (err->code) {
        case EPIPE:
                return EXIT_AS_ASKED;
        case EINVAL:
                return EXIT_USAGE;
        case EREMOTEIO:
                return EXIT_REFUSED;
        default:
                return EXIT_NO_ANSWER;
        }
}

static int choose_url(const struct settings *s, const char **ret, struct error *err)
{
        const char *url = getenv("MEMTIDE_URL");
        struct error allowed = {};

        if (s->url)
                url = s->url;
        else if (!url || !*url)
                url = "http://127.0.0.1:9733";
        else if (url_check(url, &allowed) < 0)
                return error_set(err, EINVAL, "$MEMTIDE_URL \"%.100s\" is not allowed: %s", url, allowed.text);
        *ret = url;
        return 0;
}

static int run_command(const struct invocation *i, struct error *err)
{
        _cleanup_(daemon_closep) struct daemon *daemon = NULL;
        struct client client = { .settings = &i->settings, .id = i->id, .files = i->files, .n_files = i->n_files };
        const char *url;
        int r;

        client.screen = screen_init(i->settings.color);
        if (i->command->takes == ARGUMENT_FILES)
                return i->command->run(&client, err);
        r = choose_url(&i->settings, &url, err);
        if (r >= 0)
                r = daemon_open(url, i->settings.token_file, &daemon, err);
        if (r < 0)
                return r;
        client.daemon = daemon;
        return i->command->run(&client, err);
}

static int print_what_is_asked(const struct invocation *i, struct error *err)
{
        if (i->settings.help)
                commands_print_help(i->command, stdout);
        else
                puts("memtide " MEMTIDE_VERSION);
        if (fflush(stdout) == 0 || errno == EPIPE)
                return 0;
        return error_set(err, EIO, "cannot write the output");
}

int main(int argc, char *argv[])
{
        struct invocation i = {};
        struct error err = {};
        int r;

        log_init("memtide");
        signal(SIGPIPE, SIG_IGN);
        tzset();
        curl_global_init(CURL_GLOBAL_DEFAULT);
        r = invocation_parse(argc, argv, &i, &err);
        if (r >= 0)
                r = i.settings.help || i.settings.version ? print_what_is_asked(&i, &err) : run_command(&i, &err);
        if (r < 0 && err.code != EPIPE)
                log_error("%s", err.text);
        invocation_done(&i);
        curl_global_cleanup();
        return r < 0 ? exit_status(&err) : r;
}
