"""The life of a process: exit, exec, fork, a reused pid; and many lives at once."""
import os
import time

import psutil
import pytest

import kernel
import programs
from memtided import until
from test_finding import seconds

CHILD = "import os, signal\nchild = os.fork()\nif not child:\n    signal.pause()\n"


def shows_true_rss(d, pid):
    """Once a program that was just started has settled."""
    d.wait_for(lambda: d.process(pid)["rss_bytes"] == psutil.Process(pid).memory_info().rss, 3, "the true RSS of %d" % pid)


def test_an_exit_is_noticed_within_a_tick(daemon, python):
    d = daemon(interval="500ms")
    p = python()
    d.find(p.pid)
    key = d.process(p.pid)["id"]
    p.kill()
    ended = time.time()
    gone = d.find(p.pid, state="exited", timeout=2)
    assert gone["id"] == key
    assert ended - 0.1 <= seconds(gone["exited_at"]) <= ended + 0.5 + 0.4, "later than a tick, and some for a busy machine"
    assert d.events(key) == ["started", "exited"]
    assert p.pid not in {x["pid"] for x in d.json("/processes?limit=1000")["processes"]}
    assert p.pid in {x["pid"] for x in d.json("/processes?limit=1000&state=exited")["processes"]}
    assert d.samples(key), "its history stays"


def test_exec_of_another_python_program_is_an_event_of_the_same_process(daemon, python, folder):
    other = os.path.join(folder, "other.py")
    with open(other, "w", encoding="utf-8") as f:
        f.write("import signal\nsignal.pause()\n")
    d = daemon("--detail-interval", "1s")
    p = python(name="first.py")
    before = d.find(p.pid)
    p.tell("os = _os; os.execv('/usr/bin/python3', ['python3', %r, '--after'])" % other, answer=False)
    after = d.wait_for(lambda: (x := d.process(p.pid)) and "--after" in x["cmdline"] and x, 5, "the new command line")
    assert (after["id"], after["started_at"], after["state"]) == (before["id"], before["started_at"], "running")
    assert d.events(p.pid) == ["started", "exec"]
    assert "other.py" in after["app"]["name"]
    shows_true_rss(d, p.pid)


def test_exec_of_a_program_that_is_not_python_ends_the_watching(daemon, python):
    d = daemon("--detail-interval", "1s")
    p = python()
    key = d.find(p.pid)["id"]
    p.tell("_os.execv('/bin/sleep', ['sleep', '60'])", answer=False)
    d.find(p.pid, state="exited")
    assert d.events(key)[:2] == ["started", "exec"]


@pytest.mark.slow
def test_exec_from_a_shell_into_python_is_found(daemon, spawn, folder):
    go = os.path.join(folder, "go")
    d = daemon()
    p = spawn(["/bin/sh", "-c", "while [ ! -e %s ]; do sleep 0.05; done; exec /usr/bin/python3 -c 'import time; time.sleep(60)'" % go])
    d.next_tick()
    d.next_tick()
    assert d.process(p.pid) is None
    open(go, "w").close()
    d.find(p.pid, timeout=75)


def test_a_fork_without_exec_is_told(daemon, python):
    d = daemon()
    p = python(name="forks.py")
    d.find(p.pid)
    p.tell(CHILD)
    child = p.ask("child")
    said = d.find(child)
    assert "forked" in d.events(child)
    assert said["ppid"] == p.pid
    assert said["app"] == d.process(p.pid)["app"]


def test_a_child_between_fork_and_exec_becomes_what_it_executes(daemon, python):
    d = daemon(interval="100ms")
    p = python()
    p.tell("import os, time\nchild = os.fork()\nif not child:\n    time.sleep(0.5)\n    os.execv('/bin/sleep', ['sleep', '60'])")
    child = p.ask("child")
    until(lambda: psutil.Process(child).name() == "sleep")
    d.wait_for(lambda: (x := d.process(child)) is None or x["state"] == "exited", 5, "the child to be watched no more")


def test_a_reused_pid_is_two_processes_with_figures_of_their_own(daemon, python, spawn, folder, root):
    helper = kernel.with_pid(folder)
    d = daemon("--detail-interval", "200ms")
    small = python("small = True", name="small.py")
    d.find(small.pid)
    d.next_tick()
    first_rss, first_id, pid = small.rss_bytes(), kernel.process_id(small.pid), small.pid
    time.sleep(0.02)  # two clock ticks: a start time is known to one
    small.kill()
    second = spawn([helper, pid, programs.PYTHON, "-c", "x = bytearray(b'x') * (40 << 20)\nimport time\ntime.sleep(600)"])
    assert second.poll() is None
    found = d.wait_for(lambda: (x := d.process(pid)) and x["id"] != first_id and x["rss_bytes"] > 40 << 20 and x, 5,
                       "the second process")
    assert found["id"] == kernel.process_id(pid)
    shows_true_rss(d, pid)
    first = d.process(first_id)
    assert first["state"] == "exited"
    assert {s["rss_bytes"] for s in d.samples(first_id)[1:]} == {first_rss}, "figures of another process"
    assert d.events(first_id)[-1] == "exited"
    assert d.samples(found["id"])[-1]["rss_bytes"] > 40 << 20


def test_the_samples_of_a_growing_python_are_its_own_readings(daemon, python):
    d = daemon(interval="100ms")
    p = python("held = []", name="grows.py")
    d.find(p.pid)
    for _ in range(12):
        p.tell("held.append(bytearray(b'x') * (3 << 20))")
        now = kernel.statm_bytes(p.pid)
        d.next_tick()
        newest = d.samples(p.pid)[-1]
        assert (newest["rss_bytes"], newest["anon_bytes"]) == now
    samples = d.samples(p.pid)
    times = [s["at"] for s in samples]
    assert times == sorted(set(times))
    rss = [s["rss_bytes"] for s in samples]
    assert rss[-1] - rss[0] >= 36 << 20


def gaps(samples):
    at = [seconds(s["at"]) for s in samples]
    return [b - a for a, b in zip(at, at[1:])]


@pytest.mark.slow
def test_a_fork_storm_costs_bounded_memory_and_descriptors_and_no_tick(daemon, python):
    d = daemon(interval="200ms")
    idle, storm = python(), python("import os, time\ndef short():\n    if not os.fork():\n        time.sleep(0.3)\n        os._exit(0)\n"
                                   "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)")
    d.find(idle.pid)
    sampler = d.role("sampler")
    rss, fds, seen = [sampler.memory_info().rss], [sampler.num_fds()], 0
    began = time.time()
    for _ in range(20):
        storm.tell("for _ in range(100):\n    short()")
        rss.append(sampler.memory_info().rss)
        fds.append(sampler.num_fds())
        seen = max(seen, len(d.json("/processes?limit=1000&q=idle.py")["processes"]))
    assert seen > 10, "the storm was not seen at all"
    until(lambda: not psutil.Process(storm.pid).children(), 20)
    d.next_tick()
    d.next_tick()
    d.next_tick()
    assert d.role("sampler") == sampler, "the sampler was replaced"
    assert programs.sanitized() or max(rss) < rss[0] + (24 << 20), "the sampler grew: %s" % rss
    assert sampler.num_fds() <= fds[0] + 8, "descriptors stayed open: %s" % fds
    assert max(gaps([s for s in d.samples(idle.pid) if seconds(s["at"]) > began])) < 0.2 * 3, "not punctual"
    assert d.health() == "ok"
    left = [x for x in d.json("/processes?limit=1000")["processes"] if not psutil.pid_exists(x["pid"])]
    assert not left, "processes that are gone are shown as running"
