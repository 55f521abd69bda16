/* What to do, by the answers: one function a piece, in the order in which they are given. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "detect/diagnosis_advice.h"

void piece_put(char to[static SENTENCE_SIZE], const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(to, SENTENCE_SIZE, format, args);
        va_end(args);
}

static bool runs_in(const struct circumstances *c, const char *framework)
{
        return c->framework && strcmp(c->framework, framework) == 0;
}

/* One of its arguments is the option, or begins with it and =. */
static bool has_option(const struct circumstances *c, const char *option)
{
        size_t size = strlen(option);

        for (size_t i = 0; i < c->n_args; i++)
                if (strncmp(c->args[i], option, size) == 0 && (c->args[i][size] == '\0' || c->args[i][size] == '='))
                        return true;
        return false;
}

/* What is restarted: its unit, else the process. */
static struct word restarted(const struct circumstances *c)
{
        struct word w = word_name(c->unit);

        if (*w.text)
                return w;
        if (c->pid > 0)
                snprintf(w.text, sizeof w.text, "process %d", c->pid);
        else
                w = word_quoted(c->app_name);
        return w;
}

static const char *at_the_limit(const struct circumstances *c)
{
        static const char *const ends[LIMIT_KINDS] = {
                [LIMIT_CGROUP_MAX] = "the kernel then kills it in the middle of its work",
                [LIMIT_CGROUP_HIGH] = "the kernel then slows it down",
                [LIMIT_RLIMIT_AS] = "what it asks for then is refused, as a MemoryError",
                [LIMIT_RLIMIT_DATA] = "what it asks for then is refused, as a MemoryError",
                [LIMIT_MACHINE] = "the kernel then kills a process, maybe this one",
        };

        return ends[c->headroom->kind];
}

static bool before_limit(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        char raise[1000];

        if (a->is[ASK_LIMIT] != ANSWER_YES)
                return false;
        if (c->headroom->kind == LIMIT_MACHINE)
                snprintf(raise, sizeof raise, "or free memory of the machine (%s)",
                         word_bytes(c->headroom->limit_bytes).text);
        else
                snprintf(raise, sizeof raise, "or raise %s from %.40s", word_limit(c->headroom).text,
                         word_bytes(c->headroom->limit_bytes).text);
        if (c->limit_at_ms > c->now_ms) {
                piece_put(p->what, "Restart %s before %s, at a quiet hour, %s.", restarted(c).text,
                          word_time(c->limit_at_ms, c->now_ms).text, raise);
                piece_put(p->why, "At the present growth it reaches the limit at %s; %s.",
                          word_time(c->limit_at_ms, c->now_ms).text, at_the_limit(c));
        } else {
                piece_put(p->what, "Restart %s at a quiet hour, %s.", restarted(c).text, raise);
                piece_put(p->why, "%s of %s is in use; should it reach the limit, %s.",
                          word_bytes(c->headroom->used_bytes).text, word_bytes(c->headroom->limit_bytes).text,
                          at_the_limit(c));
        }
        return true;
}

static bool flask_teardown(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (!diagnosis_is_flask(c) || (a->is[ASK_HOLDING] != ANSWER_YES && a->is[ASK_THREADS] != ANSWER_YES))
                return false;
        piece_put(p->what, "Keep what belongs to one request in `flask.g` or a `with` block and close it in a function "
                           "under `@app.teardown_appcontext`; keep nothing per request in module globals, in "
                           "attributes of `app`, or in a `lru_cache` on a method.");
        piece_put(p->why, "A Flask process lives through all requests; what a request leaves in a global outlives it.");
        return true;
}

/* Recycling is advised where nothing recycles yet. */
static bool can_recycle(const struct circumstances *c, const struct answers *a, const char *framework)
{
        return runs_in(c, framework) && a->is[ASK_GROWING] == ANSWER_YES && !c->generations;
}

static bool gunicorn_recycle(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        double rate = c->trend->bytes_per_hour;

        if (!can_recycle(c, a, "gunicorn") || has_option(c, "--max-requests") || !(rate > 0 && rate < 9e18))
                return false;
        piece_put(p->what,
                  "Until the cause is fixed: `--max-requests N --max-requests-jitter N/10`, with N such that a worker "
                  "lives about an hour at the present load (as many requests as one worker serves in an hour).");
        piece_put(p->why,
                  "It replaces a worker after it has grown by about %s. The jitter keeps workers from all restarting "
                  "at once. It hides the leak and does not mend it.",
                  word_bytes((int64_t)rate).text);
        return true;
}

/* The peak of its RSS: surely above the level of a fresh worker, which RSS limits must be. */
static int64_t peak_of(const struct circumstances *c)
{
        return c->now.peak_rss_bytes > 0 ? c->now.peak_rss_bytes : -1;
}

