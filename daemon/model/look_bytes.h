/* A look as bytes: how it comes from the child that looked, and how the store keeps it. Compact: numbers are varints, a name
 * shares what it can with the one before it. The bytes are of a process that has read hostile memory, or from a file:
 * look_parse() believes nothing. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "model/look.h"

#define LOOK_BYTES_MOST (4 << 20)  /* of all; more is refused */
#define LOOK_NAMES_MOST 10000      /* in any of its lists */
#define LOOK_NAME_MOST 4096        /* bytes of a name */

void look_write(const struct look *look, struct buffer *to);
/* 0 and *ret (release with look_done()); -EBADMSG with *err: these are not the bytes of a look; -ENOMEM. Names come out as
 * valid UTF-8 without control characters, numbers within what they can be. */
int look_parse(const void *bytes, size_t size, struct look *ret, struct error *err);
