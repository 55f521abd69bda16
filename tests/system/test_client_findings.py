"""memtide findings, and findings in memtide show, against a made-up daemon."""
import json

import pytest

from test_client_answers import AT, COLOR, EVIL, GROWTH, RAW, fake, on_terminal, process  # noqa: F401

TROUGHS = [["2026-11-22T%02d:00:00.000Z" % h, (200 + 20 * h) << 20] for h in range(10, 16)]
EVIDENCE = {"from_bytes": 222298112, "to_bytes": 497025024, "from_at": "2026-11-22T09:20:00.000Z", "to_at": AT, "span_seconds": 20400,
            "bytes_per_hour": 48234496.5, "low_bytes_per_hour": 41943040, "high_bytes_per_hour": 52428800, "confidence": 0.998,
            "rises": 31, "slots": 34, "exact_bytes": 497025024, "troughs": TROUGHS, "generations": None, "note": None,
            "limit": {"kind": "memory.max", "place": "/system.slice/shop.service", "limit_bytes": 1 << 30, "used_bytes": 612 << 20,
                      "room_bytes": 412 << 20, "at": "2026-11-22T23:50:00.000Z"}}


def finding(number=12, **changes):
    return {"id": number, "kind": "leak", "severity": "warning", "state": "open",
            "process": {"id": "4242-1833921-b3f2c1d0", "pid": 4242, "name": "python3", "cmdline": ["python3", "-m", "shop"]},
            "app": {"id": "abcdef012345", "name": "flask: shop"}, "title": "flask: shop grows by 46 MiB an hour since 22 Nov 09:20",
            "opened_at": AT, "updated_at": AT, "closed_at": None, "evidence": EVIDENCE,
            "diagnosis": [{"id": "holding", "question": "Does something hold on to objects?", "answer": "unknown", "because": "No look."},
                          {"id": "growing", "question": "Does its memory keep increasing?", "answer": "yes", "because": "It rose."}],
            "advice": [{"id": "bound-container", "do": "Bound shop.cache.ORDERS.", "why": "It never shrank."}], "suspects": [], **changes}


def findings(*some, next=None):
    return {"now_at": AT, "findings": list(some), "next": next}


def test_the_list_is_a_table_and_its_filters_are_passed_on(fake, memtide):
    fake.answers["/findings"] = findings(finding(13, severity="critical", process=None), finding())
    got = memtide("findings", "--state", "all", "--kind", "leak", "--process", "4242", "--app", "flask: shop", "--limit", "7",
                  url=fake.url, env={"LC_ALL": "C.UTF-8"})
    assert got.returncode == 0 and got.stderr == ""
    head, critical, warning = got.stdout.splitlines()
    assert head.split() == ["N", "SEVERITY", "KIND", "APP", "PID", "GROWTH", "SINCE", "LIMIT", "TITLE"]
    assert critical.startswith("13  ◆ critical  leak  flask: shop   all  +46.0 MiB/h  ") and "in about 9 h" in critical
    assert warning.startswith("12  ▲ warning   leak  flask: shop  4242  ")
    asked = fake.asked[0][0]
    for part in ("state=all", "kind=leak", "process=4242", "app=flask%3A%20shop", "limit=7"):
        assert part in asked


def test_pages_are_followed(fake, memtide):
    fake.answers["/findings"] = lambda query: findings(finding(5 if "cursor" in query else 6), next=None if "cursor" in query else "c")
    assert [line.split()[0] for line in memtide("findings", url=fake.url).stdout.splitlines()] == ["N", "6", "5"]
    assert [f["id"] for f in json.loads(memtide("findings", "--json", url=fake.url).stdout)["findings"]] == [6, 5]


@pytest.mark.parametrize("argv, said", [([], "no finding is open"), (["--kind", "gc"], "nothing matches"),
                                        (["--state", "closed"], "nothing was found")])
def test_nothing_there_is_said_aside(fake, memtide, argv, said):
    fake.answers["/findings"] = findings()
    got = memtide("findings", *argv, url=fake.url)
    assert got.returncode == 0 and said in got.stderr and len(got.stdout.splitlines()) == 1


def test_one_is_whole(fake, memtide):
    fake.answers["/findings/12"] = finding()
    text = memtide("findings", "12", url=fake.url, env={"LC_ALL": "C.UTF-8", "TZ": "UTC"}).stdout
    assert text.startswith("▲ warning  flask: shop grows by 46 MiB an hour since 22 Nov 09:20\nFinding 12, leak, found ")
    for part in ("\nGrowth       +46.0 MiB/h (+40.0 MiB/h to +50.0 MiB/h), 99.8 % sure\n",
                 "\nLowest       212 MiB to 474 MiB in 5 h 40 min, rose in 31 of 34 steps\n",
                 "\nLimit        1.00 GiB, memory.max of /system.slice/shop.service, 612 MiB used, reached ",
                 "\nyes      Does its memory keep increasing?\n         It rose.\nunknown  Does something hold",
                 "\nWhat to do\n1. Bound shop.cache.ORDERS.\n   It never shrank.\n", "┤"):
        assert part in text, text
    assert json.loads(memtide("findings", "--json", "12", url=fake.url).stdout) == finding()


