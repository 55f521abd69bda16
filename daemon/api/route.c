/* The routes, one row each, and the way of a request to its own: host, token, route, method, parameters. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "model/finding.h"

#define YEAR_MS (INT64_C(366) * 86400000)
#define FIELD(name) offsetof(struct query, name)

static const struct choice states[] = {
        { "running", STATE_RUNNING }, { "exited", STATE_EXITED }, { "all", STATE_ALL }, {},
};
static const struct choice list_formats[] = { { "json", FORMAT_JSON }, { "text", FORMAT_TEXT }, {} };
static const struct choice sample_formats[] = { { "json", FORMAT_JSON }, { "csv", FORMAT_CSV }, {} };
static const struct choice process_sorts[] = {
        { "rss", SORT_RSS }, { "growth", SORT_GROWTH }, { "pid", SORT_PID }, { "started", SORT_STARTED }, {},
};
static const struct choice app_sorts[] = { { "rss", SORT_RSS }, { "growth", SORT_GROWTH }, { "name", SORT_NAME }, {} };
static const struct choice finding_states[] = {
        { "open", FINDINGS_OPEN }, { "closed", FINDINGS_CLOSED }, { "all", FINDINGS_ALL }, {},
};
static const struct choice kinds[] = {
        { "leak", FINDING_LEAK }, { "step", FINDING_STEP }, { "limit", FINDING_LIMIT }, { "gc", FINDING_GC },
        { "fragmentation", FINDING_FRAGMENTATION }, {},
};
static const struct choice everything[] = { { "all", 1 }, {} };

#define STATE_PARAMETER \
        { "state", PARAMETER_CHOICE, FIELD(state), states, .allowed = "running, exited or all" }
#define Q_PARAMETER { "q", PARAMETER_TEXT, FIELD(q), .allowed = "text in UTF-8" }
#define LIMIT_PARAMETER(first, most) \
        { "limit", PARAMETER_NUMBER, FIELD(limit), .initial = first, .maximum = most, .allowed = "1 to " #most }
#define CURSOR_PARAMETER { "cursor", PARAMETER_TEXT, FIELD(cursor), .allowed = "what \"next\" of this listing was" }
#define FORMAT_PARAMETER(choices_, allowed_) \
        { "format", PARAMETER_CHOICE, FIELD(format), choices_, .allowed = allowed_ }
#define TIME_PARAMETER(name, field) \
        { name, PARAMETER_TIME, FIELD(field), .allowed = "a time as 2026-11-22T15:00:00Z, or how long ago as -2h" }

static const struct parameter no_parameters[] = { {} };
static const struct parameter processes_parameters[] = {
        STATE_PARAMETER,
        { "sort", PARAMETER_SORT, FIELD(sort), process_sorts, .initial = SORT_RSS, .descending = true,
          .allowed = "rss, growth, pid or started, with - before it for descending" },
        Q_PARAMETER,
        { "app", PARAMETER_TEXT, FIELD(app), .allowed = "an app's id or name" },
        LIMIT_PARAMETER(100, 1000),
        CURSOR_PARAMETER,
        FORMAT_PARAMETER(list_formats, "json or text"),
        {},
};
static const struct parameter apps_parameters[] = {
        STATE_PARAMETER,
        { "sort", PARAMETER_SORT, FIELD(sort), app_sorts, .initial = SORT_RSS, .descending = true,
          .allowed = "rss, growth or name, with - before it for descending" },
        Q_PARAMETER,
        LIMIT_PARAMETER(100, 1000),
        CURSOR_PARAMETER,
        FORMAT_PARAMETER(list_formats, "json or text"),
        {},
};
static const struct parameter findings_parameters[] = {
        { "state", PARAMETER_CHOICE, FIELD(state), finding_states, .allowed = "open, closed or all" },
        { "process", PARAMETER_TEXT, FIELD(process), .allowed = "a process's id, or a pid" },
        { "app", PARAMETER_TEXT, FIELD(app), .allowed = "an app's id or name" },
        { "kind", PARAMETER_CHOICE, FIELD(kind), kinds, .initial = -1,
          .allowed = "leak, step, limit, gc or fragmentation" },
        LIMIT_PARAMETER(100, 1000),
        CURSOR_PARAMETER,
        FORMAT_PARAMETER(list_formats, "json or text"),
        {},
};
/* Of one thing that can be shown as a page of text. */
static const struct parameter page_parameters[] = { FORMAT_PARAMETER(list_formats, "json or text"), {} };
static const struct parameter samples_parameters[] = {
        TIME_PARAMETER("since", since_ms),
        TIME_PARAMETER("until", until_ms),
        { "step", PARAMETER_DURATION, FIELD(step_ms), .maximum = YEAR_MS,
          .allowed = "a duration as 500ms, 5s, 10m, 2h or 30d, up to a year" },
        FORMAT_PARAMETER(sample_formats, "json or csv"),
        LIMIT_PARAMETER(10000, 10000),
        CURSOR_PARAMETER,
        {},
};
static const struct parameter events_parameters[] = { LIMIT_PARAMETER(1000, 1000), CURSOR_PARAMETER, {} };
static const struct parameter metrics_parameters[] = {
        { "processes", PARAMETER_CHOICE, FIELD(every_process), everything, .allowed = "all" },
        {},
};

