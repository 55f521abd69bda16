"""Findings and growth over HTTP and in the client, of real processes: each has an address space that is nearly used up, which
is found at once."""
import json
import os
import re
import shutil
import subprocess
import urllib.parse

import pytest

KEYS = ["id", "kind", "severity", "state", "process", "app", "title", "opened_at", "updated_at", "closed_at", "evidence", "diagnosis",
        "advice", "suspects"]
QUESTIONS = ["growing", "holding", "loading", "dataframes", "long-running", "workload", "threads", "forked", "native", "fragmentation",
             "gc", "limit", "unclear"]
NARROW = ("import resource\nsize = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
          "resource.setrlimit(resource.RLIMIT_AS, (size + (size >> 6), size + (size >> 6)))\n")


def quote(text):
    return urllib.parse.quote(text, safe="")


@pytest.fixture
def narrow(daemon, python):
    """A daemon and three Pythons that it has a finding of, in the order of their numbers."""
    pythons = [python(NARROW, name="narrow%dx%d.py" % (os.getpid(), i)) for i in range(3)]
    d = daemon("--detail-interval", "200ms")
    for p in pythons:
        d.wait_for(lambda: (d.process(p.pid) or {}).get("findings"), 15, "a finding of %d" % p.pid)
    pythons.sort(key=lambda p: d.process(p.pid)["findings"][0])
    return d, pythons


def number_of(d, p):
    return d.process(p.pid)["findings"][0]


def test_a_finding_is_whole_and_everywhere_the_same(narrow):
    d, pythons = narrow
    known = d.process(pythons[0].pid)
    status, headers, body = d.get("/findings/%d" % known["findings"][0])
    assert status == 200 and headers["content-type"] == "application/json" and body.endswith(b"\n}\n")
    whole = json.loads(body)
    assert list(whole) == KEYS and whole["kind"] == "limit" and whole["severity"] == "critical" and whole["state"] == "open"
    assert whole["process"] == {k: known[k] for k in ("id", "pid", "name", "cmdline")} and whole["app"] == known["app"]
    assert whole["title"] and whole["closed_at"] is None and whole["opened_at"] <= whole["updated_at"]
    assert [q["id"] for q in whole["diagnosis"]] == QUESTIONS
    for q in whole["diagnosis"]:
        assert q["answer"] in ("yes", "no", "unknown") and q["question"].endswith("?") and q["because"]
    assert whole["advice"] and all(list(a) == ["id", "do", "why"] for a in whole["advice"])
    assert whole["suspects"] == [] and isinstance(whole["evidence"], dict)
    lines = body.decode().splitlines()
    assert sum(line.startswith('    {"id": ') for line in lines) == len(QUESTIONS) + len(whole["advice"])
    in_list = [f for f in d.json("/findings")["findings"] if f["id"] == whole["id"]]
    assert in_list == [whole]
    app = d.json("/apps/" + known["app"]["id"])
    assert app["findings"] == known["findings"]


def test_the_list_is_newest_first_and_filtered(narrow):
    d, pythons = narrow
    page = d.json("/findings")
    assert list(page) == ["now_at", "findings", "next"] and page["next"] is None
    numbers = [f["id"] for f in page["findings"]]
    assert numbers == sorted(numbers, reverse=True) and {number_of(d, p) for p in pythons} <= set(numbers)
    known = d.process(pythons[1].pid)
    whole_id = known["id"]
    for process in (str(known["pid"]), whole_id.rsplit("-", 1)[0], whole_id):
        assert [f["id"] for f in d.json("/findings?process=" + process)["findings"]] == known["findings"]
    for app in (known["app"]["id"], known["app"]["name"]):
        assert [f["id"] for f in d.json("/findings?kind=limit&app=" + quote(app))["findings"]] == known["findings"]
    for nothing in ("process=%d" % (1 << 30), "app=nobody", "kind=gc", "state=closed&process=" + whole_id):
        assert d.json("/findings?" + nothing)["findings"] == []


def test_pages_hold_each_finding_once_while_one_closes(narrow):
    d, pythons = narrow
    every = [f["id"] for f in d.json("/findings")["findings"]]
    page = d.json("/findings?limit=1")
    seen = [f["id"] for f in page["findings"]]
    pythons[0].kill()
    d.find(pythons[0].pid, state="exited")
    while page["next"]:
        page = d.json("/findings?limit=1&cursor=" + quote(page["next"]))
        seen += [f["id"] for f in page["findings"]]
    assert seen == every
    assert d.json("/findings?kind=limit&cursor=" + quote(d.json("/findings?limit=1")["next"]), status=400)["parameter"] == "cursor"


def test_it_closes_with_its_process_and_can_still_be_read(narrow):
    d, pythons = narrow
    number, known = number_of(d, pythons[0]), d.process(pythons[0].pid)
    pythons[0].kill()
    d.find(pythons[0].pid, state="exited")
    d.wait_for(lambda: d.json("/findings/%d" % number)["state"] == "closed", 10, "finding %d to close" % number)
    assert d.process(known["id"])["findings"] == []
    assert d.json("/findings/%d" % number)["closed_at"]
    assert [f["id"] for f in d.json("/findings?state=closed&process=" + known["id"])["findings"]] == [number]
    assert d.json("/findings?process=" + known["id"])["findings"] == []
    d.restart()
    assert d.json("/findings/%d" % number)["state"] == "closed"


