/* What to listen on, taken apart. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "model/config.h"

static const char allowed[] =
        "HOST:PORT, [V6]:PORT with a port from 0 to 65535 (0: any free one), or unix:/path is allowed";

static bool parse_port(const char *text, uint16_t *ret)
{
        unsigned value = 0;

        if (!*text || (text[0] == '0' && text[1]))
                return false;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                value = value * 10 + (unsigned)(*text - '0');
                if (value > UINT16_MAX)
                        return false;
        }
        *ret = (uint16_t)value;
        return true;
}

bool host_name_valid(const char *name)
{
        size_t size = strlen(name), label = 0;

        if (size == 0 || size > 253)
                return false;
        for (const char *p = name; *p; p++) {
                bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                                 *p == '_';

                if (is_letter || (*p == '-' && label))
                        label++;
                else if (*p == '.' && label && p[-1] != '-')
                        label = 0;
                else
                        return false;
                if (label > 63)
                        return false;
        }
        return name[size - 1] != '-';
}

/* Names whose last label is of digits would be taken for IPv4 addresses by some and not by others. */
static bool parse_v4_or_name(struct listen_address *a)
{
        const char *dot = strrchr(a->host, '.'), *last = dot ? dot + 1 : a->host;
        struct in_addr v4;

        if (inet_pton(AF_INET, a->host, &v4) == 1) {
                a->loopback = ntohl(v4.s_addr) >> 24 == 127;
                return true;
        }
        a->loopback = strcasecmp(a->host, "localhost") == 0;
        return host_name_valid(a->host) && *last && strspn(last, "0123456789") != strlen(last);
}

static bool parse_v6(struct listen_address *a)
{
        struct in6_addr v6;

        if (inet_pton(AF_INET6, a->host, &v6) != 1)
                return false;
        a->loopback = IN6_IS_ADDR_LOOPBACK(&v6);
        return true;
}

static int parse_unix(const char *path, struct listen_address *ret, struct error *err)
{
        struct listen_address a = { .kind = LISTEN_UNIX };
        size_t size = strlen(path);

        if (path[0] != '/' || path[size - 1] == '/')
                return error_set(err, EINVAL,
                                 "the path of a Unix socket begins with / and ends with its name: unix:/path");
        if (size >= sizeof a.path)
                return error_set(err, EINVAL, "the path of a Unix socket has at most %zu bytes, not %zu",
                                 sizeof a.path - 1, size);
        memcpy(a.path, path, size);
        *ret = a;
        return 0;
}

int listen_address_parse(const char *value, struct listen_address *ret, struct error *err)
{
        struct listen_address a = { .kind = LISTEN_TCP };
        const char *host = value, *colon, *end;
        bool fine;

        if (text_starts(value, "unix:"))
                return parse_unix(value + strlen("unix:"), ret, err);
        colon = strrchr(value, ':');
        if (!colon)
                return error_set(err, EINVAL, "%s", allowed);
        end = colon;
        if (*host == '[') {
                host++;
                end--;
                if (end < host || *end != ']')
                        return error_set(err, EINVAL, "%s", allowed);
        } else if (memchr(host, ':', (size_t)(end - host)))
                return error_set(err, EINVAL, "an IPv6 address stands in brackets, as in [::1]:9733");
        if ((size_t)(end - host) >= sizeof a.host)
                return error_set(err, EINVAL, "%s", allowed);
        memcpy(a.host, host, (size_t)(end - host));
        fine = host > value ? parse_v6(&a) : parse_v4_or_name(&a);
        if (!fine || !parse_port(colon + 1, &a.port))
                return error_set(err, EINVAL, "%s", allowed);
        *ret = a;
        return 0;
}
