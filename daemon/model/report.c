/* The frames between sampler and engine. */
#include "model/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/look_bytes.h"

#define ARGS_MAX CMDLINE_KEPT /* an argument has one byte at least: its NUL */

/* The numbers of an identity; behind them its strings, each with a NUL, a missing one as a lone \xff (never valid UTF-8),
 * the arguments last. */
struct identity_head {
        uint32_t seat;
        uint32_t n_args;
        struct process_id id;
        int64_t uid, limit_bytes, started_at_ms;
        int32_t ppid;
        uint8_t cmdline_truncated, forked;
};

struct seat_head {
        uint32_t seat;
        uint32_t what;
};

#define MISSING "\xff"

static size_t frame_begin(struct buffer *to, enum report_kind kind)
{
        struct report_frame frame = { .kind = kind };
        size_t at = to->size;

        buffer_add(to, &frame, sizeof frame);
        return at;
}

static void frame_end(struct buffer *to, size_t at)
{
        uint32_t size = (uint32_t)(to->size - at - sizeof(struct report_frame));

        if (!to->failed)
                memcpy(to->data + at + offsetof(struct report_frame, size), &size, sizeof size);
}

static void add_string(struct buffer *to, const char *text)
{
        if (!text)
                text = MISSING;
        buffer_add(to, text, strlen(text) + 1);
}

void report_add_identity(struct buffer *to, enum report_kind kind, uint32_t seat, const struct process_id *id,
                         const struct identity *who)
{
        struct identity_head head;
        size_t at = frame_begin(to, kind);

        memset(&head, 0, sizeof head); /* padding goes over the socket too */
        head.seat = seat;
        head.n_args = (uint32_t)who->n_args;
        head.id = *id;
        head.uid = who->uid;
        head.limit_bytes = who->limit_bytes;
        head.started_at_ms = who->started_at_ms;
        head.ppid = who->ppid;
        head.cmdline_truncated = who->cmdline_truncated;
        head.forked = who->forked;
        buffer_add(to, &head, sizeof head);
        add_string(to, who->name);
        add_string(to, who->python);
        add_string(to, who->framework);
        add_string(to, who->application);
        add_string(to, who->folder);
        add_string(to, who->unit);
        add_string(to, who->container);
        add_string(to, who->cgroup);
        add_string(to, who->limit_kind);
        for (size_t i = 0; i < who->n_args; i++)
                add_string(to, who->args[i]);
        frame_end(to, at);
}

void report_add_gone(struct buffer *to, uint32_t seat, enum report_gone why)
{
        const struct seat_head head = { .seat = seat, .what = why };
        size_t at = frame_begin(to, REPORT_GONE);

        buffer_add(to, &head, sizeof head);
        frame_end(to, at);
}

void report_add_detail(struct buffer *to, uint32_t seat, const struct detail *detail)
{
        const struct seat_head head = { .seat = seat };
        size_t at = frame_begin(to, REPORT_DETAIL);

        buffer_add(to, &head, sizeof head);
        buffer_add(to, detail, sizeof *detail);
        frame_end(to, at);
}

void report_add_headroom(struct buffer *to, uint32_t seat, const struct headroom *headroom)
{
        const struct seat_head head = { .seat = seat };
        size_t at = frame_begin(to, REPORT_HEADROOM);
        struct headroom clean;

        /* Neither padding nor what is behind the NUL of the place. */
        memset(&clean, 0, sizeof clean);
        clean.kind = headroom->kind;
        clean.limit_bytes = headroom->limit_bytes;
        clean.used_bytes = headroom->used_bytes;
        clean.room_bytes = headroom->room_bytes;
        clean.shared_by = headroom->shared_by;
        clean.oom_kills = headroom->oom_kills;
        memcpy(clean.place, headroom->place, strnlen(headroom->place, sizeof clean.place - 1));
        buffer_add(to, &head, sizeof head);
        buffer_add(to, &clean, sizeof clean);
        frame_end(to, at);
}

