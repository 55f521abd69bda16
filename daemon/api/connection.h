/* One connection: read a head, answer it, again or close. It never waits: the server calls it when its socket is ready
 * or its time is up.
 *
 *   READING --a whole head: answered--> WRITING --all sent--> READING, or LINGERING where the connection is to end
 *      |                                   ^  |
 *      | a bad head, or 5 s have passed    |  | no progress for 30 s, or the peer is gone
 *      +-----------------------------------+  +--> closed
 *   LINGERING: what the peer still sends is thrown away until it closes, for a second at most; closing with bytes
 *      unread would reset the connection, and the peer could lose the answer.
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

/* Answers a request; *ret is empty before and released by the connection. */
typedef void (*request_fn)(void *data, const struct request *request, struct answer *ret);

struct handler {
        request_fn answer;
        void *data;
        struct body_pool *pool;
};

struct connection {
        int fd;               /* -1: this place is free */
        enum { CONNECTION_READING, CONNECTION_WRITING, CONNECTION_LINGERING } state;
        bool over_unix;
        bool served;          /* it has had an answer already */
        bool close_after;     /* this answer is the last one */
        bool again;           /* a further head may have come already: don't wait for the socket */
        bool turned_away;     /* there were too many: it counts as none of them */
        char *in;             /* what has been read of the head; NULL: nothing */
        size_t in_size, scanned;
        struct buffer out;    /* head of the answer and the lead of its body */
        struct answer answer;
        size_t sent, total;
        int64_t deadline_ms, last_deadline_ms; /* monotonic: of the next step, of the whole answer */
};

void connection_start(struct connection *c, int fd, bool over_unix, int64_t now_ms);
void connection_close(struct connection *c);

/* Does what can be done now. */
void connection_step(struct connection *c, const struct handler *handler, int64_t now_ms);
/* Its deadline has passed. */
void connection_expire(struct connection *c, const struct handler *handler, int64_t now_ms);
/* Answers with a problem, unasked, and ends. */
void connection_refuse(struct connection *c, const struct handler *handler, int status, const char *detail,
                       int64_t now_ms);

/* What its socket is waited for: EPOLLIN or EPOLLOUT. */
uint32_t connection_wants(const struct connection *c);
