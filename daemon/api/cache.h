/* Answers that stay right until the next tick, kept ready: many clients, or one that asks often, cost one rendering a
 * tick. */
#pragma once

#include "api/answer.h"

#define CACHE_MS 60000
#define CACHE_PLACES 8
#define CACHE_KEY_MAX 256
#define CACHE_BYTES (2 << 20) /* of bodies; the newest one is kept whatever its size */

struct cache {
        struct cached {
                char key[CACHE_KEY_MAX]; /* "": free */
                struct answer answer;
                uint64_t used;           /* rises with every use */
        } places[CACHE_PLACES];
        uint64_t serial;                 /* of the state that the answers are of */
        int64_t until_ms;                /* made anew in any case: a tick can take an hour, a cursor in them
                                          * is good for ten minutes */
        uint64_t uses;
};

void cache_done(struct cache *c);
/* True: *ret is a copy that shares its body. Whatever is of another serial or of
 * more than a minute ago is let go. */
bool cache_find(struct cache *c, uint64_t serial, int64_t now_ms, const char *key, struct answer *ret);
/* The key is at most CACHE_KEY_MAX - 1 bytes, else nothing is kept. */
void cache_put(struct cache *c, const char *key, const struct answer *a);
