"""memtide analyze: recorded traces through the detector, with no daemon."""
import datetime
import json
import os
import pty
import subprocess
import sys
import threading

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, "traces"), os.path.join(TESTS, "bench")]

import detection_score as score  # noqa: E402
import programs  # noqa: E402
import traces  # noqa: E402

MIB = 1 << 20
# Precision and recall, a little below what the detector reaches (tests/bench/detection prints that).
FLOORS = {"real": (0.96, 0.98), "synthetic": (0.94, 0.94)}


def leak(n=2000, step=5.0, noise=3):
    """(seconds, bytes): grows by a fifth of a page a sample, and breathes by some pages."""
    return [(i * step, 60 * MIB + 4096 * (i * 4 + i * 7919 % 13 * noise)) for i in range(n)]


def flat(n=2000, step=5.0):
    return [(i * step, 60 * MIB + 4096 * (i * 7919 % 13)) for i in range(n)]


def csv(samples):
    return "seconds,rss_bytes\n" + "".join("%.12g,%d\n" % s for s in samples)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w" if isinstance(text, str) else "wb") as f:
        f.write(text)
    return path


@pytest.fixture
def analyze(memtide):
    """analyze(path…) gives (status, one answer a trace)."""
    def run(*paths, **kw):
        r = memtide("analyze", "--json", *paths, **kw)
        return r.returncode, [json.loads(line) for line in r.stdout.splitlines()], r.stderr
    return run


def test_a_leak_is_status_1_and_one_line_of_json(analyze, folder):
    status, (answer,), err = analyze(write(folder, "x.csv", csv(leak())))
    assert status == 1 and err == ""
    assert list(answer)[:5] == ["file", "verdict", "detected_at_s", "bytes_per_hour", "confidence"]
    assert answer["file"] == os.path.join(folder, "x.csv") and answer["verdict"] == "leak"
    assert 0 < answer["detected_at_s"] < 9995 and answer["detected_at_s"] % 5 == 0
    assert answer["bytes_per_hour"] == pytest.approx(4 * 4096 * 720, rel=0.1)
    assert 0.5 < answer["confidence"] <= 1


def test_what_does_not_leak_is_status_0(analyze, folder):
    status, (answer,), err = analyze(write(folder, "x.csv", csv(flat())))
    assert (status, err) == (0, "")
    assert answer["verdict"] == "stable" and answer["detected_at_s"] is None


def test_too_few_samples_are_no_verdict(analyze, folder):
    for samples in ([], leak(1), leak(20)):
        status, (answer,), _ = analyze(write(folder, "x.csv", csv(samples)))
        assert status == 0 and answer["verdict"] == "insufficient-data" and answer["detected_at_s"] is None
        assert answer["samples"] == len(samples)


