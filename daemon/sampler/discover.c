/* Who is new, and who has become something else by exec. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proc/identity.h"
#include "sampler/sampler.h"

enum {
        /* How long not to ask again whether a process exec'ed whose size goes on changing: 6 us each time. */
        EXEC_GAP_FIRST_MS = 1000,
        EXEC_GAP_MOST_MS = 60 * 1000,
};

/* Is it one that hung a reader before? Its start is asked for only where the pid is. */
static bool hangs(const struct sampler *s, int32_t pid)
{
        struct exec_mark mark;

        for (uint32_t i = 0; i < s->n_hangs; i++)
                if (s->hangs[i].pid == pid && exec_mark_read(&s->proc, &s->hangs[i], &mark) == 0)
                        return true;
        return false;
}

/* A forked child runs its parent's program, and so does what multiprocessing started: its own command line says less.
 */
static int inherit(const struct sampler *s, const struct identity_extra *extra, struct identity *who)
{
        uint32_t parent = who->forked || extra->spawned ? table_find(&s->table, who->ppid) : PIDMAP_NONE;

        return parent == PIDMAP_NONE ? 0 : lineage_apply(s->table.seats[parent].lineage, who);
}

int sampler_identify(struct sampler *s, int32_t pid, enum identity_known known, struct identity *ret,
                     struct identity_extra *extra)
{
        const struct identity_rules rules = { .own_pid = getppid(), .reader_pid = getpid(),
                                              .include = s->include, .exclude = s->exclude,
                                              .show_secrets = s->show_secrets, .limits = s->limits,
                                              .open_statm = s->table.kept_fds < s->table.kept_fds_max };
        int r;

        if (s->n_hangs && hangs(s, pid))
                known = IDENTITY_BY_NAME;
        r = identity_read(&s->proc, &rules, pid, known, s->now_ms, ret, extra);
        if (r != IDENTITY_READ)
                return r;
        r = inherit(s, extra, ret);
        if (r < 0) {
                identity_done(ret);
                closep(&extra->statm_fd);
                limits_leave(s->limits, &extra->limits);
        }
        return r;
}

/* Where it belongs: with the parent's, or one of its own. */
static struct lineage *lineage_of(const struct sampler *s, const struct identity_extra *extra,
                                  const struct identity *who)
{
        uint32_t parent = who->forked || extra->spawned ? table_find(&s->table, who->ppid) : PIDMAP_NONE;

        return parent == PIDMAP_NONE ? lineage_new(who) : lineage_ref(s->table.seats[parent].lineage);
}

static int admit(struct sampler *s, const struct identity *who, struct identity_extra *extra)
{
        struct lineage *lineage = lineage_of(s, extra, who);
        int64_t seat = lineage ? table_take(&s->table, extra, lineage) : -ENOMEM;

        if (!lineage)
                closep(&extra->statm_fd);
        if (seat < 0) {
                limits_leave(s->limits, &extra->limits);
                return -ENOMEM;
        }
        s->table.seats[seat].limits = extra->limits;
        s->table.seats[seat].limits_left = 1 + seat % LIMITS_EVERY; /* not all at once */
        s->table.seats[seat].hangs = s->n_hangs && hangs(s, extra->id.pid);
        s->n_first++;
        if (!sampler_sample_new(s, (uint32_t)seat)) {
                s->n_first--;
                limits_leave(s->limits, &s->table.seats[seat].limits);
                table_leave(&s->table, (uint32_t)seat);
                return 0;
        }
        report_add_identity(&s->outbox.waiting, REPORT_APPEARED, (uint32_t)seat, &extra->id, who);
        return 0;
}

/* Reads who it is and takes it in if it is to be watched. Returns enum identity_result or -ENOMEM. */
static int consider(struct sampler *s, int32_t pid, enum identity_known known)
{
        _cleanup_(identity_done) struct identity who = {};
        struct identity_extra extra;
        int r = sampler_identify(s, pid, known, &who, &extra);

        if (r != IDENTITY_READ)
                return r;
        r = admit(s, &who, &extra);
        return r < 0 ? r : IDENTITY_READ;
}

/* Looks at one; known: what is known of it as a stranger, NULL at first sight. Returns enum identity_result or -ENOMEM.
 */
static int look_at(struct sampler *s, int32_t pid, struct stranger *known)
{
        enum first_look look = process_look(&s->proc, pid);
        int64_t start_ms = 0;
        int r = IDENTITY_STRANGER;
        bool python;

        if (look == LOOK_GONE)
                return IDENTITY_GONE;
        if (look == LOOK_PYTHON || look == LOOK_DENIED || s->include)
                r = consider(s, pid, IDENTITY_BY_LOOK);
        if (r != IDENTITY_STRANGER || look != LOOK_STRANGER || !known || !stranger_wants_maps(known, s->now_ms))
                return r;
        python = !hangs(s, pid) && process_maps_python(&s->proc, pid, &start_ms);
        stranger_maps_looked(known, s->now_ms, start_ms);
        return python ? consider(s, pid, IDENTITY_BY_MAPS) : r;
}

