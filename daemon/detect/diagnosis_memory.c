/* The questions about what a look says of the kinds of memory: frames and arrays, native code, what is free. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "detect/diagnosis_private.h"
#include "detect/stdlib_name.h"
#include "detect/suspects.h"

static const char *const frame_libraries[] = { "pandas", "polars", "pyarrow", "numpy", "torch" };

/* Those that are mapped: "pandas, numpy". "": none. */
static void name_libraries(const struct look *look, char ret[static 64])
{
        size_t used = 0;

        *ret = '\0';
        for (size_t i = 0; i < sizeof frame_libraries / sizeof *frame_libraries; i++)
                if (look_has_library(look, frame_libraries[i]))
                        used += (size_t)snprintf(ret + used, 64 - used, "%s%s", used ? ", " : "", frame_libraries[i]);
}

/* The frames or arrays that grew most; NULL: none by a fifth and by 16. */
static const struct look_type *grown_frames(const struct look *look, struct series *ret)
{
        const struct look_type *found = NULL;
        int64_t most = 0;

        for (size_t i = 0; i < look->n_types; i++) {
                const struct look_type *t = &look->types[i];
                struct series s;
                int64_t grew;

                if (!type_is_frames(t->name))
                        continue;
                series_read(look, "types", t->past_objects, t->objects, &s);
                if (!series_keeps_growing(&s))
                        continue;
                grew = s.value[s.n - 1] - s.value[0];
                if (grew < FRAMES_LEAST || grew < s.value[0] / 100 * FRAMES_PERCENT || grew <= most)
                        continue;
                most = grew;
                found = t;
                *ret = s;
        }
        return found;
}

/* What malloc and others had grown by since the first look that knew it; -1: not known. */
static int64_t grown_native(const struct look *look)
{
        for (size_t i = 0; i < look->n_past && look->memory.native_bytes >= 0; i++)
                if (look->past[i].memory.native_bytes >= 0)
                        return look->memory.native_bytes - look->past[i].memory.native_bytes;
        return -1;
}

/* Bytes in single areas of 8 MiB and more that came with the step: those that were not there before, where that is
 * known. */
static int64_t large_of_step(const struct circumstances *c)
{
        const struct look *look = c->look;
        int64_t before = 0;

        for (size_t i = 0; i < look->n_past; i++)
                if (look->past[i].at_ms < c->trend->step_at_ms && look->past[i].memory.large_bytes >= 0)
                        before = look->past[i].memory.large_bytes;
        return look->memory.large_bytes - before;
}

/* Since a look long enough ago nothing that a look counts grew, nor the memory outside the pools. */
static bool stayed_outside(const struct circumstances *c)
{
        const struct look *look = c->look;

        for (size_t i = look->n_past; i-- > 0;) {
                int64_t then = look->past[i].memory.native_bytes, now = look->memory.native_bytes;
                int64_t grown = look_private_bytes(&look->memory) - look_private_bytes(&look->past[i].memory);
                bool frames = false;

                if (!look->complete || !look->past[i].complete || then < 0 || now < 0 || grown < HELD_LEAST ||
                    look->at_ms - look->past[i].at_ms < diagnosis_ticks(c, FLAT_APART_TICKS) || now - then > grown / 10)
                        continue;
                for (size_t k = 0; k < look->n_types; k++)
                        frames |= type_is_frames(look->types[k].name) &&
                                  look->types[k].objects - look->types[k].past_objects[i] >= FRAMES_LEAST;
                if (!frames)
                        return true;
        }
        return false;
}

static const struct suspect *suspect_with_frames(const struct answers *a)
{
        for (size_t i = 0; i < a->n_suspects; i++)
                if (a->suspects[i].kind == SUSPECT_CONTAINER && a->suspects[i].frames && a->suspects[i].sure)
                        return &a->suspects[i];
        return NULL;
}

/* Frames grew, and so did what their bodies lie in: by a quarter of all growth. */
static bool frames_hold(const struct look *look, const struct look_type *type)
{
        int64_t native = grown_native(look), grown = look_grown_bytes(look);

        return type && native > 0 && grown > 0 && native >= grown / 4;
}

