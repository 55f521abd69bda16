/* Where alerts are posted to. */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* http or https, with a host; user info is fine. 0, or negative with what is allowed. */
int webhook_url_check(const char *url, struct error *err);

/* What may be said of it to people and to the log: scheme, host and port. What else it holds may be a secret: user info, and
 * as often the path and the query. For an URL that was checked. */
void webhook_url_show(const char *url, char *ret, size_t room);
