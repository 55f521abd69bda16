/* Telling people: what happened to findings goes to the journal and into the outbox, and from there to the senders. */
#include "engine/alerts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/alerts_journal.h"
#include "engine/alerts_private.h"
#include "render/finding_json.h"

#define END_WITHIN_MS 300 /* of the 2 s that stopping has in all */
#define TOLD_MOST 4096 /* while the file can't be written */

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

struct alerts *alerts_new(sd_event *loop)
{
        struct alerts *a = calloc(1, sizeof *a);

        if (!a)
                return NULL;
        a->loop = sd_event_ref(loop);
        a->config_fd = -1;
        for (int t = 0; t < ALERT_TARGETS; t++)
                sender_init(&a->senders[t], a, (enum alert_target)t);
        return a;
}

struct alerts *alerts_free(struct alerts *a)
{
        int64_t until_ms = clock_mono_ns() / 1000000 + END_WITHIN_MS;

        if (!a)
                return NULL;
        for (int t = 0; t < ALERT_TARGETS; t++) {
                sender_done(&a->senders[t], until_ms);
                free(a->targets[t]);
        }
        sd_event_unref(a->loop);
        free(a->db_path);
        free(a->told);
        free(a);
        return NULL;
}

void alerts_configure(struct alerts *a, const struct config *config, int config_fd)
{
        const char *targets[ALERT_TARGETS] = { [ALERT_WEBHOOK] = config->webhook, [ALERT_EXEC] = config->exec };

        a->config_fd = config_fd;
        for (int t = 0; t < ALERT_TARGETS; t++) {
                bool same = targets[t] && a->targets[t] ? strcmp(targets[t], a->targets[t]) == 0 : targets[t] == a->targets[t];

                char *copy = !same && targets[t] ? strdup(targets[t]) : NULL;

                if (same || (targets[t] && !copy)) /* out of memory: what waits for it is not thrown away for that */
                        continue;
                free(a->targets[t]);
                a->targets[t] = copy;
                sender_forget_pause(&a->senders[t]);
        }
}

void alerts_tell(struct alerts *a, int64_t finding, enum finding_event event)
{
        struct told *told = a->told;

        if (a->n_told == TOLD_MOST) {
                memmove(a->told, a->told + 1, (a->n_told - 1) * sizeof *a->told);
                a->n_told--;
                a->n_forgotten++;
        }
        if (a->n_told == a->told_room) {
                told = reallocarray(a->told, a->told_room + 32, sizeof *told);
                if (!told) {
                        a->n_forgotten++;
                        return;
                }
                a->told = told;
                a->told_room += 32;
        }
        a->told[a->n_told++] = (struct told){ finding, event };
}

/* What one event becomes. */
struct telling {
        struct alerts *alerts;
        enum finding_event event;
};

static char *make_body(enum finding_event event, const struct store_finding *f)
{
        const struct finding_view view = { f->finding, f->app_name, f->has_process, f->id, f->name, f->args, f->n_args };
        _cleanup_(buffer_done) struct buffer body = {};
        struct json j = json_begin(&body, true);
        char host[256] = "";

        gethostname(host, sizeof host - 1);
        json_open(&j, '{');
        json_add_key(&j, "event");
        json_add_text(&j, finding_event_name(event));
        json_add_key(&j, "host");
        json_add_text(&j, host);
        json_add_key(&j, "finding");
        finding_write_json(&j, &view);
        json_close(&j, '}');
        json_end(&j);
        buffer_add_char(&body, '\n');
        return buffer_take(&body, NULL);
}

static bool tell(void *data, const struct store_finding *f)
{
        const struct telling *t = data;
        struct alerts *a = t->alerts;
        _cleanup_(freep) char *body = NULL;

        alerts_journal(t->event, f);
        if (!a->targets[ALERT_WEBHOOK] && !a->targets[ALERT_EXEC])
                return false;
        body = make_body(t->event, f);
        if (!body) {
                log_error("out of memory for the alert that finding %" PRId64 " %s", f->finding->number,
                          finding_event_name(t->event));
                return false;
        }
        for (int target = 0; target < ALERT_TARGETS; target++) {
                if (!a->targets[target])
                        continue;
                store_put_alert(a->store, (enum alert_target)target, a->now_ms, body);
                a->senders[target].may_wait = true;
        }
        return false;
}