static void ask_mapped_dataframes(const struct circumstances *c, struct answers *a, const char *libraries)
{
        const struct suspect *holder = suspect_with_frames(a);
        const struct look_type *type;
        struct series grew;

        type = grown_frames(c->look, &grew);
        if (frames_hold(c->look, type))
                diagnosis_say(a, ASK_DATAFRAMES, ANSWER_YES,
                              "%s is mapped; %s went from %s to %s objects in %s%s%s, while memory outside Python's "
                              "pools, where their contents lie, grew by %s%s.",
                              libraries, word_quoted(type->name).text, word_count(grew.value[0]).text,
                              word_count(grew.value[grew.n - 1]).text, word_span(c->look->at_ms - grew.at_ms[0]).text,
                              holder ? ", as many as came into " : "", holder ? word_quoted(holder->name).text : "",
                              word_bytes(grown_native(c->look)).text, diagnosis_where(c));
        else if (diagnosis_has_step(c) && c->look->memory.large_bytes >= 0 &&
                 large_of_step(c) >= (c->trend->step_to_bytes - c->trend->step_from_bytes) / LARGE_STEP_SHARE)
                diagnosis_say(a, ASK_DATAFRAMES, ANSWER_YES,
                              "%s is mapped, and %s of the %s lie in single areas of 8 MiB and more that are not "
                              "Python's pools, as columns and arrays do%s.",
                              libraries, word_bytes(large_of_step(c)).text,
                              word_bytes(c->trend->step_to_bytes - c->trend->step_from_bytes).text, diagnosis_where(c));
        else if (stayed_outside(c))
                diagnosis_say(a, ASK_DATAFRAMES, ANSWER_NO,
                              "%s is mapped, but while it grew, neither the frames and arrays did nor the memory "
                              "outside Python's pools, where their contents lie%s.",
                              libraries, diagnosis_where(c));
        else if (!c->look->n_past)
                diagnosis_say(a, ASK_DATAFRAMES, ANSWER_UNKNOWN,
                              "%s is mapped; whether frames or arrays grow, only a second look can tell%s.%s",
                              libraries, diagnosis_where(c), word_next_look(c).text);
        else
                diagnosis_say(a, ASK_DATAFRAMES, ANSWER_UNKNOWN,
                              "%s is mapped, but over %zu looks frames and arrays neither grew in number together with "
                              "the memory outside Python's pools nor stayed while that did%s.%s",
                              libraries, c->look->n_past + 1, diagnosis_where(c), word_next_look(c).text);
}

void diagnosis_ask_dataframes(const struct circumstances *c, struct answers *a)
{
        char libraries[64];

        if (!c->look || (!c->look->n_libraries && look_missing(c->look, "python"))) {
                diagnosis_looked(c, a, ASK_DATAFRAMES, "");
                return;
        }
        name_libraries(c->look, libraries);
        if (!c->look->n_libraries)
                diagnosis_say(a, ASK_DATAFRAMES, ANSWER_UNKNOWN, "Which libraries it maps was not found at %s%s.",
                              word_time(c->look->at_ms, c->now_ms).text, diagnosis_where(c));
        else if (!*libraries)
                diagnosis_say(a, ASK_DATAFRAMES, ANSWER_NO,
                              "Of pandas, polars, pyarrow, numpy and torch, none is mapped%s.", diagnosis_where(c));
        else if (diagnosis_looked(c, a, ASK_DATAFRAMES, "types"))
                ask_mapped_dataframes(c, a, libraries);
}

/* What malloc serves, as far as it can be told from other mappings. large: single large areas as well. -1: not
 * known. */
static int64_t malloced(const struct look_memory *m, bool large)
{
        if (m->heap_bytes < 0 || m->arena_bytes < 0 || (large && m->large_bytes < 0))
                return -1;
        return m->heap_bytes + m->arena_bytes + (large ? m->large_bytes : 0);
}

/* Since a look long enough ago it grew by NATIVE_LEAST, malloc served 70 % of that, and nothing counted grew. */
static bool native_grew(const struct circumstances *c, const struct answers *a, size_t *ret_since, int64_t *ret_grown,
                        int64_t *ret_malloced)
{
        bool large = a->is[ASK_DATAFRAMES] == ANSWER_NO;
        const struct look *look = c->look;

        for (size_t i = 0; i < look->n_past; i++) {
                int64_t now = look_private_bytes(&look->memory), then = look_private_bytes(&look->past[i].memory);
                int64_t served = malloced(&look->memory, large), served_then = malloced(&look->past[i].memory, large);

                if (now < 0 || then < 0 || served < 0 || served_then < 0 || now - then < NATIVE_LEAST ||
                    (double)(served - served_then) * 100 < (double)(now - then) * NATIVE_PERCENT ||
                    look->at_ms - look->past[i].at_ms < diagnosis_ticks(c, LOOKS_APART_TICKS) || !look_is_flat(look, i))
                        continue;
                *ret_since = i;
                *ret_grown = now - then;
                *ret_malloced = served - served_then;
                return true;
        }
        return false;
}

