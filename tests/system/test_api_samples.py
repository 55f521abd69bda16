"""Histories: spans, pages, steps, CSV; of a process and of an app; and events."""
import csv
import datetime
import io
import urllib.parse

import pytest

COLUMNS = ["at", "rss_bytes", "anon_bytes", "swap_bytes", "pss_bytes", "uss_bytes", "threads", "cpu_seconds"]
STEP_COLUMNS = ["at", "rss_min_bytes", "rss_mean_bytes", "rss_max_bytes", "anon_min_bytes"]


def seconds(at):
    return datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()


@pytest.fixture
def sampled(daemon, python):
    """A daemon, and a Python it has sampled 20 times or more."""
    p = python(name="sampled.py")
    d = daemon(interval="100ms")
    d.find(p.pid)
    d.wait_for(lambda: len(d.json("/processes/%d/samples" % p.pid)["samples"]) >= 20)
    return d, p


def test_a_history_is_in_order_and_has_its_columns(sampled):
    d, p = sampled
    page = d.json("/processes/%d/samples" % p.pid)
    assert list(page) == ["id", "columns", "samples", "next"] and page["columns"] == COLUMNS and page["next"] is None
    assert page["id"] == d.json("/processes/%d" % p.pid)["id"]
    times = [row[0] for row in page["samples"]]
    assert times == sorted(set(times)) and all(len(row) == len(COLUMNS) for row in page["samples"])
    assert all(isinstance(row[1], int) and row[1] > 0 for row in page["samples"])
    assert any(row[6] is not None for row in page["samples"]) and any(row[6] is None for row in page["samples"])
    body = d.get("/processes/%d/samples" % p.pid)[2].decode().split("\n")
    assert body[4].startswith('    ["20') and body[-3:] == ['  "next": null', "}", ""]


def test_since_is_inclusive_and_until_exclusive(sampled):
    d, p = sampled
    rows = d.json("/processes/%d/samples" % p.pid)["samples"]
    got = d.json("/processes/%d/samples?since=%s&until=%s" % (p.pid, rows[3][0], rows[8][0]))["samples"]
    assert [r[0] for r in got] == [r[0] for r in rows[3:8]]
    assert d.json("/processes/%d/samples?since=%s&until=%s" % (p.pid, rows[3][0], rows[3][0]))["samples"] == []
    assert d.json("/processes/%d/samples?until=-1h" % p.pid)["samples"] == []
    assert len(d.json("/processes/%d/samples?since=-1h" % p.pid)["samples"]) >= 20
    offset = rows[3][0].replace("Z", "+00:00")
    for since in (offset, urllib.parse.quote(offset)):
        assert d.json("/processes/%d/samples?since=%s" % (p.pid, since))["samples"][0][0] == rows[3][0]


def test_pages_hold_every_sample_once(sampled):
    d, p = sampled
    first = d.json("/processes/%d/samples?limit=7" % p.pid)
    rows, cursor = first["samples"], first["next"]
    assert len(rows) == 7 and cursor
    while cursor:
        page = d.json("/processes/%d/samples?limit=7&cursor=%s" % (p.pid, cursor))
        rows += page["samples"]
        cursor = page["next"]
    whole = d.json("/processes/%d/samples?until=%s" % (p.pid, rows[-1][0]))["samples"]
    assert [r[0] for r in rows[:-1]] == [r[0] for r in whole]