/* Returns how many were told; the rest waits for the next time, as the file can't be read now. */
static size_t tell_all(struct alerts *a, struct store_reader *r, struct error *err)
{
        for (size_t i = 0; i < a->n_told; i++) {
                struct telling telling = { a, a->told[i].event };
                int found = store_find_finding(r, a->told[i].finding, tell, &telling, err);

                if (found < 0)
                        return i;
                if (found == 0)
                        log_warning("finding %" PRId64 " %s, but it is no more in the database", a->told[i].finding,
                                    finding_event_name(a->told[i].event));
        }
        return a->n_told;
}

static void say_unreadable(struct alerts *a, const struct error *err)
{
        if (!a->unreadable)
                log_warning("alerts are sent later: %s", err->text);
        a->unreadable = true;
}

/* The alerts of what happened are committed at once: the next tick may be an hour away. Should that fail, the
 * tick's own commit tries again, and says why. */
static void write_told(struct alerts *a)
{
        _cleanup_(store_reader_closep) struct store_reader *r = NULL;
        struct error err = {};
        bool reopened;
        size_t done = 0;

        if (a->n_forgotten)
                log_error("%" PRId64 " events of findings were told nobody: there were too many while the database could "
                          "not be written", a->n_forgotten);
        a->n_forgotten = 0;
        if (store_reader_open(a->db_path, &r, &err) == 0)
                done = tell_all(a, r, &err);
        if (done < a->n_told)
                say_unreadable(a, &err);
        memmove(a->told, a->told + done, (a->n_told - done) * sizeof *a->told);
        a->n_told -= done;
        if (done && (a->targets[ALERT_WEBHOOK] || a->targets[ALERT_EXEC]))
                store_commit(a->store, &reopened, &err);
}

static bool is_due(const struct sender *s)
{
        return s->state == SENDER_IDLE && s->may_wait;
}

/* One alert of the outbox, oldest first. */
static bool see(void *data, const struct store_alert *alert)
{
        struct alerts *a = data;
        struct sender *s = &a->senders[alert->target];
        bool more = false;

        if (!a->targets[alert->target])
                store_drop_alert(a->store, alert->number);
        else if (s->state == SENDER_IDLE && alert->number > s->handled)
                sender_begin(s, alert);
        for (int t = 0; t < ALERT_TARGETS; t++)
                more |= is_due(&a->senders[t]);
        return more;
}

void alerts_look(struct alerts *a)
{
        _cleanup_(store_reader_closep) struct store_reader *r = NULL;
        struct error err = {};
        bool due[ALERT_TARGETS], any = false;

        for (int t = 0; t < ALERT_TARGETS; t++)
                any |= due[t] = is_due(&a->senders[t]);
        if (!any || !a->store)
                return;
        if (store_reader_open(a->db_path, &r, &err) < 0 || store_read_alerts(r, ALERTS_MOST, see, a, &err) < 0) {
                say_unreadable(a, &err);
                return;
        }
        a->unreadable = false;
        /* Who was not started had nothing there. */
        for (int t = 0; t < ALERT_TARGETS; t++)
                if (due[t] && a->senders[t].state == SENDER_IDLE)
                        a->senders[t].may_wait = false;
}

void alerts_after_commit(struct alerts *a, struct store *store, const char *db_path, int64_t at_ms)
{
        if (!a->db_path || strcmp(a->db_path, db_path) != 0) {
                free(a->db_path);
                a->db_path = strdup(db_path);
        }
        if (!a->db_path)
                return;
        a->store = store;
        a->now_ms = at_ms;
        for (int t = 0; t < ALERT_TARGETS; t++)
                a->senders[t].handled = 0; /* what was dropped before this commit is gone from the file */
        if (a->n_told || a->n_forgotten)
                write_told(a);
        alerts_look(a);
}