/* What is held explains it: half of it by its size, or frames, or an application's container that grew whenever memory
 * did. */
static bool is_explained(const struct circumstances *c, const struct answers *a)
{
        int64_t grown = look_grown_bytes(c->look), explained = 0;

        for (size_t i = 0; i < a->n_suspects; i++) {
                const struct suspect *s = &a->suspects[i];

                if (!s->sure)
                        continue;
                if (s->kind == SUSPECT_CONTAINER && (s->frames || (s->with_memory >= 0.8 && !stdlib_owns(s->name))))
                        return true;
                if (s->explains_bytes > explained)
                        explained = s->explains_bytes;
        }
        return grown > 0 && explained >= grown / 2;
}

/* 70 % of the growth lies in Python's pools, most of it in objects. */
static bool pools_grew(const struct look *look, int64_t *ret_grown, int64_t *ret_pools)
{
        for (size_t i = 0; i < look->n_past; i++) {
                const struct look_memory *then = &look->past[i].memory, *now = &look->memory;
                int64_t objects, pools;

                if (look_private_bytes(then) < 0 || look_private_bytes(now) < 0)
                        continue;
                objects = now->python_bytes - then->python_bytes;
                pools = objects + now->python_free_bytes - then->python_free_bytes;
                *ret_grown = look_private_bytes(now) - look_private_bytes(then);
                *ret_pools = pools;
                return *ret_grown >= HELD_LEAST && (double)pools * 100 >= (double)*ret_grown * NATIVE_PERCENT &&
                       objects >= pools / 2;
        }
        return false;
}

static void say_native_unknown(const struct circumstances *c, struct answers *a)
{
        int64_t native = grown_native(c->look), grown = look_grown_bytes(c->look);

        if (!c->look->n_past)
                diagnosis_say(a, ASK_NATIVE, ANSWER_UNKNOWN,
                              "Which kind of memory grows, only a second look can tell%s.%s", diagnosis_where(c),
                              word_next_look(c).text);
        else if (grown < 0 || native < 0)
                diagnosis_say(a, ASK_NATIVE, ANSWER_UNKNOWN, "Over %zu looks its memory was not seen to grow%s.%s",
                              c->look->n_past + 1, diagnosis_where(c), word_next_look(c).text);
        else
                diagnosis_say(a, ASK_NATIVE, ANSWER_UNKNOWN,
                              "Of the %s that it grew by over %zu looks, %s lie outside Python's pools, where native "
                              "code and large Python objects alike have theirs%s.%s",
                              word_bytes(grown).text, c->look->n_past + 1, word_percent(native, grown).text,
                              diagnosis_where(c), word_next_look(c).text);
}

void diagnosis_ask_native(const struct circumstances *c, struct answers *a)
{
        int64_t grown, part;
        size_t since;

        if (!diagnosis_looked(c, a, ASK_NATIVE, "memory") || !diagnosis_looked(c, a, ASK_NATIVE, "types") ||
            !diagnosis_looked(c, a, ASK_NATIVE, "containers"))
                return;
        if (a->is[ASK_HOLDING] == ANSWER_YES && is_explained(c, a))
                diagnosis_say(a, ASK_NATIVE, ANSWER_NO,
                              "What Python's own objects hold on to explains the growth%s: see holding.",
                              diagnosis_where(c));
        else if (pools_grew(c->look, &grown, &part))
                diagnosis_say(a, ASK_NATIVE, ANSWER_NO, "Of the %s that it grew by, %s lie in Python's own pools%s.",
                              word_bytes(grown).text, word_percent(part, grown).text, diagnosis_where(c));
        else if (native_grew(c, a, &since, &grown, &part))
                diagnosis_say(a, ASK_NATIVE, ANSWER_YES,
                              "Of the %s that it grew by in %s, %s were served by malloc, outside Python's pools, "
                              "while no container and no type grew by more than %d %%%s.",
                              word_bytes(grown).text, word_span(c->look->at_ms - c->look->past[since].at_ms).text,
                              word_percent(part, grown).text, FLAT_PERCENT, diagnosis_where(c));
        else
                say_native_unknown(c, a);
}

static bool has_free_pools(const struct look_memory *m)
{
        return look_private_bytes(m) >= 0 && m->python_free_bytes >= FREE_LEAST &&
               m->python_free_bytes >= (m->python_bytes + m->python_free_bytes) / FREE_SHARE;
}

