/* Where alerts are posted to: looked at closely enough here that libcurl reads the same host out of it. */
#include "model/webhook_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/config.h"

struct parts {
        const char *rest;                 /* behind "://" */
        size_t authority;                 /* of rest: up to the path */
        const char *host;                 /* with brackets, user info left out */
        size_t host_size;
        const char *port;                 /* behind the colon; NULL: none */
        size_t port_size;
};

/* Cuts it up, without judging the parts. */
static bool split(const char *url, struct parts *ret)
{
        const char *at, *end, *colon;

        if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
                return false;
        ret->rest = strchr(url, ':') + 3;
        ret->authority = strcspn(ret->rest, "/?#");
        end = ret->rest + ret->authority;
        at = memrchr(ret->rest, '@', ret->authority);
        ret->host = at ? at + 1 : ret->rest;
        colon = *ret->host == '[' ? memchr(ret->host, ']', (size_t)(end - ret->host)) : ret->host;
        colon = colon ? memchr(colon, ':', (size_t)(end - colon)) : NULL;
        ret->host_size = (size_t)((colon ? colon : end) - ret->host);
        ret->port = colon ? colon + 1 : NULL;
        ret->port_size = colon ? (size_t)(end - colon) - 1 : 0;
        return true;
}

static bool is_host(const char *host, size_t size)
{
        char name[256];
        struct in6_addr v6;

        if (size >= sizeof name)
                return false;
        memcpy(name, host, size);
        name[size] = '\0';
        if (name[0] != '[')
                return host_name_valid(name);
        if (size < 2 || name[size - 1] != ']')
                return false;
        name[size - 1] = '\0';
        return inet_pton(AF_INET6, name + 1, &v6) == 1;
}

static bool is_port(const struct parts *p)
{
        if (!p->port)
                return true;
        if (p->port_size < 1 || p->port_size > 5 || strspn(p->port, "0123456789") != p->port_size)
                return false;
        return strtol(p->port, NULL, 10) >= 1 && strtol(p->port, NULL, 10) <= 65535;
}

int webhook_url_check(const char *url, struct error *err)
{
        static const char allowed[] = "http://HOST[:PORT][/PATH] or https://… is allowed";
        struct parts p;
        const char *at;

        if (!split(url, &p))
                return error_set(err, EINVAL, "%s", allowed);
        for (const char *c = url; *c; c++)
                if (*c <= ' ' || *c >= 0x7f || *c == '\\')
                        return error_set(err, EINVAL, "%s; blanks, \\ and what is not ASCII are written %%XX", allowed);
        at = memchr(p.rest, '@', p.authority);
        if (at && at + 1 != p.host)
                return error_set(err, EINVAL, "%s; an @ in user name or password is written %%40", allowed);
        if (!is_host(p.host, p.host_size))
                return error_set(err, EINVAL, "%s; its host is none", allowed);
        if (!is_port(&p))
                return error_set(err, EINVAL, "%s; its port is not from 1 to 65535", allowed);
        return 0;
}

void webhook_url_show(const char *url, char *ret, size_t room)
{
        struct parts p;

        if (!split(url, &p))
                snprintf(ret, room, "the webhook");
        else
                snprintf(ret, room, "%.*s%.*s", (int)(p.rest - url), url, (int)(p.rest + p.authority - p.host), p.host);
}
