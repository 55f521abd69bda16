"""The client against a made-up daemon: answers that are paged, hostile, broken, huge or never come."""
import http.server
import json
import os
import pty
import re
import select
import socketserver
import subprocess
import threading
import urllib.parse

import pytest

import programs

AT = "2026-11-22T15:00:00.000Z"
GROWTH = {"verdict": "insufficient-data", "bytes_per_hour": None, "confidence": None, "since_at": None, "limit_at": None}
EVIL = "ev\x1b[31mil\x9b2J\x7f\r\n\u202ename"
RAW = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
COLOR = re.compile(rb"\x1b\[[0-9;]*m")


def process(pid=4242, **changes):
    return {
        "id": "%s-1833921-b3f2c1d0" % pid, "pid": pid, "ppid": 1, "name": "python3", "cmdline": ["python3", "-m", "shop"],
        "cmdline_truncated": False, "user": "www-data", "uid": 33, "app": {"id": "abcdef012345", "name": "flask: shop"},
        "framework": "flask", "python": "3.11", "unit": "shop.service", "container": None, "cgroup": "/shop",
        "limit_bytes": None, "limit_kind": None, "state": "running", "started_at": AT, "exited_at": None, "sampled_at": AT,
        "rss_bytes": 73400320, "peak_rss_bytes": 80740352, "anon_bytes": 61000000, "pss_bytes": 70000000,
        "uss_bytes": 69000000, "swap_bytes": 0, "threads": 5, "fds": 21, "cpu_seconds": 12.4, "rchar_bytes": 1,
        "read_bytes": 1, "growth": GROWTH, "findings": [], **changes}


def processes(*some, next=None):
    return {"now_at": AT, "interval_ms": 5000, "processes": list(some), "next": next}


STEPS = {"id": "4242-1833921-b3f2c1d0", "next": None, "samples": [[AT, 1 << 20, 2 << 20, 3 << 20, 1 << 20]],
         "columns": ["at", "rss_min_bytes", "rss_mean_bytes", "rss_max_bytes", "anon_min_bytes"]}
EVENTS = {"id": "4242-1833921-b3f2c1d0", "events": [{"at": AT, "event": "started", "text": EVIL}], "next": None}


class Fake:
    """answers: path (without query) to what is sent: a document, bytes, or (status, document). asked: the requests."""

    def __init__(self, unix=None):
        self.answers, self.asked = {}, []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self):
                return "client"

            def log_message(self, *_):
                pass

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                fake.asked.append((self.path, dict(self.headers)))
                found = fake.answers.get(url.path, (404, {"title": "Not Found", "status": 404, "detail": "no " + url.path}))
                if callable(found):
                    found = found(dict(urllib.parse.parse_qsl(url.query)))
                status, body = found if isinstance(found, tuple) else (200, found)
                if not isinstance(body, bytes):
                    body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status // 100 == 3:
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

        class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self.server = UnixServer(unix, Handler) if unix else http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "unix:" + unix if unix else "http://127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def fake():
    f = Fake()
    f.answers = {"/processes": processes(process()), "/processes/4242": process(), "/apps": {"now_at": AT, "apps": [], "next": None},
                 "/processes/4242-1833921-b3f2c1d0/samples": STEPS, "/processes/4242-1833921-b3f2c1d0/events": EVENTS}
    yield f
    f.close()


def on_terminal(*argv, url, columns=80, env=None):
    """(status, what a terminal of so many columns was sent)"""
    def child():
        os.environ.update({"MEMTIDE_URL": url, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})})
        os.execv(programs.memtide(), [programs.memtide(), *argv])
    pid, fd = pty.fork()
    if pid == 0:
        import fcntl
        import struct
        import termios
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        child()
    got = b""
    while select.select([fd], [], [], 20)[0]:
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        if not more:
            break
        got += more
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), got.replace(b"\r\n", b"\n")


# Lists


