/* Scenes for what findings say: a process or an app and all that is known of it, and how to look at what is said. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "detect/diagnosis.h"

#define MIB    INT64_C(1048576)
#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define NOON   INT64_C(1795348800000) /* 2026-11-22T12:00:00Z */

struct scene {
        struct circumstances c;
        struct trend trend;
        struct headroom headroom;
        struct generations_trend generations;
        struct low lows[128];
        char *args[3];
};

/* A Flask app that has leaked for 5 h 40 min since noon. What c points to lies in the scene. */
void a_leak(struct scene *s);
/* A batch of reports, 400 MiB loaded at once an hour ago. */
void a_step(struct scene *s);
/* The workers of an app, replaced again and again. */
void generations(struct scene *s);

/* Parsed; the caller's. */
json_t *evidence_of(const struct scene *s);
json_t *list_of(const struct scene *s, bool advice);
const char *get(const json_t *object, const char *key);

void assert_title(const struct scene *s, const char *expected);
/* The answer to a question, and what its reason says (NULL: anything). */
void assert_answer(const struct scene *s, const char *id, const char *answer, const char *says);
/* All ids of the advice, in their order. */
void assert_advice(const struct scene *s, const char *expected);
void assert_says(const struct scene *s, const char *id, const char *key, const char *says);
