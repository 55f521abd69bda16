/* HTTP over the sockets that the api was given: one thread, one epoll. Spoken here by ourselves, not through
 * libmicrohttpd: that links GnuTLS, and a process that does nothing but load it and SQLite has a PSS of 4.5 MiB
 * instead of 1.9 (Debian 12), of the 6 MiB that all roles together may take; and its own answers to bad heads, which
 * can't be changed, are not the problem+json that is promised. What is needed is little: GET and HEAD, no bodies, no
 * TLS. */
#pragma once

#include <stddef.h>

#include "api/connection.h"
#include "base/error.h"

#define SERVER_CONNECTIONS 256

/* Serves until stop_fd can be read; then answers that are on their way have half a second. The sockets listen already
 * and stay the caller's. 0, or negative with *err. */
int server_run(const int *sockets, size_t n_sockets, int stop_fd, const struct handler *handler, struct error *err);