static bool celery_recycle(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        int64_t peak = peak_of(c);

        if (!can_recycle(c, a, "celery") || has_option(c, "--max-tasks-per-child") ||
            has_option(c, "--max-memory-per-child") || peak < 0)
                return false;
        piece_put(p->what,
                  "Until the cause is fixed: `worker_max_tasks_per_child = N`, with N such that a child lives about an "
                  "hour, or `worker_max_memory_per_child = %jd` (in KiB: its peak so far, %s).",
                  (intmax_t)(peak / 1024), word_bytes(peak).text);
        piece_put(p->why, "The pool replaces the child after a task, so no task is lost. Set below the level of a "
                          "fresh child it would replace one after every task.");
        return true;
}

static bool uwsgi_recycle(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        int64_t peak = peak_of(c);

        if (!can_recycle(c, a, "uwsgi") || has_option(c, "--reload-on-rss") || has_option(c, "--max-requests") ||
            peak < 0)
                return false;
        piece_put(p->what,
                  "Until the cause is fixed: `reload-on-rss = %jd` (in MiB: its peak so far), or `max-requests = N`, "
                  "with N such that a worker lives about an hour.",
                  (intmax_t)((peak + DIAGNOSIS_MIB - 1) / DIAGNOSIS_MIB));
        piece_put(p->why, "The worker is replaced after the request it is in. It hides the leak and does not mend it.");
        return true;
}

static bool celery_results(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (!runs_in(c, "celery") || a->is[ASK_HOLDING] != ANSWER_YES)
                return false;
        piece_put(p->what, "Let tasks pass keys or paths rather than data, fetch or `forget()` results, and keep no "
                           "state in module globals of task modules.");
        piece_put(p->why, "A child runs many tasks; arguments and results kept by a global add up.");
        return true;
}

static bool stream(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const struct trend *t = c->trend;

        if (a->is[ASK_LOADING] != ANSWER_YES)
                return false;
        piece_put(
            p->what,
            "Read in pieces: iterate over the file, a generator or `csv.reader` instead of `read()`, `readlines()` or "
            "`json.load`; a server-side cursor or `yield_per` for queries; `Response(generator)` to send it on.");
        piece_put(p->why, "It took %s at %s while reading %s; in pieces the peak is one piece, not the whole.",
                  word_bytes(t->step_to_bytes - t->step_from_bytes).text, word_time(t->step_at_ms, c->now_ms).text,
                  word_bytes(c->after.rchar_bytes - c->then.rchar_bytes).text);
        return true;
}

/* Is it CPython 3.11 or later? "3.11" */
static bool python_has_max_tasks(const struct circumstances *c)
{
        return c->python && text_starts(c->python, "3.") && atoi(c->python + 2) >= 11;
}

static bool child_for_peak(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const struct trend *t = c->trend;
        int64_t step = t->step_to_bytes - t->step_from_bytes, kept = t->to_bytes - t->step_from_bytes;

        if ((a->is[ASK_LOADING] != ANSWER_YES && a->is[ASK_DATAFRAMES] != ANSWER_YES) || !diagnosis_has_step(c) ||
            t->to_bytes < 0 || (kept < step / 100 * KEPT_PERCENT && a->is[ASK_FRAGMENTATION] != ANSWER_YES) ||
            kept <= 0)
                return false;
        piece_put(p->what, "Do the heavy part in a process of its own: `%s`, or a task queue's worker.",
                  python_has_max_tasks(c) ? "ProcessPoolExecutor(max_tasks_per_child=1)"
                                          : "multiprocessing.Pool(maxtasksperchild=1)");
        piece_put(p->why, "What it used goes back in full when that process ends; here %s of %s stayed.",
                  word_bytes(kept < step ? kept : step).text, word_bytes(step).text);
        return true;
}

static bool join_threads(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (!a->threads_rose)
                return false;
        piece_put(p->what, "Use one `ThreadPoolExecutor(max_workers=…)` for the process and shut it down; start no "
                           "thread per request without an end.");
        piece_put(p->why,
                  "Threads went from %s to %s; each keeps its stack, its locals and a share of malloc's arenas.",
                  word_count(c->then.threads).text, word_count(c->now.threads).text);
        return true;
}

static bool close_files(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        char limit[64] = "";

        if (!a->files_rose)
                return false;
        if (c->fds_limit > 0)
                snprintf(limit, sizeof limit, "; the limit is %.40s", word_count(c->fds_limit).text);
        piece_put(p->what, "Open files and sockets under `with`; make one HTTP client and one database engine for the "
                           "process, not one per request.");
        piece_put(p->why, "Open files went from %s to %s%s.", word_count(c->then.fds).text, word_count(c->now.fds).text,
                  limit);
        return true;
}

/* tracemalloc and memray are of CPython 3. Where no version is known, what runs may be no Python at all. */
static bool can_profile(const struct circumstances *c)
{
        if (c->process_name && text_starts(c->process_name, "pypy"))
                return false;
        return c->python ? text_starts(c->python, "3.") : c->framework != NULL;
}

void piece_attach(const struct circumstances *c, const char *options, char ret[static 96])
{
        if (c->pid > 0 && !c->generations)
                snprintf(ret, 96, "`memray attach %s%d`", options, c->pid);
        else
                snprintf(ret, 96, "`memray attach %sPID` to one of its processes", options);
}

