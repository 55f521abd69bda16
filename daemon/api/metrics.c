/* GET /metrics: Prometheus' text format, version 0.0.4. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/show.h"
#include "api/sums.h"
#include "base/clock.h"
#include "version.h"

/* Families, one row each; HELP and TYPE stand there even where there is no sample. */
struct family {
        const char *name, *type, *help;
};

static void begin_family(struct buffer *to, const struct family *f)
{
        buffer_format(to, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
}

static void add_label(struct buffer *to, const char *name, const char *value)
{
        buffer_add_text(to, name);
        buffer_add_text(to, "=\"");
        for (const char *p = value; *p; p++) {
                if (*p == '\\' || *p == '"')
                        buffer_add_char(to, '\\');
                if (*p == '\n')
                        buffer_add_text(to, "\\n");
                else
                        buffer_add_char(to, *p);
        }
        buffer_add_char(to, '"');
}

/* Seconds as they are counted here: in thousandths or billionths. */
static void add_fraction(struct buffer *to, int64_t value, int64_t parts, int digits)
{
        buffer_format(to, "%" PRId64 ".%0*" PRId64 "\n", value / parts, digits, value % parts);
}

static const struct app_family {
        struct family family;
        size_t field; /* of struct app_sum */
} app_families[] = {
        { { "memtide_app_processes", "gauge", "Running processes of the app." }, offsetof(struct app_sum, processes) },
        { { "memtide_app_resident_memory_bytes", "gauge", "RSS of the app's processes together." },
          offsetof(struct app_sum, rss_bytes) },
        { { "memtide_app_proportional_memory_bytes", "gauge", "PSS of the app's processes together." },
          offsetof(struct app_sum, pss_bytes) },
        { { "memtide_app_unique_memory_bytes", "gauge", "USS of the app's processes together." },
          offsetof(struct app_sum, uss_bytes) },
        { { "memtide_app_swap_bytes", "gauge", "Swap of the app's processes together." },
          offsetof(struct app_sum, swap_bytes) },
};

static void add_apps(struct buffer *to, const struct snapshot *s, const struct app_sum *sums)
{
        for (size_t f = 0; f < sizeof app_families / sizeof *app_families; f++) {
                begin_family(to, &app_families[f].family);
                for (uint32_t i = 0; i < s->apps->n; i++) {
                        int64_t value;

                        memcpy(&value, (const char *)&sums[i] + app_families[f].field, sizeof value);
                        if (sums[i].processes == 0 || value < 0)
                                continue;
                        buffer_add_text(to, app_families[f].family.name);
                        add_label(to, "{app", s->apps->list[i].name);
                        buffer_add_text(to, "} ");
                        buffer_add_int(to, value);
                        buffer_add_char(to, '\n');
                }
        }
}

/* Growth per second, and how long it takes to the limit: only while it grows and there is one. */
static void add_growth(struct buffer *to, const struct snapshot *s, const struct app_sum *sums, int64_t now_ms)
{
        static const struct family growth = { "memtide_app_growth_bytes_per_second", "gauge",
                                              "How fast the app's memory grows." };
        static const struct family left = { "memtide_app_seconds_to_limit", "gauge",
                                            "When the app's nearest limit is reached at this rate." };

        begin_family(to, &growth);
        for (uint32_t i = 0; i < s->apps->n; i++) {
                int64_t rate;

                if (sums[i].processes == 0 || !show_growth_rate(&sums[i].growth, &rate))
                        continue;
                buffer_add_text(to, growth.name);
                add_label(to, "{app", s->apps->list[i].name);
                buffer_format(to, "} %.10g\n", (double)rate / 3600);
        }
        begin_family(to, &left);
        for (uint32_t i = 0; i < s->apps->n; i++) {
                const struct growth *g = &sums[i].growth;
                int64_t rate;

                if (sums[i].processes == 0 || g->limit_at_ms < 0 || !show_growth_rate(g, &rate) || rate <= 0)
                        continue;
                buffer_add_text(to, left.name);
                add_label(to, "{app", s->apps->list[i].name);
                buffer_format(to, "} %" PRId64 "\n", g->limit_at_ms > now_ms ? (g->limit_at_ms - now_ms) / 1000 : 0);
        }
}

/* How many of an app's findings are of each kind and severity. */
static void count_findings(const struct open_findings *f, uint32_t first, uint32_t n,
                           uint32_t ret[FINDING_KINDS][SEVERITIES])
{
        memset(ret, 0, FINDING_KINDS * sizeof *ret);
        for (uint32_t i = first; i < first + n; i++) {
                const struct open_finding *one = &f->list[f->by_app[i]];

                ret[one->kind][one->severity]++;
        }
}

static void add_findings(struct buffer *to, const struct snapshot *s)
{
        static const char open[] = "memtide_findings_open", total[] = "memtide_findings_total";

        begin_family(to, &(struct family){ open, "gauge", "Findings that are open now." });
        for (uint32_t i = 0; i < s->apps->n; i++) {
                uint32_t n, first = open_findings_of_app(s->findings, s->apps->list[i].id, &n);
                uint32_t counts[FINDING_KINDS][SEVERITIES];

                if (n)
                        count_findings(s->findings, first, n, counts);
                for (int k = 0; n && k < FINDING_KINDS * SEVERITIES; k++) {
                        uint32_t count = counts[k / SEVERITIES][k % SEVERITIES];

                        if (!count)
                                continue;
                        buffer_add_text(to, open);
                        add_label(to, "{app", s->apps->list[i].name);
                        buffer_format(to, ",kind=\"%s\",severity=\"%s\"} %" PRIu32 "\n",
                                      finding_kind_name((enum finding_kind)(k / SEVERITIES)),
                                      severity_name((enum severity)(k % SEVERITIES)), count);
                }
        }
        begin_family(to, &(struct family){ total, "counter", "Findings ever opened, by kind." });
        for (int k = 0; k < FINDING_KINDS; k++)
                buffer_format(to, "%s{kind=\"%s\"} %" PRId64 "\n", total, finding_kind_name((enum finding_kind)k),
                              s->findings->opened[k]);
}

static void add_process(struct buffer *to, const char *family, const struct snapshot *s, const struct row *row)
{
        uint32_t app = snapshot_find_app_id(s, row->who->app_id);
        char id[PROCESS_ID_MAX];

        process_id_format(&row->who->id, id);
        buffer_add_text(to, family);
        add_label(to, "{app", app == APP_NONE ? "" : s->apps->list[app].name);
        buffer_format(to, ",pid=\"%" PRId32 "\",id=\"%s\"} ", row->who->id.pid, id);
}

/* All of them, or those that something was found of. */
static void add_processes(struct buffer *to, const struct snapshot *s, bool every)
{
        static const struct family family = { "memtide_process_resident_memory_bytes", "gauge", "RSS of one process." };
        static const struct family growth = { "memtide_process_growth_bytes_per_second", "gauge",
                                              "How fast one process's memory grows." };

        for (int of_growth = 0; of_growth < 2; of_growth++) {
                begin_family(to, of_growth ? &growth : &family);
                for (uint32_t i = 0; (every || s->findings->n) && i < s->n; i++) {
                        const struct row *row = &s->rows[i];
                        uint32_t n = 0;
                        int64_t rate;

                        if (!every)
                                open_findings_of_process(s->findings, row->who->number, &n);
                        if (!every && !n)
                                continue;
                        if (!of_growth && row->now.rss_bytes >= 0) {
                                add_process(to, family.name, s, row);
                                buffer_format(to, "%" PRId64 "\n", row->now.rss_bytes);
                        } else if (of_growth && show_growth_rate(&row->growth, &rate)) {
                                add_process(to, growth.name, s, row);
                                buffer_format(to, "%.10g\n", (double)rate / 3600);
                        }
                }
        }
}

static int64_t load(const _Atomic int64_t *member)
{
        return atomic_load_explicit(member, memory_order_relaxed);
}

static void add_number(struct buffer *to, const char *name, const char *type, const char *help, int64_t value)
{
        begin_family(to, &(struct family){ name, type, help });
        if (value >= 0)
                buffer_format(to, "%s %" PRId64 "\n", name, value);
}

/* thousandths of a second since 1970; 0: none */
static void add_moment(struct buffer *to, const char *name, const char *help, int64_t at_ms)
{
        begin_family(to, &(struct family){ name, "gauge", help });
        if (at_ms <= 0)
                return;
        buffer_format(to, "%s ", name);
        add_fraction(to, at_ms, 1000, 3);
}

static void add_errors(struct buffer *to, const struct status *st)
{
        static const char name[] = "memtide_sample_errors_total";

        begin_family(to, &(struct family){ name, "counter", "What went wrong with samples, by reason." });
        buffer_format(to, "%s{reason=\"unreadable\"} %" PRId64 "\n", name, load(&st->errors_unreadable));
        buffer_format(to, "%s{reason=\"not-stored\"} %" PRId64 "\n", name, load(&st->errors_not_stored));
        buffer_format(to, "%s{reason=\"sampler\"} %" PRId64 "\n", name, load(&st->errors_sampler));
}

static void add_sampling(struct buffer *to, const struct status *st, struct store_reader *reader)
{
        static const char ticks[] = "memtide_tick_duration_seconds";

        add_number(to, "memtide_samples_total", "counter", "Samples of processes taken.", load(&st->samples));
        add_number(to, "memtide_ticks_late_total", "counter", "Ticks that began late or were left out.",
                   load(&st->ticks_late));
        add_errors(to, st);
        begin_family(to, &(struct family){ ticks, "summary", "From when a tick was due until it was stored." });
        buffer_format(to, "%s_sum ", ticks);
        add_fraction(to, load(&st->tick_ns), 1000000000, 9);
        buffer_format(to, "%s_count %" PRId64 "\n", ticks, load(&st->ticks));
        add_number(to, "memtide_database_size_bytes", "gauge", "The database file and its WAL.",
                   store_reader_bytes(reader));
        add_moment(to, "memtide_database_oldest_sample_timestamp_seconds", "When the oldest sample was taken.",
                   store_read_oldest_ms(reader));
        add_moment(to, "memtide_last_tick_timestamp_seconds", "When the last tick was stored.",
                   load(&st->last_tick_at_ms));
        begin_family(to, &(struct family){ "memtide_build_info", "gauge", "1; the label says which memtide this is." });
        buffer_add_text(to, "memtide_build_info{version=\"" MEMTIDE_VERSION "\"} 1\n");
}

static int64_t own_rss_bytes(const struct api *api)
{
        char text[128];
        long long size, resident;
        ssize_t n = api->statm_fd < 0 ? -1 : pread(api->statm_fd, text, sizeof text - 1, 0);

        if (n <= 0)
                return 0;
        text[n] = '\0';
        return sscanf(text, "%lld %lld", &size, &resident) == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

/* memtided's own: what the engine says of itself and the sampler, and this process. */
static void add_own(struct buffer *to, const struct api *api)
{
        static const char cpu[] = "process_cpu_seconds_total";
        const struct status *st = api->status;

        add_number(to, "process_resident_memory_bytes", "gauge", "RSS of memtided, all roles.",
                   load(&st->rss_bytes) + own_rss_bytes(api));
        begin_family(to, &(struct family){ cpu, "counter", "CPU time of memtided, all roles." });
        buffer_format(to, "%s ", cpu);
        add_fraction(to, load(&st->cpu_ns) + clock_cpu_ns(), 1000000000, 9);
        add_number(to, "process_open_fds", "gauge", "File descriptors that memtided has open.", load(&st->fds));
        add_moment(to, "process_start_time_seconds", "When memtided was started.", load(&st->started_at_ms));
}

void get_metrics(struct call *c)
{
        struct api *api = c->api;
        const struct snapshot *s = api->state.newest;
        _cleanup_(freep) struct app_sum *sums = app_sums(s);
        _cleanup_(buffer_done) struct buffer text = {};

        text.failed = !sums;
        if (sums) {
                add_apps(&text, s, sums);
                add_growth(&text, s, sums, c->now_ms);
        }
        add_findings(&text, s);
        add_processes(&text, s, c->query.every_process);
        add_sampling(&text, api->status, api->reader);
        add_own(&text, api);
        answer_finish(c->answer, &api->pool, &text, "text/plain; version=0.0.4; charset=utf-8");
}
