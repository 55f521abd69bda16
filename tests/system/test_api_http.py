"""HTTP as it may come: hostile heads, slow ones, many connections, kept connections. Nobody gets a 500, and nobody else
notices."""
import http.client
import json
import random
import socket
import time
import urllib.parse

import pytest

REASON = {400, 404, 405, 408, 413, 414, 421, 431, 503, 505}


def connect(d, timeout=10):
    where = urllib.parse.urlsplit(d.url)
    return socket.create_connection((where.hostname, where.port), timeout=timeout)


def read_all(s):
    """What comes until the other end closes."""
    got = b""
    while True:
        try:
            part = s.recv(65536)
        except ConnectionResetError:
            return got
        if not part:
            return got
        got += part


def read_answer(s, head_only=False):
    """One answer of a kept connection: (status, headers, body)."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = s.recv(65536)
        assert part, "closed after %r" % got
        got += part
    head, body = got.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
    while not head_only and len(body) < int(headers["content-length"]):
        part = s.recv(65536)
        assert part
        body += part
    return int(lines[0].split()[1]), headers, body


def send(d, raw):
    """Sends bytes on a connection of their own; (status, headers, body) of what comes until it is closed."""
    with connect(d) as s:
        try:
            s.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass
        status, headers, body = read_answer(s)
        assert headers.get("connection") == "close" and read_all(s) == b"", "it stays open after %r" % raw[:80]
        return status, headers, body


def is_problem(status, headers, body):
    problem = json.loads(body.decode("utf-8"))
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers
    assert problem["status"] == status and problem["title"] and problem["detail"] and problem["type"]
    return problem


HOST = b"Host: localhost\r\n"


@pytest.mark.parametrize("status, raw", [
    (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    (400, b"GET /processes HTTP/1.1\nHost: localhost\n\n"),
    (400, b"GET /processes\r\n\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + HOST + b"\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b" folded: a\r\n\r\n"),
    (400, b"GET processes HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, b"GET  /processes HTTP/1.1\r\n" + HOST + b"\r\n"),
    (505, b"GET /processes HTTP/2.0\r\n" + HOST + b"\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, b"GET /processes HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n"),
    (414, b"GET /" + b"a" * 20000),
    (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    (431, b"GET /processes HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20000 + b"\r\n\r\n"),
    (431, b"GET /processes HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 200 + b"\r\n"),
], ids=lambda v: repr(v[:60]) if isinstance(v, bytes) else str(v))
def test_bad_heads_get_a_problem_and_are_closed(daemon, status, raw):
    d = daemon()
    got, headers, body = send(d, raw)
    assert got == status
    is_problem(got, headers, body)
    assert d.health() == "ok"


def test_the_body_of_another_method_is_never_taken_for_a_request(daemon):
    d = daemon()
    inner = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    status, headers, body = send(d, b"POST /processes HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(inner) + inner)
    assert status == 405 and headers["allow"] == "GET, HEAD" and b"smuggled" not in body
    status, headers, _ = send(d, b"PUT /processes HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n")
    assert status == 405


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "FOO"])
def test_other_methods_are_405_with_allow(daemon, method):
    d = daemon()
    for path in ("/processes", "/apps", "/metrics", "/healthz", "/processes/1", "/apps/x/samples"):
        status, headers, body = d.request(path, method=method)
        assert status == 405 and headers["allow"] == "GET, HEAD"
        is_problem(status, headers, body)
    assert d.request("/nowhere", method=method)[0] == 404


@pytest.mark.parametrize("path", ["/nowhere", "/processes/", "/processes//samples", "/processes/1/nothing", "/apps/x/events",
                                  "/Processes", "/healthz/", "//processes", "/processes/1/samples/", "/%70rocesses",
                                  "/processes/%2e%2e/apps", "/../processes"])
def test_unknown_paths_are_404(daemon, path):
    status, headers, body = daemon().get(path)
    assert status == 404
    is_problem(status, headers, body)


@pytest.mark.parametrize("path", ["/processes/%", "/processes/%4", "/processes/%zz", "/processes/%00", "/apps/%ff", "/%c0%80"])
def test_broken_percent_escapes_in_a_path_are_400(daemon, path):
    status, headers, body = daemon().get(path)
    assert status == 400
    is_problem(status, headers, body)


def test_head_has_the_headers_of_get_and_no_body(daemon, python):
    python()
    d = daemon()
    for path in ("/processes", "/apps", "/metrics", "/healthz", "/processes?format=text", "/nowhere", "/processes?limit=0"):
        with connect(d) as s:
            s.sendall(b"HEAD %s HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (path.encode(), HOST))
            got = read_all(s)
        head, body = got.split(b"\r\n\r\n", 1)
        status, headers, whole = d.get(path)
        assert body == b"" and int(head.split()[1]) == status
        names = [line.split(b":")[0].lower().decode() for line in head.split(b"\r\n")[1:]]
        assert set(headers) - set(names) <= {"connection"} and "content-length" in names


def test_a_connection_is_kept_but_not_when_a_request_comes_before_its_turn(daemon):
    d = daemon()
    with connect(d) as s:
        for path in (b"/healthz", b"/processes", b"/nowhere", b"/apps"):
            s.sendall(b"GET %s HTTP/1.1\r\n%s\r\n" % (path, HOST))
            status, headers, _ = read_answer(s)
            assert status == (404 if path == b"/nowhere" else 200) and "connection" not in headers
        s.sendall(b"GET /healthz HTTP/1.1\r\n%s\r\n" % HOST * 3)
        got = read_all(s)
    assert got.count(b"HTTP/1.1 200 OK\r\n") == 1 and b"\r\nConnection: close\r\n" in got and got.endswith(b"ok\n")


def test_http_1_0_is_closed_unless_it_asks(daemon):
    d = daemon()
    with connect(d) as s:
        s.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert read_all(s).endswith(b"\r\n\r\nok\n")
    with connect(d) as s:
        for _ in range(2):
            s.sendall(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            _, headers, body = read_answer(s)
            assert body == b"ok\n" and headers["connection"].lower() == "keep-alive"


def test_a_client_that_has_said_all_and_half_closed_is_answered(daemon):
    with connect(daemon()) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s).endswith(b"ok\n")


@pytest.mark.slow
def test_a_head_has_five_seconds_in_all(daemon):
    d = daemon()
    silent, slow, kept, again = connect(d), connect(d), connect(d), connect(d)
    began = time.monotonic()
    for s in (kept, again):
        s.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
        read_answer(s)
    again.sendall(b"GET /he")
    slow.settimeout(0.3)
    got = b""
    for byte in b"GET /processes HTTP/1.1\r\n" + HOST + b"X-" + b"a" * 100:
        try:
            slow.sendall(bytes([byte]))
            got += slow.recv(4096)
        except socket.timeout:
            continue
        except OSError:
            break
        if got:
            break
    took = time.monotonic() - began
    assert got.startswith(b"HTTP/1.1 408 ") and 4 < took < 7
    silent.settimeout(3)
    assert read_all(silent).startswith(b"HTTP/1.1 408 ")
    kept.settimeout(3)
    assert read_all(kept) == b"", "a quiet kept connection is closed without a word"
    again.settimeout(3)
    assert read_all(again).startswith(b"HTTP/1.1 408 ")
    for s in (silent, slow, kept, again):
        s.close()


def test_there_are_256_connections_and_the_others_are_told(daemon):
    d = daemon()
    sockets = []
    try:
        for _ in range(300):
            sockets.append(connect(d))
        told = 0
        for s in sockets[256:]:
            status, headers, body = read_answer(s)
            is_problem(status, headers, body)
            assert status == 503 and headers["connection"] == "close"
            told += 1
        assert told == 44
        for s in sockets[:256:50]:
            s.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            assert read_answer(s)[2] == b"ok\n"
        for s in sockets[:20]:
            s.close()
        d.wait_for(lambda: d.health() == "ok")
    finally:
        for s in sockets:
            s.close()
    d.wait_for(lambda: d.health() == "ok")


def test_a_thousand_connections_at_once_do_not_stop_it(daemon):
    d = daemon()
    for _ in range(3):
        sockets = []
        for _ in range(1000):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex((urllib.parse.urlsplit(d.url).hostname, urllib.parse.urlsplit(d.url).port))
            sockets.append(s)
        for s in sockets:
            s.close()
    d.wait_for(lambda: d.health() == "ok")
    assert d.get("/processes")[0] == 200


def test_a_reader_that_stands_still_holds_up_nobody(daemon, python):
    python()
    d = daemon()
    stuck = []
    for _ in range(50):
        s = connect(d)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /processes?limit=1000 HTTP/1.1\r\n" + HOST + b"\r\n" + b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
        stuck.append(s)
    for _ in range(20):
        began = time.monotonic()
        assert d.get("/processes")[0] == 200
        assert time.monotonic() - began < 2
    for s in stuck:
        s.close()


def test_random_bytes_never_get_a_500(daemon):
    d = daemon()
    rng = random.Random(1)
    good = b"GET /processes?limit=5&q=py&sort=-rss HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
    for _ in range(300):
        raw = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(raw))
            what = rng.random()
            if what < 0.5:
                raw[at] = rng.randrange(256)
            elif what < 0.8:
                del raw[at:at + rng.randrange(1, 8)]
            else:
                raw[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 8)))
        with connect(d) as s:
            try:
                s.sendall(bytes(raw))
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            got = read_all(s)
        if got:
            status = int(got.split()[1])
            assert status == 200 or status in REASON, (bytes(raw), got[:200])
    assert d.health() == "ok"


def test_what_is_answered_says_nothing_of_the_server(daemon):
    _, headers, _ = daemon().get("/processes")
    assert "server" not in headers or "/" not in headers["server"]
    assert headers["content-type"] == "application/json"


def test_a_session_sees_every_problem_on_one_connection(daemon):
    where = urllib.parse.urlsplit(daemon().url)
    c = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    for path, status in (("/processes", 200), ("/processes?x=1", 400), ("/nowhere", 404), ("/processes/1?y", 400), ("/apps", 200)):
        c.request("GET", path)
        answer = c.getresponse()
        answer.read()
        assert answer.status == status
    c.close()