/* For an hour: after a step most of which is still there, or at a look that long ago as well. */
static bool pools_stay_free(const struct circumstances *c)
{
        const struct trend *t = c->trend;
        int64_t hour_ms = diagnosis_ticks(c, HOUR_TICKS), step = t->step_to_bytes - t->step_from_bytes;

        if (!has_free_pools(&c->look->memory))
                return false;
        if (diagnosis_has_step(c) && c->look->at_ms - t->step_at_ms >= hour_ms && t->to_bytes >= 0 &&
            t->to_bytes - t->step_from_bytes >= step / 100 * KEPT_PERCENT)
                return true;
        for (size_t i = 0; i < c->look->n_past; i++)
                if (c->look->at_ms - c->look->past[i].at_ms >= hour_ms && has_free_pools(&c->look->past[i].memory))
                        return true;
        return false;
}

static bool arenas_stay(const struct circumstances *c)
{
        const struct look *look = c->look;
        const struct look_memory *m = &look->memory;

        if (m->arenas < ARENAS_LEAST || m->arena_bytes < FREE_LEAST ||
            m->arena_bytes < look_private_bytes(m) / ARENAS_SHARE)
                return false;
        for (size_t i = 0; i < look->n_past; i++)
                if (look->at_ms - look->past[i].at_ms >= diagnosis_ticks(c, FLAT_APART_TICKS) && look_is_flat(look, i))
                        return true;
        return false;
}

/* The most that can be free: pools' free blocks, and whatever lies where malloc keeps what was given back to it. -1:
 * not known. */
static int64_t free_at_most(const struct look *look)
{
        const struct look_memory *m = &look->memory;

        if (look_private_bytes(m) < 0)
                return -1;
        if (look_has_library(look, "glibc") && malloced(m, false) >= 0)
                return m->python_free_bytes + malloced(m, false);
        return m->python_free_bytes + m->native_bytes;
}

void diagnosis_ask_fragmentation(const struct circumstances *c, struct answers *a)
{
        bool still = c->trend->verdict == VERDICT_STABLE || c->trend->verdict == VERDICT_STEP ||
                     c->trend->verdict == VERDICT_WARMING_UP;
        const struct look_memory *m;
        int64_t bytes;

        a->free_in_pools = a->free_in_arenas = false;
        if (!diagnosis_looked(c, a, ASK_FRAGMENTATION, "memory"))
                return;
        m = &c->look->memory;
        bytes = look_private_bytes(m);
        if (bytes < 0) {
                diagnosis_say(a, ASK_FRAGMENTATION, ANSWER_UNKNOWN,
                              "How much of its memory are Python's pools was not found at %s%s.",
                              word_time(c->look->at_ms, c->now_ms).text, diagnosis_where(c));
                return;
        }
        a->free_in_pools = still && pools_stay_free(c);
        a->free_in_arenas = still && !a->free_in_pools && arenas_stay(c);
        if (a->free_in_pools)
                diagnosis_say(
                    a, ASK_FRAGMENTATION, ANSWER_YES,
                    "Of %s in Python's pools, %s are free and stay so: a few objects in each arena keep it%s.",
                    word_bytes(m->python_bytes + m->python_free_bytes).text, word_bytes(m->python_free_bytes).text,
                    diagnosis_where(c));
        else if (a->free_in_arenas)
                diagnosis_say(a, ASK_FRAGMENTATION, ANSWER_YES,
                              "malloc's %s arenas, one set a thread, hold %s of %s of private memory, while the "
                              "objects counted stay as they are%s.",
                              word_count(m->arenas).text, word_bytes(m->arena_bytes).text, word_bytes(bytes).text,
                              diagnosis_where(c));
        else if (free_at_most(c->look) >= 0 && free_at_most(c->look) < bytes / NOT_FREE_SHARE)
                diagnosis_say(
                    a, ASK_FRAGMENTATION, ANSWER_NO,
                    "Of %s of private memory, at most %s can be free: %s in Python's pools, and what malloc keeps%s.",
                    word_bytes(bytes).text, word_bytes(free_at_most(c->look)).text,
                    word_bytes(m->python_free_bytes).text, diagnosis_where(c));
        else
                diagnosis_say(a, ASK_FRAGMENTATION, ANSWER_UNKNOWN,
                              "Of %s of private memory, %s are free in Python's pools; %s%s.%s", word_bytes(bytes).text,
                              word_bytes(m->python_free_bytes).text,
                              still
                                  ? "whether that stays so, and how much of malloc's is free, is not known"
                                  : "as it grows, that may yet be used, and how much of malloc's is free is not known",
                              diagnosis_where(c), word_next_look(c).text);
}
