/* The thirteen questions, each answered by what is known, or with what was missing. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "detect/diagnosis_private.h"

void diagnosis_say(struct answers *a, enum question q, enum answer is, const char *format, ...)
{
        va_list args;

        a->is[q] = is;
        va_start(args, format);
        vsnprintf(a->because[q], sizeof a->because[q], format, args);
        va_end(args);
}

bool diagnosis_is_growing(const struct circumstances *c)
{
        return c->trend->verdict == VERDICT_LEAK;
}

bool diagnosis_is_flask(const struct circumstances *c)
{
        if (c->framework && strcmp(c->framework, "flask") == 0)
                return true;
        for (size_t i = 0; c->look && i < c->look->n_types; i++)
                if (strcmp(c->look->types[i].name, "flask.app.Flask") == 0 && c->look->types[i].objects > 0)
                        return true;
        /* Its single instance may be cut off; the settings of every app are a dict of some 28 entries. */
        for (size_t i = 0; c->look && i < c->look->n_containers; i++)
                if (strcmp(c->look->containers[i].type, "flask.config.Config") == 0 && c->look->containers[i].length > 0)
                        return true;
        return false;
}

bool diagnosis_has_limit(const struct circumstances *c)
{
        return c->headroom && c->headroom->kind > LIMIT_NONE && c->headroom->kind < LIMIT_KINDS &&
               c->headroom->limit_bytes > 0 && c->headroom->used_bytes >= 0;
}

bool diagnosis_has_step(const struct circumstances *c)
{
        const struct trend *t = c->trend;

        return t->step_at_ms >= 0 && t->step_from_bytes >= 0 && t->step_to_bytes > t->step_from_bytes &&
               (c->kind == FINDING_STEP || t->verdict == VERDICT_STEP);
}

int diagnosis_used_percent(const struct headroom *h)
{
        double share = (double)h->used_bytes / (double)h->limit_bytes * 100;

        return share < 100 ? (int)share : 100;
}

/* "/proc/4242/maps" */
static struct word file_of(const struct circumstances *c, const char *file)
{
        struct word w;

        if (c->pid > 0)
                snprintf(w.text, sizeof w.text, "/proc/%d/%s", c->pid, file);
        else
                snprintf(w.text, sizeof w.text, "/proc/PID/%s", file);
        return w;
}

static void ask_generations(const struct circumstances *c, struct answers *a)
{
        const struct generations_trend *g = c->generations;

        diagnosis_say(a, ASK_GROWING, ANSWER_YES,
                      "Of the last %u of its processes that were replaced, %u grew alike from start to end, from %s to "
                      "%s in the %s that one lives: %s.",
                      g->of, g->alike, word_bytes(g->from_bytes).text, word_bytes(g->to_bytes).text,
                      word_span(g->lifetime_ms).text, word_rate(g->bytes_per_hour).text);
}

static void ask_leak(const struct circumstances *c, struct answers *a)
{
        const struct trend *t = c->trend;
        int64_t span_ms = t->since_ms >= 0 ? t->last_ms - t->since_ms : -1;
        char rises[96] = "";

        if (t->slots && span_ms > 0)
                snprintf(rises, sizeof rises, "in each %.40s rose in %u of %u steps",
                         word_span(span_ms / t->slots).text, t->rises, t->slots);
        diagnosis_say(a, ASK_GROWING, ANSWER_YES, "Its lowest level %s, from %s to %s in %s: %s, without a restart.",
                      *rises ? rises : "kept rising", word_bytes(t->from_bytes).text, word_bytes(t->to_bytes).text,
                      word_span(span_ms).text, word_rate(t->bytes_per_hour).text);
}

