/* ?step=: samples folded into steps. */
#include "api/fold.h"

int64_t step_begin(int64_t at_ms, int64_t step_ms)
{
        int64_t over = at_ms % step_ms;

        return at_ms - over - (over < 0 ? step_ms : 0);
}

bool fold_end(struct fold *f, struct step *ret)
{
        if (!f->open)
                return false;
        if (f->rss_samples)
                f->step.rss_mean_bytes = (int64_t)((f->rss_sum + f->rss_samples / 2) / f->rss_samples);
        *ret = f->step;
        *f = (struct fold){ .step_ms = f->step_ms };
        return true;
}

static void take_lower(int64_t *lowest, int64_t value)
{
        if (value >= 0 && (*lowest < 0 || value < *lowest))
                *lowest = value;
}

bool fold_add(struct fold *f, int64_t at_ms, const struct figures *figures, struct step *ret)
{
        int64_t begin = step_begin(at_ms, f->step_ms);
        bool over = f->open && begin != f->step.at_ms && fold_end(f, ret);

        if (!f->open) {
                f->open = true;
                f->step = (struct step){ begin, BYTES_UNKNOWN, BYTES_UNKNOWN, BYTES_UNKNOWN, BYTES_UNKNOWN };
        }
        take_lower(&f->step.rss_min_bytes, figures->rss_bytes);
        take_lower(&f->step.anon_min_bytes, figures->anon_bytes);
        if (figures->rss_bytes >= 0) {
                f->rss_samples++;
                f->rss_sum += figures->rss_bytes;
                if (figures->rss_bytes > f->step.rss_max_bytes)
                        f->step.rss_max_bytes = figures->rss_bytes;
        }
        return over;
}
