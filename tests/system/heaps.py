"""Programs that leak, each in another way, for looks into their heaps: what is to be named of each, and how it is started."""
import collections
import os

import programs

PACE = 500  # things a second that each of them leaks

# Modules that are made at run time, so that one script holds all. Beside what leaks stand what is large, what comes and goes and
# what is bounded, which are not to be taken for it. grow(i) is the leak.
BEGIN = r'''
import collections, functools, gc, os, signal, sys, threading, time, types
def module(name, code):
    m = types.ModuleType(name)
    sys.modules[name] = m
    exec(code, m.__dict__)
    return m
module("shop", "")
module("shop.models", """
class Order:
    recent = []
    def __init__(self, i):
        self.number = i
class Line:
    pass
""")
module("shop.cache", """
import collections
ORDERS = {}
STEADY = {i: str(i) for i in range(6000)}
WINDOW = collections.deque(range(1000), maxlen=1000)
BASKETS = []
""")
cache, models = sys.modules["shop.cache"], sys.modules["shop.models"]
Order = models.Order
'''
END = r'''
def leak(began=time.monotonic()):
    grown = 0
    while True:
        due = int((time.monotonic() - began) * PACE)
        while grown < due:
            grow(grown)
            cache.WINDOW.append(grown)
            grown += 1
        cache.BASKETS[:] = [models.Line() for _ in range(due % 400)]
        time.sleep(0.02)
def begin():
    threading.Thread(target=leak, daemon=True).start()
'''

Shape = collections.namedtuple("Shape", "container type code after", defaults=("begin()",))

GLOBAL = "def grow(i): cache.ORDERS[i] = Order(i)\n"
UNSHARED = {"in a pid namespace": ("--fork", "--pid", "--mount-proc", "--kill-child"), "in a chroot": ("--mount",)}

SHAPES = {
    "a global": Shape("shop.cache.ORDERS", "shop.models.Order", GLOBAL),
    "a class attribute": Shape("shop.models.Order.recent", "shop.models.Order", "def grow(i): Order.recent.append(Order(i))\n"),
    "an instance attribute": Shape("shop.cache.REGISTRY.by_number", "shop.models.Order", r'''
class Registry:
    def __init__(self):
        self.by_number = {}
cache.REGISTRY = Registry()
def grow(i): cache.REGISTRY.by_number[i] = Order(i)
'''),
    "a nested package": Shape("shop.api.v1.views.SEEN", "shop.api.v1.views.Seen", r'''
for name in ("shop.api", "shop.api.v1"):
    module(name, "")
views = module("shop.api.v1.views", "SEEN = []\nclass Seen: pass\n")
def grow(i): views.SEEN.append(views.Seen())
'''),
    "a closure": Shape("shop.cache.price.<closure>.memo", "shop.models.Order", r'''
exec("""
def remember():
    memo = {}
    def inner(i, value):
        memo[i] = value
    return inner
price = remember()
""", cache.__dict__)
def grow(i): cache.price(i, Order(i))
'''),
    "an lru_cache": Shape("shop.cache.price", "shop.models.Order", r'''
exec("import functools\nfrom shop.models import Order\n@functools.lru_cache(maxsize=None)\ndef price(i): return Order(i)\n",
     cache.__dict__)
def grow(i): cache.price(i)
'''),
    "a deque": Shape("shop.cache.TAIL", "shop.models.Order",
                     "cache.TAIL = collections.deque()\ndef grow(i): cache.TAIL.append(Order(i))\n"),
    "a set": Shape("shop.cache.IDS", "shop.models.Order", "cache.IDS = set()\ndef grow(i): cache.IDS.add(Order(i))\n"),
    "an object that only a frame leads to": Shape("<shop.models.Service object>.jobs", "shop.models.Order", r'''
exec("class Service:\n    def __init__(self):\n        self.jobs = []\n", models.__dict__)
def running():
    service = models.Service()
    while True:
        service.jobs.append(Order((yield)))
frame = running()
next(frame)
grow = frame.send
'''),
    "a name that is not ASCII": Shape("shop.cache.caf\u00e9_\u03b1\u03b2", "shop.models.Gr\u00f6\u00dfe", r'''
exec("class Gr\u00f6\u00dfe: pass", models.__dict__)
exec("caf\u00e9_\u03b1\u03b2 = []", cache.__dict__)
kept, kind = getattr(cache, "caf\u00e9_\u03b1\u03b2"), getattr(models, "Gr\u00f6\u00dfe")
def grow(i): kept.append(kind())
'''),
    "a name of 300 characters": Shape("shop.cache." + "x" * 300, "shop.models." + "Y" * 300, r'''
exec("class %s: pass\nLong = %s\ndel Long" % ("Y" * 300, "Y" * 300), models.__dict__)
exec("%s = []" % ("x" * 300), cache.__dict__)
def grow(i): getattr(cache, "x" * 300).append(getattr(models, "Y" * 300)())
'''),
    "a forked worker": Shape("shop.cache.ORDERS", "shop.models.Order", GLOBAL, r'''
worker = os.fork()
if worker == 0:
    begin()
    while True: signal.pause()
'''),
    "a frozen heap": Shape("shop.cache.ORDERS", "shop.models.Order", GLOBAL, r'''
for i in range(2000): cache.ORDERS[-1 - i] = Order(i)
gc.freeze()
begin()
'''),
    "a disabled collector": Shape("shop.cache.ORDERS", "shop.models.Order", "gc.disable()\n" + GLOBAL),
    "in a pid namespace": Shape("shop.cache.ORDERS", "shop.models.Order", GLOBAL),
    "in a chroot": Shape("shop.cache.ORDERS", "shop.models.Order", GLOBAL),
}