static void ask_growing(const struct circumstances *c, struct answers *a)
{
        const struct trend *t = c->trend;
        int64_t seen_ms = t->last_ms > t->first_ms ? t->last_ms - t->first_ms : 0;

        switch (t->verdict) {
        case VERDICT_LEAK:
                if (c->generations)
                        ask_generations(c, a);
                else
                        ask_leak(c, a);
                return;
        case VERDICT_STEP:
                diagnosis_say(a, ASK_GROWING, ANSWER_NO, "It rose at once, from %s to %s at %s, rather than steadily.",
                              word_bytes(t->step_from_bytes).text, word_bytes(t->step_to_bytes).text,
                              word_time(t->step_at_ms, c->now_ms).text);
                return;
        case VERDICT_WARMING_UP:
                diagnosis_say(a, ASK_GROWING, ANSWER_NO,
                              "It rises, but ever more slowly, as what warms up or fills a cache does (seen for %s).",
                              word_span(seen_ms).text);
                return;
        case VERDICT_STABLE:
                diagnosis_say(a, ASK_GROWING, ANSWER_NO, "Its lowest level does not keep rising (seen for %s).",
                              word_span(seen_ms).text);
                return;
        default:
                if (t->ready_at_ms > 0)
                        diagnosis_say(a, ASK_GROWING, ANSWER_UNKNOWN,
                                      "It was seen for %s, which is too little; there will be enough at about %s.",
                                      word_span(seen_ms).text, word_time(t->ready_at_ms, c->now_ms).text);
                else
                        diagnosis_say(a, ASK_GROWING, ANSWER_UNKNOWN, "It was seen for %s, which is too little.",
                                      word_span(seen_ms).text);
        }
}

/* The largest rise from one trough to the next that is as large as a step, start-up left out; -1: none. What lies
 * between two troughs that are farther apart than five samples may be steady growth as well. */
static int64_t largest_rise(const struct circumstances *c)
{
        int64_t first_ms = c->lows[0].at_ms, span_ms = c->lows[c->n_lows - 1].at_ms - first_ms, largest = -1;
        int64_t start_ms =
            span_ms / 100 * START_UP_PERCENT > START_UP_MS ? span_ms / 100 * START_UP_PERCENT : START_UP_MS;

        for (size_t i = 1; i < c->n_lows; i++) {
                /* It may have happened within a trough's slot, so that it shows in two parts. */
                const struct low *before = &c->lows[i > 1 ? i - 2 : 0];
                int64_t rise = c->lows[i].bytes - before->bytes;

                if (before->at_ms - first_ms >= start_ms && rise >= STEP_LEAST_BYTES &&
                    rise >= before->bytes / 100 * STEP_LEAST_PERCENT && rise > largest)
                        largest = rise;
        }
        return largest;
}

static void ask_loading_without_step(const struct circumstances *c, struct answers *a)
{
        const struct trend *t = c->trend;
        int64_t read = c->then_ms > 0 && c->then.rchar_bytes >= 0 ? c->now.rchar_bytes - c->then.rchar_bytes : -1;
        int64_t growth = t->to_bytes - t->from_bytes;

        if (c->n_lows < 2)
                diagnosis_say(a, ASK_LOADING, ANSWER_UNKNOWN, "%s",
                              c->generations ? "Jumps within the lives of single processes are not kept."
                                             : "Its history is not at hand, so whether it jumped is not known.");
        else if (largest_rise(c) < 0)
                diagnosis_say(a, ASK_LOADING, ANSWER_NO,
                              "Its lowest level never rose by 32 MiB and 10 %% at once in %s.",
                              word_span(c->lows[c->n_lows - 1].at_ms - c->lows[0].at_ms).text);
        else if (c->now.rchar_bytes >= 0 && read >= 0 && t->from_bytes >= 0 && growth >= STEP_LEAST_BYTES &&
                 read < growth / NOT_LOADED_SHARE && c->then_ms <= t->since_ms)
                diagnosis_say(
                    a, ASK_LOADING, ANSWER_NO,
                    "It grew by %s while reading %s from files; data that came over the network is not in this count.",
                    word_bytes(growth).text, word_bytes(read).text);
        else
                diagnosis_say(a, ASK_LOADING, ANSWER_UNKNOWN,
                              "Its lowest level rose by up to %s from one reading kept to the next; whether that was "
                              "at once, and what it read meanwhile, is not known.",
                              word_bytes(largest_rise(c)).text);
}

