#!/usr/bin/env python3
"""What the heap benchmark looks into: an interpreter with so many objects, told on standard input what to do. Runs on 3.7.

    heap_target.py OBJECTS bare|flask [COUNTER]

Says "ready". "peer" takes the same census inside, as a tool that runs in the program does, and says what it cost. "compute" and
"allocate" begin to work at full speed and count rounds of work in the file COUNTER, until standard input ends.
"""
import collections
import gc
import mmap
import os
import struct
import sys
import threading
import time


class Thing:
    def __init__(self, i):
        self.number = i


def peer():
    """CPU ms, ms by the wall, and how many Things it found."""
    cpu, wall = time.process_time(), time.perf_counter()
    counts = collections.Counter(map(type, gc.get_objects()))
    return (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3, counts[Thing]


def serve():
    """A Flask application that has answered."""
    import flask
    app = flask.Flask("shop")
    app.add_url_rule("/", "front", lambda: flask.jsonify(orders=[1, 2, 3]))
    with app.test_client() as client:
        for _ in range(100):
            assert client.get("/").status_code == 200
    return app


def compute():
    return sum([i * i % 7 for i in range(400)])


def allocator(things):
    """Replaces one after the other, in no order that the memory has."""
    at = 0

    def allocate():
        nonlocal at
        for _ in range(200):
            at = (at + 7919) % len(things)
            things[at] = Thing(at)
    return allocate


def work(one, path):
    with open(path, "r+b") as f:
        counter = mmap.mmap(f.fileno(), 8)
    rounds = 0
    while True:
        one()
        rounds += 1
        struct.pack_into("=Q", counter, 0, rounds)


def main():
    things = [Thing(i) for i in range(int(sys.argv[1]))]
    app = serve() if sys.argv[2] == "flask" else None
    gc.collect()
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "peer\n":
            print("%f %f %d" % peer(), flush=True)
        elif line in ("compute\n", "allocate\n"):
            one = compute if line == "compute\n" else allocator(things)
            threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
            work(one, sys.argv[3])
    return app


if __name__ == "__main__":
    main()
