/* HTTP by libcurl: bounded in time and size, no redirects, no proxy. */
#include "client/daemon.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "version.h"

enum {
        CONNECT_TIMEOUT_MS = 5000,
        ANSWER_TIMEOUT_MS = 60000, /* a page of 10,000 samples from a busy machine; never for ever */
        HEAD_MOST = 256 * 1024,
        TOKEN_FILE_MOST = 4096,
};

struct daemon {
        CURL *curl;
        struct curl_slist *headers;
        char *base;               /* what a path is put behind */
        char *url;                /* as it was given, for errors */
        struct buffer *body;      /* of the request that runs */
        size_t head_size;
        bool too_large;
        char curl_error[CURL_ERROR_SIZE];
};

static size_t take_body(char *bytes, size_t one, size_t size, void *data)
{
        struct daemon *d = data;

        if (size > ANSWER_MOST - d->body->size) {
                d->too_large = true;
                return 0;
        }
        buffer_add(d->body, bytes, size * one);
        return d->body->failed ? 0 : size;
}

/* libcurl keeps every header line: without a bound their sum would be bounded by time alone. */
static size_t take_head(char *bytes, size_t one, size_t size, void *data)
{
        struct daemon *d = data;

        (void)bytes;
        d->head_size += size * one;
        d->too_large |= d->head_size > HEAD_MOST;
        return d->too_large ? 0 : size;
}

static int read_token(const char *path, char **ret, struct error *err)
{
        int r = file_load(AT_FDCWD, path, TOKEN_FILE_MOST, ret, NULL);
        size_t size;

        if (r < 0)
                return error_set(err, EINVAL, "--token-file \"%.200s\" is not allowed: a file that can be read is "
                                 "allowed (%s)", path, strerror(-r));
        size = strcspn(*ret, "\r\n");
        if (strspn(*ret + size, "\r\n \t") != strlen(*ret + size))
                size = 0;
        (*ret)[size] = '\0';
        for (size_t i = 0; i < size; i++)
                if ((*ret)[i] <= ' ' || (*ret)[i] == 0x7f)
                        size = 0;
        if (!size)
                return error_set(err, EINVAL, "--token-file \"%.200s\" is not allowed: one line with the token is "
                                 "allowed, of printable ASCII without blanks", path);
        return 0;
}

static int add_header(struct daemon *d, const char *name, const char *value, struct error *err)
{
        _cleanup_(buffer_done) struct buffer line = {};
        struct curl_slist *longer = NULL;

        buffer_format(&line, "%s%s", name, value);
        buffer_add_char(&line, '\0');
        if (!line.failed)
                longer = curl_slist_append(d->headers, line.data);
        if (!longer)
                return error_set(err, ENOMEM, "out of memory");
        d->headers = longer;
        return 0;
}

static int set_up(struct daemon *d, const char *url)
{
        CURL *c = d->curl;
        bool socket = text_starts(url, "unix:");
        size_t size;

        d->url = strdup(url);
        d->base = strdup(socket ? "http://localhost" : url);
        if (!d->url || !d->base)
                return -ENOMEM;
        for (size = strlen(d->base); size && d->base[size - 1] == '/'; size--)
                d->base[size - 1] = '\0';
        if (socket && curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, url + strlen("unix:")) != CURLE_OK)
                return -ENOMEM;
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(c, CURLOPT_PROXY, ""); /* a token is for memtided alone */
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)ANSWER_TIMEOUT_MS);
        curl_easy_setopt(c, CURLOPT_USERAGENT, "memtide/" MEMTIDE_VERSION);
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, d->curl_error);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
        curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_head);
        curl_easy_setopt(c, CURLOPT_HEADERDATA, d);
        return 0;
}

int daemon_open(const char *url, const char *token_file, struct daemon **ret, struct error *err)
{
        _cleanup_(daemon_closep) struct daemon *d = calloc(1, sizeof *d);
        _cleanup_(freep) char *token = NULL;
        int r;

        if (d)
                d->curl = curl_easy_init();
        if (!d || !d->curl || set_up(d, url) < 0)
                return error_set(err, ENOMEM, "out of memory");
        r = add_header(d, "Accept: ", "application/json", err);
        if (r >= 0 && token_file) {
                r = read_token(token_file, &token, err);
                if (r >= 0)
                        r = add_header(d, "Authorization: Bearer ", token, err);
        }
        if (r < 0)
                return r;
        curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, d->headers);
        *ret = take_ptr(d);
        return 0;
}

struct daemon *daemon_close(struct daemon *d)
{
        if (!d)
                return NULL;
        curl_easy_cleanup(d->curl);
        curl_slist_free_all(d->headers);
        free(d->base);
        free(d->url);
        free(d);
        return NULL;
}

static int no_answer(struct daemon *d, CURLcode code, struct error *err)
{
        long os_error = 0;

        if (d->too_large)
                return error_set(err, EFBIG, "the answer of %s is larger than %d MiB", d->url, ANSWER_MOST >> 20);
        if (d->body->failed)
                return error_set(err, ENOMEM, "out of memory for the answer of %s", d->url);
        curl_easy_getinfo(d->curl, CURLINFO_OS_ERRNO, &os_error);
        if (code == CURLE_COULDNT_CONNECT && os_error)
                return error_set(err, ECONNREFUSED, "no answer from %s: %s; does memtided run there?", d->url,
                                 strerror((int)os_error));
        return error_set(err, EIO, "no answer from %s: %s", d->url,
                         *d->curl_error ? d->curl_error : curl_easy_strerror(code));
}

static const char *member(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text && *text ? text : NULL;
}

/* The problem of RFC 9457 in one sentence; where there is none, the status. */
static int refused(struct daemon *d, long status, struct error *err)
{
        json_error_t unused;
        json_t *problem = d->body->size ? json_loadb(d->body->data, d->body->size, 0, &unused) : NULL;
        const char *title = member(problem, "title"), *detail = member(problem, "detail");

        if (status < 400)
                error_set(err, EPROTO, "%s answered with status %ld: it is not memtided", d->url, status);
        else if (detail)
                error_set(err, EREMOTEIO, "%s", detail);
        else if (title)
                error_set(err, EREMOTEIO, "memtided refused: %s", title);
        else
                error_set(err, EREMOTEIO, "%s refused with status %ld", d->url, status);
        json_decref(problem);
        return -err->code;
}

int daemon_get(struct daemon *d, const char *path, struct buffer *ret, struct error *err)
{
        _cleanup_(buffer_done) struct buffer url = {};
        long status = 0;
        CURLcode code;

        buffer_clear(ret);
        buffer_format(&url, "%s%s", d->base, path);
        buffer_add_char(&url, '\0');
        if (url.failed || curl_easy_setopt(d->curl, CURLOPT_URL, url.data) != CURLE_OK)
                return error_set(err, ENOMEM, "out of memory");
        d->body = ret;
        d->head_size = 0;
        d->too_large = false;
        *d->curl_error = '\0';
        code = curl_easy_perform(d->curl);
        if (code != CURLE_OK)
                return no_answer(d, code, err);
        curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
        return status == 200 ? 0 : refused(d, status, err);
}

void path_add_parameter(struct buffer *path, const char *name, const char *value)
{
        char *escaped;

        if (!value)
                return;
        escaped = curl_easy_escape(NULL, value, (int)strlen(value));
        if (!escaped) {
                path->failed = true;
                return;
        }
        buffer_format(path, "%c%s=%s", path->size && memchr(path->data, '?', path->size) ? '&' : '?', name, escaped);
        curl_free(escaped);
}
