/* Scenes for what findings say. */
#include "scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

void a_leak(struct scene *s)
{
        *s = (struct scene){
                .trend = { .verdict = VERDICT_LEAK,
                           .growing = true,
                           .bytes_per_hour = 46.0 * MIB,
                           .rate_low = 44.0 * MIB,
                           .rate_high = 48.0 * MIB,
                           .confidence = 0.99812,
                           .since_ms = NOON,
                           .from_bytes = 212 * MIB,
                           .to_bytes = 474 * MIB,
                           .rises = 31,
                           .slots = 34,
                           .step_at_ms = -1,
                           .step_from_bytes = -1,
                           .step_to_bytes = -1,
                           .first_ms = NOON - HOUR,
                           .last_ms = NOON + 340 * MINUTE,
                           .samples = 4800,
                           .ready_at_ms = -1 },
                .headroom = { LIMIT_CGROUP_MAX, 1024 * MIB, 600 * MIB, 424 * MIB, 1, 0, "/system.slice/shop.service" },
                .args = { (char *)"python3", (char *)"-m", (char *)"flask" },
        };
        for (int i = 0; i < 128; i++)
                s->lows[i] = (struct low){ NOON + i * 160000, 212 * MIB + i * 2 * MIB };
        s->c = (struct circumstances){
                .kind = FINDING_LEAK,
                .now_ms = NOON + 340 * MINUTE,
                .interval_ms = 5000,
                .app_name = "flask: shop",
                .process_name = "python3",
                .pid = 4242,
                .framework = "flask",
                .unit = "shop.service",
                .python = "3.11",
                .args = s->args,
                .n_args = 3,
                .trend = &s->trend,
                .lows = s->lows,
                .n_lows = 128,
                .exact_bytes = 475 * MIB,
                .headroom = &s->headroom,
                .limit_at_ms = NOON + 870 * MINUTE,
                .then = { 0, 220 * MIB, 210 * MIB, -1, 10, 20, 1000, 50 * MIB, 0 },
                .now = { 0, 480 * MIB, 470 * MIB, 500 * MIB, 12, 21, 9000, 52 * MIB, 0 },
                .then_ms = NOON,
        };
}

void a_step(struct scene *s)
{
        a_leak(s);
        s->trend.verdict = VERDICT_STEP;
        s->trend.step_at_ms = NOON + 280 * MINUTE;
        s->trend.step_from_bytes = 100 * MIB;
        s->trend.step_to_bytes = 500 * MIB;
        s->trend.to_bytes = 500 * MIB;
        s->c.kind = FINDING_STEP;
        s->c.app_name = "report.py";
        s->c.framework = NULL;
        s->c.then_ms = s->trend.step_at_ms - MINUTE;
        s->c.after = s->c.now;
        s->c.after_ms = s->trend.step_at_ms + MINUTE;
        s->c.after.rchar_bytes = s->c.then.rchar_bytes + 100 * MIB;
        s->c.now.rchar_bytes = s->c.after.rchar_bytes + 10 * MIB;
}

void generations(struct scene *s)
{
        a_leak(s);
        s->generations = (struct generations_trend){ true,     60.0 * MIB,  0.999, NOON, 40 * MIB,
                                                     70 * MIB, 30 * MINUTE, 8,     9 };
        s->c.generations = &s->generations;
        s->c.app_name = "gunicorn: shop";
        s->c.framework = "gunicorn";
        s->c.process_name = NULL;
        s->c.pid = -1;
        s->c.n_lows = 0;
        s->c.then_ms = -1;
        s->c.then = s->c.now = DETAIL_UNKNOWN;
        s->trend = (struct trend){ .verdict = VERDICT_LEAK,
                                   .bytes_per_hour = 60.0 * MIB,
                                   .confidence = 0.999,
                                   .rate_low = NAN,
                                   .rate_high = NAN,
                                   .since_ms = NOON,
                                   .from_bytes = 40 * MIB,
                                   .to_bytes = 70 * MIB,
                                   .step_at_ms = -1,
                                   .first_ms = NOON,
                                   .last_ms = s->c.now_ms,
                                   .ready_at_ms = -1 };
}

static json_t *parse(struct buffer *b)
{
        _cleanup_(freep) char *text = buffer_take(b, NULL);
        json_error_t why;
        json_t *json;

        assert_non_null(text);
        assert_null(strpbrk(text, "\n\r"));
        json = json_loads(text, 0, &why);
        if (!json)
                fail_msg("%s in %s", why.text, text);
        return json;
}

json_t *evidence_of(const struct scene *s)
{
        struct buffer b = {};

        diagnosis_evidence(&s->c, &b);
        return parse(&b);
}

json_t *list_of(const struct scene *s, bool advice)
{
        struct buffer diagnosis = {}, to_do = {};
        json_t *list;

        diagnosis_answers(&s->c, &diagnosis, &to_do);
        list = parse(advice ? &to_do : &diagnosis);
        buffer_done(advice ? &diagnosis : &to_do);
        return list;
}

const char *get(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

void assert_title(const struct scene *s, const char *expected)
{
        _cleanup_(freep) char *title = NULL;
        struct buffer b = {};

        diagnosis_title(&s->c, &b);
        title = buffer_take(&b, NULL);
        assert_string_equal(title, expected);
}

void assert_answer(const struct scene *s, const char *id, const char *answer, const char *says)
{
        json_t *list = list_of(s, false), *entry;
        size_t i;

        json_array_foreach(list, i, entry) {
                if (strcmp(get(entry, "id"), id) != 0)
                        continue;
                if (strcmp(get(entry, "answer"), answer) != 0 || (says && !strstr(get(entry, "because"), says)))
                        fail_msg("%s: %s: %s", id, get(entry, "answer"), get(entry, "because"));
                json_decref(list);
                return;
        }
        fail_msg("%s is not asked", id);
}

void assert_advice(const struct scene *s, const char *expected)
{
        json_t *list = list_of(s, true), *piece;
        char ids[512] = "";
        size_t i;

        json_array_foreach(list, i, piece) {
                strcat(strcat(ids, i ? " " : ""), get(piece, "id"));
                assert_true(*get(piece, "do") && *get(piece, "why"));
        }
        assert_string_equal(ids, expected);
        json_decref(list);
}

void assert_says(const struct scene *s, const char *id, const char *key, const char *says)
{
        json_t *list = list_of(s, true), *piece;
        size_t i;

        json_array_foreach(list, i, piece)
                if (strcmp(get(piece, "id"), id) == 0) {
                        if (!strstr(get(piece, key), says))
                                fail_msg("%s: %s", id, get(piece, key));
                        json_decref(list);
                        return;
                }
        fail_msg("%s is not advised", id);
}
