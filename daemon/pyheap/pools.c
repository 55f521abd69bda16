/* pymalloc's pools. */
#include "pyheap/pools.h"

#include <errno.h>
#include <stdlib.h>

#include "pyheap/pagemap.h"

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

/* What can't be read is passed over. */
static int read_heads(struct remote *r, const struct iovec *pieces, size_t n, struct pools *p, struct error *err)
{
        struct pool_head heads[REMOTE_PIECES_MOST];
        int res = 0;

        for (size_t done = 0; done < n && res == 0;) {
                size_t got = remote_read_pieces(r, pieces + done, n - done, heads) / sizeof *heads;

                for (size_t i = 0; i < got && res == 0; i++)
                        if (pool_head_holds(&heads[i], p->size))
                                res = add_pool(p, (uintptr_t)pieces[done + i].iov_base, &heads[i], err);
                done += got + 1;
        }
        return res;
}

/* The heads of all that may be pools between two addresses. */
static int find_between(struct remote *r, uint64_t from, uint64_t end, int pagemap_fd, struct pools *p, struct error *err)
{
        struct iovec pieces[REMOTE_PIECES_MOST];
        struct pagemap_window window;
        int res = 0;

        while (from < end && res == 0) {
                uint64_t window_end = end - from > PAGEMAP_WINDOW ? from + PAGEMAP_WINDOW : end;

                if (!remote_go_on(r)) {
                        p->cut = true;
                        return 0;
                }
                pagemap_read(pagemap_fd, from, window_end, &window);
                while (from < window_end && res == 0) {
                        size_t n = 0;

                        for (; from < window_end && n < REMOTE_PIECES_MOST; from += p->size)
                                if (pagemap_touched(&window, from))
                                        pieces[n++] = (struct iovec){ (void *)(uintptr_t)from, sizeof(struct pool_head) };
                        res = read_heads(r, pieces, n, p, err);
                }
        }
        return res;
}

int pools_find(struct remote *r, const struct mappings *m, uint32_t size, int pagemap_fd, struct pools *ret, struct error *err)
{
        struct pools p = { .size = size };
        int res = 0;

        for (size_t i = 0; i < m->n && res == 0; i++) {
                const struct mapping *here = &m->v[i];

                if (here->kind != MAPPING_ANONYMOUS || !here->readable || !here->writable || here->shared)
                        continue;
                if (here->end >= size)
                        res = find_between(r, (here->start + size - 1) / size * size, here->end / size * size, pagemap_fd, &p, err);
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
