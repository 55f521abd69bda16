/* What the engine asks of the sampler, until it is answered. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "model/report.h"

#define REQUESTS_MAX 64
/* Looks answered within one tick; the next one begins after it. Each has LOOK_BYTES_MOST at most, some 200 KiB usually. */
#define LOOKS_A_TICK 8

struct answered {
        uint32_t seat;
        struct report_exact exact;
};

struct look_wanted {
        uint32_t seat;
        uint32_t tries;   /* how often it could not be begun: it was in disk sleep, which passes */
        int64_t tried_ms; /* the tick of the last one: there is one try a tick */
};

struct look_answered {
        uint32_t seat;
        int64_t cpu_us;
        struct buffer bytes;
};

struct requests {
        char partial[sizeof(struct report_request)]; /* the beginning of one that has not come whole */
        uint32_t n_partial;
        uint32_t n_waiting, n_answers;
        uint32_t waiting[REQUESTS_MAX]; /* seats, each once; may be anything */
        struct answered answers[REQUESTS_MAX];
        uint32_t n_looks_waiting, n_looks;
        struct look_wanted looks_waiting[REQUESTS_MAX]; /* seats, each once; may be anything */
        struct look_answered looks[LOOKS_A_TICK];
};

/* Bytes from the engine, in pieces of any size. Requests beyond REQUESTS_MAX are dropped, as are those of another kind. */
void requests_take(struct requests *r, const void *bytes, size_t size);
/* Somebody leaves a seat: who takes it next was not asked for. */
void requests_forget(struct requests *r, uint32_t seat);
void requests_done(struct requests *r);
/* waiting[i] is being answered. */
void requests_remove(struct requests *r, uint32_t i);
/* The look that was asked for first and was not tried at this tick; false where none waits. */
bool requests_next_look(struct requests *r, int64_t tick_ms, struct look_wanted *ret);
/* It is asked for again, behind the others. */
void requests_put_back(struct requests *r, const struct look_wanted *wanted);
/* bytes are taken over. */
void requests_answer_look(struct requests *r, uint32_t seat, int64_t cpu_us, struct buffer *bytes);
