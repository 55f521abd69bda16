/* What runs now, kept in memory. */
#include "api/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct known *known_unref(struct known *k)
{
        if (k && --k->refs == 0)
                free(k);
        return NULL;
}

static struct reading *reading_unref(struct reading *r)
{
        if (r && --r->refs == 0)
                free(r);
        return NULL;
}

static struct apps *apps_unref(struct apps *a)
{
        if (a && --a->refs == 0) {
                free(a->list);
                free(a->texts);
                free(a);
        }
        return NULL;
}
DEFINE_CLEANUP(struct apps *, apps_unref)

struct snapshot *snapshot_ref(struct snapshot *s)
{
        s->refs++;
        return s;
}

struct snapshot *snapshot_unref(struct snapshot *s)
{
        if (s && --s->refs == 0) {
                for (uint32_t i = 0; i < s->n; i++) {
                        known_unref(s->rows[i].who);
                        reading_unref(s->rows[i].reading);
                }
                apps_unref(s->apps);
                open_findings_unref(s->findings);
                free(s->rows);
                free(s);
        }
        return NULL;
}

void state_init(struct state *s, struct store_reader *reader, const struct board *board, uint32_t board_room)
{
        *s = (struct state){ .reader = reader, .board = board, .board_room = board_room, .dirty = true };
}

void state_done(struct state *s)
{
        s->newest = snapshot_unref(s->newest);
}

static int compare_numbers(const void *number, const void *row)
{
        uint32_t a = *(const uint32_t *)number, b = ((const struct row *)row)->who->number;

        return (a > b) - (a < b);
}

const struct row *snapshot_find(const struct snapshot *s, uint32_t number)
{
        return s->n ? bsearch(&number, s->rows, s->n, sizeof *s->rows, compare_numbers) : NULL;
}

static int compare_app_ids(const void *id, const void *app)
{
        return strcmp(id, ((const struct app_entry *)app)->id);
}

uint32_t snapshot_find_app_id(const struct snapshot *s, const char *id)
{
        const struct apps *apps = s->apps;
        const struct app_entry *a = apps->n ? bsearch(id, apps->list, apps->n, sizeof *a, compare_app_ids) : NULL;

        return a ? (uint32_t)(a - s->apps->list) : APP_NONE;
}

uint32_t snapshot_find_app(const struct snapshot *s, const char *id_or_name)
{
        uint32_t app = snapshot_find_app_id(s, id_or_name);

        for (uint32_t i = 0; app == APP_NONE && i < s->apps->n; i++)
                if (strcmp(s->apps->list[i].name, id_or_name) == 0)
                        app = i;
        return app;
}

/* A member with a text, and where its value begins. */
static void add_text(struct json *j, const char *key, const char *value, uint32_t *offset)
{
        json_add_key(j, key);
        if (offset)
                *offset = (uint32_t)j->to->size;
        json_add_text(j, value);
}

static void add_cmdline(struct json *j, const struct identity *who)
{
        json_open(j, '[');
        for (size_t i = 0; i < who->n_args; i++)
                json_add_text(j, who->args[i]);
        json_close(j, ']');
}

static void add_app(struct json *j, const struct store_process *p, uint32_t *name_at)
{
        json_add_key(j, "app");
        json_open(j, '{');
        add_text(j, "id", p->app_id, NULL);
        add_text(j, "name", p->app_name ? p->app_name : p->who.name, name_at);
        json_close(j, '}');
}

