/* What to do by what a look into the heap found: one function a piece. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "detect/diagnosis_advice.h"

/* A name as it stands in Python code: what could end a string there is left out. */
static struct word word_code(const char *name)
{
        struct word w = word_name(name);

        for (char *at = w.text; *at; at++)
                if (strchr("\"'`\\", *at))
                        *at = '?';
        return w;
}

static const struct suspect *sure_suspect(const struct answers *a, enum suspect_kind kind)
{
        for (size_t i = 0; i < a->n_suspects; i++)
                if (a->suspects[i].sure && a->suspects[i].kind == kind)
                        return &a->suspects[i];
        return NULL;
}

/* One that a reader can find by its name. */
static const struct suspect *named_container(const struct answers *a)
{
        for (size_t i = 0; i < a->n_suspects; i++)
                if (a->suspects[i].sure && a->suspects[i].kind == SUSPECT_CONTAINER && !a->suspects[i].unnamed)
                        return &a->suspects[i];
        return NULL;
}

bool advise_bound_container(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const struct suspect *s = named_container(a);

        if (a->is[ASK_HOLDING] != ANSWER_YES || !s)
                return false;
        if (strcmp(s->type, "functools._lru_cache_wrapper") == 0)
                piece_put(p->what,
                          "Bound %s: give it a size limit (`functools.lru_cache(maxsize=…)` instead of "
                          "`functools.cache`), or move it to a store outside the process.",
                          word_quoted(s->name).text);
        else
                piece_put(p->what,
                          "Bound %s: drop entries when they are done with, give it a size limit (an OrderedDict from "
                          "which the oldest is popped, a `deque(maxlen=…)`, or `functools.lru_cache(maxsize=…)` "
                          "instead of `functools.cache`), or move it to a store outside the process.",
                          word_quoted(s->name).text);
        piece_put(p->why,
                  "It went from %s to %s entries in %s%s and never shrank by more than a tenth, so whatever is put in "
                  "stays until the process ends.",
                  word_count(s->from).text, word_count(s->to).text, word_span(c->look->at_ms - s->from_ms).text,
                  diagnosis_where(c));
        return true;
}

/* "list" of "collections.deque": what type() shows. */
static struct word word_class(const char *type)
{
        const char *dot = strrchr(type, '.');

        return word_code(dot ? dot + 1 : type);
}

static void find_unnamed(const struct circumstances *c, const struct suspect *s, struct piece *p)
{
        piece_put(p->what,
                  "Find the %s that grows: no module leads to it, so it is in a variable of a function that runs, or deep "
                  "inside an object. Look for one in your own main loops, threads and generators; or, in a debug route or "
                  "console, `[o for o in gc.get_objects() if type(o).__name__ == '%s' and len(o) > %" PRId64 "]` and "
                  "`gc.get_referrers` on what that finds.",
                  word_class(s->type).text, word_class(s->type).text, s->from + (s->to - s->from) / 2);
        piece_put(p->why, "It went from %s to %s entries in %s%s and never shrank by more than a tenth.",
                  word_count(s->from).text, word_count(s->to).text, word_span(c->look->at_ms - s->from_ms).text,
                  diagnosis_where(c));
}

bool advise_find_holder(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const struct suspect *s = sure_suspect(a, SUSPECT_TYPE), *container = sure_suspect(a, SUSPECT_CONTAINER);

        if (a->is[ASK_HOLDING] != ANSWER_YES || named_container(a) || !(s || container))
                return false;
        if (container) {
                find_unnamed(c, container, p);
                return true;
        }
        piece_put(
            p->what,
            "See who refers to %s: in a debug route or console, `objgraph.show_backrefs(objgraph.by_type('%s')[:3], "
            "max_depth=4)`, or `gc.get_referrers` on one of them.",
            word_quoted(s->name).text, word_code(s->name).text);
        piece_put(p->why, "%s instances are alive, %s more each hour%s; the reference that keeps them is the leak.",
                  word_count(s->to).text, word_count(s->per_hour < 9e18 ? (int64_t)s->per_hour : -1).text,
                  diagnosis_where(c));
        return true;
}

