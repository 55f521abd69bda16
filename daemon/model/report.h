/* What the sampler tells the engine: frames on a stream socket, each a struct frame and its body, in this order within a
 * tick: APPEARED*, CHANGED*, GONE*, DETAIL*, HEADROOM*, EXACT*, LOOK*, then one TICK, which ends the round. Both ends are of one
 * build, so the bytes are the machine's own. The sampler reads hostile input: the engine checks every length and seat it is
 * told. The other way go requests: struct report_request, one after the other, answered in a later round.
 *
 * A *seat* is the number by which a sampler knows a process while it lives, small and reused after GONE. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "model/headroom.h"
#include "model/process.h"

#define REPORT_SEATS_MAX (1u << 20)
#define REPORT_FRAME_MAX (64u << 20)

enum report_kind {
        REPORT_APPEARED = 1, /* seat, process_id, identity */
        REPORT_CHANGED,      /* the same after an exec of another Python program */
        REPORT_GONE,         /* seat, enum report_gone */
        REPORT_DETAIL,       /* seat, struct detail */
        REPORT_TICK,         /* struct report_tick, then its changes */
        REPORT_HEADROOM,     /* seat, struct headroom: with its details, when it is another one than last told */
        REPORT_EXACT,        /* seat, struct report_exact: the answer to a request */
        REPORT_LOOK,         /* seat, cpu_us, bytes (model/look_bytes.h): the answer to a request */
};

enum report_gone { GONE_EXITED, GONE_NOT_PYTHON /* it exec'ed a program that is not watched */, GONE_OOM_KILLED };

struct report_frame {
        uint32_t kind; /* enum report_kind */
        uint32_t size; /* bytes of the body that follows */
};

/* The engine asks the sampler for an exact read (smaps_rollup) of one process, or for a look into its heap. One whose seat
 * is empty is not answered. One look at a time: a request for another one while it lasts is answered after it. */
enum report_what { REQUEST_EXACT, REQUEST_LOOK };
struct report_request {
        uint32_t seat;
        uint32_t what; /* enum report_what */
};
struct report_exact {
        int64_t rss_bytes, anon_bytes, swap_bytes; /* -1: can't be read */
};

/* cpu_us: what the look took of one core, whether anything came of it or not. The bytes are of a child that has read
 * hostile memory: look_parse() takes them apart. */
struct report_look {
        int64_t cpu_us;
        const void *bytes;
        size_t size;
};

/* A figure that differs from the seat's last; rss_pages UINT32_MAX: could not be read at this tick. */
struct report_change {
        uint32_t seat;
        uint32_t rss_pages;    /* in pages of the kernel's size */
        uint32_t shared_pages;
};

struct report_tick {
        int64_t due_mono_ns;   /* when it was due */
        int64_t began_mono_ns; /* when sampling began */
        int64_t wall_ms, boot_ms;
        int64_t cpu_ns;        /* CPU time of the sampler so far */
        uint32_t seats;        /* processes alive: each of them was sampled */
        uint32_t unreadable;   /* of them, those known by name only */
        uint32_t n_changes;
        uint32_t skipped;      /* ticks that were due and never begun since the last one */
};

/* A frame taken apart. Pointers lead into the bytes given to report_parse() but for identity, which the caller releases. */
struct report {
        enum report_kind kind;
        uint32_t seat;
        struct process_id id;
        struct identity identity;
        enum report_gone gone;
        struct detail detail;
        struct headroom headroom;
        struct report_exact exact;
        struct report_look look; /* bytes lent */
        struct report_tick tick;
        const struct report_change *changes; /* maybe unaligned: read by memcpy */
};

void report_add_identity(struct buffer *to, enum report_kind kind, uint32_t seat, const struct process_id *id,
                         const struct identity *who);
void report_add_gone(struct buffer *to, uint32_t seat, enum report_gone why);
void report_add_detail(struct buffer *to, uint32_t seat, const struct detail *detail);
void report_add_headroom(struct buffer *to, uint32_t seat, const struct headroom *headroom);
void report_add_exact(struct buffer *to, uint32_t seat, const struct report_exact *exact);
void report_add_look(struct buffer *to, uint32_t seat, const struct report_look *look);
void report_add_tick(struct buffer *to, const struct report_tick *tick, const struct report_change *changes);

/* Takes one frame from the front of bytes. Returns its whole size; 0: more bytes are needed; -EBADMSG with *err: the
 * sampler said something that can't be (the engine replaces it). On success release ret->identity with identity_done(). */
int64_t report_parse(const char *bytes, size_t size, struct report *ret, struct error *err);

/* Is a whole round there, up to and with its TICK? Returns its size and *ret_tick; 0: not yet; -EBADMSG with *err. */
int64_t report_find_tick(const char *bytes, size_t size, struct report_tick *ret_tick, struct error *err);
