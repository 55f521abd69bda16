/* The head of an HTTP request, judged strictly: what a browser, curl or Prometheus sends passes, what two parsers could
 * read in two ways does not. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define HEAD_MAX (16 * 1024)      /* request line and fields */
#define HEAD_LINE_MAX (8 * 1024)  /* the request line alone */

enum method { METHOD_GET, METHOD_HEAD, METHOD_OTHER };

struct head {
        enum method method;
        char *path, *query;      /* as they came, still percent-encoded; query NULL where there is no '?' */
        char *host;              /* NULL: an HTTP/1.0 request without one */
        char *authorization;     /* NULL: none; repeated ones count as "" */
        char *accept;            /* NULL: none */
        bool keep_alive, http_1_0;
        bool body;               /* bytes of a body follow, which nobody will read: answer and close */
};

/* How far the bytes that have come are: more needed, whole, or wrong. */
enum head_state { HEAD_MORE, HEAD_WHOLE, HEAD_WRONG };

struct head_problem {
        int status;
        const char *detail;
};

/* Looks at the bytes from *scanned on (begin with 0; goes on where it stopped). HEAD_WHOLE: the head ends at
 * *scanned. */
enum head_state head_scan(const char *bytes, size_t size, size_t *scanned, struct head_problem *ret);

/* Takes a whole head of that size apart, in place: the strings of *ret lead into the bytes. */
bool head_parse(char *bytes, size_t size, struct head *ret, struct head_problem *problem);

/* Does `Accept` prefer text/plain to JSON? */
bool head_prefers_text(const char *accept);

/* A Host that this machine may be called by: a loopback name, an IP literal, or one of the further names; with any
 * port. */
bool head_host_allowed(const char *host, char *const *names, size_t n_names);
