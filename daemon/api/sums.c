/* What the running processes of each app use together. */
#include "api/sums.h"

#include <stdlib.h>

void sum_add(int64_t *sum, int64_t value)
{
        if (value >= 0)
                *sum = *sum < 0 ? value : *sum + value;
}

struct app_sum *app_sums(const struct snapshot *s)
{
        struct app_sum *sums = malloc((s->apps->n + 1) * sizeof *sums);

        if (!sums)
                return NULL;
        for (uint32_t i = 0; i < s->apps->n; i++)
                sums[i] = (struct app_sum){ 0, -1, -1, -1, -1, -1 };
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
        }
        return sums;
}
