/* What reading a process's heap costs on this kernel at the least: every private anonymous writable mapping copied once with
 * process_vm_readv(2), 512 KiB a call into one buffer, and nothing done with it.
 *
 *     heap_floor PID
 *
 * Prints CPU milliseconds, milliseconds by the wall, and bytes. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#define CHUNK (512u << 10)
#define MAPPINGS_MOST 65536

struct mapping {
        uint64_t from, to;
};

static double clock_ms(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int mappings(const char *pid, struct mapping *ret)
{
        char path[64], line[4600], rights[8];
        int n = 0, name;
        FILE *f;

        snprintf(path, sizeof path, "/proc/%s/maps", pid);
        f = fopen(path, "re");
        if (!f)
                return -1;
        while (n < MAPPINGS_MOST && fgets(line, sizeof line, f))
                if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s 0 %n", &ret[n].from, &ret[n].to, rights, &name) == 3 &&
                    strncmp(rights, "rw-p", 4) == 0 && (line[name] == '\0' || strncmp(line + name, "[anon", 5) == 0))
                        n++;
        fclose(f);
        return n;
}

int main(int argc, char **argv)
{
        static struct mapping all[MAPPINGS_MOST];
        static char to[CHUNK];
        const pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
        const int n = pid > 0 ? mappings(argv[1], all) : -1;
        double cpu, wall;
        uint64_t bytes = 0;

        if (n < 0)
                return fprintf(stderr, "usage: heap_floor PID\n"), 2;
        cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
        wall = clock_ms(CLOCK_MONOTONIC);
        for (int i = 0; i < n; i++)
                for (uint64_t at = all[i].from; at < all[i].to; at += CHUNK) {
                        const size_t size = all[i].to - at < CHUNK ? all[i].to - at : CHUNK;
                        const ssize_t got = process_vm_readv(pid, &(struct iovec){ to, size }, 1,
                                                             &(struct iovec){ (void *)at, size }, 1, 0);

                        bytes += got > 0 ? (uint64_t)got : 0;
                }
        printf("%.3f %.3f %" PRIu64 "\n", clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu, clock_ms(CLOCK_MONOTONIC) - wall, bytes);
        return 0;
}