struct route {
        const char *path; /* * stands for one part of any text: the id */
        void (*get)(struct call *c);
        const struct parameter *parameters;
        bool fresh;       /* needs what was committed last */
        bool open;        /* needs no token */
};

static const struct route routes[] = {
        { "/processes", get_processes, processes_parameters, .fresh = true },
        { "/processes/*", get_process, no_parameters, .fresh = true },
        { "/processes/*/samples", get_process_samples, samples_parameters, .fresh = true },
        { "/processes/*/events", get_process_events, events_parameters, .fresh = true },
        { "/processes/*/heap", get_process_heap, page_parameters, .fresh = true },
        { "/apps", get_apps, apps_parameters, .fresh = true },
        { "/apps/*", get_app, no_parameters, .fresh = true },
        { "/apps/*/samples", get_app_samples, samples_parameters, .fresh = true },
        { "/findings", get_findings, findings_parameters, .fresh = true },
        { "/findings/*", get_finding, page_parameters, .fresh = true },
        { "/metrics", get_metrics, metrics_parameters, .fresh = true },
        { "/healthz", get_healthz, no_parameters, .open = true },
};

void refuse(struct call *c, int status, const char *format, ...)
{
        char detail[512];
        va_list args;

        va_start(args, format);
        vsnprintf(detail, sizeof detail, format, args);
        va_end(args);
        answer_problem(c->answer, &c->api->pool, &(struct problem){ .status = status, .detail = detail });
}

static void refuse_parameter(struct call *c, int status, const char *parameter, const char *detail, const char *allowed)
{
        const struct problem p = { .status = status, .detail = detail, .parameter = parameter, .allowed = allowed };

        answer_problem(c->answer, &c->api->pool, &p);
}

void refuse_process(struct call *c)
{
        refuse(c, 404, "no process \"%.80s\" is known; an id is PID, PID-STARTTICKS or PID-STARTTICKS-BOOT", c->id);
}

void refuse_cursor(struct call *c)
{
        char detail[256];

        snprintf(detail, sizeof detail, "cursor is \"%.100s\", which is no place in this listing", c->query.cursor);
        refuse_parameter(c, 400, "cursor", detail, "what \"next\" of this listing was");
}

void refuse_old_cursor(struct call *c)
{
        refuse_parameter(c, 410, "cursor", "the cursor has expired; begin the listing anew, without it",
                         "what \"next\" of this listing was, for 10 minutes");
}

void refuse_database(struct call *c, const struct error *err)
{
        refuse(c, 503, "%s", err->text);
}

void finish_list(struct json *j, const char *next)
{
        json_add_key(j, "next");
        json_add_text(j, next);
        json_close(j, '}');
        json_end(j);
}

void link_next(struct call *c, const char *next)
{
        _cleanup_(buffer_done) struct buffer link = {};
        const char *pair = c->raw_query;

        if (!next)
                return;
        buffer_format(&link, "<%s?", c->path);
        while (pair && *pair) {
                size_t size = strcspn(pair, "&");

                if (size && strncmp(pair, "cursor=", 7) != 0)
                        buffer_format(&link, "%.*s&", (int)size, pair);
                pair += size + (pair[size] == '&');
        }
        buffer_format(&link, "cursor=%s>; rel=\"next\"", next);
        buffer_add_char(&link, '\0');
        if (!link.failed)
                answer_field(c->answer, "Link", link.data);
}

/* The id, where the pattern has its star: a whole part of the path, up to the next slash. */
static bool route_fits(const char *pattern, char *path, char **ret_id)
{
        char *star = strchr(pattern, '*') ? path + (strchr(pattern, '*') - pattern) : NULL, *end;

        *ret_id = NULL;
        if (!star)
                return strcmp(pattern, path) == 0;
        if (strncmp(pattern, path, (size_t)(star - path)) != 0)
                return false;
        end = star + strcspn(star, "/");
        if (end == star || strcmp(strchr(pattern, '*') + 1, end) != 0)
                return false;
        *ret_id = star;
        return true;
}

static const struct route *find_route(char *path, char **ret_id)
{
        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
                if (route_fits(routes[i].path, path, ret_id))
                        return &routes[i];
        return NULL;
}

