/* Who is new on the machine. */
#include "proc/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "proc/parse.h"

enum {
        ENTRIES_SIZE = 32 * 1024,
        FEW_ENTRIES_SIZE = 1024, /* some 30: enough for what is new at most ticks, and little beyond it */
        /* The kernel's TGID_OFFSET: where pids begin among the offsets of /proc. No promise of the kernel's, so it is
         * tried at start; seen on 5.10 to 6.18. */
        PID_OFFSET = 258,
        ALL_EVERY_MS = 60 * 1000,
        /* With an unchanged newest pid, more threads than before mean a process whose pid was chosen (clone3 with
         * set_tid, as CRIU does), or, in a container, one that is none of its own: so not at every tick. */
        CHOSEN_EVERY_MS = 10 * 1000,
};

struct entry {
        uint64_t ino;
        int64_t off;
        unsigned short size;
        unsigned char type;
        char name[];
};

static int32_t entry_pid(const struct entry *e)
{
        int64_t pid = 0;

        if (e->name[0] < '1' || e->name[0] > '9')
                return 0;
        for (const char *p = e->name; *p; p++) {
                if (*p < '0' || *p > '9' || pid > INT32_MAX / 10)
                        return 0;
                pid = pid * 10 + (*p - '0');
        }
        return pid > INT32_MAX ? 0 : (int32_t)pid;
}

static int add_pid(struct scan *s, int32_t pid)
{
        if (s->n_pids == s->room) {
                size_t room = s->room ? s->room * 2 : 256;
                int32_t *pids = reallocarray(s->pids, room, sizeof *pids);

                if (!pids)
                        return -ENOMEM;
                s->pids = pids;
                s->room = room;
        }
        s->pids[s->n_pids++] = pid;
        return 0;
}

/* Lists the pids above `above` up to `most`: with 0 and INT32_MAX all of them. */
static int list(struct scan *s, int32_t above, int32_t most)
{
        bool seeks = above && s->seeks;
        off_t from = seeks ? (off_t)above + 1 + PID_OFFSET : 0;

        s->n_pids = 0;
        if (lseek(s->folder_fd, from, SEEK_SET) < 0)
                return -errno;
        for (;;) {
                long n = syscall(SYS_getdents64, s->folder_fd, s->entries, seeks ? FEW_ENTRIES_SIZE : ENTRIES_SIZE);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                for (long at = 0; at < n;) {
                        const struct entry *e = (const void *)(s->entries + at);
                        int32_t pid = entry_pid(e);

                        if (pid > most && seeks) /* the kernel lists them in order */
                                return 0;
                        if (pid > above && pid <= most && add_pid(s, pid) < 0)
                                return -ENOMEM;
                        at += e->size;
                }
        }
}

/* Does an offset lead to a pid on this kernel? Asked for our own, as this proc folder numbers it. */
static bool can_seek(struct scan *s)
{
        char self[16] = "";
        int32_t me;

        if (readlinkat(s->proc_fd, "self", self, sizeof self - 1) <= 0)
                return false;
        me = (int32_t)strtol(self, NULL, 10);
        if (me <= 1)
                return false;
        s->seeks = true;
        if (list(s, me - 1, INT32_MAX) < 0 || s->n_pids == 0 || s->pids[0] != me)
                return false;
        /* list() leaves out what is not above: what the kernel itself began with is seen by asking for all from there.
         */
        if (lseek(s->folder_fd, (off_t)me + PID_OFFSET, SEEK_SET) < 0 ||
            syscall(SYS_getdents64, s->folder_fd, s->entries, ENTRIES_SIZE) <= 0)
                return false;
        return entry_pid((const void *)s->entries) == me;
}

int scan_open(int proc_fd, struct scan *ret, struct error *err)
{
        _cleanup_(scan_close) struct scan s = { .proc_fd = proc_fd, .folder_fd = -1, .loadavg_fd = -1 };

        s.folder_fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s.folder_fd < 0)
                return error_set(err, errno, "cannot list /proc: %s", strerror(errno));
        s.loadavg_fd = openat(proc_fd, "loadavg", O_RDONLY | O_CLOEXEC);
        s.entries = malloc(ENTRIES_SIZE);
        if (!s.entries)
                return error_set(err, ENOMEM, "out of memory listing /proc");
        s.seeks = can_seek(&s);
        *ret = s;
        s = (struct scan){ .folder_fd = -1, .loadavg_fd = -1 };
        return 0;
}

void scan_close(struct scan *s)
{
        closep(&s->folder_fd);
        closep(&s->loadavg_fd);
        free(s->pids);
        free(s->entries);
        *s = (struct scan){ .folder_fd = -1, .loadavg_fd = -1 };
}

int scan_look(struct scan *s, int64_t now_ms, struct error *err)
{
        bool first = s->all_at_ms == 0, known = false, all;
        int32_t newest = 0, above = s->newest;
        int64_t threads = 0, since_all_ms = now_ms - s->all_at_ms;
        char text[128];
        ssize_t n = pread(s->loadavg_fd, text, sizeof text - 1, 0);
        int r;

        if (n > 0) {
                text[n] = '\0';
                known = loadavg_parse(text, &threads, &newest);
        }
        all = first || !known || newest < s->newest || since_all_ms >= ALL_EVERY_MS ||
              (newest == s->newest && threads > s->threads && since_all_ms >= CHOSEN_EVERY_MS);
        s->threads = threads;
        if (!all && newest == s->newest)
                return SCAN_NOTHING;
        s->newest = newest;
        /* Pids are given out in a circle: those beyond the newest are older than the turn before. */
        r = all ? list(s, 0, INT32_MAX) : list(s, above, newest);
        if (r < 0)
                return error_set(err, -r, "cannot list /proc: %s", strerror(-r));
        if (all)
                s->all_at_ms = now_ms ? now_ms : 1;
        return all ? SCAN_ALL : SCAN_NEWER;
}