/* Two types that grow by the same number may well refer to each other. */
bool advise_cut_cycle(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const struct suspect *one = sure_suspect(a, SUSPECT_TYPE);

        (void)c;
        if (a->is[ASK_HOLDING] != ANSWER_YES || !one || sure_suspect(a, SUSPECT_CONTAINER))
                return false;
        for (const struct suspect *s = one + 1; s < a->suspects + a->n_suspects; s++) {
                int64_t more = s->to - s->from, than = one->to - one->from;

                if (s->kind != SUSPECT_TYPE || !s->sure || s->from_ms != one->from_ms ||
                    llabs(more - than) > (more > than ? more : than) / 100)
                        continue;
                piece_put(p->what,
                          "If %s and %s refer to each other, make the way back (child to parent, listener to owner) a "
                          "`weakref`.",
                          word_quoted(one->name).text, word_quoted(s->name).text);
                piece_put(p->why,
                          "They grew by the same number, %s. Objects in a cycle wait for the collector; one with a "
                          "live reference from outside keeps the whole ring.",
                          word_count(than).text);
                return true;
        }
        return false;
}

/* What holds columns of strings: the first that is mapped; NULL: numpy alone, or none. */
static const char *frame_library(const struct circumstances *c)
{
        static const char *const libraries[] = { "pandas", "polars", "pyarrow" };

        for (size_t i = 0; c->look && i < sizeof libraries / sizeof *libraries; i++)
                if (look_has_library(c->look, libraries[i]))
                        return libraries[i];
        return NULL;
}

bool advise_chunks(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const struct trend *t = c->trend;
        const char *library = frame_library(c);

        if (a->is[ASK_LOADING] != ANSWER_YES || a->is[ASK_DATAFRAMES] != ANSWER_YES || !library)
                return false;
        if (strcmp(library, "pandas") == 0)
                piece_put(p->what, "`pd.read_csv(…, chunksize=100_000, usecols=[…])` and reduce each chunk before the "
                                   "next; for Parquet, read only the columns and row groups needed.");
        else
                piece_put(p->what,
                          "Read in batches or lazily (%s can), reduce each batch before the next, and read only the "
                          "columns and row groups needed.",
                          library);
        piece_put(p->why, "The whole file is in memory at once: %s.",
                  word_bytes(t->step_to_bytes - t->step_from_bytes).text);
        return true;
}

bool advise_dtypes(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        const char *library = frame_library(c);

        if (a->is[ASK_DATAFRAMES] != ANSWER_YES || !c->look || c->look->memory.native_bytes < 0)
                return false;
        if (!library) {
                piece_put(p->what, "Look at `arr.dtype` and `arr.nbytes`: smaller types (`float32`, `int32`), and "
                                   "`numpy.memmap` for what is large and seldom read.");
                piece_put(p->why, "Memory outside Python's pools, where arrays lie, is at %s.",
                          word_bytes(c->look->memory.native_bytes).text);
                return true;
        }
        piece_put(p->what,
                  "%s and turn repeated strings into categories, other strings into Arrow's, and integers and floats "
                  "into the smallest types that do.",
                  strcmp(library, "pandas") == 0   ? "Look at `df.memory_usage(deep=True)`;"
                  : strcmp(library, "polars") == 0 ? "Look at `df.estimated_size()`;"
                                                   : "Look at `table.nbytes`;");
        piece_put(p->why,
                  "A column of Python strings costs 50 B and more a cell; memory outside Python's pools, where %s "
                  "keeps its columns, is at %s.",
                  library, word_bytes(c->look->memory.native_bytes).text);
        return true;
}

bool advise_drop_frames(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (a->is[ASK_DATAFRAMES] != ANSWER_YES || a->is[ASK_GROWING] != ANSWER_YES)
                return false;
        piece_put(p->what,
                  "Keep no %s beyond the request or task that made it, and keep a `.copy()` of the %s wanted rather "
                  "than a slice.",
                  frame_library(c) ? "DataFrame" : "array", frame_library(c) ? "columns" : "part");
        piece_put(p->why, "A slice keeps the whole %s it came from alive.", frame_library(c) ? "frame" : "array");
        return true;
}

