/* How many objects of each type. */
#include "pyheap/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BUFFER (512 << 10)     /* what one call reads */
#define POOL_MOST 16384
#define BLOCKS_MOST ((POOL_MOST - POOL_HEAD) / POOL_BLOCK_LEAST)
#define REREADS 3              /* of a pool that changed while it was copied */
#define REFERENCES_MOST (UINT64_C(1) << 40)
#define WHOLE_POOLS 256        /* block sizes with fewer pools are read whole: sampling them saves nothing and costs much */
#define NEAR 4096
/* What reading costs, for the choice of a share: measured at 3.8, 3.11 and 3.13, with 1 to 10 million objects. */
#define NS_A_BLOCK 7
#define NS_A_KIB 220

struct census {
        struct remote *remote;
        struct types *types;
        const struct pools *pools;
        uint64_t lowest, highest;       /* of what is writable: a type lies there */
        uint64_t references_most;
        uint64_t near[NEAR];            /* pools that were asked for lately, by address */
        double share[POOL_CLASSES], weight[POOL_CLASSES];
        uint64_t wanted, counted;       /* pools */
        uint64_t wanted_blocks[POOL_CLASSES], counted_blocks[POOL_CLASSES];
        unsigned char *buffer;
        struct orphans *orphans;
};

static uint64_t hash(uint64_t address)
{
        address *= UINT64_C(0x9e3779b97f4a7c15);
        address ^= address >> 32;
        return address * UINT64_C(0xd6e8feb86659fd93);
}

static bool chosen(const struct census *c, const struct pool *pool)
{
        double share = c->share[pool->class];

        return pool->used && (share >= 1 || (double)(hash(pool->address) >> 11) < share * (double)(UINT64_C(1) << 53));
}

/* Heap types are over 512 bytes, so what lies in a pool is none: this keeps the pointers to other objects, of which there are
 * millions, from costing a read each. */
static bool in_pool(struct census *c, uint64_t address)
{
        uint64_t pool = address / c->pools->size;
        uint64_t *near = &c->near[hash(pool) >> 52];

        if (*near == pool)
                return true;
        if (!pools_hold(c->pools, address))
                return false;
        *near = pool;
        return true;
}
_Static_assert(NEAR == 1 << (64 - 52), "12 bits of hash");

/* What the smallest object of a type takes. basicsize of str is that of the largest kind (3.11: 80 bytes): a short one of
 * ASCII alone is a head of 40 or 48 bytes and its characters. */
static uint64_t least_size(const struct type *type)
{
        return type->flags & FLAG_STR ? 40 : (uint64_t)type->basicsize;
}

static bool fits(const struct census *c, const struct type *type, unsigned before, size_t block)
{
        return type && least_size(type) <= block &&
               (!(type->flags & FLAG_GC) || before * 8 >= c->types->layout->gc_head_size);
}

/* The type of the object in a block, and how many words stand before the object: nothing, the collector's head, that and two
 * words of a managed dict, the debug hooks' prefix. First among the types known; then those that may be new. */
static struct type *type_of_block(struct census *c, const uint64_t *words, size_t block, unsigned *ret_before)
{
        for (unsigned pass = 0; pass < 2; pass++)
                for (unsigned before = 0; before <= 6 && (before + 2) * 8 <= block; before += 2) {
                        uint64_t references = words[before], address = words[before + 1];
                        struct type *type;

                        if (!references || references >= c->references_most || address < c->lowest ||
                            address >= c->highest || address % 8)
                                continue;
                        type = pass == 0 ? types_known(c->types, address)
                               : in_pool(c, address) ? NULL : types_get(c->types, address);
                        if (fits(c, type, before, block)) {
                                *ret_before = before;
                                return type;
                        }
                }
        return NULL;
}

/* The block size that most objects of a type have, in one pass. Not the last one's: among a million blocks there are a few in
 * which a word that leads to the type stands where it would in an object. */
static void vote(struct type *type, unsigned class)
{
        if (type->class_votes == 0)
                type->pool_class = (uint8_t)class;
        type->class_votes += type->pool_class == class ? 1 : -1;
}

