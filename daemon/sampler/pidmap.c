/* From a pid to a number: a hash table with open addressing, at most half full. */
#include "sampler/pidmap.h"

#include <errno.h>
#include <stdlib.h>

enum {
        ROOM_FIRST = 64, /* a power of two */
};

void pidmap_done(struct pidmap *m)
{
        free(m->pids);
        free(m->values);
        *m = (struct pidmap){};
}

static uint32_t home(const struct pidmap *m, int32_t pid)
{
        return ((uint32_t)pid * UINT32_C(2654435769)) >> 7 & (m->room - 1);
}

/* Where a pid is, or the free place it would take. */
static uint32_t place(const struct pidmap *m, int32_t pid)
{
        uint32_t i = home(m, pid);

        while (m->pids[i] && m->pids[i] != pid)
                i = (i + 1) & (m->room - 1);
        return i;
}

uint32_t pidmap_get(const struct pidmap *m, int32_t pid)
{
        uint32_t i;

        if (!m->room)
                return PIDMAP_NONE;
        i = place(m, pid);
        return m->pids[i] ? m->values[i] : PIDMAP_NONE;
}

static int grow(struct pidmap *m)
{
        struct pidmap larger = { .room = m->room ? m->room * 2 : ROOM_FIRST, .n = m->n };

        larger.pids = calloc(larger.room, sizeof *larger.pids);
        larger.values = calloc(larger.room, sizeof *larger.values);
        if (!larger.pids || !larger.values) {
                pidmap_done(&larger);
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < m->room; i++)
                if (m->pids[i]) {
                        uint32_t to = place(&larger, m->pids[i]);

                        larger.pids[to] = m->pids[i];
                        larger.values[to] = m->values[i];
                }
        pidmap_done(m);
        *m = larger;
        return 0;
}

int pidmap_set(struct pidmap *m, int32_t pid, uint32_t value)
{
        uint32_t i = m->room ? place(m, pid) : 0;

        if (!m->room || !m->pids[i]) {
                if (m->n * 2 >= m->room && grow(m) < 0)
                        return -ENOMEM;
                i = place(m, pid);
                m->n++;
        }
        m->pids[i] = pid;
        m->values[i] = value;
        return 0;
}

void pidmap_remove(struct pidmap *m, int32_t pid)
{
        uint32_t hole, mask = m->room - 1;

        if (!m->room || !m->pids[hole = place(m, pid)])
                return;
        m->n--;
        /* Those behind it move up where the hole would end the search for them. */
        for (uint32_t i = (hole + 1) & mask; m->pids[i]; i = (i + 1) & mask)
                if (((i - home(m, m->pids[i])) & mask) >= ((i - hole) & mask)) {
                        m->pids[hole] = m->pids[i];
                        m->values[hole] = m->values[i];
                        hole = i;
                }
        m->pids[hole] = 0;
}
