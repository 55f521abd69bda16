/* Who a process is. Its folder below /proc is opened once: what is read through that is of this process or fails, even
 * if its pid is reused meanwhile. */
#include "proc/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "proc/cgroup.h"
#include "proc/cmdline.h"
#include "proc/mask.h"
#include "proc/parse.h"
#include "proc/python.h"

enum {
        /* A fork that is followed by an exec takes well under a millisecond; a loaded machine is given more. */
        EARLY_MS = 50,
        STAT_SIZE = 1024,
        COMM_SIZE = 16, /* the kernel cuts what is longer, its NUL counted */
};

bool exec_mark_differs(const struct exec_mark *a, const struct exec_mark *b)
{
        if (a->forked && !b->forked)
                return true;
        /* An address of 0 or 1 is how the kernel says that we may not know. */
        if (a->start_stack > 1 && b->start_stack > 1)
                return a->start_code != b->start_code || a->start_stack != b->start_stack;
        return strcmp(a->comm, b->comm) != 0;
}

static void mark_of(const struct stat_line *s, struct exec_mark *ret)
{
        *ret = (struct exec_mark){ .start_code = s->start_code, .start_stack = s->start_stack,
                                   .forked = s->flags & STAT_FORK_NO_EXEC };
        memcpy(ret->comm, s->comm, sizeof ret->comm - 1);
}

static int read_stat(int folder_fd, const char *path, struct stat_line *ret)
{
        char text[STAT_SIZE];
        ssize_t n = file_read_at(folder_fd, path, text, sizeof text);

        if (n < 0)
                return (int)n;
        if (!stat_parse(text, (size_t)n, ret))
                return -ESRCH;
        return ret->state == 'Z' || ret->state == 'X' || (ret->flags & STAT_KERNEL_THREAD) ? -ESRCH : 0;
}

int exec_mark_read(const struct proc *p, const struct process_id *id, struct exec_mark *ret)
{
        char path[32];
        struct stat_line s;
        int r;

        snprintf(path, sizeof path, "%d/stat", id->pid);
        r = read_stat(p->fd, path, &s);
        if (r < 0)
                return r;
        if (s.start_ticks != id->start_ticks)
                return -ESRCH;
        mark_of(&s, ret);
        return 0;
}

/* Reads the link to the executable; its length or -errno. A path as long as the buffer is cut: the name is at its end,
 * so such a one is not known. */
static ssize_t read_exe(int folder_fd, const char *path, char ret[static PATH_MAX])
{
        ssize_t n = readlinkat(folder_fd, path, ret, PATH_MAX);

        if (n < 0)
                return -errno;
        if (n == PATH_MAX)
                return -EACCES;
        ret[n] = '\0';
        return n;
}

enum first_look process_look(const struct proc *p, int32_t pid)
{
        char path[32], exe[PATH_MAX], version[PYTHON_VERSION_SIZE];
        ssize_t n;

        snprintf(path, sizeof path, "%d/exe", pid);
        n = read_exe(p->fd, path, exe);
        if (n == -EACCES || n == -EPERM)
                return LOOK_DENIED;
        if (n < 0)
                return LOOK_GONE;
        return python_by_name(exe, version) ? LOOK_PYTHON : LOOK_STRANGER;
}

