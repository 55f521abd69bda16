/* JSON, written as it goes, for eyes and for grep: the members of the outermost object stand one a line, so do the
 * elements of a list; whatever is deeper stays on its line. Figures are written here, text is escaped by jansson. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct json {
        struct buffer *to;
        int depth;       /* open objects and lists */
        bool more;       /* something stands before in the innermost one: a comma is due */
        bool lines;      /* the innermost one has its elements one a line */
        bool inlined;    /* everything on one line, from the start */
        bool keyed;      /* a key has been written, its value is due */
        uint32_t listed; /* bit n: what is open at depth n has its elements one a line */
};

/* Nothing needs to be released. inlined: the whole of it on one line. */
struct json json_begin(struct buffer *to, bool inlined);
/* Goes on in an outermost object that has a member already, written elsewhere. */
struct json json_resume(struct buffer *to);
void json_end(struct json *j); /* the final newline, unless inlined */

void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_open_list(struct json *j);           /* '[' with its elements one a line */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_add_key(struct json *j, const char *key); /* plain ASCII of our own */

void json_add_text(struct json *j, const char *text); /* NULL: null */
void json_add_int(struct json *j, int64_t value);
void json_add_known(struct json *j, int64_t value);   /* negative: null */
void json_add_milli(struct json *j, int64_t thousandths); /* 12400 is 12.4; negative: null */
void json_add_double(struct json *j, double value);   /* shortest that reads back the same; not finite: null */
void json_add_bool(struct json *j, bool value);
void json_add_null(struct json *j);
void json_add_time(struct json *j, int64_t ms);       /* RFC 3339; negative: null */
void json_add_raw(struct json *j, const char *text, size_t size); /* a value, or members, in JSON already */

/* A member: its key, and the value as above. */
void json_put_text(struct json *j, const char *key, const char *text);
void json_put_known(struct json *j, const char *key, int64_t value);
void json_put_milli(struct json *j, const char *key, int64_t thousandths);
void json_put_time(struct json *j, const char *key, int64_t ms);

/* The text as a JSON string with its quotes (NULL: null), escaped by jansson. */
void json_escape(struct buffer *to, const char *text);
/* What stands in the JSON string (or list of strings, joined with spaces) at *json, without its escapes; null gives
 * nothing. The reverse of json_escape(), for JSON of our own making only. */
void json_unescape(const char *json, struct buffer *to);
