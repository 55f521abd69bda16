/* Another process's memory, read from outside behind a budget. Nothing that comes back can be trusted: it is a copy of
 * what stood there when the kernel passed, by a program that goes on running and may be hostile. Tests and the fuzzer put
 * a reader of their own underneath. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define REMOTE_PIECES_MOST 512 /* one call of process_vm_readv takes 1,024 (IOV_MAX); fewer hold the mmap lock for less */
#define REMOTE_CHUNK 8192      /* what remote_peek() fetches at once: 8 and 16 KiB were the quickest, 256 KiB 2.5 times slower */
#define REMOTE_CHUNKS 2048     /* at most so many are kept: 16 MiB */

/* Copies the pieces one behind the other to where `to` points. Returns how many bytes, which may be fewer, as the copy
 * ends before the first piece that is not mapped; or -errno. */
typedef ssize_t remote_read_fn(void *context, void *to, const struct iovec *pieces, size_t n);

struct remote_budget {
        uint64_t bytes;
        int64_t cpu_ns, wall_ns;
};

struct remote_chunk {
        uint64_t address; /* 0: empty */
        uint32_t size;    /* less than REMOTE_CHUNK where it ends at something unmapped */
        unsigned char *bytes;
};

struct remote {
        remote_read_fn *read;
        void *context;
        uint64_t bytes_left;
        int64_t cpu_end_ns, wall_end_ns;
        bool over;  /* the budget is used up: every read fails until remote_allow() */
        int denied; /* EPERM or ESRCH, once the kernel said so; stays */
        unsigned steps; /* since the clocks were last looked at */
        struct remote_chunk *chunks;
};

/* Over a process's memory by process_vm_readv(2); pid must stay where it is. Everything it takes is got at the first
 * peek; release with remote_done(). */
void remote_init_process(struct remote *r, const pid_t *pid);
void remote_init(struct remote *r, remote_read_fn *read, void *context);
void remote_done(struct remote *r);

/* A new budget, from now on; what was peeked is forgotten, for it ages. */
void remote_allow(struct remote *r, const struct remote_budget *budget);

/* True while there is budget. For loops that read little: it looks at the clocks now and then only. */
bool remote_go_on(struct remote *r);

/* All of it, or false: unmapped, denied, or over budget. Always fresh. */
bool remote_read(struct remote *r, uint64_t address, void *ret, size_t size);

/* n pieces (at most REMOTE_PIECES_MOST), as many as can be had; returns how many bytes, 0 where not even the first. */
size_t remote_read_pieces(struct remote *r, const struct iovec *pieces, size_t n, void *ret);

/* As remote_read(), from a copy that is as old as the budget at most. */
bool remote_peek(struct remote *r, uint64_t address, void *ret, size_t size);
bool remote_peek_word(struct remote *r, uint64_t address, uint64_t *ret);
bool remote_peek_int(struct remote *r, uint64_t address, int32_t *ret);

/* Bytes up to a NUL, at most room - 1 of them, NUL-terminated; false where it can't be read or does not end. */
bool remote_peek_text(struct remote *r, uint64_t address, char *ret, size_t room);
