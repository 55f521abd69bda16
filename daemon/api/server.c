/* HTTP over the sockets that the api was given. */
#include "api/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/exchange.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Beyond the 256, so many more are told that there are too many and given time to read it. */
#define PLACES_TURNED_AWAY 64
#define PLACES (SERVER_CONNECTIONS + PLACES_TURNED_AWAY)
#define ACCEPT_AT_ONCE 64
#define EVENTS_AT_ONCE 64
/* With the kernel's own sizing a listing of 1,000 processes (1 MB) went out 2,600 to 4,000 times a second, with this
 * 4,000 to 6,200; four times as much gives 6,600, but 256 readers that stand still could then hold half a GiB.
 * sendfile() from a memfd was no quicker and took a fifth more CPU. */
#define SEND_BUFFER (256 << 10)
#define ACCEPT_PAUSE_MS 100
#define STOP_TIME_MS 500
#define TOO_MANY "256 connections are open already; try again soon"

struct server {
        const struct handler *handler;
        struct exchange *exchange;
        const int *sockets;
        size_t n_sockets;
        int stop_fd;
        int epoll;
        int64_t accept_after_ms; /* no descriptor was left: 0, or when to accept again */
        int64_t stop_at_ms;      /* 0: not stopping */
        struct connection places[PLACES];
};

/* In epoll's data: a place, or behind the places a listening socket, or the very last one. */
#define EVENT_SOCKET PLACES
#define EVENT_STOP UINT32_MAX

static struct server *server_free(struct server *s)
{
        exchange_free(s->exchange);
        for (size_t i = 0; i < PLACES; i++)
                connection_free(&s->places[i]);
        if (s->epoll >= 0)
                close(s->epoll);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(struct server *, server_free)

static int watch(struct server *s, int how, int fd, uint32_t events, uint32_t what)
{
        return epoll_ctl(s->epoll, how, fd, &(struct epoll_event){ .events = events, .data.u32 = what });
}

static void watch_sockets(struct server *s, uint32_t events)
{
        for (size_t i = 0; i < s->n_sockets; i++)
                watch(s, EPOLL_CTL_MOD, s->sockets[i], events, (uint32_t)(EVENT_SOCKET + i));
}

/* Connections, without those turned away. */
static int count(const struct server *s)
{
        int n = 0;

        for (size_t i = 0; i < PLACES; i++)
                n += s->places[i].fd >= 0 && !s->places[i].turned_away;
        return n;
}

static struct connection *free_place(struct server *s)
{
        for (size_t i = 0; i < PLACES; i++)
                if (s->places[i].fd < 0)
                        return &s->places[i];
        return NULL;
}

/* Sees to what a connection came to: hands it on, ends it, waits for what it wants next. before: what its socket was
 * waited for. */
static void settle(struct server *s, struct connection *c, uint32_t before)
{
        uint32_t wants = connection_wants(c);

        if (c->state == CONNECTION_SERVING) {
                /* Once it is taken, whatever happens to it happens in exchange_run(). */
                if (!c->handed && !exchange_take(s->exchange, c)) {
                        if (c->fd >= 0)
                                connection_free(c);
                        return;
                }
                exchange_ready(s->exchange, c);
                return;
        }
        if (c->state == CONNECTION_ENDING && !c->handed) {
                connection_free(c);
                return;
        }
        if (c->state == CONNECTION_ENDING)
                exchange_ready(s->exchange, c);
        if (wants != before)
                watch(s, EPOLL_CTL_MOD, c->fd, wants, (uint32_t)(c - s->places));
}

static void step(struct server *s, struct connection *c, int64_t now_ms)
{
        uint32_t before = connection_wants(c);

        if (c->state == CONNECTION_SERVING) {
                connection_progressed(c, now_ms);
                exchange_ready(s->exchange, c);
                return;
        }
        connection_step(c, s->handler->pool, now_ms);
        settle(s, c, before);
}

static void expire(struct server *s, struct connection *c, int64_t now_ms)
{
        uint32_t before = connection_wants(c);

        connection_expire(c, s->handler->pool, now_ms);
        settle(s, c, before);
}

/* Serves those that are ready, then waits for what each of them came to want. */
static void serve(struct server *s, const uint32_t *who, int n, int64_t now_ms)
{
        exchange_run(s->exchange, now_ms);
        for (int i = 0; i < n; i++) {
                struct connection *c = &s->places[who[i]];

                if (c->fd >= 0 && c->handed)
                        watch(s, EPOLL_CTL_MOD, c->fd, connection_wants(c), who[i]);
        }
}

/* No place is left even to linger: what has come is taken out first, so that closing does not reset the connection. */
static void turn_away_at_once(struct server *s, int fd, int64_t now_ms)
{
        struct connection c;

        connection_start(&c, fd, false, now_ms);
        connection_refuse(&c, s->handler->pool, 503, TOO_MANY, now_ms);
        connection_free(&c);
}

static void take_in(struct server *s, int fd, int64_t now_ms)
{
        struct connection *c = free_place(s);
        struct sockaddr_storage address = {};
        bool full = count(s) >= SERVER_CONNECTIONS;

        if (!c) {
                turn_away_at_once(s, fd, now_ms);
                return;
        }
        getsockname(fd, (struct sockaddr *)&address, &(socklen_t){ sizeof address });
        if (address.ss_family != AF_UNIX) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
                setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int));
        }
        connection_start(c, fd, address.ss_family == AF_UNIX, now_ms);
        c->turned_away = full;
        if (full)
                connection_refuse(c, s->handler->pool, 503, TOO_MANY, now_ms);
        if (c->state == CONNECTION_ENDING ||
            watch(s, EPOLL_CTL_ADD, fd, connection_wants(c), (uint32_t)(c - s->places)) < 0) {
                connection_free(c);
                return;
        }
}

