/* The costlier figures of a process.
 *
 * Not by libproc2, which was tried (4.0.2): it has no VmHWM, so status would be read twice; it says 0 for what can't
 * be read; and it costs 28 to 36 us a reading where open, read and close cost 5 to 11. */
#include "proc/detail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "proc/parse.h"

int64_t detail_cpu_ns(int32_t pid)
{
        struct timespec t;

        /* The kernel's CPUCLOCK_SCHED of a whole process; clock_getcpuclockid(3) gives the same with one more system
         * call. */
        if (clock_gettime((clockid_t)((~(unsigned)pid << 3) | 2), &t) < 0)
                return -1;
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Since Linux 6.2 the size of the folder is the count, readable by everybody; before that it is 0. */
static int64_t count_fds(const struct proc *p, int32_t pid)
{
        char path[32];
        struct stat st;
        int64_t n = 0;
        DIR *folder;
        int fd;

        snprintf(path, sizeof path, "%d/fd", pid);
        if (fstatat(p->fd, path, &st, 0) < 0)
                return -1;
        if (st.st_size > 0)
                return st.st_size;
        fd = openat(p->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        folder = fdopendir(fd);
        if (!folder) {
                close(fd);
                return -1;
        }
        for (const struct dirent *e; (e = readdir(folder));)
                n += e->d_name[0] != '.';
        closedir(folder);
        return n;
}

void detail_read(const struct proc *p, const struct process_id *id, struct detail *ret, struct address_use *ret_use)
{
        char path[32], text[4096];
        int64_t cpu_ns = detail_cpu_ns(id->pid);

        *ret = DETAIL_UNKNOWN;
        *ret_use = (struct address_use){ -1, -1 };
        if (cpu_ns >= 0)
                ret->cpu_ms = cpu_ns / 1000000;
        snprintf(path, sizeof path, "%d/status", id->pid);
        if (file_read_at(p->fd, path, text, sizeof text) > 0) {
                ret->swap_bytes = field_parse_kib(text, "VmSwap");
                ret->peak_rss_bytes = field_parse_kib(text, "VmHWM");
                ret->threads = field_parse(text, "Threads");
                ret_use->size_bytes = field_parse_kib(text, "VmSize");
                ret_use->data_bytes = field_parse_kib(text, "VmData");
        }
        ret->fds = count_fds(p, id->pid);
        proc_busy(p, id->pid, id->start_ticks);
        snprintf(path, sizeof path, "%d/io", id->pid);
        if (file_read_at(p->fd, path, text, sizeof text) > 0) {
                ret->rchar_bytes = field_parse(text, "rchar");
                ret->read_bytes = field_parse(text, "read_bytes");
        }
        proc_idle(p);
}

/* smaps_rollup whole; false where it can't be read. */
static bool read_rollup(const struct proc *p, const struct process_id *id, char *text, size_t room)
{
        char path[32];
        ssize_t n;

        snprintf(path, sizeof path, "%d/smaps_rollup", id->pid);
        proc_busy(p, id->pid, id->start_ticks);
        n = file_read_at(p->fd, path, text, room);
        proc_idle(p);
        return n > 0;
}

bool detail_read_rollup(const struct proc *p, const struct process_id *id, struct detail *ret)
{
        char text[4096];
        int64_t pss, clean, dirty, huge;

        if (!read_rollup(p, id, text, sizeof text))
                return false;
        pss = field_parse_kib(text, "Pss");
        clean = field_parse_kib(text, "Private_Clean");
        dirty = field_parse_kib(text, "Private_Dirty");
        huge = field_parse_kib(text, "Private_Hugetlb");
        if (pss < 0 || clean < 0 || dirty < 0)
                return false;
        ret->pss_bytes = pss;
        ret->uss_bytes = clean + dirty + (huge > 0 ? huge : 0);
        return true;
}

void detail_read_exact(const struct proc *p, const struct process_id *id, struct report_exact *ret)
{
        char text[4096];

        *ret = (struct report_exact){ -1, -1, -1 };
        if (!read_rollup(p, id, text, sizeof text))
                return;
        ret->rss_bytes = field_parse_kib(text, "Rss");
        ret->anon_bytes = field_parse_kib(text, "Anonymous");
        ret->swap_bytes = field_parse_kib(text, "Swap");
        if (ret->rss_bytes < 0 || ret->anon_bytes < 0)
                *ret = (struct report_exact){ -1, -1, -1 };
}
