/* What a command line runs. One row per tool in the table below; where the arguments don't name the application, the
 * unit or the working folder does. */
#include "proc/framework.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "proc/launch.h"

/* A piece of text that isn't NUL-terminated. */
struct piece {
        const char *text;
        size_t size;
};

/* The arguments of a tool, and what it finds in them. */
struct search {
        const char *tool;       /* its name */
        const char *title;      /* args[0] where that is no Python ("gunicorn: master [shop:app]"), or NULL */
        const char *what;       /* launch's: the script's path, the module */
        char *const *args;
        size_t n;
        const struct surroundings *around;
        struct program *found;
};

static bool is_one_of(struct piece p, const char *const *words)
{
        for (; *words; words++)
                if (p.size == strlen(*words) && memcmp(p.text, *words, p.size) == 0)
                        return true;
        return false;
}

static struct piece piece_of(const char *text)
{
        return (struct piece){ text, strlen(text) };
}

static struct piece base_of(struct piece path)
{
        const char *slash;

        while (path.size > 1 && path.text[path.size - 1] == '/')
                path.size--;
        slash = memrchr(path.text, '/', path.size);
        if (slash && path.size > 1)
                return (struct piece){ slash + 1, (size_t)(path.text + path.size - slash - 1) };
        return path;
}

/* What is before the last slash; nothing where there is none. */
static struct piece parent_of(struct piece path)
{
        const char *slash = memrchr(path.text, '/', path.size);

        return (struct piece){ path.text, slash ? (size_t)(slash - path.text) : 0 };
}

static int found_piece(struct search *s, struct piece p, bool relative)
{
        s->found->application = strndup(p.text, p.size);
        s->found->relative = relative;
        return s->found->application ? 0 : -ENOMEM;
}

/* Names that say what a module is for, not whose it is. */
static bool is_generic(struct piece p)
{
        static const char *const words[] = { "wsgi", "asgi", "app", "application", "main", "server", "celery",
                                             "celery_app",
                                             "celeryapp", "tasks", "worker", "settings", "huey", "manage", "run",
                                                     "index",
                                             "uwsgi", "config", "production", "__init__", "__main__", NULL };

        return is_one_of(p, words);
}

/* The folder that names a project: /srv/shop/current is of shop. Size 0: nothing does. */
static struct piece project_of(struct piece folder)
{
        static const char *const words[] = { "src", "app", "code", "web", "backend", "current", ".", NULL };
        struct piece name = base_of(folder);

        while (is_one_of(name, words) && parent_of(folder).size > 0) {
                folder = parent_of(folder);
                name = base_of(folder);
        }
        if (name.size == 1 && (name.text[0] == '/' || name.text[0] == '.'))
                name.size = 0;
        return name;
}

/* Units that are somebody's whole session, or made up for one start, name no application. */
static bool unit_names(const char *unit)
{
        return unit && text_ends(unit, ".service") && !text_starts(unit, "run-") && !text_starts(unit, "user@");
}

static int find_around(struct search *s)
{
        const struct surroundings *a = s->around;
        struct piece project = {};

        if (unit_names(a->unit))
                return found_piece(s, (struct piece){ a->unit, strlen(a->unit) - strlen(".service") }, false);
        if (a->folder)
                project = project_of(piece_of(a->folder));
        if (project.size)
                return found_piece(s, project, true);
        return found_piece(s, piece_of(s->tool), true);
}

/* "shop:app", "shop.wsgi:application", "proj.celery", "/srv/shop/wsgi.py", "shop:create_app('x')": all but what is
 * generic. */
static int find_import(struct search *s, const char *value)
{
        struct piece p = { value, strcspn(value, ":(") }, base;
        bool is_path = memchr(p.text, '/', p.size) || (p.size > 3 && memcmp(p.text + p.size - 3, ".py", 3) == 0);
        const char *dot;

        if (p.size == 0)
                return find_around(s);
        if (is_path) {
                base = base_of(p);
                dot = memrchr(base.text, '.', base.size);
                if (dot > base.text)
                        base.size = (size_t)(dot - base.text);
                if (is_generic(base) && project_of(parent_of(p)).size)
                        return found_piece(s, project_of(parent_of(p)), p.text[0] != '/');
                return found_piece(s, base, p.text[0] != '/');
        }
        while ((dot = memrchr(p.text, '.', p.size)) && dot > p.text &&
               is_generic((struct piece){ dot + 1, (size_t)(p.text + p.size - dot - 1) }))
                p.size = (size_t)(dot - p.text);
        return found_piece(s, p, is_generic(p));
}

