/* The one sentence of a failure. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void error_write(struct error *err, const char *format, va_list args)
{
        char raw[sizeof err->text];

        vsnprintf(raw, sizeof raw, format, args);
        text_clean(raw, strlen(raw), err->text, sizeof err->text);
}

int error_set(struct error *err, int code, const char *format, ...)
{
        va_list args;

        if (!err)
                return -code;
        err->code = code;
        va_start(args, format);
        error_write(err, format, args);
        va_end(args);
        return -code;
}

int error_prefix(struct error *err, const char *format, ...)
{
        char rest[sizeof err->text];
        size_t used;
        va_list args;

        if (!err)
                return -1;
        memcpy(rest, err->text, sizeof rest);
        va_start(args, format);
        error_write(err, format, args);
        va_end(args);
        used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, "%s", rest);
        return -err->code;
}