def test_ps_follows_next_until_all_are_shown(fake, memtide):
    def page(query):
        at = int(query.get("cursor", "c 0").split()[1])
        return processes(*[process(1 + i) for i in range(at, at + 10)], next="c %d" % (at + 10) if at < 20 else None)
    fake.answers["/processes"] = page
    got = memtide("ps", "--sort", "pid", "--q", "a b&c", url=fake.url)
    assert got.returncode == 0 and got.stderr == ""
    assert [line.split()[0] for line in got.stdout.splitlines()] == ["PID"] + [str(i + 1) for i in range(30)]
    assert all("sort=pid" in path and "q=a%20b%26c" in path for path, _ in fake.asked)
    assert len(memtide("ps", "--limit", "10", url=fake.url).stdout.splitlines()) == 11
    merged = json.loads(memtide("ps", "--json", url=fake.url).stdout)
    assert [p["pid"] for p in merged["processes"]] == list(range(1, 31)) and merged["next"] is None


def test_a_next_without_end_is_refused(fake, memtide):
    fake.answers["/processes"] = lambda query: processes(next="again")
    got = memtide("ps", url=fake.url)
    assert got.returncode == 3 and "empty page" in got.stderr


def test_json_is_the_answer_as_it_is(fake, memtide):
    body = b'{"now_at":  "%s",\n "processes": [],  "next": null, "more": "\xe2\x82\xac\x7f"}\n' % AT.encode()
    fake.answers["/processes"] = body
    assert memtide("--json", "ps", url=fake.url).stdout.encode() == body
    status, sent = on_terminal("--json", "ps", url=fake.url)
    assert status == 0 and not RAW.search(sent) and json.loads(sent) == json.loads(body)


# What stands on a terminal


def test_no_control_byte_reaches_the_terminal(fake):
    evil = process(name=EVIL, cmdline=[EVIL, "\x1b]0;x\x07"], user=EVIL, app={"id": "x", "name": EVIL}, unit=EVIL,
                   container=EVIL, cgroup=EVIL, framework=EVIL, python=EVIL, limit_bytes=1, limit_kind=EVIL,
                   growth=dict(GROWTH, verdict=EVIL), state=EVIL)
    fake.answers["/processes"] = processes(evil)
    fake.answers["/processes/4242"] = evil
    for argv in (["ps"], ["show", "4242"], ["--json", "ps"], ["--json", "show", "4242"]):
        for columns in (40, 80, 250):
            status, sent = on_terminal(*argv, url=fake.url, columns=columns)
            assert status == 0, sent
            assert not RAW.search(COLOR.sub(b"", sent)), sent
            assert b"\xe2\x80\xae" not in sent or "--json" in argv


def test_a_problem_is_cleaned_too(fake):
    fake.answers["/processes"] = (404, {"title": "x", "detail": "no \x1b[2Jsuch\nthing\x9b"})
    status, sent = on_terminal("ps", url=fake.url)
    assert status == 4 and "no �[2Jsuch�thing�".encode() in sent and not RAW.search(sent)


def test_a_terminal_has_colour_a_width_and_its_locale(fake, memtide):
    fake.answers["/processes"] = processes(process(growth=dict(GROWTH, verdict="leak", bytes_per_hour=5e7), name="n" * 300))
    status, sent = on_terminal("ps", url=fake.url)
    assert status == 0 and b"\x1b[1;33m\xe2\x96\xb2 leak\x1b[0m" in sent
    assert all(len(line) <= 80 for line in COLOR.sub(b"", sent).decode().splitlines())
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert b"\x1b" not in on_terminal("ps", url=fake.url, env=env)[1]
    assert b"\x1b" in on_terminal("ps", "--color", "always", url=fake.url, env={"NO_COLOR": "1"})[1]
    assert b"\x1b" not in on_terminal("ps", "--color", "never", url=fake.url)[1]
    ascii_alone = on_terminal("ps", url=fake.url, env={"LC_ALL": "C"})[1]
    assert b"! leak" in ascii_alone and all(byte < 0x80 for byte in ascii_alone)
    piped = memtide("ps", url=fake.url).stdout
    assert "\x1b" not in piped and "n" * 300 in piped
    assert "\x1b" in memtide("ps", "--color", "always", url=fake.url).stdout


