/* Answers that stay right until the next tick. */
#include "api/cache.h"

#include <string.h>

static void cached_done(struct cached *p)
{
        answer_done(&p->answer);
        p->key[0] = '\0';
        p->used = 0;
}

void cache_done(struct cache *c)
{
        for (size_t i = 0; i < CACHE_PLACES; i++)
                cached_done(&c->places[i]);
}

bool cache_find(struct cache *c, uint64_t serial, int64_t now_ms, const char *key, struct answer *ret)
{
        if (serial != c->serial || now_ms >= c->until_ms) {
                cache_done(c);
                c->serial = serial;
                c->until_ms = now_ms + CACHE_MS;
        }
        for (size_t i = 0; i < CACHE_PLACES; i++) {
                struct cached *p = &c->places[i];

                if (!p->key[0] || strcmp(p->key, key) != 0)
                        continue;
                p->used = ++c->uses;
                *ret = p->answer;
                body_ref(ret->body);
                return true;
        }
        return false;
}

static size_t cached_bytes(const struct cache *c)
{
        size_t bytes = 0;

        for (size_t i = 0; i < CACHE_PLACES; i++)
                bytes += c->places[i].answer.body ? c->places[i].answer.body->room : 0;
        return bytes;
}

static struct cached *least_used(struct cache *c, bool filled)
{
        struct cached *least = NULL;

        for (size_t i = 0; i < CACHE_PLACES; i++)
                if ((!filled || c->places[i].key[0]) && (!least || c->places[i].used < least->used))
                        least = &c->places[i];
        return least;
}

void cache_put(struct cache *c, const char *key, const struct answer *a)
{
        struct cached *p;

        if (!key[0] || strlen(key) >= CACHE_KEY_MAX || !a->body)
                return;
        while (cached_bytes(c) > 0 && cached_bytes(c) + a->body->room > CACHE_BYTES)
                cached_done(least_used(c, true));
        p = least_used(c, false);
        cached_done(p);
        strcpy(p->key, key);
        p->answer = *a;
        p->used = ++c->uses;
        body_ref(p->answer.body);
}