/* The value of an option in "--name V", "--name=V", "-n V", "-nV". names: its forms, NULL-terminated. */
static const char *option_value(const struct search *s, const char *const *names)
{
        for (size_t i = 0; i < s->n; i++)
                for (const char *const *name = names; *name; name++) {
                        size_t size = strlen(*name);
                        const char *rest = s->args[i] + size;

                        if (strncmp(s->args[i], *name, size) != 0)
                                continue;
                        if (!*rest)
                                return i + 1 < s->n ? s->args[i + 1] : NULL;
                        if (*rest == '=')
                                return rest + 1;
                        if (size == 2)
                                return rest;
                }
        return NULL;
}
#define OPTION(s, ...) option_value(s, (const char *const[]){ __VA_ARGS__, NULL })

/* Options of the servers below that take no value: the next argument may be the application. */
static const char *const flags[] = {
        "--reload", "--preload", "--preload-app", "--daemon", "-D", "--check-config", "--print-config", "--spew", "-R",
        "--enable-stdio-inheritance", "--no-sendfile", "--sendfile", "--reuse-port", "--capture-output", "--log-syslog",
        "--proxy-protocol", "--initgroups", "--factory", "--proxy-headers", "--no-proxy-headers", "--server-header",
        "--no-server-header", "--date-header", "--no-date-header", "--use-colors", "--no-use-colors", "--access-log",
        "--no-access-log", "--debug", "--http2", "--no-ws", "--call", "--expose-tracebacks", "--no-expose-tracebacks",
        "--watch", "--verbose", "-v", "--quiet", "-q", "--skip-logging", "--use-spawn", "--noreload", "--insecure",
        "--flush-lock", "--no-periodic", "--simple", "-s", "-S", "--http-keep-alive", "--respawn-failed-workers",
        "--reload-use-polling", NULL,
};

/* "shop", "shop.wsgi", and with_attribute: "shop:app", "shop:create_app('x')"; no address, number or path. */
static bool is_import(const char *arg, bool with_attribute)
{
        const char *p = arg;

        if (!isalpha((unsigned char)*p) && *p != '_')
                return false;
        while (isalnum((unsigned char)*p) || *p == '_' || *p == '.' || *p == '-')
                p++;
        if (!with_attribute)
                return *p == '\0';
        return *p == ':' && (isalpha((unsigned char)p[1]) || p[1] == '_') && !strchr(p + 1, '/') && !strchr(p + 1, ':');
}

static const char *positional_import(const struct search *s)
{
        /* The last round is for flags that aren't known above. */
        static const struct { bool with_attribute, maybe_value; } rounds[] = { { true, false }, { false, false },
                                                                               { true, true } };

        for (size_t r = 0; r < sizeof rounds / sizeof *rounds; r++)
                for (size_t i = 0; i < s->n; i++) {
                        const char *before = i > 0 ? s->args[i - 1] : "";
                        bool is_value = before[0] == '-' && (before[1] == '-' || strlen(before) == 2) &&
                                        !strchr(before, '=') && !is_one_of(piece_of(before), flags);

                        if (is_value <= rounds[r].maybe_value && is_import(s->args[i], rounds[r].with_attribute))
                                return s->args[i];
                }
        return NULL;
}

static int find_positional(struct search *s)
{
        const char *value = positional_import(s);

        return value ? find_import(s, value) : find_around(s);
}

static int find_gunicorn(struct search *s)
{
        /* "gunicorn: worker [shop:app]"; a --name stands there instead of the application, so it wins here too. */
        const char *open = s->title ? strchr(s->title, '[') : NULL, *close = open ? strrchr(open, ']') : NULL, *value;

        if (close > open) {
                _cleanup_(freep) char *name = strndup(open + 1, (size_t)(close - open - 1));

                return name ? find_import(s, name) : -ENOMEM;
        }
        value = OPTION(s, "--name", "-n");
        if (!value)
                value = positional_import(s);
        if (!value)
                value = OPTION(s, "--paste", "--paster");
        return value ? find_import(s, value) : find_around(s);
}

