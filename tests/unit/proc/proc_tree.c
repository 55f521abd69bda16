/* A made-up /proc in a temporary folder. */
#include "proc_tree.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void must(bool fine)
{
        if (!fine) {
                perror("proc_tree");
                abort();
        }
}

static void make_folders(const char *path)
{
        char part[512];

        for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
                mkdir(part, 0700);
        }
}

void proc_tree_write(struct proc_tree *t, const char *path, const char *bytes, size_t size)
{
        char full[512];
        FILE *f;

        snprintf(full, sizeof full, "%s/%s", t->path, path);
        make_folders(full);
        f = fopen(full, "w");
        must(f && fwrite(bytes, 1, size, f) == size);
        fclose(f);
}

void proc_tree_write_text(struct proc_tree *t, const char *path, const char *text)
{
        proc_tree_write(t, path, text, strlen(text));
}

struct proc_tree *proc_tree_new(void)
{
        struct proc_tree *t = calloc(1, sizeof *t);
        struct error err = {};
        char cgroup[128];

        must(t);
        strcpy(t->path, "/tmp/memtide-proc-XXXXXX");
        must(mkdtemp(t->path));
        proc_tree_write_text(t, "sys/kernel/random/boot_id", "b3f2c1d0-0f3c-4f4e-9d7e-1c3a5b7d9e0f\n");
        proc_tree_write_text(t, "loadavg", "0.08 0.03 0.01 1/92 1\n");
        proc_tree_write_text(t, "cgroup/x", "");
        snprintf(cgroup, sizeof cgroup, "%s/cgroup", t->path);
        must(proc_open(t->path, cgroup, &t->proc, &err) == 0);
        t->proc.ticks_per_second = 100;
        return t;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
        (void)st;
        (void)kind;
        (void)at;
        return remove(path);
}

struct proc_tree *proc_tree_free(struct proc_tree *t)
{
        if (!t)
                return NULL;
        proc_close(&t->proc);
        nftw(t->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(t);
        return NULL;
}

void proc_tree_remove(struct proc_tree *t, int32_t pid)
{
        char path[128];

        snprintf(path, sizeof path, "%s/%" PRId32, t->path, pid);
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void add_file(struct proc_tree *t, int32_t pid, const char *name, const char *text)
{
        char path[64];

        snprintf(path, sizeof path, "%" PRId32 "/%s", pid, name);
        if (text)
                proc_tree_write_text(t, path, text);
}

static void add_link(struct proc_tree *t, int32_t pid, const char *name, const char *target)
{
        char path[128];

        snprintf(path, sizeof path, "%s/%" PRId32 "/%s", t->path, pid, name);
        if (target)
                must(symlink(target, path) == 0);
}

void proc_tree_add(struct proc_tree *t, struct fake_process p)
{
        char path[64], text[512];

        proc_tree_remove(t, p.pid);
        snprintf(text, sizeof text,
                 "%" PRId32 " (%s) %c %" PRId32 " 1 1 0 -1 %" PRIu32 " 99 0 0 0 12 3 0 0 20 0 5 0 %" PRIu64
                 " 3133440 356 18446744073709551615 94194836856832 94194836876713 %" PRIu64
                 " 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 0\n",
                 p.pid, p.comm ? p.comm : "python3", p.state ? p.state : 'S', p.ppid, p.flags, p.start_ticks,
                 p.start_stack ? p.start_stack : UINT64_C(0x7ffd00000000));
        add_file(t, p.pid, "stat", text);
        add_file(t, p.pid, "statm", "2000 1000 400 3 0 900 0\n");
        add_file(t, p.pid, "status",
                 "Name:\tpython3\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t33\t0\t33\t33\nVmSize:\t  900000 kB\n"
                 "VmHWM:\t   80000 kB\nVmData:\t   70000 kB\n"
                 "VmSwap:\t      16 kB\nThreads:\t5\n");
        add_file(t, p.pid, "limits", p.limits);
        add_file(t, p.pid, "maps", p.maps);
        add_file(t, p.pid, "cgroup", p.cgroup ? p.cgroup : "0::/\n");
        add_link(t, p.pid, "exe", p.exe);
        add_link(t, p.pid, "cwd", p.cwd);
        snprintf(path, sizeof path, "%" PRId32 "/cmdline", p.pid);
        proc_tree_write(t, path, p.cmdline ? p.cmdline : "", p.cmdline_size);
}
