/* The head of an HTTP request. */
#include "api/head.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_FIELDS_MAX 100

static bool problem(struct head_problem *ret, int status, const char *detail)
{
        *ret = (struct head_problem){ status, detail };
        return false;
}

/* Every line ends in CR LF; no other control byte but a tab may stand anywhere, so a TLS hello or a NUL is told at its
 * first byte, not after five seconds. */
enum head_state head_scan(const char *bytes, size_t size, size_t *scanned, struct head_problem *ret)
{
        size_t i = *scanned;

        for (; i < size && i < HEAD_MAX; i++) {
                unsigned char c = (unsigned char)bytes[i];
                bool after_cr = i > 0 && bytes[i - 1] == '\r';

                if (i == HEAD_LINE_MAX && !memchr(bytes, '\n', HEAD_LINE_MAX)) {
                        problem(ret, 414, "the request line is longer than 8 KiB");
                        return HEAD_WRONG;
                }
                if (after_cr != (c == '\n')) {
                        problem(ret, 400, "lines of a request end in CR LF");
                        return HEAD_WRONG;
                }
                if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f) {
                        problem(ret, 400, "a control byte stands in the request's head");
                        return HEAD_WRONG;
                }
                if (c == '\n' && i >= 3 && bytes[i - 2] == '\n') {
                        *scanned = i + 1;
                        return HEAD_WHOLE;
                }
        }
        *scanned = i;
        if (i >= HEAD_MAX) {
                problem(ret, 431, "the request's head is longer than 16 KiB");
                return HEAD_WRONG;
        }
        return HEAD_MORE;
}

/* tchar of RFC 9110 */
static bool is_token(const char *text, size_t size)
{
        static const char marks[] = "!#$%&'*+-.^_`|~";

        for (size_t i = 0; i < size; i++) {
                char c = text[i];

                if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr(marks, c)))
                        return false;
        }
        return size > 0;
}

/* http://host/path: a proxy's form. The host in it takes the place of the field's. */
static bool parse_target(char *target, struct head *ret, char **ret_host, struct head_problem *bad)
{
        *ret_host = NULL;
        if (strncasecmp(target, "http://", 7) == 0) {
                size_t host = strcspn(target + 7, "/?#");

                /* Moved to the front, over the scheme, so that a NUL fits behind it. */
                memmove(target, target + 7, host);
                memset(target + host, 0, 7);
                *ret_host = target;
                target += 7 + host;
                if (!host || memchr(*ret_host, '@', host))
                        return problem(bad, 400, "the request's target names no host");
                if (!*target)
                        *--target = '/';
        }
        if (strchr(target, '#'))
                return problem(bad, 400, "a fragment stands in the request's target");
        ret->path = target;
        ret->query = strchr(target, '?');
        if (ret->query)
                *ret->query++ = '\0';
        if (*ret->path != '/' && strcmp(ret->path, "*") != 0)
                return problem(bad, 400, "the request's target is no path");
        return true;
}

static bool parse_request_line(char *line, struct head *ret, char **ret_host, struct head_problem *bad)
{
        char *target = strchr(line, ' '), *version;

        if (!target || !is_token(line, (size_t)(target - line)))
                return problem(bad, 400, "the request line has no method");
        *target++ = '\0';
        version = strchr(target, ' ');
        if (!version || version == target || strchr(target, '\t'))
                return problem(bad, 400, "the request line is not METHOD TARGET HTTP/1.1");
        *version++ = '\0';
        if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8)
                return problem(bad, 400, "the request line ends in no HTTP version");
        if (strncmp(version, "HTTP/1.", 7) != 0 || version[7] < '0' || version[7] > '9')
                return problem(bad, 505, "HTTP/1.1 is spoken here");
        ret->http_1_0 = version[7] == '0';
        ret->keep_alive = !ret->http_1_0;
        ret->method = strcmp(line, "GET") == 0 ? METHOD_GET : strcmp(line, "HEAD") == 0 ? METHOD_HEAD : METHOD_OTHER;
        return parse_target(target, ret, ret_host, bad);
}

static bool list_has(const char *list, const char *word)
{
        size_t size = strlen(word);

        while (*list) {
                size_t item;

                list += strspn(list, ", \t");
                item = strcspn(list, ",");
                if (item >= size && strncasecmp(list, word, size) == 0 && strspn(list + size, " \t") == item - size)
                        return true;
                list += item;
        }
        return false;
}

struct fields {
        char *content_length;
        bool host, chunked;
};

static bool keep_field(const char *name, char *value, struct head *ret, struct fields *seen, struct head_problem *bad)
{
        if (strcasecmp(name, "Host") == 0) {
                if (seen->host)
                        return problem(bad, 400, "Host stands twice in the request's head");
                seen->host = true;
                if (!ret->host)
                        ret->host = value;
        } else if (strcasecmp(name, "Content-Length") == 0) {
                if (seen->content_length && strcmp(seen->content_length, value) != 0)
                        return problem(bad, 400, "Content-Length stands twice in the request's head");
                seen->content_length = value;
                if (!*value || strspn(value, "0123456789") != strlen(value))
                        return problem(bad, 400, "Content-Length is not a number");
                ret->body |= strspn(value, "0") != strlen(value);
        } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
                seen->chunked = ret->body = true;
        } else if (strcasecmp(name, "Authorization") == 0) {
                if (ret->authorization)
                        *value = '\0';
                ret->authorization = value;
        } else if (strcasecmp(name, "Accept") == 0 && !ret->accept) {
                ret->accept = value;
        } else if (strcasecmp(name, "Connection") == 0) {
                if (list_has(value, "close"))
                        ret->keep_alive = false;
                else if (ret->http_1_0 && list_has(value, "keep-alive"))
                        ret->keep_alive = true;
        }
        return true;
}

