/* The machine that is watched. */
#include "proc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define MOUNTS_MOST (1024 * 1024)

/* Spaces and the like are written as \\NNN, in octal. */
static void unescape_octal(char *text)
{
        char *to = text;

        for (const char *p = text; *p; to++) {
                bool escaped = p[0] == '\\' && strspn(p + 1, "01234567") >= 3;

                *to = escaped ? (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0')) : *p;
                p += escaped ? 4 : 1;
        }
        *to = '\0';
}

/* The root of a mount, the fourth word of its line: "31 23 0:28 / /sys/fs/cgroup rw …" */
static char *mount_root(const char *mounts, uint64_t mount_id)
{
        for (const char *line = mounts; *line; line = *line ? line + 1 : line) {
                char *rest, *root;
                uint64_t id = strtoull(line, &rest, 10);
                const char *word = rest;

                for (int i = 0; i < 3; i++) {
                        word += strcspn(word, " \n");
                        word += *word == ' ';
                }
                if (id == mount_id && *word == '/') {
                        root = strndup(word, strcspn(word, " \n"));
                        if (root)
                                unescape_octal(root);
                        return root;
                }
                line = strchrnul(word, '\n');
        }
        return NULL;
}

/* By the number of the mount (Linux 5.8): its path may be mounted over, or be another one's by now. */
static char *root_seen(const char *mounts, int folder_fd, const char *path)
{
        struct statx st;

        if (statx(folder_fd, path, AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
                return NULL;
        return mount_root(mounts, st.stx_mnt_id);
}

static void find_cgroup_roots(struct proc *p)
{
        _cleanup_(freep) char *mounts = NULL;

        if (p->cgroup_fd < 0 || file_load(p->fd, "self/mountinfo", MOUNTS_MOST, &mounts, NULL) < 0)
                return;
        p->v2_root = root_seen(mounts, p->cgroup_fd, "");
        p->v1_root = root_seen(mounts, p->cgroup_fd, "memory");
}

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
        find_cgroup_roots(&p);
        *ret = p;
        return 0;
}

void proc_close(struct proc *p)
{
        closep(&p->fd);
        closep(&p->cgroup_fd);
        libproc_free(p->libproc);
        free(p->v1_root);
        free(p->v2_root);
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
