/* memtided over HTTP: one GET after the other on one connection. */
#pragma once

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

enum { ANSWER_MOST = 64 << 20 }; /* bytes; a longer answer is refused */

struct daemon;

/* url as url_check() allows it. token_file may be NULL; it is read here. Nothing is sent yet. */
int daemon_open(const char *url, const char *token_file, struct daemon **ret, struct error *err);
struct daemon *daemon_close(struct daemon *d);
DEFINE_CLEANUP(struct daemon *, daemon_close)

/* path begins with /, its parts escaped. The body of a 200 goes to ret, which is cleared first. -EREMOTEIO: memtided
 * refused, *err is its problem. */
int daemon_get(struct daemon *d, const char *path, struct buffer *ret, struct error *err);

/* Appends &name=value (? at the first), escaped; nothing where value is NULL. */
void path_add_parameter(struct buffer *path, const char *name, const char *value);
