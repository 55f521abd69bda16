"""The file: plain sqlite3 reads it while the daemon runs and after; no crash, full disk, lock or deletion costs history."""
import contextlib
import glob
import os
import signal
import sqlite3
import stat
import subprocess
import time

import pytest

import kernel
import programs
from memtided import until
from test_finding import seconds
from test_life import gaps


def rows_of(d, key):
    return d.sqlite("SELECT at, rss_bytes, anon_bytes FROM sample WHERE process_id = ? ORDER BY at", key)


def shown_rows(d, key):
    """The same from the API. Details come to a sample a little later than it is shown, so they are left out."""
    return [(s["at"], s["rss_bytes"], s["anon_bytes"]) for s in d.samples(key)]


def test_the_views_say_what_the_api_says_while_it_runs_and_after(daemon, python):
    d = daemon("--detail-interval", "400ms")
    p = python("held = []", name="views.py")
    key = d.find(p.pid)["id"]
    for _ in range(5):
        p.tell("held.append(bytearray(b'x') * (1 << 20))")
        d.next_tick()
    d.next_tick()
    shown = shown_rows(d, key)
    stored = rows_of(d, key)
    assert len(shown) > 5 and stored[:len(shown)] == shown
    said = d.process(key)
    row = d.sqlite("SELECT id, pid, started_at, exited_at, name, cmdline, user, app, framework, python FROM process WHERE id = ?", key)[0]
    assert row[:5] == (key, p.pid, said["started_at"], None, said["name"])
    assert row[5].endswith("views.py") and row[6:] == (said["user"], said["app"]["name"], None, said["python"])
    assert d.sqlite("SELECT max(at) FROM sample WHERE process_id = ?", key)[0][0] >= shown[-1][0]
    detail = d.sqlite("SELECT at, pss_bytes, uss_bytes, threads, swap_bytes, fds, rchar_bytes, read_bytes, cpu_seconds FROM detail "
                      "WHERE process_id = ? ORDER BY at DESC", key)[0]
    assert detail[3] == 1 and detail[5] == said["fds"] and (detail[1] is None or detail[1] > 0)
    d.terminate()
    assert rows_of(d, key)[:len(shown)] == shown
    assert stat.S_IMODE(os.stat(d.db).st_mode) == 0o640


def test_details_stand_beside_the_samples_they_were_read_with(daemon, python):
    d = daemon("--detail-interval", "1s")
    p = python()
    d.find(p.pid)
    d.wait_for(lambda: len([s for s in d.samples(p.pid) if s["pss_bytes"] is not None]) >= 2, 6, "two readings")
    samples = d.samples(p.pid)
    read = [s for s in samples if s["threads"] is not None]  # the dearest of a reading, PSS, may be left out
    assert len(read) < len(samples), "between readings they are null"
    assert all(s["threads"] == 1 and s["cpu_seconds"] >= 0 for s in read)
    assert all(s["pss_bytes"] is None and s["cpu_seconds"] is None for s in samples if s["threads"] is None)



def test_a_clean_stop_leaves_one_plain_file(daemon, python):
    d = daemon()
    d.find(python().pid)
    assert os.path.exists(d.db + "-wal")
    d.terminate()
    assert [f for f in os.listdir(d.folder) if f.startswith("m.db")] == ["m.db"]
    with open(d.db, "rb") as f:
        head = f.read(100)
    assert head[:15] == b"SQLite format 3" and head[18:20] == b"\x01\x01", "journal_mode is DELETE"
    assert d.sqlite("PRAGMA integrity_check") == [("ok",)]


def test_history_goes_on_after_a_restart_with_the_same_processes(daemon, python):
    d = daemon()
    p = python()
    before = d.find(p.pid)
    d.next_tick()
    shown = shown_rows(d, before["id"])
    d.restart()
    after = d.find(p.pid)
    assert (after["id"], after["started_at"]) == (before["id"], before["started_at"])
    d.next_tick()
    samples = shown_rows(d, before["id"])
    assert samples[:len(shown)] == shown and len(samples) > len(shown)
    assert d.events(p.pid) == ["started"]
    assert d.sqlite("SELECT count(*) FROM process WHERE pid = ?", p.pid) == [(1,)]