def test_show_is_laid_out_at_80_columns(fake):
    status, sent = on_terminal("show", "4242", url=fake.url)
    text = COLOR.sub(b"", sent).decode()
    assert status == 0
    assert max(len(line) for line in text.splitlines()) <= 80
    for part in ("python3 4242  running for", "Memory     70.0 MiB", "App        flask: shop", "too young to tell", "3.0 MiB ┤",
                 "Findings  none", "started   ev�[31mil�2J����name"):
        assert part in text, text


# Statuses


@pytest.mark.parametrize("status, problem, words", [
    (404, {"title": "Not Found", "detail": "no process 7 is known"}, "memtide: no process 7 is known"),
    (400, {"title": "Bad Request"}, "memtide: memtided refused: Bad Request"),
    (401, {"title": "Unauthorized", "detail": "a token is needed"}, "a token is needed"),
    (503, b"no problem at all", "status 503"),
])
def test_a_refusal_is_status_4_and_its_problem(fake, memtide, status, problem, words):
    fake.answers["/processes"] = (status, problem)
    got = memtide("ps", "--json", url=fake.url)
    assert got.returncode == 4 and got.stdout == "" and words in got.stderr and got.stderr.count("\n") == 1


def test_a_redirect_is_not_followed(fake, memtide):
    fake.answers["/processes"] = (302, {})
    got = memtide("ps", url=fake.url)
    assert got.returncode == 3 and "status 302" in got.stderr and len(fake.asked) == 1


def without(key):
    p = process()
    del p[key]
    return p


BROKEN_LISTS = [
    b"", b"no JSON", b"[]", b"{", b"7", b'{"processes": {}}', b"[" * 100000, b'{"a":' * 100000, b"\xff\xfe", b"{}" * 2,
    {}, {"now_at": AT}, {"now_at": AT, "processes": None}, {"now_at": 7, "processes": []}, {"now_at": "soon", "processes": []},
    processes(7), processes([]), processes({}), processes(without("pid")), processes(without("name")), processes(without("growth")),
    processes(process(pid="4242")), processes(process(pid=-1)), processes(process(pid=1 << 40)), processes(process(pid=1 << 62)),
    processes(process(name=7)), processes(process(cmdline="x")), processes(process(cmdline=[7])), processes(process(app=[])),
    processes(process(app={"name": []})), processes(process(rss_bytes="much")), processes(process(rss_bytes=-1)),
    processes(process(rss_bytes=1.5)), processes(process(growth=[])), processes(process(growth={})),
    processes(process(growth={"verdict": 7})), processes(process(growth=dict(GROWTH, bytes_per_hour="x"))),
    processes(process(started_at="yesterday")), processes(process(user={})), processes(next=7),
]


@pytest.mark.parametrize("body", BROKEN_LISTS, ids=range(len(BROKEN_LISTS)))
def test_a_broken_list_is_one_clear_error(fake, memtide, body):
    fake.answers["/processes"] = body
    got = memtide("ps", url=fake.url)
    assert got.returncode == 3, got
    assert got.stdout == "" and got.stderr.startswith("memtide: the answer to /processes can't be understood: "), got.stderr
    assert got.stderr.count("\n") == 1


