"""Looks from outside at CPythons that are not alone, not whole, not at rest, or not where one would look for them."""
import os
import shutil
import time

import programs
import pytest
from looking import PROGRAM, every_python, look, tracked
from memtided import until

TRUE = {"shop.cache.ORDERS": 5000, "shop.cache.IDS": 700, "shop.models.Order.recent": 340, "shop.cache.price": 900}


def expect_all(found):
    assert found["missing"] == {} and found["complete"]
    assert {name: found["by_name"][name]["length"] for name in TRUE} == TRUE
    assert tracked(found, "shop.models.Order") == 5000 and found["gc"]["enabled"] == 1


def wrapped(*wrapper):
    """For python(): Debian's, started by a program that does something first."""
    return {"exe": shutil.which(wrapper[0]), "flags": (*wrapper[1:], programs.PYTHON)}


def test_in_a_chroot(root, python, folder):
    place = os.path.join(folder, "root")
    os.mkdir(place)
    p = python(PROGRAM, **wrapped("unshare", "--mount", "/bin/sh", "-c", 'mount --rbind / "$0" && exec chroot "$0" "$@"', place))
    expect_all(look(p.pid))


def test_in_another_pid_and_mount_namespace(root, python):
    p = python(PROGRAM, **wrapped("unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"))
    with open("/proc/%d/task/%d/children" % (p.pid, p.pid), encoding="ascii") as f:
        child = int(f.read().split()[0])
    assert p.ask("__import__('os').getpid()") == 1
    expect_all(look(child))


