/* What may be behind a leak, by what grew from look to look. */
#include "detect/suspects.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "detect/stdlib_name.h"

/* The numbers of question "holding". */
enum {
        SURE_LEAST = 1000, /* so many more, and SURE_PERCENT, */
        SURE_PERCENT = 20,
        SURE_SHARE = 4, /* or a quarter of the growth explained, */
        SURE_GROWN_LEAST = 1 << 20, /* of one that is worth dividing */
        NAMED_LEAST = 200, /* by so many more, and NAMED_PERCENT, it is named */
        NAMED_PERCENT = 5,
        FEW_LEAST = 16, /* of frames, or of what explains much, a few are enough; shorter containers are not listed */
        FELL_SHARE = 10, /* less by more than a tenth: it fell */
        LAG_SHARE = 5, /* its second half has less than a fifth of what the process's has: it lags behind */
        PACE_SHARE = 10, /* two that differ by less than a tenth grow at one pace */
        LEADS_SHARE = 10, /* a container with a tenth of the growth of any type may well hold them */
};

struct candidate {
        struct suspect s;
        struct series series;
        int64_t grew;
        double pace; /* by a millisecond */
        int64_t weight; /* what the order goes by */
        int rank;
        bool own; /* an application's, not the standard library's */
        bool builtin; /* a type without a dot: no suspect, but it may be what a container is full of */
};

static bool is_part_missing(const struct look *look, const char *part)
{
        return look_missing(look, part) || look_missing(look, "python");
}

int64_t look_private_bytes(const struct look_memory *m)
{
        if (m->python_bytes < 0 || m->python_free_bytes < 0 || m->native_bytes < 0)
                return -1;
        return m->python_bytes + m->python_free_bytes + m->native_bytes;
}

int64_t look_grown_bytes(const struct look *look)
{
        int64_t now = look_private_bytes(&look->memory);

        for (size_t i = 0; i < look->n_past && now >= 0; i++) {
                int64_t then = look_private_bytes(&look->past[i].memory);

                if (then >= 0)
                        return now > then ? now - then : -1;
        }
        return -1;
}

void series_read(const struct look *look, const char *part, const int64_t past[static LOOK_PAST], int64_t now,
                 struct series *ret)
{
        size_t gaps = 0;

        ret->n = ret->gaps = 0;
        if (now < 0 && !is_part_missing(look, part))
                return;
        for (size_t i = 0; i < look->n_past; i++)
                if (past[i] >= 0) {
                        ret->value[ret->n] = past[i];
                        ret->at_ms[ret->n] = look->past[i].at_ms;
                        ret->private_bytes[ret->n++] = look_private_bytes(&look->past[i].memory);
                        ret->gaps += gaps;
                        gaps = 0;
                } else {
                        gaps += ret->n && look->past[i].complete;
                }
        if (now >= 0) {
                ret->value[ret->n] = now;
                ret->at_ms[ret->n] = look->at_ms;
                ret->private_bytes[ret->n++] = look_private_bytes(&look->memory);
                ret->gaps += gaps;
        }
}

/* What part of all growth came after the value at `middle`; 0.5 where that is not known. */
static double late_share(const int64_t *value, size_t n, size_t middle)
{
        double all = (double)(value[n - 1] - value[0]), late = (double)(value[n - 1] - value[middle]);

        if (value[0] < 0 || value[middle] < 0 || value[n - 1] < 0 || all <= 0)
                return 0.5;
        return late < 0 ? 0 : late > all ? 1 : late / all;
}

bool series_keeps_growing(const struct series *s)
{
        int64_t highest = 0, half_ms;
        size_t middle = 0;

        if (s->n < 2 || s->value[s->n - 1] <= s->value[0] || s->gaps > (s->n > 2))
                return false;
        half_ms = s->at_ms[0] + (s->at_ms[s->n - 1] - s->at_ms[0]) / 2;
        for (size_t i = 0; i < s->n; i++) {
                if (i && s->at_ms[i] <= s->at_ms[i - 1])
                        return false;
                if (s->value[i] < highest - highest / FELL_SHARE)
                        return false;
                if (s->value[i] > highest)
                        highest = s->value[i];
                if (s->at_ms[i] <= half_ms)
                        middle = i;
        }
        return late_share(s->value, s->n, middle) * LAG_SHARE >= late_share(s->private_bytes, s->n, middle);
}

double series_with_memory(const struct series *s)
{
        int in_step = 0, pairs = 0, known = 0;

        for (size_t i = 0; i < s->n; i++) {
                if (s->private_bytes[i] < 0)
                        continue;
                known++;
                for (size_t k = 0; k < i; k++) {
                        int64_t other = s->private_bytes[i] - s->private_bytes[k];
                        int own = s->value[i] > s->value[k] ? 1 : s->value[i] < s->value[k] ? -1 : 0;

                        if (s->private_bytes[k] < 0)
                                continue;
                        pairs++;
                        in_step += other > 0 ? own : other < 0 ? -own : 0;
                }
        }
        return known >= 3 ? (double)in_step / pairs : NAN;
}

