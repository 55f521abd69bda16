/* Which pages of a process were ever touched. */
#include "pyheap/pagemap.h"

#include <unistd.h>

/* A word a page. */
static bool read_words(int fd, uint64_t start, uint64_t *ret, uint64_t n)
{
        return fd >= 0 && pread(fd, ret, n * sizeof *ret, (off_t)(start / PAGEMAP_PAGE * sizeof *ret)) == (ssize_t)(n * sizeof *ret);
}

void pagemap_read(int fd, uint64_t start, uint64_t end, struct pagemap_window *ret)
{
        ret->start = start;
        ret->known = read_words(fd, start, ret->words, (end - start) / PAGEMAP_PAGE);
}

bool pagemap_touched_at(int fd, uint64_t address)
{
        uint64_t word;

        return !read_words(fd, address, &word, 1) || word >> 62;
}