/* Bytes read from just before the step until just after it, or, without a reading there, until now; -1. */
static int64_t read_over_step(const struct circumstances *c, bool *ret_until_now)
{
        bool after = c->after_ms > 0 && c->after_ms >= c->trend->step_at_ms && c->after.rchar_bytes >= 0;
        int64_t end = after ? c->after.rchar_bytes : c->now.rchar_bytes;

        *ret_until_now = !after;
        if (c->then_ms <= 0 || c->then_ms > c->trend->step_at_ms || c->then.rchar_bytes < 0 ||
            end < c->then.rchar_bytes)
                return -1;
        return end - c->then.rchar_bytes;
}

static void ask_loading(const struct circumstances *c, struct answers *a)
{
        const struct trend *t = c->trend;
        int64_t step = t->step_to_bytes - t->step_from_bytes, read;
        bool until_now;
        char what[512];

        if (!diagnosis_has_step(c)) {
                ask_loading_without_step(c, a);
                return;
        }
        read = read_over_step(c, &until_now);
        snprintf(what, sizeof what, "It jumped from %.40s to %.40s at %.40s", word_bytes(t->step_from_bytes).text,
                 word_bytes(t->step_to_bytes).text, word_time(t->step_at_ms, c->now_ms).text);
        if (step < STEP_LEAST_BYTES || step < t->step_from_bytes / 100 * STEP_LEAST_PERCENT)
                diagnosis_say(a, ASK_LOADING, ANSWER_NO, "%s, which is less than 32 MiB or 10 %%.", what);
        else if (read < 0)
                diagnosis_say(a, ASK_LOADING, ANSWER_UNKNOWN,
                              "%s; what it read was not known before and after that (%s is readable for the same user "
                              "or with CAP_SYS_PTRACE).",
                              what, file_of(c, "io").text);
        else if (read < step / NOT_LOADED_SHARE)
                diagnosis_say(a, ASK_LOADING, ANSWER_NO,
                              "%s while reading %s from files; data that came over the network is not in this count.",
                              what, word_bytes(read).text);
        else if (until_now)
                diagnosis_say(a, ASK_LOADING, ANSWER_UNKNOWN,
                              "%s; it has read %s from files since shortly before, but how much of that during the "
                              "jump is not known.",
                              what, word_bytes(read).text);
        else if (read >= step / LOADED_SHARE)
                diagnosis_say(a, ASK_LOADING, ANSWER_YES, "%s while reading %s from files, and is at %s now.", what,
                              word_bytes(read).text, word_bytes(t->to_bytes).text);
        else
                diagnosis_say(a, ASK_LOADING, ANSWER_UNKNOWN,
                              "%s while reading %s from files: too much for none of it, too little for all.", what,
                              word_bytes(read).text);
}

static void ask_long_running(const struct circumstances *c, struct answers *a)
{
        int64_t age_ms = c->started_at_ms > 0 ? c->now_ms - c->started_at_ms : c->trend->last_ms - c->trend->first_ms;

        if (c->framework)
                diagnosis_say(
                    a, ASK_LONG_RUNNING, ANSWER_YES,
                    "Its command line is that of %s, which runs until it is stopped%s.", word_name(c->framework).text,
                    diagnosis_is_flask(c) && strcmp(c->framework, "flask") != 0 ? "; a Flask app is in it" : "");
        else if (c->started_at_ms > 0 && age_ms < YOUNG_MS)
                diagnosis_say(a, ASK_LONG_RUNNING, ANSWER_NO,
                              "It is %s old, and no framework is seen in its command line.", word_span(age_ms).text);
        else
                diagnosis_say(a, ASK_LONG_RUNNING, ANSWER_UNKNOWN,
                              "No framework is seen in its command line; it was seen for %s, but whether it listens on "
                              "a socket is not known.",
                              word_span(age_ms).text);
}

