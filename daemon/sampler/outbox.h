/* What goes to the engine: collected during a tick, sent at its end, without ever waiting for the engine. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

/* Ticks are left out (and counted as skipped) while more than this waits for an engine that doesn't read: at 1,000
 * processes of which 300 change, some thousand ticks. */
#define OUTBOX_MOST (4u << 20)

struct outbox {
        int fd; /* non-blocking */
        struct buffer waiting;
};

/* Sends what can be sent now. Returns 0; -EPIPE: the engine is gone; -ENOMEM: frames were lost, the stream is broken.
 */
int outbox_send(struct outbox *o);
bool outbox_is_full(const struct outbox *o);
