/* What goes to the engine. */
#include "sampler/outbox.h"

#include <errno.h>
#include <unistd.h>

int outbox_send(struct outbox *o)
{
        size_t sent = 0;
        int r = 0;

        if (o->waiting.failed)
                return -ENOMEM;
        while (sent < o->waiting.size) {
                ssize_t n = write(o->fd, o->waiting.data + sent, o->waiting.size - sent);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        r = errno == EAGAIN ? 0 : -EPIPE;
                        break;
                }
                sent += (size_t)n;
        }
        buffer_drop(&o->waiting, sent);
        return r;
}

bool outbox_is_full(const struct outbox *o)
{
        return o->waiting.size > OUTBOX_MOST;
}
