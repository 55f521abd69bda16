/* What a process's control group says. */
#include "proc/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

enum {
        ID_DIGITS = 64,      /* of a container's id in Docker, containerd, CRI-O and Podman */
        ID_SHOWN = 12,       /* as `docker ps` shows them */
};

void cgroup_done(struct cgroup *c)
{
        free(c->path);
        free(c->unit);
        free(c->container);
        *c = (struct cgroup){};
}

/* One line: "ID:controllers:path"; a path may hold colons itself. */
struct line {
        const char *controllers, *path;
        size_t n_controllers, n_path;
};

static const char *take_line(const char *text, struct line *ret)
{
        const char *end = strchrnul(text, '\n'), *first = memchr(text, ':', (size_t)(end - text)), *second;

        *ret = (struct line){};
        second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;
        if (second) {
                ret->controllers = first + 1;
                ret->n_controllers = (size_t)(second - first - 1);
                ret->path = second + 1;
                ret->n_path = (size_t)(end - second - 1);
                if (ret->n_path > 10 && memcmp(end - 10, " (deleted)", 10) == 0)
                        ret->n_path -= 10;
        }
        return *end ? end + 1 : end;
}

static bool has_controller(const struct line *l, const char *name)
{
        size_t n = strlen(name);

        for (const char *p = l->controllers, *end = p + l->n_controllers; p && p < end;) {
                const char *comma = memchr(p, ',', (size_t)(end - p));
                size_t one = (size_t)((comma ? comma : end) - p);

                if (one == n && memcmp(p, name, n) == 0)
                        return true;
                p += one + 1;
        }
        return false;
}

/* systemd writes what a name can't hold as \xNN: shown as it was meant, where that can be shown. */
static char *unescape(const char *text, size_t size)
{
        char *ret = malloc(size + 1), *to = ret;

        for (size_t i = 0; ret && i < size; i++) {
                bool escaped = text[i] == '\\' && i + 3 < size && text[i + 1] == 'x' &&
                               isxdigit((unsigned char)text[i + 2]) && isxdigit((unsigned char)text[i + 3]);
                char digits[3] = { escaped ? text[i + 2] : '\0', escaped ? text[i + 3] : '\0', '\0' };
                unsigned long value = strtoul(digits, NULL, 16);

                if (value > ' ' && value < 0x7f && value != '/') {
                        *to++ = (char)value;
                        i += 3;
                } else {
                        *to++ = text[i];
                }
        }
        if (ret)
                *to = '\0';
        return ret;
}

static char *unescape_utf8(const char *text, size_t size)
{
        _cleanup_(freep) char *plain = unescape(text, size);

        return plain ? text_to_utf8(plain, strlen(plain), NULL) : NULL;
}

static bool is_id(const char *text, size_t size)
{
        return size == ID_DIGITS && strspn(text, "0123456789abcdef") >= ID_DIGITS;
}

/* A container's id or name in one component of a path: its beginning and size, 0: none. before: the component above. */
static size_t container_in(const char *part, size_t size, const char *before, size_t n_before, const char **ret)
{
        static const char scope[] = ".scope", machine[] = "machine-", payload[] = "lxc.payload.";
        const char *dash;

        if (is_id(part, size)) { /* /docker/ID, /kubepods/…/ID, /ecs/…/ID */
                *ret = part;
                return ID_SHOWN;
        }
        if ((n_before == 3 && memcmp(before, "lxc", 3) == 0) ||
            (n_before == 11 && memcmp(before, "lxc.payload", 11) == 0)) {
                *ret = part;
                return size;
        }
        if (size > sizeof payload - 1 && memcmp(part, payload, sizeof payload - 1) == 0) {
                *ret = part + sizeof payload - 1;
                return size - (sizeof payload - 1);
        }
        if (size <= sizeof scope - 1 || memcmp(part + size - (sizeof scope - 1), scope, sizeof scope - 1) != 0)
                return 0;
        size -= sizeof scope - 1;
        if (size > sizeof machine - 1 && memcmp(part, machine, sizeof machine - 1) == 0) { /* systemd-nspawn, libvirt */
                *ret = part + sizeof machine - 1;
                return size - (sizeof machine - 1);
        }
        /* docker-ID, cri-containerd-ID, libpod-ID; libpod-conmon-ID only watches one */
        dash = memrchr(part, '-', size);
        if (dash && is_id(dash + 1, size - (size_t)(dash + 1 - part)) && !memmem(part, size, "conmon", 6)) {
                *ret = dash + 1;
                return ID_SHOWN;
        }
        return 0;
}

