/* A look into a heap, in a child: it reads the memory of programs that may be hostile, so it can neither crash nor hang
 * sampling. One at a time. The child opens what it needs, takes the lowest priority, limits its memory and CPU time, and
 * then may do nothing but read this one process's memory (process_vm_readv) and write its answer (seccomp). It is killed at
 * its deadline, and with its parent.
 *
 * Not looked into is a process that is stopped, traced, dead or in disk sleep, or that is swapped out by more than a
 * twentieth of its memory (a look would bring all of that back), or that hangs its readers: the answer then says so, as a
 * look without any part. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "proc/identity.h"
#include "sampler/look_child.h"
#include "sampler/requests.h"

struct sampler;

/*   idle --looker_begin--> looks --looker_read: it closed its pipe--> ends --looker_read: reaped--> idle, answered
 *                            |                                          |
 *                            +--looker_check_deadline, looker_read: too much, looker_forget: killed--> ends
 */
struct looker {
        struct look_child child;  /* pidfd -1: idle; pipe_fd -1: it ends */
        uint32_t seat;
        struct exec_mark mark;    /* of who sits there, when it began */
        int64_t patience_ms;      /* how long a look may last */
        int64_t began_ns, deadline_ns; /* monotonic; INT64_MAX: none, it was killed */
        struct buffer answer;     /* as far as it has come */
        struct error killed;      /* why; code 0: it was not */
        bool forgotten;           /* who is looked at has left its seat: nobody is answered */
};
#define LOOKER_IDLE ((struct looker){ .child = { -1, -1 }, .patience_ms = 20000, .deadline_ns = INT64_MAX })

void looker_done(struct looker *l); /* kills the child, if any */

/* Begins the look that was asked for first, unless one lasts. Between ticks only: a fork takes some 0.3 ms. */
void looker_begin(struct sampler *s);
/* What to poll for reading; -1: none. */
int looker_fd(const struct looker *l);
/* The child wrote something, or ended: then the answer is put among the requests' looks. Never waits. */
void looker_read(struct sampler *s);
/* To be asked at deadline_ns: it is killed then, and looker_fd() tells when that is done. */
void looker_check_deadline(struct looker *l);
/* Somebody leaves a seat. */
void looker_forget(struct looker *l, uint32_t seat);
/* Frames of what was answered since the last tick go to the outbox. */
void looker_report(struct sampler *s);