@pytest.mark.parametrize("path, body", [
    ("", {}), ("", process(id="../x")), ("", process(id=7)), ("", process(findings=["x"])), ("", process(cpu_seconds="x")),
    ("-1833921-b3f2c1d0/samples", {}), ("-1833921-b3f2c1d0/samples", dict(STEPS, columns=[])),
    ("-1833921-b3f2c1d0/samples", dict(STEPS, columns=7)), ("-1833921-b3f2c1d0/samples", dict(STEPS, samples=[7])),
    ("-1833921-b3f2c1d0/samples", dict(STEPS, samples=[[]])), ("-1833921-b3f2c1d0/samples", dict(STEPS, samples=[[None] * 5])),
    ("-1833921-b3f2c1d0/samples", dict(STEPS, samples=[[AT, "x", 1, 1, 1]])),
    ("-1833921-b3f2c1d0/events", {}), ("-1833921-b3f2c1d0/events", {"events": [7]}), ("-1833921-b3f2c1d0/events", {"events": [{}]}),
])
def test_a_broken_process_is_one_clear_error(fake, memtide, path, body):
    fake.answers["/processes/4242" + path] = body
    got = memtide("show", "4242", url=fake.url)
    assert got.returncode == 3 and got.stdout == "" and "can't be understood" in got.stderr, got


def test_odd_but_possible_figures_are_shown(fake, memtide):
    rows = [[AT, None, None, None, None], ["9999-12-31T23:59:59.999Z", 0, 0, (1 << 63) - 1, 0], ["1970-01-01T00:00:00.000Z", 5, 5, 5, 5],
            [AT, 7, 7, 3, 7]]
    fake.answers["/processes/4242-1833921-b3f2c1d0/samples"] = dict(STEPS, samples=rows)
    fake.answers["/processes/4242"] = process(rss_bytes=(1 << 63) - 1, sampled_at=None, started_at=None, cpu_seconds=1e300, fds=None,
                                              growth=dict(GROWTH, bytes_per_hour=-1e300), findings=[1, 2])
    got = memtide("show", "4242", url=fake.url, env={"LC_ALL": "C.UTF-8"})
    assert got.returncode == 0 and "8.00 EiB" in got.stdout, got
    assert re.search(r"^ +1 *$", got.stdout, re.M) and re.search(r"^ +2 *$", got.stdout, re.M), got.stdout


def test_a_huge_answer_is_cut_off(fake, memtide):
    fake.answers["/processes"] = b" " * (65 << 20)
    got = memtide("ps", url=fake.url)
    assert got.returncode == 3 and "larger than 64 MiB" in got.stderr


# export


def test_export_is_the_columns_and_all_pages(fake, memtide):
    columns = ["at", "rss_bytes", "anon_bytes", "swap_bytes", "pss_bytes", "uss_bytes", "threads", "cpu_seconds"]

    def page(query):
        at = int(query.get("cursor", 0))
        return {"id": "4242-1833921-b3f2c1d0", "columns": columns, "next": str(at + 2) if at < 4 else None,
                "samples": [[AT, i, None, 0, None, None, 5, 12.4] for i in (at, at + 1)]}
    fake.answers["/processes/4242/samples"] = fake.answers["/processes/4242-1833921-b3f2c1d0/samples"] = page
    got = memtide("export", "4242", url=fake.url)
    assert got.returncode == 0
    assert got.stdout == ",".join(columns) + "\n" + "".join("%s,%d,,0,,,5,12.4\n" % (AT, i) for i in range(6))
    whole = json.loads(memtide("export", "--json", "4242", url=fake.url).stdout)
    assert whole == {"id": "4242-1833921-b3f2c1d0", "columns": columns, "next": None,
                     "samples": [[AT, i, None, 0, None, None, 5, 12.4] for i in range(6)]}


def test_export_quotes_and_cleans_texts(fake, memtide):
    fake.answers["/processes/4242/samples"] = {"id": "4242-1833921-b3f2c1d0", "columns": ["a,b", 'q"', EVIL], "samples": [], "next": None}
    got = memtide("export", "4242", url=fake.url)
    assert got.returncode == 0 and got.stdout == '"a,b","q""",ev�[31mil�2J����name\n'