static int find_uwsgi(struct search *s)
{
        static const char *const endings[] = { ".ini", ".yaml", ".yml", ".json", ".xml", ".toml" };
        const char *value = OPTION(s, "--module", "--wsgi", "-w", "--wsgi-file", "--file"), *mount;

        if (!value && (mount = OPTION(s, "--mount")) && strchr(mount, '='))
                value = strchr(mount, '=') + 1;
        if (!value)
                value = OPTION(s, "--ini", "--yaml", "--json", "--xml", "--toml");
        for (size_t i = 0; !value && i < s->n; i++)
                for (size_t e = 0; e < sizeof endings / sizeof *endings; e++)
                        if (s->args[i][0] != '-' && text_ends(s->args[i], endings[e]))
                                value = s->args[i];
        if (value && (strchr(value, '/') || strchr(value, '.')) && !text_ends(value, ".py")) {
                /* shop.ini is a path too, though find_import() takes no dot for one */
                struct piece p = { value, strcspn(value, ":") }, base = base_of(p);
                const char *dot = memrchr(base.text, '.', base.size);

                for (size_t e = 0; dot && e < sizeof endings / sizeof *endings; e++)
                        if (strncmp(dot, endings[e], strlen(endings[e])) == 0) {
                                base.size = (size_t)(dot - base.text);
                                if (!is_generic(base))
                                        return found_piece(s, base, value[0] != '/');
                                p = project_of(parent_of(p));
                                return p.size ? found_piece(s, p, value[0] != '/') : find_around(s);
                        }
        }
        return value ? find_import(s, value) : find_around(s);
}

static int find_app_option(struct search *s)
{
        const char *value = OPTION(s, "--app", "-A");

        return value ? find_import(s, value) : find_around(s);
}

static int find_celery(struct search *s)
{
        /* "[celeryd: celery@host:MainProcess] -active- (worker -A proj -l info)" */
        const char *open = s->title && s->title[0] == '[' ? strrchr(s->title, '(') : NULL;
        _cleanup_(freep) char *text = open ? strdup(open + 1) : NULL;
        char *words[64], *save = NULL;
        struct search title = *s;

        if (!open)
                return find_app_option(s);
        if (!text)
                return -ENOMEM;
        title.args = words;
        title.n = 0;
        for (char *w = strtok_r(text, " )", &save); w && title.n < 64; w = strtok_r(NULL, " )", &save))
                words[title.n++] = w;
        return find_app_option(&title);
}

static int find_django(struct search *s)
{
        const char *settings = OPTION(s, "--settings");
        struct piece project;

        if (s->what && text_ends(s->what, "manage.py")) {
                bool relative = s->what[0] != '/';

                project = project_of(parent_of(piece_of(s->what)));
                if (!project.size && relative && s->around->folder)
                        project = project_of(piece_of(s->around->folder));
                return project.size ? found_piece(s, project, relative) : find_around(s);
        }
        return settings ? find_import(s, settings) : find_around(s);
}

/* Airflow's and Jupyter's parts: "scheduler", "lab". A title has them behind a space. */
static int find_part(struct search *s)
{
        const char *space = s->title ? strchr(s->title, ' ') : NULL;

        if (space && isalpha((unsigned char)space[1]))
                return found_piece(s, (struct piece){ space + 1, strcspn(space + 1, " ") }, false);
        for (size_t i = 0; i < s->n; i++)
                if (s->args[i][0] != '-')
                        return found_piece(s, piece_of(s->args[i]), false);
        return find_around(s);
}

static int find_jupyter(struct search *s)
{
        static const char *const parts[] = { "lab", "notebook", "server", "hub", "kernel" };
        int r;

        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                if (strstr(s->tool, parts[i]))
                        return found_piece(s, piece_of(parts[i]), true);
        r = find_part(s);
        s->found->relative = true;
        return r;
}

static int find_streamlit(struct search *s)
{
        for (size_t i = 0; i + 1 < s->n; i++)
                if (strcmp(s->args[i], "run") == 0 && s->args[i + 1][0] != '-')
                        return found_piece(s, piece_of(s->args[i + 1]), s->args[i + 1][0] != '/');
        return find_around(s);
}

