/* --include and --exclude. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "proc/pattern.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/config.h"

enum {
        /* Some 10 ms of backtracking on one command line: enough for any sane expression, and a tick survives it. */
        MATCH_LIMIT = 200000,
        DEPTH_LIMIT = 10000,
        HEAP_LIMIT_KIB = 4096,
};

struct patterns {
        pcre2_match_context *limits;
        pcre2_match_data *found;
        size_t n;
        pcre2_code *codes[];
};

struct patterns *patterns_free(struct patterns *p)
{
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n; i++)
                pcre2_code_free(p->codes[i]);
        pcre2_match_data_free(p->found);
        pcre2_match_context_free(p->limits);
        free(p);
        return NULL;
}
DEFINE_CLEANUP(struct patterns *, patterns_free)

int patterns_compile(char *const *texts, size_t n, struct patterns **ret, struct error *err)
{
        _cleanup_(patterns_freep) struct patterns *p = NULL;

        *ret = NULL;
        if (n == 0)
                return 0;
        p = calloc(1, sizeof *p + n * sizeof *p->codes);
        if (p) {
                p->limits = pcre2_match_context_create(NULL);
                p->found = pcre2_match_data_create(1, NULL);
        }
        if (!p || !p->limits || !p->found)
                return error_set(err, ENOMEM, "out of memory compiling regular expressions");
        pcre2_set_match_limit(p->limits, MATCH_LIMIT);
        pcre2_set_depth_limit(p->limits, DEPTH_LIMIT);
        pcre2_set_heap_limit(p->limits, HEAP_LIMIT_KIB);
        for (; p->n < n; p->n++) {
                unsigned char why[128];
                PCRE2_SIZE at;
                int code;

                p->codes[p->n] = pcre2_compile((PCRE2_SPTR)texts[p->n], PCRE2_ZERO_TERMINATED, CONFIG_REGEX_OPTIONS,
                                               &code, &at, NULL);
                if (!p->codes[p->n]) {
                        pcre2_get_error_message(code, why, sizeof why);
                        return error_set(err, EINVAL, "the regular expression '%s' is wrong at character %zu: %s",
                                         texts[p->n], (size_t)at + 1, (char *)why);
                }
        }
        *ret = take_ptr(p);
        return 0;
}

bool patterns_match(const struct patterns *p, const char *text)
{
        size_t size = strlen(text);

        for (size_t i = 0; p && i < p->n; i++)
                if (pcre2_match(p->codes[i], (PCRE2_SPTR)text, size, 0, PCRE2_NO_UTF_CHECK, p->found, p->limits) >= 0)
                        return true;
        return false;
}