@pytest.mark.parametrize("rows", [[[1]], [7], [[{}, 1]], [[[], 1]], [None]])
def test_a_broken_sample_is_not_exported(fake, memtide, rows):
    fake.answers["/processes/4242/samples"] = {"id": "4242-1833921-b3f2c1d0", "columns": ["a", "b"], "samples": rows, "next": None}
    got = memtide("export", "4242", url=fake.url)
    assert got.returncode == 3 and "can't be understood" in got.stderr and got.stdout == ""


# How it is asked


def test_a_unix_socket(folder, memtide):
    f = Fake(unix=os.path.join(folder, "s"))
    try:
        f.answers["/processes"] = processes(process())
        assert "4242" in memtide("--url", f.url, "ps").stdout
        assert "4242" in memtide("ps", url=f.url).stdout
    finally:
        f.close()
    assert memtide("ps", url="unix:" + os.path.join(folder, "none")).returncode == 3


def test_a_url_may_have_a_path_and_no_proxy_is_asked(fake, memtide):
    fake.answers["/below/processes"] = processes()
    got = memtide("--url", fake.url + "/below/", "ps", env={"http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"})
    assert got.returncode == 0 and fake.asked[0][0].startswith("/below/processes?")


def test_the_token_is_sent_and_a_bad_file_refused(fake, memtide, folder):
    path = os.path.join(folder, "token")
    for text, good in (("0123456789abcdef\n", True), ("0123456789abcdef", True), ("", False), ("two\nlines\n", False),
                       ("a\rb: c", False), ("with blank", False), ("x" * 5000, False)):
        with open(path, "w", newline="") as f:
            f.write(text)
        got = memtide("--token-file", path, "ps", url=fake.url)
        assert got.returncode == (0 if good else 2), (text, got)
        assert good or ("--token-file" in got.stderr and path in got.stderr)
    assert [h["Authorization"] for _, h in fake.asked] == ["Bearer 0123456789abcdef"] * 2
    assert memtide("--token-file", path + "x", "ps", url=fake.url).returncode == 2


def test_nobody_reads_on(fake):
    fake.answers["/processes"] = processes(*[process(i + 1) for i in range(5000)])
    p = subprocess.Popen([programs.memtide(), "--url", fake.url, "ps"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.read(10)
    p.stdout.close()
    assert p.stderr.read() == b"" and p.wait(10) == 0
    p.stderr.close()


def test_output_that_cannot_be_written_is_an_error(fake):
    with open("/dev/full", "w") as full:
        got = subprocess.run([programs.memtide(), "--url", fake.url, "ps"], stdout=full, stderr=subprocess.PIPE, timeout=10)
    assert got.returncode == 3 and b"No space left" in got.stderr


@pytest.mark.parametrize("argv", [[], ["frob"], ["ps", "x"], ["show"], ["show", "abc"], ["show", "1", "2"], ["ps", "--limit", "0"],
                                  ["ps", "--limit"], ["ps", "--sort", "name"], ["apps", "--sort", "pid"], ["apps", "--app", "x"],
                                  ["ps", "--state", "dead"], ["--url", "ftp://x", "ps"], ["ps", "--color", "blue"], ["-x"],
                                  ["ps", "--frob"], ["export", "\x1b[2J"]])
def test_wrong_usage_is_status_2(memtide, argv):
    got = memtide(*argv)
    assert got.returncode == 2 and got.stdout == ""
    assert got.stderr.startswith("memtide: ") and got.stderr.count("\n") == 1 and "\x1b" not in got.stderr
    if len(argv) > 1:
        assert any(word.lstrip("\x1b[") in got.stderr for word in argv[-2:] if word not in ("ps", "apps"))


def test_help_and_version(memtide):
    got = memtide("--help")
    assert got.returncode == 0 and got.stderr == ""
    for word in ("ps", "apps", "show", "export", "--url", "--token-file", "--json", "--color"):
        assert word in got.stdout
    assert "--sort" in memtide("ps", "--help").stdout
    assert re.fullmatch(r"memtide \d+\.\d+\.\d+\n", memtide("--version").stdout)