static bool parse_field(char *line, struct head *ret, struct fields *seen, struct head_problem *bad)
{
        char *colon = strchr(line, ':'), *value, *end;

        if (!colon || !is_token(line, (size_t)(colon - line)))
                return problem(bad, 400, "a line of the request's head is not NAME: VALUE");
        *colon = '\0';
        value = colon + 1 + strspn(colon + 1, " \t");
        end = value + strlen(value);
        while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
                *--end = '\0';
        return keep_field(line, value, ret, seen, bad);
}

bool head_parse(char *bytes, size_t size, struct head *ret, struct head_problem *bad)
{
        struct fields seen = {};
        char *line = bytes, *end = bytes + size, *host = NULL;
        int n = 0;

        *ret = (struct head){};
        for (; line < end; n++) {
                char *next = memchr(line, '\r', (size_t)(end - line));

                if (!next || next == line)
                        break;
                *next = '\0';
                if (n == 0 ? !parse_request_line(line, ret, &host, bad) : !parse_field(line, ret, &seen, bad))
                        return false;
                if (n > HEAD_FIELDS_MAX)
                        return problem(bad, 431, "the request's head has more than 100 fields");
                line = next + 2;
        }
        if (n == 0)
                return problem(bad, 400, "the request is empty");
        if (!seen.host && !ret->http_1_0)
                return problem(bad, 400, "the request has no Host");
        if (host)
                ret->host = host;
        if (seen.chunked && (seen.content_length || ret->http_1_0))
                return problem(bad, 400, "Transfer-Encoding and Content-Length contradict each other");
        return true;
}

/* The weight, in thousandths, that an Accept list gives a type: by its own name, else by its kind (text/…), else by
 * any; -1: none. *named: it was by its own name. */
static int accept_weight(const char *accept, const char *type, bool *named)
{
        size_t major = strcspn(type, "/") + 1;
        int best = -1, rank = 0;

        while (*accept) {
                size_t item, name;
                int specific, weight = 1000;
                const char *q;
                double given;

                accept += strspn(accept, ", \t");
                item = strcspn(accept, ",");
                name = strcspn(accept, ",; \t");
                specific = name == strlen(type) && strncasecmp(accept, type, name) == 0           ? 3
                           : name == major + 1 && strncasecmp(accept, type, major) == 0 && accept[major] == '*' ? 2
                           : name == 3 && strncmp(accept, "*/*", 3) == 0                          ? 1
                                                                                                   : 0;
                q = memmem(accept, item, "q=", 2);
                given = q ? strtod(q + 2, NULL) : 1;
                if (given < 1)
                        weight = given > 0 ? (int)(given * 1000) : 0;
                if (specific > rank) {
                        rank = specific;
                        best = weight;
                }
                accept += item;
        }
        *named = rank == 3;
        return best;
}

bool head_prefers_text(const char *accept)
{
        bool text_named, json_named;
        int text, json;

        if (!accept)
                return false;
        text = accept_weight(accept, "text/plain", &text_named);
        json = accept_weight(accept, "application/json", &json_named);
        return text > 0 && (text > json || (text == json && text_named && !json_named));
}

static bool is_address(const char *host, size_t size)
{
        char text[INET6_ADDRSTRLEN];
        struct in6_addr v6;
        struct in_addr v4;
        bool bracketed = size >= 2 && host[0] == '[' && host[size - 1] == ']';

        if (bracketed) {
                host++;
                size -= 2;
        }
        if (size >= sizeof text)
                return false;
        memcpy(text, host, size);
        text[size] = '\0';
        return bracketed ? inet_pton(AF_INET6, text, &v6) == 1 : inet_pton(AF_INET, text, &v4) == 1;
}

static bool name_is(const char *host, size_t size, const char *name)
{
        size_t want = strlen(name);

        if (want && name[want - 1] == '.')
                want--;
        return size == want && strncasecmp(host, name, size) == 0;
}

bool head_host_allowed(const char *host, char *const *names, size_t n_names)
{
        static const char *const loopback[] = { "localhost", "localhost.localdomain", "localhost6", "ip6-localhost",
                                                "ip6-loopback" };
        size_t size = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
        const char *port;

        if (size > strlen(host))
                return false;
        port = host + size;
        if (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1) || strlen(port + 1) > 5))
                return false;
        if (is_address(host, size))
                return true;
        if (size && host[size - 1] == '.')
                size--;
        for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++)
                if (name_is(host, size, loopback[i]))
                        return true;
        if (size > 10 && strncasecmp(host + size - 10, ".localhost", 10) == 0)
                return true;
        for (size_t i = 0; i < n_names; i++)
                if (name_is(host, size, names[i]))
                        return true;
        return false;
}
