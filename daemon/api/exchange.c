/* libmicrohttpd (0.9.75 in Debian 12). */
#include "api/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

#include <microhttpd.h>

/* Room for one head, and for libmicrohttpd's tables of its fields. */
#define CONNECTION_MEMORY (HEAD_MAX + 8 * 1024)

struct exchange {
        struct MHD_Daemon *daemon;
        const struct handler *handler;
        struct connection *taking; /* the one being handed over */
        fd_set ready;
        int highest;               /* of ready, -1: none */
        int64_t now_ms;
};

static struct connection *connection_of(struct MHD_Connection *connection)
{
        return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connection(void *data, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
        struct exchange *x = data;

        (void)connection;
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                *context = x->taking;
        else
                connection_free(*context);
}

static void on_completed(void *data, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code)
{
        struct exchange *x = data;

        (void)request, (void)code;
        connection_served(connection_of(connection), x->now_ms);
}

/* The bytes of an answer for as long as libmicrohttpd sends them. */
struct sending {
        char lead[sizeof ((struct answer *)NULL)->lead];
        struct body *body;
};

static void sending_free(void *data)
{
        struct sending *s = data;

        body_unref(s->body);
        free(s);
}

static struct MHD_Response *make_response(const struct answer *a)
{
        struct sending *s;
        struct MHD_IoVec parts[2] = {};
        unsigned n = 0;
        struct MHD_Response *response;

        if (a->fixed)
                return MHD_create_response_from_buffer(strlen(a->fixed), (void *)a->fixed, MHD_RESPMEM_PERSISTENT);
        s = calloc(1, sizeof *s);
        if (!s)
                return NULL;
        memcpy(s->lead, a->lead, a->lead_size);
        s->body = body_ref(a->body);
        if (a->lead_size)
                parts[n++] = (struct MHD_IoVec){ s->lead, a->lead_size };
        if (s->body && s->body->size)
                parts[n++] = (struct MHD_IoVec){ s->body->data, s->body->size };
        response = MHD_create_response_from_iovec(parts, n, sending_free, s);
        if (!response)
                sending_free(s);
        return response;
}

/* Header lines, each "Name: value" and CR LF, as answer_field() writes them. */
static void add_fields(struct MHD_Response *response, const char *lines)
{
        const char *end, *colon;

        for (; (end = strstr(lines, "\r\n")); lines = end + 2) {
                char line[sizeof ((struct answer *)NULL)->fields];

                memcpy(line, lines, (size_t)(end - lines));
                line[end - lines] = '\0';
                colon = strstr(line, ": ");
                if (!colon)
                        continue;
                line[colon - line] = '\0';
                MHD_add_response_header(response, line, colon + 2);
        }
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request)
{
        struct exchange *x = data;
        struct connection *c = connection_of(connection);
        struct MHD_Response *response;
        struct answer a = {};
        enum MHD_Result done;

        (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
        if (c->state != CONNECTION_SERVING || !c->in) /* nothing gets past the gate */
                return MHD_NO;
        /* An answer at the first call, when only the head has been read, ends the connection: right for a body alone. */
        if (!*request && !c->request.head.body) {
                *request = c;
                return MHD_YES;
        }
        x->handler->answer(x->handler->data, &c->request, &a);
        response = make_response(&a);
        if (!response) {
                answer_done(&a);
                return MHD_NO;
        }
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a.type);
        add_fields(response, ANSWER_FIELDS);
        add_fields(response, a.fields);
        if (c->close_after)
                MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        done = MHD_queue_response(connection, (unsigned)a.status, response);
        MHD_destroy_response(response);
        answer_done(&a);
        return done;
}

int exchange_new(const struct handler *handler, unsigned places, struct exchange **ret, struct error *err)
{
        struct exchange *x = calloc(1, sizeof *x);

        if (!x)
                return error_set(err, ENOMEM, "out of memory starting the server");
        x->handler = handler;
        x->highest = -1;
        FD_ZERO(&x->ready);
        x->daemon = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, x,
                                     MHD_OPTION_NOTIFY_CONNECTION, on_connection, x,
                                     MHD_OPTION_NOTIFY_COMPLETED, on_completed, x,
                                     MHD_OPTION_CONNECTION_LIMIT, places,
                                     MHD_OPTION_CONNECTION_TIMEOUT, 0U,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
        if (!x->daemon) {
                free(x);
                return error_set(err, EIO, "libmicrohttpd can't be started");
        }
        *ret = x;
        return 0;
}

struct exchange *exchange_free(struct exchange *x)
{
        if (x)
                MHD_stop_daemon(x->daemon);
        free(x);
        return NULL;
}

bool exchange_take(struct exchange *x, struct connection *c)
{
        const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
        bool taken;

        if (c->fd >= FD_SETSIZE)
                return false;
        x->taking = c;
        /* It closes the descriptor when it fails, so it gets it only once nothing else can fail. */
        c->handed = true;
        taken = MHD_add_connection(x->daemon, c->fd, &nobody, sizeof nobody) == MHD_YES;
        x->taking = NULL;
        return taken;
}

void exchange_ready(struct exchange *x, const struct connection *c)
{
        FD_SET(c->fd, &x->ready);
        if (c->fd > x->highest)
                x->highest = c->fd;
}

void exchange_run(struct exchange *x, int64_t now_ms)
{
        fd_set in = x->ready, out = x->ready, trouble;

        if (x->highest < 0)
                return;
        x->now_ms = now_ms;
        x->highest = -1;
        FD_ZERO(&x->ready);
        FD_ZERO(&trouble);
        MHD_run_from_select(x->daemon, &in, &out, &trouble);
}