void report_add_exact(struct buffer *to, uint32_t seat, const struct report_exact *exact)
{
        const struct seat_head head = { .seat = seat };
        size_t at = frame_begin(to, REPORT_EXACT);

        buffer_add(to, &head, sizeof head);
        buffer_add(to, exact, sizeof *exact);
        frame_end(to, at);
}

void report_add_look(struct buffer *to, uint32_t seat, const struct report_look *look)
{
        const struct seat_head head = { .seat = seat };
        size_t at = frame_begin(to, REPORT_LOOK);

        buffer_add(to, &head, sizeof head);
        buffer_add(to, &look->cpu_us, sizeof look->cpu_us);
        buffer_add(to, look->bytes, look->size);
        frame_end(to, at);
}

void report_add_tick(struct buffer *to, const struct report_tick *tick, const struct report_change *changes)
{
        size_t at = frame_begin(to, REPORT_TICK);

        buffer_add(to, tick, sizeof *tick);
        buffer_add(to, changes, tick->n_changes * sizeof *changes);
        frame_end(to, at);
}

/* A reader of one body: what is not there is remembered as failed, and checked once at the end. */
struct body {
        const char *at, *end;
        bool failed;
};

static void take_bytes(struct body *b, void *ret, size_t size)
{
        if (b->failed || (size_t)(b->end - b->at) < size) {
                b->failed = true;
                return;
        }
        memcpy(ret, b->at, size);
        b->at += size;
}

static char *take_string(struct body *b)
{
        const char *nul = b->failed ? NULL : memchr(b->at, 0, (size_t)(b->end - b->at));
        const char *from = b->at;
        char *text;

        if (!nul) {
                b->failed = true;
                return NULL;
        }
        b->at = nul + 1;
        if (strcmp(from, MISSING) == 0)
                return NULL;
        text = strdup(from);
        b->failed |= !text;
        return text;
}

static void parse_identity(struct body *b, struct report *ret)
{
        struct identity *who = &ret->identity;
        struct identity_head head = {};

        take_bytes(b, &head, sizeof head);
        ret->seat = head.seat;
        ret->id = head.id;
        who->uid = head.uid;
        who->limit_bytes = head.limit_bytes;
        who->started_at_ms = head.started_at_ms;
        who->ppid = head.ppid;
        who->cmdline_truncated = head.cmdline_truncated;
        who->forked = head.forked;
        who->name = take_string(b);
        who->python = take_string(b);
        who->framework = take_string(b);
        who->application = take_string(b);
        who->folder = take_string(b);
        who->unit = take_string(b);
        who->container = take_string(b);
        who->cgroup = take_string(b);
        who->limit_kind = take_string(b);
        if (b->failed || head.n_args > ARGS_MAX || head.n_args > (size_t)(b->end - b->at)) {
                b->failed = true;
                return;
        }
        who->args = calloc(head.n_args + 1u, sizeof *who->args);
        b->failed |= !who->args;
        while (!b->failed && who->n_args < head.n_args) {
                char *arg = take_string(b);

                b->failed |= !arg;
                if (arg)
                        who->args[who->n_args++] = arg;
        }
        b->failed |= !who->name || !who->application || head.id.pid <= 0;
}

/* A limit that is told has figures; whoever computes with them need not look again. */
static bool headroom_can_be(const struct headroom *h)
{
        int64_t least = h->kind == LIMIT_NONE ? -1 : 0;

        return (uint32_t)h->kind < LIMIT_KINDS && memchr(h->place, 0, sizeof h->place) && h->limit_bytes >= least &&
               h->used_bytes >= least && h->room_bytes >= least && h->oom_kills >= -1;
}

static bool exact_can_be(const struct report_exact *e)
{
        return e->rss_bytes >= -1 && e->anon_bytes >= -1 && e->swap_bytes >= -1;
}

