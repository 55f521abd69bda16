"""Which processes are found, and that what is said of them is what psutil says."""
import calendar
import os
import shutil
import subprocess
import time

import psutil
import pytest

import kernel
import programs
from conftest import pyenv_versions
from memtided import until

KEYS = """id pid ppid name cmdline cmdline_truncated user uid app framework python unit container cgroup limit_bytes
limit_kind state started_at exited_at sampled_at rss_bytes peak_rss_bytes anon_bytes pss_bytes uss_bytes swap_bytes threads
fds cpu_seconds rchar_bytes read_bytes growth findings""".split()


def seconds(text):
    """RFC 3339 as the interface has it, to seconds since 1970."""
    assert len(text) == 24 and text[-1] == "Z" and text[19] == "."
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + int(text[20:23]) / 1000


def settled(d, pid):
    """A process as of a tick that began after this call."""
    d.find(pid)
    d.next_tick()
    return d.process(pid)


def with_details(d, pid):
    """A process with details that were read after this call."""
    d.find(pid)
    d.next_tick()
    d.next_tick()
    return d.wait_for(lambda: (p := d.process(pid)) and p["pss_bytes"] is not None and p, 5, "details of %d" % pid)


def test_an_idle_python_is_found_within_a_tick(daemon, python):
    d = daemon(interval="500ms")
    d.next_tick()
    p = python()
    ready = time.time()
    found = d.find(p.pid, timeout=2)
    events = d.json("/processes/%d/events" % p.pid)["events"]
    assert events[0]["event"] == "started"
    assert seconds(events[0]["at"]) <= ready + 0.5 + 0.4, "found later than a tick after it was there"
    assert seconds(found["sampled_at"]) <= time.time()


def test_every_field_is_what_psutil_says(daemon, python):
    d = daemon("--detail-interval", "200ms")
    p = python("import threading\nfor _ in range(3):\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
               "x = bytearray(20 << 20)\ndel x\nf = [open('/dev/null') for _ in range(7)]\nsum(range(3000000))\n",
               name="fields.py", args=("--flag", "two words", ""))
    said = with_details(d, p.pid)
    other = psutil.Process(p.pid)
    assert set(KEYS) <= set(said)
    assert said["id"] == kernel.process_id(p.pid)
    assert (said["pid"], said["ppid"], said["name"]) == (p.pid, os.getpid(), other.name())
    assert said["cmdline"] == other.cmdline() and said["cmdline_truncated"] is False
    assert (said["uid"], said["user"]) == (other.uids().real, other.username())
    assert (said["state"], said["exited_at"], said["python"]) == ("running", None, "3.11")
    now = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    assert abs(seconds(said["started_at"]) - (now + kernel.start_ticks(p.pid) / kernel.TICKS)) < 0.05
    assert abs(seconds(said["started_at"]) - other.create_time()) < 1.1, "psutil knows the boot time to a second"
    assert said["rss_bytes"] == other.memory_info().rss
    assert said["anon_bytes"] == kernel.statm_bytes(p.pid)[1]
    assert said["peak_rss_bytes"] == int(kernel.status_field(p.pid, "VmHWM").split()[0]) * 1024
    full = other.memory_full_info()
    assert said["uss_bytes"] == pytest.approx(full.uss, rel=0.01)
    assert said["pss_bytes"] == pytest.approx(full.pss, rel=0.01)
    assert said["swap_bytes"] == full.swap
    assert said["threads"] == other.num_threads() == 4
    assert said["fds"] == other.num_fds()
    cpu = other.cpu_times()
    assert said["cpu_seconds"] == pytest.approx(cpu.user + cpu.system, abs=0.03)
    io = kernel.io_fields(p.pid)
    assert (said["rchar_bytes"], said["read_bytes"]) == (io["rchar"], io["read_bytes"])
    assert said["framework"] is None and said["app"]["id"] and "fields.py" in said["app"]["name"]
    with open("/proc/%d/cgroup" % p.pid, encoding="utf-8") as f:
        assert said["cgroup"] is None or said["cgroup"] in f.read()
    assert said["growth"]["verdict"] == "insufficient-data" and said["findings"] == []
    assert {"bytes_per_hour": None, "confidence": None, "since_at": None, "limit_at": None}.items() <= said["growth"].items()


