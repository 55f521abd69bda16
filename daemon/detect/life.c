/* When findings open, worsen and close. */
#include "detect/life.h"

#include <stddef.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define MIB (INT64_C(1) << 20)

#define LEAK_CALM_TICKS 12
#define ANSWER_WITHIN_MS MINUTE_MS  /* and three ticks: the sampler reads large processes rarely */
#define ANSWER_WITHIN_TICKS 3
#define STEP_LEAST_BYTES (32 * MIB)
#define STEP_STAYS_TICKS 720
#define STEP_OVER_TICKS 17280
#define STEP_CALM_TICKS 12          /* a collection may take the level down for a moment */
#define LIMIT_NEAR_MS (24 * HOUR_MS)
#define LIMIT_FAR_MS (30 * HOUR_MS)
#define LIMIT_USED 0.90
#define LIMIT_FREE 0.85
#define LIMIT_DUE_TICKS 3
#define LIMIT_CALM_TICKS 60
#define CRITICAL_MS HOUR_MS
#define CRITICAL_USED 0.95
#define LIMIT_TOLD_MS (30 * 24 * HOUR_MS)

struct walk {
        const struct life_rules *rules;
        const struct life_facts *facts;
        struct life_event *events;
        unsigned n;
};

static int64_t larger(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static void kind_init(struct life_kind *k)
{
        *k = (struct life_kind){ .due_since_ms = -1, .calm_since_ms = -1, .wait_until_ms = -1, .from_bytes = -1, .to_bytes = -1,
                                 .mark_bytes = -1 };
}

void life_init(struct life *l)
{
        kind_init(&l->leak);
        kind_init(&l->step);
        kind_init(&l->limit);
}

bool life_busy(const struct life *l)
{
        return l->leak.state || l->step.state || l->limit.state || l->limit.due_since_ms >= 0;
}

static void tell(struct walk *w, enum life_action action, enum finding_kind kind, enum severity severity)
{
        if (w->n < LIFE_EVENTS_MAX)
                w->events[w->n++] = (struct life_event){ action, kind, severity };
}

/* none -> asked */
static void life_ask(struct walk *w, struct life_kind *k, enum finding_kind kind)
{
        k->state = LIFE_ASKED;
        k->asked_at_ms = w->facts->at_ms;
        tell(w, LIFE_ASK, kind, SEVERITY_INFO);
}

/* none, asked -> open */
static void life_open(struct walk *w, struct life_kind *k, enum finding_kind kind, enum severity severity)
{
        const struct trend *t = w->facts->trend;
        bool step = kind == FINDING_STEP;

        k->state = LIFE_OPEN;
        k->severity = severity;
        k->opened_at_ms = w->facts->at_ms;
        k->calm_since_ms = k->due_since_ms = -1;
        k->from_bytes = step ? t->step_from_bytes : t->from_bytes;
        k->to_bytes = step ? t->step_to_bytes : t->to_bytes;
        tell(w, LIFE_OPENS, kind, severity);
}

/* open -> none. kept: what it keeps now, which the next one must outgrow; -1: nothing. */
static void life_close(struct walk *w, struct life_kind *k, enum finding_kind kind, int64_t kept_bytes)
{
        enum severity severity = k->severity;

        kind_init(k);
        k->mark_bytes = kept_bytes;
        tell(w, LIFE_CLOSES, kind, severity);
}

static void life_worsen(struct walk *w, struct life_kind *k, enum finding_kind kind, enum severity severity)
{
        if (severity <= k->severity)
                return;
        k->severity = severity;
        tell(w, LIFE_WORSENS, kind, severity);
}

/* True once it has been calm for so many ticks on end. */
static bool calm_for(const struct walk *w, struct life_kind *k, bool calm, int64_t ticks)
{
        if (!calm)
                k->calm_since_ms = -1;
        else if (k->calm_since_ms < 0)
                k->calm_since_ms = w->facts->at_ms;
        return calm && w->facts->at_ms - k->calm_since_ms >= ticks * w->rules->interval_ms;
}

static bool unanswered(const struct walk *w, const struct life_kind *k)
{
        return w->facts->at_ms - k->asked_at_ms > ANSWER_WITHIN_MS + ANSWER_WITHIN_TICKS * w->rules->interval_ms;
}

static bool known_limit(const struct life_facts *f)
{
        return f->headroom && f->headroom->kind != LIMIT_NONE && f->headroom->limit_bytes > 0 && f->headroom->room_bytes >= 0;
}

int64_t life_limit_at_ms(const struct life_facts *f)
{
        double rate = f->trend->bytes_per_hour, ms;

        if (!known_limit(f) || f->trend->verdict != VERDICT_LEAK || !(rate > 0))
                return -1;
        if (f->shared_bytes_per_hour > rate)
                rate = f->shared_bytes_per_hour;
        ms = (double)f->headroom->room_bytes / rate * HOUR_MS;
        return ms <= LIMIT_TOLD_MS ? f->at_ms + (int64_t)ms : -1;
}

static bool limit_within(const struct life_facts *f, int64_t ms)
{
        int64_t at = life_limit_at_ms(f);

        return at >= 0 && at - f->at_ms <= ms;
}

/* Share of its limit in use; of the machine's only where asked for. */
static double used(const struct life_facts *f, bool machine)
{
        if (!known_limit(f) || f->headroom->used_bytes < 0 || (f->headroom->kind == LIMIT_MACHINE && !machine))
                return 0;
        return (double)f->headroom->used_bytes / (double)f->headroom->limit_bytes;
}

/* memory.high slows a program down and kills nothing. Who adds less than a tenth to what fills the machine is not the one
 * to look at. */
static enum severity severity_by_limit(const struct life_facts *f, bool machine)
{
        if (!known_limit(f) || f->headroom->kind == LIMIT_CGROUP_HIGH ||
            (f->headroom->kind == LIMIT_MACHINE && f->shared_bytes_per_hour > 10 * f->trend->bytes_per_hour))
                return SEVERITY_WARNING;
        return limit_within(f, CRITICAL_MS) || used(f, machine) > CRITICAL_USED ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

/* What was given back since a closing need not be outgrown. */
static bool outgrown(struct life_kind *k, const struct trend *t, int64_t now_bytes, int64_t least)
{
        if (k->mark_bytes < 0)
                return true;
        if (t->verdict != VERDICT_INSUFFICIENT_DATA && t->to_bytes < k->mark_bytes)
                k->mark_bytes = larger(t->to_bytes, 0);
        return now_bytes - k->mark_bytes >= larger(least, k->mark_bytes / 10);
}

static void leak_step(struct walk *w, struct life_kind *k)
{
        const struct life_facts *f = w->facts;
        const struct trend *t = f->trend;
        int64_t grown = t->to_bytes - t->from_bytes, least = w->rules->min_growth_bytes;
        bool fresh = outgrown(k, t, t->to_bytes, least), told = w->rules->mute || w->rules->told_by_app;
        bool due = !told && t->growing && grown >= least && fresh;

        switch (k->state) {
        case LIFE_NONE:
                if (due && f->at_ms >= k->wait_until_ms)
                        life_ask(w, k, FINDING_LEAK);
                break;
        case LIFE_ASKED:
                if (!due)
                        k->state = LIFE_NONE;
                else if (unanswered(w, k))
                        life_open(w, k, FINDING_LEAK, severity_by_limit(f, true));
                break;
        case LIFE_OPEN:
                if (w->rules->mute)
                        life_close(w, k, FINDING_LEAK, -1);
                /* Half of min_growth: it may have been raised by a reload. */
                else if (calm_for(w, k, t->verdict != VERDICT_LEAK || grown < least / 2, LEAK_CALM_TICKS))
                        life_close(w, k, FINDING_LEAK, t->to_bytes);
                else if (t->verdict == VERDICT_LEAK)
                        life_worsen(w, k, FINDING_LEAK, severity_by_limit(f, true));
                break;
        }
}

static bool step_due(const struct walk *w, struct life_kind *k)
{
        const struct trend *t = w->facts->trend;
        int64_t from = t->step_from_bytes, rise = t->step_to_bytes - from;
        int64_t least = larger(STEP_LEAST_BYTES, w->rules->min_growth_bytes), level = w->facts->level_bytes;

        return outgrown(k, t, t->step_to_bytes, least) && !w->rules->mute && t->verdict == VERDICT_STEP && t->step_at_ms >= 0 &&
               rise >= least && rise >= from / 10 && (level < 0 || level >= from + rise / 2) &&
               w->facts->at_ms - t->step_at_ms >= STEP_STAYS_TICKS * w->rules->interval_ms;
}

static void step_step(struct walk *w, struct life_kind *k)
{
        int64_t level = w->facts->level_bytes, at_ms = w->facts->at_ms;
        bool back;

        if (k->state != LIFE_OPEN) {
                if (step_due(w, k))
                        life_open(w, k, FINDING_STEP, SEVERITY_INFO);
                return;
        }
        back = level >= 0 && k->from_bytes >= 0 && k->to_bytes >= 0 && level < k->from_bytes + (k->to_bytes - k->from_bytes) / 2;
        if (w->rules->mute)
                life_close(w, k, FINDING_STEP, -1);
        else if (calm_for(w, k, back, STEP_CALM_TICKS) || at_ms - k->opened_at_ms >= STEP_OVER_TICKS * w->rules->interval_ms)
                life_close(w, k, FINDING_STEP, k->to_bytes);
}

static void limit_open(struct walk *w, struct life_kind *k)
{
        life_open(w, k, FINDING_LIMIT, severity_by_limit(w->facts, false));
}

/* confirmed: its leak is open, so the growth has been read exactly. */
static void limit_none(struct walk *w, struct life_kind *k, bool confirmed, bool coming)
{
        const struct life_facts *f = w->facts;

        if (!f->teller || used(f, false) <= LIMIT_USED)
                k->due_since_ms = -1;
        else if (k->due_since_ms < 0)
                k->due_since_ms = f->at_ms;
        if (k->due_since_ms >= 0 && f->at_ms - k->due_since_ms >= LIMIT_DUE_TICKS * w->rules->interval_ms)
                limit_open(w, k);
        else if (coming && confirmed)
                limit_open(w, k);
        else if (coming && f->at_ms >= k->wait_until_ms)
                life_ask(w, k, FINDING_LIMIT);
}

static void limit_step(struct walk *w, struct life_kind *k, bool confirmed)
{
        const struct life_facts *f = w->facts;
        int64_t grown = f->trend->to_bytes - f->trend->from_bytes, least = w->rules->min_growth_bytes;
        /* Little growth is much where there is little room. */
        bool near = f->trend->growing && !f->trend->paused && limit_within(f, LIMIT_NEAR_MS) &&
                    (grown >= least || f->headroom->room_bytes < least);
        bool calm;

        switch (k->state) {
        case LIFE_NONE:
                if (w->rules->mute)
                        k->due_since_ms = -1;
                else
                        limit_none(w, k, confirmed, near && f->teller && !w->rules->told_by_app);
                break;
        case LIFE_ASKED:
                if (!near || w->rules->mute)
                        k->state = LIFE_NONE;
                else if (confirmed || unanswered(w, k))
                        limit_open(w, k);
                break;
        case LIFE_OPEN:
                calm = !limit_within(f, LIMIT_FAR_MS) && used(f, false) < LIMIT_FREE;
                if (w->rules->mute || calm_for(w, k, calm, LIMIT_CALM_TICKS))
                        life_close(w, k, FINDING_LIMIT, -1);
                else
                        life_worsen(w, k, FINDING_LIMIT, severity_by_limit(f, false));
                break;
        }
}

unsigned life_step(struct life *l, const struct life_rules *rules, const struct life_facts *facts,
                   struct life_event ret[static LIFE_EVENTS_MAX])
{
        struct walk w = { rules, facts, ret, 0 };

        leak_step(&w, &l->leak);
        step_step(&w, &l->step);
        limit_step(&w, &l->limit, l->leak.state == LIFE_OPEN);
        return w.n;
}

static struct life_kind *kind_of(struct life *l, enum finding_kind kind)
{
        return kind == FINDING_LEAK ? &l->leak : kind == FINDING_STEP ? &l->step : kind == FINDING_LIMIT ? &l->limit : NULL;
}

unsigned life_answer(struct life *l, const struct life_rules *rules, const struct life_facts *facts,
                     enum finding_kind kind, int64_t exact_bytes, struct life_event ret[static LIFE_EVENTS_MAX])
{
        struct walk w = { rules, facts, ret, 0 };
        struct life_kind *k = kind_of(l, kind);
        const struct trend *t = facts->trend;

        if (!k || k->state != LIFE_ASKED)
                return 0;
        if (exact_bytes >= 0 && exact_bytes - t->from_bytes < (t->to_bytes - t->from_bytes) / 2) {
                k->state = LIFE_NONE;
                k->wait_until_ms = facts->at_ms + larger((facts->at_ms - t->since_ms) / 10, rules->interval_ms);
                return 0;
        }
        life_open(&w, k, kind, severity_by_limit(facts, kind == FINDING_LEAK));
        return w.n;
}

unsigned life_end(struct life *l, int64_t at_ms, struct life_event ret[static LIFE_EVENTS_MAX])
{
        static const enum finding_kind kinds[] = { FINDING_LEAK, FINDING_STEP, FINDING_LIMIT };
        const struct life_facts facts = { .at_ms = at_ms };
        struct walk w = { NULL, &facts, ret, 0 };

        for (unsigned i = 0; i < 3; i++)
                if (kind_of(l, kinds[i])->state == LIFE_OPEN)
                        life_close(&w, kind_of(l, kinds[i]), kinds[i], -1);
        life_init(l);
        return w.n;
}

void life_resume(struct life *l, enum finding_kind kind, enum severity severity, int64_t opened_at_ms, int64_t from_bytes,
                 int64_t to_bytes)
{
        struct life_kind *k = kind_of(l, kind);

        if (!k)
                return;
        kind_init(k);
        k->state = LIFE_OPEN;
        k->severity = severity;
        k->opened_at_ms = opened_at_ms;
        k->from_bytes = from_bytes;
        k->to_bytes = to_bytes;
}
