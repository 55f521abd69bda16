/* Typed values out of JSON. */
#include "client/answer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

int answer_fail(struct answer *a, const char *format, ...)
{
        char text[256];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        if (!a->wrong)
                error_set(a->err, EPROTO, "the answer to %.100s can't be understood: %s", a->what, text);
        a->wrong = true;
        return -EPROTO;
}

json_t *answer_load(struct answer *a, const struct buffer *body)
{
        json_error_t error = {};
        json_t *root = json_loadb(body->size ? body->data : "", body->size, JSON_ALLOW_NUL, &error);

        if (!root) {
                answer_fail(a, "it is not JSON (%s, line %d)", error.text, error.line);
        } else if (!json_is_object(root)) {
                answer_fail(a, "it is not a JSON object");
                json_decref(root);
                root = NULL;
        }
        return root;
}

/* The member, or NULL where there is none and where it is null. */
static const json_t *known_member(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);

        return json_is_null(value) ? NULL : value;
}

static const json_t *typed(struct answer *a, const json_t *value, json_type type, const char *name, const char *kind)
{
        if (!value || json_typeof(value) == type)
                return value;
        answer_fail(a, "\"%s\" is not %s", name, kind);
        return NULL;
}

const char *answer_text(struct answer *a, const json_t *object, const char *key)
{
        return json_string_value(typed(a, known_member(object, key), JSON_STRING, key, "a text"));
}

int64_t answer_value_int(struct answer *a, const json_t *value, const char *name)
{
        const json_t *number = json_is_null(value) ? NULL : typed(a, value, JSON_INTEGER, name, "a whole number");

        if (!number)
                return -1;
        if (json_integer_value(number) < 0) {
                answer_fail(a, "\"%s\" is negative", name);
                return -1;
        }
        return json_integer_value(number);
}

int64_t answer_int(struct answer *a, const json_t *object, const char *key)
{
        return answer_value_int(a, json_object_get(object, key), key);
}

double answer_number(struct answer *a, const json_t *object, const char *key)
{
        const json_t *value = known_member(object, key);

        if (!value)
                return NAN;
        if (!json_is_number(value)) {
                answer_fail(a, "\"%s\" is not a number", key);
                return NAN;
        }
        return json_number_value(value);
}

int64_t answer_value_time(struct answer *a, const json_t *value, const char *name)
{
        const json_t *text = json_is_null(value) ? NULL : typed(a, value, JSON_STRING, name, "a time");
        int64_t ms;

        if (!text)
                return -1;
        if (time_parse(json_string_value(text), &ms, NULL) < 0) {
                answer_fail(a, "\"%s\" is not a time of RFC 3339", name);
                return -1;
        }
        return ms;
}

int64_t answer_time(struct answer *a, const json_t *object, const char *key)
{
        return answer_value_time(a, json_object_get(object, key), key);
}

const json_t *answer_object(struct answer *a, const json_t *object, const char *key)
{
        return typed(a, known_member(object, key), JSON_OBJECT, key, "an object");
}

const json_t *answer_list(struct answer *a, const json_t *object, const char *key)
{
        return typed(a, known_member(object, key), JSON_ARRAY, key, "a list");
}

static void need(struct answer *a, const json_t *object, const char *key)
{
        if (!known_member(object, key))
                answer_fail(a, "it has no \"%s\"", key);
}

const char *answer_need_text(struct answer *a, const json_t *object, const char *key)
{
        const char *text = answer_text(a, object, key);

        need(a, object, key);
        return text ? text : "";
}

int64_t answer_need_int(struct answer *a, const json_t *object, const char *key)
{
        need(a, object, key);
        return answer_int(a, object, key);
}

int64_t answer_need_time(struct answer *a, const json_t *object, const char *key)
{
        need(a, object, key);
        return answer_time(a, object, key);
}

const json_t *answer_need_list(struct answer *a, const json_t *object, const char *key)
{
        need(a, object, key);
        return answer_list(a, object, key);
}

struct growth_answer answer_growth(struct answer *a, const json_t *object)
{
        const json_t *growth = answer_object(a, object, "growth");
        struct growth_answer ret = { .since_at_ms = -1, .limit_at_ms = -1 };

        if (!growth) {
                answer_fail(a, "it has no \"growth\"");
                return ret;
        }
        ret.verdict = answer_need_text(a, growth, "verdict");
        ret.bytes_per_hour = answer_number(a, growth, "bytes_per_hour");
        ret.known = !isnan(ret.bytes_per_hour);
        ret.since_at_ms = answer_time(a, growth, "since_at");
        ret.limit_at_ms = answer_time(a, growth, "limit_at");
        return ret;
}