def test_a_process_that_ended_while_the_daemon_was_down_has_exited(daemon, python):
    d = daemon()
    p = python()
    key = d.find(p.pid)["id"]
    d.terminate()
    p.kill()
    d.start()
    d.next_tick()
    assert d.process(key)["state"] == "exited"
    assert d.events(key)[-1] == "exited"


@pytest.mark.slow
def test_kill_9_many_times_under_load_loses_nothing_that_was_shown(daemon, python):
    d = daemon("--detail-interval", "200ms", interval="100ms")
    pythons = [python("held = []") for _ in range(6)]
    storm = python("import os, time, signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\ndef storm():\n"
                   "    for _ in range(20):\n        if not os.fork():\n            time.sleep(0.2)\n            os._exit(0)")
    first = {p.pid: d.find(p.pid) for p in pythons}
    down = []
    for turn in range(10):
        for p in pythons:
            p.tell("held.append(bytearray(b'x') * (1 << 19))")
        storm.tell("storm()")
        time.sleep(0.05 + 0.037 * turn)  # at a different moment of the tick each time
        shown = {p.pid: shown_rows(d, first[p.pid]["id"]) for p in pythons}
        killed = time.time()
        d.kill9()
        assert d.integrity_of_copy() == [("ok",)]
        d.start()
        for p in pythons:
            now = d.find(p.pid)
            assert (now["id"], now["started_at"]) == (first[p.pid]["id"], first[p.pid]["started_at"])
            assert shown_rows(d, now["id"])[:len(shown[p.pid])] == shown[p.pid], "history that had been shown is gone"
        down.append((killed, time.time()))
    d.next_tick()
    for p in pythons:
        samples = d.samples(first[p.pid]["id"])
        at = [seconds(s["at"]) for s in samples]
        assert at == sorted(set(at)), "a sample twice"
        for a, b in zip(at, at[1:]):
            pause = sum(min(b, e) - max(a, k) for k, e in down if k < b and e > a)
            assert b - a <= pause + 0.3, "a hole of %.2f s, of which %.2f s it was down" % (b - a, pause)
        assert d.events(p.pid) == ["started"]
    assert d.sqlite("SELECT process_id, at, count(*) FROM sample GROUP BY 1, 2 HAVING count(*) > 1") == []
    d.terminate()
    assert d.sqlite("PRAGMA integrity_check") == [("ok",)]


def no_sample_missing(d, pid, since, interval):
    longest = max(gaps([s for s in d.samples(pid) if seconds(s["at"]) >= since]))
    assert longest < 2.5 * interval, "a hole of %.2f s" % longest


def test_a_full_disk_is_told_and_recovered_from_without_loss(daemon, python, folder, root):
    with kernel.small_disk(os.path.join(folder, "disk"), "3m") as disk:
        d = daemon(db=os.path.join(disk, "m.db"))
        p = python("held = []")
        d.find(p.pid)
        began = time.time()
        filler = os.path.join(disk, "filler")
        with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(b"x" * 4096)
        def full():
            p.tell("held.append(bytearray(b'x') * 4096 * 4)")
            return d.health() == "disk-full"
        d.wait_for(full, 20, "disk-full")
        status, headers, body = d.get("/healthz")
        assert status == 503 and headers["content-type"].startswith("application/problem+json"), body
        assert d.get("/processes?limit=5")[0] == 200, "it goes on answering"
        time.sleep(1)
        os.unlink(filler)
        d.wait_ok()
        d.next_tick()
        no_sample_missing(d, p.pid, began, 0.2)
        assert d.process(p.pid)["rss_bytes"] == p.rss_bytes()
        assert d.log().lower().count("full") <= 6, "log seldom:\n" + d.log()
        d.terminate()
        assert d.sqlite("PRAGMA integrity_check") == [("ok",)]