static int open_folder(const struct proc *p, int32_t pid)
{
        char path[16];
        int fd;

        snprintf(path, sizeof path, "%d", pid);
        fd = openat(p->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

bool process_maps_python(const struct proc *p, int32_t pid, int64_t *ret_start_ms)
{
        _cleanup_(closep) int fd = open_folder(p, pid);
        struct python_search search;
        struct stat_line stat;
        int r;

        if (fd < 0 || read_stat(fd, "stat", &stat) < 0)
                return false;
        *ret_start_ms = proc_start_ms(p, stat.start_ticks);
        proc_busy(p, pid, stat.start_ticks);
        r = python_search_maps(fd, false, &search);
        proc_idle(p);
        return r == 0 && search.found;
}

/* What is gathered of one process on the way to its identity. */
struct reading {
        const struct proc *proc;
        struct process_id id;
        int fd; /* its folder below /proc */
        enum identity_known known;
        struct stat_line stat;
        struct cmdline cmdline;
        struct cgroup cgroup;
        struct limits *noted; /* where its limits are */
        struct process_limits limits;
        struct program program;
        bool denied;   /* exe could not be read */
        bool python;   /* it is */
        bool interpreter; /* its executable is */
        char version[PYTHON_VERSION_SIZE];
        char folder[PATH_MAX]; /* the working folder, "" */
};

static void reading_done(struct reading *r)
{
        closep(&r->fd);
        cmdline_done(&r->cmdline);
        cgroup_done(&r->cgroup);
        limits_leave(r->noted, &r->limits);
        program_done(&r->program);
}

/* By executable; without the right to read that, by comm and argv[0]; or known already from its maps. */
static int read_kind(struct reading *r)
{
        char exe[PATH_MAX];
        ssize_t n = r->known == IDENTITY_BY_NAME ? -EACCES : read_exe(r->fd, "exe", exe);

        r->denied = n == -EACCES || n == -EPERM;
        if (n < 0 && !r->denied)
                return -ESRCH;
        r->python = r->known == IDENTITY_BY_MAPS;
        if (!r->denied) {
                r->interpreter = python_by_name(exe, r->version);
                r->python |= r->interpreter;
                return 0;
        }
        if (python_by_name(r->stat.comm, r->version))
                r->python = true;
        if (!r->version[0] && r->cmdline.n > 0) {
                const char *program = r->cmdline.args[0] + (r->cmdline.args[0][0] == '-');

                r->python |= python_by_name(program, r->version);
        }
        return 0;
}

/* The version where the executable's name doesn't tell it ("python3" of a copied environment, uwsgi). */
static void read_version(struct reading *r)
{
        struct python_search search;

        if (r->version[0] || !r->python || r->denied)
                return;
        if (python_search_maps(r->fd, true, &search) == 0)
                memcpy(r->version, search.version, sizeof r->version);
}

static int read_cgroup(struct reading *r)
{
        char text[8192];
        ssize_t n = file_read_at(r->fd, "cgroup", text, sizeof text);
        int e = n < 0 ? 0 : cgroup_parse(text, &r->cgroup);

        if (n > 0 && e == 0 && r->noted)
                limits_note_group(r->noted, r->proc, text, &r->cgroup, &r->limits);
        return e;
}

static void read_folder(struct reading *r)
{
        ssize_t n = r->known == IDENTITY_BY_NAME ? -1 : readlinkat(r->fd, "cwd", r->folder, sizeof r->folder - 1);

        r->folder[n > 0 ? n : 0] = '\0';
        if (text_ends(r->folder, " (deleted)"))
                r->folder[n - 10] = '\0';
}

static void read_own_limits(struct reading *r)
{
        char text[4096];

        if (file_read_at(r->fd, "limits", text, sizeof text) > 0)
                limits_note_own(text, &r->limits);
}

static void set_limit(const struct reading *r, struct identity *who, const char **ret_kind)
{
        const struct { const char *kind; int64_t bytes; } limits[] = {
                { "cgroup", cgroup_limit(r->proc, &r->cgroup) },
                { "rlimit-as", r->limits.as_bytes },
                { "rlimit-data", r->limits.data_bytes },
        };

        who->limit_bytes = BYTES_UNKNOWN;
        *ret_kind = NULL;
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
                if (limits[i].bytes >= 0 && (who->limit_bytes < 0 || limits[i].bytes < who->limit_bytes)) {
                        who->limit_bytes = limits[i].bytes;
                        *ret_kind = limits[i].kind;
                }
}

/* comm, completed from argv[0] where the kernel cut it. */
static char *full_name(const struct reading *r)
{
        const char *comm = r->stat.comm, *arg, *slash;

        if (strlen(comm) == COMM_SIZE - 1 && r->cmdline.n > 0) {
                arg = r->cmdline.args[0];
                slash = strrchr(arg, '/');
                arg = slash ? slash + 1 : arg;
                if (text_starts(arg, comm))
                        return strdup(arg);
        }
        return text_to_utf8(comm, strlen(comm), NULL);
}

/* Copies what is not empty; false when out of memory. */
static bool copy(const char *from, char **ret)
{
        *ret = from && *from ? text_to_utf8(from, strlen(from), NULL) : NULL;
        return *ret || !from || !*from;
}

static int64_t read_uid(const struct reading *r)
{
        return r->proc->libproc ? libproc_uid(r->proc->libproc, &r->id) : -1;
}

/* Hands over what was gathered. */
static int build(struct reading *r, struct identity *ret)
{
        _cleanup_(identity_done) struct identity who = { .ppid = r->stat.ppid,
                                                         .forked = r->stat.flags & STAT_FORK_NO_EXEC };
        const char *kind;
        bool fine;

        set_limit(r, &who, &kind);
        who.uid = read_uid(r);
        who.name = full_name(r);
        /* From comm or a folder's name it need not be UTF-8. */
        fine = who.name && copy(r->program.application, &who.application) && copy(r->version, &who.python) &&
               copy(r->program.framework, &who.framework) && copy(kind, &who.limit_kind);
        if (fine && r->program.relative)
                fine = copy(r->folder, &who.folder);
        if (fine && !who.application)
                fine = copy(*who.name ? who.name : "python", &who.application);
        if (!fine)
                return -ENOMEM;
        who.started_at_ms = r->proc->wall_less_boot_ms + proc_start_ms(r->proc, r->stat.start_ticks);
        who.unit = take_ptr(r->cgroup.unit);
        who.container = take_ptr(r->cgroup.container);
        who.cgroup = take_ptr(r->cgroup.path);
        who.args = take_ptr(r->cmdline.args);
        who.n_args = r->cmdline.n;
        who.cmdline_truncated = r->cmdline.truncated;
        r->cmdline.n = 0;
        *ret = who;
        who = (struct identity){};
        return 0;
}

/* Include and exclude look at the masked command line. Positive: not to be watched. */
static int apply_rules(const struct reading *r, const struct identity_rules *rules)
{
        _cleanup_(freep) char *line = NULL;

        if (!rules->exclude && !rules->include)
                return r->python ? 0 : IDENTITY_STRANGER;
        line = cmdline_join(&r->cmdline);
        if (!line)
                return -ENOMEM;
        if (patterns_match(rules->exclude, line) || (!r->python && !patterns_match(rules->include, line)))
                return IDENTITY_STRANGER;
        return 0;
}

/* The reads that may hang. Returns 0, IDENTITY_STRANGER, or -errno. */
static int read_memory_map(struct reading *r, const struct identity_rules *rules)
{
        int e;

        proc_busy(r->proc, r->id.pid, r->id.start_ticks);
        e = r->known == IDENTITY_BY_NAME ? 0 : cmdline_read(r->fd, &r->cmdline);
        if (e == 0)
                e = read_kind(r);
        if (e == 0 && !rules->show_secrets)
                e = mask_args(r->cmdline.args, r->cmdline.n);
        if (e == 0)
                e = apply_rules(r, rules);
        if (e == 0) {
                read_version(r);
                read_folder(r);
        }
        proc_idle(r->proc);
        return e;
}

static int read_all(struct reading *r, const struct identity_rules *rules, int64_t now_boot_ms)
{
        struct surroundings around;
        int e = read_stat(r->fd, "stat", &r->stat);

        if (e < 0)
                return e;
        r->id.start_ticks = r->stat.start_ticks;
        if (rules->own_pid && (r->id.pid == rules->own_pid || r->stat.ppid == rules->own_pid))
                return IDENTITY_STRANGER;
        if (rules->reader_pid && r->stat.ppid == rules->reader_pid && (r->stat.flags & STAT_FORK_NO_EXEC))
                return IDENTITY_STRANGER;
        if ((r->stat.flags & STAT_FORK_NO_EXEC) && now_boot_ms - proc_start_ms(r->proc, r->stat.start_ticks) < EARLY_MS)
                return IDENTITY_EARLY;
        e = read_memory_map(r, rules);
        if (e != 0)
                return e;
        e = read_cgroup(r);
        if (e < 0)
                return e;
        read_own_limits(r);
        around = (struct surroundings){ .name = r->stat.comm, .unit = r->cgroup.unit,
                                        .folder = r->folder[0] ? r->folder : NULL, .is_python = r->interpreter };
        return program_find(r->cmdline.args, r->cmdline.n, &around, &r->program);
}

int identity_read(const struct proc *p, const struct identity_rules *rules, int32_t pid, enum identity_known known,
                  int64_t now_boot_ms, struct identity *ret, struct identity_extra *ret_extra)
{
        _cleanup_(reading_done) struct reading r = { .proc = p, .id = { .pid = pid, .boot = p->boot },
                                                             .fd = open_folder(p, pid), .known = known,
                                                             .noted = rules->limits, .limits = PROCESS_LIMITS_NONE };
        int e;

        if (r.fd < 0)
                return r.fd == -ENOMEM ? -ENOMEM : IDENTITY_GONE;
        e = read_all(&r, rules, now_boot_ms);
        if (e == 0)
                e = build(&r, ret);
        if (e < 0)
                return e == -ENOMEM ? e : IDENTITY_GONE;
        if (e > 0)
                return e;
        *ret_extra = (struct identity_extra){
                .id = r.id,
                .spawned = r.program.spawned,
                .unreadable = r.denied,
                .limits = r.limits,
                .statm_fd = -1,
        };
        if (rules->open_statm)
                ret_extra->statm_fd = openat(r.fd, "statm", O_RDONLY | O_CLOEXEC);
        r.limits = PROCESS_LIMITS_NONE;
        mark_of(&r.stat, &ret_extra->mark);
        return IDENTITY_READ;
}
