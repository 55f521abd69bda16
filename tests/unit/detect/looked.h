/* Programs that were looked into: a process that leaks or not, and what four looks into its heap saw. One at a time. */
#pragma once

#include "made_look.h"
#include "scene.h"

#define OF(...) ((const int64_t[LOOKS]){ __VA_ARGS__ })

extern struct scene s;   /* the process; s.c.look is the look */
extern struct look look;

/* A Flask app like any other, that was looked into four times while it grew: Python's pools or malloc's heap did. */
void begin(bool in_pools);
void end(void);

/* Each begins one. */
void flask_dict(void);
void flask_dict_of_bytes(void);
void cache_on_a_method(void);
void list_in_background(void);
void ctypes_malloc(void);
void cycles_uncollected(void);
void csv_read_whole(void);
void frames_in_a_list(void);
void churning_threads(void);
void survivors_of_a_peak(void);

json_t *suspects_of(void); /* parsed; the caller's */
void assert_suspects(const char *expected); /* their names, in their order */
