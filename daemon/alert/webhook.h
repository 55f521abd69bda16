/* Posting an alert. */
#pragma once

#include <stddef.h>

#include "base/error.h"

enum { WEBHOOK_DELIVERED, WEBHOOK_REFUSED };

/* Posts the JSON once and waits for the answer, at most 10 s in all. WEBHOOK_DELIVERED (2xx); WEBHOOK_REFUSED with *err: it
 * will be refused whenever it is tried (4xx but 408, 425 and 429); negative with *err: it may be taken another time. *err
 * says nothing of the URL but, where it can't be reached, its host. */
int webhook_post(const char *url, const char *body, size_t size, struct error *err);
