"""What the tests ask of the kernel: figures as /proc says them, a process with a pid of one's choice, a small disk."""
import contextlib
import os
import subprocess

import pytest

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """/proc/PID/stat after the name: [0] is the state, field 3 of proc(5)."""
    with open("/proc/%d/stat" % pid, "rb") as f:
        return f.read().rsplit(b") ", 1)[1].split()


def start_ticks(pid):
    return int(stat_fields(pid)[19])


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        return f.read()[:8]


def process_id(pid):
    """The id that the daemon gives to pid."""
    return "%d-%d-%s" % (pid, start_ticks(pid), boot_id())


def statm_bytes(pid):
    """(resident, resident less shared), in bytes."""
    with open("/proc/%d/statm" % pid, encoding="ascii") as f:
        _, resident, shared = [int(x) for x in f.read().split()[:3]]
    return resident * PAGE, (resident - shared) * PAGE


def status_field(pid, name):
    """A line of /proc/PID/status, without its name."""
    with open("/proc/%d/status" % pid, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
    return None


def io_fields(pid):
    with open("/proc/%d/io" % pid, encoding="ascii") as f:
        return {k: int(v) for k, v in (line.split(":") for line in f)}


def compile_c(folder, name, source, *flags):
    """Compiles a C program, and says where it is."""
    path = os.path.join(folder, name)
    with open(path + ".c", "w", encoding="utf-8") as f:
        f.write(source)
    subprocess.run(["cc", "-O1", "-o", path, path + ".c", *flags], check=True)
    return path


WITH_PID = r'''
/* with-pid PID PROGRAM ARG...: runs a program under a pid of one's choice, and waits for it. */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        pid_t wanted = argc > 2 ? atoi(argv[1]) : 0;
        struct clone_args args = {
                .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&wanted, .set_tid_size = 1,
        };
        long pid = syscall(SYS_clone3, &args, sizeof args);

        if (pid < 0)
                return perror("clone3"), 99;
        if (pid == 0) {
                execv(argv[2], argv + 2);
                _exit(98);
        }
        waitpid((pid_t)pid, NULL, 0);
        return 0;
}
'''


def with_pid(folder):
    """The program that runs another one under a given pid."""
    path = compile_c(folder, "with-pid", WITH_PID)
    with open("/proc/sys/kernel/pid_max", encoding="ascii") as f:
        free = next(p for p in range(int(f.read()) - 1, 1, -1) if not os.path.exists("/proc/%d" % p))
    got = subprocess.run([path, str(free), "/bin/true"], check=False, capture_output=True, text=True)
    if got.returncode:
        pytest.skip("clone3 with set_tid is not allowed here: " + got.stderr.strip())
    return path


@contextlib.contextmanager
def small_disk(path, size):
    """Mounts an empty tmpfs; skips where that is not allowed."""
    os.makedirs(path, exist_ok=True)
    got = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%s,mode=0755" % size, "tmpfs", path], check=False,
                         capture_output=True, text=True)
    if got.returncode:
        pytest.skip("no tmpfs can be mounted here: " + got.stderr.strip())
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)