def test_steps_are_aligned_and_hold_what_they_fold(sampled):
    d, p = sampled
    path = "/processes/%d/samples?until=%s" % (p.pid, d.json("/processes/%d/samples" % p.pid)["samples"][-1][0])
    raw = d.json(path)["samples"]
    page = d.json(path + "&step=500ms")
    assert page["columns"] == STEP_COLUMNS
    folded = {}
    for at, rss, anon, *_ in raw:
        folded.setdefault(int(seconds(at) * 1000 + 0.5) // 500 * 500, []).append((rss, anon))
    assert [int(seconds(row[0]) * 1000 + 0.5) for row in page["samples"]] == sorted(folded)
    for at, low, mean, high, anon in page["samples"]:
        members = folded[int(seconds(at) * 1000 + 0.5)]
        rss = [m[0] for m in members]
        assert low == min(rss) and high == max(rss) and abs(mean - sum(rss) / len(rss)) <= 1 and anon == min(m[1] for m in members)
    paged, cursor = [], None
    while True:
        part = d.json(path + "&step=500ms&limit=2" + ("&cursor=" + cursor if cursor else ""))
        paged += part["samples"]
        cursor = part["next"]
        if not cursor:
            break
    assert paged == page["samples"]


def test_csv_says_the_same(sampled):
    d, p = sampled
    until = d.json("/processes/%d/samples" % p.pid)["samples"][-1][0]
    for extra in ("", "&step=500ms"):
        page = d.json("/processes/%d/samples?until=%s%s" % (p.pid, until, extra))
        _, headers, body = d.get("/processes/%d/samples?format=csv&until=%s%s" % (p.pid, until, extra))
        assert headers["content-type"] == "text/csv; charset=utf-8" and "link" not in headers
        rows = list(csv.reader(io.StringIO(body.decode())))
        assert rows[0] == page["columns"]
        assert [[None if c == "" else c for c in r] for r in rows[1:]] == [
            [None if c is None else str(c) for c in r] for r in page["samples"]]


def test_csv_that_is_cut_links_to_the_rest(sampled):
    d, p = sampled
    _, headers, body = d.get("/processes/%d/samples?format=csv&limit=5" % p.pid)
    rows = body.decode().splitlines()[1:]
    link = headers["link"]
    assert len(rows) == 5 and link.endswith('>; rel="next"') and link.startswith("</processes/%d/samples?" % p.pid)
    following = d.get(link[1:link.index(">")])[2].decode().splitlines()[1:]
    assert len(following) == 5 and not set(rows) & set(following)


@pytest.mark.parametrize("query, parameter", [
    ("since=yesterday", "since"), ("until=-5", "until"), ("step=0s", "step"), ("step=5", "step"), ("step=-5s", "step"),
    ("format=text", "format"), ("limit=10001", "limit"), ("cursor=x", "cursor"), ("sort=rss", "sort"), ("since=-1h&since=-1h", "since"),
])
def test_a_bad_parameter_is_named(sampled, query, parameter):
    d, p = sampled
    app = d.json("/processes/%d" % p.pid)["app"]["id"]
    for path in ("/processes/%d/samples?" % p.pid, "/apps/%s/samples?" % app):
        assert d.json(path + query, status=400)["parameter"] == parameter


def test_an_app_has_the_sums(daemon, python, folder):
    pythons = [python(name="twin.py", cwd=folder) for _ in range(2)]
    d = daemon(interval="100ms")
    found = [d.find(p.pid) for p in pythons]
    apps = {f["app"]["id"] for f in found}
    d.wait_for(lambda: len(d.json("/processes/%d/samples" % pythons[0].pid)["samples"]) >= 10)
    for app in apps:
        members = [f["id"] for f in found if f["app"]["id"] == app]
        until = d.json("/processes/%s" % members[0])["sampled_at"]
        page = d.json("/apps/%s/samples?until=%s" % (app, until))
        assert page["id"] == app and page["columns"] == ["at", "processes"] + COLUMNS[1:]
        sums = {}
        for m in members:
            for row in d.json("/processes/%s/samples?until=%s" % (m, until))["samples"]:
                n, rss, anon = sums.get(row[0], (0, 0, 0))
                sums[row[0]] = (n + 1, rss + row[1], anon + row[2])
        assert {row[0]: tuple(row[1:4]) for row in page["samples"]} == sums
        stepped = d.json("/apps/%s/samples?step=1s&until=%s" % (app, until))
        assert stepped["columns"] == ["at", "processes"] + STEP_COLUMNS[1:]
        assert max(r[4] for r in stepped["samples"]) == max(s[1] for s in sums.values())
        first = d.json("/apps/%s/samples?limit=3&until=%s" % (app, until))
        rest = d.json("/apps/%s/samples?cursor=%s&until=%s" % (app, first["next"], until))
        assert first["samples"] + rest["samples"] == page["samples"]


def test_events_are_in_order(sampled):
    d, p = sampled
    page = d.json("/processes/%d/events" % p.pid)
    assert list(page) == ["id", "events", "next"] and page["events"][0]["event"] == "started" and page["next"] is None
    assert all(list(e) == ["at", "event", "text"] for e in page["events"])
    p.kill()
    d.find(p.pid, state="exited")
    assert d.events(p.pid)[-1] == "exited"
    for path in ("/processes/4999999/events", "/processes/4999999/samples", "/apps/nobody/samples"):
        assert d.json(path, status=404)["status"] == 404