def start(python, folder, name):
    """The pid of the one that leaks so, once it does. python: the factory of controlled Pythons."""
    shape = SHAPES[name]
    code = "PACE = %d\n" % PACE + BEGIN + shape.code + END + shape.after + "\n"
    script = name.replace(" ", "_") + ".py"
    if name not in UNSHARED:
        p = python(code, name=script)
        return p.ask("worker") if name == "a forked worker" else p.pid
    wrapper = UNSHARED[name] + (programs.PYTHON,)
    if name == "in a chroot":
        root = os.path.join(folder, "root")
        os.mkdir(root)
        wrapper = UNSHARED[name] + ("/bin/sh", "-c", 'mount --rbind / "$0" && exec chroot "$0" "$@"', root, programs.PYTHON)
    p = python(code, name=script, exe="/usr/bin/unshare", flags=wrapper)
    with open("/proc/%d/task/%d/children" % (p.pid, p.pid), encoding="ascii") as f:
        below = f.read().split()
    return int(below[0]) if below else p.pid


# Names that would move a terminal's cursor, set its title, or turn text round.
HOSTILE = r'''
esc, turn = chr(27), chr(0x202e)
cache.__dict__["red" + esc + "[2J" + chr(7) + esc + "]0;pwned" + chr(7)] = seen = []
cache.__dict__["a" + turn + "b" + chr(10) + "c" + chr(0x9b) + "d"] = turned = []
Evil = type("Ev" + turn + "il" + esc + "]0;x" + chr(7), (), {"__module__": "shop" + chr(13) + ".evil"})
def grow(i):
    seen.append(Evil())
    turned.append(i)
'''


# A Flask application whose orders are never dropped, as a package for gunicorn: shop.web:app.
SHOP = {
    "__init__.py": "",
    "models.py": '''
class Order:
    def __init__(self, number, lines):
        self.number = number
        self.lines = lines
''',
    "cache.py": "ORDERS = {}\nRECENT = []\n",
    "web.py": '''
import itertools
from flask import Flask, jsonify
from shop.cache import ORDERS, RECENT
from shop.models import Order
app = Flask(__name__)
numbers = itertools.count()
@app.get("/")
def front():
    for number in itertools.islice(numbers, 40):
        ORDERS["order-%d" % number] = Order(number, ["line %d of %d" % (i, number) for i in range(8)])
    RECENT.append(number)
    del RECENT[:-50]
    return jsonify(order=number)
'''}

# Asks a server steadily and writes when each request began (monotonic) and how long it took, in ms: argv: port, requests a
# second, file.
LOAD = r'''
import http.client, sys, time
port, pace, path = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
began, n = time.monotonic(), 0
with open(path, "w", buffering=1) as log:
    while True:
        n += 1
        time.sleep(max(0, began + n / pace - time.monotonic()))
        at = time.monotonic()
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            c.request("GET", "/")
            status = c.getresponse().status
            c.close()
        except OSError:
            status = 0
        log.write("%f %f %d\n" % (at, (time.monotonic() - at) * 1e3, status))
'''


def write_shop(folder):
    os.makedirs(os.path.join(folder, "shop"))
    for name, text in SHOP.items():
        with open(os.path.join(folder, "shop", name), "w", encoding="utf-8") as f:
            f.write(text)