@pytest.mark.parametrize("path, status, parameter", [
    ("/findings/999999", 404, None), ("/findings/0", 404, None), ("/findings/-1", 404, None), ("/findings/x", 404, None),
    ("/findings/1/", 404, None), ("/findings?state=running", 400, "state"), ("/findings?kind=lake", 400, "kind"),
    ("/findings?limit=0", 400, "limit"), ("/findings?limit=1001", 400, "limit"), ("/findings?sort=rss", 400, "sort"),
    ("/findings?cursor=x", 400, "cursor"), ("/findings/1?kind=leak", 400, "kind"),
])
def test_what_is_not_there_or_not_allowed_is_a_problem(daemon, path, status, parameter):
    problem = daemon().json(path, status=status)
    assert problem["status"] == status and problem.get("parameter") == parameter


def test_nothing_but_get_and_head(daemon):
    d = daemon()
    for path in ("/findings", "/findings/1"):
        status, headers, _ = d.request(path, method="DELETE")
        assert status == 405 and headers["allow"] == "GET, HEAD"
    status, headers, body = d.request("/findings", method="HEAD")
    assert status == 200 and body == b"" and int(headers["content-length"]) > 10


def test_text_is_what_the_client_prints(narrow, memtide):
    d, pythons = narrow
    number = number_of(d, pythons[0])
    env = {"LC_ALL": "C.UTF-8"}
    # Spans count on from one answer to the next: figures are left out of the comparison.
    for path, argv in (("/findings", ["findings"]), ("/findings/%d" % number, ["findings", str(number)])):
        sent = d.get(path, Accept="text/plain")
        assert sent[0] == 200 and sent[1]["content-type"] == "text/plain; charset=utf-8"
        assert d.get(path + "?format=text")[2].count(b"\n") == sent[2].count(b"\n")
        printed = memtide(*argv, url=d.url, env=env)
        assert printed.returncode == 0 and printed.stderr == ""
        assert re.sub(r"\d+", "0", printed.stdout) == re.sub(r"\d+", "0", sent[2].decode())
    assert "◆ critical" in memtide("show", str(pythons[0].pid), url=d.url, env=env).stdout
    assert json.loads(memtide("findings", "--json", str(number), url=d.url).stdout)["id"] == number


def test_metrics_name_open_findings_and_their_processes(narrow):
    d, pythons = narrow
    known = d.process(pythons[0].pid)
    text = d.get("/metrics")[2].decode()
    app = known["app"]["name"]
    assert 'memtide_findings_open{app="%s",kind="limit",severity="critical"} 1\n' % app in text
    assert int(re.search(r'^memtide_findings_total\{kind="limit"\} (\d+)$', text, re.M).group(1)) >= 3
    for kind in ("leak", "step", "gc", "fragmentation"):
        assert re.search(r'^memtide_findings_total\{kind="%s"\} \d+$' % kind, text, re.M)
    assert 'memtide_process_resident_memory_bytes{app="%s",pid="%d",id="%s"} ' % (app, known["pid"], known["id"]) in text
    if shutil.which("promtool"):
        checked = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, timeout=20)
        assert checked.returncode == 0 and not checked.stderr, checked.stderr.decode()


def test_growth_has_its_members_from_the_start(narrow):
    d, _ = narrow
    for p in d.json("/processes?limit=1000")["processes"] + d.json("/apps?limit=1000")["apps"]:
        assert list(p["growth"]) == ["verdict", "bytes_per_hour", "confidence", "since_at", "limit_at"]
        assert p["growth"]["verdict"] in ("insufficient-data", "stable", "warming-up", "step", "leak")


@pytest.mark.parametrize("path, key", [("/processes", "processes"), ("/apps", "apps")])
def test_growth_sorts_with_nulls_last(narrow, path, key):
    d, _ = narrow
    for sort in ("growth", "-growth"):
        rates = [x["growth"]["bytes_per_hour"] for x in d.json("%s?sort=%s&limit=1000" % (path, sort))[key]]
        known = [r for r in rates if r is not None]
        assert rates == sorted(known, reverse=sort[0] == "-") + [None] * (len(rates) - len(known))


@pytest.mark.slow
def test_a_leak_is_told_of_everywhere(daemon, python, memtide):
    """A fast leak is a finding after about 240 ticks."""
    p = python(name="leaky%d.py" % os.getpid(), code="kept = []\n")
    idle = python(name="quiet%d.py" % os.getpid())
    d = daemon("--min-growth", "1MiB", interval="100ms")
    d.find(p.pid)
    p.tell("import time\nwhile True:\n kept.append(bytearray(b'x' * 50000)); time.sleep(0.01)\n", answer=False)

    def leaks():
        known = d.process(p.pid)
        return known if known["growth"]["verdict"] == "leak" and known["findings"] else None
    known = d.wait_for(leaks, 120, "a leak to be found")
    assert known["growth"]["bytes_per_hour"] > 1 << 30 and 0.5 < known["growth"]["confidence"] <= 1
    assert known["growth"]["since_at"] >= known["started_at"]
    top = d.json("/processes?sort=-growth&limit=1000")["processes"]
    order = [x["pid"] for x in top]
    assert order.index(p.pid) < order.index(idle.pid)
    app = d.json("/apps/" + known["app"]["id"])
    assert app["growth"]["verdict"] == "leak" and app["findings"] == known["findings"]
    text = d.get("/metrics")[2].decode()
    assert 'memtide_findings_open{app="%s",kind="leak",severity="' % app["name"] in text
    assert re.search(r'^memtide_process_growth_bytes_per_second\{app="[^"]*",pid="%d",id="%s"\} \d' % (p.pid, known["id"]), text, re.M)
    shown = memtide("show", str(p.pid), url=d.url, env={"LC_ALL": "C.UTF-8"}).stdout
    assert "▲ leak since " in shown and "\nFindings\n" in shown and " grows by " in shown
    assert " leak " in memtide("findings", url=d.url).stdout