def test_a_reader_that_holds_a_transaction_is_no_obstacle(daemon, python):
    d = daemon(interval="100ms")
    p = python()
    d.find(p.pid)
    began = time.time()
    reader = sqlite3.connect("file:%s?mode=ro" % d.db, uri=True)
    reader.execute("BEGIN")
    count = reader.execute("SELECT count(*) FROM sample").fetchone()
    for _ in range(15):
        d.next_tick()
    assert reader.execute("SELECT count(*) FROM sample").fetchone() == count, "its snapshot stands"
    assert d.health() == "ok"
    reader.close()
    no_sample_missing(d, p.pid, began, 0.1)
    d.terminate()


@pytest.mark.slow
def test_a_reader_that_pins_the_wal_is_told_before_the_size_limit(daemon, python):
    d = daemon("--max-db-size", "4MiB", interval="100ms")
    pythons = [python("held = []") for _ in range(10)]
    for p in pythons:
        d.find(p.pid)
    reader = sqlite3.connect("file:%s?mode=ro" % d.db, uri=True)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM process").fetchone()
    def held():
        for p in pythons:
            p.tell("held.append(bytearray(b'x') * 8192)")
        return d.health() == "reader-holds-wal"
    d.wait_for(held, 90, "reader-holds-wal")
    size = sum(os.path.getsize(f) for f in glob.glob(d.db + "*") if not f.endswith("-shm"))
    assert size <= 4 << 20
    reader.close()
    d.wait_ok()
    d.next_tick()
    d.terminate()


