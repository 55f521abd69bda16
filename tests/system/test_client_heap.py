"""memtide heap against a made-up daemon."""
import json

import pytest

from test_client_answers import AT, COLOR, EVIL, RAW, fake, on_terminal  # noqa: F401

PATH = "/processes/4242/heap"


def heap(**changes):
    return {"id": "4242-1833921-b3f2c1d0", "name": "python3", "exited_at": None, "at": AT, "since_at": "2026-11-22T09:20:00.000Z",
            "python": "3.11.2", "tracked_objects": 523456, "took_ms": 41.2, "cpu_ms": 30.1, "complete": True, "missing": [],
            "gc": {"enabled": True, "thresholds": [700, 10, 10], "counts": [12, 3, 1], "uncollectable": 0, "frozen": 0,
                   "collecting": False},
            "memory": {"python_bytes": 184 << 20, "python_free_bytes": 12 << 20, "native_bytes": 80 << 20, "file_bytes": 36 << 20,
                       "shmem_bytes": 0},
            "types": [{"type": "shop.models.Order", "objects": 52000, "bytes": 4992000, "objects_per_hour": 9100,
                       "bytes_per_hour": 873600},
                      {"type": "str", "objects": 800000, "bytes": 61 << 20, "objects_per_hour": 0, "bytes_per_hour": 0}],
            "containers": [{"name": "shop.cache.ORDERS", "aliases": [], "type": "dict", "length": 52000, "length_per_hour": 9100}],
            "libraries": ["numpy"], "looks": ["2026-11-22T09:20:00.000Z"], **changes}


def test_what_grows_comes_first(fake, memtide):
    fake.answers[PATH] = heap()
    got = memtide("heap", "4242", url=fake.url, env={"LC_ALL": "C.UTF-8", "TZ": "UTC"})
    assert got.returncode == 0 and got.stderr == ""
    text = got.stdout.replace("\u202f", " ")
    assert text.startswith("python3 4242  Python 3.11.2\n4242-1833921-b3f2c1d0\n")
    grows, large, rest = text.index("What grows\n"), text.index("What is large\n"), text.index("Collector ")
    assert "shop.cache.ORDERS  dict  52 000  +9 100/h\n" in text[grows:large]
    assert "+853 KiB/h" in text[grows:large] and "str" not in text[grows:large] and "\nstr " in text[large:rest]
    assert "Python objects    184 MiB   59 %  █" in text[rest:]


def test_json_is_the_answer_as_it_is(fake, memtide):
    fake.answers[PATH] = json.dumps(heap(), indent=1).encode() + b"\n"
    assert memtide("--json", "heap", "4242", url=fake.url).stdout.encode() == fake.answers[PATH]


def test_why_there_is_none_is_printed_and_status_4(fake, memtide):
    fake.answers[PATH] = (404, {"title": "Not Found", "status": 404, "detail": "the heap can't be looked into: PyPy\x1b[2J is none"})
    got = memtide("heap", "4242", url=fake.url)
    assert got.returncode == 4 and got.stdout == "" and got.stderr.count("\n") == 1
    assert "PyPy" in got.stderr and "\x1b" not in got.stderr


@pytest.mark.parametrize("answer", [b"", b"[]", b"{", {}, heap(at=5), heap(at=None), heap(types=None), heap(containers={}), heap(gc=3),
                                    heap(memory=[]), heap(missing="x"), heap(id=None)])
def test_what_is_no_look_is_an_error(fake, memtide, answer):
    fake.answers[PATH] = answer
    got = memtide("heap", "4242", url=fake.url)
    assert got.returncode == 3 and got.stdout == "" and got.stderr.startswith("memtide: ") and got.stderr.count("\n") == 1


@pytest.mark.parametrize("columns", [30, 80, 120])
def test_hostile_names_do_nothing_to_a_terminal(fake, columns):
    name = EVIL + "A" * 4000 + "\x1b]0;title\x07.END"
    fake.answers[PATH] = heap(
        name=name, python=name, libraries=[name] * 300, missing=[{"part": name, "reason": name}], complete=False,
        types=[{"type": name, "objects": 1, "bytes": 1, "objects_per_hour": 1e300, "bytes_per_hour": -1e300}] * 30,
        containers=[{"name": name, "aliases": [name, name], "type": name, "length": 2**63 - 1, "length_per_hour": 5}] * 30)
    status, text = on_terminal("heap", "4242", url=fake.url, columns=columns)
    assert status == 0
    plain = COLOR.sub(b"", text)
    assert not RAW.search(plain) and "\u202e".encode() not in plain
    lines = plain.decode().splitlines()
    assert len(lines) < 200 and ".END" in plain.decode()
    if columns >= 80:
        assert max(map(len, lines)) <= columns


def test_a_pipe_has_names_whole_and_no_colour(fake, memtide):
    name = "shop." + "a" * 4000 + ".END"
    rows = [{"name": "%s%d" % (name, i), "aliases": [], "type": "dict", "length": i, "length_per_hour": None} for i in range(30)]
    fake.answers[PATH] = heap(containers=rows)
    got = memtide("heap", "4242", url=fake.url)
    assert got.returncode == 0 and "\x1b" not in got.stdout
    assert all(row["name"] in got.stdout for row in rows)


def test_usage(fake, memtide):
    for argv in (["heap"], ["heap", "x"], ["heap", "1", "2"], ["heap", "--state", "all", "1"]):
        got = memtide(*argv, url=fake.url)
        assert got.returncode == 2 and got.stdout == "" and got.stderr.count("\n") == 1
    assert "heap" in memtide("--help").stdout and fake.asked == []
