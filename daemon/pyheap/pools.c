/* pymalloc's pools. */
#include "pyheap/pools.h"

#include <errno.h>
#include <stdlib.h>

#define ARENAS_MOST (4u << 20)

_Static_assert(sizeof(struct pool_head) == POOL_HEAD, "as in the target");

bool pool_head_holds(const struct pool_head *head, uint32_t size)
{
        uint32_t block;

        if (head->class >= POOL_CLASSES || head->arena >= ARENAS_MOST)
                return false;
        block = pool_block_size(head->class);
        return head->last_offset == size - block && head->next_offset >= POOL_HEAD && head->next_offset <= size + 512 &&
               head->used <= (size - POOL_HEAD) / block;
}

static int add_pool(struct pools *p, uint64_t address, const struct pool_head *head, struct error *err)
{
        if (p->n == POOLS_MOST) {
                p->cut = true;
                return 0;
        }
        if (p->n == p->room) {
                size_t room = p->room ? 2 * p->room : 4096;
                struct pool *v = realloc(p->v, room * sizeof *v);

                if (!v)
                        return error_set(err, ENOMEM, "out of memory for the pools of a process");
                p->v = v;
                p->room = room;
        }
        p->v[p->n++] = (struct pool){ address, head->used, (uint8_t)head->class };
        p->used_blocks[head->class] += head->used;
        p->used_pools[head->class] += head->used > 0;
        p->used_bytes += (uint64_t)head->used * pool_block_size(head->class);
        return 0;
}

/* The heads of all that may be pools between two addresses. */
static int find_between(struct remote *r, uint64_t from, uint64_t end, struct pools *p, struct error *err)
{
        struct pool_head heads[REMOTE_PIECES_MOST];
        struct iovec pieces[REMOTE_PIECES_MOST];
        int res = 0;

        while (from < end && res == 0) {
                size_t n = 0, got;

                for (uint64_t at = from; at < end && n < REMOTE_PIECES_MOST; at += p->size)
                        pieces[n++] = (struct iovec){ (void *)(uintptr_t)at, sizeof *heads };
                if (!remote_go_on(r)) {
                        p->cut = true;
                        return 0;
                }
                got = remote_read_pieces(r, pieces, n, heads) / sizeof *heads;
                for (size_t i = 0; i < got && res == 0; i++)
                        if (pool_head_holds(&heads[i], p->size))
                                res = add_pool(p, from + i * p->size, &heads[i], err);
                from += (got < n ? got + 1 : n) * p->size; /* what can't be read is passed over */
        }
        return res;
}

int pools_find(struct remote *r, const struct mappings *m, uint32_t size, struct pools *ret, struct error *err)
{
        struct pools p = { .size = size };
        int res = 0;

        for (size_t i = 0; i < m->n && res == 0; i++) {
                const struct mapping *here = &m->v[i];

                if (here->kind != MAPPING_ANONYMOUS || !here->readable || !here->writable || here->shared)
                        continue;
                if (here->end >= size)
                        res = find_between(r, (here->start + size - 1) / size * size, here->end - size + 1, &p, err);
        }
        p.cut |= r->over || m->cut;
        if (res < 0)
                pools_done(&p);
        else
                *ret = p;
        return res;
}

void pools_done(struct pools *p)
{
        free(p->v);
        *p = (struct pools){};
}

bool pools_hold(const struct pools *p, uint64_t address)
{
        size_t low = 0, high = p->n;

        address = address / p->size * p->size;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (p->v[middle].address < address)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < p->n && p->v[low].address == address;
}