bool type_is_frames(const char *name)
{
        static const char *const packages[] = { "pandas.", "polars.", "pyarrow.", "numpy.", "torch.", "xarray." };
        static const char *const ends[] = { ".DataFrame",   ".Series",  ".BlockManager", ".LazyFrame", ".Table",
                                            ".RecordBatch", ".ndarray", ".Tensor",       ".Dataset",   ".DataArray" };

        for (size_t i = 0; i < sizeof packages / sizeof *packages; i++)
                for (size_t k = 0; text_starts(name, packages[i]) && k < sizeof ends / sizeof *ends; k++)
                        if (text_ends(name, ends[k]))
                                return true;
        return false;
}

bool library_is_agent(const char *name)
{
        static const char *const agents[] = { "ddtrace",   "newrelic",  "sentry_sdk",  "opentelemetry", "elasticapm",
                                              "scout_apm", "datadog",   "appdynamics", "instana",       "pyinstrument",
                                              "austin",    "dynatrace", "skywalking",  "oneagent" };

        for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
                if (strcmp(name, agents[i]) == 0)
                        return true;
        return false;
}

/* What holds weakly grows innocently; the others belong to questions of their own. */
static bool is_innocent(const char *name, const char *type)
{
        static const char *const innocent[] = { "gc.garbage", "sys.modules", "threading._active", "asyncio.tasks._",
                                                "_asyncio." };

        for (size_t i = 0; i < sizeof innocent / sizeof *innocent; i++)
                if (text_starts(name, innocent[i]))
                        return true;
        return text_starts(type, "weakref.") || text_starts(type, "_weakrefset.");
}

static bool is_innocent_container(const struct look_container *c)
{
        if (is_innocent(c->name, c->type))
                return true;
        for (size_t i = 0; i < c->n_aliases; i++)
                if (is_innocent(c->aliases[i], c->type))
                        return true;
        return false;
}

static bool is_own_container(const struct look_container *c)
{
        if (!stdlib_owns(c->name + (*c->name == '<')))
                return true;
        for (size_t i = 0; i < c->n_aliases; i++)
                if (!stdlib_owns(c->aliases[i]))
                        return true;
        return false;
}

/* The least an entry takes in the container's own table. Dicts: hash, key and value, without the hash where all keys
 * are str from 3.11 on; sets: key and hash; lists and deques: a pointer. What the entry itself is takes more. */
static int64_t entry_bytes(const struct look *look, const char *type)
{
        static const char *const dicts[] = { "dict", "collections.OrderedDict", "collections.defaultdict",
                                             "collections.Counter", "functools._lru_cache_wrapper" };

        for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++)
                if (strcmp(type, dicts[i]) == 0)
                        return text_starts(look->python, "3.") && atoi(look->python + 2) < 11 ? 24 : 16;
        return strcmp(type, "set") == 0 ? 16 : 8;
}

static int64_t times(int64_t a, int64_t b)
{
        int64_t product;

        return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t plus(int64_t a, int64_t b)
{
        int64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* What all kinds have. False: it does not keep growing. */
static bool read_growth(const struct look *look, const int64_t past[static LOOK_PAST], int64_t now,
                        struct candidate *ret)
{
        const struct series *v = &ret->series;
        double per_hour;

        if (!series_keeps_growing(v))
                return false;
        ret->grew = v->value[v->n - 1] - v->value[0];
        ret->pace = (double)ret->grew / (double)(v->at_ms[v->n - 1] - v->at_ms[0]);
        per_hour = look_rate(look, past, now);
        ret->s.from = v->value[0];
        ret->s.to = v->value[v->n - 1];
        ret->s.from_ms = v->at_ms[0];
        ret->s.looks = (int64_t)v->n;
        ret->s.with_memory = series_with_memory(v);
        ret->s.per_hour = isfinite(per_hour) ? per_hour : ret->pace * 3600e3;
        return true;
}

static size_t read_containers(const struct look *look, struct candidate *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < look->n_containers; i++) {
                const struct look_container *c = &look->containers[i];
                struct candidate *to = &ret[n];

                if (is_innocent_container(c))
                        continue;
                *to = (struct candidate){ .own = is_own_container(c) };
                to->s = (struct suspect){
                        .kind = SUSPECT_CONTAINER, .name = c->name, .type = c->type, .from_bytes = -1, .to_bytes = -1,
                        .unnamed = look_is_unnamed(c->name)
                };
                series_read(look, "containers", c->past, c->length, &to->series);
                if (!read_growth(look, c->past, c->length, to))
                        continue;
                to->s.explains_bytes = times(to->grew, entry_bytes(look, c->type));
                n++;
        }
        return n;
}

static size_t read_types(const struct look *look, struct candidate *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < look->n_types; i++) {
                const struct look_type *t = &look->types[i];
                struct candidate *to = &ret[n];
                struct series bytes;

                *to = (struct candidate){
                        .s = { .kind = SUSPECT_TYPE, .name = t->name, .frames = type_is_frames(t->name) },
                        .own = !stdlib_owns(t->name),
                        .builtin = !look_is_own(t)
                };
                series_read(look, "types", t->past_objects, t->objects, &to->series);
                series_read(look, "types", t->past_bytes, t->objects < 0 ? -1 : t->bytes, &bytes);
                if (!read_growth(look, t->past_objects, t->objects, to))
                        continue;
                to->s.from_bytes = bytes.n ? bytes.value[0] : -1;
                to->s.to_bytes = bytes.n ? bytes.value[bytes.n - 1] : -1;
                to->s.explains_bytes = to->s.to_bytes > to->s.from_bytes ? to->s.to_bytes - to->s.from_bytes : 0;
                n++;
        }
        return n;
}

