-- What user_version 2 adds: what was found, who must still be told of it, and what each detector has come to.

-- One row. Numbers are never given twice, not even after retention dropped the newest.
CREATE TABLE finding_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  last_finding INTEGER NOT NULL,  -- the highest number written
  last_alert INTEGER NOT NULL,
  change INTEGER NOT NULL         -- counts up with every finding written or dropped
) STRICT;
INSERT INTO finding_state VALUES (1, 0, 0, 0);

-- How many of a kind were ever opened, as long as the file lives.
CREATE TABLE finding_count (
  kind TEXT PRIMARY KEY,
  opened INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is looked for stands before the long texts, which may fill pages of their own.
CREATE TABLE finding_row (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  process INTEGER,                -- process_row.no, which stays as long as this; NULL: of the app as a whole
  app TEXT NOT NULL,              -- app_row.id, which stays as well
  opened_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  closed_at_ms INTEGER,           -- NULL: open
  title TEXT NOT NULL,
  evidence TEXT,                  -- JSON: an object, then lists
  diagnosis TEXT,
  advice TEXT,
  suspects TEXT
) STRICT;
CREATE INDEX finding_by_close ON finding_row (closed_at_ms); -- the open ones, too
CREATE INDEX finding_by_process ON finding_row (process);
CREATE INDEX finding_by_app ON finding_row (app);

-- Alerts not yet delivered, oldest first.
CREATE TABLE alert_row (
  id INTEGER PRIMARY KEY,
  target TEXT NOT NULL,           -- 'webhook' or 'exec'
  at_ms INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

-- The detector of a running process, having seen all samples up to and with at_ms.
CREATE TABLE trend_row (
  process INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  state BLOB NOT NULL
) STRICT;

-- How the memory of an exited process had grown.
CREATE TABLE growth_row (
  process INTEGER PRIMARY KEY,
  verdict TEXT NOT NULL,
  bytes_per_hour REAL,
  confidence REAL,
  since_at_ms INTEGER,
  limit_at_ms INTEGER
) STRICT;
