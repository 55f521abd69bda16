/* Another process's memory, behind a budget. */
#include "pyheap/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ADDRESS_LEAST 4096            /* nothing is ever mapped below; keeps small numbers from costing a call */
#define ADDRESS_MOST (UINT64_C(1) << 56) /* user space with five levels of page tables ends here */
#define STEPS_A_LOOK 64               /* clock_gettime for CPU time is a system call: not at every step */

static ssize_t read_process(void *context, void *to, const struct iovec *pieces, size_t n)
{
        const pid_t *pid = context;
        struct iovec local = { to, 0 };
        ssize_t got;

        for (size_t i = 0; i < n; i++)
                local.iov_len += pieces[i].iov_len;
        got = process_vm_readv(*pid, &local, 1, pieces, n, 0);
        return got < 0 ? -errno : got;
}

void remote_init(struct remote *r, remote_read_fn *read, void *context)
{
        *r = (struct remote){ .read = read, .context = context, .over = true };
}

void remote_init_process(struct remote *r, const pid_t *pid)
{
        remote_init(r, read_process, (void *)pid);
}

void remote_done(struct remote *r)
{
        for (size_t i = 0; r->chunks && i < REMOTE_CHUNKS; i++)
                free(r->chunks[i].bytes);
        free(r->chunks);
        r->chunks = NULL;
}

void remote_allow(struct remote *r, const struct remote_budget *budget)
{
        r->bytes_left = budget->bytes;
        r->cpu_end_ns = clock_cpu_ns() + budget->cpu_ns;
        r->wall_end_ns = clock_mono_ns() + budget->wall_ns;
        r->over = false;
        r->steps = 0;
        for (size_t i = 0; r->chunks && i < REMOTE_CHUNKS; i++)
                r->chunks[i].address = 0;
}

bool remote_go_on(struct remote *r)
{
        if (r->over || r->denied)
                return false;
        if (++r->steps < STEPS_A_LOOK)
                return true;
        r->steps = 0;
        r->over = clock_mono_ns() > r->wall_end_ns || clock_cpu_ns() > r->cpu_end_ns;
        return !r->over;
}

static bool address_fits(uint64_t address, size_t size)
{
        return address >= ADDRESS_LEAST && size <= ADDRESS_MOST && address <= ADDRESS_MOST - size;
}

size_t remote_read_pieces(struct remote *r, const struct iovec *pieces, size_t n, void *ret)
{
        size_t wanted = 0;
        ssize_t got;

        for (size_t i = 0; i < n; i++) {
                if (!address_fits((uintptr_t)pieces[i].iov_base, pieces[i].iov_len))
                        return 0;
                wanted += pieces[i].iov_len;
        }
        if (!remote_go_on(r))
                return 0;
        if (wanted > r->bytes_left) {
                r->over = true;
                return 0;
        }
        r->bytes_left -= wanted;
        got = r->read(r->context, ret, pieces, n);
        if (got == -EPERM || got == -ESRCH)
                r->denied = (int)-got;
        return got < 0 || (size_t)got > wanted ? 0 : (size_t)got;
}

bool remote_read(struct remote *r, uint64_t address, void *ret, size_t size)
{
        const struct iovec piece = { (void *)(uintptr_t)address, size };

        return remote_read_pieces(r, &piece, 1, ret) == size;
}

/* The chunk at this address (a multiple of REMOTE_CHUNK), fetched where it is not there; NULL where nothing is mapped. */
static const struct remote_chunk *chunk_at(struct remote *r, uint64_t address)
{
        const struct iovec piece = { (void *)(uintptr_t)address, REMOTE_CHUNK };
        struct remote_chunk *c;

        if (!r->chunks) {
                r->chunks = calloc(REMOTE_CHUNKS, sizeof *r->chunks);
                if (!r->chunks)
                        return NULL;
        }
        c = &r->chunks[(address / REMOTE_CHUNK * UINT64_C(0x9e3779b97f4a7c15)) >> 53];
        if (c->address == address)
                return c;
        if (!c->bytes) {
                c->bytes = malloc(REMOTE_CHUNK);
                if (!c->bytes)
                        return NULL;
        }
        c->address = 0;
        c->size = (uint32_t)remote_read_pieces(r, &piece, 1, c->bytes);
        if (c->size == 0)
                return NULL;
        c->address = address;
        return c;
}
_Static_assert(REMOTE_CHUNKS == 1 << (64 - 53), "the hash of chunk_at() gives 11 bits");

bool remote_peek(struct remote *r, uint64_t address, void *ret, size_t size)
{
        unsigned char *to = ret;

        if (!address_fits(address, size) || !remote_go_on(r))
                return false;
        while (size > 0) {
                size_t into = address % REMOTE_CHUNK, take = REMOTE_CHUNK - into < size ? REMOTE_CHUNK - into : size;
                const struct remote_chunk *c = chunk_at(r, address - into);

                /* A chunk whose first page is not mapped, or which ends early, may still hold what is asked for. */
                if (!c || into + take > c->size) {
                        if (!remote_read(r, address, to, take))
                                return false;
                } else {
                        memcpy(to, c->bytes + into, take);
                }
                to += take;
                address += take;
                size -= take;
        }
        return true;
}

bool remote_peek_word(struct remote *r, uint64_t address, uint64_t *ret)
{
        return remote_peek(r, address, ret, sizeof *ret);
}

bool remote_peek_int(struct remote *r, uint64_t address, int32_t *ret)
{
        return remote_peek(r, address, ret, sizeof *ret);
}

bool remote_peek_text(struct remote *r, uint64_t address, char *ret, size_t room)
{
        for (size_t at = 0; at + 1 < room;) {
                size_t step = 64 - (address + at) % 64; /* never across a page for a byte that nobody needs */
                char *end;

                if (step > room - 1 - at)
                        step = room - 1 - at;
                if (!remote_peek(r, address + at, ret + at, step))
                        return false;
                end = memchr(ret + at, 0, step);
                if (end)
                        return true;
                at += step;
        }
        return false;
}
