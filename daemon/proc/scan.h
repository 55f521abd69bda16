/* Who is new on the machine, without a pass over /proc at each tick: the last field of loadavg is the newest pid. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct scan {
        int proc_fd;       /* the caller's */
        int folder_fd;     /* the same folder with an offset of its own */
        int loadavg_fd;
        bool seeks;        /* an offset of pid + 258 begins at that pid */
        int32_t newest;    /* newest pid at the last look */
        int64_t threads;   /* threads there were */
        int64_t all_at_ms; /* when the last pass over everything was */
        int32_t *pids;     /* n_pids found by the last look */
        size_t n_pids, room;
        char *entries;     /* what getdents fills */
};

enum scan_result {
        SCAN_NOTHING = 0, /* no process was made since */
        SCAN_NEWER,       /* pids: those made since */
        SCAN_ALL,         /* pids: every process there is */
};

int scan_open(int proc_fd, struct scan *ret, struct error *err);
void scan_close(struct scan *s);

/* Looks. now_ms: any clock that runs forward. Returns enum scan_result, or negative with *err set. */
int scan_look(struct scan *s, int64_t now_ms, struct error *err);
