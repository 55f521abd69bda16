/* Names of users, remembered: a lookup may go over the network (LDAP) and takes its time. */
#pragma once

#include <stdint.h>

struct users;

struct users *users_new(void); /* NULL when out of memory */
struct users *users_free(struct users *u);

/* The name of a uid, valid until users_free(); NULL where it has none, or uid is -1. An unknown uid is asked for again
 * after a minute at the earliest. */
const char *users_name(struct users *u, int64_t uid, int64_t now_ms);
