/* The processes that are watched. */
#include "sampler/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "model/report.h"

struct lineage *lineage_unref(struct lineage *l)
{
        if (!l || --l->refs > 0)
                return NULL;
        free(l->framework);
        free(l->application);
        free(l->folder);
        free(l->python);
        free(l);
        return NULL;
}
DEFINE_CLEANUP(struct lineage *, lineage_unref)

struct lineage *lineage_ref(struct lineage *l)
{
        if (l)
                l->refs++;
        return l;
}

static bool copy(const char *from, char **to)
{
        *to = from ? strdup(from) : NULL;
        return !from || *to;
}

struct lineage *lineage_new(const struct identity *who)
{
        _cleanup_(lineage_unrefp) struct lineage *l = calloc(1, sizeof *l);

        if (!l)
                return NULL;
        l->refs = 1;
        if (!copy(who->framework, &l->framework) || !copy(who->application, &l->application) ||
            !copy(who->folder, &l->folder) || !copy(who->python, &l->python))
                return NULL;
        return take_ptr(l);
}

static int replace(char **text, const char *by)
{
        char *copied;

        if (!copy(by, &copied))
                return -ENOMEM;
        free(*text);
        *text = copied;
        return 0;
}

int lineage_apply(const struct lineage *l, struct identity *who)
{
        if (replace(&who->framework, l->framework) < 0 || replace(&who->application, l->application) < 0 ||
            replace(&who->folder, l->folder) < 0)
                return -ENOMEM;
        return who->python ? 0 : replace(&who->python, l->python);
}

void table_done(struct table *t)
{
        for (uint32_t i = 0; i < t->n; i++) {
                if (t->hot[i].fd >= 0)
                        close(t->hot[i].fd);
                lineage_unref(t->seats[i].lineage);
        }
        free(t->hot);
        free(t->seats);
        free(t->leaving);
        pidmap_done(&t->by_pid);
        *t = (struct table){};
}

static int grow(struct table *t)
{
        uint32_t room = t->room ? t->room * 2 : 64;
        struct seat_hot *hot;
        struct seat *seats;
        uint32_t *leaving;

        if (room > REPORT_SEATS_MAX)
                return -ENOMEM;
        hot = reallocarray(t->hot, room, sizeof *hot);
        t->hot = hot ? hot : t->hot;
        seats = reallocarray(t->seats, room, sizeof *seats);
        t->seats = seats ? seats : t->seats;
        leaving = reallocarray(t->leaving, room, sizeof *leaving);
        t->leaving = leaving ? leaving : t->leaving;
        if (!hot || !seats || !leaving)
                return -ENOMEM;
        t->room = room;
        return 0;
}

int64_t table_take(struct table *t, const struct identity_extra *who, struct lineage *lineage)
{
        _cleanup_(lineage_unrefp) struct lineage *owned = lineage;
        _cleanup_(closep) int fd = who->statm_fd;
        uint32_t seat = t->lowest_free;

        while (seat < t->n && t->hot[seat].fd != SEAT_FREE)
                seat++;
        if ((seat >= t->room && grow(t) < 0) || pidmap_set(&t->by_pid, who->id.pid, seat) < 0)
                return -ENOMEM;
        t->lowest_free = seat + 1;
        if (seat == t->n)
                t->n++;
        t->used++;
        t->unreadable += who->unreadable;
        t->kept_fds += fd >= 0;
        t->hot[seat] = (struct seat_hot){ .fd = fd >= 0 ? take_fd(fd) : SEAT_UNKEPT };
        t->seats[seat] = (struct seat){ .id = who->id, .mark = who->mark, .lineage = take_ptr(owned),
                                        .unreadable = who->unreadable };
        return seat;
}

void table_leave(struct table *t, uint32_t seat)
{
        struct seat *s = &t->seats[seat];

        if (t->hot[seat].fd >= 0) {
                close(t->hot[seat].fd);
                t->kept_fds--;
        }
        t->hot[seat].fd = SEAT_LEAVING;
        t->used--;
        t->unreadable -= s->unreadable;
        if (pidmap_get(&t->by_pid, s->id.pid) == seat)
                pidmap_remove(&t->by_pid, s->id.pid);
        s->lineage = lineage_unref(s->lineage);
        t->leaving[t->n_leaving++] = seat;
}

void table_settle(struct table *t)
{
        while (t->n_leaving) {
                uint32_t seat = t->leaving[--t->n_leaving];

                t->hot[seat].fd = SEAT_FREE;
                if (seat < t->lowest_free)
                        t->lowest_free = seat;
        }
        while (t->n && t->hot[t->n - 1].fd == SEAT_FREE)
                t->n--;
        if (t->lowest_free > t->n)
                t->lowest_free = t->n;
}

uint32_t table_find(const struct table *t, int32_t pid)
{
        return pidmap_get(&t->by_pid, pid);
}

bool table_is_used(const struct table *t, uint32_t seat)
{
        return seat < t->n && t->hot[seat].fd != SEAT_FREE && t->hot[seat].fd != SEAT_LEAVING;
}