def forms(samples):
    """The same recording as each program would have written it."""
    epoch = datetime.datetime(2026, 11, 22, 15, tzinfo=datetime.timezone.utc)
    stamps = [(epoch + datetime.timedelta(seconds=t)).isoformat(timespec="milliseconds").replace("+00:00", "Z") for t, _ in samples]
    yield "seconds", csv(samples)
    yield "crlf, BOM, quotes", "\ufeffx,\"rss_bytes\",seconds\r\n" + "".join('"a,b",%d,%r\r\n' % (b, t) for t, b in samples)
    yield "export", "at,rss_bytes,anon_bytes,swap_bytes,pss_bytes,uss_bytes,threads,cpu_seconds\n" + "".join(
        "%s,%d,%d,,,,,\n" % (at, b, b // 2) for at, (_, b) in zip(stamps, samples))
    yield "mprof", "CMDLINE python3 shop.py\n" + "".join(
        "MEM %.6f %.4f\nCHLD 0 %.6f %.4f\n" % (b / MIB, epoch.timestamp() + t, 9 * b / MIB, epoch.timestamp() + t) for t, b in samples)
    yield "psrecord", "# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n" + "".join(
        "%12.3f %12.3f %12.3f %12.3f\n" % (t, 1, b / MIB, 999) for t, b in samples)


def test_every_form_of_a_recording_gives_the_same_answer(analyze, folder):
    answers = []
    for name, text in forms(leak()):
        status, (answer,), err = analyze(write(folder, name, text))
        assert (status, err) == (1, ""), name
        answers.append({k: answer[k] for k in ("verdict", "detected_at_s", "samples")})
    assert answers[1:] == answers[:1] * 4


def test_standard_input_and_many_files(analyze, folder):
    x = write(folder, "x.csv", csv(flat()))
    status, answers, _ = analyze(x, "-", x, input=csv(leak()))
    assert status == 1
    assert [(a["file"], a["verdict"]) for a in answers] == [(x, "stable"), ("-", "leak"), (x, "stable")]


def test_a_malformed_line_is_refused_with_file_and_line_and_the_rest_is_analysed(analyze, folder):
    bad = write(folder, "bad.csv", csv(leak(900)) + "4500,oops\n" + "4505,1\n")
    good = write(folder, "good.csv", csv(leak()))
    status, answers, err = analyze(bad, os.path.join(folder, "none.csv"), folder, good)
    assert status == 3
    assert [a["file"] for a in answers] == [good]
    first, second, third = err.splitlines()
    assert bad + ":902: " in first and '"oops" is not a number' in first
    assert "none.csv: No such file" in second and folder in third and "directory" in third


def test_an_end_within_the_last_line_is_skipped_and_counted(analyze, folder):
    whole = csv(leak())
    status, (answer,), err = analyze(write(folder, "x.csv", whole[:-5]))
    assert status == 1 and answer["samples"] == 1999
    assert "x.csv" in err and "1 line left out" in err


def test_times_that_go_back_are_counted_and_left_out(analyze, folder):
    samples = leak()
    status, (answer,), err = analyze(write(folder, "x.csv", csv(samples[:1000] + samples[990:])))
    assert status == 1 and answer["samples"] == 2000
    assert "10 samples left out" in err


HOSTILE = {
    "empty": ("", "is empty"),
    "blank": ("\n", "no recording"),
    "html": ("<html>\n", "no recording"),
    "no rss_bytes": ("seconds,rss\n1,2\n", "names no rss_bytes"),
    "nan": ("seconds,rss_bytes\n1,nan\n", ":2: "),
    "negative": ("seconds,rss_bytes\n1,-1\n", ":2: "),
    "too large": ("seconds,rss_bytes\n1,1e40\n", ":2: "),
    "a NUL": ("seconds,rss_bytes\n1,2\0\n", ":2: "),
    "a long line": ("seconds,rss_bytes\n" + "1," * (1 << 20) + "\n", ":2: the line is longer"),
    "a million columns": ("a," * (1 << 20) + "\n", ":1: the line is longer"),
    "no database": (b"SQLite format 3\0" + bytes(4096), "database"),
    "bytes": (bytes(range(256)) * 99, "no recording"),
    "escapes": ("\x1b[31mseconds\n", "no recording"),
}


@pytest.mark.parametrize("text, words", HOSTILE.values(), ids=HOSTILE)
def test_hostile_input_is_refused(analyze, folder, text, words):
    status, answers, err = analyze(write(folder, "x\x1b[31m.csv", text))
    assert (status, answers) == (3, [])
    assert words in err and "\x1b" not in err


def test_names_are_data(memtide, folder):
    path = write(folder, "a\n\x1b[2J\".csv", csv(flat()))
    r = memtide("analyze", path, "--color", "always")
    assert r.returncode == 0 and "\x1b[2J" not in r.stdout and "�" in r.stdout
    assert json.loads(memtide("--json", "analyze", path).stdout)["file"] == path
    raw = os.fsencode(folder) + b"/\xff.csv"
    os.rename(path, raw)
    assert json.loads(memtide("analyze", "--json", raw).stdout)["file"].endswith("/\ufffd.csv")


def test_the_table_names_each_trace(memtide, folder):
    r = memtide("analyze", write(folder, "x.csv", csv(leak())), write(folder, "y.csv", csv(flat())))
    head, x, y = r.stdout.splitlines()
    assert r.returncode == 1
    assert head.split() == ["FILE", "VERDICT", "GROWTH", "FROM", "TO", "SINCE", "DETECTED", "SPAN"]
    assert "x.csv" in x and "leak" in x and "MiB/h" in x and x.endswith("2 h 46 min")
    assert "y.csv" in y and "stable" in y


def test_usage(memtide, folder):
    assert memtide("analyze").returncode == 2
    assert memtide("analyze", "--min-growth", "much", "x").returncode == 2
    r = memtide("analyze", "--help")
    assert r.returncode == 0 and "FILE..." in r.stdout and "--min-growth" in r.stdout
    dash = write(folder, "-x.csv", csv(flat()))
    assert memtide("analyze", "--", "-x.csv", cwd=folder).returncode == 0, dash


def test_a_leak_below_min_growth_opens_nothing(analyze, folder):
    path = write(folder, "x.csv", csv(leak()))
    _, (answer,), _ = analyze(path, "--min-growth", "64MiB")
    assert answer["detected_at_s"] is None


def test_a_fifo_is_streamed_in_bounded_memory(folder):
    """Far more than it may hold: a leak of months, a sample a second."""
    n = 4_000_000
    p = subprocess.Popen(["/bin/sh", "-c", 'ulimit -v 400000; exec "$0" analyze --json -' if not programs.sanitized() else
                          'exec "$0" analyze --json -', programs.memtide()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write(b"seconds,rss_bytes\n")
    for i in range(0, n, 10000):
        p.stdin.write(b"".join(b"%d,%d\n" % (j, 60 * MIB + 16 * j) for j in range(i, i + 10000)))
    out, _ = p.communicate()
    assert p.returncode == 1 and json.loads(out)["samples"] == n


def test_a_bar_shows_on_a_terminal_once_it_takes_long(folder):
    """Standard error alone is a terminal here; the input comes slowly."""
    main, other = pty.openpty()
    p = subprocess.Popen([programs.memtide(), "analyze", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=other, env={**os.environ, "TERM": "xterm"})
    os.close(other)
    seen = bytearray()

    def collect():
        while True:
            try:
                seen.extend(os.read(main, 4096))
            except OSError:
                return

    reader = threading.Thread(target=collect)
    reader.start()
    p.stdin.write(b"seconds,rss_bytes\n")
    i = 0
    while b"MiB read" not in seen:
        p.stdin.write(b"%d,1\n" % i)
        p.stdin.flush()
        i += 1
    out, _ = p.communicate()
    reader.join()
    os.close(main)
    assert json.loads(out)["samples"] == i
    assert seen.endswith(b"\r\x1b[K"), "the bar is taken away at the end"


def test_no_bar_in_a_pipe_and_none_for_a_short_run(memtide, folder):
    assert memtide("analyze", write(folder, "x.csv", csv(leak())), env={"TERM": "xterm"}).stderr == ""


def test_each_process_of_a_database_is_a_trace(daemon, analyze, memtide, python, wait_until):
    d = daemon(interval="100ms")
    p = python("x = bytearray(20 << 20)")
    wait_until(lambda: memtide("ps", "--json", "--q", str(p.pid), url=d.url).returncode == 0 and
               len(memtide("export", str(p.pid), url=d.url).stdout.splitlines()) > 20)
    status, answers, err = analyze(d.db)
    assert (status, err) == (0, "")
    (mine,) = [a for a in answers if a["file"].startswith("%s#%d-" % (d.db, p.pid))]
    assert mine["verdict"] == "insufficient-data" and mine["samples"] > 15
    d.terminate()
    assert mine["file"] in [a["file"] for a in analyze(d.db)[1]]


def test_what_export_wrote_is_read(daemon, analyze, memtide, python, wait_until, folder):
    d = daemon(interval="100ms")
    p = python("x = bytearray(20 << 20)")
    wait_until(lambda: len(memtide("export", str(p.pid), url=d.url).stdout.splitlines()) > 20)
    text = memtide("export", str(p.pid), url=d.url).stdout
    status, (answer,), err = analyze(write(folder, "x.csv", text))
    assert (status, err) == (0, "") and answer["samples"] == len(text.splitlines()) - 1


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Every labelled trace, analysed once."""
    folder = str(tmp_path_factory.mktemp("traces"))
    labels = traces.unpack(folder)
    return folder, labels, score.analyze(folder, labels)


@pytest.mark.parametrize("source", FLOORS)
def test_leaks_are_told_from_what_is_none(scored, source):
    _, labels, answers = scored
    t = score.tally(score.pick(labels, answers, lambda l: l["source"] == source))
    precision, recall = FLOORS[source]
    assert t["precision"] >= precision and t["recall"] >= recall, t


def test_the_public_series_raise_one_alarm_at_most(scored):
    _, labels, answers = scored
    assert score.tally(score.pick(labels, answers, lambda l: l["source"] == "public"))["false"] <= 1


def test_what_ends_is_closed_by_its_end(scored):
    _, labels, answers = scored
    assert [n for n, l in labels.items() if l["hard"] and l["leak"] is False and answers[n]["verdict"] == "leak"] == []


def test_an_alarm_uses_nothing_that_was_recorded_later(scored):
    folder, _, answers = scored
    assert score.cut_at_alarms(folder, answers) == []


def test_the_verdict_is_the_same_at_any_scale_of_time(scored):
    """A recording with its times multiplied has its alarm at the same sample, or at the next look where rounding parts them."""
    _, labels, answers = scored
    for name, label in labels.items():
        if label["source"] == "real" and label["stretch"] == 1:
            for by in traces.STRETCHES[1:]:
                one, other = answers[name], answers["%s_x%d" % (name, by)]
                assert one["verdict"] == other["verdict"], name
                assert (one["detected_at_s"] is None) == (other["detected_at_s"] is None), name
                if one["detected_at_s"] is not None:
                    assert other["detected_at_s"] == pytest.approx(one["detected_at_s"] * by, rel=0.05), name
