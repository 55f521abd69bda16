"""A running memtided: started on a free port over a file of its own, asked over HTTP, stopped, and looked after."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse

import psutil

import programs

SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:")
LISTENING = re.compile(r"listening on (http://\S+|unix:\S+)")


def until(predicate, timeout=10, what=None):
    """What predicate() gives as soon as it is true; fails after timeout seconds."""
    deadline = time.monotonic() + timeout
    while True:
        got = predicate()
        if got:
            return got
        if time.monotonic() > deadline:
            raise AssertionError("not within %g s: %s" % (timeout, what or getattr(predicate, "__name__", predicate)))
        time.sleep(0.01)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Memtided:
    """folder: where everything of it is kept. options: further ones for its command line. interval: None leaves it out.
    listen: addresses, by default a free port on the loopback. user: run as this one (needs root)."""

    def __init__(self, folder, options=(), *, interval="200ms", listen=("127.0.0.1:0",), config="", env=None, user=None,
                 db=None, wrapper=()):
        self.folder = str(folder)
        self.db = str(db or os.path.join(self.folder, "m.db"))
        self.config = os.path.join(self.folder, "memtided.conf")
        self.log_path = os.path.join(self.folder, "log")
        self.env = env
        self.wrapper = list(wrapper)
        if user:
            self.wrapper += ["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups"]
            os.chmod(self.folder, 0o777)
        self.write_config(config)
        self.argv = [programs.memtided(), "--db", self.db, "--config", self.config]
        if interval:
            self.argv += ["--interval", interval]
        for address in listen:
            self.argv += ["--listen", address]
        self.argv += list(options)
        self.proc = None
        self.url = self.unix = None
        self.started_log = 0
        self.family = []

    # Starting and stopping

    def write_config(self, text):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.config, 0o644)

    def start(self, wait=True):
        self.started_log = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        self.url = self.unix = None
        environment = {k: v for k, v in os.environ.items() if k not in ("STATE_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS",
                                                                       "LISTEN_PID", "JOURNAL_STREAM")}
        environment.update(self.env or {})
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(self.wrapper + self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         cwd=self.folder, env=environment, start_new_session=True)
        if wait:
            self.wait_listening()
            self.wait_ok()
        return self

    def wait_listening(self, timeout=10):
        def listening():
            assert self.proc.poll() is None, "memtided ended with status %d:\n%s" % (self.proc.returncode, self.log())
            for address in LISTENING.findall(self.log()):
                if address.startswith("unix:"):
                    self.unix = address[5:].rstrip(".,;)")
                else:
                    self.url = address.rstrip("/.,;)")
            return self.url or self.unix
        return until(listening, timeout, "memtided to say where it listens; its log:\n" + self.log())

    def wait_ok(self, timeout=10):
        try:
            self.wait_for(lambda: self.health() == "ok", timeout)
        except AssertionError:
            raise AssertionError("/healthz is %r, not ok; its log:\n%s" % (self.health(), self.log())) from None

    @property
    def pid(self):
        return self.proc.pid

    def members(self):
        """Its processes now, the engine first."""
        try:
            engine = psutil.Process(self.proc.pid)
            found = [engine] + engine.children(recursive=True)
        except psutil.NoSuchProcess:
            found = []
        self.family += [p for p in found if p not in self.family]
        return found

    def role(self, name):
        """The process of a role: engine, sampler or api."""
        if name == "engine":
            return psutil.Process(self.proc.pid)
        for p in self.members()[1:]:
            try:
                if name in " ".join([os.path.basename(p.exe())] + p.cmdline()[:2]):
                    return p
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return None

    def kill9(self):
        self.members()
        self.proc.kill()
        self.proc.wait()
        self.wait_gone()

    def terminate(self, within=2.0, sig=signal.SIGTERM):
        """Stops it as systemd would; it has to end with status 0 in time."""
        self.members()
        began = time.monotonic()
        self.proc.send_signal(sig)
        try:
            status = self.proc.wait(within + 8)
        except subprocess.TimeoutExpired:
            raise AssertionError("memtided did not stop within %g s:\n%s" % (within + 8, self.log())) from None
        took = time.monotonic() - began
        assert status == 0, "status %d on SIGTERM:\n%s" % (status, self.log())
        assert took <= within, "stopping took %.2f s" % took
        self.wait_gone()
        return took

    def restart(self):
        if self.proc.poll() is None:
            self.terminate()
        return self.start()

    def wait_gone(self, timeout=3):
        until(lambda: not [p for p in self.family if alive(p)], timeout,
              "every role to end; left: %s" % [p for p in self.family if alive(p)])

    def close(self):
        """For the fixture: ends it whatever happened; returns what was wrong."""
        wrong = []
        if self.proc and self.proc.poll() is None:
            self.members()
            self.proc.terminate()
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                wrong.append("memtided did not stop on SIGTERM")
                self.proc.kill()
                self.proc.wait()
        try:
            self.wait_gone()
        except AssertionError as e:
            wrong.append(str(e))
        for p in self.family:
            if alive(p):
                p.kill()
        log = self.whole_log()
        if SANITIZER.search(log):
            wrong.append("a sanitizer report:\n" + log[-6000:])
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", log):
            wrong.append("a raw control byte in the log: %r" % re.search(r".{0,80}[\x00-\x08\x0b-\x1f\x7f].{0,20}", log).group())
        return wrong

    # Its log

    def whole_log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def log(self):
        """What it has logged since it was last started."""
        with open(self.log_path, "rb") as f:
            f.seek(self.started_log)
            return f.read().decode("utf-8", "replace")

    # Asking it

    def request(self, path, method="GET", timeout=10, **headers):
        """(status, headers with lower-case names, body as bytes). Header names are given with _ for -."""
        if self.url:
            where = urllib.parse.urlsplit(self.url)
            connection = http.client.HTTPConnection(where.hostname, where.port, timeout=timeout)
        else:
            connection = UnixConnection(self.unix, timeout)
        try:
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request(path, **headers)

    def json(self, path, status=200, **headers):
        got, _, body = self.request(path, **headers)
        assert got == status, "%s: %d %s" % (path, got, body.decode(errors="replace"))
        return json.loads(body.decode("utf-8"))

    def health(self):
        """ok, a stable reason, or None while nothing answers."""
        try:
            status, _, body = self.request("/healthz", timeout=2)
        except (OSError, http.client.HTTPException):
            return None
        if status == 200:
            return body.decode().strip()
        try:
            return json.loads(body)["reason"]
        except (ValueError, KeyError):
            return "%d %s" % (status, body.decode(errors="replace"))

    def wait_for(self, predicate, timeout=10, what=None):
        def asked():
            try:
                return predicate()
            except (OSError, http.client.HTTPException):
                return False
        return until(asked, timeout, what or "%s; its log:\n%s" % (predicate, self.log()))

    def metrics(self):
        """Samples without labels of /metrics: name to value."""
        _, _, body = self.get("/metrics")
        found = {}
        for line in body.decode().splitlines():
            if line and not line.startswith("#") and "{" not in line:
                name, value = line.split()[:2]
                found[name] = float(value)
        return found

    def next_tick(self, timeout=10):
        """Waits for a tick that began after this call, and was stored."""
        asked = time.time()
        self.wait_for(lambda: self.metrics().get("memtide_last_tick_timestamp_seconds", 0) > asked, timeout, "a further tick")

    def process(self, pid):
        """The newest process of this pid, or None."""
        status, _, body = self.get("/processes/%s" % pid)
        return json.loads(body.decode("utf-8")) if status == 200 else None

    def find(self, pid, timeout=5, state="running"):
        """Waits until it knows pid."""
        def known():
            p = self.process(pid)
            return p if p and p["state"] == state else None
        return self.wait_for(known, timeout, "pid %s to be found %s" % (pid, state))

    def samples(self, key, query=""):
        """All samples of a process, as a list of dicts, over as many pages as it takes."""
        rows, cursor = [], None
        while True:
            path = "/processes/%s/samples?%s" % (key, query)
            page = self.json(path + ("&cursor=" + urllib.parse.quote(cursor) if cursor else ""))
            rows += [dict(zip(page["columns"], row)) for row in page["samples"]]
            cursor = page["next"]
            if not cursor:
                return rows

    def events(self, key):
        return [e["event"] for e in self.json("/processes/%s/events" % key)["events"]]

    def sqlite(self, query, *parameters):
        """Rows of a query on its file, as anybody would ask: read-only, with plain sqlite3."""
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % self.db, uri=True, timeout=5)) as db:
            return db.execute(query, parameters).fetchall()

    def integrity_of_copy(self):
        """What PRAGMA integrity_check says of the file as a crash left it: asked of a copy, so that the recovery of the file
        itself stays the daemon's."""
        with tempfile.TemporaryDirectory() as place:
            for end in ("", "-wal"):
                if os.path.exists(self.db + end):
                    shutil.copy(self.db + end, os.path.join(place, "m.db" + end))
            with contextlib.closing(sqlite3.connect(os.path.join(place, "m.db"))) as db:
                return db.execute("PRAGMA integrity_check").fetchall()


def alive(p):
    try:
        return p.is_running() and p.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