/* object: its words, size bytes of them. What lies free is dead: whoever walks looks again. */
static void note(struct census *c, struct type *type, const uint64_t *object, size_t size, uint64_t address)
{
        size_t at;

        switch (type->kind) {
        case TYPE_INSTANCE_KIND: orphans_note_instance(type, address); return;
        case TYPE_DICT_KIND: at = DICT_USED; break;
        case TYPE_LIST_KIND: case TYPE_DEQUE_KIND: at = OBJECT_SIZE; break;
        case TYPE_SET_KIND: at = SET_USED; break;
        default: return;
        }
        if (at < size)
                orphans_note(c->orphans, address, (int64_t)object[at / 8]);
}

static void count_block(struct census *c, const uint64_t *words, unsigned class, uint64_t address)
{
        size_t block = pool_block_size(class);
        unsigned head = c->types->layout->gc_head_size / 8, before;
        double weight = c->weight[class];
        struct type *type = type_of_block(c, words, block, &before);

        if (!type)
                return;
        vote(type, class);
        note(c, type, words + before, block - before * 8, address + before * 8);
        type->objects += weight;
        type->bytes += weight * (double)block;
        /* The collector's head begins with the link to the next one, which is 0 where the object isn't tracked. */
        if (type->flags & FLAG_GC && words[before - head])
                type->tracked += weight;
}

/* Marks the free blocks; false where the pool changed while it was copied. */
static bool mark_free(const struct pool_head *head, const unsigned char *pool, uint64_t address, uint32_t size, uint8_t *free_at)
{
        uint32_t block = pool_block_size(head->class), most = (size - POOL_HEAD) / block, n = 0;
        uint32_t touched = (head->next_offset - POOL_HEAD) / block;

        if (touched > most)
                touched = most;
        memset(free_at, 0, touched);
        for (uint64_t at = head->free; at && n <= most; n++) {
                uint64_t offset = at - address;

                if (at < address || offset < POOL_HEAD || offset + block > size || (offset - POOL_HEAD) % block ||
                    (offset - POOL_HEAD) / block >= touched || free_at[(offset - POOL_HEAD) / block])
                        return false;
                free_at[(offset - POOL_HEAD) / block] = 1;
                memcpy(&at, pool + offset, sizeof at);
        }
        return touched - n == head->used;
}

static void count_pool(struct census *c, unsigned char *pool, uint64_t address)
{
        uint32_t size = c->pools->size, block, n;
        uint8_t free_at[BLOCKS_MOST];
        struct pool_head head;

        for (unsigned i = 0;; i++) {
                memcpy(&head, pool, sizeof head);
                if (!pool_head_holds(&head, size))
                        return; /* it was given back */
                if (mark_free(&head, pool, address, size, free_at) || i == REREADS)
                        break;
                if (!remote_read(c->remote, address, pool, size))
                        return;
        }
        block = pool_block_size(head.class);
        n = (head.next_offset - POOL_HEAD) / block;
        for (uint32_t i = 0; i < n && POOL_HEAD + (i + 1) * block <= size; i++)
                if (!free_at[i])
                        count_block(c, (const uint64_t *)(pool + POOL_HEAD + i * block), head.class, address + POOL_HEAD + i * block);
        c->counted_blocks[head.class] += head.used;
        c->counted++;
}

/* Reads the chosen pools from *at on, as many as the buffer takes, adjacent ones as one piece; moves *at. */
static size_t gather(const struct census *c, size_t *at, struct iovec *pieces, size_t *ret_pools, size_t *indices)
{
        const struct pools *p = c->pools;
        size_t n = 0, taken = 0;

        for (; *at < p->n && taken < BUFFER / p->size; ++*at) {
                const struct pool *pool = &p->v[*at];

                if (!chosen(c, pool))
                        continue;
                if (n && (uintptr_t)pieces[n - 1].iov_base + pieces[n - 1].iov_len == pool->address) {
                        pieces[n - 1].iov_len += p->size;
                } else {
                        if (n == REMOTE_PIECES_MOST)
                                break;
                        pieces[n++] = (struct iovec){ (void *)(uintptr_t)pool->address, p->size };
                }
                indices[taken++] = *at;
        }
        *ret_pools = taken;
        return n;
}

