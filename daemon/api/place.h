/* The place in a listing of processes or apps where a page begins: the snapshot it is of, and the item before it. */
#pragma once

#include "api/api.h"
#include "api/cursor.h"

struct place {
        struct snapshot *snapshot; /* held */
        bool given;                /* by a cursor; else the listing begins, with the newest snapshot */
        uint32_t number;           /* the last item of the page before */
};

/* From the call's cursor. False: it is bad or too old, which has been answered. */
bool place_open(struct call *c, uint64_t listing, struct place *ret);
void place_done(struct place *p);

/* The cursor of the page behind that item; the snapshot is kept for it. */
void place_give(struct call *c, uint64_t listing, struct snapshot *s, uint32_t number, char ret[static CURSOR_SIZE]);