static bool profile(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const struct trend *t = c->trend;
        bool growing = a->is[ASK_GROWING] == ANSWER_YES;
        int64_t growth = growing ? t->to_bytes - t->from_bytes : t->step_to_bytes - t->step_from_bytes;
        char attach[96];

        if (!can_profile(c) || growth <= 0 || (growing ? t->from_bytes : t->step_from_bytes) < 0 ||
            a->is[ASK_UNCLEAR] != ANSWER_YES)
                return false;
        piece_attach(c, "", attach);
        piece_put(p->what,
                  "Compare two `tracemalloc` snapshots (start with `-X tracemalloc=10`, and count on it being slower "
                  "and larger), or %s for 10 min and read the leaks report.",
                  attach);
        piece_put(p->why, "Nothing seen from outside explains the %s; this shows the line that allocates.",
                  word_bytes(growth).text);
        return true;
}

/* It was not looked into and won't be, or its memory may not be read. Another Python has no heap that could be read. */
static bool let_me_look(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const char *reason = c->look ? look_missing(c->look, "python") : NULL;

        if (a->is[ASK_HOLDING] != ANSWER_UNKNOWN && a->is[ASK_NATIVE] != ANSWER_UNKNOWN &&
            a->is[ASK_GC] != ANSWER_UNKNOWN)
                return false;
        if (c->look ? !(reason && strstr(reason, "CAP_SYS_PTRACE")) : c->next_look_ms > 0 || !can_profile(c))
                return false;
        piece_put(p->what, "Give memtide CAP_SYS_PTRACE (its unit does), or set `inspect = on-finding`; for "
                           "kernel.yama.ptrace_scope = 3 there is no way.");
        piece_put(p->why, "A look at the objects tells a Python leak from a native one.");
        return true;
}

static bool wait_longer(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const struct trend *t = c->trend;

        if (a->is[ASK_GROWING] != ANSWER_UNKNOWN || t->ready_at_ms <= 0 || t->last_ms < t->first_ms)
                return false;
        piece_put(p->what, "Nothing yet.");
        piece_put(p->why, "%s of data is too little; there will be an answer at about %s.",
                  word_span(t->last_ms - t->first_ms).text, word_time(t->ready_at_ms, c->now_ms).text);
        return true;
}

static const struct {
        const char *id;
        /* Returns whether it is to be given. */
        bool (*write)(const struct circumstances *c, const struct answers *a, struct piece *p);
        bool of_gc;
} pieces[] = {
        { "before-limit", before_limit },
        { "bound-container", advise_bound_container },
        { "find-holder", advise_find_holder },
        { "cut-cycle", advise_cut_cycle },
        { "flask-teardown", flask_teardown },
        { "gunicorn-recycle", gunicorn_recycle },
        { "celery-recycle", celery_recycle },
        { "uwsgi-recycle", uwsgi_recycle },
        { "celery-results", celery_results },
        { "stream", stream },
        { "chunks", advise_chunks },
        { "dtypes", advise_dtypes },
        { "drop-frames", advise_drop_frames },
        { "child-for-peak", child_for_peak },
        { "join-threads", join_threads },
        { "close-files", close_files },
        { "native-trace", advise_native_trace },
        { "arena-max", advise_arena_max },
        { "trim", advise_trim },
        { "lower-peak", advise_lower_peak },
        { "gc-enable", advise_gc_enable, true },
        { "gc-threshold", advise_gc_threshold, true },
        { "gc-garbage", advise_gc_garbage, true },
        { "gc-version", advise_gc_version, true },
        { "profile", profile },
        { "let-me-look", let_me_look },
        { "wait", wait_longer },
};

/* of_gc: only those, or only the others. Returns how many have been given. */
static int advise(const struct circumstances *c, const struct answers *a, bool all, bool of_gc, int given,
                  struct json *j)
{
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces && given < ADVICE_MOST; i++) {
                struct piece p;

                if ((!all && pieces[i].of_gc != of_gc) || !pieces[i].write(c, a, &p))
                        continue;
                json_open(j, '{');
                json_add_key(j, "id");
                json_add_text(j, pieces[i].id);
                json_add_key(j, "do");
                json_add_text(j, p.what);
                json_add_key(j, "why");
                json_add_text(j, p.why);
                json_close(j, '}');
                given++;
        }
        return given;
}

void diagnosis_advise(const struct circumstances *c, const struct answers *a, struct buffer *to)
{
        struct json j = json_begin(to, true);

        json_open(&j, '[');
        /* What the collector's settings explain is mended in a line: first of all, unless a limit is near. */
        if (a->is[ASK_GC] == ANSWER_YES && c->kind != FINDING_LIMIT)
                advise(c, a, false, false, advise(c, a, false, true, 0, &j), &j);
        else
                advise(c, a, true, false, 0, &j);
        json_close(&j, ']');
        json_end(&j);
}