static bool at_one_pace(const struct candidate *a, const struct candidate *b)
{
        double more = a->pace > b->pace ? a->pace : b->pace;

        return fabs(a->pace - b->pace) * PACE_SHARE <= more;
}

/* A container that gets an entry for each object of a type is what they are in, as far as can be told: several of them
 * share it. */
static void fill_containers(struct candidate *containers, size_t n, const struct candidate *type)
{
        int64_t in = 0;

        for (size_t i = 0; i < n; i++)
                in += containers[i].own && at_one_pace(&containers[i], type);
        for (size_t i = 0; i < n && in; i++)
                if (containers[i].own && at_one_pace(&containers[i], type)) {
                        containers[i].s.explains_bytes =
                            plus(containers[i].s.explains_bytes, type->s.explains_bytes / in);
                        containers[i].s.frames |= type->s.frames;
                }
}

static bool grew_by(const struct candidate *c, int64_t least, int64_t percent)
{
        return c->grew >= least && c->grew >= c->s.from / 100 * percent;
}

/* Frames and arrays grow outside the pools: by how much; 0: not, or not known. */
static int64_t grown_outside(const struct look *look)
{
        for (size_t i = 0; i < look->n_past; i++)
                if (look->past[i].memory.native_bytes >= 0)
                        return look->memory.native_bytes > look->past[i].memory.native_bytes
                                   ? look->memory.native_bytes - look->past[i].memory.native_bytes
                                   : 0;
        return 0;
}

static void judge(const struct look *look, struct candidate *c, int64_t grown_bytes, int64_t most_objects)
{
        bool container = c->s.kind == SUSPECT_CONTAINER;
        bool explains = grown_bytes >= SURE_GROWN_LEAST && c->s.explains_bytes >= grown_bytes / SURE_SHARE;

        c->s.frames = c->s.frames && grew_by(c, FEW_LEAST, SURE_PERCENT);
        c->s.sure = grew_by(c, SURE_LEAST, SURE_PERCENT) || (explains && c->grew >= FEW_LEAST) ||
                    (c->s.frames && container);
        if (grown_bytes >= 0 && c->s.explains_bytes > grown_bytes)
                c->s.explains_bytes = grown_bytes;
        c->weight = c->s.explains_bytes;
        if (c->s.frames && container)
                c->weight = plus(c->weight, grown_outside(look));
        if (c->s.frames)
                c->s.explains_bytes = -1; /* their bodies were not counted */
        if (!c->own)
                c->rank = 3;
        else if (!c->s.sure)
                c->rank = 2;
        else
                c->rank = container && !c->s.unnamed && (c->s.frames || c->grew >= most_objects / LEADS_SHARE) ? 0 : 1;
}

static bool is_named(const struct candidate *c)
{
        if (c->builtin || (!c->own && (c->s.kind == SUSPECT_TYPE || !c->s.sure)))
                return false;
        return c->s.sure || c->s.frames || grew_by(c, NAMED_LEAST, NAMED_PERCENT);
}

static int compare(const void *a, const void *b)
{
        const struct candidate *x = a, *y = b;

        if (x->rank != y->rank)
                return x->rank < y->rank ? -1 : 1;
        if (x->weight != y->weight)
                return x->weight > y->weight ? -1 : 1;
        if (x->grew != y->grew)
                return x->grew > y->grew ? -1 : 1;
        return strcmp(x->s.name, y->s.name);
}

size_t looks_suspects(const struct look *look, int64_t grown_bytes, struct suspect ret[static SUSPECTS_MOST])
{
        _cleanup_(freep) struct candidate *all = calloc(look->n_containers + look->n_types + 1, sizeof *all);
        size_t n_containers, n, kept = 0;
        int64_t most_objects = 0;

        if (!all)
                return 0;
        n_containers = read_containers(look, all);
        n = n_containers + read_types(look, all + n_containers);
        for (size_t i = n_containers; i < n; i++) {
                fill_containers(all, n_containers, &all[i]);
                if (all[i].own && !all[i].builtin && all[i].grew > most_objects)
                        most_objects = all[i].grew;
        }
        for (size_t i = 0; i < n; i++) {
                judge(look, &all[i], grown_bytes, most_objects);
                if (is_named(&all[i]))
                        all[kept++] = all[i];
        }
        qsort(all, kept, sizeof *all, compare);
        if (kept > SUSPECTS_MOST)
                kept = SUSPECTS_MOST;
        for (size_t i = 0; i < kept; i++)
                ret[i] = all[i].s;
        return kept;
}
