/* Findings and alerts of a world: put, read again, compared. */
#pragma once

#include "base/cleanup.h"
#include "store/findings.h"
#include "world.h"

DEFINE_CLEANUP(struct world *, world_free)
DEFINE_CLEANUP(struct store_reader *, store_reader_close)
#define WORLD _cleanup_(world_freep) struct world *w = world_new()
#define READER(w) _cleanup_(store_reader_closep) struct store_reader *r = open_reader(w)

struct store_reader *open_reader(struct world *w);
void world_ticks(struct world *w, int n);

void app_of(struct world *w, size_t place, char ret[static APP_ID_SIZE]);
/* An open leak of the process at place; its texts are constants. */
struct finding a_finding(struct world *w, size_t place, int64_t number);
int64_t put_new(struct world *w, size_t place, enum finding_kind kind); /* its number */
void put_closed(struct world *w, size_t place, int64_t number);

struct list { int64_t numbers[200]; size_t n; }; /* n may be more than there is room for */
bool list_finding(void *data, const struct store_finding *f);
/* Reads by a filter and compares numbers: EXPECT(w, FILTER(.process = 1), 3, 2). */
void check_list(struct world *w, struct store_finding_filter filter, const int64_t *want, size_t n);
#define EXPECT(w, filter, ...)                                                                                    \
        do {                                                                                                      \
                const int64_t _want[] = { 0, __VA_ARGS__ };                                                       \
                check_list(w, (struct store_finding_filter)filter, _want + 1, sizeof _want / sizeof _want[0] - 1); \
        } while (0)
#define FILTER(...) { __VA_ARGS__ }
/* All of it is as in *f, and its process is the one at place. */
void check_finding(struct world *w, const struct finding *f, size_t place);

void put_alert(struct world *w, int i); /* its body, and all else, says i */
struct list waiting_alerts(struct world *w, uint32_t limit);
