"""The client against the real daemon."""
import csv
import io
import json
import os
import re

import pytest

from test_client_answers import COLOR, RAW, on_terminal

HOSTILE = ["\x1b]0;owned\x07", "\x1b[2J\r\n", "caf\udce9\udc9b31m", "\u202etxt"]


def fields(table):
    """Rows of a table in a pipe: columns stand two blanks apart."""
    head, *rows = [re.split(r"  +", line.strip()) for line in table.splitlines()]
    return [dict(zip(head, row)) for row in rows]


@pytest.fixture
def watched(daemon, python):
    d, p = daemon(), python()
    d.find(p.pid)
    return d, p


def test_ps_shows_what_the_api_knows(watched, memtide):
    d, p = watched
    got = memtide("ps", url=d.url)
    assert got.returncode == 0 and got.stderr == ""
    rows = {row["PID"]: row for row in fields(got.stdout)}
    known = {str(q["pid"]) for q in d.json("/processes?limit=1000")["processes"]}
    assert set(rows) == known and str(p.pid) in rows
    # A Python that has only just been exec'ed has a page or two.
    assert re.fullmatch(r"\d+\.?\d* ([KM]i)?B", rows[str(p.pid)]["MEMORY"])
    assert rows[str(p.pid)]["VERDICT"] == "too young to tell"


def test_filters_and_sorts_are_the_api_s(watched, python, memtide):
    d, p = watched
    other = python()
    d.find(other.pid)
    pids = [row["PID"] for row in fields(memtide("ps", "--sort", "-pid", url=d.url).stdout)]
    assert pids == sorted(pids, key=int, reverse=True) and len(pids) >= 2
    assert len(fields(memtide("ps", "--limit", "1", url=d.url).stdout)) == 1
    assert memtide("ps", "--q", "no such process anywhere", url=d.url).stdout.count("\n") == 1
    app = d.process(p.pid)["app"]
    for key in (app["id"], app["name"]):
        assert str(p.pid) in [row["PID"] for row in fields(memtide("ps", "--app", key, url=d.url).stdout)]
    other.kill()
    d.find(other.pid, state="exited")
    exited = fields(memtide("ps", "--state", "exited", url=d.url).stdout)
    assert [row["STATE"] for row in exited if row["PID"] == str(other.pid)] == ["exited"]


def test_the_text_of_the_api_is_the_table_of_the_client(watched, memtide):
    d, p = watched
    query = "q=%s" % os.path.basename(d.process(p.pid)["id"])
    head = d.get("/processes?format=text&" + query)[2].decode().splitlines()[0]
    assert head == memtide("ps", "--q", query[2:], url=d.url, env={"LC_ALL": "C.UTF-8"}).stdout.splitlines()[0]


def test_apps(watched, memtide):
    d, p = watched
    got = memtide("apps", "--sort", "name", url=d.url)
    assert got.returncode == 0
    assert d.process(p.pid)["app"]["name"] in [row["APP"] for row in fields(got.stdout)]
    assert json.loads(memtide("--json", "apps", url=d.url).stdout)["apps"]


def test_show_has_facts_chart_and_events(daemon, python, memtide):
    d, p = daemon(), python("kept = []")
    d.find(p.pid)
    for _ in range(5):
        p.tell("kept.append(bytearray(4 << 20))")
        d.next_tick()
    d.wait_for(lambda: len(d.samples(p.pid)) > 5)
    for key in (p.pid, d.process(p.pid)["id"]):
        got = memtide("show", str(key), url=d.url, env={"LC_ALL": "C.UTF-8"})
        assert got.returncode == 0 and got.stderr == "", got
        for part in (" %d  running for " % p.pid, d.process(p.pid)["id"], "\nMemory  ", "MiB ┤", "Findings  none", "started"):
            assert part in got.stdout, got.stdout
        assert re.search("[\u2801-\u28ff]", got.stdout)
    assert json.loads(memtide("show", "--json", str(p.pid), url=d.url).stdout)["pid"] == p.pid


def test_export_is_the_history_that_the_api_has(watched, memtide):
    d, p = watched
    d.wait_for(lambda: len(d.samples(p.pid)) > 5)
    p.kill()
    d.find(p.pid, state="exited")
    id = d.process(p.pid)["id"]
    got = memtide("export", id, url=d.url)
    assert got.returncode == 0
    rows = list(csv.DictReader(io.StringIO(got.stdout)))
    api = d.samples(id)
    assert len(rows) == len(api) > 5
    assert list(rows[0]) == list(api[0])
    assert [(r["at"], int(r["rss_bytes"])) for r in rows] == [(s["at"], s["rss_bytes"]) for s in api]
    assert got.stdout == d.get("/processes/%s/samples?format=csv" % id)[2].decode()


def test_a_process_that_nobody_knows_is_status_4(watched, memtide):
    d, _ = watched
    for command in ("show", "export"):
        got = memtide(command, "4194303", url=d.url)
        assert got.returncode == 4 and got.stdout == "" and "4194303" in got.stderr


def test_nobody_at_home_is_status_3(memtide, folder):
    got = memtide("ps", url="http://127.0.0.1:1")
    assert got.returncode == 3 and got.stdout == "" and "http://127.0.0.1:1" in got.stderr
    got = memtide("ps", url="unix:%s/none" % folder)
    assert got.returncode == 3 and "unix:%s/none" % folder in got.stderr


def test_over_a_unix_socket(daemon, python, memtide, folder):
    d, p = daemon(listen=("unix:" + os.path.join(folder, "api.sock"),)), python()
    d.find(p.pid)
    for argv in (["ps"], ["show", str(p.pid)], ["export", str(p.pid)], ["apps"]):
        got = memtide("--url", "unix:" + d.unix, *argv)
        assert got.returncode == 0 and got.stdout and got.stderr == "", got


def test_a_token(daemon, memtide, folder):
    path = os.path.join(folder, "token")
    with open(path, "w") as f:
        f.write("a-token-of-some-length\n")
    os.chmod(path, 0o600)
    # /healthz needs no token, so that the fixture's waiting works as ever.
    d = daemon("--token-file", path)
    got = memtide("ps", url=d.url)
    assert got.returncode == 4 and "token" in got.stderr
    got = memtide("ps", "--token-file", path, url=d.url)
    assert got.returncode == 0, got


def test_hostile_arguments_are_harmless(daemon, python, memtide):
    d, p = daemon(), python(args=HOSTILE, argv0="py\x1b[31mthon3")
    d.find(p.pid)
    for argv in (["ps"], ["show", str(p.pid)], ["ps", "--color", "never"], ["apps"]):
        got = memtide(*argv, url=d.url, env={"LC_ALL": "C.UTF-8"})
        assert got.returncode == 0 and "�" in got.stdout or argv == ["apps"], got
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", got.stdout)
        status, sent = on_terminal(*argv, url=d.url)
        assert status == 0 and not RAW.search(COLOR.sub(b"", sent)), sent
    assert len(memtide("ps", "--app", d.process(p.pid)["app"]["id"], url=d.url).stdout.splitlines()) == 2
