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
#include "sampler/requests.h"

struct sampler;

struct looker {
        int pidfd, pipe_fd;   /* of the child that looks; -1: none */
        uint32_t seat;
        int64_t deadline_ns;  /* monotonic */
        struct buffer answer; /* as far as it has come */
        bool forgotten;       /* who is looked at has left its seat: nobody is answered */
};

void looker_init(struct looker *l);
void looker_done(struct looker *l); /* kills the child, if any */

/* Begins the look that was asked for first, unless one lasts. Between ticks only: a fork takes some 0.3 ms. */
void looker_begin(struct sampler *s);
/* What to poll for reading; -1: none. */
int looker_fd(const struct looker *l);
/* The child wrote something, or is at its deadline: then the answer is put among the requests' looks. */
void looker_read(struct sampler *s);
void looker_check_deadline(struct sampler *s);
/* Somebody leaves a seat. */
void looker_forget(struct looker *l, uint32_t seat);
/* Frames of what was answered since the last tick go to the outbox. */
void looker_report(struct sampler *s);
