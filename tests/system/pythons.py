"""Real Python processes to be watched: each runs the code it is given, says that it is ready, and then waits to be told
more, so that a test decides when its memory moves."""
import os
import select
import signal
import subprocess

import programs

# Works from Python 2.7 on. A line that comes in is a Python literal: code to run, or ("ask", expression).
LOOP = r'''
import os as _os
_in, _out = [int(x) for x in _os.environ["MEMTIDE_TEST_FDS"].split(",")]
def _answer(text):
    _os.write(_out, (text + "\n").encode("ascii", "backslashreplace"))
def _serve():
    rest = b""
    while True:
        while b"\n" not in rest:
            more = _os.read(_in, 65536)
            if not more:
                _os._exit(0)
            rest += more
        line, rest = rest.split(b"\n", 1)
        told = eval(line.decode("ascii"))
        if isinstance(told, tuple):
            _answer(repr(eval(told[1], globals())))
        else:
            exec(told, globals())
            _answer("done")
'''


class Python:
    """A controlled interpreter. code runs before it is ready. name: its script's file name. argv: the whole command
    line after argv[0], instead of the script's path."""

    def __init__(self, folder, code="", *, exe=programs.PYTHON, argv0=None, name="idle.py", args=(), flags=(), cwd=None, env=None):
        os.makedirs(folder, exist_ok=True)
        self.script = os.path.join(str(folder), name)
        with open(self.script, "w", encoding="utf-8") as f:
            f.write(LOOP + code + "\n_answer('ready')\n_serve()\n")
        self.exe = exe
        in_r, self._in = os.pipe()
        self._out, out_w = os.pipe()
        environment = dict(os.environ, MEMTIDE_TEST_FDS="%d,%d" % (in_r, out_w), PYTHONDONTWRITEBYTECODE="1")
        environment.update(env or {})
        self.proc = subprocess.Popen([argv0 or exe, *flags, self.script, *args], executable=exe, cwd=cwd, env=environment,
                                     pass_fds=(in_r, out_w), stdin=subprocess.DEVNULL, start_new_session=True)
        os.close(in_r)
        os.close(out_w)
        self._rest = b""
        assert self._read() == "ready", "Python did not start"

    @property
    def pid(self):
        return self.proc.pid

    def _read(self, timeout=20):
        while b"\n" not in self._rest:
            assert select.select([self._out], [], [], timeout)[0], "Python did not answer"
            more = os.read(self._out, 65536)
            if not more:
                return None
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def tell(self, code, answer=True):
        """Runs code in it; returns when it is done (answer=False: at once, for code that never returns)."""
        os.write(self._in, ascii(code).encode() + b"\n")
        if answer:
            assert self._read() == "done", "Python ended or failed at: " + code

    def ask(self, expression):
        os.write(self._in, ascii(("ask", expression)).encode() + b"\n")
        return eval(self._read())  # what our own process wrote

    def next_line(self):
        """What code in it wrote with _answer()."""
        return self._read()

    def rss_bytes(self):
        with open("/proc/%d/statm" % self.pid, encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def kill(self):
        """Ends it and what it started."""
        kill_group(self.proc)
        for fd in (self._in, self._out):
            if fd is not None:
                os.close(fd)
        self._in = self._out = None


def kill_group(proc):
    """Ends a process started with start_new_session, and its group."""
    try:
        os.killpg(proc.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    proc.wait()
