/* A command line as it is stored: a JSON array of strings, which views unfold by json_each(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

void args_write(struct buffer *to, char *const *args, size_t n);

/* Takes it apart. The arguments are in ret's own memory, used again at each call: release with args_done(). False when
 * the text is no such array (ret is an empty list then) or memory ran out. */
struct args {
        char **args; /* NULL-terminated */
        size_t n, room;
        struct buffer text;
};
bool args_read(struct args *ret, const char *json);
void args_done(struct args *a);
