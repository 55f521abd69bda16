/* HTTP over the sockets that the api was given: one thread, one epoll. The server accepts, counts and times connections,
 * connection.h is their gate, exchange.h serves what got through. */
#pragma once

#include <stddef.h>

#include "api/connection.h"
#include "base/error.h"

#define SERVER_CONNECTIONS 256

/* Serves until stop_fd can be read; then answers that are on their way have half a second. The sockets listen already
 * and stay the caller's. 0, or negative with *err. */
int server_run(const int *sockets, size_t n_sockets, int stop_fd, const struct handler *handler, struct error *err);
