/* Looks made up for tests. */
#include "made_look.h"

#include <stdlib.h>
#include <string.h>

#define MIB INT64_C(1048576)

void make_looks(struct look *look, int64_t now_ms, int64_t step_ms)
{
        look_init(look);
        look->at_ms = now_ms;
        strcpy(look->python, "3.11.2");
        look->tracked_objects = 50000;
        look->gc = (struct look_gc){ 1, false, { 700, 10, 10 }, { 300, 3, 1 }, 0, 0 };
        look->n_past = LOOKS - 1;
        for (int i = 0; i < LOOKS - 1; i++)
                look->past[i] = (struct look_past){ now_ms - (LOOKS - 1 - i) * step_ms, true, 50000, look->gc,
                                                    LOOK_MEMORY_UNKNOWN };
        add_library(look, "glibc");
}

void add_container(struct look *look, const char *name, const char *type, const int64_t lengths[static LOOKS])
{
        struct look_container *c;

        look->containers = reallocarray(look->containers, look->n_containers + 1, sizeof *look->containers);
        c = &look->containers[look->n_containers++];
        *c = (struct look_container){ .name = strdup(name), .type = strdup(type), .length = lengths[LOOKS - 1] };
        for (int i = 0; i < LOOK_PAST; i++)
                c->past[i] = i < LOOKS - 1 ? lengths[i] : NOT_SEEN;
}

void add_alias(struct look *look, const char *name)
{
        struct look_container *c = &look->containers[look->n_containers - 1];

        c->aliases[c->n_aliases++] = strdup(name);
}

void add_type(struct look *look, const char *name, int64_t each_bytes, const int64_t objects[static LOOKS])
{
        struct look_type *t;
        int64_t now = objects[LOOKS - 1];

        look->types = reallocarray(look->types, look->n_types + 1, sizeof *look->types);
        t = &look->types[look->n_types++];
        *t = (struct look_type){
                .name = strdup(name), .objects = now, .tracked = now, .bytes = now < 0 ? -1 : now * each_bytes
        };
        for (int i = 0; i < LOOK_PAST; i++) {
                t->past_objects[i] = i < LOOKS - 1 ? objects[i] : NOT_SEEN;
                t->past_bytes[i] = t->past_objects[i] < 0 ? -1 : t->past_objects[i] * each_bytes;
        }
}

void add_library(struct look *look, const char *name)
{
        look->libraries = reallocarray(look->libraries, look->n_libraries + 1, sizeof *look->libraries);
        look->libraries[look->n_libraries++] = strdup(name);
}

struct look_memory *memory_at(struct look *look, int i)
{
        return i < LOOKS - 1 ? &look->past[i].memory : &look->memory;
}

struct look_gc *gc_at(struct look *look, int i)
{
        return i < LOOKS - 1 ? &look->past[i].gc : &look->gc;
}

void set_memory(struct look *look, const int64_t python[static LOOKS], const int64_t python_free[static LOOKS],
                const int64_t heap[static LOOKS])
{
        for (int i = 0; i < LOOKS; i++)
                *memory_at(look, i) = (struct look_memory){
                        python[i] * MIB, python_free[i] * MIB, heap[i] * MIB, 20 * MIB, 0, heap[i] * MIB, 0, 0, 0
                };
}

void forget_past(struct look *look)
{
        look->n_past = 0;
}
