/* The questions that a look into the heap answers: what holds on to objects, and what the collector is set to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "detect/diagnosis_private.h"
#include "detect/suspects.h"

const char *diagnosis_where(const struct circumstances *c)
{
        return c->look_of_member ? " (in one of its processes)" : "";
}

int64_t diagnosis_ticks(const struct circumstances *c, int ticks)
{
        return (c->interval_ms > 0 ? c->interval_ms : 5000) * ticks;
}

struct word word_next_look(const struct circumstances *c)
{
        struct word w = {};

        if (c->next_look_ms > 0 && c->next_look_ms >= c->now_ms)
                snprintf(w.text, sizeof w.text, " It will be looked into%s at %.40s.", c->look ? " again" : "",
                         word_time(c->next_look_ms, c->now_ms).text);
        return w;
}

bool diagnosis_looked(const struct circumstances *c, struct answers *a, enum question q, const char *part)
{
        const char *reason;

        if (!c->look) {
                diagnosis_say(a, q, ANSWER_UNKNOWN, "Its Python heap was not looked into%s%s.%s",
                              c->why_no_look ? ": " : "", word_name(c->why_no_look).text, word_next_look(c).text);
                return false;
        }
        reason = look_missing(c->look, "python");
        if (!reason && *part)
                reason = look_missing(c->look, part);
        if (!reason)
                return true;
        diagnosis_say(a, q, ANSWER_UNKNOWN, "It was looked into at %s%s, but not all could be had (%s): %s.%s",
                      word_time(c->look->at_ms, c->now_ms).text, diagnosis_where(c),
                      look_missing(c->look, "python") ? "python" : part, word_name(reason).text,
                      word_next_look(c).text);
        return false;
}

bool look_has_library(const struct look *look, const char *name)
{
        for (size_t i = 0; i < look->n_libraries; i++)
                if (strcmp(look->libraries[i], name) == 0)
                        return true;
        return false;
}

/* A name that was not known at that look counts from when it was; one never seen before, from nothing. */
static bool is_flat(const struct look *look, size_t since, const int64_t past[static LOOK_PAST], int64_t now,
                    int64_t least)
{
        int64_t from = 0;

        for (size_t i = look->n_past; i-- > since;)
                if (past[i] >= 0)
                        from = past[i];
        return now < 0 || now - from < least || now - from <= from / 100 * FLAT_PERCENT;
}

bool look_is_flat(const struct look *look, size_t since)
{
        if (!look->complete || !look->past[since].complete)
                return false;
        for (size_t i = 0; i < look->n_containers; i++)
                if (!is_flat(look, since, look->containers[i].past, look->containers[i].length, FLAT_ENTRIES))
                        return false;
        for (size_t i = 0; i < look->n_types; i++)
                if (!is_flat(look, since, look->types[i].past_objects, look->types[i].objects, FLAT_OBJECTS))
                        return false;
        return true;
}

