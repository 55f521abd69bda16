"""Lists of processes and apps: filters, sorts, pages, text; and one of them."""
import json
import os
import signal
import time
import urllib.parse

import pytest

PROCESS_KEYS = ["id", "pid", "ppid", "name", "cmdline", "cmdline_truncated", "user", "uid", "app", "framework", "python", "unit",
                "container", "cgroup", "limit_bytes", "limit_kind", "state", "started_at", "exited_at", "sampled_at", "rss_bytes",
                "peak_rss_bytes", "anon_bytes", "pss_bytes", "uss_bytes", "swap_bytes", "threads", "fds", "cpu_seconds",
                "rchar_bytes", "read_bytes", "growth", "findings"]
APP_KEYS = ["id", "name", "framework", "unit", "container", "processes", "rss_bytes", "pss_bytes", "uss_bytes", "swap_bytes",
            "limit_bytes", "growth", "findings"]
# What these tests run has names of its own: others may be watched at the same time.
TAG = "listed%dx" % os.getpid()
GROWTH = {"verdict": "insufficient-data", "bytes_per_hour": None, "confidence": None, "since_at": None, "limit_at": None}


def quote(text):
    return urllib.parse.quote(text, safe="")


def pages(d, path, key, limit):
    """Every element of a listing, page by page."""
    found, cursor = [], None
    while True:
        page = d.json("%s%slimit=%d%s" % (path, "&" if "?" in path else "?", limit, "&cursor=" + quote(cursor) if cursor else ""))
        assert len(page[key]) <= limit
        found += page[key]
        cursor = page["next"]
        if not cursor:
            return found


@pytest.fixture
def watched(daemon, python):
    """A daemon, and five Pythons that it has found."""
    pythons = [python(name="%s%d.py" % (TAG, i), code="kept = bytearray(%d << 20)\n" % (i + 1)) for i in range(5)]
    d = daemon()
    for p in pythons:
        d.find(p.pid)
    return d, pythons


def test_the_list_is_laid_out_for_eyes_and_grep(watched):
    d, pythons = watched
    status, headers, body = d.get("/processes?q=" + TAG)
    assert status == 200 and headers["content-type"] == "application/json"
    lines = body.decode().split("\n")
    assert lines[0] == "{" and lines[1].startswith('  "now_at": "') and lines[2].startswith('  "interval_ms": 200')
    assert lines[3] == '  "processes": [' and lines[-3:] == ['  "next": null', "}", ""]
    for p in pythons:
        row = [line for line in lines if '"pid": %d,' % p.pid in line]
        assert len(row) == 1 and row[0].startswith('    {"id": ') and list(json.loads(row[0].rstrip(","))) == PROCESS_KEYS
    page = json.loads(body)
    assert list(page) == ["now_at", "interval_ms", "processes", "next"]
    for p in page["processes"]:
        assert p["growth"] == GROWTH and p["findings"] == [] and p["state"] == "running" and p["exited_at"] is None


