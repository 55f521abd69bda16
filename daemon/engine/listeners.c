/* Opening the sockets the api answers on. */
#include "engine/listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BACKLOG 512 /* the api takes 256 at once; the rest wait for their 503 */

static void show(struct listener *l)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
                struct sockaddr_un un;
        } at;
        socklen_t size = sizeof at;
        char host[INET6_ADDRSTRLEN] = "";

        memset(&at, 0, sizeof at);
        snprintf(l->shown, sizeof l->shown, "an unknown address");
        if (getsockname(l->fd, &at.any, &size) < 0)
                return;
        if (at.any.sa_family == AF_INET && inet_ntop(AF_INET, &at.v4.sin_addr, host, sizeof host))
                snprintf(l->shown, sizeof l->shown, "http://%s:%d", host, ntohs(at.v4.sin_port));
        if (at.any.sa_family == AF_INET6 && inet_ntop(AF_INET6, &at.v6.sin6_addr, host, sizeof host))
                snprintf(l->shown, sizeof l->shown, "http://[%s]:%d", host, ntohs(at.v6.sin6_port));
        if (at.any.sa_family == AF_UNIX)
                snprintf(l->shown, sizeof l->shown, "unix:%.107s", at.un.sun_path);
}

/* Can it be reached from another machine? What can't be told apart counts as reachable. */
static bool beyond_loopback(int fd)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } at;
        socklen_t size = sizeof at;

        memset(&at, 0, sizeof at);
        if (sd_is_socket(fd, AF_UNIX, 0, -1) > 0)
                return false;
        if (getsockname(fd, &at.any, &size) < 0)
                return true;
        if (at.any.sa_family == AF_INET)
                return ntohl(at.v4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
        return at.any.sa_family != AF_INET6 || !IN6_IS_ADDR_LOOPBACK(&at.v6.sin6_addr);
}

/* A socket file that a killed daemon left is removed; one that somebody answers on is not. */
static int clear_stale(const struct sockaddr_un *at)
{
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct stat st;

        if (lstat(at->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode) || fd < 0)
                return 0;
        if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EAGAIN)
                return -EADDRINUSE;
        return unlink(at->sun_path) < 0 ? -errno : 0;
}

static int open_unix(const struct listen_address *a, struct listener *l, struct error *err)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        mode_t before;
        int r;

        snprintf(at.sun_path, sizeof at.sun_path, "%s", a->path);
        r = fd < 0 ? -errno : clear_stale(&at);
        if (r < 0)
                return error_set(err, -r, "cannot listen on unix:%s: %s", a->path, strerror(-r));
        before = umask(0117); /* 0660, from the first moment on */
        r = bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
        umask(before);
        if (r < 0)
                return error_set(err, -r, "cannot listen on unix:%s: %s", a->path, strerror(-r));
        snprintf(l->path, sizeof l->path, "%s", a->path);
        l->fd = take_fd(fd);
        return 0;
}

static int open_tcp(const struct listen_address *a, struct listener *l, struct error *err)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
        struct addrinfo *found = NULL;
        _cleanup_(closep) int fd = -1;
        char port[8];
        const int on = 1;
        int r;

        snprintf(port, sizeof port, "%d", a->port);
        r = getaddrinfo(a->host, port, &hints, &found);
        if (r != 0)
                return error_set(err, EADDRNOTAVAIL, "cannot listen on %s port %d: %s", a->host, a->port, gai_strerror(r));
        fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = fd < 0 ? -errno : 0;
        if (r == 0) {
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
                if (found->ai_family == AF_INET6)
                        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
                if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                        r = -errno;
        }
        freeaddrinfo(found);
        if (r < 0)
                return error_set(err, -r, "cannot listen on %s port %d: %s", a->host, a->port, strerror(-r));
        l->fd = take_fd(fd);
        return 0;
}

static int open_one(const char *address, struct listener *ret, struct error *err)
{
        struct listener l = { .fd = -1 };
        struct listen_address a;
        int r = listen_address_parse(address, &a, err);

        if (r < 0)
                return r;
        r = a.kind == LISTEN_UNIX ? open_unix(&a, &l, err) : open_tcp(&a, &l, err);
        if (r < 0)
                return r;
        snprintf(l.address, sizeof l.address, "%s", address);
        show(&l);
        *ret = l;
        return 0;
}

static void close_one(struct listener *l)
{
        close(l->fd);
        if (l->path[0])
                unlink(l->path);
}

static const struct listener *find(const struct listeners *l, const char *address)
{
        for (int i = 0; i < l->n; i++)
                if (strcmp(l->open[i].address, address) == 0)
                        return &l->open[i];
        return NULL;
}

/* Those from systemd: taken over at the first call, kept at later ones. */
static int keep_passed(const struct listeners *from, struct listeners *to, struct error *err)
{
        int n = sd_listen_fds(1);

        for (int i = 0; i < from->n; i++)
                if (!from->open[i].address[0])
                        to->open[to->n++] = from->open[i];
        for (int i = 0; i < n; i++) {
                struct listener l = { .fd = SD_LISTEN_FDS_START + i };

                if (sd_is_socket(l.fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 || to->n == LISTENERS_MAX)
                        return error_set(err, EINVAL, "descriptor %d passed by socket activation is no listening stream socket",
                                         l.fd);
                fcntl(l.fd, F_SETFL, fcntl(l.fd, F_GETFL) | O_NONBLOCK);
                show(&l);
                to->open[to->n++] = l;
        }
        return 0;
}

int listeners_open(struct listeners *l, const struct config *config, struct error *err)
{
        struct listeners to = {};
        int r = keep_passed(l, &to, err);
        bool passed = to.n > 0;

        /* Those of the option were checked with it; a socket unit may say anything. */
        for (int i = 0; r == 0 && !config->token_file && i < to.n; i++)
                if (beyond_loopback(to.open[i].fd))
                        r = error_set(err, EINVAL, "%s, passed by socket activation, is not allowed: without a token-file, only "
                                      "loopback addresses and Unix sockets are listened on", to.open[i].shown);
        for (size_t i = 0; r == 0 && i < config->listen.n_items && (config->listen_given || !passed); i++) {
                const struct listener *kept = find(l, config->listen.items[i]);

                if (find(&to, config->listen.items[i]))
                        continue;
                if (to.n == LISTENERS_MAX)
                        r = error_set(err, EINVAL, "more than %d addresses to listen on", LISTENERS_MAX);
                else if (kept)
                        to.open[to.n++] = *kept;
                else if ((r = open_one(config->listen.items[i], &to.open[to.n], err)) == 0)
                        to.n++;
        }
        /* Of the new and the old set, close what the one that stays doesn't hold. */
        for (int i = 0; r < 0 && i < to.n; i++)
                if (to.open[i].address[0] && !find(l, to.open[i].address))
                        close_one(&to.open[i]);
        for (int i = 0; r == 0 && i < l->n; i++)
                if (l->open[i].address[0] && !find(&to, l->open[i].address))
                        close_one(&l->open[i]);
        if (r == 0)
                *l = to;
        return r;
}

void listeners_close(struct listeners *l)
{
        for (int i = 0; i < l->n; i++)
                close_one(&l->open[i]);
        l->n = 0;
}
