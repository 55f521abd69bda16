/* The machine that is watched. */
#include "proc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

int proc_open(const char *proc_path, const char *cgroup_path, struct proc *ret, struct error *err)
{
        struct proc p = { .cgroup_fd = -1, .ticks_per_second = sysconf(_SC_CLK_TCK) };
        _cleanup_(closep) int fd = open(proc_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char boot_id[64];
        ssize_t n;

        if (fd < 0)
                return error_set(err, errno, "cannot open %s: %s", proc_path, strerror(errno));
        n = file_read_at(fd, "sys/kernel/random/boot_id", boot_id, sizeof boot_id);
        if (n < 8)
                return error_set(err, n < 0 ? (int)-n : EIO, "cannot read %s/sys/kernel/random/boot_id", proc_path);
        boot_id[8] = '\0';
        p.boot = (uint32_t)strtoul(boot_id, NULL, 16);
        p.cgroup_fd = open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        p.fd = take_fd(fd);
        *ret = p;
        return 0;
}

void proc_close(struct proc *p)
{
        closep(&p->fd);
        closep(&p->cgroup_fd);
        libproc_free(p->libproc);
        *p = (struct proc){ .fd = -1, .cgroup_fd = -1 };
}

int64_t proc_start_ms(const struct proc *p, uint64_t start_ticks)
{
        /* By whole seconds first: 2^64 ticks times 1000 would not fit. */
        uint64_t hz = (uint64_t)p->ticks_per_second;

        return (int64_t)(start_ticks / hz % (UINT64_C(1) << 40) * 1000 + start_ticks % hz * 1000 / hz);
}

void proc_busy(const struct proc *p, int32_t pid, uint64_t start_ticks)
{
        if (!p->busy)
                return;
        atomic_store_explicit(&p->busy->start_ticks, start_ticks, memory_order_relaxed);
        atomic_store_explicit(&p->busy->pid, pid, memory_order_release);
}

void proc_idle(const struct proc *p)
{
        if (p->busy)
                atomic_store_explicit(&p->busy->pid, 0, memory_order_release);
}
