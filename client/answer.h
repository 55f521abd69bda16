/* What memtided answered, read with suspicion: a key that is missing where it is needed, or of another type than
 * interface.md says, is one clear error, kept by the reader; what follows is then read as not known. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

struct answer {
        const char *what;  /* what is read, for the error: "/processes" */
        struct error *err;
        bool wrong;        /* *err is set */
};

/* The JSON of a body: NULL, with the error kept, where it is none or no object. Release with json_decref(). */
json_t *answer_load(struct answer *a, const struct buffer *body);

/* Keeps the first error alone. Returns -EPROTO. */
int answer_fail(struct answer *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Absent or null: NULL, -1, NAN. Texts live as long as the object. */
const char *answer_text(struct answer *a, const json_t *object, const char *key);
int64_t answer_int(struct answer *a, const json_t *object, const char *key); /* not negative */
double answer_number(struct answer *a, const json_t *object, const char *key);
int64_t answer_time(struct answer *a, const json_t *object, const char *key); /* RFC 3339, as ms since 1970 */
const json_t *answer_object(struct answer *a, const json_t *object, const char *key);
const json_t *answer_list(struct answer *a, const json_t *object, const char *key);

/* The same, but it has to be there. Where it isn't: "", -1, and the error is kept. */
const char *answer_need_text(struct answer *a, const json_t *object, const char *key);
int64_t answer_need_int(struct answer *a, const json_t *object, const char *key);
int64_t answer_need_time(struct answer *a, const json_t *object, const char *key);
const json_t *answer_need_list(struct answer *a, const json_t *object, const char *key);

/* One value that is no member of an object: a cell of a row of samples. */
int64_t answer_value_int(struct answer *a, const json_t *value, const char *name);
int64_t answer_value_time(struct answer *a, const json_t *value, const char *name);

/* A growth, as every process and app bears one. */
struct growth_answer {
        const char *verdict;
        bool known;
        double bytes_per_hour;
        int64_t since_at_ms, limit_at_ms; /* -1: not known */
};
struct growth_answer answer_growth(struct answer *a, const json_t *object);
