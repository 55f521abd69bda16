"""Looks into heaps by the running daemon: what grows is named, over HTTP, in the client and in findings, and nobody is held up.
One daemon looks at many programs at once (the fixture `leaks`), as each look waits for its turn."""
import contextlib
import datetime
import json
import os
import pty
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request

import jsonschema
import psutil
import pytest

import heaps
import programs
from memtided import Memtided, until
from pythons import Python, kill_group
from test_apps import free_port

PERIODIC = ("--inspect", "periodic", "--inspect-interval", "1s")
SLOWER = 4 if programs.sanitized() else 1

known = {"type": ["number", "null"]}
text = {"type": "string", "minLength": 1}
at = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}


def record(**keys):
    return {"type": "object", "required": sorted(keys), "properties": keys}


def listing(of, **more):
    return {"type": "array", "items": of, **more}


three = listing({"type": "integer"}, minItems=3, maxItems=3)
HEAP = record(
    id=text, at=at, python={"type": "string", "pattern": r"^3\.\d+\.\d+"}, tracked_objects=known, took_ms={"type": "number"},
    complete={"type": "boolean"}, missing=listing(record(part=text, reason=text)),
    gc=record(enabled={"type": "boolean"}, thresholds=three, counts=three, uncollectable={"type": "integer"}),
    memory=record(python_bytes=known, python_free_bytes=known, native_bytes=known, file_bytes=known, shmem_bytes=known),
    types=listing(record(type=text, objects={"type": "integer"}, bytes={"type": "integer"}, objects_per_hour=known,
                         bytes_per_hour=known)),
    containers=listing(record(name=text, aliases=listing(text), type=text, length={"type": "integer"}, length_per_hour=known)),
    looks=listing(at))


def seconds(time_text):
    return datetime.datetime.fromisoformat(time_text.replace("Z", "+00:00")).timestamp()


def only(folder):
    """Nothing is watched but what has this folder in its command line: all looks together are few a second."""
    return ("--exclude", "^(?!.*%s)" % re.escape(folder))


class World:
    """A daemon and programs for it, for as long as a block."""

    def __init__(self, stack, options, **kw):
        self.folder = tempfile.mkdtemp(prefix="memtide-test-")
        stack.callback(shutil.rmtree, self.folder, True)
        os.chmod(self.folder, 0o755)
        self.stack = stack
        self.n = 0
        place = os.path.join(self.folder, "d")
        os.mkdir(place)
        os.chmod(place, 0o755)
        self.d = Memtided(place, options + only(self.folder), **kw)
        stack.callback(self.close)

    def close(self):
        wrong = self.d.close() if self.d.proc else []
        assert not wrong, "\n".join(wrong)

    def python(self, code="", **kw):
        self.n += 1
        p = Python(os.path.join(self.folder, "p%d" % self.n), code, **kw)
        self.stack.callback(p.kill)
        return p

    def spawn(self, argv, **kw):
        p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True, **kw)
        self.stack.callback(kill_group, p)
        return p


@contextlib.contextmanager
def world(*options, **kw):
    with contextlib.ExitStack() as stack:
        yield World(stack, options, **kw)


def heap(d, pid):
    """The newest look, or None where there is none yet."""
    status, _, body = d.get("/processes/%s/heap" % pid)
    return json.loads(body) if status == 200 else None


def refused(d, pid):
    """Why there is no look."""
    status, headers, body = d.get("/processes/%s/heap" % pid)
    if status != 404:
        return None
    assert headers["content-type"] == "application/problem+json"
    return json.loads(body)["detail"]


def refused_for(d, pid, reason, timeout=10):
    """Waits until it is refused for a reason that says so."""
    seen = []

    def says():
        seen.append(refused(d, pid))
        return seen[-1] if seen[-1] and re.search(reason, seen[-1]) else None
    try:
        return d.wait_for(says, timeout, "")
    except AssertionError:
        raise AssertionError("/%s/ is not why: %r; %s" % (reason, seen[-1], d.log()[-2000:])) from None


def looked(d, pid, looks=1, timeout=20):
    """A look that knows so many in all, once there is one."""
    def there():
        found = heap(d, pid)
        return found if found and len(found["looks"]) + 1 >= looks else None
    return d.wait_for(there, timeout * SLOWER, "%d looks at %s; %s; %s" % (looks, pid, heap(d, pid), d.log()[-2000:]))


