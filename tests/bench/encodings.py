#!/usr/bin/python3
"""Compares ways of keeping RSS and anon of many processes in SQLite: bytes per process and tick in the file, and the time
plain SQL needs for the 1,440 newest samples of one process. Its table stands in daemon/store/encode.h.

    encodings.py [-n PROCESSES] [-t TICKS]

The population is synthetic: 30 % of the processes take 1 to 8 pages a tick and give all of them back now and then; the
others keep still. Shared pages change about once in 2,000 ticks.
"""
import argparse
import json
import os
import random
import sqlite3
import tempfile
import time


def population(n, ticks, seed=1):
    """A list of processes, each a list of (rss pages, shared pages)."""
    rnd = random.Random(seed)
    out = []
    for i in range(n):
        base, shared, held = rnd.randint(2000, 40000), rnd.randint(800, 3000), 0
        changing = i < n * 3 // 10
        series = []
        for _ in range(ticks):
            if changing:
                if held > 248 or (held and rnd.random() < 0.3):
                    held = 0
                held += rnd.randint(1, 8)
            if rnd.random() < 0.0005:
                shared += rnd.randint(-5, 5)
            series.append((base + held, shared))
        out.append(series)
    rnd.shuffle(out)
    return out


def zigzag(d):
    return 2 * d if d >= 0 else -2 * d - 1


# --- the encodings: each makes its tables and returns the query for one process --------------------------------------

def rows(db, data, _):
    db.execute("CREATE TABLE row(process INT, tick INT, rss INT, shared INT) STRICT")
    db.execute("CREATE INDEX row_by ON row(process, tick)")
    for tick in range(len(data[0])):
        db.executemany("INSERT INTO row VALUES(?, ?, ?, ?)", ((p, tick, *s[tick]) for p, s in enumerate(data)))
    return "SELECT tick, rss, rss - shared FROM row WHERE process = ? ORDER BY tick"


def clustered(db, data, _):
    db.execute("CREATE TABLE row(process INT, tick INT, rss INT, shared INT, PRIMARY KEY(process, tick)) STRICT, WITHOUT ROWID")
    for tick in range(len(data[0])):
        db.executemany("INSERT INTO row VALUES(?, ?, ?, ?)", ((p, tick, *s[tick]) for p, s in enumerate(data)))
    return "SELECT tick, rss, rss - shared FROM row WHERE process = ?"