/* The innermost unit and container that a path names, where they aren't known yet. */
static int read_path(const char *path, size_t size, struct cgroup *c)
{
        const char *unit = NULL, *container = NULL, *before = "", *end = path + size;
        size_t n_unit = 0, n_container = 0, n_before = 0;

        for (const char *p = path; p < end;) {
                const char *slash = memchr(p, '/', (size_t)(end - p)), *found;
                size_t n = (size_t)((slash ? slash : end) - p), n_found;

                if (n > 8 && memcmp(p + n - 8, ".service", 8) == 0) {
                        unit = p;
                        n_unit = n;
                }
                n_found = container_in(p, n, before, n_before, &found);
                if (n_found) {
                        container = found;
                        n_container = n_found;
                }
                before = p;
                n_before = n;
                p += n + 1;
        }
        if (!c->unit && unit && !(c->unit = unescape_utf8(unit, n_unit)))
                return -ENOMEM;
        if (!c->container && container && !(c->container = unescape_utf8(container, n_container)))
                return -ENOMEM;
        return 0;
}

int cgroup_parse(const char *text, struct cgroup *ret)
{
        _cleanup_(cgroup_done) struct cgroup c = {};
        struct line v2 = {}, memory = {}, systemd = {}, chosen;

        while (*text) {
                struct line l;

                text = take_line(text, &l);
                if (!l.path)
                        continue;
                if (l.n_controllers == 0)
                        v2 = l;
                else if (has_controller(&l, "memory"))
                        memory = l;
                else if (has_controller(&l, "name=systemd"))
                        systemd = l;
        }
        c.v1 = memory.path != NULL;
        chosen = memory.path ? memory : v2.n_path > 1 || !systemd.path ? v2 : systemd;
        if (chosen.path && !(c.path = text_to_utf8(chosen.path, chosen.n_path, NULL)))
                return -ENOMEM;
        if (read_path(chosen.path, chosen.n_path, &c) < 0 || read_path(systemd.path, systemd.n_path, &c) < 0 ||
            read_path(v2.path, v2.n_path, &c) < 0)
                return -ENOMEM;
        *ret = c;
        c = (struct cgroup){};
        return 0;
}

/* What is below our top of the hierarchy, which a mount or a namespace may have put elsewhere; NULL: it isn't below. */
static const char *below_root(const char *path, const char *root)
{
        size_t n = root && strcmp(root, "/") != 0 ? strlen(root) : 0;

        if (path[0] != '/' || strncmp(path, root ? root : "", n) != 0 || (path[n] != '/' && path[n] != '\0'))
                return NULL;
        path += n;
        return strstr(path, "/../") || text_ends(path, "/..") ? NULL : path;
}

bool cgroup_folder(const struct proc *p, const struct cgroup *c, char *ret, size_t room)
{
        const char *below = c->path ? below_root(c->path, c->v1 ? p->v1_root : p->v2_root) : NULL;
        int n;

        if (p->cgroup_fd < 0 || !below)
                return false;
        n = snprintf(ret, room, "%s%s", c->v1 ? "memory" : ".", below);
        if (n < 0 || (size_t)n >= room)
                return false;
        while (ret[n - 1] == '/')
                ret[--n] = '\0';
        return true;
}

int64_t cgroup_read_number(const struct proc *p, const char *folder, const char *file)
{
        char path[PATH_MAX + 64], text[64], *end;
        uint64_t value;

        snprintf(path, sizeof path, "%s/%s", folder, file);
        if (file_read_at(p->cgroup_fd, path, text, sizeof text) <= 0 || !isdigit((unsigned char)text[0]))
                return -1;
        value = strtoull(text, &end, 10);
        return (*end != '\n' && *end != '\0') || value >= UINT64_C(1) << 62 ? -1 : (int64_t)value;
}

int64_t cgroup_limit(const struct proc *p, const struct cgroup *c)
{
        char folder[PATH_MAX];
        int64_t lowest = -1;

        if (!cgroup_folder(p, c, folder, sizeof folder))
                return -1;
        for (int level = 0; level < CGROUP_LEVELS_MAX; level++) {
                int64_t limit = cgroup_read_number(p, folder, c->v1 ? "memory.limit_in_bytes" : "memory.max");
                char *slash = strrchr(folder, '/');

                if (limit >= 0 && (lowest < 0 || limit < lowest))
                        lowest = limit;
                if (!slash)
                        break;
                *slash = '\0';
        }
        return lowest;
}
