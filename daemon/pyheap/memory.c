/* What the resident memory of a process is made of. */
#include "pyheap/memory.h"

#include "pyheap/pagemap.h"

#define ARENA_ALIGNED (UINT64_C(64) << 20) /* HEAP_MAX_SIZE of glibc's malloc/arena.c, 64-bit */
#define LARGE_LEAST (INT64_C(8) << 20)

struct split {
        const struct pools *pools; /* or NULL */
        struct remote *remote;
        int pagemap_fd;
        size_t pool_at;            /* the first pool that does not lie before the mappings done so far */
        struct look_memory *memory;
};

static int64_t least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* glibc's heap_info: the arena it belongs to, the heap before it in that arena, its bytes in use and those made writable. */
struct heap_head {
        uint64_t arena, before, size, writable_size;
};

/* A heap's first word points to its arena, which stands behind the head of the arena's first heap: 0x20 further, 0x30 from
 * glibc 2.35 on. pymalloc's arenas can begin on such a boundary, too: there the first word is a count of blocks. */
static bool points_to_arena(uint64_t word)
{
        return word % ARENA_ALIGNED == 0x20 || word % ARENA_ALIGNED == 0x30;
}

/* Positive: so many bytes of an arena begin here; *ret_first: it is the arena's first heap. 0: none do. */
static int64_t heap_at(struct remote *r, uint64_t address, bool *ret_first)
{
        struct heap_head head;
        uint64_t first;

        if (!remote_read(r, address, &head, sizeof head) || !points_to_arena(head.arena) || head.size > ARENA_ALIGNED ||
            head.writable_size > ARENA_ALIGNED || head.size < sizeof head || head.size > head.writable_size)
                return 0;
        *ret_first = head.arena / ARENA_ALIGNED == address / ARENA_ALIGNED;
        if (!*ret_first && (!head.before || head.before % ARENA_ALIGNED ||
                            !remote_read(r, head.arena / ARENA_ALIGNED * ARENA_ALIGNED, &first, sizeof first) || first != head.arena))
                return 0;
        return (int64_t)head.writable_size;
}

/* The kernel joins neighbours into one mapping, so that an arena may begin in the middle of one. */
static int64_t count_arenas(struct split *s, const struct mapping *m)
{
        int64_t bytes = 0;

        for (uint64_t at = (m->start + ARENA_ALIGNED - 1) / ARENA_ALIGNED * ARENA_ALIGNED; at < m->end && remote_go_on(s->remote);
             at += ARENA_ALIGNED) {
                bool first = false;
                int64_t here = pagemap_touched_at(s->pagemap_fd, at) ? heap_at(s->remote, at, &first) : 0;

                bytes += least(here, (int64_t)(m->end - at));
                s->memory->arenas += first && here;
        }
        bytes = least(bytes, m->rss_bytes);
        s->memory->arena_bytes += bytes;
        return bytes;
}

/* Likewise large blocks and pools: what counts are the stretches of 8 MiB and more without a pool. */
static void count_large(struct split *s, const struct mapping *m, int64_t arena_bytes)
{
        const struct pools *p = s->pools;
        uint64_t from = m->start, stretches = 0;
        int64_t rest = m->rss_bytes - arena_bytes;

        while (s->pool_at < p->n && p->v[s->pool_at].address < m->start)
                s->pool_at++;
        for (;; s->pool_at++) {
                bool more = s->pool_at < p->n && p->v[s->pool_at].address < m->end;
                uint64_t end = more ? p->v[s->pool_at].address : m->end;

                if (end > from && end - from >= (uint64_t)LARGE_LEAST)
                        stretches += end - from;
                if (!more)
                        break;
                from = end + p->size;
                rest -= p->size;
        }
        if (rest >= LARGE_LEAST && stretches)
                s->memory->large_bytes += least(rest, (int64_t)stretches);
}

static void count_anonymous(struct split *s, const struct mapping *m)
{
        int64_t arena_bytes = 0;

        if (m->kind == MAPPING_HEAP)
                s->memory->heap_bytes += m->rss_bytes;
        if (m->kind != MAPPING_ANONYMOUS || !m->readable || !m->writable || !m->rss_bytes)
                return;
        arena_bytes = count_arenas(s, m);
        if (s->pools)
                count_large(s, m, arena_bytes);
}

void memory_split(const struct mappings *smaps, const struct pools *p, struct remote *r, int pagemap_fd, struct look_memory *ret)
{
        struct split s = { p, r, pagemap_fd, 0, ret };
        int64_t anonymous = 0, pools, used;

        *ret = (struct look_memory){ .python_bytes = -1, .python_free_bytes = -1, .native_bytes = -1 };
        for (size_t i = 0; i < smaps->n; i++) {
                const struct mapping *m = &smaps->v[i];

                if (m->rss_bytes < 0)
                        continue;
                if (m->kind == MAPPING_FILE || m->kind == MAPPING_KERNEL) {
                        ret->file_bytes += m->rss_bytes;
                } else if (m->kind == MAPPING_SHMEM) {
                        ret->shmem_bytes += m->rss_bytes;
                } else {
                        anonymous += m->rss_bytes;
                        count_anonymous(&s, m);
                }
        }
        if (!remote_go_on(r))
                ret->arena_bytes = ret->arenas = ret->large_bytes = -1;
        if (!p)
                ret->large_bytes = -1;
        if (!p || !p->n)
                return;
        /* Part of the pools may be swapped out, and the sizes were read at two moments: no part is ever negative. */
        pools = least((int64_t)p->n * p->size, anonymous);
        used = least((int64_t)p->used_bytes, pools);
        ret->python_bytes = used;
        ret->python_free_bytes = pools - used;
        ret->native_bytes = anonymous - pools;
}