def a_further_look(d, pid, timeout=20):
    now = time.time()
    return d.wait_for(lambda: (found := heap(d, pid)) and seconds(found["at"]) > now and found, timeout * SLOWER,
                      "a further look at %s" % pid)


def any_further_look(w, names, timeout=20):
    """The first of these that is looked into from now on, and that look."""
    now = time.time()

    def there():
        for name in names:
            found = heap(w.d, w.pids[name])
            if found and seconds(found["at"]) > now:
                return name, found
        return None
    return w.d.wait_for(there, timeout * SLOWER, "a further look; %s" % w.d.log()[-2000:])


def container(found, name):
    return next((c for c in found["containers"] if c["name"] == name or name in c["aliases"]), None)


# The shop: begun before all else, so that it has leaked for long enough when its test comes, the last one.

def serves(port):
    def asked():
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=2) as r:
                return r.status == 200
        except OSError:
            return False
    until(asked, 20 * SLOWER, "the shop to answer")


@pytest.fixture(scope="module")
def shop():
    pytest.importorskip("flask", reason="Debian's python3-flask is not installed")
    if not os.access("/usr/bin/gunicorn", os.X_OK):
        pytest.skip("Debian's gunicorn is not installed")
    with world("--inspect-interval", "2s", interval="100ms") as w:
        heaps.write_shop(w.folder)
        port = free_port()
        w.spawn(["/usr/bin/gunicorn", "-w", "1", "-b", "127.0.0.1:%d" % port, "--pid", w.folder + "/gunicorn.pid", "shop.web:app"],
                cwd=w.folder)
        serves(port)
        with open(w.folder + "/gunicorn.pid", encoding="ascii") as f:
            w.worker = psutil.Process(int(f.read())).children()[0].pid
        load = os.path.join(w.folder, "load.py")
        with open(load, "w", encoding="utf-8") as f:
            f.write(heaps.LOAD)
        w.latencies = os.path.join(w.folder, "latencies")
        w.spawn([programs.PYTHON, load, port, 80, w.latencies])
        w.d.start()
        w.clock = time.time() - time.monotonic()
        yield w


def test_a_shop_opens(shop):
    assert shop.d.find(shop.worker)["framework"] == "gunicorn"
    assert refused(shop.d, shop.worker), "none before a finding"


# Many ways to leak, looked into by one daemon.

@pytest.fixture(scope="module")
def leaks(shop):
    with world(*PERIODIC, interval="100ms") as w:
        w.pids = {}
        for name in heaps.SHAPES:
            if name in heaps.UNSHARED and os.geteuid() != 0:
                continue
            w.pids[name] = heaps.start(w.python, w.folder, name)
        w.pids["hostile"] = w.python(heaps.BEGIN + "PACE = 500\n" + heaps.HOSTILE + heaps.END + "begin()\n", name="hostile.py").pid
        w.d.start()
        yield w


@pytest.mark.parametrize("shape", list(heaps.SHAPES))
def test_what_leaks_is_among_the_first_three_by_growth(leaks, shape):
    if shape not in leaks.pids:
        pytest.skip("needs root")
    want = heaps.SHAPES[shape]
    pid = leaks.pids[shape]

    def named(found):
        grown = [c["name"] for c in found["containers"] if c["length_per_hour"]][:3]
        return want.container in grown and want.type in [t["type"] for t in found["types"] if t["bytes_per_hour"]][:3]
    found = looked(leaks.d, pid, 2)
    deadline = time.monotonic() + 10 * SLOWER
    while not named(found) and time.monotonic() < deadline:  # two looks close together can both fall into one lull
        found = a_further_look(leaks.d, pid)
    assert named(found), json.dumps({k: found[k][:6] for k in ("containers", "types")}, indent=1)
    per_hour = [c["length_per_hour"] for c in found["containers"]]
    assert per_hour == sorted(per_hour, key=lambda x: (x is None, -(x or 0))), "by growth"
    dots = ["." in t["type"] for t in found["types"]]
    assert dots == sorted(dots, reverse=True), "an application's own first"
    assert 0 < len(found["containers"]) <= 200 and not found["missing"] and found["complete"]
    assert found["gc"]["enabled"] is (shape != "a disabled collector")