def test_a_write_lock_of_another_program_is_told_and_waited_out(daemon, python):
    d = daemon()
    p = python()
    d.find(p.pid)
    began = time.time()
    other = sqlite3.connect(d.db, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    d.wait_for(lambda: d.health() == "database-locked", 10, "database-locked")
    assert d.json("/healthz", status=503)["reason"] == "database-locked"
    time.sleep(1)
    assert d.get("/processes/%d" % p.pid)[0] == 200
    other.execute("ROLLBACK")
    other.close()
    d.wait_ok()
    d.next_tick()
    no_sample_missing(d, p.pid, began, 0.2)


def test_a_deleted_database_is_begun_anew_without_a_restart(daemon, python):
    d = daemon()
    p = python()
    before = d.find(p.pid)
    for f in glob.glob(d.db + "*"):
        os.unlink(f)
    until(lambda: os.path.exists(d.db), 10, "a new file")
    d.wait_ok()
    d.next_tick()
    after = d.find(p.pid)
    assert (after["id"], after["started_at"]) == (before["id"], before["started_at"])
    assert rows_of(d, after["id"])
    d.terminate()
    assert d.sqlite("PRAGMA integrity_check") == [("ok",)]


def test_a_database_that_cannot_be_made_anew_is_gone_until_it_can(daemon, python):
    d = daemon()
    p = python()
    d.find(p.pid)
    os.rename(d.db, d.db + ".moved")
    os.mkdir(d.db)
    d.wait_for(lambda: d.health() == "database-gone", 10, "database-gone")
    os.rmdir(d.db)
    d.wait_ok()
    assert d.find(p.pid)
    d.next_tick()
    assert rows_of(d, kernel.process_id(p.pid))


# Files that are not its own

def refused(run_memtided, path, *words):
    with open(path, "rb") as f:
        before = f.read()
    mtime = os.stat(path).st_mtime_ns
    got = run_memtided("--db", path, "--listen", "127.0.0.1:0")
    assert got.returncode == 1, got
    assert path in got.stderr and all(w in got.stderr for w in words), got.stderr
    with open(path, "rb") as f:
        assert f.read() == before, "the file was touched"
    assert os.stat(path).st_mtime_ns == mtime
    assert not [f for f in os.listdir(os.path.dirname(path)) if f.startswith(os.path.basename(path) + "-")]


def test_a_text_file_is_refused_untouched(run_memtided, folder):
    path = os.path.join(folder, "notes.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.write("Dear diary,\n" * 1000)
    refused(run_memtided, path)


@pytest.mark.parametrize("application_id", [0, 0x12345678])
def test_another_applications_database_is_refused_untouched(run_memtided, folder, application_id):
    path = os.path.join(folder, "other.db")
    db = sqlite3.connect(path)
    db.execute("PRAGMA application_id = %d" % application_id)
    db.execute("CREATE TABLE theirs (x)")
    db.execute("INSERT INTO theirs VALUES (1)")
    db.commit()
    db.close()
    refused(run_memtided, path)


def test_a_later_version_is_refused_untouched_naming_both(daemon, run_memtided):
    d = daemon()
    d.next_tick()
    d.terminate()
    db = sqlite3.connect(d.db)
    own = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute("PRAGMA user_version = 4711")
    db.close()
    assert own > 0
    refused(run_memtided, d.db, "4711", str(own))


@pytest.mark.parametrize("keep", [100, 4096 + 50])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(daemon, python, keep):
    d = daemon()
    d.find(python().pid)
    d.terminate()
    size = os.path.getsize(d.db)
    with open(d.db, "r+b") as f:
        f.seek(keep)
        f.write(b"\xa5" * (size - keep))
    d.start()
    assert d.find(python().pid)
    aside = glob.glob(d.db + ".corrupt-*")
    assert len(aside) == 1 and os.path.getsize(aside[0]) == size
    assert len([line for line in d.log().splitlines() if "corrupt" in line]) == 1, d.log()
    d.terminate()
    assert d.sqlite("PRAGMA integrity_check") == [("ok",)]


def test_a_truncated_file_is_set_aside(daemon, python):
    d = daemon()
    d.find(python().pid)
    d.terminate()
    os.truncate(d.db, os.path.getsize(d.db) // 2 // 4096 * 4096 - 100)
    d.start()
    assert d.find(python().pid)
    assert glob.glob(d.db + ".corrupt-*")


def test_a_second_daemon_on_one_file_refuses_and_the_first_goes_on(daemon, run_memtided, python):
    d = daemon()
    p = python()
    d.find(p.pid)
    began = time.time()
    got = run_memtided("--db", d.db, "--listen", "127.0.0.1:0")
    assert got.returncode == 1 and d.db in got.stderr, got
    assert len(got.stderr.strip().splitlines()) <= 2, got.stderr
    for _ in range(3):
        d.next_tick()
    assert d.health() == "ok"
    no_sample_missing(d, p.pid, began, 0.2)


def test_a_folder_that_is_not_there_is_made(daemon, folder):
    path = os.path.join(folder, "new", "deeper", "m.db")
    d = daemon(db=path)
    d.next_tick()
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o750
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640


def test_the_default_place_follows_the_environment(run_memtided, folder):
    env = {"STATE_DIRECTORY": os.path.join(folder, "state")}
    assert "db = %s/state/memtide.db" % folder in run_memtided("--check-config", "--config", "/dev/null", env=env).stdout


def test_kill_9_while_it_starts_harms_nothing(daemon, python):
    d = daemon()
    p = python()
    key = d.find(p.pid)["id"]
    d.next_tick()
    shown = shown_rows(d, key)
    d.kill9()
    for pause in (0.0, 0.01, 0.03, 0.06, 0.1):
        d.start(wait=False)
        time.sleep(pause)
        d.members()
        d.proc.send_signal(signal.SIGKILL)
        d.proc.wait()
    d.wait_gone()
    d.start()
    d.next_tick()
    assert shown_rows(d, key)[:len(shown)] == shown


@pytest.mark.slow
def test_the_file_and_its_wal_never_outgrow_the_limit(daemon, spawn):
    """A thousand processes ten times a second, all of which change."""
    population = spawn([programs.PYTHON, os.path.join(programs.ROOT, "tests/bench/population.py"), "1000", "1"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pids = list(map(int, iter(population.stdout.readline, b"ready\n")))
    d = daemon("--max-db-size", "4MiB", interval="100ms")
    d.next_tick()
    ends = time.monotonic() + 40
    while time.monotonic() < ends:  # that the oldest goes first, once it is full, is seen in tests/unit/store/test_retain.c
        size = sum(os.path.getsize(f) for f in glob.glob(d.db + "*") if not f.endswith("-shm"))
        assert size <= 4 << 20, "%d bytes" % size
        time.sleep(0.05)
    assert d.health() == "ok"
    kept = d.samples(pids[0])
    assert max(gaps(kept[-200:])) < 0.35 and kept[-1]["rss_bytes"] > 0
    d.terminate()
    assert d.sqlite("PRAGMA integrity_check") == [("ok",)]