def test_the_figures_follow_a_python_that_moves(daemon, python):
    d = daemon("--detail-interval", "200ms")
    p = python()
    with_details(d, p.pid)
    p.tell("x = bytearray(b'x') * (32 << 20)\nimport threading\nthreading.Thread(target=threading.Event().wait, "
           "daemon=True).start()\nf = open('/dev/null')")
    said = with_details(d, p.pid)
    other = psutil.Process(p.pid)
    assert said["rss_bytes"] == other.memory_info().rss > 32 << 20
    assert (said["threads"], said["fds"]) == (other.num_threads(), other.num_fds())
    p.tell("del x")
    said = with_details(d, p.pid)
    assert said["rss_bytes"] == other.memory_info().rss < 32 << 20
    assert said["peak_rss_bytes"] > 32 << 20


def test_a_memory_limit_is_known(daemon, python):
    p = python("import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 33, 1 << 33))")
    d = daemon()
    said = d.find(p.pid)
    if said["limit_kind"] == "cgroup":
        assert said["limit_bytes"] <= 1 << 33
    else:
        assert (said["limit_kind"], said["limit_bytes"]) == ("rlimit-as", 1 << 33)


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8", "3.10", "3.12", "3.13"])
def test_other_versions_are_found_and_named(daemon, python, version):
    exe = pyenv_versions().get(version)
    if not exe:
        pytest.skip("no Python %s below ~/.pyenv" % version)
    d = daemon()
    p = python(exe=exe)
    said = settled(d, p.pid)
    assert said["python"] == version
    assert said["rss_bytes"] == psutil.Process(p.pid).memory_info().rss


def test_names_decide_what_is_python(daemon, python, folder):
    """The interpreter linked or copied under many names."""
    names = {name: True for name in ("python", "python2", "python3", "python3.11", "python3.13t", "python3.12d",
                                     "python3.11-dbg", "pypy", "pypy3", "pypy3.9-c")}
    names.update({name: False for name in ("pythonista", "python3-config", "mypython3", "python4you", "snake")})
    bin_folder = os.path.join(folder, "bin")
    os.mkdir(bin_folder)
    pids = {}
    for name in names:
        exe = os.path.join(bin_folder, name)
        try:
            os.link(os.path.realpath(programs.PYTHON), exe)
        except OSError:
            shutil.copy(os.path.realpath(programs.PYTHON), exe)
        pids[name] = python(exe=exe, env={"PYTHONHOME": "/usr"}).pid
    d = daemon()
    d.find(pids["python3"])
    d.next_tick()
    listed = {p["pid"] for p in d.json("/processes?limit=1000")["processes"]}
    assert {name: pid in listed for name, pid in pids.items()} == names


def test_a_virtual_environment_and_a_symlink_are_found(daemon, python, folder):
    venv = os.path.join(folder, "venv")
    subprocess.run([programs.PYTHON, "-m", "venv", "--without-pip", venv], check=True)
    link = os.path.join(folder, "snake")
    os.symlink(programs.PYTHON, link)
    d = daemon()
    in_venv, linked = python(exe=venv + "/bin/python"), python(exe=link)
    assert d.find(in_venv.pid)["cmdline"][0] == venv + "/bin/python"
    assert d.find(linked.pid)["name"] == "snake"


def test_an_executable_that_was_deleted_is_still_python(daemon, python, folder):
    exe = os.path.join(folder, "python3.11")
    shutil.copy(os.path.realpath(programs.PYTHON), exe)
    p = python(exe=exe, env={"PYTHONHOME": "/usr"})
    os.unlink(exe)
    assert os.readlink("/proc/%d/exe" % p.pid).endswith(" (deleted)")
    d = daemon()
    assert d.find(p.pid)["python"] == "3.11"


EMBEDS = r'''
#include <Python.h>
#include <unistd.h>
int main(void)
{
        Py_Initialize();
        write(1, "ready\n", 6);
        for (;;)
                pause();
}
'''
EMBEDS_LATE = r'''
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
        char c;
        if (read(0, &c, 1) != 1)
                return 1;
        void *lib = dlopen("libpython3.11.so.1.0", RTLD_NOW | RTLD_GLOBAL);
        if (!lib)
                return puts(dlerror()), 1;
        void (*start)(void) = (void (*)(void))dlsym(lib, "Py_Initialize");
        start();
        write(1, "ready\n", 6);
        for (;;)
                pause();
}
'''


