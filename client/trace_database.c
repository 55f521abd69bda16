/* A memtide database: each process in it is a trace, named PATH#PROCESS-ID. What the daemon's detector sees is what is
 * replayed: anonymous memory and what of it is swapped out. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "client/trace_text.h"
#include "store/read.h"

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

struct member {
        uint32_t number;
        struct process_id id;
};

struct members {
        struct member *all;
        size_t n, room;
        bool failed;
};

static void members_done(struct members *m)
{
        free(m->all);
}

static bool add_member(void *data, const struct store_process *p)
{
        struct members *m = data;

        if (m->n == m->room) {
                size_t room = m->room ? 2 * m->room : 64;
                struct member *more = realloc(m->all, room * sizeof *more);

                if (!more) {
                        m->failed = true;
                        return false;
                }
                m->all = more;
                m->room = room;
        }
        m->all[m->n++] = (struct member){ .number = p->number, .id = p->id };
        return true;
}

/* One process being replayed. */
struct replaying {
        const struct trace_sink *sink;
        int64_t swap_bytes; /* of the newest reading; 0 before there is one */
        int64_t first_ms;   /* -1: no sample yet */
};

static bool give_sample(void *data, const struct store_sample *sample)
{
        struct replaying *r = data;
        struct trace_sample s = { .at_ms = sample->at_ms, .bytes = -1 };

        if (r->first_ms < 0)
                r->first_ms = s.at_ms;
        if (sample->detail && sample->detail->swap_bytes >= 0)
                r->swap_bytes = sample->detail->swap_bytes;
        if (sample->figures.anon_bytes >= 0)
                s.bytes = sample->figures.anon_bytes + r->swap_bytes;
        s.at_s = (double)(s.at_ms - r->first_ms) / 1000;
        r->sink->sample(r->sink->data, &s);
        return true;
}

static int read_member(struct store_reader *reader, const char *path, const struct member *m,
                       const struct trace_sink *sink, struct error *err)
{
        _cleanup_(buffer_done) struct buffer name = {};
        struct replaying replaying = { .sink = sink, .first_ms = -1 };
        char id[PROCESS_ID_MAX];
        int r;

        process_id_format(&m->id, id);
        buffer_format(&name, "%s#%s", path, id);
        buffer_add_char(&name, '\0');
        if (name.failed)
                return error_set(err, ENOMEM, "out of memory");
        r = sink->begin(sink->data, name.data, err);
        if (r < 0)
                return r;
        r = store_read_samples(reader, m->number, 0, INT64_MAX, give_sample, &replaying, err);
        if (r < 0)
                return error_prefix(err, "%.200s: ", name.data);
        return sink->end(sink->data, false, err);
}

int trace_read_database(const char *path, const struct trace_sink *sink, struct error *err)
{
        _cleanup_(store_reader_closep) struct store_reader *reader = NULL;
        _cleanup_(members_done) struct members members = {};
        int r = store_reader_open(path, &reader, err);

        if (r < 0)
                return r;
        /* Who there is comes first, and then the samples of each as they are by then: a long replay within one read
         * transaction would hold up the daemon's write-ahead log. */
        r = store_read_all_processes(reader, add_member, &members, err);
        if (r >= 0 && members.failed)
                r = error_set(err, ENOMEM, "out of memory");
        for (size_t i = 0; r >= 0 && i < members.n; i++) {
                r = read_member(reader, path, &members.all[i], sink, err);
                sink->progress(sink->data, (int64_t)i + 1, (int64_t)members.n);
        }
        return r;
}
