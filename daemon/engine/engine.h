/* The engine: holds the roles together. It starts the sampler and the api and replaces them when they fall, writes what
 * the sampler reports into the store, and speaks with systemd. One thread, one loop. */
#pragma once

#include "base/error.h"
#include "model/config.h"

/* Runs with these settings, which it takes over, until SIGTERM or SIGINT; argc and argv are for reloads. Returns 0 as
 * asked, negative when it failed, with why in *err. */
int engine_run(struct config *config, int argc, char **argv, struct error *err);
