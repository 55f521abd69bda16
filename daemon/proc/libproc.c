/* libproc2 (4.0.2 in Debian 12). It is asked for no command line: it has had overflows there (CVE-2018-1124). */
#include "proc/libproc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libproc2/pids.h>
#include <libproc2/vmstat.h>

#include "base/cleanup.h"

struct libproc {
        struct pids_info *pids;
        struct vmstat_info *vmstat;
};

/* What is read of a process, in the order of its results. */
enum { BEGAN, RUID, ITEMS };

static void libproc_freep(struct libproc **l)
{
        libproc_free(*l);
}

int libproc_new(struct libproc **ret, struct error *err)
{
        enum pids_item items[ITEMS] = { [BEGAN] = PIDS_TICS_BEGAN, [RUID] = PIDS_ID_RUID };
        _cleanup_(libproc_freep) struct libproc *l = calloc(1, sizeof *l);
        int r;

        if (!l)
                return error_set(err, ENOMEM, "out of memory for libproc2");
        r = procps_pids_new(&l->pids, items, ITEMS);
        if (r < 0)
                return error_set(err, -r, "libproc2 can't read processes: %s", strerror(-r));
        /* A kernel without vmstat is not worth failing for: kills are not known then. */
        if (procps_vmstat_new(&l->vmstat) < 0)
                l->vmstat = NULL;
        *ret = take_ptr(l);
        return 0;
}

struct libproc *libproc_free(struct libproc *l)
{
        if (!l)
                return NULL;
        if (l->pids)
                procps_pids_unref(&l->pids);
        if (l->vmstat)
                procps_vmstat_unref(&l->vmstat);
        free(l);
        return NULL;
}

int64_t libproc_uid(struct libproc *l, const struct process_id *id)
{
        unsigned pid = (unsigned)id->pid;
        const struct pids_fetch *found = procps_pids_select(l->pids, &pid, 1, PIDS_SELECT_PID);
        const struct pids_result *result;

        if (!found || found->counts->total != 1)
                return -1;
        result = found->stacks[0]->head;
        return result[BEGAN].result.ull_int == id->start_ticks ? (int64_t)result[RUID].result.u_int : -1;
}

int64_t libproc_oom_kills(struct libproc *l)
{
        enum vmstat_item kills = VMSTAT_OOM_KILL;
        const struct vmstat_stack *found;

        if (!l || !l->vmstat)
                return -1;
        /* procps_vmstat_get() says the same for a second. */
        found = procps_vmstat_select(l->vmstat, &kills, 1);
        return found ? (int64_t)found->head->result.ul_int : -1;
}
