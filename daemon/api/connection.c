/* One connection. */
#include "api/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD_TIME_MS 5000
#define PROGRESS_TIME_MS 30000
#define ANSWER_TIME_MS 600000
#define LINGER_TIME_MS 1000

void connection_start(struct connection *c, int fd, bool over_unix, int64_t now_ms)
{
        *c = (struct connection){ .fd = fd, .over_unix = over_unix, .deadline_ms = now_ms + HEAD_TIME_MS };
}

static void forget_answer(struct connection *c)
{
        answer_done(&c->answer);
        buffer_done(&c->out);
        c->sent = c->total = 0;
}

void connection_close(struct connection *c)
{
        if (c->fd >= 0)
                close(c->fd);
        free(c->in);
        forget_answer(c);
        *c = (struct connection){ .fd = -1 };
}

uint32_t connection_wants(const struct connection *c)
{
        return c->state == CONNECTION_WRITING ? EPOLLOUT : EPOLLIN;
}

static size_t body_size(const struct answer *a)
{
        return a->fixed ? strlen(a->fixed) : a->lead_size + (a->body ? a->body->size : 0);
}

/* The answer in c->answer starts on its way. */
static void begin_writing(struct connection *c, bool head_only, bool http_1_0, int64_t now_ms)
{
        struct answer *a = &c->answer;

        buffer_format(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s\r\n", a->status,
                      status_title(a->status), a->type, body_size(a),
                      "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n", a->fields,
                      c->close_after ? "Connection: close\r\n" : http_1_0 ? "Connection: keep-alive\r\n" : "");
        if (!head_only && !a->fixed)
                buffer_add(&c->out, a->lead, a->lead_size);
        if (c->out.failed) {
                connection_close(c);
                return;
        }
        if (head_only) {
                a->body = body_unref(a->body);
                a->fixed = NULL;
        }
        c->total = c->out.size + (a->fixed ? strlen(a->fixed) : a->body ? a->body->size : 0);
        c->state = CONNECTION_WRITING;
        c->served = true;
        c->deadline_ms = now_ms + PROGRESS_TIME_MS;
        c->last_deadline_ms = now_ms + ANSWER_TIME_MS;
}

/* False: the socket takes no more now, or the connection is over. */
static bool write_some(struct connection *c, int64_t now_ms)
{
        const struct answer *a = &c->answer;
        const char *rest = a->fixed ? a->fixed : a->body ? a->body->data : NULL;
        struct iovec parts[2];
        struct msghdr message = { .msg_iov = parts };
        ssize_t n;

        if (c->sent < c->out.size)
                parts[message.msg_iovlen++] = (struct iovec){ c->out.data + c->sent, c->out.size - c->sent };
        if (rest) {
                size_t from = c->sent > c->out.size ? c->sent - c->out.size : 0;

                parts[message.msg_iovlen++] = (struct iovec){ (char *)rest + from, c->total - c->out.size - from };
        }
        n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        if (n <= 0) {
                connection_close(c);
                return false;
        }
        c->sent += (size_t)n;
        c->deadline_ms = now_ms + PROGRESS_TIME_MS;
        if (c->deadline_ms > c->last_deadline_ms)
                c->deadline_ms = c->last_deadline_ms;
        return true;
}

static void finish_writing(struct connection *c, int64_t now_ms)
{
        forget_answer(c);
        if (c->close_after) {
                shutdown(c->fd, SHUT_WR);
                c->state = CONNECTION_LINGERING;
                c->deadline_ms = now_ms + LINGER_TIME_MS;
                return;
        }
        c->state = CONNECTION_READING;
        c->deadline_ms = now_ms + HEAD_TIME_MS;
        c->again = c->in_size > 0;
}

static void answer_bad_head(struct connection *c, const struct handler *handler, const struct head_problem *bad,
                            int64_t now_ms)
{
        c->close_after = true;
        answer_problem(&c->answer, handler->pool, &(struct problem){ .status = bad->status, .detail = bad->detail });
        begin_writing(c, false, false, now_ms);
}