def test_a_look_is_as_the_interface_has_it(leaks):
    pid = leaks.pids["a global"]
    looked(leaks.d, pid, 2)
    status, headers, body = leaks.d.get("/processes/%d/heap" % pid)
    found = json.loads(body)
    assert status == 200 and headers["content-type"] == "application/json" and headers["cache-control"] == "no-store"
    jsonschema.validate(found, HEAP)
    assert found["id"] == leaks.d.process(pid)["id"]
    assert body.endswith(b"\n}\n") and body.count(b'\n    {"type": ') == len(found["types"])
    assert found["looks"] == sorted(found["looks"]) and found["looks"][-1] < found["at"]
    assert abs(sum(found["memory"][k + "_bytes"] for k in ("python", "python_free", "native", "file", "shmem")) -
               psutil.Process(pid).memory_info().rss) < 8 << 20
    for way in (str(pid), found["id"], found["id"].rsplit("-", 1)[0]):
        assert heap(leaks.d, way)["id"] == found["id"]


def test_head_text_and_what_is_wrong_with_a_request(leaks):
    path = "/processes/%d/heap" % leaks.pids["a global"]
    looked(leaks.d, leaks.pids["a global"], 2)
    status, headers, body = leaks.d.request(path, method="HEAD")
    assert status == 200 and body == b"" and headers["content-type"] == "application/json"
    for asked in (leaks.d.get(path + "?format=text"), leaks.d.get(path, Accept="text/plain")):
        status, headers, body = asked
        assert status == 200 and headers["content-type"].startswith("text/plain")
        assert "shop.cache.ORDERS" in body.decode() and "shop.models.Order" in body.decode() and "\x1b" not in body.decode()
    problem = leaks.d.json(path + "?colour=red", status=400)
    assert problem["parameter"] == "colour" and problem["allowed"]
    assert leaks.d.json(path + "?format=yaml", status=400)["parameter"] == "format"
    assert leaks.d.request(path, method="POST")[0] == 405
    assert leaks.d.get("/processes/%d/heap" % (1 << 30))[0] == 404


def harmless(shown):
    """Only line ends, and what a table is drawn with."""
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown), ascii(shown)


def in_a_terminal(argv, url):
    """What a program writes to a terminal of 200 columns."""
    master, slave = pty.openpty()
    try:
        subprocess.run(["stty", "cols", "200", "rows", "60"], stdin=slave, check=True)
        env = dict(os.environ, MEMTIDE_URL=url, TERM="xterm-256color")
        p = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env)
        os.close(slave)
        slave = None
        shown = b""
        with contextlib.suppress(OSError):  # EIO: nobody has it open any more
            while more := os.read(master, 65536):
                shown += more
        assert p.wait(10) == 0, shown
        return shown.decode("utf-8")
    finally:
        os.close(master)
        if slave is not None:
            os.close(slave)


def test_hostile_names_do_nothing_to_a_terminal(leaks, memtide):
    pid = leaks.pids["hostile"]
    found = looked(leaks.d, pid, 2)
    piped = memtide("heap", str(pid), url=leaks.d.url)
    assert piped.returncode == 0, piped.stderr
    harmless(piped.stdout)
    assert "pwned" in piped.stdout and "shop.cache.red" in piped.stdout, "its text is there"
    shown = in_a_terminal([programs.memtide(), "heap", str(pid)], leaks.d.url)
    assert "pwned" in shown
    harmless(re.sub("\x1b\\[[0-9;]*m", "", shown).replace("\r\n", "\n"))
    assert "\x1b[2J" not in shown and "\x1b]" not in shown
    assert any("pwned" in c["name"] for c in found["containers"]) and any("Ev" in t["type"] for t in found["types"])


def test_the_client_tells_what_grows_first(leaks, memtide):
    pid = leaks.pids["a name that is not ASCII"]
    found = looked(leaks.d, pid, 2)
    said = memtide("heap", str(pid), url=leaks.d.url)
    assert said.returncode == 0, said.stderr
    names = sorted((c["name"] for c in found["containers"]), key=lambda n: said.stdout.find(n) if n in said.stdout else 1 << 30)
    assert names[0] == heaps.SHAPES["a name that is not ASCII"].container, said.stdout
    assert "shop.models.Gr\u00f6\u00dfe" in said.stdout
    as_json = memtide("--json", "heap", str(pid), url=leaks.d.url)
    assert as_json.returncode == 0 and json.loads(as_json.stdout)["id"] == found["id"]
    nobody = memtide("heap", str(1 << 30), url=leaks.d.url)
    assert nobody.returncode == 4 and nobody.stderr and not nobody.stdout


