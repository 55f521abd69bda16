"""Where the built programs are: below $MEMTIDED_BUILD, else the checkout's build folder."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("MEMTIDED_BUILD", os.path.join(ROOT, "build")))
PYTHON = "/usr/bin/python3"


def built(*places):
    """The first of the places below the build folder that is a program."""
    for place in places:
        path = os.path.join(BUILD, place)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError("%s is not built below %s: build it, or set MEMTIDED_BUILD" % (places[0], BUILD))


def memtided():
    return built("daemon/memtided", "daemon/engine/memtided", "memtided")


def memtide():
    return built("client/memtide", "memtide")


def sanitized():
    """Whether memtided was built with a sanitizer, which takes memory and time of its own."""
    with open(memtided(), "rb") as f:
        return b"__asan_" in f.read()
