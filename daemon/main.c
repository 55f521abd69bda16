/* memtided: what its command line asks for. */
#include <stdio.h>

#include "base/log.h"
#include "engine/engine.h"
#include "model/config.h"
#include "version.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2

int main(int argc, char **argv)
{
        struct config config = {};
        enum config_action action;
        struct error err = {};
        int r;

        log_init("memtided");
        r = config_load(argc, argv, &config, &action, &err);
        if (r < 0) {
                log_error("%s", err.text);
                return EXIT_USAGE;
        }
        switch (action) {
        case CONFIG_CHECK:
                config_print(&config, stdout);
                break;
        case CONFIG_VERSION:
                puts("memtided " MEMTIDE_VERSION);
                break;
        case CONFIG_HELP:
                config_print_help(stdout);
                break;
        case CONFIG_RUN:
                r = engine_run(&config, argc, argv, &err);
                break;
        }
        config_done(&config);
        if (r < 0)
                log_error("%s", err.text);
        return r < 0 ? EXIT_FAILED : 0;
}