static void ask_workload(struct answers *a)
{
        diagnosis_say(
            a, ASK_WORKLOAD, ANSWER_UNKNOWN,
            "Its growth was not compared with the CPU time it takes; whether it grows in a quiet hour would tell.");
}

static bool piled_up(int64_t from, int64_t to)
{
        return from >= 0 && to - from >= PILED_UP_LEAST && to - from >= from * PILED_UP_PERCENT / 100;
}

static void ask_threads(const struct circumstances *c, struct answers *a)
{
        const struct trend *t = c->trend;
        int64_t since_ms = diagnosis_has_step(c) ? t->step_at_ms : t->since_ms;
        bool had_then = c->then_ms > 0 && c->then.threads >= 0, threads = had_then && c->now.threads >= 0;
        bool files = had_then && c->then.fds >= 0 && c->now.fds >= 0;
        int64_t over_ms = c->now_ms - c->then_ms;
        char what[512];
        size_t n = 0;

        if (!threads) {
                diagnosis_say(a, ASK_THREADS, ANSWER_UNKNOWN,
                              "The numbers of its threads and open files (%s, fd) were not read both then and now.",
                              file_of(c, "status").text);
                return;
        }
        a->threads_rose = piled_up(c->then.threads, c->now.threads);
        a->files_rose = files && piled_up(c->then.fds, c->now.fds);
        n = (size_t)snprintf(what, sizeof what, "Its threads went from %.40s to %.40s",
                             word_count(c->then.threads).text, word_count(c->now.threads).text);
        if (files)
                n += (size_t)snprintf(what + n, sizeof what - n, ", its open files from %.40s to %.40s",
                                      word_count(c->then.fds).text, word_count(c->now.fds).text);
        n += (size_t)snprintf(what + n, sizeof what - n, " in %.40s", word_span(over_ms).text);
        if (!files)
                snprintf(what + n, sizeof what - n, "; open files were not readable");
        if (a->threads_rose && t->from_bytes >= 0 && t->to_bytes > t->from_bytes)
                diagnosis_say(a, ASK_THREADS, ANSWER_YES, "%s: %s grown per new thread.", what,
                              word_bytes((t->to_bytes - t->from_bytes) / (c->now.threads - c->then.threads)).text);
        else if (a->threads_rose || a->files_rose)
                diagnosis_say(a, ASK_THREADS, ANSWER_YES, "%s.", what);
        else if (since_ms >= 0 && over_ms < (c->now_ms - since_ms) / 100 * READ_OVER_PERCENT)
                diagnosis_say(a, ASK_THREADS, ANSWER_UNKNOWN,
                              "%s, which is too short a part of the time that this is about.", what);
        else
                diagnosis_say(a, ASK_THREADS, ANSWER_NO, "%s.", what);
}

static void ask_forked(const struct circumstances *c, struct answers *a)
{
        bool known = c->then_ms > 0 && c->then.pss_bytes >= 0 && c->then.uss_bytes >= 0 && c->now.pss_bytes >= 0 &&
                     c->now.uss_bytes >= 0;
        int64_t then = c->then.pss_bytes - c->then.uss_bytes, now = c->now.pss_bytes - c->now.uss_bytes;

        if (!known)
                diagnosis_say(a, ASK_FORKED, ANSWER_UNKNOWN,
                              "PSS and USS were not read both then and now (%s: for the same user or with "
                              "CAP_SYS_PTRACE, and seldom where it is large).",
                              file_of(c, "smaps_rollup").text);
        else if (now >= then / 100 * SHARED_FELL_PERCENT)
                diagnosis_say(a, ASK_FORKED, ANSWER_NO, "What it shares (PSS less USS) did not fall: %s at %s, %s now.",
                              word_bytes(then).text, word_time(c->then_ms, c->now_ms).text, word_bytes(now).text);
        else
                diagnosis_say(
                    a, ASK_FORKED, ANSWER_UNKNOWN,
                    "What it shares (PSS less USS) fell from %s at %s to %s; with whom it shared that is not known.",
                    word_bytes(then).text, word_time(c->then_ms, c->now_ms).text, word_bytes(now).text);
}

