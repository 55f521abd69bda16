/* A finding's title, its evidence, and the lists of questions and advice. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/figures.h"
#include "base/json.h"
#include "detect/diagnosis_private.h"
#include "detect/suspects.h"

static const struct {
        const char *id, *text;
} questions[QUESTIONS] = {
        [ASK_GROWING] = { "growing", "Does its memory keep increasing?" },
        [ASK_HOLDING] = { "holding", "Does something hold on to objects it could drop?" },
        [ASK_LOADING] = { "loading", "Is a large file or data set loaded at once?" },
        [ASK_DATAFRAMES] = { "dataframes", "Do DataFrames or arrays hold the memory?" },
        [ASK_LONG_RUNNING] = { "long-running", "Is it a long-running application?" },
        [ASK_WORKLOAD] = { "workload", "Does it grow with the work it does, rather than with time?" },
        [ASK_THREADS] = { "threads", "Do threads or open files pile up?" },
        [ASK_FORKED] = { "forked", "Is memory shared with its parent being copied?" },
        [ASK_NATIVE] = { "native", "Does native code hold the memory?" },
        [ASK_FRAGMENTATION] = { "fragmentation", "Is it free already, but not given back?" },
        [ASK_GC] = { "gc", "Would the garbage collector's settings explain it?" },
        [ASK_LIMIT] = { "limit", "Will it reach a limit?" },
        [ASK_UNCLEAR] = { "unclear", "Is the cause still unclear?" },
};

static void title_limit(const struct circumstances *c, struct buffer *to)
{
        char when[FIGURE_SIZE];

        if (!diagnosis_has_limit(c)) {
                buffer_format(to, "%s comes close to its limit", word_subject(c).text);
                return;
        }
        figure_forecast(c->limit_at_ms, c->now_ms, false, true, when);
        if (c->headroom->room_bytes == 0)
                buffer_format(to, "%s has reached its limit of %s", word_subject(c).text,
                              word_bytes(c->headroom->limit_bytes).text);
        else if (c->limit_at_ms >= 0 && c->limit_at_ms - c->now_ms < LIMIT_NEAR_MS)
                buffer_format(to, "%s reaches its limit of %s %s", word_subject(c).text,
                              word_bytes(c->headroom->limit_bytes).text, when);
        else
                buffer_format(to, "%s uses %d %% of its limit of %s", word_subject(c).text,
                              diagnosis_used_percent(c->headroom), word_bytes(c->headroom->limit_bytes).text);
}

void diagnosis_title(const struct circumstances *c, struct buffer *to)
{
        const struct trend *t = c->trend;

        switch (c->kind) {
        case FINDING_LEAK:
                buffer_format(to, "%s%s grows by %s", c->generations ? "Each process of " : "", word_subject(c).text,
                              word_rate(t->bytes_per_hour).text);
                if (t->since_ms >= 0)
                        buffer_format(to, " since %s", word_time(t->since_ms, c->now_ms).text);
                break;
        case FINDING_STEP:
                if (diagnosis_has_step(c))
                        buffer_format(to, "%s jumped by %s at %s", word_subject(c).text,
                                      word_bytes(t->step_to_bytes - t->step_from_bytes).text,
                                      word_time(t->step_at_ms, c->now_ms).text);
                else
                        buffer_format(to, "%s jumped and stayed there", word_subject(c).text);
                break;
        case FINDING_LIMIT:
                title_limit(c, to);
                break;
        case FINDING_FRAGMENTATION:
                if (c->look && c->look->memory.python_free_bytes >= 0)
                        buffer_format(to, "%s keeps %s that it no longer uses", word_subject(c).text,
                                      word_bytes(c->look->memory.python_free_bytes).text);
                else
                        buffer_format(to, "%s keeps memory that it no longer uses", word_subject(c).text);
                break;
        case FINDING_GC:
                if (c->look && (c->look->gc.enabled == 0 || c->look->gc.thresholds[0] == 0))
                        buffer_format(to, "%s runs without garbage collection", word_subject(c).text);
                else
                        buffer_format(to, "%s keeps garbage", word_subject(c).text);
                break;
        default:
                buffer_format(to, "%s: %s", word_subject(c).text, finding_kind_name(c->kind));
        }
}

static void add_rate(struct json *j, const char *key, double bytes_per_hour)
{
        json_add_key(j, key);
        if (isfinite(bytes_per_hour) && fabs(bytes_per_hour) < 9e18)
                json_add_int(j, llround(bytes_per_hour));
        else
                json_add_null(j);
}

/* What the finding is about: from when and where to when and where. */
static void add_span(struct json *j, const struct circumstances *c)
{
        const struct trend *t = c->trend;
        bool step = diagnosis_has_step(c);
        int64_t from_ms = step ? t->step_at_ms : t->since_ms, to_ms = t->last_ms > 0 ? t->last_ms : c->now_ms;

        json_put_known(j, "from_bytes", step ? t->step_from_bytes : t->from_bytes);
        json_put_known(j, "to_bytes", step ? t->step_to_bytes : t->to_bytes);
        json_put_time(j, "from_at", from_ms);
        json_put_time(j, "to_at", to_ms);
        json_put_known(j, "span_seconds", from_ms >= 0 && to_ms >= from_ms ? (to_ms - from_ms) / 1000 : -1);
        add_rate(j, "bytes_per_hour", t->bytes_per_hour);
        add_rate(j, "low_bytes_per_hour", t->rate_low);
        add_rate(j, "high_bytes_per_hour", t->rate_high);
        json_add_key(j, "confidence");
        json_add_double(j, round(t->confidence * 1000) / 1000);
        json_put_known(j, "rises", t->slots ? (int64_t)t->rises : -1);
        json_put_known(j, "slots", t->slots ? (int64_t)t->slots : -1);
        json_put_known(j, "exact_bytes", c->exact_bytes);
}

