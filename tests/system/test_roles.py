"""The three roles: each is replaced when it falls, and none may do what is another's."""
import os
import re
import signal
import time

import psutil
import pytest

import kernel
from test_finding import seconds
from test_life import gaps

DAC_READ_SEARCH, KILL, PTRACE = 1 << 2, 1 << 5, 1 << 19


def capabilities(pid, which="CapEff"):
    return int(kernel.status_field(pid, which), 16)


def descriptors(pid):
    """What each descriptor of a process is: {number: text}."""
    found = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found[int(fd)] = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            pass
    return found


def another(d, name, old):
    def replaced():
        p = d.role(name)
        return p if p and p.pid != old.pid else None
    return d.wait_for(replaced, 10, "another " + name)


def test_there_are_three_roles_each_executed_afresh(daemon):
    d = daemon("--inspect=off")  # a look is a process for some ms
    assert len(d.members()) == 3
    assert d.role("sampler").ppid() == d.pid and d.role("api").ppid() == d.pid


def test_a_fallen_sampler_is_replaced_and_leaves_no_hole(daemon, python):
    d = daemon()
    p = python()
    key = d.find(p.pid)["id"]
    d.next_tick()
    began = time.time()
    old = d.role("sampler")
    old.kill()
    another(d, "sampler", old)
    d.next_tick()
    d.next_tick()
    d.wait_ok()
    assert max(gaps([s for s in d.samples(key) if seconds(s["at"]) > began - 0.5])) < 2 * 0.2 + 1.2, "two ticks and a pause"
    assert d.events(key) == ["started"], "a restart of the sampler is nothing that happened to the process"
    assert d.process(key)["rss_bytes"] == p.rss_bytes()
    assert d.find(python().pid)
    assert "sampler" in d.log()


def test_a_sampler_that_falls_again_and_again_is_replaced_with_a_growing_pause(daemon, python):
    d = daemon()
    p = python()
    d.find(p.pid)
    for _ in range(3):
        old = d.role("sampler")
        old.kill()
        another(d, "sampler", old)
    d.wait_ok()
    d.next_tick()
    assert d.process(p.pid)["rss_bytes"] == p.rss_bytes()
    d.terminate()


@pytest.mark.slow
def test_a_stopped_sampler_is_late_and_then_replaced(daemon, python):
    d = daemon()
    p = python()
    d.find(p.pid)
    old = d.role("sampler")
    old.send_signal(signal.SIGSTOP)
    d.wait_for(lambda: d.health() == "late", 10, "late")
    another(d, "sampler", old)
    d.wait_ok()
    d.next_tick()
    assert d.process(p.pid)["rss_bytes"] == p.rss_bytes()
    assert not psutil.pid_exists(old.pid)


def test_a_fallen_api_is_replaced_on_the_same_port_and_no_tick_is_missed(daemon, python):
    d = daemon()
    p = python()
    key = d.find(p.pid)["id"]
    began = time.time()
    old = d.role("api")
    old.kill()
    another(d, "api", old)
    d.wait_ok()
    d.next_tick()
    assert max(gaps([s for s in d.samples(key) if seconds(s["at"]) > began - 0.4])) < 0.2 * 2.5
    assert "api" in d.log()


def test_roles_end_with_the_engine(daemon):
    d = daemon()
    d.next_tick()
    d.kill9()  # waits until all of them are gone


def test_the_api_has_no_right_but_to_answer(daemon, root):
    d = daemon()
    d.next_tick()
    api = d.role("api").pid
    uids = set(kernel.status_field(api, "Uid").split())
    assert "0" not in uids and len(uids) == 1
    assert "0" not in kernel.status_field(api, "Gid").split()
    for which in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert capabilities(api, which) == 0, which
    assert kernel.status_field(api, "NoNewPrivs") == "1"
    assert kernel.status_field(api, "Seccomp") == "2"


def test_the_sampler_may_read_other_processes_and_nothing_else(daemon, root):
    d = daemon()
    d.next_tick()
    sampler = d.role("sampler").pid
    for which in ("CapEff", "CapPrm"):
        assert not capabilities(sampler, which) & ~(PTRACE | DAC_READ_SEARCH), which
    assert capabilities(sampler) & PTRACE
    assert kernel.status_field(sampler, "NoNewPrivs") == "1"
    assert kernel.status_field(sampler, "Seccomp") == "2"
    held = descriptors(sampler).values()
    assert not [x for x in held if "m.db" in x], held
    with open("/proc/net/tcp", encoding="ascii") as f:
        listening = {line.split()[9] for line in list(f)[1:] if line.split()[3] == "0A"}
    assert not [x for x in held if (m := re.match(r"socket:\[(\d+)\]", x)) and m.group(1) in listening], held


def test_the_engine_uses_no_capability_but_to_end_the_api(daemon, root):
    """As root the api is another user's, and only CAP_KILL reaches it."""
    d = daemon()
    d.next_tick()
    assert capabilities(d.pid) & ~KILL == 0


def test_the_api_holds_the_file_for_reading_alone(daemon, root):
    d = daemon()
    d.next_tick()
    api = d.role("api").pid
    for fd, what in descriptors(api).items():
        if what == d.db:
            with open("/proc/%d/fdinfo/%d" % (api, fd), encoding="ascii") as f:
                flags = int(next(line for line in f if line.startswith("flags:")).split()[1], 8)
            assert flags & os.O_ACCMODE == os.O_RDONLY
    watched = [x for x in descriptors(api).values() if re.match(r"/proc/(?!%d/)" % api, x)]
    assert not watched


@pytest.mark.parametrize("role", ["sampler", "api"])
def test_no_role_gets_what_is_not_its_own(daemon, root, role):
    """No file but those it was given."""
    d = daemon()
    d.next_tick()
    member = d.role(role).pid
    regular = [x for x in descriptors(member).values() if x.startswith("/") and not x.startswith(("/proc", "/sys/", "/dev/null", "/memfd:"))]
    allowed = (d.log_path,) + ((d.db, d.db + "-wal", d.db + "-shm") if role == "api" else ())
    assert not set(regular) - set(allowed)


def test_a_role_started_by_hand_says_so_and_ends(daemon):
    import subprocess
    d = daemon()
    for name in ("sampler", "api"):
        exe = d.role(name).exe()
        got = subprocess.run([exe], capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL, check=False)
        assert got.returncode != 0
        assert got.stderr.strip(), "says nothing"
        assert got.returncode > 0, "killed by signal %d" % -got.returncode