/* A script of this name, or python -m with it as the module or the package it is in. */
static const struct tool {
        const char *name, *framework;
        int (*find)(struct search *s);
        bool as_file; /* a script of this name with .py is the tool too, not somebody's own */
} tools[] = {
        { "flask", "flask", find_app_option },
        { "gunicorn", "gunicorn", find_gunicorn },
        { "gunicorn3", "gunicorn", find_gunicorn },
        { "uwsgi", "uwsgi", find_uwsgi },
        { "uwsgi-core", "uwsgi", find_uwsgi },
        { "celery", "celery", find_celery },
        { "celeryd", "celery", find_celery },
        { "django", "django", find_django },
        { "django-admin", "django", find_django, true },
        { "manage", "django", find_django, true },
        { "uvicorn", "uvicorn", find_positional },
        { "hypercorn", "hypercorn", find_positional },
        { "daphne", "daphne", find_positional },
        { "waitress-serve", "waitress", find_positional },
        { "waitress", "waitress", find_positional },
        { "granian", "granian", find_positional },
        { "dramatiq", "dramatiq", find_positional },
        { "dramatiq-gevent", "dramatiq", find_positional },
        { "huey_consumer", "huey", find_positional, true },
        { "huey", "huey", find_positional },
        { "rq", "rq", find_around },
        { "rqworker", "rq", find_around },
        { "airflow", "airflow", find_part },
        { "jupyter", "jupyter", find_jupyter },
        { "jupyter-lab", "jupyter", find_jupyter },
        { "jupyter-notebook", "jupyter", find_jupyter },
        { "jupyter-server", "jupyter", find_jupyter },
        { "jupyterhub", "jupyter", find_jupyter },
        { "jupyterlab", "jupyter", find_jupyter },
        { "jupyter_server", "jupyter", find_jupyter },
        { "notebook", "jupyter", find_jupyter },
        { "ipykernel", "jupyter", find_jupyter },
        { "ipykernel_launcher", "jupyter", find_jupyter, true },
        { "streamlit", "streamlit", find_streamlit },
};

static const struct tool *tool_of(const struct launch *l)
{
        struct piece name = piece_of(l->what);
        bool is_file = false;

        if (l->kind == LAUNCH_MODULE) {
                name.size = strcspn(name.text, ".");
        } else {
                if (l->kind == LAUNCH_PROGRAM) {
                        name.text += name.text[0] == '['; /* "[celeryd: …" */
                        name.size = strcspn(name.text, ": ");
                }
                name = base_of(name);
                is_file = name.size > 3 && memcmp(name.text + name.size - 3, ".py", 3) == 0;
                name.size -= is_file ? 3 : 0;
        }
        for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
                if (name.size == strlen(tools[i].name) && memcmp(name.text, tools[i].name, name.size) == 0 &&
                    is_file <= tools[i].as_file)
                        return &tools[i];
        return NULL;
}

/* multiprocessing's spawn and forkserver, billiard's, and joblib's. */
static bool is_spawned(const struct launch *l)
{
        return (l->kind == LAUNCH_CODE && (text_starts(l->what, "from multiprocessing.") ||
                                           text_starts(l->what, "from billiard."))) ||
               (l->kind == LAUNCH_MODULE && text_starts(l->what, "joblib.externals.loky."));
}

static int find_plain(struct search *s, enum launch_kind kind)
{
        const char *name = s->around->name && *s->around->name ? s->around->name : "python";

        switch (kind) {
        case LAUNCH_CODE:
                return found_piece(s, piece_of("python -c"), false);
        case LAUNCH_SCRIPT:
                return found_piece(s, piece_of(s->what), s->what[0] != '/');
        case LAUNCH_MODULE:
                return found_piece(s, piece_of(s->what), false);
        case LAUNCH_PROGRAM:
                if (!*s->what || strpbrk(s->what, " :[]"))
                        break;
                return found_piece(s, piece_of(s->what), s->what[0] != '/' && strchr(s->what, '/'));
        case LAUNCH_INTERACTIVE:
                name = "python";
                break;
        }
        return found_piece(s, piece_of(name), false);
}

int program_find(char *const *args, size_t n, const struct surroundings *around, struct program *ret)
{
        _cleanup_(program_done) struct program found = {};
        struct launch l = launch_parse(args, n, around->is_python);
        struct search s = { .what = l.what, .args = l.rest, .n = l.n_rest, .around = around, .found = &found };
        const struct tool *tool = l.kind == LAUNCH_CODE || !l.what ? NULL : tool_of(&l);
        int r;

        if (tool) {
                s.tool = tool->name;
                s.title = l.kind == LAUNCH_PROGRAM ? l.what : NULL;
                found.framework = tool->framework;
                r = tool->find(&s);
        } else {
                found.spawned = is_spawned(&l);
                r = find_plain(&s, l.kind);
        }
        if (r < 0)
                return r;
        *ret = found;
        found = (struct program){};
        return 0;
}

void program_done(struct program *p)
{
        free(p->application);
        *p = (struct program){};
}