static void add_troughs(struct json *j, const struct circumstances *c)
{
        size_t step = (c->n_lows + TROUGHS_MOST - 1) / TROUGHS_MOST;

        json_add_key(j, "troughs");
        json_open(j, '[');
        for (size_t i = 0; i < c->n_lows; i += step) {
                int64_t lowest = c->lows[i].bytes;

                for (size_t k = i; k < i + step && k < c->n_lows; k++)
                        if (c->lows[k].bytes < lowest)
                                lowest = c->lows[k].bytes;
                json_open(j, '[');
                json_add_time(j, c->lows[i].at_ms);
                json_add_known(j, lowest);
                json_close(j, ']');
        }
        json_close(j, ']');
}

static void add_limit(struct json *j, const struct circumstances *c)
{
        const struct headroom *h = c->headroom;

        json_add_key(j, "limit");
        if (!diagnosis_has_limit(c)) {
                json_add_null(j);
                return;
        }
        json_open(j, '{');
        json_add_key(j, "kind");
        json_add_text(j, limit_kind_name(h->kind));
        json_add_key(j, "place");
        json_add_text(j, *h->place ? h->place : NULL);
        json_put_known(j, "limit_bytes", h->limit_bytes);
        json_put_known(j, "used_bytes", h->used_bytes);
        json_put_known(j, "room_bytes", h->room_bytes);
        json_put_time(j, "at", c->limit_at_ms);
        json_close(j, '}');
}

static void add_generations(struct json *j, const struct generations_trend *g)
{
        json_add_key(j, "generations");
        if (!g) {
                json_add_null(j);
                return;
        }
        json_open(j, '{');
        json_put_known(j, "alike", g->alike);
        json_put_known(j, "of", g->of);
        json_put_known(j, "lifetime_seconds", g->lifetime_ms >= 0 ? g->lifetime_ms / 1000 : -1);
        json_close(j, '}');
}

