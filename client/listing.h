/* A list of the API as a whole: its pages are followed until there is none left, or until --limit. */
#pragma once

#include "client/answer.h"
#include "client/memtide.h"

struct listing {
        struct buffer body; /* the first page as it came */
        json_t *root;       /* the first page, with the elements of all pages in its list */
        const json_t *list; /* within root */
        int64_t now_ms;     /* "now_at" */
        bool paged;         /* it took more than one page */
};

/* path: "/processes"; key: of the list within. Release with listing_done() in either case. */
int listing_get(struct client *client, const char *path, const char *key, struct listing *ret, struct error *err);
void listing_done(struct listing *l);

/* --json: the one page as it is; of several, one document with all elements and no next. */
int listing_write_json(const struct client *client, const struct listing *l, struct error *err);
