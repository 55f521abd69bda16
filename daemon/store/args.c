/* JSON arrays of strings: only what args_write() writes is read again. */
#include "store/args.h"

#include <stdlib.h>
#include <string.h>

void args_write(struct buffer *to, char *const *args, size_t n)
{
        buffer_add_char(to, '[');
        for (size_t i = 0; i < n; i++) {
                buffer_add_text(to, i ? ",\"" : "\"");
                for (const char *p = args[i]; *p; p++) {
                        if (*p == '"' || *p == '\\') {
                                buffer_add_char(to, '\\');
                                buffer_add_char(to, *p);
                        } else if ((unsigned char)*p < 0x20) {
                                buffer_format(to, "\\u%04x", (unsigned)*p);
                        } else {
                                buffer_add_char(to, *p);
                        }
                }
                buffer_add_char(to, '"');
        }
        buffer_add_char(to, ']');
}

void args_done(struct args *a)
{
        free(a->args);
        buffer_done(&a->text);
        *a = (struct args){};
}

static const char hex_digits[] = "0123456789abcdef";

/* One string, from behind its first quote; returns what is behind its last one, or NULL. */
static const char *read_string(struct buffer *to, const char *p)
{
        for (; *p != '"'; p++) {
                if (*p == '\0')
                        return NULL;
                if (*p != '\\') {
                        buffer_add_char(to, *p);
                        continue;
                }
                p++;
                if (*p == '"' || *p == '\\') {
                        buffer_add_char(to, *p);
                } else if (*p == 'u' && p[1] == '0' && p[2] == '0' && (p[3] == '0' || p[3] == '1') && p[4]) {
                        const char *digit = strchr(hex_digits, p[4]);

                        if (!digit)
                                return NULL;
                        buffer_add_char(to, (char)((p[3] - '0') * 16 + (digit - hex_digits)));
                        p += 4;
                } else {
                        return NULL;
                }
        }
        buffer_add_char(to, '\0');
        return p + 1;
}

static bool make_list(struct args *a)
{
        const char *p = a->text.data;

        if (a->n + 1 > a->room) {
                char **more = realloc(a->args, (a->n + 16) * sizeof *more);

                if (!more)
                        return false;
                a->args = more;
                a->room = a->n + 16;
        }
        for (size_t i = 0; i < a->n; i++) {
                a->args[i] = a->text.data + (p - a->text.data);
                p += strlen(p) + 1;
        }
        a->args[a->n] = NULL;
        return true;
}

static bool read_array(struct args *a, const char *p)
{
        if (!p || *p++ != '[')
                return false;
        while (*p == '"') {
                p = read_string(&a->text, p + 1);
                if (!p)
                        return false;
                a->n++;
                if (*p != ',')
                        break;
                p++;
        }
        return *p == ']' && p[1] == '\0' && !a->text.failed;
}

bool args_read(struct args *a, const char *json)
{
        bool fine;

        a->n = 0;
        buffer_clear(&a->text);
        fine = read_array(a, json);
        if (!fine)
                a->n = 0;
        return make_list(a) && fine;
}