static void answer_head(struct connection *c, const struct handler *handler, size_t size, int64_t now_ms)
{
        struct request request = { .over_unix = c->over_unix };
        struct head_problem bad;

        if (!head_parse(c->in, size, &request.head, &bad)) {
                answer_bad_head(c, handler, &bad, now_ms);
                return;
        }
        if (request.head.body && request.head.method != METHOD_OTHER) {
                bad = (struct head_problem){ 400, "a request by GET or HEAD has no body here" };
                answer_bad_head(c, handler, &bad, now_ms);
                return;
        }
        c->close_after = !request.head.keep_alive || request.head.body;
        handler->answer(handler->data, &request, &c->answer);
        begin_writing(c, request.head.method == METHOD_HEAD, request.head.http_1_0, now_ms);
}

/* Line ends before a request line are passed over (RFC 9112, 2.2). */
static void drop_input(struct connection *c, size_t size)
{
        while (size + 2 <= c->in_size && memcmp(c->in + size, "\r\n", 2) == 0)
                size += 2;
        c->in_size -= size;
        c->scanned = 0;
        if (c->in_size) {
                memmove(c->in, c->in + size, c->in_size);
                return;
        }
        free(c->in);
        c->in = NULL;
}

static void judge_input(struct connection *c, const struct handler *handler, int64_t now_ms)
{
        struct head_problem bad;
        size_t size;

        if (c->scanned == 0 && c->in)
                drop_input(c, 0);
        if (!c->in)
                return;
        switch (head_scan(c->in, c->in_size, &c->scanned, &bad)) {
        case HEAD_MORE:
                return;
        case HEAD_WRONG:
                answer_bad_head(c, handler, &bad, now_ms);
                return;
        case HEAD_WHOLE:
                size = c->scanned;
                answer_head(c, handler, size, now_ms);
                if (c->fd >= 0)
                        drop_input(c, size);
                return;
        }
}

static void read_some(struct connection *c, const struct handler *handler, int64_t now_ms)
{
        ssize_t n;

        if (!c->in)
                c->in = malloc(HEAD_MAX);
        if (!c->in) {
                connection_close(c);
                return;
        }
        n = recv(c->fd, c->in + c->in_size, HEAD_MAX - c->in_size, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                if (!c->in_size)
                        drop_input(c, 0);
                return;
        }
        if (n <= 0) {
                connection_close(c);
                return;
        }
        c->in_size += (size_t)n;
        judge_input(c, handler, now_ms);
}

static void throw_away_input(struct connection *c)
{
        char bytes[4096];

        for (int i = 0; i < 16; i++) {
                ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        connection_close(c);
                        return;
                }
        }
}

void connection_step(struct connection *c, const struct handler *handler, int64_t now_ms)
{
        bool again = c->again;

        c->again = false;
        if (c->state == CONNECTION_READING) {
                if (again)
                        judge_input(c, handler, now_ms);
                if (c->fd >= 0 && c->state == CONNECTION_READING)
                        read_some(c, handler, now_ms);
        }
        while (c->fd >= 0 && c->state == CONNECTION_WRITING && write_some(c, now_ms))
                if (c->sent == c->total)
                        finish_writing(c, now_ms);
        if (c->fd >= 0 && c->state == CONNECTION_LINGERING)
                throw_away_input(c);
}

void connection_refuse(struct connection *c, const struct handler *handler, int status, const char *detail,
                       int64_t now_ms)
{
        answer_bad_head(c, handler, &(struct head_problem){ status, detail }, now_ms);
        if (c->fd >= 0)
                connection_step(c, handler, now_ms);
}

/* A kept connection that is quiet is closed without a word: a client that sends its next request at this moment would
 * take a 408 for the answer to it. */
void connection_expire(struct connection *c, const struct handler *handler, int64_t now_ms)
{
        if (c->state == CONNECTION_READING && (c->in_size > 0 || !c->served))
                connection_refuse(c, handler, 408, "the request's head did not come within 5 seconds", now_ms);
        else
                connection_close(c);
}
