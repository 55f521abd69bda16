"""Names, command lines and secrets of watched processes are data: intact, escaped for where they stand, or masked."""
import csv
import io
import json
import os
import resource
import shutil
import subprocess
import urllib.parse

import psutil
import pytest

import programs
from memtided import SANITIZER

SET_NAME = "import ctypes\nctypes.CDLL(None).prctl(15, ctypes.c_char_p(%r), 0, 0, 0)"
NAMES = [b") R 1 (", b"a\nb\r\n", b"\x1b[2J\x1b]0;x\x07", b"caf\xc3\xa9", b"\xff\xfe\xc3", b'q"uo\\te\'s', b"\xff" * 15, b"{}%s%n$(id)`",
         b" ", b"\xe2\x80\xae\xe2\x80\xa8"]
CONTROL = set(map(chr, [*range(0, 9), *range(11, 32), 127]))

EMPTY_CMDLINE = '''
import ctypes
f = open("/proc/self/stat", "rb").read().rsplit(b") ", 1)[1].split()
start, end = int(f[45]), int(f[46])
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(35, 9, ctypes.c_ulong(start), 0, 0) == 0 or ctypes.memset(start, 0, end - start)
'''
CHANGING = '''
import ctypes, threading
f = open("/proc/self/stat", "rb").read().rsplit(b") ", 1)[1].split()
start, end = int(f[45]), int(f[46])
def change():
    texts = [bytes([c]) * (end - start) for c in (0, 10, 34, 65, 0xc3, 0xff)]
    while True:
        for t in texts:
            ctypes.memmove(start, t, end - start)
threading.Thread(target=change, daemon=True).start()
'''


def promtool(text):
    """Whether promtool can read it; 3 says that it merely has advice."""
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    got = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert got.returncode in (0, 3), got.stderr
    return got


def outputs_are_clean(d):
    """Every form of the answer parses, and nothing bears a raw control byte."""
    for path in ("/processes?limit=1000", "/processes?limit=1000&format=text", "/apps?limit=1000", "/apps?format=text",
                 "/metrics", "/metrics?processes=all"):
        status, headers, body = d.get(path)
        assert status == 200, (path, body)
        text = body.decode("utf-8")  # strictly
        assert not CONTROL & set(text), path
        if headers["content-type"].startswith("application/json"):
            json.loads(text)
        elif path.startswith("/metrics"):
            promtool(text)


def test_names_of_all_bytes_arrive_intact(daemon, python):
    pythons = {name: python(SET_NAME % name) for name in NAMES}
    d = daemon()
    for name, p in pythons.items():
        said = d.find(p.pid)
        assert said["name"] == name.decode("utf-8", "replace")
        assert said["rss_bytes"] == psutil.Process(p.pid).memory_info().rss
        assert said["ppid"] == os.getpid()
    outputs_are_clean(d)
    shown = {row[0]: row[1] for row in d.sqlite("SELECT pid, name FROM process")}
    assert {p.pid: name.decode("utf-8", "replace") for name, p in pythons.items()}.items() <= shown.items()
    for p in pythons.values():
        _, _, body = d.get("/processes/%d/samples?format=csv" % p.pid)
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        assert rows and all(int(r["rss_bytes"]) > 0 for r in rows)


def test_arguments_and_script_names_of_all_bytes_arrive_intact(daemon, python, spawn):
    args = ["a\nb", "\x1b[31m", "tab\there", 'quote"\'\\', "", "ünïcödé", "{label=\"x\"}", "%s%n", "-rf /"]
    p = python(name='x"\n{}=\\.py', args=args)
    raw = spawn([programs.PYTHON, "-c", "import time; time.sleep(600)"], executable=programs.PYTHON)
    odd = subprocess.Popen([programs.PYTHON.encode(), b"-c", b"import time; time.sleep(600)", b"\xff\xfe\x80", b"\xc3"],
                           start_new_session=True)
    try:
        d = daemon()
        assert d.find(p.pid)["cmdline"][-len(args):] == args
        assert d.find(odd.pid)["cmdline"][-2:] == ["\ufffd" * 3, "\ufffd"]
        assert d.find(raw.pid)
        outputs_are_clean(d)
    finally:
        odd.kill()
        odd.wait()


