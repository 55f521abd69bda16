/* Recorded traces through the detector. */
#include "client/trace_replay.h"

#include <errno.h>
#include <math.h>

int replay_init(struct replay *r, int64_t min_growth_bytes, struct error *err)
{
        *r = (struct replay){ .detector = detector_new(), .min_growth_bytes = min_growth_bytes, .detected_s = NAN,
                              .closed_s = NAN };
        life_init(&r->life);
        return r->detector ? 0 : error_set(err, ENOMEM, "out of memory");
}

void replay_done(struct replay *r)
{
        detector_free(r->detector);
        r->detector = NULL;
}

/* Nobody can read the process again: what the recording says is believed. */
static void take_event(struct replay *r, const struct life_rules *rules, const struct life_facts *facts,
                       const struct life_event *event, double at_s)
{
        struct life_event answered[LIFE_EVENTS_MAX];
        unsigned n;

        if (event->action == LIFE_ASK) {
                n = life_answer(&r->life, rules, facts, event->kind, facts->level_bytes, answered);
                for (unsigned i = 0; i < n; i++)
                        if (answered[i].action != LIFE_ASK)
                                take_event(r, rules, facts, &answered[i], at_s);
                return;
        }
        if (event->kind != FINDING_LEAK)
                return;
        if (event->action == LIFE_OPENS && isnan(r->detected_s))
                r->detected_s = at_s;
        if (event->action == LIFE_OPENS)
                r->closed_s = NAN;
        if (event->action == LIFE_CLOSES)
                r->closed_s = at_s;
}

static void step_life(struct replay *r, const struct trace_sample *sample)
{
        const struct trend *trend = detector_trend(r->detector);
        int64_t interval_ms = r->samples > 1 ? (r->last_ms - r->first_ms) / (int64_t)(r->samples - 1) : 0;
        struct life_rules rules = { .min_growth_bytes = r->min_growth_bytes,
                                    .interval_ms = interval_ms > 0 ? interval_ms : 1 };
        struct life_facts facts = { .at_ms = sample->at_ms, .trend = trend, .level_bytes = sample->bytes,
                                    .shared_bytes_per_hour = trend->bytes_per_hour };
        struct life_event events[LIFE_EVENTS_MAX];
        unsigned n = life_step(&r->life, &rules, &facts, events);

        for (unsigned i = 0; i < n; i++)
                take_event(r, &rules, &facts, &events[i], sample->at_s);
}

void replay_add(struct replay *r, const struct trace_sample *sample)
{
        if (r->samples == 0) {
                r->first_ms = sample->at_ms;
                r->first_s = sample->at_s;
        } else if (sample->at_ms <= r->last_ms) {
                r->left_out++;
                return;
        }
        r->samples++;
        r->last_ms = sample->at_ms;
        r->last_s = sample->at_s;
        if (detector_add(r->detector, sample->at_ms, sample->bytes) || life_busy(&r->life))
                step_life(r, sample);
}

void replay_end(const struct replay *r, struct replay_result *ret)
{
        const struct trend *t = detector_trend(r->detector);
        bool rising = t->verdict == VERDICT_LEAK || t->verdict == VERDICT_WARMING_UP;

        *ret = (struct replay_result){
                .verdict = t->verdict, .bytes_per_hour = t->bytes_per_hour, .confidence = t->confidence,
                .detected_s = r->detected_s, .closed_s = r->closed_s, .since_s = NAN,
                .from_bytes = -1, .to_bytes = -1, .first_s = r->first_s, .span_s = r->last_s - r->first_s,
                .samples = r->samples, .found = !isnan(r->detected_s) || t->verdict == VERDICT_LEAK,
        };
        if (rising || t->verdict == VERDICT_STEP) {
                int64_t since_ms = rising ? t->since_ms : t->step_at_ms;

                if (since_ms >= r->first_ms)
                        ret->since_s = r->first_s + (double)(since_ms - r->first_ms) / 1000;
                ret->from_bytes = rising ? t->from_bytes : t->step_from_bytes;
                ret->to_bytes = rising ? t->to_bytes : t->step_to_bytes;
        }
}