/* "3 times" */
static struct word word_times(int64_t count)
{
        struct word w = word_count(count);

        strcat(w.text, " times");
        return w;
}

static void ask_limit(const struct circumstances *c, struct answers *a)
{
        const struct headroom *h = c->headroom;
        char kills[96] = "", what[1200];
        bool near, full;

        if (!diagnosis_has_limit(c)) {
                diagnosis_say(a, ASK_LIMIT, ANSWER_UNKNOWN,
                              "No limit could be read: neither of its cgroup nor of the process nor of the machine.");
                return;
        }
        near = c->limit_at_ms >= 0 && c->limit_at_ms - c->now_ms < LIMIT_NEAR_MS;
        /* The machine's memory is there to be used. */
        full = h->kind != LIMIT_MACHINE && diagnosis_used_percent(h) >= LIMIT_USED_PERCENT;
        if (h->oom_kills > 0)
                snprintf(kills, sizeof kills, " The kernel has killed in there %.40s so far.",
                         h->oom_kills == 1 ? "once" : word_times(h->oom_kills).text);
        snprintf(what, sizeof what, "Of %.900s (%.40s), %.40s is in use", word_limit(h).text,
                 word_bytes(h->limit_bytes).text, word_bytes(h->used_bytes).text);
        if (near)
                diagnosis_say(a, ASK_LIMIT, ANSWER_YES, "%s; at the present growth it is full at %s.%s", what,
                              word_time(c->limit_at_ms, c->now_ms).text, kills);
        else if (full)
                diagnosis_say(a, ASK_LIMIT, ANSWER_YES, "%s, %d %%.%s", what, diagnosis_used_percent(h), kills);
        else if (c->limit_at_ms >= 0)
                diagnosis_say(a, ASK_LIMIT, ANSWER_NO, "%s; at the present growth it is full at %s.%s", what,
                              word_time(c->limit_at_ms, c->now_ms).text, kills);
        else
                diagnosis_say(a, ASK_LIMIT, ANSWER_NO, "%s; %s.%s", what,
                              diagnosis_is_growing(c) ? "at the present growth it is far away"
                                                      : "it does not keep growing",
                              kills);
}

static void ask_unclear(const struct circumstances *c, struct answers *a)
{
        static const struct {
                enum question question;
                const char *name;
        } causes[] = {
                { ASK_HOLDING, "holding" },
                { ASK_LOADING, "loading" },
                { ASK_DATAFRAMES, "dataframes" },
                { ASK_THREADS, "threads" },
                { ASK_FORKED, "forked" },
                { ASK_NATIVE, "native" },
                { ASK_FRAGMENTATION, "fragmentation" },
                { ASK_GC, "gc" },
        };

        for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
                if (a->is[causes[i].question] == ANSWER_YES) {
                        diagnosis_say(a, ASK_UNCLEAR, ANSWER_NO, "See %s.", causes[i].name);
                        return;
                }
        if (a->is[ASK_GROWING] == ANSWER_YES || c->kind == FINDING_STEP)
                diagnosis_say(a, ASK_UNCLEAR, ANSWER_YES, "None of the causes asked after above is known to be one.");
        else
                diagnosis_say(a, ASK_UNCLEAR, ANSWER_NO,
                              "It neither keeps growing nor jumped, so there is nothing to explain.");
}

void diagnosis_ask(const struct circumstances *c, struct answers *ret)
{
        ret->threads_rose = ret->files_rose = false;
        ask_growing(c, ret);
        diagnosis_ask_look(c, ret);
        ask_workload(ret);
        ask_loading(c, ret);
        ask_long_running(c, ret);
        ask_threads(c, ret);
        ask_forked(c, ret);
        ask_limit(c, ret);
        ask_unclear(c, ret);
}
