/* One sentence that a person can act on, built where the facts are. No allocation: it must work when
 * memory is short. Control bytes and broken UTF-8 in what it quotes are shown as U+FFFD. */
#pragma once

#include <stdarg.h>

struct error {
        int code; /* an errno value, 0 while nothing failed */
        char text[512];
};

/* Writes the sentence; err may be NULL. Returns -code, so that `return error_set(err, EIO, …)` reads well. */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts words before the sentence that is there ("reading x: " + "…"). Returns -err->code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