void process_write_identity(struct json *j, const struct store_process *p, uint32_t offsets[5])
{
        const struct identity *who = &p->who;
        uint32_t unused[5];
        char id[PROCESS_ID_MAX];

        if (!offsets)
                offsets = unused;
        process_id_format(&p->id, id);
        add_text(j, "id", id, NULL);
        json_add_key(j, "pid");
        json_add_int(j, p->id.pid);
        json_put_known(j, "ppid", who->ppid);
        add_text(j, "name", who->name, &offsets[0]);
        json_add_key(j, "cmdline");
        offsets[1] = (uint32_t)j->to->size;
        add_cmdline(j, who);
        json_add_key(j, "cmdline_truncated");
        json_add_bool(j, who->cmdline_truncated);
        add_text(j, "user", who->user, &offsets[2]);
        json_put_known(j, "uid", who->uid);
        add_app(j, p, &offsets[3]);
        add_text(j, "framework", who->framework, NULL);
        add_text(j, "python", who->python, NULL);
        add_text(j, "unit", who->unit, &offsets[4]);
        add_text(j, "container", who->container, NULL);
        add_text(j, "cgroup", who->cgroup, NULL);
        json_put_known(j, "limit_bytes", who->limit_bytes);
        add_text(j, "limit_kind", who->limit_kind, NULL);
}

struct known *known_new(const struct store_process *p)
{
        _cleanup_(buffer_done) struct buffer text = {};
        struct json j = json_begin(&text, true);
        uint32_t at[5];
        struct known *k;

        /* At depth 0 every member would be a document of its own: they stand in the object of a list's element. */
        j.depth = 1;
        process_write_identity(&j, p, at);
        k = text.failed ? NULL : malloc(sizeof *k + text.size + 1);
        if (!k)
                return NULL;
        *k = (struct known){ .refs = 1, .number = p->number, .slot = p->slot, .id = p->id,
                             .started_at_ms = p->who.started_at_ms, .limit_bytes = p->who.limit_bytes,
                             .size = (uint32_t)text.size, .name_at = at[0], .cmdline_at = at[1], .user_at = at[2],
                             .app_name_at = at[3], .unit_at = at[4] };
        memcpy(k->app_id, p->app_id, sizeof k->app_id);
        memcpy(k->text, text.data, text.size);
        k->text[text.size] = '\0';
        return k;
}

static struct reading *reading_new(const struct detail *detail)
{
        struct reading *r = malloc(sizeof *r);

        if (r)
                *r = (struct reading){ .refs = 1, .detail = *detail };
        return r;
}

/* A snapshot in the making: the rows of the last one, and room for those to come. */
struct making {
        struct state *state;
        struct snapshot *s;
        uint32_t room, sorted; /* rows before `sorted` are in order of their number */
        int64_t change;
        bool failed;
};

static struct row *making_find(struct making *m, uint32_t number)
{
        struct row *row = m->sorted ? bsearch(&number, m->s->rows, m->sorted, sizeof *row, compare_numbers) : NULL;

        for (uint32_t i = m->sorted; !row && i < m->s->n; i++)
                if (m->s->rows[i].who->number == number)
                        row = &m->s->rows[i];
        return row;
}

static struct row *making_add(struct making *m)
{
        if (m->s->n == m->room) {
                uint32_t room = m->room ? m->room * 2 : 16;
                struct row *rows = realloc(m->s->rows, room * sizeof *rows);

                if (!rows)
                        return NULL;
                m->s->rows = rows;
                m->room = room;
        }
        m->s->rows[m->s->n] = (struct row){};
        return &m->s->rows[m->s->n];
}

static void making_drop(struct making *m, struct row *row)
{
        size_t at = (size_t)(row - m->s->rows);

        m->state->replaced_bytes += (int64_t)(sizeof *row->who + row->who->size + sizeof *row->reading);
        known_unref(row->who);
        reading_unref(row->reading);
        m->s->n--;
        m->sorted -= at < m->sorted;
        memmove(row, row + 1, (m->s->n - at) * sizeof *row);
}

static bool take_process(void *data, const struct store_process *p)
{
        struct making *m = data;
        struct row *row = making_find(m, p->number);
        struct known *who;
        struct reading *reading;

        if (p->change > m->change)
                m->change = p->change;
        if (row)
                making_drop(m, row);
        if (p->exited_at_ms >= 0)
                return true;
        row = making_add(m);
        who = known_new(p);
        reading = reading_new(&p->detail);
        if (!row || !who || !reading) {
                known_unref(who);
                reading_unref(reading);
                m->failed = true;
                return false;
        }
        *row = (struct row){ who, reading, { BYTES_UNKNOWN, BYTES_UNKNOWN }, p->peak_rss_bytes, GROWTH_UNKNOWN };
        m->s->n++;
        /* They come in order of their number at the start: then each is found by halving. */
        if (m->sorted == m->s->n - 1 && (m->sorted == 0 || row[-1].who->number < p->number))
                m->sorted++;
        return true;
}

