"""What leaks is found, once; what doesn't is not. Ticks are short, as the detector's patience is counted in samples."""
import os
import signal

import pytest

import programs

TICK = "100ms"
# Grows by 16 KiB a tick: slowly enough that no machine is full within the hour, which would make it critical.
LEAK = """
import threading, time
held = []
def leak():
    while True:
        held.append(bytearray(b"x") * 16384)
        time.sleep(0.1)
threading.Thread(target=leak, daemon=True).start()
"""
FOUND_WITHIN = 150  # seconds: 1,500 ticks


def findings(d, query=""):
    """Leaks: on a small machine its memory's limit is near enough to be told as well."""
    return d.json("/findings?kind=leak&" + query)["findings"]


def verdict(d, pid):
    return (d.process(pid) or {}).get("growth", {}).get("verdict")


def found(d, pid, timeout=FOUND_WITHIN):
    """The one open leak of a process, once there is one."""
    def look():
        of_it = findings(d, "process=%s" % pid)
        return of_it[0] if of_it else None
    return d.wait_for(look, timeout, "a finding of %d" % pid)


@pytest.fixture(scope="module")
def settings():
    return "min-growth = 4MiB\n[app \"quiet*\"]\nmute = yes\n[app \"large*\"]\nmin-growth = 4GiB\n"


@pytest.mark.slow
def test_a_leak_is_found_once_and_lives_as_long_as_its_process(daemon, python, settings):
    d = daemon(interval=TICK, config=settings)
    leaky, idle = python(LEAK, name="leaky.py"), python(name="idle.py")
    quiet, large = python(LEAK, name="quiet.py"), python(LEAK, name="large.py")
    for p in (leaky, idle, quiet, large):
        d.find(p.pid)
        assert verdict(d, p.pid) == "insufficient-data"

    one = found(d, leaky.pid)
    key = d.process(leaky.pid)["id"]
    assert (one["severity"], one["state"], one["closed_at"]) == ("warning", "open", None)
    assert (one["process"]["id"], one["process"]["pid"], one["app"]["name"]) == (key, leaky.pid, "leaky.py")
    evidence = one["evidence"]
    assert evidence["to_bytes"] - evidence["from_bytes"] >= 4 << 20
    assert abs(evidence["exact_bytes"] - evidence["to_bytes"]) < 16 << 20
    true_rate = 16 * 1024 * 10 * 3600
    assert 0.7 * true_rate < evidence["bytes_per_hour"] < 1.1 * true_rate
    assert [q["id"] for q in one["diagnosis"]][0] == "growing" and one["diagnosis"][0]["answer"] == "yes"
    assert verdict(d, leaky.pid) == "leak"
    assert one["id"] in d.process(leaky.pid)["findings"]

    # The daemon stops and starts: the same finding, and the verdict without waiting for it anew.
    d.restart()
    d.wait_for(lambda: verdict(d, leaky.pid) == "leak", 15, "the verdict after a restart")
    assert found(d, leaky.pid, 5)["id"] == one["id"]

    # The sampler is killed: the same.
    d.role("sampler").kill()
    d.wait_ok()
    d.next_tick()
    d.wait_for(lambda: verdict(d, leaky.pid) == "leak", 5, "the verdict after another sampler")

    # The daemon is killed.
    d.kill9()
    d.start()
    d.wait_for(lambda: verdict(d, leaky.pid) == "leak", 15, "the verdict after a crash")
    assert found(d, leaky.pid, 5)["id"] == one["id"]

    # Each is found in its own time.
    d.wait_for(lambda: verdict(d, quiet.pid) == verdict(d, large.pid) == "leak", FOUND_WITHIN, "the verdict on the others")
    assert verdict(d, idle.pid) == "stable"
    leaky.kill()
    closed = d.wait_for(lambda: [f for f in findings(d, "state=closed") if f["id"] == one["id"]], 5, "it to be closed")[0]
    assert closed["closed_at"] >= closed["opened_at"] == one["opened_at"]
    assert closed["evidence"]["to_bytes"] >= evidence["to_bytes"]
    gone = d.process(key)
    assert (gone["state"], gone["growth"]["verdict"]) == ("exited", "leak")
    assert [f["id"] for f in findings(d, "state=all&process=%s" % key)] == [one["id"]], "opened twice"
    for p in (idle, quiet, large):
        assert not findings(d, "state=all&process=%d" % p.pid), "idle, muted and small ones open nothing"

    # A reload unmutes: what has been leaking all the time is told at once.
    d.write_config("min-growth = 4MiB\n")
    os.kill(d.pid, signal.SIGHUP)
    two = found(d, quiet.pid, 10)
    assert two["id"] > one["id"]
    d.write_config("min-growth = 4MiB\n[app \"quiet.py\"]\nmute = yes\n")
    os.kill(d.pid, signal.SIGHUP)
    d.wait_for(lambda: not findings(d, "process=%d" % quiet.pid), 10, "a muted finding to close")


@pytest.mark.slow
def test_what_ends_while_the_daemon_is_away_is_closed(daemon, python):
    d = daemon(interval=TICK, config="min-growth = 4MiB\n")
    leaky = python(LEAK, name="leaky.py")
    d.find(leaky.pid)
    one = found(d, leaky.pid)
    key = d.process(leaky.pid)["id"]
    d.terminate()
    leaky.kill()
    d.start()
    closed = d.wait_for(lambda: findings(d, "state=closed&process=%s" % key), 5, "it to be closed")
    assert [f["id"] for f in closed] == [one["id"]]
    assert not findings(d, "process=%s" % key)


def test_a_daemon_with_findings_stops_in_time(daemon, python):
    d = daemon(interval=TICK)
    for i in range(4):
        d.find(python(LEAK, name="p%d.py" % i).pid)
    for _ in range(5):
        d.next_tick()
    assert d.terminate() < 2
    rows = d.sqlite("SELECT count(*) FROM trend_row")
    assert rows[0][0] >= 4, "each detector is written"


WORKER = """
import sys, time
held = []
for _ in range(120):
    held.append(bytearray(b"x") * 65536)
    time.sleep(0.1)
"""
SUPERVISOR = """
import subprocess, sys
while True:
    subprocess.call([sys.executable, sys.argv[1]])
"""


@pytest.mark.slow
def test_a_leak_behind_recycling_is_found_on_the_app(daemon, spawn, folder):
    worker = os.path.join(folder, "worker.py")
    supervisor = os.path.join(folder, "supervisor.py")
    for path, text in ((worker, WORKER), (supervisor, SUPERVISOR)):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    d = daemon(interval=TICK)
    spawn([programs.PYTHON, supervisor, worker])
    one = d.wait_for(lambda: [f for f in findings(d) if f["app"]["name"] == "worker.py"], FOUND_WITHIN, "a finding of the app")[0]
    assert one["process"] is None
    assert one["evidence"]["generations"]["alike"] >= 4
    assert "worker.py" in one["title"]
    # Its past is read from the file after a restart: it neither closes nor opens again.
    d.restart()
    for _ in range(2):
        running = d.json("/processes?q=worker.py")["processes"]
        pids = {p["pid"] for p in running if "supervisor.py" not in " ".join(p["cmdline"])}
        d.wait_for(lambda: pids != {p["pid"] for p in d.json("/processes?q=worker.py")["processes"]
                                    if "supervisor.py" not in " ".join(p["cmdline"])}, 20, "the next worker")
    app = one["app"]["id"]
    assert [f["id"] for f in findings(d, "state=all&app=%s" % app) if f["process"] is None] == [one["id"]]
    assert one["id"] in [f["id"] for f in findings(d, "app=%s" % app)]
