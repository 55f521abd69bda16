/* The findings that are open now. */
#include "api/open_findings.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "render/evidence.h"

struct open_findings *open_findings_ref(struct open_findings *f)
{
        f->refs++;
        return f;
}

struct open_findings *open_findings_unref(struct open_findings *f)
{
        if (f && --f->refs == 0) {
                free(f->list);
                free(f->by_app);
                free(f);
        }
        return NULL;
}
DEFINE_CLEANUP(struct open_findings *, open_findings_unref)

static bool add_brief(void *data, const struct store_finding_brief *b)
{
        struct open_finding f = { .number = b->number, .kind = b->kind, .severity = b->severity,
                                  .process = b->process, .growth = GROWTH_UNKNOWN };

        /* They become places in a table (metrics.c), and the file may be another's. */
        if (b->kind >= FINDING_KINDS || b->severity >= SEVERITIES)
                return true;
        memcpy(f.app_id, b->app_id, sizeof f.app_id);
        f.app_id[sizeof f.app_id - 1] = '\0';
        buffer_add(data, &f, sizeof f);
        return true;
}

static int compare_numbers(int64_t a, int64_t b)
{
        return (a > b) - (a < b);
}

static int compare_processes(const void *left, const void *right)
{
        const struct open_finding *a = left, *b = right;
        int order = compare_numbers(a->process, b->process);

        return order ? order : compare_numbers(a->number, b->number);
}

static int compare_apps(const void *left, const void *right, void *data)
{
        const struct open_finding *list = data;
        const struct open_finding *a = &list[*(const uint32_t *)left], *b = &list[*(const uint32_t *)right];
        int order = strcmp(a->app_id, b->app_id);

        return order ? order : compare_numbers(a->number, b->number);
}

static bool take_growth(void *data, const struct store_finding *s)
{
        const struct finding *f = s->finding;
        _cleanup_(json_decrefp) json_t *evidence = f->evidence ? json_loads(f->evidence, 0, NULL) : NULL;
        struct evidence e = evidence_read(evidence);

        *(struct growth *)data = (struct growth){
                .verdict = f->kind == FINDING_LEAK ? VERDICT_LEAK : f->kind == FINDING_STEP ? VERDICT_STEP
                                                                                            : VERDICT_STABLE,
                .bytes_per_hour = e.bytes_per_hour, .confidence = e.confidence, .since_at_ms = e.from_at_ms,
                .limit_at_ms = e.limit_at_ms,
        };
        return false;
}

/* Of an app as a whole no board tells the growth: its finding does. */
static int read_growths(struct store_reader *reader, struct open_findings *f, struct error *err)
{
        int r = 0;

        for (uint32_t i = 0; i < f->n && f->list[i].process == 0 && r >= 0; i++)
                r = store_find_finding(reader, f->list[i].number, take_growth, &f->list[i].growth, err);
        return r;
}

int open_findings_read(struct store_reader *reader, struct open_findings **ret, struct error *err)
{
        _cleanup_(open_findings_unrefp) struct open_findings *f = calloc(1, sizeof *f);
        _cleanup_(buffer_done) struct buffer list = {};
        int r;

        if (!f)
                return error_set(err, ENOMEM, "out of memory reading the findings");
        f->refs = 1;
        r = store_read_open_findings(reader, add_brief, &list, f->opened, err);
        if (r < 0)
                return r;
        f->n = (uint32_t)(list.size / sizeof *f->list);
        f->by_app = calloc(f->n + 1, sizeof *f->by_app);
        if (list.failed || !f->by_app)
                return error_set(err, ENOMEM, "out of memory reading the findings");
        f->list = (struct open_finding *)(void *)buffer_take(&list, NULL);
        if (!f->list)
                return error_set(err, ENOMEM, "out of memory reading the findings");
        if (f->n)
                qsort(f->list, f->n, sizeof *f->list, compare_processes);
        for (uint32_t i = 0; i < f->n; i++)
                f->by_app[i] = i;
        if (f->n)
                qsort_r(f->by_app, f->n, sizeof *f->by_app, compare_apps, f->list);
        r = read_growths(reader, f, err);
        if (r < 0)
                return r;
        *ret = take_ptr(f);
        return 0;
}

uint32_t open_findings_of_process(const struct open_findings *f, uint32_t process, uint32_t *ret_n)
{
        uint32_t least = 0, most = f->n, end;

        while (least < most) {
                uint32_t middle = least + (most - least) / 2;

                if (f->list[middle].process < process)
                        least = middle + 1;
                else
                        most = middle;
        }
        for (end = least; end < f->n && f->list[end].process == process;)
                end++;
        *ret_n = end - least;
        return least;
}

uint32_t open_findings_of_app(const struct open_findings *f, const char *app_id, uint32_t *ret_n)
{
        uint32_t least = 0, most = f->n, end;

        while (least < most) {
                uint32_t middle = least + (most - least) / 2;

                if (strcmp(f->list[f->by_app[middle]].app_id, app_id) < 0)
                        least = middle + 1;
                else
                        most = middle;
        }
        for (end = least; end < f->n && strcmp(f->list[f->by_app[end]].app_id, app_id) == 0;)
                end++;
        *ret_n = end - least;
        return least;
}

void open_findings_write_process(const struct open_findings *f, uint32_t process, struct json *j)
{
        uint32_t n, first = open_findings_of_process(f, process, &n);

        json_add_key(j, "findings");
        json_open(j, '[');
        for (uint32_t i = first; i < first + n; i++)
                json_add_int(j, f->list[i].number);
        json_close(j, ']');
}

void open_findings_write_app(const struct open_findings *f, const char *app_id, struct json *j)
{
        uint32_t n, first = open_findings_of_app(f, app_id, &n);

        json_add_key(j, "findings");
        json_open(j, '[');
        for (uint32_t i = first; i < first + n; i++)
                json_add_int(j, f->list[f->by_app[i]].number);
        json_close(j, ']');
}