static void accept_some(struct server *s, int socket, int64_t now_ms)
{
        for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
                int fd = accept4(socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0) {
                        take_in(s, fd, now_ms);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        s->accept_after_ms = now_ms + ACCEPT_PAUSE_MS;
                        watch_sockets(s, 0);
                }
                if (errno != ECONNABORTED && errno != EINTR)
                        return;
        }
}

/* Those whose time is up; returns when the next one's time is up, INT64_MAX: none. */
static int64_t look_after_all(struct server *s, int64_t now_ms)
{
        int64_t next = INT64_MAX;

        for (size_t i = 0; i < PLACES; i++) {
                struct connection *c = &s->places[i];

                if (c->fd >= 0 && now_ms >= c->deadline_ms)
                        expire(s, c, now_ms);
                if (c->fd >= 0 && c->deadline_ms < next)
                        next = c->deadline_ms;
        }
        exchange_run(s->exchange, now_ms); /* closes those that are ending */
        if (s->accept_after_ms && now_ms >= s->accept_after_ms) {
                s->accept_after_ms = 0;
                watch_sockets(s, EPOLLIN);
        }
        return s->accept_after_ms && s->accept_after_ms < next ? s->accept_after_ms : next;
}

static bool stop(struct server *s, int64_t now_ms)
{
        bool busy = false;

        if (!s->stop_at_ms) {
                s->stop_at_ms = now_ms + STOP_TIME_MS;
                watch(s, EPOLL_CTL_DEL, s->stop_fd, 0, 0);
                for (size_t i = 0; i < s->n_sockets; i++)
                        watch(s, EPOLL_CTL_DEL, s->sockets[i], 0, 0);
        }
        for (size_t i = 0; i < PLACES; i++)
                busy |= s->places[i].fd >= 0 && (s->places[i].state == CONNECTION_SERVING ||
                                                s->places[i].state == CONNECTION_REFUSING);
        return !busy || now_ms >= s->stop_at_ms;
}

static void serve_events(struct server *s, const struct epoll_event *events, int n, int64_t now_ms)
{
        uint32_t who[EVENTS_AT_ONCE];
        int n_who = 0;

        for (int i = 0; i < n; i++) {
                uint32_t what = events[i].data.u32;

                if (what == EVENT_STOP)
                        stop(s, now_ms);
                else if (what >= EVENT_SOCKET)
                        accept_some(s, s->sockets[what - EVENT_SOCKET], now_ms);
                else if (s->places[what].fd >= 0) {
                        step(s, &s->places[what], now_ms);
                        who[n_who++] = what;
                }
        }
        serve(s, who, n_who, now_ms);
}

static int wait_ms(int64_t until_ms, int64_t now_ms)
{
        if (until_ms == INT64_MAX)
                return -1;
        if (until_ms <= now_ms)
                return 0;
        return until_ms - now_ms > 60000 ? 60000 : (int)(until_ms - now_ms);
}

static int server_loop(struct server *s, struct error *err)
{
        struct epoll_event events[EVENTS_AT_ONCE];

        for (;;) {
                int64_t now_ms = clock_mono_ns() / 1000000, next = look_after_all(s, now_ms);
                int n;

                if (s->stop_at_ms) {
                        if (stop(s, now_ms))
                                return 0;
                        next = now_ms + 10;
                }
                n = epoll_wait(s->epoll, events, EVENTS_AT_ONCE, wait_ms(next, now_ms));
                if (n < 0 && errno != EINTR)
                        return error_set(err, errno, "cannot wait for connections: %s", strerror(errno));
                serve_events(s, events, n, clock_mono_ns() / 1000000);
        }
}

int server_run(const int *sockets, size_t n_sockets, int stop_fd, const struct handler *handler, struct error *err)
{
        _cleanup_(server_freep) struct server *s = malloc(sizeof *s);

        if (!s)
                return error_set(err, ENOMEM, "out of memory starting the server");
        *s = (struct server){ .handler = handler, .sockets = sockets, .n_sockets = n_sockets, .stop_fd = stop_fd };
        for (size_t i = 0; i < PLACES; i++)
                s->places[i].fd = -1;
        s->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (s->epoll < 0 || watch(s, EPOLL_CTL_ADD, stop_fd, EPOLLIN, EVENT_STOP) < 0)
                return error_set(err, errno, "cannot wait for connections: %s", strerror(errno));
        for (size_t i = 0; i < n_sockets; i++)
                if (watch(s, EPOLL_CTL_ADD, sockets[i], EPOLLIN, (uint32_t)(EVENT_SOCKET + i)) < 0)
                        return error_set(err, errno, "cannot wait at a listening socket: %s", strerror(errno));
        if (exchange_new(handler, PLACES, &s->exchange, err) < 0)
                return -err->code;
        return server_loop(s, err);
}
