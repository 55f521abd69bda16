-- The public views: their names and columns stay. They answer for one process in milliseconds, because SQLite (3.40)
-- takes process_id = '…' down into them; it does so only if every window has process_id in its PARTITION BY.
DROP VIEW IF EXISTS process;
DROP VIEW IF EXISTS sample;
DROP VIEW IF EXISTS detail;
DROP VIEW IF EXISTS finding;

CREATE VIEW process AS
WITH
  newest AS MATERIALIZED (SELECT tick, payload FROM ring ORDER BY tick DESC LIMIT 1),
  reading AS MATERIALIZED (SELECT process, max(id), peak_kib FROM detail_open GROUP BY process),
  -- Hexadecimal digits: SQLite can't read a number from a blob (<< and | have one precedence, left to right). The
  -- highest is wanted only where no VmHWM is known.
  digits AS MATERIALIZED (
    SELECT p.no, d.peak_kib, p.peak_rss_bytes, hex(substr(w.payload, 4 * p.slot + 1, 4)) AS h,
           iif(d.peak_kib IS NULL,
               (SELECT max(hex(substr(r.payload, 4 * p.slot + 1, 4))) FROM ring r WHERE r.tick >= p.slot_tick),
               NULL) AS top
    FROM process_row p CROSS JOIN newest w LEFT JOIN reading d ON d.process = p.no
    WHERE p.slot IS NOT NULL AND p.slot_tick <= w.tick),
  now AS MATERIALIZED (
    SELECT no,
           instr('123456789ABCDEF', substr(h, 1, 1)) << 4 | instr('123456789ABCDEF', substr(h, 2, 1)) << 4
           | instr('123456789ABCDEF', substr(h, 3, 1)) << 4 | instr('123456789ABCDEF', substr(h, 4, 1)) << 4
           | instr('123456789ABCDEF', substr(h, 5, 1)) << 4 | instr('123456789ABCDEF', substr(h, 6, 1)) << 4
           | instr('123456789ABCDEF', substr(h, 7, 1)) << 4 | instr('123456789ABCDEF', substr(h, 8, 1)) AS v,
           coalesce(peak_kib * 1024, nullif(max(coalesce(peak_rss_bytes, 0), (
             instr('123456789ABCDEF', substr(top, 1, 1)) << 4 | instr('123456789ABCDEF', substr(top, 2, 1)) << 4
             | instr('123456789ABCDEF', substr(top, 3, 1)) << 4 | instr('123456789ABCDEF', substr(top, 4, 1)) << 4
             | instr('123456789ABCDEF', substr(top, 5, 1)) << 4 | instr('123456789ABCDEF', substr(top, 6, 1)) << 4
             | instr('123456789ABCDEF', substr(top, 7, 1)) << 4 | instr('123456789ABCDEF', substr(top, 8, 1)))
             * 4096 - 4096), 0)) AS peak
    FROM digits)
