#!/usr/bin/python3
"""The peer: RSS of every Python into SQLite once a second, as one writes it by hand with psutil.

    psutil_loop.py DATABASE

Ends on SIGTERM; prints how many samples it took.
"""
import signal
import sqlite3
import sys
import time

import psutil


def main():
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    db = sqlite3.connect(sys.argv[1])
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("CREATE TABLE sample (pid INTEGER, started REAL, at REAL, rss INTEGER, anon INTEGER)")
    db.execute("CREATE INDEX sample_of_process ON sample (pid, at)")
    taken, due = 0, time.monotonic()
    while not ended:
        now, rows = time.time(), []
        for p in psutil.process_iter(["name", "create_time", "memory_info"]):
            memory = p.info["memory_info"]
            if memory and (p.info["name"] or "").startswith("python"):
                rows.append((p.pid, p.info["create_time"], now, memory.rss, memory.rss - memory.shared))
        with db:
            db.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?)", rows)
        taken += len(rows)
        due += 1
        time.sleep(max(0.0, due - time.monotonic()))
    db.close()
    print(taken)


main()