/* What the bytes say is look_parse()'s to judge: here they may be anything. */
static void take_look(struct body *b, struct report_look *ret)
{
        take_bytes(b, &ret->cpu_us, sizeof ret->cpu_us);
        ret->bytes = b->at;
        ret->size = (size_t)(b->end - b->at);
        b->at = b->end;
        b->failed |= ret->cpu_us < 0 || ret->size > LOOK_BYTES_MOST;
}

static void parse_figures(struct body *b, struct report *ret)
{
        if (ret->kind == REPORT_DETAIL) {
                take_bytes(b, &ret->detail, sizeof ret->detail);
        } else if (ret->kind == REPORT_HEADROOM) {
                take_bytes(b, &ret->headroom, sizeof ret->headroom);
                b->failed |= b->failed || !headroom_can_be(&ret->headroom);
        } else if (ret->kind == REPORT_EXACT) {
                take_bytes(b, &ret->exact, sizeof ret->exact);
                b->failed |= !exact_can_be(&ret->exact);
        } else if (ret->kind == REPORT_LOOK) {
                take_look(b, &ret->look);
        }
}

static void parse_body(struct body *b, struct report *ret)
{
        struct seat_head head = {};

        switch (ret->kind) {
        case REPORT_APPEARED:
        case REPORT_CHANGED:
                parse_identity(b, ret);
                break;
        case REPORT_GONE:
        case REPORT_DETAIL:
        case REPORT_HEADROOM:
        case REPORT_EXACT:
        case REPORT_LOOK:
                take_bytes(b, &head, sizeof head);
                ret->seat = head.seat;
                ret->gone = head.what;
                b->failed |= head.what > GONE_OOM_KILLED;
                parse_figures(b, ret);
                break;
        case REPORT_TICK:
                take_bytes(b, &ret->tick, sizeof ret->tick);
                ret->changes = (const void *)b->at;
                b->failed |= b->failed || (size_t)(b->end - b->at) != ret->tick.n_changes * sizeof *ret->changes;
                b->at = b->end;
                break;
        default:
                b->failed = true;
        }
        b->failed |= b->at != b->end || ret->seat >= REPORT_SEATS_MAX;
}

int64_t report_parse(const char *bytes, size_t size, struct report *ret, struct error *err)
{
        struct report_frame frame;
        struct body body;

        *ret = (struct report){};
        if (size < sizeof frame)
                return 0;
        memcpy(&frame, bytes, sizeof frame);
        if (frame.size > REPORT_FRAME_MAX)
                return error_set(err, EBADMSG, "the sampler sent a frame of %" PRIu32 " bytes", frame.size);
        if (size - sizeof frame < frame.size)
                return 0;
        body = (struct body){ .at = bytes + sizeof frame, .end = bytes + sizeof frame + frame.size };
        ret->kind = (enum report_kind)frame.kind;
        parse_body(&body, ret);
        if (body.failed) {
                identity_done(&ret->identity);
                return error_set(err, EBADMSG, "the sampler sent a malformed frame of kind %" PRIu32, frame.kind);
        }
        return (int64_t)(sizeof frame + frame.size);
}

int64_t report_find_tick(const char *bytes, size_t size, struct report_tick *ret_tick, struct error *err)
{
        size_t at = 0;

        for (;;) {
                struct report_frame frame;

                if (size - at < sizeof frame)
                        return 0;
                memcpy(&frame, bytes + at, sizeof frame);
                if (frame.size > REPORT_FRAME_MAX)
                        return error_set(err, EBADMSG, "the sampler sent a frame of %" PRIu32 " bytes", frame.size);
                at += sizeof frame;
                if (size - at < frame.size)
                        return 0;
                if (frame.kind == REPORT_TICK) {
                        if (frame.size < sizeof *ret_tick)
                                return error_set(err, EBADMSG, "the sampler sent a tick of %" PRIu32 " bytes", frame.size);
                        memcpy(ret_tick, bytes + at, sizeof *ret_tick);
                        return (int64_t)(at + frame.size);
                }
                at += frame.size;
        }
}