static const char *note_of(const struct circumstances *c)
{
        if (c->kind != FINDING_LEAK)
                return NULL;
        if (c->generations)
                return "Seen from outside, a leak and a cache that is still filling look alike. It would be a cache if "
                       "the growth of its processes bent down before they are replaced.";
        return "Seen from outside, a leak and a cache that is still filling look alike. It would be a cache if the "
               "growth bent down and came to an end: then this finding closes.";
}

void diagnosis_evidence(const struct circumstances *c, struct buffer *to)
{
        struct json j = json_begin(to, true);

        json_open(&j, '{');
        add_span(&j, c);
        add_troughs(&j, c);
        add_limit(&j, c);
        add_generations(&j, c->generations);
        json_add_key(&j, "note");
        json_add_text(&j, note_of(c));
        json_close(&j, '}');
        json_end(&j);
}

static const char *kind_of(const struct suspect *s)
{
        static const char *const kinds[] = {
                [SUSPECT_CONTAINER] = "container", [SUSPECT_TYPE] = "type", [SUSPECT_EXTENSION] = "extension"
        };

        return kinds[s->kind];
}

static void add_suspect(struct json *j, const struct suspect *s)
{
        json_open(j, '{');
        json_add_key(j, "kind");
        json_add_text(j, kind_of(s));
        json_add_key(j, "name");
        json_add_text(j, s->name);
        json_add_key(j, "type");
        json_add_text(j, s->type);
        json_put_known(j, "from", s->from);
        json_put_known(j, "to", s->to);
        json_put_time(j, "from_at", s->from_ms);
        add_rate(j, "per_hour", s->per_hour);
        json_put_known(j, "explains_bytes", s->explains_bytes);
        if (s->kind == SUSPECT_EXTENSION) {
                json_add_key(j, "agent");
                json_add_bool(j, s->agent);
        }
        json_close(j, '}');
}

/* What native code may be behind it, the newest mapped first. */
static void add_extensions(struct json *j, const struct look *look, size_t n)
{
        for (size_t i = 0; i < look->n_libraries && n < SUSPECTS_MOST; i++) {
                const char *name = look->libraries[i];

                if (strcmp(name, "glibc") == 0 || strcmp(name, "musl") == 0)
                        continue;
                add_suspect(j, &(struct suspect){ .kind = SUSPECT_EXTENSION,
                                                  .name = name,
                                                  .from = -1,
                                                  .to = -1,
                                                  .from_ms = -1,
                                                  .per_hour = NAN,
                                                  .explains_bytes = -1,
                                                  .agent = library_is_agent(name) });
                n++;
        }
}

void diagnosis_suspects(const struct circumstances *c, struct buffer *to)
{
        struct json j = json_begin(to, true);
        struct answers a;

        diagnosis_ask(c, &a);
        json_open(&j, '[');
        for (size_t i = 0; i < a.n_suspects; i++)
                add_suspect(&j, &a.suspects[i]);
        if (c->look && a.is[ASK_NATIVE] == ANSWER_YES)
                add_extensions(&j, c->look, a.n_suspects);
        json_close(&j, ']');
        json_end(&j);
}

void diagnosis_answers(const struct circumstances *c, struct buffer *to_diagnosis, struct buffer *to_advice)
{
        static const char *const words[] = { [ANSWER_NO] = "no", [ANSWER_YES] = "yes", [ANSWER_UNKNOWN] = "unknown" };
        struct json j = json_begin(to_diagnosis, true);
        struct answers a;

        diagnosis_ask(c, &a);
        json_open(&j, '[');
        for (size_t i = 0; i < QUESTIONS; i++) {
                json_open(&j, '{');
                json_add_key(&j, "id");
                json_add_text(&j, questions[i].id);
                json_add_key(&j, "question");
                json_add_text(&j, questions[i].text);
                json_add_key(&j, "answer");
                json_add_text(&j, words[a.is[i]]);
                json_add_key(&j, "because");
                json_add_text(&j, a.because[i]);
                json_close(&j, '}');
        }
        json_close(&j, ']');
        json_end(&j);
        diagnosis_advise(c, &a, to_advice);
}
