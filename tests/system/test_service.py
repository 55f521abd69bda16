"""What a service manager is told and gives: sd_notify, the journal's priorities, sockets by activation. Without systemd."""
import os
import re
import signal
import socket
import urllib.request

import pytest

from memtided import until
from test_apps import free_port


class Manager:
    """The receiving end of sd_notify."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.setblocking(False)
        self.told = []

    def has(self, *words):
        try:
            while True:
                self.told += self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            pass
        return all(any(t.startswith(w) for t in self.told) for w in words)

    def forget(self):
        self.has()
        self.told.clear()


@pytest.fixture
def manager(folder):
    m = Manager(folder)
    yield m
    m.socket.close()


def test_systemd_is_told_of_readiness_reloads_and_stopping(daemon, manager):
    d = daemon(interval=None, config="interval = 200ms\n", env={"NOTIFY_SOCKET": manager.path})
    until(lambda: manager.has("READY=1", "STATUS="), 5, "READY=1; told: %s" % manager.told)
    manager.forget()
    d.write_config("interval = 300ms\n")
    d.proc.send_signal(signal.SIGHUP)
    until(lambda: manager.has("RELOADING=1", "MONOTONIC_USEC=", "READY=1"), 5, "a reload")
    assert manager.told.index("RELOADING=1") < manager.told.index("READY=1")
    manager.forget()
    d.write_config("interval = nonsense\n")
    d.proc.send_signal(signal.SIGHUP)
    until(lambda: manager.has("RELOADING=1", "READY=1"), 5, "a reload that is refused ends as well")
    d.terminate()
    assert manager.has("STOPPING=1")


def test_the_watchdog_is_fed_from_the_sampling_path(daemon, manager):
    d = daemon(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "1000000"})
    until(lambda: manager.has("WATCHDOG=1"), 5, "WATCHDOG=1")
    sampler = d.role("sampler")
    sampler.send_signal(signal.SIGSTOP)
    d.wait_for(lambda: d.health() == "late", 10, "late")
    manager.forget()
    until(lambda: manager.has("WATCHDOG=1"), 10, "WATCHDOG=1 once it samples again")


def test_the_journal_gets_priorities(daemon, folder):
    d = daemon(start=False)
    with open(d.log_path, "wb"):
        pass
    at = os.stat(d.log_path)
    d.env = {"JOURNAL_STREAM": "%d:%d" % (at.st_dev, at.st_ino)}
    d.start()
    d.terminate()
    lines = d.whole_log().splitlines()
    assert lines and all(re.match(r"<[0-7]>", line) for line in lines), lines
    assert not any(line[3:].startswith("memtided: ") for line in lines), "the journal knows who it is"


def test_sockets_by_activation_replace_the_default_listen(daemon, folder):
    if not os.path.exists("/usr/bin/systemd-socket-activate"):
        pytest.skip("systemd-socket-activate is not installed")
    port = free_port()
    d = daemon(listen=(), wait=False, wrapper=["systemd-socket-activate", "-E", "ASAN_OPTIONS=detect_leaks=0", "-l", "127.0.0.1:%d" % port])  # it hands on no other

    def answered():
        assert d.proc.poll() is None, d.log()
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/healthz" % port, timeout=5) as r:
                return r.status == 200
        except OSError:
            return False
    until(answered, 10, "an answer")
    assert "9733" not in d.log(), "the default address was opened too"
    d.terminate()
