/* libmicrohttpd: reads requests that the gate has let through, and sends their answers. The one file that knows it. It
 * does what it is told and no more: it never listens, never waits, has no timer, and reads or writes a connection only
 * when exchange_ready() said so (its select mode; the server keeps the descriptors' numbers small). */
#pragma once

#include "api/connection.h"
#include "base/error.h"

struct exchange;

/* handler must outlive it. places: how many connections at most. */
int exchange_new(const struct handler *handler, unsigned places, struct exchange **ret, struct error *err);
/* Closes every connection that was handed over. NULL is fine; returns NULL. */
struct exchange *exchange_free(struct exchange *x);

/* Takes the descriptor over: from now on it is closed by exchange_run() alone, which then calls connection_free(). c must
 * stay where it is until then. False: it could not, and the connection is as it was. */
bool exchange_take(struct exchange *x, struct connection *c);

/* The next exchange_run() may read and write this one. */
void exchange_ready(struct exchange *x, const struct connection *c);

/* Does what can be done for those that are ready; calls connection_served() where an answer is all sent. */
void exchange_run(struct exchange *x, int64_t now_ms);