def test_now_is_now_in_every_answer(watched):
    d, _ = watched
    for path in ("/processes", "/processes", "/apps", "/apps"):
        before = time.time()
        said = d.json(path)["now_at"]
        after = time.time()
        seconds = time.mktime(time.strptime(said[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + int(said[20:23]) / 1000
        assert len(said) == 24 and said.endswith("Z") and before - 0.002 <= seconds <= after + 0.002


def test_filters(watched):
    d, pythons = watched
    assert {p["pid"] for p in d.json("/processes?q=%s3.PY" % TAG.upper())["processes"]} == {pythons[3].pid}
    assert d.json("/processes?q=no-such-thing")["processes"] == []
    one = d.json("/processes?q=%s3" % TAG)["processes"][0]
    for app in (one["app"]["id"], one["app"]["name"]):
        assert one["id"] in [p["id"] for p in d.json("/processes?app=" + quote(app))["processes"]]
    assert d.json("/processes?app=nobody")["processes"] == []
    assert [p["id"] for p in d.json("/processes?limit=1&q=" + TAG)["processes"]] == [
        p["id"] for p in d.json("/processes?q=" + TAG)["processes"]][:1]


def test_state_says_who_has_exited(watched):
    d, pythons = watched
    pythons[0].proc.send_signal(signal.SIGKILL)
    pythons[0].proc.wait()
    gone = d.find(pythons[0].pid, state="exited")
    assert gone["exited_at"] and gone["rss_bytes"] > 0
    running = [p["pid"] for p in d.json("/processes?q=" + TAG)["processes"]]
    exited = [p["pid"] for p in d.json("/processes?q=" + TAG + "&state=exited")["processes"]]
    every = [p["pid"] for p in d.json("/processes?q=" + TAG + "&state=all")["processes"]]
    assert sorted(running) == sorted(p.pid for p in pythons[1:]) and exited == [pythons[0].pid]
    assert sorted(every) == sorted(p.pid for p in pythons)


@pytest.mark.parametrize("sort", ["rss", "growth", "pid", "started", "-rss", "-growth", "-pid", "-started"])
def test_sorts(watched, sort):
    d, _ = watched
    rows = d.json("/processes?q=" + TAG + "&sort=" + sort)["processes"]
    assert len(rows) == 5
    key = {"rss": "rss_bytes", "pid": "pid", "started": "started_at"}.get(sort.lstrip("-"))
    if key:
        values = [r[key] for r in rows]
        assert values == sorted(values, reverse=sort.startswith("-"))
    else:
        assert [r["pid"] for r in rows] == sorted(r["pid"] for r in rows)
    assert [r["id"] for r in pages(d, "/processes?q=" + TAG + "&sort=" + sort, "processes", 2)] == [r["id"] for r in rows]


def test_pages_are_of_one_tick_while_figures_move(watched):
    d, pythons = watched
    first = d.json("/processes?q=" + TAG + "&limit=2")
    at = first["processes"][0]["sampled_at"]
    pythons[0].proc.send_signal(signal.SIGKILL)
    pythons[0].proc.wait()
    d.find(pythons[0].pid, state="exited")
    seen, cursor = first["processes"], first["next"]
    while cursor:
        page = d.json("/processes?q=" + TAG + "&limit=2&cursor=" + quote(cursor))
        seen += page["processes"]
        cursor = page["next"]
    assert sorted(p["pid"] for p in seen) == sorted(p.pid for p in pythons)
    assert {p["sampled_at"] for p in seen} == {at} and {p["state"] for p in seen} == {"running"}


def test_a_cursor_of_another_listing_is_refused(watched):
    d, _ = watched
    cursor = d.json("/processes?q=" + TAG + "&limit=2")["next"]
    assert d.get("/processes?q=" + TAG + "&limit=3&cursor=" + cursor)[0] == 200
    for path in ("/processes?limit=2&cursor=", "/processes?q=" + TAG + "&sort=pid&cursor=", "/apps?cursor=", "/processes?q=x&cursor=",
                 "/processes?q=" + TAG + "&limit=2&cursor=x"):
        problem = d.json(path + cursor, status=400)
        assert problem["parameter"] == "cursor" and problem["allowed"]


@pytest.mark.parametrize("cursor", ["", "x", "1-2-3-4", "0-0-0-0000000000000000", "%20", "9" * 200, "-1--1--1--1"])
def test_a_made_up_cursor_is_refused(daemon, cursor):
    d = daemon()
    for path in ("/processes?cursor=", "/apps?cursor="):
        assert d.json(path + cursor, status=400)["parameter"] == "cursor"


@pytest.mark.parametrize("query, parameter", [
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=ten", "limit"), ("limit=", "limit"), ("limit=5&limit=5", "limit"),
    ("state=dead", "state"), ("sort=size", "sort"), ("sort=--rss", "sort"), ("format=xml", "format"), ("q=%ff", "q"), ("q=%", "q"),
    ("nonsense=1", "nonsense"), ("Limit=1", "Limit"), ("step=5s", "step"),
])
def test_a_bad_parameter_is_named(daemon, query, parameter):
    d = daemon()
    for path in ("/processes?", "/apps?"):
        problem = d.json(path + query, status=400)
        assert problem["parameter"] == parameter and parameter in problem["detail"] and isinstance(problem["allowed"], str)


def test_the_parameters_of_apps_are_those_of_processes_but_app(daemon):
    assert daemon().json("/apps?app=x", status=400)["parameter"] == "app"
    assert daemon().json("/apps?sort=pid", status=400)["parameter"] == "sort"


def test_one_process_by_any_prefix_of_its_id(watched):
    d, pythons = watched
    pid = pythons[2].pid
    one = d.json("/processes/%d" % pid)
    assert list(one) == PROCESS_KEYS and one["pid"] == pid
    assert one["id"].startswith("%d-" % pid) and len(one["id"].split("-")[2]) == 8
    for prefix in (one["id"], one["id"].rsplit("-", 1)[0]):
        assert d.json("/processes/" + prefix)["id"] == one["id"]
    assert d.get("/processes/%d" % pid)[2].decode().startswith('{\n  "id": "')
    for wrong in ("1x", "0", "-5", "%d-" % pid, "%d-1" % pid, one["id"][:-1], one["id"] + "0", "99999999", "4" * 400, "x"):
        assert d.json("/processes/" + wrong, status=404)["status"] == 404


def test_apps_and_their_members(watched):
    d, pythons = watched
    page = d.json("/apps?q=%s4" % TAG)
    assert list(page) == ["now_at", "apps", "next"] and len(page["apps"]) == 1
    app = page["apps"][0]
    assert list(app) == APP_KEYS and app["growth"] == GROWTH and app["processes"] == 1
    one = d.json("/apps/" + app["id"])
    assert list(one) == APP_KEYS + ["members"]
    assert one["members"] == [d.json("/processes/%d" % pythons[4].pid)["id"]]
    assert d.json("/apps/nobody", status=404)["status"] == 404
    names = [a["name"] for a in d.json("/apps?sort=name")["apps"]]
    assert names == sorted(names) and list(reversed(names)) == [a["name"] for a in d.json("/apps?sort=-name")["apps"]]
    assert [a["name"] for a in pages(d, "/apps?sort=name", "apps", 2)] == names


def test_an_app_stays_known_when_its_processes_are_gone(watched):
    d, pythons = watched
    app = d.json("/processes/%d" % pythons[1].pid)["app"]["id"]
    pythons[1].proc.send_signal(signal.SIGKILL)
    pythons[1].proc.wait()
    d.find(pythons[1].pid, state="exited")
    assert app not in [a["id"] for a in d.json("/apps")["apps"]]
    gone = [a for a in d.json("/apps?state=exited")["apps"] if a["id"] == app]
    assert gone and gone[0]["processes"] == 0 and gone[0]["rss_bytes"] is None
    assert app in [a["id"] for a in d.json("/apps?state=all")["apps"]]
    assert len(d.json("/apps/" + app)["members"]) == 1


def test_text_for_those_who_ask(watched):
    d, pythons = watched
    for path, accept in (("/processes?format=text&q=" + TAG, None), ("/processes?q=" + TAG, "text/plain"),
                         ("/processes?q=" + TAG, "text/plain, */*;q=0.1")):
        _, headers, body = d.get(path, **({"Accept": accept} if accept else {}))
        text = body.decode()
        assert headers["content-type"] == "text/plain; charset=utf-8" and text.splitlines()[0].split()[0] == "PID"
        assert len(text.splitlines()) == 6 and all(str(p.pid) in text for p in pythons) and "\x1b" not in text
    assert d.get("/apps?format=text")[1]["content-type"] == "text/plain; charset=utf-8"
    assert d.get("/processes?format=json", Accept="text/plain")[1]["content-type"] == "application/json"
    assert d.get("/processes", Accept="*/*")[1]["content-type"] == "application/json"
    assert 'rel="next"' in d.get("/processes?format=text&q=" + TAG + "&limit=2")[1]["link"]


def test_hostile_arguments_arrive_intact(daemon, python):
    hostile = ["a\"b\\c", "new\nline\ttab", "\x01\x7f\x1b[31m", "é🐍\u2028", "<script>", "{app=\"x\"}", "', "]
    p = python(name="host\"ile.py", args=hostile)
    d = daemon()
    got = d.find(p.pid)
    assert got["cmdline"][-len(hostile):] == hostile
    raw = d.get("/processes")[2]
    assert not any(byte < 0x20 and byte != 10 for byte in raw)
    assert [q["pid"] for q in d.json("/processes?q=" + quote("É🐍"))["processes"]] == [p.pid]
    text = d.get("/processes?format=text")[2].decode()
    assert "\x1b" not in text and "\x01" not in text
    assert os.path.basename(p.script) in " ".join(got["cmdline"])