bool advise_native_trace(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        char attach[96], extensions[1024] = "";
        size_t used = 0;

        if (a->is[ASK_NATIVE] != ANSWER_YES)
                return false;
        for (size_t i = 0, n = 0; i < c->look->n_libraries && n < 3; i++) {
                struct word name = word_name(c->look->libraries[i]);

                if (strcmp(name.text, "glibc") == 0 || strcmp(name.text, "musl") == 0 || strlen(name.text) > 200)
                        continue;
                used += (size_t)snprintf(extensions + used, sizeof extensions - used, "%s%s", n++ ? ", " : " Update ",
                                         name.text);
        }
        piece_attach(c, "--native ", attach);
        piece_put(p->what,
                  "On one worker: %s (memray must be installed in its environment; it sees only what is allocated from "
                  "then on), or start one under `memray run --native` or heaptrack.%s%s what comes from ctypes or "
                  "cffi by hand.",
                  attach, extensions, *extensions ? ", and free" : " Free");
        piece_put(p->why, "%s", a->because[ASK_NATIVE]);
        return true;
}

static bool has_glibc(const struct circumstances *c)
{
        return c->look && look_has_library(c->look, "glibc");
}

bool advise_arena_max(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (!a->free_in_arenas || !has_glibc(c))
                return false;
        piece_put(
            p->what,
            "Start it with `MALLOC_ARENA_MAX=2` in its environment (in a unit: `Environment=MALLOC_ARENA_MAX=2`).");
        piece_put(p->why, "%s arenas hold %s: glibc makes up to eight per core, and each keeps what it once held.",
                  word_count(c->look->memory.arenas).text, word_bytes(c->look->memory.arena_bytes).text);
        return true;
}

bool advise_trim(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (!a->free_in_arenas || !has_glibc(c))
                return false;
        piece_put(
            p->what,
            "After the heavy part: `ctypes.CDLL(\"libc.so.6\").malloc_trim(0)`; or run it with jemalloc preloaded.");
        piece_put(p->why, "Free memory inside malloc's areas stays with the process until it is trimmed.");
        return true;
}

bool advise_lower_peak(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (!a->free_in_pools)
                return false;
        piece_put(p->what,
                  "Lower the peak (smaller batches, `del` large objects before building the next, no `list()` around a "
                  "generator) and create long-lived objects before the heavy part rather than during it.");
        piece_put(p->why,
                  "Python gives an arena back only when nothing in it lives; a few survivors of the peak keep %s. "
                  "`gc.collect()` and `malloc_trim` do not change that.",
                  word_bytes(c->look->memory.python_free_bytes).text);
        return true;
}

bool advise_gc_enable(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (!a->gc_off)
                return false;
        piece_put(p->what, "%s, or call `gc.collect()` between requests or tasks.",
                  c->look->gc.enabled ? "Set the first threshold, which is 0, back to its default"
                                      : "Take out `gc.disable()`");
        piece_put(p->why,
                  "%s tracked objects more than at the last collection are there%s; cycles among them are never freed.",
                  word_count(c->look->gc.counts[0]).text, diagnosis_where(c));
        return true;
}

bool advise_gc_threshold(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        struct word value;

        if (!a->gc_threshold)
                return false;
        value = word_count(c->look->gc.thresholds[0]);
        piece_put(p->what, "Set the first threshold back to its default, or to one at which a collection happens at "
                           "least every minute.");
        piece_put(p->why, "It is %s; garbage in cycles stands until %s more objects have been made.", value.text,
                  value.text);
        return true;
}

bool advise_gc_garbage(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        if (!a->gc_garbage)
                return false;
        piece_put(p->what, "Look into `gc.garbage`, and take out `gc.set_debug(gc.DEBUG_SAVEALL)` or `DEBUG_LEAK`.");
        piece_put(p->why, "It holds %s objects%s. With that flag the collector keeps what it would free.",
                  word_count(c->look->gc.uncollectable).text, diagnosis_where(c));
        return true;
}

bool advise_gc_version(const struct circumstances *c, const struct answers *a, struct piece *p)
{
        char *end;

        if ((a->is[ASK_GC] != ANSWER_YES && a->is[ASK_HOLDING] != ANSWER_YES) || !c->look ||
            !text_starts(c->look->python, "3.14.") || strtol(c->look->python + 5, &end, 10) > 4 ||
            end == c->look->python + 5)
                return false;
        piece_put(p->what, "Update to the newest 3.14.");
        piece_put(
            p->why,
            "It runs %s. 3.14.0 to 3.14.4 let more cyclic garbage stand; 3.14.5 went back to the earlier collector.",
            word_name(c->look->python).text);
        return true;
}
