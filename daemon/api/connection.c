/* One connection, and its gate. */
#include "api/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_TIME_MS 5000
#define PROGRESS_TIME_MS 30000
#define ANSWER_TIME_MS 600000
#define LINGER_TIME_MS 1000

void connection_start(struct connection *c, int fd, bool over_unix, int64_t now_ms)
{
        *c = (struct connection){ .fd = fd, .over_unix = over_unix, .deadline_ms = now_ms + HEAD_TIME_MS };
}

void connection_free(struct connection *c)
{
        if (c->fd >= 0 && !c->handed)
                close(c->fd);
        free(c->in);
        buffer_done(&c->out);
        *c = (struct connection){ .fd = -1 };
}

/* Bytes that are looked at stay in the socket, so it would be ready for ever: only new ones count. */
uint32_t connection_wants(const struct connection *c)
{
        switch (c->state) {
        case CONNECTION_READING:
                return EPOLLIN | EPOLLET;
        case CONNECTION_SERVING:
        case CONNECTION_REFUSING:
                return EPOLLOUT;
        case CONNECTION_LINGERING:
                return EPOLLIN;
        case CONNECTION_ENDING:
                return 0;
        }
        return 0;
}

static void end(struct connection *c, int64_t now_ms)
{
        shutdown(c->fd, SHUT_RDWR);
        c->state = CONNECTION_ENDING;
        c->deadline_ms = now_ms;
}

/* A problem goes out by our own hand: whole in nearly every case, since nothing else waits in the socket. */
static void refuse(struct connection *c, struct body_pool *pool, const struct head_problem *bad, int64_t now_ms)
{
        struct answer a = {};
        size_t size;

        answer_problem(&a, pool, &(struct problem){ .status = bad->status, .detail = bad->detail });
        size = a.fixed ? strlen(a.fixed) : a.body->size;
        buffer_format(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n",
                      a.status, status_title(a.status), a.type, size, ANSWER_FIELDS);
        buffer_add(&c->out, a.fixed ? a.fixed : a.body->data, size);
        answer_done(&a);
        c->state = CONNECTION_REFUSING;
        c->deadline_ms = now_ms + PROGRESS_TIME_MS;
        if (c->out.failed)
                end(c, now_ms);
}

static void write_refusal(struct connection *c, int64_t now_ms)
{
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.size - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                end(c, now_ms);
                return;
        }
        c->sent += (size_t)n;
        if (c->sent < c->out.size)
                return;
        shutdown(c->fd, SHUT_WR);
        c->state = CONNECTION_LINGERING;
        c->deadline_ms = now_ms + LINGER_TIME_MS;
}

static void throw_away_input(struct connection *c, int64_t now_ms)
{
        char bytes[4096];

        for (int i = 0; i < 16; i++) {
                ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        end(c, now_ms);
                        return;
                }
        }
}

/* A head that is whole: is it one that everybody reads alike? Then libmicrohttpd may have it. */
static void admit(struct connection *c, struct body_pool *pool, const char *bytes, size_t size, size_t come, int64_t now_ms)
{
        struct head_problem bad = { 503, "out of memory" };
        struct head *head = &c->request.head;

        c->in = malloc(size);
        if (!c->in) {
                refuse(c, pool, &bad, now_ms);
                return;
        }
        memcpy(c->in, bytes, size);
        c->request = (struct request){ .over_unix = c->over_unix };
        if (!head_parse(c->in, size, head, &bad)) {
                refuse(c, pool, &bad, now_ms);
                return;
        }
        if (head->body && head->method != METHOD_OTHER) {
                refuse(c, pool, &(struct head_problem){ 400, "a request by GET or HEAD has no body here" }, now_ms);
                return;
        }
        /* What follows at once (a body, a pipelined request) would get past the gate with this head: it is not read. */
        c->close_after = head->body || come > size;
        c->state = CONNECTION_SERVING;
        c->deadline_ms = now_ms + PROGRESS_TIME_MS;
        c->last_deadline_ms = now_ms + ANSWER_TIME_MS;
}

/* Line ends before a request line are passed over (RFC 9112, 2.2). False: there were some, look again. */
static bool begins(struct connection *c, const char *bytes, size_t size)
{
        char dropped[2];

        if (c->scanned || size < 2 || memcmp(bytes, "\r\n", 2) != 0)
                return true;
        return recv(c->fd, dropped, 2, MSG_DONTWAIT) <= 0;
}

static void look(struct connection *c, struct body_pool *pool, int64_t now_ms)
{
        char bytes[HEAD_MAX];
        struct head_problem bad;
        ssize_t n;

        do {
                n = recv(c->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        end(c, now_ms);
                        return;
                }
        } while (!begins(c, bytes, (size_t)n));
        switch (head_scan(bytes, (size_t)n, &c->scanned, &bad)) {
        case HEAD_MORE:
                return;
        case HEAD_WRONG:
                refuse(c, pool, &bad, now_ms);
                return;
        case HEAD_WHOLE:
                admit(c, pool, bytes, c->scanned, (size_t)n, now_ms);
                return;
        }
}

void connection_step(struct connection *c, struct body_pool *pool, int64_t now_ms)
{
        if (c->state == CONNECTION_READING)
                look(c, pool, now_ms);
        if (c->state == CONNECTION_REFUSING)
                write_refusal(c, now_ms);
        if (c->state == CONNECTION_LINGERING)
                throw_away_input(c, now_ms);
}

void connection_served(struct connection *c, int64_t now_ms)
{
        free(c->in);
        c->in = NULL;
        c->scanned = 0;
        c->served = true;
        c->request = (struct request){};
        if (c->state != CONNECTION_SERVING)
                return;
        c->state = CONNECTION_READING;
        c->deadline_ms = now_ms + HEAD_TIME_MS;
}

void connection_progressed(struct connection *c, int64_t now_ms)
{
        c->deadline_ms = now_ms + PROGRESS_TIME_MS;
        if (c->deadline_ms > c->last_deadline_ms)
                c->deadline_ms = c->last_deadline_ms;
}

void connection_refuse(struct connection *c, struct body_pool *pool, int status, const char *detail, int64_t now_ms)
{
        refuse(c, pool, &(struct head_problem){ status, detail }, now_ms);
        connection_step(c, pool, now_ms);
}

/* A kept connection that is quiet is closed without a word: a client that sends its next request at this moment would
 * take a 408 for the answer to it. */
void connection_expire(struct connection *c, struct body_pool *pool, int64_t now_ms)
{
        if (c->state == CONNECTION_READING && (c->scanned > 0 || !c->served))
                connection_refuse(c, pool, 408, "the request's head did not come within 5 seconds", now_ms);
        else
                end(c, now_ms);
}
