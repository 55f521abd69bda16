#include "fake_memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pyheap/layout.h"

unsigned char *fake_memory_map(struct fake_memory *m, uint64_t address, size_t size)
{
        unsigned char *bytes = calloc(1, size);

        assert(bytes && m->n < FAKE_REGIONS);
        m->regions[m->n].address = address;
        m->regions[m->n].size = size;
        m->regions[m->n++].bytes = bytes;
        return bytes;
}

void fake_memory_done(struct fake_memory *m)
{
        for (size_t i = 0; i < m->n; i++)
                free(m->regions[i].bytes);
        *m = (struct fake_memory){};
}

/* How much of the wanted size is there from this address on. */
static unsigned char *at_address(const struct fake_memory *m, uint64_t address, size_t *size)
{
        for (size_t i = 0; i < m->n; i++) {
                uint64_t offset = address - m->regions[i].address;

                if (address >= m->regions[i].address && offset < m->regions[i].size) {
                        if (*size > m->regions[i].size - offset)
                                *size = m->regions[i].size - offset;
                        return m->regions[i].bytes + offset;
                }
        }
        return NULL;
}

void fake_memory_put_bytes(struct fake_memory *m, uint64_t address, const void *bytes, size_t size)
{
        size_t fits = size;
        unsigned char *to = at_address(m, address, &fits);

        assert(to && fits == size);
        memcpy(to, bytes, size);
}

void fake_memory_put(struct fake_memory *m, uint64_t address, uint64_t word)
{
        fake_memory_put_bytes(m, address, &word, sizeof word);
}

ssize_t fake_memory_read(void *context, void *to, const struct iovec *pieces, size_t n)
{
        struct fake_memory *m = context;
        size_t got = 0;

        m->calls++;
        if (m->answer)
                return m->answer;
        for (size_t i = 0; i < n; i++) {
                size_t size = pieces[i].iov_len;
                const unsigned char *from = at_address(m, (uintptr_t)pieces[i].iov_base, &size);

                if (!from)
                        return got ? (ssize_t)got : -EFAULT;
                memcpy((unsigned char *)to + got, from, size);
                got += size;
                if (size < pieces[i].iov_len)
                        break;
        }
        return (ssize_t)got;
}

uint64_t fake_memory_str(struct fake_memory *m, uint64_t address, uint64_t type, const char *text, unsigned minor)
{
        uint32_t state = 1 << 2 | 1 << 5 | 1 << 6; /* one byte a character, compact, ascii */

        fake_memory_put(m, address, 1);
        fake_memory_put(m, address + OBJECT_TYPE, type);
        fake_memory_put(m, address + STR_LENGTH, strlen(text));
        fake_memory_put_bytes(m, address + STR_STATE, &state, sizeof state);
        fake_memory_put_bytes(m, address + layout_of(minor)->str_ascii, text, strlen(text));
        return address;
}

struct mappings fake_memory_mappings(const struct fake_memory *m)
{
        struct mappings ret = { .v = calloc(m->n + 1, sizeof *ret.v), .n = m->n };

        assert(ret.v);
        for (size_t i = 0; i < m->n; i++)
                ret.v[i] = (struct mapping){ .start = m->regions[i].address, .end = m->regions[i].address + m->regions[i].size,
                                             .readable = true, .writable = true, .kind = MAPPING_ANONYMOUS, .rss_bytes = -1 };
        return ret;
}