def test_a_command_line_of_two_megabytes_is_cut_and_says_so(daemon, spawn):
    args = [programs.PYTHON, "-c", "import time; time.sleep(600)"] + ["%04d" % i + "x" * 100000 for i in range(21)]
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    p = spawn(args, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, hard)))
    d = daemon()
    said = d.find(p.pid)
    assert said["cmdline_truncated"] is True
    kept = sum(len(a.encode()) + 1 for a in said["cmdline"])
    assert 16 * 1024 < kept <= 32 * 1024 + 1
    assert said["cmdline"][:3] == args[:3]
    assert args[3].startswith(said["cmdline"][3])
    outputs_are_clean(d)
    assert programs.sanitized() or d.role("sampler").memory_info().rss < 32 << 20


def test_an_empty_command_line_is_a_process_like_any_other(daemon, python):
    p = python(EMPTY_CMDLINE)
    d = daemon()
    said = d.find(p.pid)
    assert said["cmdline"] == [] or not any(said["cmdline"])
    assert said["name"] == "python3" and said["app"]["name"]
    assert said["rss_bytes"] == psutil.Process(p.pid).memory_info().rss
    outputs_are_clean(d)


def test_a_command_line_that_changes_while_it_is_read_is_survived(daemon, python):
    p = python(CHANGING, args=("x" * 20000,))
    d = daemon("--detail-interval", "100ms", interval="100ms")
    d.find(p.pid)
    for _ in range(5):
        d.next_tick()
        outputs_are_clean(d)
    assert d.process(p.pid)["state"] == "running"


def test_processes_that_vanish_while_they_are_read_lose_nothing_of_others(daemon, python):
    d = daemon(interval="100ms")
    idle = python()
    d.find(idle.pid)
    storm = python("import os, time, signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)")
    for _ in range(10):
        storm.tell("for _ in range(50):\n    os.fork() or os._exit(0)")
        storm.tell("for _ in range(10):\n    os.fork() or os.execv('/usr/bin/python3', ['python3', '-S', '-c', ''])")
        outputs_are_clean(d)
    d.next_tick()
    assert d.process(idle.pid)["rss_bytes"] == idle.rss_bytes()
    assert d.health() == "ok"


SECRETS = ["--password=Sesame1one", "--db-passwd", "Sesame2two", "--token", "Sesame3three", "--api-key=Sesame4four", "SECRET=Sesame5five",
           "postgres://bob:Sesame6six@db.example/x", "--url=https://Sesame7seven@host/", "--client-secret", "Sesame8eight"]


def everything_it_wrote(d):
    written = {"log": d.whole_log().encode()}
    for name in os.listdir(d.folder):
        if name.startswith("m.db"):
            with open(os.path.join(d.folder, name), "rb") as f:
                written[name] = f.read()
    return written


def test_secrets_are_masked_before_they_are_stored_searched_logged_or_sent(daemon, python):
    p = python(args=["plain-argument", *SECRETS])
    d = daemon()
    said = d.find(p.pid)
    assert "plain-argument" in said["cmdline"]
    assert "Sesame" not in json.dumps(said) and "***" in json.dumps(said)
    assert len(said["cmdline"]) == len(psutil.Process(p.pid).cmdline())
    for path in ("/processes?limit=1000", "/processes?limit=1000&format=text", "/apps", "/metrics?processes=all",
                 "/processes/%d/events" % p.pid):
        assert b"Sesame" not in d.get(path)[2], path
    found = d.json("/processes?q=" + urllib.parse.quote("Sesame"))["processes"]
    assert found == [], "a search must not tell what is masked"
    d.next_tick()
    for name, content in everything_it_wrote(d).items():
        assert b"Sesame" not in content, name
    d.terminate()
    for name, content in everything_it_wrote(d).items():
        assert b"Sesame" not in content, name


def test_show_secrets_shows_them(daemon, python):
    p = python(args=SECRETS)
    d = daemon("--show-secrets")
    assert d.find(p.pid)["cmdline"][-len(SECRETS):] == SECRETS


def test_requests_that_are_no_http_do_no_harm(daemon):
    import socket
    d = daemon()
    port = int(d.url.rsplit(":", 1)[1])
    for bad in (b"\x00" * 5000, b"GET\n\n", b"GET / HTTP/9.9\r\n\r\n", b"\xff" * 30000, b"GET " + b"/" * 20000 + b" HTTP/1.1\r\n\r\n",
                b"POST /processes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
        with socket.create_connection(("127.0.0.1", port), timeout=7) as s:
            try:
                s.sendall(bad)
                s.shutdown(socket.SHUT_WR)
                answer = s.recv(65536)
            except OSError:
                answer = b""
            assert not answer.startswith(b"HTTP/1.1 500"), (bad[:40], answer[:200])
    assert d.health() == "ok"
    assert not SANITIZER.search(d.whole_log())
