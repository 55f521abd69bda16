"""A Debian of its own under its own systemd: made with debootstrap (kept for the next time), booted by systemd-nspawn without
a network, entered with nsenter."""
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time

SUITE = "bookworm"
PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or "/var/cache", "memtide-tests")
SYSTEM = ["systemd", "dbus", "python3"]  # beside what systemd/packages names


class Impossible(Exception):
    """It cannot be made or booted here; says why."""


def until(predicate, timeout=20, what="it"):
    """What predicate() gives as soon as it is true; fails after timeout seconds."""
    deadline = time.monotonic() + timeout
    while True:
        got = predicate()
        if got:
            return got
        assert time.monotonic() < deadline, "not within %g s: %s" % (timeout, what)
        time.sleep(0.1)


def packages():
    with open(os.path.join(PROJECT, "systemd", "packages"), encoding="utf-8") as f:
        return SYSTEM + f.read().split()


def do(why, *argv, timeout=900):
    """Runs a step of making the machine; where it fails that is the reason to skip."""
    got = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors="replace", timeout=timeout, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    if got.returncode:
        raise Impossible("%s: %s" % (why, " / ".join(got.stdout.strip().splitlines()[-3:])))
    return got.stdout


def mirror():
    """The mirror that this machine has its packages of the suite from; none: debootstrap's own."""
    try:
        sites = do("apt-get", "apt-get", "indextargets", "--format", "$(SITE)", "Codename: " + SUITE, "Component: main",
                   "Created-By: Packages").split()
    except (Impossible, FileNotFoundError):
        sites = []
    return sites[:1]


def base():
    """The folder of a Debian with all packages that install needs, made once for each list of them."""
    key = hashlib.sha256(" ".join(packages()).encode()).hexdigest()[:8]
    folder = os.path.join(CACHE, "%s-%s" % (SUITE, key))
    if os.path.isdir(folder):
        return folder
    os.makedirs(CACHE, exist_ok=True)
    for old in os.listdir(CACHE):
        if old.startswith((SUITE + "-", "making-")):
            shutil.rmtree(os.path.join(CACHE, old))
    making = tempfile.mkdtemp(prefix="making-", dir=CACHE)
    os.chmod(making, 0o755)
    try:
        do("no Debian could be made", "debootstrap", "--variant=minbase", SUITE, making, *mirror())
        do("its packages could not be installed", "chroot", making, "apt-get", "install", "-q", "-y",
           "--no-install-recommends", *packages())
        do("apt-get clean", "chroot", making, "apt-get", "clean")
        # systemd asks its questions of a first boot where this is absent.
        with open(os.path.join(making, "etc", "machine-id"), "w", encoding="ascii") as f:
            f.write("5eed" * 8 + "\n")
        os.rename(making, folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return folder


def copy_clone(to):
    """The project as a clean clone has it: what git tracks or would add. Without git, all but build folders."""
    os.makedirs(to)
    listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", PROJECT, "ls-files", "-z", "-co", "--exclude-standard"],
                            capture_output=True) if shutil.which("git") else None
    if listed and listed.returncode == 0 and listed.stdout:
        for name in listed.stdout.decode().rstrip("\0").split("\0"):
            if os.path.lexists(os.path.join(PROJECT, name)):
                os.makedirs(os.path.dirname(os.path.join(to, name)), exist_ok=True)
                shutil.copy2(os.path.join(PROJECT, name), os.path.join(to, name), follow_symlinks=False)
        return
    shutil.copytree(PROJECT, to, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build*", ".git"))


class Machine:
    CLONE = "/home/a person/memtide"  # a path with a space, as people have them

    def __init__(self):
        if os.geteuid() != 0:
            raise Impossible("needs root")
        for program in ("systemd-nspawn", "debootstrap", "nsenter"):
            if not shutil.which(program):
                raise Impossible(program + " is not installed")
        source = base()
        self.root = tempfile.mkdtemp(prefix="booted-", dir=os.path.dirname(CACHE))
        self.nspawn = self.leader = None
        try:
            do("its copy could not be made", "cp", "-a", "--reflink=auto", source + "/.", self.root)
            copy_clone(self.root + self.CLONE)
            self.boot()
        except BaseException:
            self.close()
            raise

    def boot(self):
        self.console = tempfile.TemporaryFile("w+", errors="replace")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--resolv-conf=off",
             "--timezone=off", "--link-journal=no", "--console=pipe", "--machine=memtide-test-%d" % os.getpid(),
             "--boot", "--directory=" + self.root],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT, start_new_session=True,
            # As Debian 12 has it by default, whatever this machine has.
            env=dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1"))
        try:
            until(self.booted, 40)
        except AssertionError:
            self.console.seek(0)
            raise Impossible("systemd did not boot in systemd-nspawn (in a chroot, for one, it can't): " +
                             " / ".join(self.console.read().strip().splitlines()[-3:])) from None

    def booted(self):
        if self.nspawn.poll() is not None:
            raise AssertionError("systemd-nspawn ended")
        with open("/proc/%d/task/%d/children" % (self.nspawn.pid, self.nspawn.pid), encoding="ascii") as f:
            children = f.read().split()
        if not children:
            return False
        self.leader = children[0]
        return self.run("systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def run(self, command, check=True, user=None, timeout=60):
        """A shell command inside, as root or as this user."""
        argv = ["nsenter", "--target", self.leader, "--all"]
        if user:
            argv += ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        got = subprocess.run(argv + ["bash", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             errors="replace", timeout=timeout,
                             env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})
        assert not check or got.returncode == 0, "%s: status %d\n%s%s" % (command, got.returncode, got.stdout, got.stderr)
        return got

    def out(self, command, **kw):
        return self.run(command, **kw).stdout.strip()

    def install(self, *options, timeout=600):
        return self.run(shlex.join([self.CLONE + "/systemd/install", *options]) + " 2>&1", timeout=timeout).stdout

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as f:
            f.write(text)

    # The service

    def show(self, name, unit="memtided.service"):
        return self.out("systemctl show --value -p %s %s" % (name, unit))

    def main_pid(self):
        return int(self.show("MainPID"))

    def roles(self):
        """The processes of the service: name of the executable to pid."""
        found = {}
        for pid in self.run("cat /sys/fs/cgroup%s/cgroup.procs" % self.show("ControlGroup"), check=False).stdout.split():
            exe = self.run("readlink /proc/%s/exe" % pid, check=False).stdout.strip()
            found[os.path.basename(exe)] = int(pid)
        return found

    def status_of(self, pid):
        """/proc/PID/status as a dict."""
        return dict(line.split(":\t", 1) for line in self.out("cat /proc/%d/status" % pid).splitlines() if ":\t" in line)

    def curl(self, path, *options, check=True):
        return self.run(shlex.join(["curl", "-sS", "--fail-with-body", "--max-time", "5", *options,
                                    "http://localhost:9733" + path]), check=check).stdout

    def json(self, path):
        return json.loads(self.curl(path))

    def ok(self):
        return self.curl("/healthz", check=False) == "ok\n"

    def journal(self, *options):
        """The records of the service's log, as dicts."""
        text = self.out("journalctl -u memtided.service -o json --no-pager " + shlex.join(options))
        return [json.loads(line) for line in text.splitlines()]

    def close(self):
        if self.nspawn:
            if self.leader:
                self.run("systemctl poweroff", check=False)
            try:
                self.nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
            self.console.close()
        shutil.rmtree(self.root, ignore_errors=True)