static int look_at_strangers(struct sampler *s, int64_t until_ns)
{
        struct stranger *one;
        uint32_t at = 0;

        while ((one = strangers_next(&s->strangers, &at, s->now_ms)) && clock_mono_ns() < until_ns) {
                int r = look_at(s, one->pid, one);

                if (r < 0)
                        return r;
                if (r == IDENTITY_READ || r == IDENTITY_GONE)
                        strangers_remove(&s->strangers, one->pid);
                else
                        strangers_looked(&s->strangers, one, s->now_ms, s->interval_ms);
        }
        return 0;
}

/* Those that were there before us are old enough for a look at their maps now. */
static int64_t seen_since(const struct sampler *s)
{
        return s->first ? s->now_ms - 1000 : s->now_ms;
}

static int look_at_found(struct sampler *s, bool all, int64_t until_ns)
{
        for (size_t i = 0; i < s->scan.n_pids; i++) {
                int32_t pid = s->scan.pids[i];
                int r;

                if (table_find(&s->table, pid) != PIDMAP_NONE || (all && strangers_has(&s->strangers, pid)))
                        continue;
                r = clock_mono_ns() < until_ns ? look_at(s, pid, NULL) : IDENTITY_EARLY;
                if (r < 0)
                        return r;
                if (r == IDENTITY_STRANGER || r == IDENTITY_EARLY)
                        strangers_add(&s->strangers, pid, seen_since(s),
                                      s->now_ms + (r == IDENTITY_EARLY || s->first ? 0 : 1));
                else
                        strangers_remove(&s->strangers, pid);
        }
        return 0;
}

int sampler_discover(struct sampler *s, int64_t until_ns, struct error *err)
{
        int r = scan_look(&s->scan, s->now_ms, err);

        if (r < 0)
                return r;
        if (r != SCAN_NOTHING)
                r = look_at_found(s, r == SCAN_ALL, until_ns);
        if (r >= 0)
                r = look_at_strangers(s, until_ns);
        return r < 0 ? error_set(err, -r, "out of memory finding processes") : 0;
}

/* It exec'ed: another Python program, or something that is not watched. */
static int exec_happened(struct sampler *s, uint32_t seat)
{
        struct seat *one = &s->table.seats[seat];
        _cleanup_(identity_done) struct identity who = {};
        struct identity_extra extra;
        struct lineage *lineage;
        int32_t pid = one->id.pid;
        bool code_changed = one->code_changed;
        int64_t start_ms;
        int r = sampler_identify(s, pid, IDENTITY_BY_LOOK, &who, &extra);

        if (r == IDENTITY_STRANGER && process_maps_python(&s->proc, pid, &start_ms))
                r = sampler_identify(s, pid, IDENTITY_BY_MAPS, &who, &extra);
        if (r < 0)
                return r;
        if (r == IDENTITY_READ) {
                closep(&extra.statm_fd);
                limits_leave(s->limits, &one->limits);
                one->limits = extra.limits;
        }
        if (r == IDENTITY_GONE || (r == IDENTITY_READ && extra.id.start_ticks != one->id.start_ticks))
                return seat_list_add(&s->gone, seat);
        if (r != IDENTITY_READ) {
                s->table.hot[seat].text_pages = TEXT_UNKNOWN;
                return r == IDENTITY_STRANGER ? seat_list_add(&s->not_python, seat) : 0;
        }
        one->code_changed = false;
        if (!code_changed && !exec_mark_differs(&one->mark, &extra.mark))
                return 0;
        lineage = lineage_of(s, &extra, &who);
        if (!lineage)
                return -ENOMEM;
        lineage_unref(one->lineage);
        one->lineage = lineage;
        one->mark = extra.mark;
        s->table.unreadable += (uint32_t)extra.unreadable - (uint32_t)one->unreadable;
        one->unreadable = extra.unreadable;
        report_add_identity(&s->changed, REPORT_CHANGED, seat, &one->id, &who);
        return 0;
}

static int check_exec(struct sampler *s, uint32_t seat)
{
        struct seat *one = &s->table.seats[seat];
        struct exec_mark now;
        int r;

        if (!table_is_used(&s->table, seat) || s->now_ms - one->exec_checked_ms < one->exec_gap_ms)
                return 0;
        one->exec_checked_ms = s->now_ms;
        one->exec_gap_ms = one->exec_gap_ms ? one->exec_gap_ms * 2 : EXEC_GAP_FIRST_MS;
        if (one->exec_gap_ms > EXEC_GAP_MOST_MS)
                one->exec_gap_ms = EXEC_GAP_MOST_MS;
        r = exec_mark_read(&s->proc, &one->id, &now);
        if (r < 0)
                return seat_list_add(&s->gone, seat);
        return one->code_changed || exec_mark_differs(&one->mark, &now) ? exec_happened(s, seat) : 0;
}

int sampler_check_execs(struct sampler *s)
{
        int r = 0;

        for (uint32_t i = 0; i < s->suspects.n && r == 0; i++)
                r = check_exec(s, s->suspects.seats[i]);
        return r;
}
