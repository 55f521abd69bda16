/* Findings in the journal, as entries that can be searched and explained: systemd/memtide.catalog says what each id means,
 * and journalctl -x shows it. */
#pragma once

#include "model/finding.h"
#include "store/findings.h"

/* MESSAGE_ID, by event; for ever. */
#define MESSAGE_FINDING_OPENED "2aeba80732c8454d87de656fe7ec326b"
#define MESSAGE_FINDING_WORSENED "52038188ce674132af630b1b5af5991e"
#define MESSAGE_FINDING_CLOSED "a86e0e64a57a460aa93bfbb40ef02d9f"

/* One entry with its fields where the log is the journal, else one line of the log. */
void alerts_journal(enum finding_event event, const struct store_finding *f);