def test_of_another_user(root, python):
    p = python(PROGRAM, **wrapped("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    expect_all(look(p.pid))


def test_an_executable_that_is_gone_or_replaced(python, folder):
    exe = os.path.join(folder, "worker")  # not even called python
    shutil.copy(os.path.realpath(programs.PYTHON), exe)
    p = python(PROGRAM, exe=exe)
    os.unlink(exe)
    expect_all(look(p.pid))
    shutil.copy("/bin/sleep", exe)
    expect_all(look(p.pid))


EMBEDDED = '''
ORDERS = {i: [i] for i in range(4000)}
class Order: pass
KEPT = [Order() for i in range(1500)]
def application(environ, start_response):
    start_response("200 OK", [])
    return [b""]
'''


def test_embedded_in_another_program(spawn, folder):
    if not os.path.exists("/usr/lib/uwsgi/plugins/python3_plugin.so"):
        pytest.skip("Debian's uwsgi-plugin-python3 is not installed")
    with open(os.path.join(folder, "shop_embedded.py"), "w", encoding="ascii") as f:
        f.write(EMBEDDED)
    p = spawn(["/usr/bin/uwsgi", "--plugin", "python3", "--socket", os.path.join(folder, "s"), "--need-app", "--chdir", folder,
               "--wsgi-file", "shop_embedded.py"])
    until(lambda: "uwsgi_file_shop_embedded.KEPT" in look(p.pid)["by_name"])
    found = look(p.pid)
    assert found["missing"] == {}
    assert found["by_name"]["uwsgi_file_shop_embedded.ORDERS"]["length"] == 4000
    assert tracked(found, "uwsgi_file_shop_embedded.Order") == 1500


@every_python
@pytest.mark.parametrize("setting", ["malloc", "malloc_debug", "debug"])
def test_allocators(python, exe, setting):
    p = python(PROGRAM, exe=exe, env={"PYTHONMALLOC": setting})
    found = look(p.pid)
    if setting == "debug":
        expect_all(found)
    else:
        assert list(found["missing"]) == ["types"]
        assert {name: found["by_name"][name]["length"] for name in TRUE} == TRUE


SUBINTERPRETERS = r'''
_id = None
for _name in ("_interpreters", "_xxsubinterpreters"):
    try:
        _other = __import__(_name)
    except ImportError:
        continue
    _id = _other.create()
    _other.run_string(_id, """
class Row: pass
ROWS = [Row() for i in range(1200)]
""")
    break
'''


@every_python
def test_subinterpreters_are_told_apart(python, exe):
    p = python(PROGRAM + SUBINTERPRETERS, exe=exe)
    if not p.ask("_id is not None"):
        pytest.skip("CPython 3.7 makes no other interpreter from Python")
    found = look(p.pid)
    assert found["by_name"]["shop.cache.ORDERS"]["length"] == 5000 and tracked(found, "shop.models.Order") == 5000
    assert found["by_name"]["<interpreter 1>.__main__.ROWS"]["length"] == 1200
    assert tracked(found, "__main__.Row") == 1200


FLASK = r'''
import flask, sys, types
web = types.ModuleType("shop.web")
sys.modules["shop.web"] = web
exec("""
import flask
app = flask.Flask("shop.web")
app.config["AUDIT"] = []
app.extensions["shop"] = {"SEEN": set(range(500))}
""", web.__dict__)
web.app.config["AUDIT"].extend(range(777))
'''


def test_in_what_a_flask_application_holds(python):
    pytest.importorskip("flask")
    found = look(python(FLASK).pid)
    assert found["by_name"]["shop.web.app.config['AUDIT']"]["length"] == 777
    assert found["by_name"]["shop.web.app.extensions['shop']['SEEN']"]["length"] == 500


TWO_AT_FULL_SPEED = r'''
import threading
_made = [0, 0]
def _churn(me):
    kept = [Order(i) for i in range(20000)]
    spare = {}
    while True:
        i = _made[me] = _made[me] + 1
        kept[i % 20000] = Order(i)
        spare[i % 5000] = [i]
        if i % 7 == 0:
            sys.modules["shop.cache"].REGISTRY.queue.append(i)
            sys.modules["shop.cache"].REGISTRY.queue.popleft()
        if i % 100000 == 0:
            spare = {}
for _me in (0, 1):
    threading.Thread(target=_churn, args=(_me,), daemon=True).start()
import time
while min(_made) < 20000:
    time.sleep(0.01)
'''


@every_python
def test_two_threads_that_mutate_at_full_speed(python, exe):
    p = python(PROGRAM + TWO_AT_FULL_SPEED, exe=exe)
    for _ in range(6):
        found = look(p.pid)
        assert "types" not in found["missing"] and "containers" not in found["missing"]
        assert abs(tracked(found, "shop.models.Order") - 45000) <= 900
        assert {name: found["by_name"][name]["length"] for name in TRUE} == TRUE
        assert abs(found["by_name"]["shop.cache.REGISTRY.queue"]["length"] - 610) <= 2


COLLECTING = r'''
import threading, time
class Cell: pass
_cells = []
for i in range(200000):
    c = Cell()
    c.other = _cells[-1] if _cells else None
    _cells.append(c)
_rounds = [0]
def _collect():
    while True:
        gc.collect()
        _rounds[0] += 1
threading.Thread(target=_collect, daemon=True).start()
while _rounds[0] < 2:
    time.sleep(0.01)
'''


@every_python
def test_while_the_oldest_generation_is_collected(python, exe):
    p = python(PROGRAM + COLLECTING, exe=exe)
    seen = 0
    for _ in range(10):
        found = look(p.pid)
        seen += found["gc"]["collecting"]
        assert not {"python", "types", "containers"} & set(found["missing"])
        assert abs(tracked(found, "__main__.Cell") - 200000) <= 4000 and tracked(found, "shop.models.Order") == 5000
        assert found["by_name"]["__main__._cells"]["length"] == 200000
        assert found["gc"]["enabled"] == 1 and "gc" not in found["missing"]
    assert seen, "none of ten looks fell into a collection"


@every_python
def test_while_it_starts_and_while_it_ends(spawn, exe):
    """Nothing to be had, or what is there: always an answer, and a reason for what is missing."""
    whole = 0
    for delay_ms in (0, 4, 10, 20, 60):
        p = spawn([exe, "-c", "import json, unittest, email, http.client"])
        time.sleep(delay_ms / 1000)
        found = look(p.pid)
        assert found["python"] or found["missing"]["python"]
        whole += bool(found["python"])
        p.wait()
        assert p.returncode == 0
    assert whole


@every_python
def test_an_end_that_takes_its_time(python, exe):
    p = python(PROGRAM + "x = [Order(i) for i in range(300000)]\n", exe=exe)
    expected = tracked(look(p.pid), "shop.models.Order")
    assert expected == 305000
    p.tell("sys.exit()", answer=False)
    while p.proc.poll() is None:
        found = look(p.pid)
        assert tracked(found, "shop.models.Order") <= expected
        assert found["python"] or found["missing"]["python"]


def test_memory_of_threads_and_of_large_arrays(python):
    numpy = os.path.isdir("/usr/lib/python3/dist-packages/numpy")
    p = python(("import numpy\nbig = numpy.ones(4 << 20)\n" if numpy else "big = bytearray(b'x') * (32 << 20)\n") + r'''
import threading
kept, ready = [], threading.Barrier(5)
def work():
    kept.append([b"x" * 1000 + bytes([i % 256]) for i in range(10000)])
    ready.wait()
    ready.wait()
for i in range(4):
    threading.Thread(target=work, daemon=True).start()
ready.wait()
''')
    found = look(p.pid)
    memory = found["memory"]
    assert memory["arenas"] == 4 and 40 << 20 <= memory["arena_bytes"] < 50 << 20
    assert 32 << 20 <= memory["large_bytes"] < 48 << 20
    assert memory["native_bytes"] >= memory["arena_bytes"] + memory["large_bytes"] + memory["heap_bytes"]
    assert found["libraries"][-1] == "glibc"
    assert found["libraries"][0] == ("numpy" if numpy else "glibc")


def status_kib(pid, field):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(f.read().split("\n%s:" % field)[1].split()[0])


def test_memory_that_was_never_touched_costs_nothing(python):
    p = python(PROGRAM + "import mmap\nm = mmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)  # NORESERVE\n"
               "m[1 << 30] = m[40 << 30] = 1\n")
    before = status_kib(p.pid, "VmRSS"), status_kib(p.pid, "VmPTE")  # a kernel that counts by CPU is some KiB off
    found = look(p.pid)
    expect_all(found)
    assert status_kib(p.pid, "VmRSS") - before[0] < 512 and status_kib(p.pid, "VmPTE") - before[1] < 64


def test_more_classes_than_are_told(python):
    p = python(r'''
import types
shop = types.ModuleType("shop")
made = []
for i in range(9000):
    made.append(type("T%d" % i, (), {"__module__": "shop.models", "__slots__": ("x",)})())
Leak = type("Leak", (), {"__module__": "shop.models", "__slots__": ("x",)})
leaked = [Leak() for i in range(500)]
''')
    found = look(p.pid)
    own = [t for t in found["types"] if "." in t["type"]]
    assert len(found["types"]) == 4000 and found["types"][:len(own)] == own
    assert own[0]["type"] == "shop.models.Leak" or tracked(found, "shop.models.Leak") == 500
    assert tracked(found, "dict") > 0 and found["by_type"]["str"]["objects"] > 1000


def test_what_is_pypy_says_so(spawn):
    pypy = next((path for path in [shutil.which("pypy3")] + os.environ.get("MEMTIDE_TEST_PYTHONS", "").split(":")
                 if path and "pypy" in os.path.basename(path)), None)
    if not pypy:
        pytest.skip("no PyPy on this machine")
    p = spawn([pypy, "-c", "import time; time.sleep(60)"])
    until(lambda: "PyPy" in look(p.pid)["missing"]["python"])
    assert look(p.pid)["memory"]["file_bytes"] > 0