def times(d, pid, since):
    """When it was sampled, in seconds."""
    return [t for t in (seconds(s["at"]) for s in d.samples(pid)) if t >= since]


def test_no_tick_is_late_and_none_is_missing_while_looks_last(leaks):
    d = leaks.d
    for pid in leaks.pids.values():
        looked(d, pid)
    late = d.metrics()["memtide_ticks_late_total"]
    began = time.time()
    seen = set()
    while time.time() < began + 4 or len(seen) < 6:
        assert time.time() < began + 20 * SLOWER, "only %d looks" % len(seen)
        seen |= {(pid, found["at"]) for pid in leaks.pids.values() if (found := heap(d, pid)) and seconds(found["at"]) > began}
    assert d.metrics()["memtide_ticks_late_total"] == late
    ticks = times(d, leaks.pids["a set"], began)
    longest = max(b - a for a, b in zip(ticks, ticks[1:]))
    print("%d looks in %.1f s; the longest time between two samples was %.0f ms" % (len(seen), time.time() - began, longest * 1e3))
    assert longest < 0.25


def child_of(pid, timeout):
    """The first child that a process is seen to have."""
    until_ = time.monotonic() + timeout
    while time.monotonic() < until_:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            below = f.read().split()
        if below:
            return int(below[0])
    raise AssertionError("%d had no child" % pid)


def stop_a_look(sampler):
    """The pid of a child of the sampler that looks, and does not go on."""
    while True:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            child = child_of(sampler, 20)
            os.kill(child, signal.SIGSTOP)
            with open("/proc/%d/stat" % child, encoding="ascii") as f:
                if f.read().rsplit(") ", 1)[1][0] != "Z":
                    return child


def test_a_killed_look_is_followed_by_others_and_samples_go_on(leaks):
    d = leaks.d
    began = time.time()
    before = d.role("sampler").pid
    for _ in range(2):
        os.kill(stop_a_look(before), signal.SIGKILL)
    any_further_look(leaks, heaps.SHAPES)
    assert d.role("sampler").pid == before and d.health() == "ok"
    ticks = times(d, leaks.pids["a set"], began)
    assert max(b - a for a, b in zip(ticks, ticks[1:])) < 0.35
    assert not d.json("/processes/%d/heap" % leaks.pids["a set"])["missing"]


def test_a_killed_sampler_looks_again(leaks):
    d = leaks.d
    d.role("sampler").kill()
    name, found = any_further_look(leaks, heaps.SHAPES)
    assert container(found, heaps.SHAPES[name].container)["length_per_hour"] > 0
    d.wait_ok()


def test_what_has_exited_keeps_its_last_look_and_a_restart_keeps_all(leaks):
    d = leaks.d
    pid = leaks.pids["a deque"]
    key = d.process(pid)["id"]
    looked(d, pid, 2)
    os.kill(pid, signal.SIGKILL)
    d.find(key, state="exited")
    last = d.json("/processes/%s/heap" % key)
    assert container(last, "shop.cache.TAIL")["length_per_hour"] > 0
    others = [name for name in heaps.SHAPES if name != "a deque" and name in leaks.pids]
    before = {name: looked(d, leaks.pids[name], 2) for name in others}
    d.restart()
    assert d.json("/processes/%s/heap" % key) == last
    for name in others:
        found = heap(d, leaks.pids[name])
        assert found["looks"][0] == before[name]["looks"][0]
        assert container(found, heaps.SHAPES[name].container)["length_per_hour"] > 0
    name, found = any_further_look(leaks, others)
    assert found["looks"][0] == before[name]["looks"][0]
    leaks.hung = time.time(), stop_a_look(d.role("sampler").pid)  # for the test below: it takes 20 s


# Rates, and when a process is looked into.

