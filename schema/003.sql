-- What user_version 3 adds: what each process's Python heap held.

-- The newest look into it (model/look_bytes.h), which bears what is known of the earlier ones. Goes with its process.
CREATE TABLE look_row (
  process INTEGER PRIMARY KEY,    -- process_row.no
  at_ms INTEGER NOT NULL,
  look BLOB NOT NULL
) STRICT;
