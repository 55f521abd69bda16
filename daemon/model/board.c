#include "model/board.h"

#define STORE(member, value) atomic_store_explicit(&e->member, (value), memory_order_relaxed)
#define LOAD(member) atomic_load_explicit(&e->member, memory_order_relaxed)

void board_write(struct board *b, uint32_t entry, uint32_t process, const struct growth *growth)
{
        struct board_entry *e = &b->entries[entry];
        uint32_t version = LOAD(version);

        STORE(version, version + 1);
        atomic_thread_fence(memory_order_release);
        STORE(process, process);
        STORE(verdict, (uint32_t)growth->verdict);
        STORE(confidence, (float)growth->confidence);
        STORE(bytes_per_hour, growth->bytes_per_hour);
        STORE(since_at_ms, growth->since_at_ms);
        STORE(limit_at_ms, growth->limit_at_ms);
        atomic_store_explicit(&e->version, version + 2, memory_order_release);
        if (entry >= atomic_load_explicit(&b->n_entries, memory_order_relaxed))
                atomic_store_explicit(&b->n_entries, entry + 1, memory_order_release);
}

void board_clear(struct board *b, uint32_t entry)
{
        const struct growth unknown = GROWTH_UNKNOWN;

        if (entry < atomic_load_explicit(&b->n_entries, memory_order_relaxed))
                board_write(b, entry, 0, &unknown);
}

/* A writer that died in the middle leaves the counter odd for good: then nothing is known. */
uint32_t board_read(const struct board *b, uint32_t entry, struct growth *ret)
{
        const struct board_entry *e = &b->entries[entry];

        for (int attempt = 0; attempt < 1000; attempt++) {
                uint32_t version = atomic_load_explicit(&e->version, memory_order_acquire), process = LOAD(process);

                *ret = (struct growth){ .verdict = (enum verdict)LOAD(verdict), .confidence = (double)LOAD(confidence),
                                        .bytes_per_hour = LOAD(bytes_per_hour), .since_at_ms = LOAD(since_at_ms),
                                        .limit_at_ms = LOAD(limit_at_ms) };
                atomic_thread_fence(memory_order_acquire);
                if (!(version & 1) && LOAD(version) == version && ret->verdict < VERDICTS)
                        return process;
        }
        *ret = GROWTH_UNKNOWN;
        return 0;
}