static void take_detail(void *data, uint32_t process, const struct detail *d)
{
        struct making *m = data;
        struct row *row = making_find(m, process);
        struct reading *reading = row ? reading_new(d) : NULL;

        if (!row)
                return;
        if (!reading) {
                m->failed = true;
                return;
        }
        m->state->replaced_bytes += (int64_t)sizeof *reading;
        reading_unref(row->reading);
        row->reading = reading;
        if (d->peak_rss_bytes > row->peak_rss_bytes)
                row->peak_rss_bytes = d->peak_rss_bytes;
}

static int compare_rows(const void *a, const void *b)
{
        return compare_numbers(&((const struct row *)a)->who->number, b);
}

static void take_figures(struct making *m, const struct store_tick *tick)
{
        if (m->s->n)
                qsort(m->s->rows, m->s->n, sizeof *m->s->rows, compare_rows);
        for (uint32_t i = 0; i < m->s->n; i++) {
                struct row *row = &m->s->rows[i];

                row->now = (struct figures){ BYTES_UNKNOWN, BYTES_UNKNOWN };
                if (row->who->slot < tick->n_slots)
                        row->now = store_tick_figures(m->state->reader, row->who->slot);
                if (row->now.rss_bytes > row->peak_rss_bytes)
                        row->peak_rss_bytes = row->now.rss_bytes;
        }
}

/* The rows are in order of their number by now. A process that the board does not know yet has no growth. */
static void take_growth(struct making *m)
{
        const struct board *b = m->state->board;
        uint32_t n = b ? atomic_load_explicit(&b->n_entries, memory_order_acquire) : 0;

        for (uint32_t i = 0; i < m->s->n; i++)
                m->s->rows[i].growth = GROWTH_UNKNOWN;
        for (uint32_t i = 0; i < n && i < m->state->board_room; i++) {
                struct growth growth;
                uint32_t process = board_read(b, i, &growth);
                struct row *row = process && m->s->n ? bsearch(&process, m->s->rows, m->s->n, sizeof *row,
                                                               compare_numbers) : NULL;

                if (row)
                        row->growth = growth;
        }
}

static int take_findings(struct making *m, struct error *err)
{
        struct state *s = m->state;
        int64_t change = store_read_finding_change(s->reader);
        int r;

        if (s->newest && change == s->finding_change) {
                m->s->findings = open_findings_ref(s->newest->findings);
                return 0;
        }
        r = open_findings_read(s->reader, &m->s->findings, err);
        if (r < 0)
                return r;
        s->finding_change = change;
        if (s->newest)
                s->replaced_bytes += (int64_t)(s->newest->findings->n * sizeof *s->newest->findings->list);
        return 0;
}

static bool copy_rows(const struct snapshot *from, struct making *m)
{
        if (!from || !from->n)
                return true;
        m->s->rows = malloc((from->n + 8) * sizeof *m->s->rows);
        if (!m->s->rows)
                return false;
        memcpy(m->s->rows, from->rows, from->n * sizeof *from->rows);
        m->s->n = m->sorted = from->n;
        m->room = from->n + 8;
        for (uint32_t i = 0; i < from->n; i++) {
                from->rows[i].who->refs++;
                from->rows[i].reading->refs++;
        }
        return true;
}

static size_t add_app_text(struct buffer *texts, const char *text)
{
        size_t at = texts->size;

        if (!text)
                return SIZE_MAX;
        buffer_add(texts, text, strlen(text) + 1);
        return at;
}