def chunks(data, length):
    for start in range(0, len(data[0]), length):
        for p, series in enumerate(data):
            yield (start // length << 32) | p, start, series[start:start + length]


UNFOLD = """
CREATE TABLE number(n INTEGER PRIMARY KEY) STRICT;
INSERT INTO number SELECT value FROM (WITH RECURSIVE i(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM i LIMIT 4096)
                                     SELECT value FROM i);
CREATE TABLE process(no INTEGER PRIMARY KEY) STRICT;
CREATE TABLE segment(no INTEGER PRIMARY KEY) STRICT;
"""


def flat_json(db, data, length):
    """[ticks unchanged before it, change of RSS, change of shared, ...]"""
    db.executescript(UNFOLD + "CREATE TABLE chunk(id INTEGER PRIMARY KEY, payload TEXT) STRICT;")
    for id, _, series in chunks(data, length):
        flat, last, run = [], (0, 0), 0
        for now in series:
            if now == last:
                run += 1
                continue
            flat += [run, now[0] - last[0], now[1] - last[1]]
            last, run = now, 0
        db.execute("INSERT INTO chunk VALUES(?, ?)", (id, json.dumps(flat + [run], separators=(",", ":"))))
    fill(db, data, length)
    return """
        SELECT no * %d + pos + n.n - 1, v, v - s FROM (
          SELECT no, sum(k + 1) OVER w AS pos, lead(k, 1) OVER w + 1 AS times, sum(dv) OVER w AS v, sum(ds) OVER w AS s FROM (
            SELECT s.no, a.key / 3 AS i, max(iif(a.key %% 3 = 0, a.value, NULL)) AS k,
                   max(iif(a.key %% 3 = 1, a.value, NULL)) AS dv, max(iif(a.key %% 3 = 2, a.value, NULL)) AS ds
            FROM segment s JOIN chunk c ON c.id = s.no << 32 | ? JOIN json_each(c.payload) a GROUP BY s.no, a.key / 3)
          WINDOW w AS (PARTITION BY no ORDER BY i)) JOIN number n ON n.n <= times""" % length


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
    return bytes(out)


def varint_blob(db, data, length):
    """zigzag varints; 0 is followed by the length of a run of unchanged ticks. Series one behind the other."""
    db.executescript(UNFOLD + "CREATE TABLE chunk(id INTEGER PRIMARY KEY, rss BLOB, shared BLOB) STRICT;")
    for id, _, series in chunks(data, length):
        blobs = []
        for k in (0, 1):
            last, run, out = 0, 0, b""
            for s in series:
                if s[k] == last:
                    run += 1
                    continue
                if run:
                    out += b"\0" + varint(run)
                out, last, run = out + varint(zigzag(s[k] - last)), s[k], 0
            blobs.append(out + (b"\0" + varint(run) if run else b""))
        db.execute("INSERT INTO chunk VALUES(?, ?, ?)", (id, *blobs))
    fill(db, data, length)
    # Of RSS alone, and that without its runs unfolded into ticks: already slower than all of the others.
    return """
        WITH byte AS (SELECT s.no AS seg, n.n AS i, instr('123456789ABCDEF', substr(hex(substr(c.rss, n.n, 1)), 1, 1)) * 16
                             + instr('123456789ABCDEF', substr(hex(substr(c.rss, n.n, 1)), 2, 1)) AS b
                      FROM segment s JOIN chunk c ON c.id = s.no << 32 | ? JOIN number n ON n.n <= length(c.rss)),
             mark AS (SELECT seg, i, b, sum(b < 128) OVER (PARTITION BY seg ORDER BY i) - (b < 128) AS v FROM byte),
             value AS (SELECT seg, v, i, sum((b & 127) << 7 * (SELECT count(*) FROM mark x WHERE x.seg = m.seg AND x.v = m.v
                              AND x.i < m.i)) AS z FROM mark m GROUP BY seg, v)
        SELECT seg, v, z, lag(z) OVER (PARTITION BY seg ORDER BY v) = 0 AS is_run,
               sum(CASE WHEN z & 1 THEN -(z >> 1) - 1 ELSE z >> 1 END) OVER (PARTITION BY seg ORDER BY v) FROM value"""


def put(v):
    v += 0x500
    return chr(v + 0x2800 if v > 0xD7FF else v)


def runs(k):
    out = ""
    while k > 32:
        take = min(k, 896)
        out, k = out + chr(0xA0 + take - 33), k - take
    return out + (chr(0x1F + k) if k else "")


def text_payload(series):
    out, v, s, run = [], 0, 0, 0
    for rss, shared in series:
        rss, shared = rss + 1, shared + 1
        if (rss, shared) == (v, s):
            run += 1
            continue
        out.append(runs(run))
        run = 0
        if shared != s:
            out.append(put(zigzag(shared - s) * 2 + 1))
        if rss != v:
            z = zigzag(rss - v)
            out.append(chr(0x3F + z) if z <= 63 else put(z * 2))
        else:
            run = 1
        v, s = rss, shared
    return "".join(out) + runs(run)


def fill(db, data, length):
    db.executemany("INSERT INTO process VALUES(?)", ((p,) for p in range(len(data))))
    db.executemany("INSERT INTO segment VALUES(?)", ((s,) for s in range((len(data[0]) + length - 1) // length)))


# The view decodes a character below U+0800 by one look-up in op; each of the windows is partitioned by process, or SQLite 3.40
# would unfold all of the processes before it looks for one.
TEXT_VIEW = """
CREATE TABLE op(c INTEGER PRIMARY KEY, k INT, dv INT, ds INT) STRICT;
CREATE VIEW sample AS SELECT process, no * %d + pos - k + n.n AS tick, v - 1 AS rss, v - s AS anon FROM (
  SELECT process, no, k, sum(k) OVER w AS pos, sum(dv) OVER w AS v, sum(ds) OVER w AS s FROM (
    SELECT p.no AS process, g.no, n.n AS i, iif(o.c < 2048, o.k, z & 1 = 0) AS k,
           iif(o.c < 2048, o.dv, iif(z & 1, 0, (z >> 2) * iif(z & 2, -1, 1) - (z >> 1 & 1))) AS dv,
           iif(o.c < 2048, o.ds, iif(z & 1, (z >> 2) * iif(z & 2, -1, 1) - (z >> 1 & 1), 0)) AS ds FROM process p CROSS JOIN segment g
        CROSS JOIN chunk c ON c.id = g.no << 32 | p.no CROSS JOIN number n ON n.n <= length(c.payload)
        CROSS JOIN op o ON o.c = min(2048, unicode(substr(c.payload, n.n, 1))))
  WINDOW w AS (PARTITION BY process, no ORDER BY i ROWS UNBOUNDED PRECEDING)) CROSS JOIN number n ON n.n <= k WHERE v > 0
""".replace("z ", "(unicode(substr(c.payload, n.n, 1)) - iif(unicode(substr(c.payload, n.n, 1)) > 0xD7FF, 11520, 1280)) ")


def meaning(c):
    """A character below U+0800: (ticks it takes, change of RSS, change of shared)."""
    def unzigzag(z):
        return -(z >> 1) - 1 if z & 1 else z >> 1
    if c < 0x40:
        return max(0, c - 0x1F), 0, 0
    if c < 0xA0:
        return 1, unzigzag(c - 0x3F), 0
    if c < 0x400:
        return c - 0xA0 + 33, 0, 0
    if c < 0x480:
        return 0, ((c & 15) << 18 + 4 * (c >> 5 & 3)) * (-1 if c & 16 else 1), 0
    if c < 0x500:
        return 0, 0, ((c & 15) << 18 + 4 * (c >> 5 & 3)) * (-1 if c & 16 else 1)
    z = unzigzag(c - 0x500 >> 1)
    return (0, 0, z) if c & 1 else (1, z, 0)


def text(db, data, length):
    """One character an operation: what daemon/store/encode.h describes."""
    db.executescript(UNFOLD + "CREATE TABLE chunk(id INTEGER PRIMARY KEY, payload TEXT) STRICT;" + TEXT_VIEW % length)
    db.executemany("INSERT INTO op VALUES(?, ?, ?, ?)", ((c, *meaning(c)) for c in range(2049)))
    for id, _, series in chunks(data, length):
        db.execute("INSERT INTO chunk VALUES(?, ?)", (id, text_payload(series)))
    fill(db, data, length)
    return "SELECT tick, rss, anon FROM sample WHERE process = ?"


ENCODINGS = [("a row a sample, and an index", rows, 0), ("a row a sample, clustered by process", clustered, 0),
             ("JSON deltas, 720 ticks", flat_json, 720), ("varint blob, 720 ticks", varint_blob, 720),
             ("text, 180 ticks", text, 180), ("text, 360 ticks", text, 360), ("text, 720 ticks", text, 720)]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-n", type=int, default=1000)
    p.add_argument("-t", type=int, default=1440)
    p.add_argument("--only", default="")
    a = p.parse_args()
    data = population(a.n, a.t)
    print("%-40s %10s %10s %10s" % ("%d processes, %d ticks" % (a.n, a.t), "B/sample", "read, ms", "worst"))
    for name, make, length in ENCODINGS:
        if a.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.db")
            db = sqlite3.connect(path)
            db.executescript("PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA synchronous=OFF;")
            query = make(db, data, length)
            db.commit()
            db.close()
            db = sqlite3.connect(path)
            times = []
            for process in range(3, a.n, max(1, a.n // 25)):
                began = time.perf_counter()
                found = db.execute(query, (process,)).fetchall()
                times.append((time.perf_counter() - began) * 1e3)
                want = [(t, r, r - s) for t, (r, s) in enumerate(data[process])]
                if "varint" not in name:
                    got = [(t - 1, r, x) for t, r, x in found] if length else found
                    assert sorted(got) == want, (name, process, got[:5], want[:5])
            print("%-40s %10.3f %10.2f %10.2f" % (name, os.path.getsize(path) / a.n / a.t, sum(times) / len(times), max(times)))
            db.close()


main()
