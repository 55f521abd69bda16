/* What the running processes of each app use together, and how the app grows. */
#include "api/sums.h"

#include <math.h>
#include <stdlib.h>

void sum_add(int64_t *sum, int64_t value)
{
        if (value >= 0)
                *sum = *sum < 0 ? value : *sum + value;
}

/* The order of enum verdict: each tells more than the one before. */
_Static_assert(VERDICT_INSUFFICIENT_DATA < VERDICT_STABLE && VERDICT_STABLE < VERDICT_WARMING_UP &&
               VERDICT_WARMING_UP < VERDICT_STEP && VERDICT_STEP < VERDICT_LEAK, "verdicts are not in this order");

static int64_t earlier(int64_t a, int64_t b)
{
        return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void add_growth(struct growth *sum, const struct growth *g)
{
        int64_t limit_at_ms = earlier(sum->limit_at_ms, g->limit_at_ms);
        double rate = isnan(sum->bytes_per_hour) ? 0 : sum->bytes_per_hour;

        if (g->verdict > sum->verdict) {
                /* The first that leaks: what the others do counts no longer. */
                if (g->verdict == VERDICT_LEAK)
                        rate = 0;
                sum->verdict = g->verdict;
                sum->confidence = g->confidence;
                sum->since_at_ms = g->since_at_ms;
                if (g->verdict == VERDICT_LEAK)
                        sum->bytes_per_hour = NAN;
        } else if (g->verdict == sum->verdict) {
                sum->confidence = fmax(sum->confidence, g->confidence);
                sum->since_at_ms = earlier(sum->since_at_ms, g->since_at_ms);
        }
        if (!isnan(g->bytes_per_hour) && (sum->verdict != VERDICT_LEAK || g->verdict == VERDICT_LEAK))
                sum->bytes_per_hour = rate + g->bytes_per_hour;
        sum->limit_at_ms = limit_at_ms;
}

/* The newest wins, should there be several. */
static void take_own_findings(const struct snapshot *s, struct app_sum *sums)
{
        for (uint32_t i = 0; i < s->findings->n && s->findings->list[i].process == 0; i++) {
                const struct open_finding *f = &s->findings->list[i];
                uint32_t app = snapshot_find_app_id(s, f->app_id);

                if (app != APP_NONE && f->kind == FINDING_LEAK)
                        sums[app].growth = f->growth;
        }
}

struct app_sum *app_sums(const struct snapshot *s)
{
        struct app_sum *sums = malloc((s->apps->n + 1) * sizeof *sums);

        if (!sums)
                return NULL;
        for (uint32_t i = 0; i < s->apps->n; i++)
                sums[i] = (struct app_sum){ 0, -1, -1, -1, -1, -1, GROWTH_UNKNOWN };
        for (uint32_t i = 0; i < s->n; i++) {
                const struct row *row = &s->rows[i];
                uint32_t app = snapshot_find_app_id(s, row->who->app_id);
                struct app_sum *sum;

                if (app == APP_NONE)
                        continue;
                sum = &sums[app];
                sum->processes++;
                sum_add(&sum->rss_bytes, row->now.rss_bytes);
                sum_add(&sum->pss_bytes, row->reading->detail.pss_bytes);
                sum_add(&sum->uss_bytes, row->reading->detail.uss_bytes);
                sum_add(&sum->swap_bytes, row->reading->detail.swap_bytes);
                if (row->who->limit_bytes >= 0 && (sum->limit_bytes < 0 || row->who->limit_bytes < sum->limit_bytes))
                        sum->limit_bytes = row->who->limit_bytes;
                add_growth(&sum->growth, &row->growth);
        }
        take_own_findings(s, sums);
        return sums;
}
