/* What the resident memory of a process is made of. */
#include "pyheap/memory.h"

void memory_split(const struct mappings *smaps, const struct pools *p, struct look_memory *ret)
{
        int64_t anonymous = 0, pools, used;

        *ret = (struct look_memory){ -1, -1, -1, 0, 0 };
        for (size_t i = 0; i < smaps->n; i++) {
                const struct mapping *m = &smaps->v[i];

                if (m->rss_bytes < 0)
                        continue;
                if (m->kind == MAPPING_FILE || m->kind == MAPPING_KERNEL)
                        ret->file_bytes += m->rss_bytes;
                else if (m->kind == MAPPING_SHMEM)
                        ret->shmem_bytes += m->rss_bytes;
                else
                        anonymous += m->rss_bytes;
        }
        if (!p)
                return;
        /* Part of the pools may be swapped out, and the sizes were read at two moments: no part is ever negative. */
        pools = (int64_t)p->n * p->size < anonymous ? (int64_t)p->n * p->size : anonymous;
        used = (int64_t)p->used_bytes < pools ? (int64_t)p->used_bytes : pools;
        ret->python_bytes = used;
        ret->python_free_bytes = pools - used;
        ret->native_bytes = anonymous - pools;
}
