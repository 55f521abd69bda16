/* What the engine asks of the sampler, until it is answered. */
#include "sampler/requests.h"

#include <string.h>

static void note_exact(struct requests *r, uint32_t seat)
{
        for (uint32_t i = 0; i < r->n_waiting; i++)
                if (r->waiting[i] == seat)
                        return;
        if (r->n_waiting < REQUESTS_MAX)
                r->waiting[r->n_waiting++] = seat;
}

static void note_look(struct requests *r, const struct look_wanted *wanted)
{
        for (uint32_t i = 0; i < r->n_looks_waiting; i++)
                if (r->looks_waiting[i].seat == wanted->seat)
                        return;
        if (r->n_looks_waiting < REQUESTS_MAX)
                r->looks_waiting[r->n_looks_waiting++] = *wanted;
}

void requests_take(struct requests *r, const void *bytes, size_t size)
{
        const char *from = bytes;

        while (size) {
                size_t n = sizeof r->partial - r->n_partial < size ? sizeof r->partial - r->n_partial : size;
                struct report_request request;

                memcpy(r->partial + r->n_partial, from, n);
                r->n_partial += (uint32_t)n;
                from += n;
                size -= n;
                if (r->n_partial < sizeof r->partial)
                        return;
                r->n_partial = 0;
                memcpy(&request, r->partial, sizeof request);
                if (request.what == REQUEST_EXACT)
                        note_exact(r, request.seat);
                else if (request.what == REQUEST_LOOK)
                        note_look(r, &(struct look_wanted){ .seat = request.seat });
        }
}

static void drop_look(struct requests *r, uint32_t i)
{
        memmove(r->looks_waiting + i, r->looks_waiting + i + 1, (--r->n_looks_waiting - i) * sizeof *r->looks_waiting);
}

bool requests_next_look(struct requests *r, int64_t tick_ms, struct look_wanted *ret)
{
        for (uint32_t i = 0; i < r->n_looks_waiting && r->n_looks < LOOKS_A_TICK; i++)
                if (!r->looks_waiting[i].tries || r->looks_waiting[i].tried_ms != tick_ms) {
                        *ret = r->looks_waiting[i];
                        drop_look(r, i);
                        return true;
                }
        return false;
}

void requests_put_back(struct requests *r, const struct look_wanted *wanted)
{
        note_look(r, wanted);
}

void requests_answer_look(struct requests *r, uint32_t seat, int64_t cpu_us, struct buffer *bytes)
{
        if (r->n_looks < LOOKS_A_TICK)
                r->looks[r->n_looks++] = (struct look_answered){ seat, cpu_us, *bytes };
        else
                buffer_done(bytes);
        *bytes = (struct buffer){};
}

void requests_done(struct requests *r)
{
        while (r->n_looks)
                buffer_done(&r->looks[--r->n_looks].bytes);
}

void requests_remove(struct requests *r, uint32_t i)
{
        memmove(r->waiting + i, r->waiting + i + 1, (--r->n_waiting - i) * sizeof *r->waiting);
}

void requests_forget(struct requests *r, uint32_t seat)
{
        for (uint32_t i = 0; i < r->n_waiting; i++)
                if (r->waiting[i] == seat)
                        requests_remove(r, i--);
        for (uint32_t i = 0; i < r->n_answers; i++)
                if (r->answers[i].seat == seat)
                        r->answers[i--] = r->answers[--r->n_answers];
        for (uint32_t i = 0; i < r->n_looks_waiting; i++)
                if (r->looks_waiting[i].seat == seat)
                        drop_look(r, i--);
        for (uint32_t i = 0; i < r->n_looks; i++)
                if (r->looks[i].seat == seat) {
                        buffer_done(&r->looks[i].bytes);
                        r->looks[i--] = r->looks[--r->n_looks];
                }
}
