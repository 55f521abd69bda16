/* Pieces of advice: what the files that write them share. The order in which they are given is diagnosis_advice.c's. */
#pragma once

#include "detect/diagnosis_private.h"

struct piece {
        char what[SENTENCE_SIZE], why[SENTENCE_SIZE];
};

__attribute__((format(printf, 2, 3))) void piece_put(char to[static SENTENCE_SIZE], const char *format, ...);
/* "`memray attach 4242`", with the options before the pid */
void piece_attach(const struct circumstances *c, const char *options, char ret[static 96]);

/* By what a look found. Each returns whether it is to be given. */
bool advise_bound_container(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_find_holder(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_cut_cycle(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_chunks(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_dtypes(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_drop_frames(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_native_trace(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_arena_max(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_trim(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_lower_peak(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_gc_enable(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_gc_threshold(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_gc_garbage(const struct circumstances *c, const struct answers *a, struct piece *p);
bool advise_gc_version(const struct circumstances *c, const struct answers *a, struct piece *p);
