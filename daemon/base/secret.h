/* A bearer token kept in a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The token in a file: a regular one that others can't read (mode & 007 is 0), with 16 characters or more of those that
 * a bearer token may have (RFC 6750: letters, digits, - . _ ~ + / and = at the end); one line end behind it is left
 * out. Returns 0, or negative with *err, which names the file and what is allowed, never what is in it. Release *ret
 * with secret_free(). */
int secret_load(const char *path, char **ret, struct error *err);

/* Overwrites it first. NULL is fine; returns NULL. */
char *secret_free(char *secret);
DEFINE_CLEANUP(char *, secret_free)

/* Is what somebody sent the secret? Takes the same time wherever the two differ: only the length shows. */
bool secret_equal(const char *secret, const char *sent, size_t sent_size);
