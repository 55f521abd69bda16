/* JSON, written as it goes. */
#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"

struct json json_begin(struct buffer *to, bool inlined)
{
        return (struct json){ .to = to, .inlined = inlined };
}

struct json json_resume(struct buffer *to)
{
        return (struct json){ .to = to, .depth = 1, .more = true, .lines = true, .listed = 1u << 1 };
}

void json_end(struct json *j)
{
        if (!j->inlined)
                buffer_add_char(j->to, '\n');
}

static void json_line(struct json *j)
{
        buffer_add_char(j->to, '\n');
        for (int i = 0; i < j->depth; i++)
                buffer_add_text(j->to, "  ");
}

/* What goes before the next value or key. */
static void json_next(struct json *j)
{
        if (j->keyed) {
                j->keyed = false;
                return;
        }
        if (j->more)
                buffer_add_char(j->to, ',');
        if (j->lines)
                json_line(j);
        else if (j->more)
                buffer_add_char(j->to, ' ');
        j->more = true;
}

static void json_enter(struct json *j, char bracket, bool lines)
{
        json_next(j);
        buffer_add_char(j->to, bracket);
        j->depth++;
        j->lines = lines && !j->inlined;
        j->listed = (j->listed & ~(1u << j->depth)) | (uint32_t)j->lines << j->depth;
        j->more = false;
}

void json_open(struct json *j, char bracket)
{
        json_enter(j, bracket, j->depth == 0);
}

void json_open_list(struct json *j)
{
        json_enter(j, '[', true);
}

void json_close(struct json *j, char bracket)
{
        bool lines = j->lines && j->more;

        j->depth--;
        if (lines)
                json_line(j);
        buffer_add_char(j->to, bracket);
        j->lines = j->depth > 0 && (j->listed >> j->depth & 1);
        j->more = true;
}

void json_add_key(struct json *j, const char *key)
{
        json_next(j);
        buffer_add_char(j->to, '"');
        buffer_add_text(j->to, key);
        buffer_add(j->to, "\": ", 3);
        j->keyed = true;
}

void json_add_text(struct json *j, const char *text)
{
        json_next(j);
        json_escape(j->to, text);
}

void json_add_int(struct json *j, int64_t value)
{
        json_next(j);
        buffer_add_int(j->to, value);
}

void json_add_known(struct json *j, int64_t value)
{
        if (value < 0)
                json_add_null(j);
        else
                json_add_int(j, value);
}

void json_add_milli(struct json *j, int64_t thousandths)
{
        char digits[3];
        int rest, n = 3;

        if (thousandths < 0) {
                json_add_null(j);
                return;
        }
        json_add_int(j, thousandths / 1000);
        rest = (int)(thousandths % 1000);
        for (int i = 2; i >= 0; i--, rest /= 10)
                digits[i] = (char)('0' + rest % 10);
        while (n > 1 && digits[n - 1] == '0')
                n--;
        buffer_add_char(j->to, '.');
        buffer_add(j->to, digits, (size_t)n);
}

void json_add_double(struct json *j, double value)
{
        char text[32];

        if (!isfinite(value)) {
                json_add_null(j);
                return;
        }
        for (int digits = 15; digits <= 17; digits++) {
                snprintf(text, sizeof text, "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        json_next(j);
        buffer_add_text(j->to, text);
}

void json_add_bool(struct json *j, bool value)
{
        json_next(j);
        buffer_add_text(j->to, value ? "true" : "false");
}

void json_add_null(struct json *j)
{
        json_next(j);
        buffer_add(j->to, "null", 4);
}

void json_add_time(struct json *j, int64_t ms)
{
        char text[UNITS_SIZE];

        if (ms < 0) {
                json_add_null(j);
                return;
        }
        time_format(ms, text);
        json_next(j);
        buffer_add_char(j->to, '"');
        buffer_add_text(j->to, text);
        buffer_add_char(j->to, '"');
}

void json_add_raw(struct json *j, const char *text, size_t size)
{
        json_next(j);
        buffer_add(j->to, text, size);
}

void json_escape(struct buffer *to, const char *text)
{
        _cleanup_(freep) char *clean = NULL, *escaped = NULL;
        json_t *string;

        if (!text) {
                buffer_add(to, "null", 4);
                return;
        }
        string = json_string(text);
        if (!string) {
                /* Not UTF-8 (a database that somebody else wrote), or out of memory. */
                clean = text_to_utf8(text, strlen(text), NULL);
                string = clean ? json_string(clean) : NULL;
        }
        escaped = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
        json_decref(string);
        if (escaped)
                buffer_add_text(to, escaped);
        else
                to->failed = true;
}

static const char *unescape_one(const char *p, struct buffer *to)
{
        static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
        const char *at;
        char hex[5] = {}, utf8[4];

        if (*p == 'u' && strspn(p + 1, "0123456789abcdefABCDEF") >= 4) {
                memcpy(hex, p + 1, 4);
                buffer_add(to, utf8, text_put((uint32_t)strtoul(hex, NULL, 16), utf8));
                return p + 5;
        }
        at = *p ? strchr(letters, *p) : NULL;
        buffer_add_char(to, at ? meant[at - letters] : *p);
        return *p ? p + 1 : p;
}

void json_unescape(const char *json, struct buffer *to)
{
        bool list = *json == '[', first = true;
        const char *p = json + list;

        while (*p == '"') {
                if (!first)
                        buffer_add_char(to, ' ');
                first = false;
                for (p++; *p && *p != '"';) {
                        size_t plain = strcspn(p, "\\\"");

                        buffer_add(to, p, plain);
                        p += plain;
                        if (*p == '\\')
                                p = unescape_one(p + 1, to);
                }
                if (*p == '"')
                        p++;
                if (!list || strncmp(p, ", ", 2) != 0)
                        break;
                p += 2;
        }
}

void json_put_text(struct json *j, const char *key, const char *text)
{
        json_add_key(j, key);
        json_add_text(j, text);
}

void json_put_known(struct json *j, const char *key, int64_t value)
{
        json_add_key(j, key);
        json_add_known(j, value);
}

void json_put_milli(struct json *j, const char *key, int64_t thousandths)
{
        json_add_key(j, key);
        json_add_milli(j, thousandths);
}

void json_put_time(struct json *j, const char *key, int64_t ms)
{
        json_add_key(j, key);
        json_add_time(j, ms);
}
