/* An app: the processes that serve one application, past and present. Its key says what makes it the same one after a
 * restart of its processes or of the machine; its id is a hash of that, its name is for people and unique. */
#pragma once

#include <stddef.h>

#include "model/process.h"

#define APP_ID_SIZE 13 /* 12 hex digits and a NUL */

/* The key: service unit and container's name (both only where they outlast a restart: no scope, no container's id),
 * uid, framework, application and, where it is relative, its folder. Allocated; NULL when out of memory. */
char *app_key(const struct identity *who);

/* The id of a key (FNV-1a, 48 bits). attempt > 0 gives the next one, should another key have taken it. */
void app_id(const char *key, unsigned attempt, char ret[static APP_ID_SIZE]);

/* "gunicorn: shop", "report.py", "http.server": framework and application, else script or module, for people; long ones
 * are cut. attempt 1 and above add what sets it apart from an app of the same name: first the unit or the folder, then
 * a number. Allocated; NULL when out of memory. */
char *app_name(const struct identity *who, unsigned attempt);
