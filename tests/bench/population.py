#!/usr/bin/python3
"""The processes that a benchmark watches: N Pythons, of which a part touches or gives back some pages every second.

    population.py N PART

Forked from this one, so that they start in milliseconds, each with a command line of its own. Prints their pids, one a
line, and then "ready"; ends with them when its standard input does, and they end with it.
"""
import ctypes
import mmap
import os
import random
import signal
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
ROOM = "-" * 10  # in our own command line, for theirs to be written over


def write_cmdline(*args):
    """Replaces this process's command line, which must have the room; the last argument is filled up to it."""
    with open("/proc/self/stat", "rb") as f:
        fields = f.read().rsplit(b") ", 1)[1].split()
    start, end = int(fields[45]), int(fields[46])
    text = b"\0".join(a.encode() for a in args)
    assert len(text) < end - start
    ctypes.memmove(start, text.ljust(end - start - 1, b"x") + b"\0", end - start)


def live(number, changes):
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    write_cmdline(sys.executable, "worker_%04d.py" % number, "--queue", "q")
    chance = random.Random(number)
    if not changes:
        while True:
            signal.pause()
    pages = 256
    area = mmap.mmap(-1, pages * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    touched = 0
    time.sleep(chance.random())  # not all at the same moment
    while True:
        if touched + 8 > pages or chance.random() < 0.25:
            area.madvise(mmap.MADV_DONTNEED)
            touched = 0
        for _ in range(chance.randint(1, 8)):
            area[touched * mmap.PAGESIZE] = 1
            touched += 1
        time.sleep(1)


def main():
    if sys.argv[-1] != ROOM:
        os.execv(sys.executable, [sys.executable, "-S", os.path.abspath(__file__), *sys.argv[1:], ROOM])
    count, part = int(sys.argv[1]), float(sys.argv[2])
    changing = set(random.Random(7).sample(range(count), round(count * part)))
    for number in range(count):
        pid = os.fork()
        if pid == 0:
            try:
                null = os.open("/dev/null", os.O_RDWR)
                os.dup2(null, 0)
                os.dup2(null, 1)
                live(number, number in changing)
            finally:
                os._exit(1)
        print(pid)
    print("ready", flush=True)
    while os.read(0, 4096):
        pass


main()
