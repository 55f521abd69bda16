/* Telling people: each opening, worsening and closing of a finding goes once to the journal, the webhook and the program
 * that are configured. What is to be sent stands in the store's outbox first, so that it outlives a restart; a helper
 * process (memtide-alert), without capabilities and the only part of the daemon that links libcurl, sends one at a time,
 * with a deadline, and again after a growing pause. Never blocks. */
#pragma once

#include <systemd/sd-event.h>

#include "model/config.h"
#include "model/finding.h"
#include "store/findings.h"

struct alerts;

struct alerts *alerts_new(sd_event *loop); /* NULL: out of memory */
/* Before store_close(). A helper that still runs gets a moment, then is killed; what it had stays in the outbox. */
struct alerts *alerts_free(struct alerts *a);
/* lent until the next call; config_fd: the memory file with the settings that roles get (model/config.h) */
void alerts_configure(struct alerts *a, const struct config *config, int config_fd);

/* Something happened to this finding: remembered until the next alerts_after_commit(), which reads it from the file,
 * writes the journal and puts it into the outbox. */
void alerts_tell(struct alerts *a, int64_t finding, enum finding_event event);
/* After a commit that succeeded. Starts the helper where something waits and its pause is over. */
void alerts_after_commit(struct alerts *a, struct store *store, const char *db_path, int64_t at_ms);
