/* Which packages outside the standard library have shared objects mapped, and which libc. */
#include "pyheap/libraries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define NAME_MOST 255 /* a file name's longest */

static bool is_shared_object(const char *path)
{
        const char *name = strrchr(path, '/'), *so = name ? strstr(name, ".so") : NULL;

        return so && (so[3] == 0 || so[3] == '.' || so[3] == ' '); /* "x.so", "x.so.6", "x.so (deleted)" */
}

/* The package of a path: "numpy" of ".../site-packages/numpy/core/x.so" and of "numpy.libs/libgfortran.so", which is what
 * wheels bring along; "_speedups" of "site-packages/_speedups.cpython-311-x86_64-linux-gnu.so". 0: of none. */
static size_t package_of(const char *path, const char **ret)
{
        static const char *const folders[] = { "/site-packages/", "/dist-packages/" };
        const char *from = NULL;
        size_t size;

        for (size_t i = 0; i < sizeof folders / sizeof *folders && !from; i++) {
                from = strstr(path, folders[i]);
                if (from)
                        from += strlen(folders[i]);
        }
        if (!from || strstr(path, "/lib-dynload/"))
                return 0;
        *ret = from;
        size = strcspn(from, "/.");
        return size <= NAME_MOST ? size : 0;
}

static const char *libc_of(const char *path)
{
        const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

        if (text_starts(name, "libc.so.6") || (text_starts(name, "libc-2.") && strstr(name, ".so")))
                return "glibc";
        return text_starts(name, "ld-musl-") || text_starts(name, "libc.musl-") ? "musl" : NULL;
}

static int add_library(struct look *look, const char *name, size_t size)
{
        char *text = text_to_utf8(name, size, NULL);

        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < look->n_libraries; i++)
                if (strcmp(look->libraries[i], text) == 0) {
                        free(text);
                        return 0;
                }
        look->libraries[look->n_libraries++] = text;
        return 0;
}

/* The kernel maps from high addresses to low ones, so the newest stands first in maps. */
int libraries_find(const struct mappings *maps, struct look *look)
{
        const char *libc = NULL;

        look->libraries = calloc(LIBRARIES_MOST, sizeof *look->libraries);
        if (!look->libraries)
                return -ENOMEM;
        for (size_t i = 0; i < maps->n; i++) {
                const char *path = maps->v[i].path, *name;
                size_t size;

                if (!path || !is_shared_object(path))
                        continue;
                if (!libc)
                        libc = libc_of(path);
                size = package_of(path, &name);
                if (size && look->n_libraries < LIBRARIES_MOST - 1 && add_library(look, name, size) < 0)
                        return -ENOMEM;
        }
        return libc ? add_library(look, libc, strlen(libc)) : 0;
}