STEADY = r'''
import threading, time
class Entry:
    def __init__(self, i): self.number = i
GROWING, FIXED = [], [0] * 5000
def grow(began=time.monotonic()):
    while True:
        GROWING.extend(Entry(i) for i in range(int((time.monotonic() - began) * 1000) - len(GROWING)))
        time.sleep(0.01)
threading.Thread(target=grow, daemon=True).start()
'''


def test_a_first_look_has_no_rates_and_later_ones_are_right(daemon, python, folder):
    d = daemon(*PERIODIC, *only(folder))
    p = python(STEADY)
    first = looked(d, p.pid)
    assert first["looks"] == []
    assert {c["length_per_hour"] for c in first["containers"]} == {None}
    assert {t["objects_per_hour"] for t in first["types"]} == {t["bytes_per_hour"] for t in first["types"]} == {None}
    assert container(first, "__main__.FIXED")["length"] == 5000
    second = looked(d, p.pid, 2)
    assert second["looks"] == [first["at"]] and container(second, "__main__.GROWING")["length_per_hour"] > 0
    d.wait_for(lambda: seconds(heap(d, p.pid)["at"]) > seconds(first["at"]) + 3, 20, "looks for three seconds")
    found = heap(d, p.pid)
    assert found["looks"][0] == first["at"], "the first stays"
    entries = next(t for t in found["types"] if t["type"] == "__main__.Entry")
    assert container(found, "__main__.GROWING")["length_per_hour"] == pytest.approx(3600000, rel=0.05)
    assert entries["objects_per_hour"] == pytest.approx(3600000, rel=0.05)
    assert entries["bytes_per_hour"] == pytest.approx(3600000 * entries["bytes"] / entries["objects"], rel=0.05)
    assert container(found, "__main__.FIXED")["length_per_hour"] == 0
    assert found["containers"][0]["name"] == "__main__.GROWING" and found["types"][0]["type"] == "__main__.Entry"


def test_inspect_off_and_an_app_s_own_setting(daemon, python, folder):
    d = daemon("--inspect", "off", "--inspect-interval", "1s", *only(folder), config="[app \"seen*\"]\ninspect = periodic\n")
    seen, not_seen = python(STEADY, name="seen.py"), python(STEADY, name="other.py")
    looked(d, seen.pid, 2)
    assert re.search(r"inspect", refused(d, not_seen.pid))
    d.write_config("inspect = periodic\n[app \"seen*\"]\ninspect = off\n")
    d.argv = [a for a in d.argv if a not in ("--inspect", "off")]
    d.restart()
    looked(d, not_seen.pid)
    kept = heap(d, seen.pid)
    assert kept, "what is known stays"
    a_further_look(d, not_seen.pid)
    assert heap(d, seen.pid)["at"] == kept["at"]


def test_on_finding_looks_at_what_has_one_and_at_nothing_else(daemon, python, folder):
    d = daemon("--inspect-interval", "1s", "--detail-interval", "200ms", *only(folder))
    narrow = python("import resource\nsize = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
                    "resource.setrlimit(resource.RLIMIT_AS, (size + (size >> 6), size + (size >> 6)))\n", name="narrow.py")
    idle = python(name="idle.py")
    d.wait_for(lambda: (d.process(narrow.pid) or {}).get("findings"), 15, "a finding")
    looked(d, narrow.pid, 2)
    d.find(idle.pid)
    assert "finding" in refused(d, idle.pid)


def test_what_can_not_be_looked_into_says_why(daemon, python, spawn, folder):
    d = daemon(*PERIODIC, *only(folder))
    stopped = python(name="stopped.py")
    os.kill(stopped.pid, signal.SIGSTOP)
    paused = python(STEADY, name="paused.py")
    pypy = os.path.join(folder, "pypy3")
    shutil.copy("/usr/bin/sleep", pypy)
    other = spawn([pypy, "3600"])
    refused_for(d, stopped.pid, "stopped")
    refused_for(d, other.pid, "PyPy|CPython")
    last = looked(d, paused.pid, 2)
    os.kill(paused.pid, signal.SIGSTOP)
    d.next_tick()
    last = heap(d, paused.pid)
    a_while = a_further_look(d, python(STEADY, name="while.py").pid)
    kept = heap(d, paused.pid)
    assert seconds(kept["at"]) <= seconds(a_while["at"]) and kept["containers"] == last["containers"], "the last look stays"
    for p in (stopped, paused):
        os.kill(p.pid, signal.SIGCONT)
    looked(d, stopped.pid)
    a_further_look(d, paused.pid)