static bool has_token(const struct api *api, const struct request *r)
{
        const char *sent = r->head.authorization;

        if (!api->token || r->over_unix)
                return true;
        if (!sent || strncasecmp(sent, "Bearer ", 7) != 0)
                return false;
        sent += 7 + strspn(sent + 7, " ");
        return secret_equal(api->token, sent, strlen(sent));
}

/* Seldom: a database that can't be read would else fill the log at the pace of the requests. */
static void complain(struct api *api, const struct error *err)
{
        int64_t now_ms = clock_boot_ms();

        if (api->complained_boot_ms && now_ms - api->complained_boot_ms < 60000)
                return;
        api->complained_boot_ms = now_ms;
        log_warning("answering from what was read before: %s", err->text);
}

/* An answer of the last tick is better than none: /healthz says how old it is. */
static bool freshen(struct call *c)
{
        struct error err = {};

        if (state_refresh(&c->api->state, &err) >= 0)
                return true;
        complain(c->api, &err);
        if (!c->api->state.newest)
                refuse_database(c, &err);
        return c->api->state.newest != NULL;
}

static void answer_route(struct call *c, const struct route *route, char *query)
{
        struct query_problem bad = {};
        struct cache *cache = &c->api->cache;
        char key[CACHE_KEY_MAX];

        c->query.now_ms = c->now_ms;
        snprintf(key, sizeof key, "%s?%s", c->path, c->raw_query ? c->raw_query : "");
        if (!query_parse(query, route->parameters, &c->query, &bad)) {
                refuse_parameter(c, 400, bad.parameter, bad.detail, bad.allowed);
                return;
        }
        c->text = c->query.format == FORMAT_TEXT ||
                  (c->query.format == FORMAT_DEFAULT && head_prefers_text(c->request->head.accept));
        if (!route->fresh) {
                route->get(c);
                return;
        }
        if (!freshen(c))
                return;
        if (strlen(key) + 2 >= sizeof key)
                key[0] = '\0';
        else
                strcat(key, c->text ? "T" : "J");
        if (!key[0] || !cache_find(cache, c->api->state.serial, clock_boot_ms(), key, c->answer)) {
                route->get(c);
                if (c->answer->cache)
                        cache_put(cache, key, c->answer);
        }
        if (c->answer->lead_size)
                answer_set_now(c->answer, clock_wall_ms());
}

/* Any name but our own is refused: a page elsewhere could make a browser ask under its name at our address. */
static bool check_host(struct call *c)
{
        const struct config *config = c->api->config;
        const char *host = c->request->head.host;
        char detail[384];

        if (!host || head_host_allowed(host, config->allow_host.items, config->allow_host.n_items))
                return true;
        snprintf(detail, sizeof detail, "Host is \"%.200s\", which is not served here; allow-host adds a name", host);
        refuse_parameter(c, 421, NULL, detail, "localhost, an IP address, or a name given by allow-host");
        return false;
}

static bool check_token(struct call *c, const struct route *route)
{
        if ((route && route->open) || has_token(c->api, c->request))
                return true;
        refuse(c, 401, "a token is needed: Authorization: Bearer TOKEN, with what is in memtided's token file");
        answer_field(c->answer, "WWW-Authenticate", "Bearer realm=\"memtide\"");
        return false;
}

/* The id in the path, decoded in place. */
static bool decode_path(struct call *c, char *path, char *id)
{
        char whole[HEAD_LINE_MAX];

        snprintf(whole, sizeof whole, "%s", path);
        if (!percent_decode(whole, false)) {
                refuse(c, 400, "the path has a broken percent escape, a NUL, or bytes that are not UTF-8");
                return false;
        }
        if (id) {
                id[strcspn(id, "/")] = '\0';
                percent_decode(id, false);
                c->id = id;
        }
        return true;
}

void api_answer(void *data, const struct request *request, struct answer *ret)
{
        const struct head *head = &request->head;
        char path[HEAD_LINE_MAX], raw_query[HEAD_LINE_MAX], *id = NULL;
        struct call c = { .api = data, .request = request, .answer = ret, .path = head->path,
                          .now_ms = clock_wall_ms() };
        const struct route *route;

        snprintf(path, sizeof path, "%s", head->path);
        route = find_route(path, &id);
        if (!check_host(&c) || !check_token(&c, route) || !decode_path(&c, path, id))
                return;
        if (head->query) {
                snprintf(raw_query, sizeof raw_query, "%s", head->query);
                c.raw_query = raw_query;
        }
        if (!route) {
                refuse(&c, 404, "there is nothing at %.200s", head->path);
        } else if (head->method == METHOD_OTHER) {
                refuse(&c, 405, "%.200s answers GET and HEAD", head->path);
                answer_field(ret, "Allow", "GET, HEAD");
        } else {
                answer_route(&c, route, head->query);
        }
}
