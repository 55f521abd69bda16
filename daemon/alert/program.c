/* Running the program that alerts go to. */
#include "alert/program.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct environment {
        char lines[6][1024];
        char *list[7];
        size_t n;
};

static void add(struct environment *e, const char *name, const char *value)
{
        char *line = e->lines[e->n];

        if (value && snprintf(line, sizeof e->lines[0], "%s=%s", name, value) < (int)sizeof e->lines[0])
                e->list[e->n++] = line;
}

/* What the alert says of itself in short, for programs that read no JSON. */
static int add_alert(struct environment *e, const char *body, size_t size, struct error *err)
{
        json_error_t where;
        json_t *alert = json_loadb(body, size, 0, &where);
        const json_t *finding = json_object_get(alert, "finding");
        char number[24];

        if (!json_is_object(finding)) {
                json_decref(alert);
                return error_set(err, EINVAL, "the alert in the outbox is damaged");
        }
        snprintf(number, sizeof number, "%" PRId64, (int64_t)json_integer_value(json_object_get(finding, "id")));
        add(e, "MEMTIDE_EVENT", json_string_value(json_object_get(alert, "event")));
        add(e, "MEMTIDE_FINDING", number);
        add(e, "MEMTIDE_KIND", json_string_value(json_object_get(finding, "kind")));
        add(e, "MEMTIDE_SEVERITY", json_string_value(json_object_get(finding, "severity")));
        json_decref(alert);
        return 0;
}

int program_become(const char *path, const char *body, size_t size, struct error *err)
{
        const char *paths = getenv("PATH"), *lang = getenv("LANG");
        char *const argv[] = { (char *)path, NULL };
        struct environment e = {};
        int r;

        add(&e, "PATH", paths ? paths : PATH_DEFAULT);
        add(&e, "LANG", lang ? lang : "C.UTF-8");
        r = add_alert(&e, body, size, err);
        if (r < 0)
                return r;
        execve(path, argv, e.list);
        return error_set(err, errno, "cannot execute %s: %s", path, strerror(errno));
}
