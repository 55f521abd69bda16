"""The sampler by itself, locked in as ever, asked for looks into heaps: the test takes the engine's place."""
import os
import signal
import socket
import struct
import subprocess
import time

import psutil
import pytest

import kernel
import programs
from memtided import until

# The configuration, the engine's socket and the page of who is being read are descriptors 3, 4 and 5. Its parent's other
# children are taken for roles of memtided, which aren't watched: so it gets one of its own.
START = r"""
import os, sys
for i in range(3):
    os.dup2(100 + i, 3 + i)
os.closerange(100, 103)
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
os.closerange(3, 6)
print(pid, flush=True)
os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
"""
APPEARED, TICK, LOOK = 1, 5, 8
REQUEST_LOOK = 1


class Sampler:
    """memtide-sampler with an engine that only listens, and asks for what it is told to."""

    def __init__(self, interval="100ms", wrapper=()):
        config = os.memfd_create("config")
        os.write(config, ("interval = %s\n" % interval).encode())
        busy = os.memfd_create("busy")
        os.ftruncate(busy, 4096)
        self.socket, other = socket.socketpair()
        fds = [os.dup2(fd, 100 + i, True) for i, fd in enumerate((config, other.fileno(), busy))]
        self.proc = subprocess.Popen([programs.PYTHON, "-c", START, *wrapper, sampler_path()], pass_fds=fds,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = int(self.proc.stdout.readline())
        for fd in (config, busy, *fds):
            os.close(fd)
        other.close()
        self.rest, self.seats, self.looks, self.ticks = b"", {}, [], []

    def frames(self, timeout=5):
        """Takes in what it says next."""
        self.socket.settimeout(timeout)
        more = self.socket.recv(1 << 20)
        assert more, "the sampler has ended"
        self.rest += more
        while len(self.rest) >= 8:
            kind, size = struct.unpack_from("=II", self.rest)
            if len(self.rest) < 8 + size:
                break
            self.take(kind, self.rest[8:8 + size])
            self.rest = self.rest[8 + size:]

    def take(self, kind, body):
        seat = struct.unpack_from("=I", body)[0]
        if kind == APPEARED:
            self.seats[struct.unpack_from("=II i", body)[2]] = seat
        elif kind == LOOK:
            self.looks.append((seat, struct.unpack_from("=q", body, 8)[0], body[16:]))
        elif kind == TICK:
            self.ticks.append(struct.unpack_from("=qq", body))

    def wait(self, predicate, timeout=10):
        deadline = time.monotonic() + timeout
        while not predicate():
            assert time.monotonic() < deadline, "the sampler did not say it in time"
            self.frames()

    def ask(self, pid):
        self.wait(lambda: pid in self.seats)
        self.socket.sendall(struct.pack("=II", self.seats[pid], REQUEST_LOOK))

    def look(self, pid):
        self.looks.clear()
        self.ask(pid)
        self.wait(lambda: self.looks)
        return self.looks[0]

    def child(self):
        """The one that looks now, or None."""
        try:
            found = psutil.Process(self.pid).children()
            return found[0] if found and found[0].status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        status = self.proc.wait(5)
        said = self.proc.stderr.read()
        self.proc.stderr.close()
        self.proc.stdout.close()
        self.socket.close()
        assert b"ERROR" not in said and b"Sanitizer" not in said, said.decode()
        return status


def sampler_path():
    return programs.built("daemon/sampler/memtide-sampler")


@pytest.fixture
def sampler():
    s = Sampler()
    yield s
    if s.proc.poll() is None:
        s.stop()


HEAP = "class Order:\n    pass\nORDERS = {i: Order() for i in range(%d)}\n"


def test_a_look_tells_of_the_heap(sampler, python):
    p = python(HEAP % 5000)
    seat, cpu_us, said = sampler.look(p.pid)
    assert seat == sampler.seats[p.pid]
    assert 0 < cpu_us < 2000000
    assert b"__main__.ORDERS" in said
    until(lambda: sampler.child() is None, 5, "no child is left")
    assert not [c for c in psutil.Process(sampler.pid).children() if c.status() == psutil.STATUS_ZOMBIE]


def test_a_stopped_one_is_refused_and_asked_again_it_is_looked_into(sampler, python):
    p = python(HEAP % 100)
    p.proc.send_signal(signal.SIGSTOP)
    until(lambda: kernel.status_field(p.pid, "State").startswith("T"), 5, "it is stopped")
    assert b"it is stopped (state T)" in sampler.look(p.pid)[2]
    p.proc.send_signal(signal.SIGCONT)
    until(lambda: not kernel.status_field(p.pid, "State").startswith("T"), 5, "it runs")
    assert b"__main__.ORDERS" in sampler.look(p.pid)[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to become another user")
def test_without_the_right_it_says_what_is_missing(python):
    s = Sampler(wrapper=("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"))
    p = python(HEAP % 100)
    said = s.look(p.pid)[2]
    assert b"its memory may not be read" in said and b"CAP_SYS_PTRACE" in said
    s.stop()


def test_one_that_becomes_another_program_is_no_longer_told_of(sampler, python):
    p = python(HEAP % 200000)
    child = caught(sampler, p.pid)
    sampler.looks.clear()
    p.tell("import os, threading; threading.Timer(0.05, os.execv, (%r, [%r, '-c', 'import time; time.sleep(60)'])).start()"
          % (programs.PYTHON, programs.PYTHON))
    until(lambda: "sleep" in " ".join(psutil.Process(p.pid).cmdline()), 5, "it is another program")
    child.resume()
    sampler.wait(lambda: sampler.looks)
    assert b"another program" in sampler.looks[0][2] or b"ORDERS" not in sampler.looks[0][2]


def filters(pid):
    return int(kernel.status_field(pid, "Seccomp_filters"))


def caught(sampler, pid):
    """The child that looks, stopped in its tracks once it has locked itself in."""
    while True:
        sampler.ask(pid)
        n = len(sampler.looks)
        while len(sampler.looks) == n:
            try:
                child = sampler.child()
                while child and filters(child.pid) <= filters(sampler.pid):
                    pass
                if child:
                    child.suspend()
                    while child.status() != psutil.STATUS_STOPPED:
                        assert child.is_running()
                    return child
                sampler.frames(0.001)
            except (TimeoutError, psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError, TypeError):
                pass  # it was quicker


def test_a_look_that_hangs_holds_up_neither_ticks_nor_the_end(sampler, python):
    p = python(HEAP % 200000)
    child = caught(sampler, p.pid)
    sampler.ticks.clear()
    sampler.wait(lambda: len(sampler.ticks) >= 20)
    late = [began - due for due, began in sampler.ticks]
    assert max(late) < 50e6, late
    began = time.monotonic()
    assert sampler.stop() == 0
    assert time.monotonic() - began < 2
    until(lambda: not psutil.pid_exists(child.pid), 5, "the child is gone")


def test_the_child_dies_with_the_sampler(sampler, python):
    p = python(HEAP % 200000)
    child = caught(sampler, p.pid)
    os.kill(sampler.pid, signal.SIGKILL)
    sampler.proc.wait()
    until(lambda: not psutil.pid_exists(child.pid), 5, "the child is gone")


def test_the_child_is_the_last_in_line_and_locked_in(sampler, python):
    p = python(HEAP % 200000)
    child = caught(sampler, p.pid)
    assert child.nice() == 19
    assert kernel.status_field(child.pid, "Name") == "memtide-look"
    with open("/proc/%d/oom_score_adj" % child.pid, encoding="ascii") as f:
        assert f.read().strip() == "1000"
    assert int(kernel.status_field(child.pid, "Seccomp")) == 2
    folder = "/proc/%d/fd" % child.pid
    held = [os.readlink(os.path.join(folder, fd)).rsplit("/", 1)[-1].split(":")[0] for fd in os.listdir(folder)]
    assert set(held) <= {"maps", "smaps", "pagemap", "pipe"} or programs.sanitized(), held
    child.resume()
    sampler.looks.clear()
    sampler.wait(lambda: sampler.looks, 30)
