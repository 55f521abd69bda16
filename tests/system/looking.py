"""One look at a time, by the program that prints one: which interpreters there are to look at, a program with a known heap, and
how to ask. MEMTIDE_TEST_PYTHONS: further interpreters, with colons between; scripts that lead into a chroot by exec do, too."""
import functools
import json
import os
import subprocess

import programs
import pytest
from conftest import pyenv_versions

LOOK = "tests/unit/pyheap/look"
SUPPORTED = ["3.%d" % minor for minor in range(7, 16)]

TRUTH = r'''
def _truth():
    import gc
    counts = {}
    for o in gc.get_objects():
        t = type(o)
        name = t.__qualname__ if t.__module__ == "builtins" else "%s.%s" % (t.__module__, t.__qualname__)
        counts[name] = counts.get(name, 0) + 1
    return counts
'''

# Modules that are made up at run time, so that one script holds all that is to be named.
PROGRAM = r'''
import collections, functools, gc, sys, types, weakref

def _module(name, code):
    m = types.ModuleType(name)
    sys.modules[name] = m
    exec(code, m.__dict__)
    return m

_module("shop", "")
_module("shop.models", """
import functools, collections
class Order:
    recent = []
    def __init__(self, i):
        self.number = i
        self.lines = [i]
class Basket:
    class Line:
        pass
    @staticmethod
    def seen(x, memo={}):
        memo[x] = x
class Slotted(object):
    __slots__ = ("a", "rows")
class Further(Slotted):
    __slots__ = ("more",)
SLOTTED = Further()
SLOTTED.rows = list(range(170))
SLOTTED.more = list(range(180))
""")
_module("shop.cache", """
import collections, functools, weakref
ORDERS = {}
UNBOUND = collections.OrderedDict((i, i) for i in range(400))
IDS = set(range(700))
FROZEN = frozenset(range(90))
TAIL = collections.deque(range(800))
DEFAULT = collections.defaultdict(list, {i: [] for i in range(120)})
COUNTER = collections.Counter(range(130))
TREE = {"left": {"deep": list(range(140))}, "right": [0, list(range(150))]}
class Named(dict): pass
NAMED = Named((i, i) for i in range(160))
WEAK = weakref.WeakValueDictionary()
def remember():
    memo = {}
    queue = collections.deque()
    def inner(x):
        memo[x] = x
        queue.append(x)
        return x
    return inner
inner = remember()
for i in range(500): inner(i)
@functools.lru_cache(maxsize=None)
def price(x): return x
for i in range(900): price(i)
class Registry:
    def __init__(self):
        self.by_name = {i: i for i in range(600)}
        self.queue = collections.deque(range(610))
REGISTRY = Registry()
def counted(x): return x
counted.calls = list(range(220))
caf\u00e9_\u03b1\u03b2 = list(range(310))
""")
from shop.models import Order, Basket
from shop.cache import ORDERS
sys.modules["shop.cache"].__dict__["x" * 300] = list(range(320))
for i in range(5000):
    ORDERS[i] = Order(i)
for i in range(340):
    Basket.seen(i)
    Order.recent.append(i)
    sys.modules["shop.cache"].WEAK[i] = ORDERS[i]
_lists = [[i] for i in range(3000)]
_sets = [{i} for i in range(2000)]
_tuples = [(i, _lists) for i in range(2500)]
_lines = [Basket.Line() for i in range(1500)]
gc.collect()
'''


@functools.lru_cache(maxsize=None)
def interpreters():
    found = dict(("pyenv-" + short, path) for short, path in pyenv_versions().items())
    if os.access(programs.PYTHON, os.X_OK):
        found["debian"] = programs.PYTHON
    for path in filter(None, os.environ.get("MEMTIDE_TEST_PYTHONS", "").split(":")):
        found["given-" + os.path.basename(path)] = path
    versions = {}
    for name, path in found.items():
        said = subprocess.run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True)
        versions[name] = (said.stdout.strip(), path)
    return versions


def each_python():
    """One parameter an interpreter found, and a skipped one for each version that is not."""
    have = interpreters()
    known = sorted((n, v, p) for n, (v, p) in have.items() if v in SUPPORTED)
    missing = [v for v in SUPPORTED if v not in {version for _, version, _ in known}]
    return [pytest.param(p, id="%s-%s" % (n, v)) for n, v, p in known] + [
        pytest.param(None, id="none-" + v, marks=pytest.mark.skip(reason="no CPython %s on this machine" % v)) for v in missing]


every_python = pytest.mark.parametrize("exe", each_python())


def sanitized():
    with open(programs.built(LOOK), "rb") as f:
        return b"__asan_" in f.read()


def look(pid, *options, **how):
    """how: as whom, where: for subprocess.run()."""
    done = subprocess.run([programs.built(LOOK), str(pid), *options], capture_output=True, timeout=60, **how)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    found = json.loads(done.stdout)
    found["by_type"] = {t["type"]: t for t in found["types"]}
    found["by_name"] = {c["name"]: c for c in found["containers"]}
    return found


def tracked(found, name):
    return found["by_type"].get(name, {"tracked": 0})["tracked"]
