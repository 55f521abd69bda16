/* Posting an alert, by libcurl. The far side is not trusted: bounded in time and size, and never followed elsewhere. */
#include "alert/webhook.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "version.h"

enum {
        CONNECT_TIMEOUT_MS = 5000,
        TIMEOUT_MS = 10000,
        ANSWER_MOST = 256 * 1024, /* head and body: nobody reads them */
};

DEFINE_CLEANUP(CURL *, curl_easy_cleanup)
DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all)

/* Both head and body of the answer. */
static size_t throw_away(char *bytes, size_t one, size_t size, void *data)
{
        size_t *seen = data;

        (void)bytes;
        *seen += one * size;
        return *seen <= ANSWER_MOST ? one * size : 0;
}

static struct curl_slist *make_headers(void)
{
        static const char *const lines[] = { "Content-Type: application/json", "Expect:" };
        struct curl_slist *headers = NULL;

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                struct curl_slist *longer = curl_slist_append(headers, lines[i]);

                if (!longer) {
                        curl_slist_free_all(headers);
                        return NULL;
                }
                headers = longer;
        }
        return headers;
}

/* A proxy is taken from the environment, as libcurl does by itself; certificates are verified, as it does too. */
static CURLcode set_up(CURL *c, const char *url, const char *body, size_t size, size_t *seen, char *why)
{
        CURLcode code = curl_easy_setopt(c, CURLOPT_URL, url);

        if (code == CURLE_OK)
                code = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
        curl_easy_setopt(c, CURLOPT_USERAGENT, "memtide/" MEMTIDE_VERSION);
        curl_easy_setopt(c, CURLOPT_POST, 1L);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, throw_away);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, seen);
        curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, throw_away);
        curl_easy_setopt(c, CURLOPT_HEADERDATA, seen);
        return code;
}

static int judge(long status, struct error *err)
{
        if (status >= 200 && status < 300)
                return WEBHOOK_DELIVERED;
        if (status >= 300 && status < 400)
                return error_set(err, EREMOTEIO, "it answered %ld: redirects are not followed", status);
        error_set(err, EREMOTEIO, "it answered %ld", status);
        return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429 ? WEBHOOK_REFUSED : -EREMOTEIO;
}

int webhook_post(const char *url, const char *body, size_t size, struct error *err)
{
        _cleanup_(curl_slist_free_allp) struct curl_slist *headers = make_headers();
        _cleanup_(curl_easy_cleanupp) CURL *c = curl_easy_init();
        char why[CURL_ERROR_SIZE] = "";
        size_t seen = 0;
        long status = 0;
        CURLcode code;

        if (!c || !headers)
                return error_set(err, ENOMEM, "out of memory");
        code = set_up(c, url, body, size, &seen, why);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
        if (code == CURLE_OK)
                code = curl_easy_perform(c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        /* Once the status is known it has decided, even if the rest of the answer never ends. */
        if (status >= 200)
                return judge(status, err);
        return error_set(err, EREMOTEIO, "no answer: %s", why[0] ? why : curl_easy_strerror(code));
}
