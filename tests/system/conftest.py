"""Fixtures of the system tests: the built daemon, and real processes for it to watch. Run with
/usr/bin/python3 -m pytest tests/system; MEMTIDED_BUILD names the build folder."""
import os
import shutil
import subprocess
import sys
import tempfile

import psutil
import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import programs  # noqa: E402
from memtided import Memtided, until  # noqa: E402
from pythons import Python, kill_group  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than about ten seconds")


@pytest.fixture
def folder():
    """A temporary folder that every user may enter: pytest's own is closed to those the daemon's roles run as."""
    path = tempfile.mkdtemp(prefix="memtide-test-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def daemon(folder):
    """A factory of running daemons: daemon(), daemon("--include", "sleep"), daemon(interval="100ms", wait=False)."""
    started = []

    def make(*options, wait=True, start=True, name=None, **kw):
        place = os.path.join(folder, name or "d%d" % len(started))
        os.mkdir(place)
        os.chmod(place, 0o755)
        d = Memtided(place, options, **kw)
        started.append(d)
        return d.start(wait) if start else d

    yield make
    wrong = []
    for d in started:
        if d.proc:
            wrong += d.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def run_memtided(folder):
    """Runs memtided to its end: run_memtided("--version") gives a CompletedProcess with text."""
    def run(*argv, env=None, timeout=10, **kw):
        environment = {k: v for k, v in os.environ.items() if k not in ("STATE_DIRECTORY", "NOTIFY_SOCKET")}
        environment.update(env or {})
        return subprocess.run([programs.memtided(), *argv], capture_output=True, text=True, timeout=timeout, env=environment,
                              stdin=subprocess.DEVNULL, **kw)
    return run


@pytest.fixture
def memtide():
    """Runs the client to its end: memtide("ps", url=d.url) gives a CompletedProcess with text."""
    def run(*argv, url=None, env=None, timeout=20, **kw):
        environment = {k: v for k, v in os.environ.items() if k not in ("MEMTIDE_URL", "NO_COLOR")}
        if url:
            environment["MEMTIDE_URL"] = url
        environment.update(env or {})
        kw.setdefault("stdin", subprocess.DEVNULL)
        if "input" in kw:
            kw.pop("stdin")
        return subprocess.run([programs.memtide(), *argv], capture_output=True, timeout=timeout, env=environment,
                              encoding="utf-8", **kw)
    return run


@pytest.fixture
def python(folder):
    """A factory of controlled Pythons (pythons.py): python(), python("x = bytearray(10 << 20)", name="grow.py")."""
    started = []

    def make(code="", **kw):
        p = Python(os.path.join(folder, "p%d" % len(started)), code, **kw)
        started.append(p)
        return p

    yield make
    for p in started:
        if p._in is not None:
            p.kill()


@pytest.fixture
def spawn():
    """A factory of other programs: spawn(argv) starts one in a session of its own; everything below it is killed at the end."""
    started = []

    def make(argv, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.DEVNULL)
        p = subprocess.Popen([str(a) for a in argv], start_new_session=True, **kw)
        started.append(p)
        return p

    yield make
    for p in started:
        try:
            below = psutil.Process(p.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            below = []
        kill_group(p)
        for q in below:
            try:
                q.kill()
            except psutil.NoSuchProcess:
                pass


@pytest.fixture
def wait_until():
    return until


@pytest.fixture(scope="session")
def root():
    """For tests that need root: skips where it isn't."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


def pyenv_versions():
    """Interpreters below ~/.pyenv/versions: {"3.12": path}."""
    base = os.path.expanduser("~/.pyenv/versions")
    found = {}
    for name in sorted(os.listdir(base)) if os.path.isdir(base) else []:
        short = ".".join(name.split(".")[:2])
        path = os.path.join(base, name, "bin", "python" + short)
        if os.access(path, os.X_OK):
            found[short] = path
    return found
