/* A process under watch: what is kept of it, and how its growth is shown. */
#include <stdlib.h>
#include <unistd.h>

#include "engine/watch_private.h"

static int64_t begun_boot_ms(const struct process_id *id)
{
        uint64_t a_second = (uint64_t)sysconf(_SC_CLK_TCK), seconds = id->start_ticks / a_second;
        uint64_t rest = id->start_ticks % a_second;

        return (int64_t)((seconds < UINT32_MAX ? seconds : UINT32_MAX) * 1000 + rest * 1000 / a_second);
}

struct row *row_new(uint32_t process, const struct process_id *id, bool known)
{
        struct row *row = calloc(1, sizeof *row);

        if (!row)
                return NULL;
        row->process = row->number = process;
        row->references = 1;
        row->id = *id;
        row->anon_bytes = row->exact_bytes = row->limit_at_ms = -1;
        row->fed_ms = -1;
        row->share = UINT32_MAX;
        row->headroom = HEADROOM_UNKNOWN;
        row->begun_boot_ms = begun_boot_ms(id);
        row->looked_ms = -1;
        if (known)
                return row;
        row->ready = true;
        row->detector = detector_new();
        return row->detector ? row : row_unref(row);
}

struct row *row_unref(struct row *row)
{
        if (!row || --row->references > 0)
                return NULL;
        app_unref(row->app);
        detector_free(row->detector);
        free(row->findings);
        free(row);
        return NULL;
}

struct findings *row_findings(struct row *row)
{
        if (row->findings)
                return row->findings;
        row->findings = calloc(1, sizeof *row->findings);
        if (row->findings)
                life_init(&row->findings->life);
        return row->findings;
}

int64_t row_level(const struct row *row)
{
        return row->anon_bytes < 0 ? -1 : row->anon_bytes + (row->swap_bytes > 0 ? row->swap_bytes : 0);
}

/* Beyond what the detector says: nothing is known of one that is still being restored. */
struct growth row_growth(const struct watch *w, const struct row *row)
{
        const struct trend *t = row->ready ? detector_trend(row->detector) : NULL;
        struct growth g = GROWTH_UNKNOWN;
        struct life_facts f;

        if (!t || t->verdict == VERDICT_INSUFFICIENT_DATA)
                return g;
        f = row_facts(w, row, w->at_ms);
        g.verdict = t->verdict;
        g.bytes_per_hour = t->bytes_per_hour;
        g.confidence = t->confidence;
        g.since_at_ms = t->verdict == VERDICT_STEP && t->step_at_ms >= 0 ? t->step_at_ms : t->since_ms;
        g.limit_at_ms = life_limit_at_ms(&f);
        return g;
}

void row_publish(struct watch *w, struct row *row)
{
        struct growth g = row_growth(w, row);

        row->limit_at_ms = g.limit_at_ms;
        if (w->board && row->seat < BOARD_ENTRIES_MAX)
                board_write(w->board, row->seat, row->number, &g);
}

/* Where its limit moved by a twentieth of the time that is left, the board says so. */
void row_publish_limit(struct watch *w, struct row *row)
{
        int64_t at_ms = row_growth(w, row).limit_at_ms, moved = llabs(at_ms - row->limit_at_ms);

        if (moved > 1000 && (at_ms < 0 || row->limit_at_ms < 0 || moved > (row->limit_at_ms - w->at_ms) / 20))
                row_publish(w, row);
}

struct life_facts row_facts(const struct watch *w, const struct row *row, int64_t at_ms)
{
        return (struct life_facts){
                .at_ms = at_ms, .trend = detector_trend(row->detector), .level_bytes = row_level(row), .headroom = &row->headroom,
                .shared_bytes_per_hour = share_rate(w, row), .teller = share_teller(w, row),
        };
}
