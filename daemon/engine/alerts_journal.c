/* Findings in the journal. */
#include "engine/alerts_journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/log.h"
#include "base/text.h"

enum { FIELDS_MOST = 12, FIELD_ROOM = 2048, NOTICE = 5 };

/* Each field with its size: a newline in a title is part of the title, and begins no field. */
struct entry {
        struct iovec fields[FIELDS_MOST];
        char texts[FIELDS_MOST][FIELD_ROOM];
        int n;
};

static int priority_of(enum finding_event event, enum severity severity)
{
        static const int priorities[SEVERITIES] = {
                [SEVERITY_INFO] = 6, [SEVERITY_WARNING] = 4, [SEVERITY_CRITICAL] = 2,
        };

        return event == FINDING_CLOSED ? NOTICE : priorities[severity];
}

static const char *message_id(enum finding_event event)
{
        static const char *const ids[FINDING_EVENTS] = {
                [FINDING_OPENED] = MESSAGE_FINDING_OPENED, [FINDING_WORSENED] = MESSAGE_FINDING_WORSENED,
                [FINDING_CLOSED] = MESSAGE_FINDING_CLOSED,
        };

        return ids[event];
}

/* NULL: the field is left out. */
static void add(struct entry *e, const char *name, const char *value)
{
        char *text = e->texts[e->n];
        size_t used = (size_t)snprintf(text, FIELD_ROOM, "%s=", name);

        if (!value || e->n == FIELDS_MOST)
                return;
        used += text_clean(value, strlen(value), text + used, FIELD_ROOM - used);
        e->fields[e->n++] = (struct iovec){ .iov_base = text, .iov_len = used };
}

static void add_int(struct entry *e, const char *name, int64_t value)
{
        char text[24];

        snprintf(text, sizeof text, "%" PRId64, value);
        add(e, name, text);
}

static void format_message(enum finding_event event, const struct finding *f, char *ret, size_t room)
{
        const char *title = f->title ? f->title : "";

        if (event == FINDING_WORSENED)
                snprintf(ret, room, "finding %" PRId64 " worsened to %s: %s", f->number, severity_name(f->severity), title);
        else
                snprintf(ret, room, "finding %" PRId64 " %s: %s", f->number, finding_event_name(event), title);
}

static bool journal_takes(void)
{
        return log_is_journal() && access("/run/systemd/journal/socket", F_OK) == 0;
}

void alerts_journal(enum finding_event event, const struct store_finding *f)
{
        const struct finding *finding = f->finding;
        int priority = priority_of(event, finding->severity);
        char message[FIELD_ROOM - 16], id[PROCESS_ID_MAX];
        struct entry e = {};

        format_message(event, finding, message, sizeof message);
        if (!journal_takes()) {
                log_write(priority, "%s", message);
                return;
        }
        add(&e, "MESSAGE", message);
        add(&e, "MESSAGE_ID", message_id(event));
        add_int(&e, "PRIORITY", priority);
        add(&e, "SYSLOG_IDENTIFIER", "memtided");
        add_int(&e, "MEMTIDE_FINDING", finding->number);
        add(&e, "MEMTIDE_KIND", finding_kind_name(finding->kind));
        add(&e, "MEMTIDE_SEVERITY", severity_name(finding->severity));
        add(&e, "MEMTIDE_TITLE", finding->title);
        add(&e, "MEMTIDE_APP", f->app_name);
        if (f->has_process) {
                process_id_format(&f->id, id);
                add(&e, "MEMTIDE_PROCESS_ID", id);
                add_int(&e, "MEMTIDE_PID", f->id.pid);
        }
        if (sd_journal_sendv(e.fields, e.n) < 0)
                log_write(priority, "%s", message);
}
