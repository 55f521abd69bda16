-- What user_version 3 adds: what each process's Python heap held.

-- The newest look into it (daemon/model/look_bytes.h), which bears what is known of the earlier ones. Goes with its
-- process. size stands before it, and in the index, so that all of them are added up without reading any.
CREATE TABLE look_row (
  process INTEGER PRIMARY KEY,    -- process_row.no
  at_ms INTEGER NOT NULL,
  size INTEGER NOT NULL,          -- bytes that it takes in the file, in whole pages
  look BLOB NOT NULL
) STRICT;
CREATE INDEX look_by_size ON look_row (size, at_ms);
