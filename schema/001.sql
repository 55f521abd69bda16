-- The tables of user_version 1. What they promise, and to whom, is said where they are written: daemon/store/.
-- Public are the views alone (views.sql). Memory figures are in units of 4 KiB where a column says units.

-- One row: how far things are. A segment is a run of ticks that become one chunk a process. Ticks of a process that are
-- in no chunk yet are those from seal_next on for processes up to number seal_process, and from seal_first on for the
-- others.
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  views TEXT NOT NULL,            -- fingerprint of views.sql as it was run
  ring_size INTEGER NOT NULL,
  segment INTEGER NOT NULL,       -- the one being filled
  seal_first INTEGER NOT NULL,    -- the oldest tick that is not in chunks
  seal_next INTEGER NOT NULL,     -- the first tick behind the segment being sealed; seal_first while none is
  seal_process INTEGER NOT NULL   -- the last process whose chunk of that segment is written
) STRICT;
INSERT INTO state VALUES (1, '', 400, 0, 1, 1, 0);

CREATE TABLE text_row (
  id INTEGER PRIMARY KEY,
  hash INTEGER NOT NULL,
  value TEXT NOT NULL
) STRICT;
CREATE INDEX text_by_hash ON text_row (hash);

CREATE TABLE app_row (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  framework TEXT,
  unit TEXT,
  container TEXT
) STRICT;

CREATE TABLE process_row (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,        -- PID-STARTTICKS-BOOT
  pid INTEGER NOT NULL,
  change INTEGER NOT NULL,        -- counts up over all processes: who was touched since
  app INTEGER NOT NULL,
  cmdline INTEGER NOT NULL,       -- text_row: a JSON array
  cmdline_truncated INTEGER NOT NULL,
  forked INTEGER NOT NULL,
  ppid INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  name TEXT NOT NULL,
  user TEXT,
  python TEXT,
  framework TEXT,
  application TEXT,
  folder TEXT,
  unit TEXT,
  container TEXT,
  cgroup TEXT,
  limit_bytes INTEGER,
  limit_kind TEXT,
  started_at_ms INTEGER NOT NULL,
  first_segment INTEGER NOT NULL, -- it has no chunk before
  last_segment INTEGER,           -- and none after; NULL: it may still get some
  slot INTEGER,                   -- where a tick's payload has it, from slot_tick on; NULL: it is not being sampled
  slot_tick INTEGER,
  exited_at_ms INTEGER,
  sampled_at_ms INTEGER,          -- from here on: as it was when it exited, or when the daemon stopped
  rss_bytes INTEGER,
  anon_bytes INTEGER,
  peak_rss_bytes INTEGER
) STRICT;
CREATE INDEX process_by_change ON process_row (change);
CREATE INDEX process_by_app ON process_row (app);
CREATE INDEX process_by_cmdline ON process_row (cmdline);
CREATE INDEX process_by_exit ON process_row (exited_at_ms);

CREATE TABLE event_row (
  id INTEGER PRIMARY KEY,
  process INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  event TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_process ON event_row (process);

-- The newest ticks, id = tick % ring_size, rewritten in place: a payload holds 4 bytes for each slot, big-endian: RSS
-- in units + 1, 0 for none. A tick below 0 is a row made ahead.
CREATE TABLE ring (
  id INTEGER PRIMARY KEY,
  tick INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  change INTEGER NOT NULL,        -- the newest process_row.change it goes with
  detail INTEGER NOT NULL,        -- the newest detail_open.id
  shared INTEGER NOT NULL,        -- counts what was written to shared_open
  payload BLOB NOT NULL
) STRICT;

-- RSS less anon of those ticks, in units + 1: a row where it changes.
CREATE TABLE shared_open (
  process INTEGER NOT NULL,
  tick INTEGER NOT NULL,
  units INTEGER NOT NULL,
  PRIMARY KEY (process, tick)
) STRICT, WITHOUT ROWID;

-- The costlier figures of unsealed ticks; older rows stay until newer ones have come.
CREATE TABLE detail_open (
  id INTEGER PRIMARY KEY,
  process INTEGER NOT NULL,
  tick INTEGER NOT NULL,
  swap_kib INTEGER,
  pss_kib INTEGER,
  uss_kib INTEGER,
  peak_kib INTEGER,
  threads INTEGER,
  fds INTEGER,
  cpu_ms INTEGER,
  rchar_bytes INTEGER,
  read_bytes INTEGER
) STRICT;

CREATE TABLE segment (
  no INTEGER PRIMARY KEY,
  first_tick INTEGER NOT NULL,
  first_at_ms INTEGER NOT NULL,
  last_at_ms INTEGER              -- NULL until it is sealed
) STRICT;

-- Times of the ticks of sealed segments.
CREATE TABLE tick (
  no INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL
) STRICT;

-- What one process did in one segment: id = segment << 32 | process, so that sealing appends, retention deletes a
-- range, and reading a process costs one step a segment. The text is explained in daemon/store/encode.h.
CREATE TABLE chunk (
  id INTEGER PRIMARY KEY,
  payload TEXT NOT NULL
) STRICT;
CREATE TABLE detail_chunk (
  id INTEGER PRIMARY KEY,
  payload TEXT NOT NULL
) STRICT;

-- The numbers from 0 to 4095, to unfold things by a join, and what the character of that code means in a chunk: ticks
-- that pass, change of RSS, change of shared. From 2048 on the view works it out.
CREATE TABLE number (
  n INTEGER PRIMARY KEY,
  ticks INTEGER NOT NULL,
  rss INTEGER NOT NULL,
  shared INTEGER NOT NULL
) STRICT;
WITH RECURSIVE
  code (c) AS (SELECT 0 UNION ALL SELECT c + 1 FROM code WHERE c < 4095),
  zigzag (c, z) AS (SELECT c, iif(c < 0x80, c - 0x3f, c - 0x500 >> 1) FROM code)
INSERT INTO number
SELECT c,
       CASE WHEN c < 0x20 OR c > 2048 THEN 0 WHEN c < 0x40 THEN c - 0x1f WHEN c < 0x7f THEN 1 WHEN c < 0xa0 THEN 0
            WHEN c < 0x400 THEN c - 0x7f WHEN c < 0x500 THEN 0 ELSE c & 1 = 0 END,
       CASE WHEN c > 2048 THEN 0
            WHEN c BETWEEN 0x40 AND 0x7e OR c >= 0x500 AND c & 1 = 0 THEN (z >> 1) * (1 - 2 * (z & 1)) - (z & 1)
            WHEN c BETWEEN 0x400 AND 0x47f THEN ((c & 15) << 18 + 4 * (c >> 5 & 3)) * (1 - (c >> 3 & 2)) ELSE 0 END,
       CASE WHEN c > 2048 THEN 0 WHEN c >= 0x500 AND c & 1 THEN (z >> 1) * (1 - 2 * (z & 1)) - (z & 1)
            WHEN c BETWEEN 0x480 AND 0x4ff THEN ((c & 15) << 18 + 4 * (c >> 5 & 3)) * (1 - (c >> 3 & 2)) ELSE 0 END
FROM zigzag;
