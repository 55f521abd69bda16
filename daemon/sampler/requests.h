/* What the engine asks of the sampler, until it is answered. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/report.h"

#define REQUESTS_MAX 64

struct answered {
        uint32_t seat;
        struct report_exact exact;
};

struct requests {
        char partial[sizeof(struct report_request)]; /* the beginning of one that has not come whole */
        uint32_t n_partial;
        uint32_t n_waiting, n_answers;
        uint32_t waiting[REQUESTS_MAX]; /* seats, each once; may be anything */
        struct answered answers[REQUESTS_MAX];
};

/* Bytes from the engine, in pieces of any size. Requests beyond REQUESTS_MAX are dropped. */
void requests_take(struct requests *r, const void *bytes, size_t size);
/* Somebody leaves a seat: who takes it next was not asked for. */
void requests_forget(struct requests *r, uint32_t seat);