static void count_all(struct census *c)
{
        struct iovec pieces[REMOTE_PIECES_MOST];
        size_t indices[BUFFER / 4096], at = 0;

        while (at < c->pools->n && remote_go_on(c->remote)) {
                size_t taken, n = gather(c, &at, pieces, &taken, indices), got;

                if (!taken)
                        break;
                got = remote_read_pieces(c->remote, pieces, n, c->buffer) / c->pools->size;
                for (size_t i = 0; i < got; i++)
                        count_pool(c, c->buffer + i * c->pools->size, c->pools->v[indices[i]].address);
                if (got < taken) /* the first that could not be read is gone: on behind it */
                        at = indices[got] + 1;
        }
}

/* Every block size gets the same share but those with few pools, and weighs by how many of its blocks the choice holds: their
 * numbers are known exactly. */
static bool plan(struct census *c, int64_t cpu_ns)
{
        const struct pools *p = c->pools;
        uint64_t *blocks = c->wanted_blocks, in_use = 0, all = 0;
        double cost, share;

        for (unsigned i = 0; i < POOL_CLASSES; i++) {
                in_use += p->used_pools[i];
                all += p->used_blocks[i];
        }
        cost = (double)all * NS_A_BLOCK + (double)in_use * p->size / 1024 * NS_A_KIB;
        share = cost <= (double)cpu_ns ? 1 : (double)cpu_ns / cost;
        for (unsigned i = 0; i < POOL_CLASSES; i++)
                c->share[i] = p->used_pools[i] <= WHOLE_POOLS ? 1 : share;
        for (size_t i = 0; i < p->n; i++)
                if (chosen(c, &p->v[i])) {
                        blocks[p->v[i].class] += p->v[i].used;
                        c->wanted++;
                }
        for (unsigned i = 0; i < POOL_CLASSES; i++)
                c->weight[i] = blocks[i] ? (double)p->used_blocks[i] / (double)blocks[i] : 1;
        return share < 1;
}

static void find_bounds(struct census *c)
{
        const struct mappings *m = c->types->mappings;

        c->lowest = UINT64_MAX;
        for (size_t i = 0; i < m->n; i++) {
                if (!m->v[i].writable)
                        continue;
                if (c->lowest == UINT64_MAX)
                        c->lowest = m->v[i].start;
                c->highest = m->v[i].end;
        }
}

/* Ended early: what was not read is taken to be like what was, each block size for itself, for they are read by address and
 * an application's own objects lie behind those of its start. */
static void scale(const struct census *c)
{
        for (size_t i = 0; i < c->types->n; i++) {
                struct type *type = c->types->all[i];
                uint64_t counted = c->counted_blocks[type->pool_class], wanted = c->wanted_blocks[type->pool_class];
                double factor = counted && counted < wanted ? (double)wanted / (double)counted : 1;

                type->objects *= factor;
                type->tracked *= factor;
                type->bytes *= factor;
        }
}

int census_take(struct remote *r, struct types *t, const struct pools *p, int64_t cpu_ns, struct orphans *orphans,
                bool *ret_sampled, struct error *err)
{
        _cleanup_(freep) struct census *c = calloc(1, sizeof *c);
        _cleanup_(freep) unsigned char *buffer = aligned_alloc(64, BUFFER);

        if (!c || !buffer)
                return error_set(err, ENOMEM, "out of memory for counting the objects of a process");
        c->remote = r;
        c->types = t;
        c->pools = p;
        c->buffer = buffer;
        c->orphans = orphans;
        /* From 3.14 on the upper half of the reference count holds flags. */
        c->references_most = t->layout->minor >= 14 ? UINT64_MAX : REFERENCES_MOST;
        find_bounds(c);
        *ret_sampled = plan(c, cpu_ns);
        if (!c->wanted)
                return error_set(err, ENOENT, "none of its objects are in pymalloc's pools: it uses another allocator");
        count_all(c);
        if (!c->counted)
                return error_set(err, EFAULT, "its objects could not be read");
        if (!remote_go_on(r) && c->counted < c->wanted) {
                scale(c);
                *ret_sampled = true;
        }
        return 0;
}