def test_one_that_is_not_there_is_status_4(fake, memtide):
    got = memtide("findings", "77", url=fake.url)
    assert got.returncode == 4 and got.stdout == "" and got.stderr.count("\n") == 1


@pytest.mark.parametrize("argv", [["findings", "x"], ["findings", "0"], ["findings", "1", "2"], ["findings", "--kind", "lake"],
                                  ["findings", "--process", "x"], ["findings", "--sort", "growth"], ["findings", "12", "--state", "all"]])
def test_wrong_usage_is_status_2(fake, memtide, argv):
    got = memtide(*argv, url=fake.url)
    assert got.returncode == 2 and got.stdout == "" and got.stderr.count("\n") == 1 and not fake.asked


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_it_fits_the_terminal(fake, columns):
    fake.answers["/findings"] = findings(finding(), finding(title="t" * 300, app={"id": "x", "name": "n" * 300}))
    fake.answers["/findings/12"] = finding()
    for argv in (["findings"], ["findings", "12"]):
        status, sent = on_terminal(*argv, url=fake.url, columns=columns)
        assert status == 0 and b"\x1b[1;33m\xe2\x96\xb2 warning\x1b[0m" in sent
        assert max(len(line) for line in COLOR.sub(b"", sent).decode().splitlines()) <= columns


def test_no_control_byte_reaches_the_terminal(fake):
    evil = finding(kind=EVIL, severity=EVIL, title=EVIL, app={"id": EVIL, "name": EVIL}, state=EVIL,
                   process={"id": EVIL, "pid": 1, "name": EVIL, "cmdline": [EVIL]},
                   evidence=dict(EVIDENCE, note=EVIL, limit=dict(EVIDENCE["limit"], kind=EVIL, place=EVIL)),
                   diagnosis=[{"id": EVIL, "question": EVIL, "answer": a, "because": EVIL} for a in ("yes", "no", EVIL)],
                   advice=[{"id": EVIL, "do": EVIL, "why": EVIL}])
    fake.answers["/findings"] = findings(evil)
    fake.answers["/findings/12"] = evil
    fake.answers["/processes/4242"] = process(findings=[12])
    for argv in (["findings"], ["findings", "12"], ["show", "4242"], ["--json", "findings"], ["--json", "findings", "12"]):
        for columns in (40, 80, 250):
            status, sent = on_terminal(*argv, url=fake.url, columns=columns)
            assert status == 0, sent
            assert not RAW.search(COLOR.sub(b"", sent)), sent


@pytest.mark.parametrize("body", [
    {}, b"x", {"now_at": AT, "findings": {}}, findings(7), findings({}), findings(finding("12")), findings(finding(-1)),
    findings(finding(title=None)), findings(finding(opened_at="soon")), findings(finding(evidence=[])),
    findings(finding(diagnosis={})), findings(finding(process=[])), findings(finding(severity=3)),
], ids=range(13))
def test_a_broken_answer_is_one_clear_error(fake, memtide, body):
    fake.answers["/findings"] = body
    got = memtide("findings", url=fake.url)
    assert got.returncode == 3 and got.stdout == "" and got.stderr.count("\n") == 1
    assert got.stderr.startswith("memtide: the answer to /findings can't be understood: ")


def test_odd_evidence_is_left_out(fake, memtide):
    for evidence in (None, {}, {"troughs": [[AT, -1], 7, [AT], ["x", 1]], "from_bytes": 1e308, "confidence": 8, "limit": []},
                     {"from_bytes": "x", "bytes_per_hour": -1e300, "span_seconds": (1 << 63) - 1, "from_bytes": 5, "to_bytes": 1}):
        fake.answers["/findings/12"] = finding(evidence=evidence, diagnosis=[7, {}, {"answer": []}], advice=[None, {}])
        got = memtide("findings", "12", url=fake.url)
        assert got.returncode == 0 and got.stdout.count("\n") > 5, got


def test_show_lists_the_findings_of_a_process(fake, memtide):
    fake.answers["/processes/4242"] = process(findings=[12], growth=dict(GROWTH, verdict="leak", bytes_per_hour=48234496,
                                                                        since_at="2026-11-22T09:20:00.000Z"))
    fake.answers["/findings"] = lambda query: findings(finding()) if query["state"] == "open" else findings(
        finding(9, kind="step", severity="info", state="closed", closed_at=AT, title="flask: shop jumped by 84 MiB"))
    text = memtide("show", "4242", url=fake.url, env={"LC_ALL": "C.UTF-8"}).stdout
    assert "\nFindings\n▲ warning   12  flask: shop grows by 46 MiB an hour since 22 Nov 09:20\n● info      9  closed " in text, text
    assert ": flask: shop jumped by 84 MiB\nmemtide findings 12 says why, and what to do.\n" in text
    assert "Growth     +46.0 MiB/h" in text and "Verdict    ▲ leak since " in text
    assert all("process=4242-1833921-b3f2c1d0" in path for path, _ in fake.asked if path.startswith("/findings"))