/* While the texts still move, the list holds where each begins, plus one. */
static bool take_app(void *data, const struct store_app *a)
{
        struct buffer *both = data, *list = &both[0], *texts = &both[1];
        struct app_entry entry = {};

        memcpy(entry.id, a->id, sizeof entry.id);
        entry.name = (const char *)(add_app_text(texts, a->name ? a->name : "") + 1);
        entry.framework = (const char *)(add_app_text(texts, a->framework) + 1);
        entry.unit = (const char *)(add_app_text(texts, a->unit) + 1);
        entry.container = (const char *)(add_app_text(texts, a->container) + 1);
        buffer_add(list, &entry, sizeof entry);
        return !list->failed && !texts->failed;
}

static int compare_apps(const void *a, const void *b)
{
        return strcmp(((const struct app_entry *)a)->id, ((const struct app_entry *)b)->id);
}

static int read_apps(struct store_reader *reader, struct apps **ret, struct error *err)
{
        struct buffer both[2] = {};
        struct apps *a = calloc(1, sizeof *a);
        int r = store_read_apps(reader, take_app, both, err);

        if (r >= 0 && (!a || both[0].failed || both[1].failed))
                r = error_set(err, ENOMEM, "out of memory reading the apps");
        if (r < 0) {
                buffer_done(&both[0]);
                buffer_done(&both[1]);
                free(a);
                return r;
        }
        *a = (struct apps){ .refs = 1, .n = (uint32_t)(both[0].size / sizeof *a->list), .texts_size = both[1].size,
                            .list = (struct app_entry *)(void *)both[0].data, .texts = both[1].data };
        for (uint32_t i = 0; i < a->n; i++) {
                struct app_entry *e = &a->list[i];
                const char **texts[] = { &e->name, &e->framework, &e->unit, &e->container };

                for (size_t k = 0; k < 4; k++)
                        *texts[k] = *texts[k] ? a->texts + ((uintptr_t)*texts[k] - 1) : NULL;
        }
        if (a->n)
                qsort(a->list, a->n, sizeof *a->list, compare_apps);
        *ret = a;
        return 0;
}

static int read_into(struct making *m, struct error *err)
{
        struct state *s = m->state;
        struct store_tick tick = {};
        int r = store_read_newest(s->reader, &tick, err);

        if (r < 0)
                return r;
        m->change = s->change;
        m->s->tick = tick.number;
        m->s->at_ms = tick.at_ms;
        r = store_read_changed(s->reader, s->change, take_process, m, err);
        if (r >= 0)
                r = store_read_details(s->reader, s->detail_change, take_detail, m, err);
        if (r >= 0 && (!s->newest || m->change != s->change))
                r = read_apps(s->reader, &m->s->apps, err);
        if (r >= 0)
                r = take_findings(m, err);
        if (r >= 0 && m->failed)
                r = error_set(err, ENOMEM, "out of memory reading the processes");
        /* Again, since the values are the reader's only until its next call. */
        if (r >= 0)
                r = store_read_newest(s->reader, &tick, err);
        if (r < 0)
                return r;
        take_figures(m, &tick);
        take_growth(m);
        s->change = m->change;
        s->detail_change = tick.detail_change;
        return 0;
}

int state_refresh(struct state *s, struct error *err)
{
        _cleanup_(snapshot_unrefp) struct snapshot *fresh = NULL;
        struct making m = { .state = s };
        int r;

        if (!store_reader_changed(s->reader) && !s->dirty)
                return 0;
        s->dirty = true;
        fresh = m.s = calloc(1, sizeof *fresh);
        if (!fresh)
                return error_set(err, ENOMEM, "out of memory reading the processes");
        fresh->refs = 1;
        if (!copy_rows(s->newest, &m))
                return error_set(err, ENOMEM, "out of memory reading the processes");
        r = store_reader_begin(s->reader, err);
        if (r < 0)
                return r;
        r = read_into(&m, err);
        store_reader_end(s->reader);
        if (r < 0)
                return r;
        if (!fresh->apps) {
                fresh->apps = s->newest->apps;
                fresh->apps->refs++;
        }
        snapshot_unref(s->newest);
        s->newest = take_ptr(fresh);
        s->serial++;
        s->dirty = false;
        return 0;
}
