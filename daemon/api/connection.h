/* One connection, and the gate before libmicrohttpd: the bytes of a head are looked at while they are still in the
 * socket, and only a whole head that came in time and can be read in one way alone is left to libmicrohttpd
 * (exchange.h). All else is answered here, as problem+json, and ends the connection.
 *
 *   READING --a whole head--> SERVING --all sent (connection_served)--> READING, or closed by libmicrohttpd
 *      |                         |
 *      | a bad head, or 5 s      | no progress for 30 s, or 10 minutes in all
 *      v                         v
 *   REFUSING --all sent--> LINGERING --------------------------------> ENDING --> closed
 *
 *   LINGERING: what the peer still sends is thrown away until it closes, for a second at most; closing with bytes
 *      unread would reset the connection, and the peer could lose the answer.
 *   ENDING: shut down; whoever owns the descriptor closes it next.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/answer.h"
#include "api/head.h"
#include "base/buffer.h"

struct request {
        struct head head;
        bool over_unix; /* came by a Unix socket */
};

/* Answers a request; *ret is empty before and released by the caller. */
typedef void (*request_fn)(void *data, const struct request *request, struct answer *ret);

struct handler {
        request_fn answer;
        void *data;
        struct body_pool *pool;
};

enum connection_state {
        CONNECTION_READING,
        CONNECTION_SERVING,
        CONNECTION_REFUSING,
        CONNECTION_LINGERING,
        CONNECTION_ENDING,
};

struct connection {
        int fd;                  /* -1: this place is free */
        enum connection_state state;
        bool handed;             /* libmicrohttpd owns the descriptor */
        bool over_unix;
        bool served;             /* it has had an answer already */
        bool close_after;        /* this answer is the last one */
        bool turned_away;        /* there were too many: it counts as none of them */
        size_t scanned;          /* of the head that is coming */
        char *in;                /* the head being served: request.head leads into it */
        struct request request;
        struct buffer out;       /* a refusal */
        size_t sent;
        int64_t deadline_ms, last_deadline_ms; /* monotonic: of the next step, of the whole answer */
};

void connection_start(struct connection *c, int fd, bool over_unix, int64_t now_ms);
/* Its memory; the descriptor too, unless it was handed on. The place is free then. */
void connection_free(struct connection *c);

/* Its socket is ready, in any state but SERVING. Moves on as far as it can without waiting. */
void connection_step(struct connection *c, struct body_pool *pool, int64_t now_ms);
/* libmicrohttpd has sent the answer, and keeps the connection. */
void connection_served(struct connection *c, int64_t now_ms);
/* It took some of the answer. */
void connection_progressed(struct connection *c, int64_t now_ms);
/* Its deadline has passed. */
void connection_expire(struct connection *c, struct body_pool *pool, int64_t now_ms);
/* Answers with a problem, unasked, and ends. */
void connection_refuse(struct connection *c, struct body_pool *pool, int status, const char *detail, int64_t now_ms);

/* What its socket is waited for: events of epoll. */
uint32_t connection_wants(const struct connection *c);