SELECT p.id, p.pid,
       strftime('%Y-%m-%dT%H:%M:%S', p.started_at_ms / 1000, 'unixepoch') || printf('.%03dZ', p.started_at_ms % 1000)
         AS started_at,
       strftime('%Y-%m-%dT%H:%M:%S', p.exited_at_ms / 1000, 'unixepoch') || printf('.%03dZ', p.exited_at_ms % 1000)
         AS exited_at,
       p.name,
       (SELECT group_concat(CASE WHEN value = '' OR value GLOB '*[^-A-Za-z0-9_@%+=:,./]*'
                                 THEN '''' || replace(value, '''', '''"''"''') || '''' ELSE value END, ' ')
        FROM json_each(t.value)) AS cmdline,
       p.user, a.name AS app, p.framework, p.python,
       iif(p.slot IS NULL, p.rss_bytes, (nullif(now.v, 0) - 1) * 4096) AS rss_bytes,
       iif(p.slot IS NULL, p.peak_rss_bytes, now.peak) AS peak_rss_bytes
FROM process_row p
LEFT JOIN text_row t ON t.id = p.cmdline
LEFT JOIN app_row a ON a.no = p.app
LEFT JOIN now ON now.no = p.no;

CREATE VIEW sample AS
SELECT process_id, strftime('%Y-%m-%dT%H:%M:%S', at_ms / 1000, 'unixepoch') || printf('.%03dZ', at_ms % 1000) AS at,
       rss_bytes, anon_bytes
FROM (
  -- Chunks: n is a character of the payload, m a tick within the run that it stands for.
  SELECT process_id,
         coalesce((SELECT at_ms FROM tick WHERE no = first_tick + pos - k + m.n - 1),
                  (SELECT r.at_ms FROM ring r WHERE r.id = (first_tick + pos - k + m.n - 1) % ring_size
                                              AND r.tick = first_tick + pos - k + m.n - 1)) AS at_ms,
         (v - 1) * 4096 AS rss_bytes, (v - nullif(s, 0)) * 4096 AS anon_bytes
  FROM (
    SELECT process_id, first_tick, ring_size, k, sum(k) OVER w AS pos, sum(dv) OVER w AS v, sum(ds) OVER w AS s
    FROM (
      SELECT p.id AS process_id, g.no AS segment, g.first_tick, q.ring_size, n.n AS i,
             iif(o.n < 2048, o.ticks, unicode(substr(c.payload, n.n, 1)) & 1 = 0) AS k,
             iif(o.n < 2048, o.rss, iif(unicode(substr(c.payload, n.n, 1)) & 1, 0,
               (unicode(substr(c.payload, n.n, 1))
                - iif(unicode(substr(c.payload, n.n, 1)) > 0xd7ff, 0x2d00, 0x500) >> 2)
               * (1 - (unicode(substr(c.payload, n.n, 1)) & 2)) - (unicode(substr(c.payload, n.n, 1)) >> 1 & 1))) AS dv,
             iif(o.n < 2048, o.shared, iif(unicode(substr(c.payload, n.n, 1)) & 1,
               (unicode(substr(c.payload, n.n, 1))
                - iif(unicode(substr(c.payload, n.n, 1)) > 0xd7ff, 0x2d00, 0x500) >> 2)
               * (1 - (unicode(substr(c.payload, n.n, 1)) & 2)) - (unicode(substr(c.payload, n.n, 1)) >> 1 & 1), 0))
               AS ds
      FROM process_row p CROSS JOIN state q
      CROSS JOIN segment g ON g.no BETWEEN p.first_segment AND coalesce(p.last_segment, q.segment)
      CROSS JOIN chunk c ON c.id = g.no << 32 | p.no
      CROSS JOIN number n ON n.n BETWEEN 1 AND length(c.payload)
      CROSS JOIN number o ON o.n = min(2048, unicode(substr(c.payload, n.n, 1))))
    WINDOW w AS (PARTITION BY process_id, segment ORDER BY i ROWS UNBOUNDED PRECEDING))
  CROSS JOIN number m ON m.n BETWEEN 1 AND k
  WHERE v > 0
  UNION ALL
  -- Ticks not yet in chunks.
  SELECT process_id, at_ms, (v - 1) * 4096, (v - nullif(s, 0)) * 4096
  FROM (
    SELECT process_id, at_ms,
           (SELECT o.units FROM shared_open o WHERE o.process = x.no AND o.tick <= x.tick ORDER BY o.tick DESC LIMIT 1)
             AS s,
           instr('123456789ABCDEF', substr(h, 1, 1)) << 4 | instr('123456789ABCDEF', substr(h, 2, 1)) << 4
           | instr('123456789ABCDEF', substr(h, 3, 1)) << 4 | instr('123456789ABCDEF', substr(h, 4, 1)) << 4
           | instr('123456789ABCDEF', substr(h, 5, 1)) << 4 | instr('123456789ABCDEF', substr(h, 6, 1)) << 4
           | instr('123456789ABCDEF', substr(h, 7, 1)) << 4 | instr('123456789ABCDEF', substr(h, 8, 1)) AS v
    FROM (
      SELECT p.id AS process_id, p.no, r.tick, r.at_ms, hex(substr(r.payload, 4 * p.slot + 1, 4)) AS h
      FROM process_row p CROSS JOIN state q
      CROSS JOIN number n ON n.n < q.ring_size
      CROSS JOIN ring r
        ON r.id = (max(p.slot_tick, iif(p.no <= q.seal_process, q.seal_next, q.seal_first)) + n.n) % q.ring_size
        AND r.tick = max(p.slot_tick, iif(p.no <= q.seal_process, q.seal_next, q.seal_first)) + n.n
      WHERE p.slot IS NOT NULL) x)
  WHERE v > 0)
WHERE at_ms IS NOT NULL;

CREATE VIEW detail AS
SELECT process_id, strftime('%Y-%m-%dT%H:%M:%S', at_ms / 1000, 'unixepoch') || printf('.%03dZ', at_ms % 1000) AS at,
       swap_kib * 1024 AS swap_bytes, pss_kib * 1024 AS pss_bytes, uss_kib * 1024 AS uss_bytes, threads, fds,
       cpu_ms / 1000.0 AS cpu_seconds, rchar_bytes, read_bytes
FROM (
  SELECT process_id,
         coalesce((SELECT at_ms FROM tick WHERE no = first_tick + pos - 1),
                  (SELECT r.at_ms FROM ring r WHERE r.id = (first_tick + pos - 1) % ring_size
                                              AND r.tick = first_tick + pos - 1)) AS at_ms,
         nullif(s0, 0) - 1 AS swap_kib, nullif(s1, 0) - 1 AS pss_kib, nullif(s2, 0) - 1 AS uss_kib,
         nullif(s4, 0) - 1 AS threads, nullif(s5, 0) - 1 AS fds, nullif(s6, 0) - 1 AS cpu_ms,
         nullif(s7, 0) - 1 AS rchar_bytes, nullif(s8, 0) - 1 AS read_bytes
  FROM (
    SELECT process_id, first_tick, ring_size, c,
           sum(iif(c < 0x7e, c - 0x1f, iif(c = 0x7e, 94, 0))) OVER w AS pos,
           sum(iif(u % 9 = 0, x, 0)) OVER w AS s0, sum(iif(u % 9 = 1, x, 0)) OVER w AS s1,
           sum(iif(u % 9 = 2, x, 0)) OVER w AS s2, sum(iif(u % 9 = 4, x, 0)) OVER w AS s4,
           sum(iif(u % 9 = 5, x, 0)) OVER w AS s5, sum(iif(u % 9 = 6, x, 0)) OVER w AS s6,
           sum(iif(u % 9 = 7, x, 0)) OVER w AS s7, sum(iif(u % 9 = 8, x, 0)) OVER w AS s8
    FROM (
      SELECT process_id, segment, first_tick, ring_size, i, c, u,
             iif(c < 0xa0, 0, (u / 72 << u / 9 % 4 * 12) * iif(u / 36 & 1, -1, 1)) AS x
      FROM (
        SELECT process_id, segment, first_tick, ring_size, i, c, c - iif(c > 0xd7ff, 0x28a0, 0xa0) AS u
        FROM (
          SELECT p.id AS process_id, g.no AS segment, g.first_tick, q.ring_size, a.n * 4096 + n.n AS i,
                 unicode(substr(d.payload, a.n * 4096 + n.n + 1, 1)) AS c
          FROM process_row p CROSS JOIN state q
          CROSS JOIN segment g ON g.no BETWEEN p.first_segment AND coalesce(p.last_segment, q.segment)
          CROSS JOIN detail_chunk d ON d.id = g.no << 32 | p.no
          -- It may be longer than there are numbers.
          CROSS JOIN number a ON a.n <= (length(d.payload) - 1) / 4096
          CROSS JOIN number n ON n.n < length(d.payload) - a.n * 4096)))
    WINDOW w AS (PARTITION BY process_id, segment ORDER BY i ROWS UNBOUNDED PRECEDING))
  WHERE c < 0x7e
  UNION ALL
  SELECT p.id, r.at_ms, d.swap_kib, d.pss_kib, d.uss_kib, d.threads, d.fds, d.cpu_ms, d.rchar_bytes, d.read_bytes
  FROM process_row p CROSS JOIN state q
  CROSS JOIN detail_open d ON d.process = p.no AND d.tick >= max(p.slot_tick, iif(p.no <= q.seal_process, q.seal_next,
                                                                                  q.seal_first))
  CROSS JOIN ring r ON r.id = d.tick % q.ring_size AND r.tick = d.tick
  WHERE p.slot IS NOT NULL)
WHERE at_ms IS NOT NULL;

CREATE VIEW finding AS
SELECT f.id, p.id AS process_id, a.name AS app, f.kind, f.severity,
       iif(f.closed_at_ms IS NULL, 'open', 'closed') AS state, f.title,
       strftime('%Y-%m-%dT%H:%M:%S', f.opened_at_ms / 1000, 'unixepoch') || printf('.%03dZ', f.opened_at_ms % 1000)
         AS opened_at,
       strftime('%Y-%m-%dT%H:%M:%S', f.updated_at_ms / 1000, 'unixepoch') || printf('.%03dZ', f.updated_at_ms % 1000)
         AS updated_at,
       strftime('%Y-%m-%dT%H:%M:%S', f.closed_at_ms / 1000, 'unixepoch') || printf('.%03dZ', f.closed_at_ms % 1000)
         AS closed_at
FROM finding_row f
LEFT JOIN process_row p ON p.no = f.process
LEFT JOIN app_row a ON a.id = f.app;
