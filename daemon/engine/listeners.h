/* The sockets the api answers on. The engine holds them, so that nobody is refused while the api is started anew. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "engine/role.h"
#include "model/config.h"

#define LISTENERS_MAX 32

struct listener {
        int fd;
        char address[300]; /* as it was asked for; "" for one passed by systemd */
        char shown[320];   /* "http://127.0.0.1:9733", "unix:/run/…" */
        char path[108];    /* of a Unix socket made here, removed at the end; else "" */
};

struct listeners {
        struct listener open[LISTENERS_MAX];
        int n;
};

/* Opens what the settings ask for. Sockets passed by systemd (LISTEN_FDS) replace the default address; those asked for
 * are opened too. After a reload those that stay are kept, others closed. On failure nothing changes. */
int listeners_open(struct listeners *l, const struct config *config, struct error *err);
void listeners_close(struct listeners *l);