struct word word_kind_of(const struct suspect *s)
{
        size_t size = strspn(s->type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
        struct word w = { "a container" };

        if (strcmp(s->type, "functools._lru_cache_wrapper") == 0)
                strcpy(w.text, "an lru_cache");
        else if (size && !s->type[size] && size <= NAME_MOST)
                snprintf(w.text, sizeof w.text, "a%s %s", strchr("aeiouAEIOU", *s->type) ? "n" : "", s->type);
        return w;
}

static size_t name_suspect(const struct circumstances *c, const struct suspect *s, char *to, size_t room)
{
        bool container = s->kind == SUSPECT_CONTAINER;
        int n = snprintf(to, room, "%s%s%s%s grew from %.40s to %.40s %s in %.40s", word_quoted(s->name).text,
                         container ? ", " : "", container ? word_kind_of(s).text : "", container ? "," : "",
                         word_count(s->from).text, word_count(s->to).text, container ? "entries" : "objects",
                         word_span(c->look->at_ms - s->from_ms).text);

        return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

/* At most three of them; only those that are sure, or only those that aren't. */
static size_t name_suspects(const struct circumstances *c, const struct answers *a, bool sure, char *to, size_t room)
{
        size_t named = 0, used = 0;

        *to = '\0';
        for (size_t i = 0; i < a->n_suspects && named < 3; i++) {
                size_t before = used;

                if (a->suspects[i].sure != sure)
                        continue;
                if (named)
                        used += (size_t)snprintf(to + used, room - used, "; ");
                used += name_suspect(c, &a->suspects[i], to + used, room - used);
                if (used <= before + 2) {
                        to[before] = '\0';
                        break;
                }
                named++;
        }
        return named;
}

/* Is one of them sure, over a time long enough? A container holds on to what is in it, whatever the collector does;
 * objects alone may be garbage that waits for it. */
static bool holds(const struct circumstances *c, const struct answers *a)
{
        for (size_t i = 0; i < a->n_suspects; i++) {
                const struct suspect *s = &a->suspects[i];

                if (s->sure && (s->kind == SUSPECT_CONTAINER || !(a->gc_off || a->gc_threshold)) &&
                    (s->looks > 2 || c->look->at_ms - s->from_ms >= diagnosis_ticks(c, LOOKS_APART_TICKS)))
                        return true;
        }
        return false;
}

/* Grown by HELD_LEAST since a look long enough ago, and nothing counted grew. */
static bool holds_nothing(const struct circumstances *c, size_t *ret_since, int64_t *ret_grown)
{
        const struct look *look = c->look;
        int64_t now = look_private_bytes(&look->memory);

        for (size_t i = 0; i < look->n_past; i++) {
                int64_t then = look_private_bytes(&look->past[i].memory);

                if (now < 0 || then < 0 || now - then < HELD_LEAST ||
                    look->at_ms - look->past[i].at_ms < diagnosis_ticks(c, FLAT_APART_TICKS) || !look_is_flat(look, i))
                        continue;
                *ret_since = i;
                *ret_grown = now - then;
                return true;
        }
        return false;
}

static void ask_holding_nothing(const struct circumstances *c, struct answers *a)
{
        const struct look *look = c->look;
        int64_t grown = 0;
        size_t since = 0;

        if (!look->n_past)
                diagnosis_say(
                    a, ASK_HOLDING, ANSWER_UNKNOWN,
                    "Its Python heap was looked into once, at %s%s: what grows, only a second look can tell.%s",
                    word_time(look->at_ms, c->now_ms).text, diagnosis_where(c), word_next_look(c).text);
        else if (holds_nothing(c, &since, &grown))
                diagnosis_say(a, ASK_HOLDING, ANSWER_NO,
                              "Between two looks %s apart its memory grew by %s, but no container and no type by more "
                              "than %d %%%s.",
                              word_span(look->at_ms - look->past[since].at_ms).text, word_bytes(grown).text,
                              FLAT_PERCENT, diagnosis_where(c));
        else if (!look->complete)
                diagnosis_say(a, ASK_HOLDING, ANSWER_UNKNOWN,
                              "No container and no type of its own grew steadily over %zu looks, but the newest, at "
                              "%s%s, is not complete%s%s.%s",
                              look->n_past + 1, word_time(look->at_ms, c->now_ms).text, diagnosis_where(c),
                              look->n_missing ? ": " : "",
                              look->n_missing ? word_name(look->missing[0].reason).text : "", word_next_look(c).text);
        else
                diagnosis_say(a, ASK_HOLDING, ANSWER_UNKNOWN,
                              "No container and no type of its own grew steadily over %zu looks in %s%s, but neither "
                              "did its memory grow by 16 MiB while all of them stayed as they were.%s",
                              look->n_past + 1, word_span(look->at_ms - look->past[0].at_ms).text, diagnosis_where(c),
                              word_next_look(c).text);
}

static void ask_holding(const struct circumstances *c, struct answers *a)
{
        char names[SENTENCE_SIZE - 512];

        if (!diagnosis_looked(c, a, ASK_HOLDING, ""))
                return;
        a->n_suspects = looks_suspects(c->look, look_grown_bytes(c->look), a->suspects);
        if (holds(c, a)) {
                name_suspects(c, a, true, names, sizeof names);
                diagnosis_say(a, ASK_HOLDING, ANSWER_YES, "%s%s, and never shrank by more than a tenth.", names,
                              diagnosis_where(c));
        } else if (name_suspects(c, a, true, names, sizeof names)) {
                if (a->gc_off || a->gc_threshold)
                        diagnosis_say(a, ASK_HOLDING, ANSWER_UNKNOWN,
                                      "%s%s; but as garbage is not collected, these may be objects that nothing holds.",
                                      names, diagnosis_where(c));
                else
                        diagnosis_say(a, ASK_HOLDING, ANSWER_UNKNOWN,
                                      "%s%s; two looks so near to each other tell too little.%s", names,
                                      diagnosis_where(c), word_next_look(c).text);
        } else if (name_suspects(c, a, false, names, sizeof names)) {
                diagnosis_say(a, ASK_HOLDING, ANSWER_UNKNOWN, "%s%s: too little to tell.%s", names, diagnosis_where(c),
                              word_next_look(c).text);
        } else if (diagnosis_looked(c, a, ASK_HOLDING, "containers") && diagnosis_looked(c, a, ASK_HOLDING, "types")) {
                ask_holding_nothing(c, a);
        }
}

/* "3.14.2" */
static int minor_of(const char *python)
{
        return text_starts(python, "3.") ? atoi(python + 2) : -1;
}

/* 700 up to CPython 3.12, 2,000 from 3.13 on. */
static int64_t default_threshold(const struct look *look)
{
        int minor = minor_of(look->python);

        return minor > 0 && minor < 13 ? 700 : 2000;
}

static const struct look_past *last_with_gc(const struct look *look)
{
        for (size_t i = look->n_past; i-- > 0;)
                if (look->past[i].gc.counts[0] >= 0)
                        return &look->past[i];
        return NULL;
}

static void ask_gc_off(const struct circumstances *c, struct answers *a)
{
        const struct look_gc *gc = &c->look->gc;
        const struct look_past *before = last_with_gc(c->look);
        const char *what =
            gc->enabled ? "Its first threshold is 0, which switches collection off" : "Collection is switched off";

        a->gc_off =
            gc->counts[0] > GC_TIMES * default_threshold(c->look) && before && gc->counts[0] > before->gc.counts[0];
        if (a->gc_off)
                diagnosis_say(
                    a, ASK_GC, ANSWER_YES,
                    "%s%s, and %s tracked objects more than at the last collection are there, after %s at %s.", what,
                    diagnosis_where(c), word_count(gc->counts[0]).text, word_count(before->gc.counts[0]).text,
                    word_time(before->at_ms, c->now_ms).text);
        else if (!before)
                diagnosis_say(a, ASK_GC, ANSWER_UNKNOWN,
                              "%s%s; whether garbage piles up, only a second look can tell.%s", what,
                              diagnosis_where(c), word_next_look(c).text);
        else
                diagnosis_say(a, ASK_GC, ANSWER_UNKNOWN,
                              "%s%s, but the objects since the last collection were %s at %s and are %s now: it may "
                              "well be collected by hand.",
                              what, diagnosis_where(c), word_count(before->gc.counts[0]).text,
                              word_time(before->at_ms, c->now_ms).text, word_count(gc->counts[0]).text);
}

/* Frozen again and again: one rise is gc.freeze() as it is meant. */
static bool keeps_freezing(const struct look *look, int64_t *ret_from)
{
        int64_t before = -1;
        int rises = 0;

        for (size_t i = 0; i <= look->n_past; i++) {
                int64_t frozen = i < look->n_past ? look->past[i].gc.frozen : look->gc.frozen;

                if (frozen < 0)
                        continue;
                if (before < 0)
                        *ret_from = frozen;
                else if (frozen > before)
                        rises++;
                else if (frozen < before)
                        return false;
                before = frozen;
        }
        return rises >= 2 && look->gc.frozen >= 0;
}

/* Garbage that stands for long shows as objects that come and go by the half. */
static bool swings(const struct look *look, int64_t *ret_least, int64_t *ret_most)
{
        *ret_least = *ret_most = look->tracked_objects;
        for (size_t i = 0; i < look->n_past; i++) {
                int64_t tracked = look->past[i].tracked_objects;

                if (tracked < 0)
                        continue;
                *ret_least = tracked < *ret_least ? tracked : *ret_least;
                *ret_most = tracked > *ret_most ? tracked : *ret_most;
        }
        return *ret_least >= 0 && *ret_most - *ret_least >= *ret_most / GC_SWING_SHARE;
}

static void ask_gc_threshold(const struct circumstances *c, struct answers *a)
{
        const struct look_gc *gc = &c->look->gc;
        int64_t least, most;

        a->gc_threshold = swings(c->look, &least, &most);
        if (a->gc_threshold)
                diagnosis_say(a, ASK_GC, ANSWER_YES,
                              "Its first threshold is %s, where %s is the default, and the tracked objects went "
                              "between %s and %s%s.",
                              word_count(gc->thresholds[0]).text, word_count(default_threshold(c->look)).text,
                              word_count(least).text, word_count(most).text, diagnosis_where(c));
        else
                diagnosis_say(a, ASK_GC, ANSWER_UNKNOWN,
                              "Its first threshold is %s, where %s is the default, but over %zu looks the tracked "
                              "objects did not swing by half%s.",
                              word_count(gc->thresholds[0]).text, word_count(default_threshold(c->look)).text,
                              c->look->n_past + 1, diagnosis_where(c));
}

void diagnosis_ask_gc(const struct circumstances *c, struct answers *a)
{
        const struct look_gc *gc;
        int64_t frozen = 0;

        a->gc_off = a->gc_threshold = a->gc_garbage = false;
        if (!diagnosis_looked(c, a, ASK_GC, "gc"))
                return;
        gc = &c->look->gc;
        a->gc_garbage = gc->uncollectable > 0;
        if (gc->enabled < 0 || gc->thresholds[0] < 0 || gc->counts[0] < 0) {
                diagnosis_say(a, ASK_GC, ANSWER_UNKNOWN, "The state of its collector was not found at %s%s.",
                              word_time(c->look->at_ms, c->now_ms).text, diagnosis_where(c));
                return;
        }
        if (!gc->enabled || !gc->thresholds[0])
                ask_gc_off(c, a);
        else if (gc->thresholds[0] >= GC_TIMES * default_threshold(c->look))
                ask_gc_threshold(c, a);
        else if (keeps_freezing(c->look, &frozen))
                diagnosis_say(a, ASK_GC, ANSWER_YES,
                              "Objects are frozen again and again, %s in the first look and %s now%s: cycles among "
                              "them are never freed.",
                              word_count(frozen).text, word_count(gc->frozen).text, diagnosis_where(c));
        else if (gc->uncollectable < 0)
                diagnosis_say(a, ASK_GC, ANSWER_UNKNOWN, "Collection is on, but gc.garbage was not found%s.",
                              diagnosis_where(c));
        else if (gc->thresholds[1] >= GC_TIMES * 10 || gc->thresholds[2] >= GC_TIMES * 10)
                diagnosis_say(
                    a, ASK_GC, ANSWER_UNKNOWN,
                    "Collection is on, but its thresholds are %s, %s, %s: older objects are seldom looked through%s.",
                    word_count(gc->thresholds[0]).text, word_count(gc->thresholds[1]).text,
                    word_count(gc->thresholds[2]).text, diagnosis_where(c));
        else
                diagnosis_say(a, ASK_GC, ANSWER_NO,
                              "Collection is on, its thresholds are %s, %s, %s, and gc.garbage is empty%s.",
                              word_count(gc->thresholds[0]).text, word_count(gc->thresholds[1]).text,
                              word_count(gc->thresholds[2]).text, diagnosis_where(c));
        if (a->gc_garbage && a->is[ASK_GC] != ANSWER_YES)
                diagnosis_say(a, ASK_GC, ANSWER_YES,
                              "gc.garbage holds %s objects that the collector found and does not free%s.",
                              word_count(gc->uncollectable).text, diagnosis_where(c));
}

void diagnosis_ask_look(const struct circumstances *c, struct answers *a)
{
        a->n_suspects = 0;
        diagnosis_ask_gc(c, a);
        ask_holding(c, a);
        diagnosis_ask_dataframes(c, a);
        diagnosis_ask_native(c, a);
        diagnosis_ask_fragmentation(c, a);
}
