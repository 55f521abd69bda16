/* What a process has mapped. */
#include "pyheap/mappings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static enum mapping_kind kind_of(const char *path, bool shared)
{
        static const char *const shmem[] = { "/dev/shm/", "/memfd:", "/SYSV", "/dev/zero", "[anon_shmem:" };

        for (size_t i = 0; i < sizeof shmem / sizeof *shmem; i++)
                if (text_starts(path, shmem[i]))
                        return MAPPING_SHMEM;
        if (!*path || text_starts(path, "[anon:"))
                return shared ? MAPPING_SHMEM : MAPPING_ANONYMOUS;
        if (strcmp(path, "[heap]") == 0)
                return MAPPING_HEAP;
        if (text_starts(path, "[stack"))
                return MAPPING_STACK;
        return *path == '[' ? MAPPING_KERNEL : MAPPING_FILE;
}

/* "7f0c1000-7f0c2000 rw-p 00000000 08:01 1234   /path with spaces" */
static bool parse_mapping(const char *line, struct mapping *ret, const char **ret_path)
{
        char mode[5] = "";
        int path_at = 0;

        *ret = (struct mapping){ .rss_bytes = -1 };
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %*u %n", &ret->start, &ret->end, mode,
                   &ret->offset, &path_at) < 4 || !path_at || ret->end <= ret->start)
                return false;
        ret->readable = mode[0] == 'r';
        ret->writable = mode[1] == 'w';
        ret->shared = mode[3] == 's';
        *ret_path = line + path_at;
        ret->kind = kind_of(*ret_path, ret->shared);
        return true;
}

static int add_mapping(struct mappings *m, struct mapping *found, const char *path, struct error *err)
{
        if (m->n == MAPPINGS_MOST) {
                m->cut = true;
                return 0;
        }
        if (m->n && found->start < m->v[m->n - 1].end)
                return 0;
        if (m->n == m->room) {
                size_t room = m->room ? 2 * m->room : 256;
                struct mapping *v = realloc(m->v, room * sizeof *v);

                if (!v)
                        return error_set(err, ENOMEM, "out of memory for the mappings of a process");
                m->v = v;
                m->room = room;
        }
        if (found->kind == MAPPING_FILE) {
                found->path = strdup(path);
                if (!found->path)
                        return error_set(err, ENOMEM, "out of memory for the mappings of a process");
        }
        m->v[m->n++] = *found;
        return 0;
}

int mappings_load(FILE *from, struct mappings *ret, struct error *err)
{
        _cleanup_(freep) char *line = NULL;
        struct mappings m = {};
        size_t room = 0;
        ssize_t size;
        int r = 0;

        while (r == 0 && (size = getline(&line, &room, from)) >= 0) {
                struct mapping found;
                const char *path;
                int64_t kib;

                if (size && line[size - 1] == '\n')
                        line[size - 1] = 0;
                if (m.n && !m.cut && sscanf(line, "Rss: %" SCNd64 " kB", &kib) == 1 && kib >= 0 && kib < INT64_MAX / 1024)
                        m.v[m.n - 1].rss_bytes = kib * 1024;
                else if (parse_mapping(line, &found, &path))
                        r = add_mapping(&m, &found, path, err);
        }
        if (r == 0 && ferror(from))
                r = error_set(err, errno ? errno : EIO, "cannot read what is mapped: %s", strerror(errno ? errno : EIO));
        if (r < 0)
                mappings_done(&m);
        else
                *ret = m;
        return r;
}

void mappings_done(struct mappings *m)
{
        for (size_t i = 0; i < m->n; i++)
                free(m->v[i].path);
        free(m->v);
        *m = (struct mappings){};
}

const struct mapping *mappings_find(const struct mappings *m, uint64_t address)
{
        size_t low = 0, high = m->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (address >= m->v[middle].end)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < m->n && address >= m->v[low].start ? &m->v[low] : NULL;
}

bool mappings_writable(const struct mappings *m, uint64_t address)
{
        const struct mapping *found = mappings_find(m, address);

        return found && found->writable;
}
