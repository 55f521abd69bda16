"""Memory limits: real ones, as the kernel enforces them."""
import contextlib
import os
import subprocess
import time

import pytest

MIB = 1 << 20
ROOT = "/sys/fs/cgroup"


class Group:
    """A control group with a memory limit, of whichever version has the memory controller here."""

    def __init__(self, name, limit=None):
        self.v1 = os.path.exists(ROOT + "/memory/memory.limit_in_bytes")
        self.folder = os.path.join(ROOT, *(["memory"] if self.v1 else []), name)
        os.mkdir(self.folder)
        if limit:
            self.write("memory.limit_in_bytes" if self.v1 else "memory.max", limit)
            with contextlib.suppress(OSError):  # no swap to flee to
                self.write("memory.memsw.limit_in_bytes" if self.v1 else "memory.swap.max", limit if self.v1 else 0)

    def write(self, name, value):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as f:
            f.write(str(value))

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="ascii") as f:
            return f.read()

    def enter(self):
        """Code that takes a Python into it."""
        return "open(%r, 'w').write(str(_os.getpid()))" % os.path.join(self.folder, "cgroup.procs")

    def kills(self):
        lines = self.read("memory.oom_control" if self.v1 else "memory.events").splitlines()
        return int(dict(line.split() for line in lines)["oom_kill"])


@pytest.fixture
def group(root):
    """A factory: group("shop", limit) below the top, group("shop/worker", limit) below that one."""
    made = []

    def make(name, limit=None):
        try:
            made.append(Group("memtide-test-%d-%s" % (os.getpid(), name), limit))
        except OSError as e:
            pytest.skip("no control group with a memory limit can be made here: %s" % e)
        return made[-1]

    yield make
    for g in reversed(made):
        deadline = time.monotonic() + 5
        while True:  # until the processes in it are gone
            try:
                os.rmdir(g.folder)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def limit_of(d, pid):
    said = d.find(pid)
    return said["limit_kind"], said["limit_bytes"]


def test_limits_set_by_prlimit_are_known(daemon, python):
    ours = {"rlimit-as": 1 << 33, "rlimit-data": 3 << 31}
    pids = {}
    for kind, limit in ours.items():
        pids[kind] = python().pid
        subprocess.run(["prlimit", "--pid", str(pids[kind]), "--%s=%d:" % (kind[7:], limit)], check=True)
    d = daemon()
    for kind, limit in ours.items():
        got = limit_of(d, pids[kind])
        assert got == (kind, limit) or (got[0] == "cgroup" and got[1] <= limit)


def test_the_lowest_limit_of_the_groups_above_is_known(group, daemon, python):
    outer = group("a", 200 * MIB)
    inner = group("a/b", 300 * MIB)
    alone = group("c")
    one, other = python(inner.enter()), python(alone.enter())
    d = daemon()
    assert limit_of(d, one.pid) == ("cgroup", 200 * MIB)
    assert d.find(one.pid)["cgroup"].endswith("-a/b")
    assert limit_of(d, other.pid)[1] != 200 * MIB
    assert outer.kills() == 0


def test_a_process_killed_for_want_of_memory_is_told_from_one_that_ended(group, daemon, python):
    g = group("small", 64 * MIB)
    eater, bystander = python(g.enter()), python()
    d = daemon(interval="100ms")
    d.find(eater.pid)
    d.find(bystander.pid)
    eater.tell("x = bytearray(200 << 20)", answer=False)
    eater.proc.wait(20)
    assert g.kills() == 1
    d.find(eater.pid, state="exited")
    assert d.events(eater.pid)[-1] == "oom-kill"
    bystander.kill()
    d.find(bystander.pid, state="exited")
    assert d.events(bystander.pid)[-1] == "exited"
