/* The memory of a process as it was at one moment. */
#include "snapshot.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#define REGIONS_MOST 1000
#define REGION_MOST (UINT64_C(64) << 20)

static char *read_text(pid_t pid, const char *name)
{
        char path[64], *text = NULL;
        size_t size = 0, room = 0;
        ssize_t got;
        int fd;

        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                err(1, "%s", path);
        do {
                room = 2 * room + 65536;
                text = realloc(text, room);
                if (!text)
                        err(1, "%s", path);
                while (size + 1 < room && (got = read(fd, text + size, room - 1 - size)) > 0)
                        size += (size_t)got;
        } while (size + 1 == room);
        close(fd);
        text[size] = 0;
        return text;
}

static void copy_region(pid_t pid, uint64_t start, uint64_t end, struct snapshot *s)
{
        struct region region = { start, end, malloc(end - start) };
        struct iovec local = { region.bytes, end - start }, remote = { (void *)(uintptr_t)start, end - start };
        ssize_t got;

        if (!region.bytes)
                err(1, "a region of the interpreter");
        got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        if (got <= 0) { /* [vvar] */
                free(region.bytes);
                return;
        }
        region.end = start + (uint64_t)got;
        s->regions[s->n++] = region;
}

static void copy_regions(pid_t pid, struct snapshot *s)
{
        s->regions = calloc(REGIONS_MOST, sizeof *s->regions);
        if (!s->regions)
                err(1, "the regions of the interpreter");
        for (const char *line = s->maps; line && *line && s->n < REGIONS_MOST; line = strchr(line, '\n'), line += line != NULL) {
                uint64_t start, end;
                char mode[5];

                if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, mode) == 3 && mode[0] == 'r' &&
                    end > start && end - start <= REGION_MOST)
                        copy_region(pid, start, end, s);
        }
}

static pid_t spawn(const char *interpreter, const char *program, int *ret_input, int *ret_output)
{
        int input[2], output[2];
        pid_t pid;

        if (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
                err(1, "pipe2");
        pid = fork();
        if (pid < 0)
                err(1, "fork");
        if (pid == 0) {
                dup2(input[0], STDIN_FILENO);
                dup2(output[1], STDOUT_FILENO);
                setenv("PYTHONHASHSEED", "0", 1);
                personality(ADDR_NO_RANDOMIZE);
                execl(interpreter, interpreter, "-I", "-S", "-c", program, NULL);
                err(1, "%s", interpreter);
        }
        close(input[0]);
        close(output[1]);
        *ret_input = input[1];
        *ret_output = output[0];
        return pid;
}

void snapshot_take(const char *interpreter, const char *program, struct snapshot *ret)
{
        int input, output;
        pid_t pid = spawn(interpreter, program, &input, &output);
        char path[64], byte;
        ssize_t n;

        *ret = (struct snapshot){};
        if (read(output, &byte, 1) != 1)
                errx(1, "%s ended before its heap was ready", interpreter);
        ret->maps = read_text(pid, "maps");
        ret->smaps = read_text(pid, "smaps");
        snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
        n = readlink(path, ret->exe, sizeof ret->exe - 1);
        ret->exe[n > 0 ? n : 0] = 0;
        copy_regions(pid, ret);
        close(input);
        close(output);
        waitpid(pid, NULL, 0);
        if (!ret->n)
                errx(1, "the memory of %s could not be read", interpreter);
}

/* How much of the wanted size is there from this address on, at most to the region's end. */
static const unsigned char *at_address(const struct snapshot *s, uint64_t address, size_t *size)
{
        size_t low = 0, high = s->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (address >= s->regions[middle].end)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == s->n || address < s->regions[low].start)
                return NULL;
        if (*size > s->regions[low].end - address)
                *size = s->regions[low].end - address;
        return s->regions[low].bytes + (address - s->regions[low].start);
}

ssize_t snapshot_read(void *context, void *to, const struct iovec *pieces, size_t n)
{
        const struct snapshot *s = context;
        size_t got = 0;

        for (size_t i = 0; i < n; i++) {
                uint64_t address = (uintptr_t)pieces[i].iov_base;

                for (size_t left = pieces[i].iov_len; left > 0;) {
                        size_t size = left;
                        const unsigned char *from = at_address(s, address, &size);

                        if (!from)
                                return got ? (ssize_t)got : -EFAULT;
                        memcpy((unsigned char *)to + got, from, size);
                        got += size;
                        left -= size;
                        address += size;
                }
        }
        return (ssize_t)got;
}
