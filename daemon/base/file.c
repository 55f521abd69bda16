/* Small files, read whole and bounded. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"

static ssize_t read_fully(int fd, char *ret, size_t room)
{
        size_t have = 0;

        while (have < room) {
                ssize_t n = read(fd, ret + have, room - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                have += (size_t)n;
        }
        return (ssize_t)have;
}

ssize_t file_read_at(int folder_fd, const char *path, char *ret, size_t room)
{
        _cleanup_(closep) int fd = openat(folder_fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read_fully(fd, ret, room - 1);
        if (n >= 0)
                ret[n] = '\0';
        return n;
}

int file_load(int folder_fd, const char *path, size_t limit, char **ret, size_t *ret_size)
{
        _cleanup_(closep) int fd = openat(folder_fd, path, O_RDONLY | O_CLOEXEC);
        _cleanup_(buffer_done) struct buffer b = {};

        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t n;

                if (!buffer_reserve(&b, 4096))
                        return -ENOMEM;
                n = read_fully(fd, b.data + b.size, b.room - b.size);
                if (n < 0)
                        return (int)n;
                if (n == 0)
                        break;
                b.size += (size_t)n;
                if (b.size > limit)
                        return -EFBIG;
        }
        *ret = buffer_take(&b, ret_size);
        return *ret ? 0 : -ENOMEM;
}

int file_memory(const char *name, const void *bytes, size_t size)
{
        _cleanup_(closep) int fd = memfd_create(name, MFD_CLOEXEC);
        size_t done = 0;

        if (fd < 0)
                return -errno;
        while (done < size) {
                ssize_t n = pwrite(fd, (const char *)bytes + done, size - done, (off_t)done);

                if (n < 0)
                        return -errno;
                done += (size_t)n;
        }
        return take_fd(fd);
}