def test_without_privileges_another_user_s_process_says_what_is_missing(root, daemon, python, folder):
    d = daemon(*PERIODIC, *only(folder), user="nobody")
    p = python(STEADY)
    why = refused_for(d, p.pid, "CAP_SYS_PTRACE")
    assert "may not be read" in why and "\n" not in why


def test_a_look_that_hangs_is_ended_and_others_follow(leaks):
    began, child = getattr(leaks, "hung", None) or (time.time(), stop_a_look(leaks.d.role("sampler").pid))
    until(lambda: not psutil.pid_exists(child), 30, "the look that hangs to be ended")
    any_further_look(leaks, [name for name in leaks.pids if psutil.pid_exists(leaks.pids[name])])
    ticks = times(leaks.d, leaks.pids["a set"], began)
    assert max(b - a for a, b in zip(ticks, ticks[1:])) < 0.35 and time.time() - ticks[-1] < 1, "samples went on"


# The shop again.

def latencies(w):
    """(seconds since 1970, ms) of each request."""
    with open(w.latencies, encoding="ascii") as f:
        rows = [line.split() for line in f.read().splitlines()[:-1]]
    assert {status for _, _, status in rows} == {"200"}, "every request was served"
    return [(float(began) + w.clock, float(ms)) for began, ms, _ in rows]


@pytest.mark.slow
def test_the_global_that_leaks_is_named_first_and_no_request_waits(shop, memtide):
    d, pid = shop.d, shop.worker

    def findings():
        app = d.process(pid)["app"]["name"]
        return [f for f in d.json("/findings?kind=leak&app=" + app.replace(" ", "%20"))["findings"]]
    d.wait_for(findings, 90 * SLOWER, "a leak to be found; its verdict: %s" % d.process(pid)["growth"])
    found = looked(d, pid, 3, 60)
    assert found["containers"][0]["name"] == "shop.cache.ORDERS"
    assert found["containers"][0]["length_per_hour"] == pytest.approx(80 * 40 * 3600, rel=0.3)
    assert "shop.models.Order" in [t["type"] for t in found["types"][:3]]

    said = memtide("heap", str(pid), url=d.url)
    assert said.returncode == 0, said.stderr
    names = sorted((c["name"] for c in found["containers"]), key=lambda n: said.stdout.find(n) if n in said.stdout else 1 << 30)
    assert names[0] == "shop.cache.ORDERS", said.stdout
    assert "shop.models.Order" in said.stdout

    def suspected():
        return [f for f in findings() if "shop.cache.ORDERS" in [s["name"] for s in f["suspects"]]]
    one = d.wait_for(suspected, 20 * SLOWER, "the finding to suspect it: %s" % json.dumps(findings(), indent=1))[0]
    assert one["suspects"][0]["name"] == "shop.cache.ORDERS" and one["suspects"][0]["kind"] == "container"
    holding = next(q for q in one["diagnosis"] if q["id"] == "holding")
    assert holding["answer"] == "yes" and "shop.cache.ORDERS" in holding["because"]
    bound = [a["do"] for a in one["advice"] if a["id"] == "bound-container"]
    assert bound and "shop.cache.ORDERS" in bound[0], one["advice"]

    found = heap(d, pid)
    took, ends = found["took_ms"], [seconds(end) for end in found["looks"] + [found["at"]]]
    asked = latencies(shop)
    near = [ms for began, ms in asked if any(end - took / 1e3 - 0.2 <= began <= end + 0.2 for end in ends)]
    calm = [ms for began, ms in asked if all(abs(began - end) > 0.5 for end in ends) and began > ends[0] - 5]
    assert len(near) >= 10 and len(calm) >= 10
    print("%d looks, the last one of %.1f ms; a request took %.1f ms (p95 %.1f ms, %d of them) meanwhile, else %.1f ms "
          "(p95 %.1f ms)" % (len(ends), took, statistics.median(near), statistics.quantiles(near, n=20)[-1], len(near),
                             statistics.median(calm), statistics.quantiles(calm, n=20)[-1]))
    assert statistics.median(near) < statistics.median(calm) * 1.5 + 5