def test_a_program_that_embeds_python_is_found(daemon, spawn, folder):
    flags = subprocess.run(["/usr/bin/python3-config", "--embed", "--cflags", "--ldflags"], check=True, capture_output=True,
                           text=True).stdout.split()
    exe = kernel.compile_c(folder, "embeds", EMBEDS, *flags, "-Wno-unused-result")
    d = daemon()
    p = spawn([exe], stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"ready\n"
    said = settled(d, p.pid)
    assert (said["name"], said["python"]) == ("embeds", "3.11")
    assert said["rss_bytes"] == psutil.Process(p.pid).memory_info().rss


@pytest.mark.slow
def test_a_program_that_loads_libpython_late_is_found(daemon, spawn, folder):
    exe = kernel.compile_c(folder, "embeds-late", EMBEDS_LATE, "-ldl", "-Wno-unused-result")
    d = daemon()
    p = spawn([exe], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    d.next_tick()
    d.next_tick()
    assert d.process(p.pid) is None
    p.stdin.write(b"x")
    p.stdin.flush()
    assert p.stdout.readline() == b"ready\n"
    assert d.find(p.pid, timeout=75)["python"] == "3.11"


def test_what_is_not_python_is_not_found(daemon, python, spawn):
    shell = spawn(["/bin/bash", "-c", "exec -a python3 sleep 60"])
    d = daemon("--detail-interval", "200ms")
    p = python("import os\nzombie = os.fork()\nif not zombie:\n    os._exit(0)")
    zombie = p.ask("zombie")
    d.find(p.pid)
    d.next_tick()
    listed = d.json("/processes?limit=1000&state=running")["processes"]
    pids = {x["pid"] for x in listed}
    assert psutil.Process(zombie).status() == psutil.STATUS_ZOMBIE
    assert not {zombie, shell.pid, d.pid} & pids
    kernel_threads = {int(x) for x in os.listdir("/proc") if x.isdigit() and os.path.exists("/proc/" + x)
                      and (kernel.status_field(int(x), "VmRSS") is None)}
    assert not kernel_threads & pids
    for x in listed:
        assert x["pid"] not in {r.pid for r in d.members()}, "it watches itself"


def test_a_zombie_counts_as_exited(daemon, python):
    d = daemon()
    p = python("import os\nchild = os.fork()\nif not child:\n    import signal\n    signal.pause()")
    child = p.ask("child")
    d.find(child)
    os.kill(child, 9)
    until(lambda: psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    assert d.find(child, state="exited", timeout=2)["exited_at"]


def test_include_adds_programs_and_exclude_wins(daemon, python, spawn):
    wanted, unwanted = spawn(["sleep", "1717"]), spawn(["sleep", "1718"])
    left_out, kept = python(args=("--memtide-left-out",)), python()
    d = daemon("--include", r"sleep 171\d", "--exclude", "1718$", "--exclude", "memtide-left-out")
    d.find(kept.pid)
    d.next_tick()
    said = d.find(wanted.pid)
    assert said["rss_bytes"] == psutil.Process(wanted.pid).memory_info().rss
    assert (said["name"], said["python"]) == ("sleep", None)
    assert d.process(unwanted.pid) is None and d.process(left_out.pid) is None
    later = spawn(["sleep", "1719"])
    assert d.find(later.pid)


def test_it_does_not_watch_itself_for_an_include_in_its_own_command_line(daemon, spawn):
    p = spawn(["sleep", "1720"])
    d = daemon("--include", "sleep")
    d.find(p.pid)
    d.next_tick()
    listed = {x["pid"] for x in d.json("/processes?limit=1000")["processes"]}
    assert not listed & {m.pid for m in d.members()}


def test_without_privileges_it_works_and_says_what_it_cannot_see(daemon, python, root):
    p = python(name="rooted.py")
    d = daemon("--detail-interval", "200ms", user="nobody")
    said = d.find(p.pid)
    assert said["rss_bytes"] == psutil.Process(p.pid).memory_info().rss, "statm is open to everybody"
    assert said["cmdline"][-1].endswith("rooted.py")
    d.next_tick()
    d.next_tick()
    said = d.process(p.pid)
    assert (said["pss_bytes"], said["uss_bytes"], said["rchar_bytes"]) == (None,) * 3, "unknown is null, not 0"
    assert said["fds"] in (None, psutil.Process(p.pid).num_fds()), "since Linux 6.2 the size of /proc/PID/fd tells"
    assert said["threads"] == 1 and said["peak_rss_bytes"] >= said["rss_bytes"]
    assert "privilege" in d.log().lower() or "right" in d.log().lower() or "permi" in d.log().lower(), d.log()
    assert d.terminate() < 2


def test_without_privileges_its_own_pythons_are_known_fully(daemon, spawn, root):
    own = spawn(["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", programs.PYTHON, "-c",
                 "import time; time.sleep(600)"])
    d = daemon("--detail-interval", "200ms", user="nobody")
    said = with_details(d, own.pid)
    full = psutil.Process(own.pid).memory_full_info()
    assert said["user"] == "nobody"
    assert said["rss_bytes"] == full.rss
    assert said["uss_bytes"] == pytest.approx(full.uss, rel=0.02)
