"""What a process and all below it use: CPU time, memory, bytes written. Everything by pid, nothing by name."""
import os
import statistics
import time

import psutil


def family(pid):
    """The pid and the pids of all below it now."""
    try:
        return [pid] + [p.pid for p in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid):
    """CPU time of a process, its ended threads and the children it has waited for included; 0 where it's gone."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            fields = f.read().rsplit(b") ", 1)[1].split()
        own = time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) makes it
    except OSError:
        return 0.0
    return own + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def pss_bytes(pids):
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
                total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
        except OSError:
            pass
    return total


def written_bytes(pids):
    """Bytes handed to write(2) and its kin, and bytes sent towards a disk."""
    handed = sent = 0
    for pid in pids:
        try:
            with open("/proc/%d/io" % pid, encoding="ascii") as f:
                io = {k: int(v) for k, v in (line.split(":") for line in f)}
        except OSError:
            continue
        handed += io["wchar"]
        sent += io["write_bytes"]
    return handed, sent


def disk_bytes(folder):
    return sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))


def sleep_to_middle(interval, rounds=1):
    """Until the middle between two ticks, which are at whole multiples of the interval on the monotonic clock: from middle
    to middle is a whole number of ticks."""
    now = time.monotonic()
    time.sleep(((now // interval) + rounds + 0.5) * interval - now)


def windows(pid, seconds, count=5):
    """Lets it run at one tick a second. CPU time and bytes written a second, and memory at the end."""
    spent = []
    sleep_to_middle(1)
    pids = family(pid)
    before, began = written_bytes(pids), time.monotonic()
    for _ in range(count):
        cpu, clock = sum(map(cpu_seconds, pids)), time.monotonic()
        sleep_to_middle(1, max(1, round(seconds / count)))
        spent.append((sum(map(cpu_seconds, pids)) - cpu) / (time.monotonic() - clock))
    took = time.monotonic() - began
    after = written_bytes(pids)
    if family(pid) != pids:
        raise RuntimeError("its processes changed while they were measured")
    return {"cpu_per_s": statistics.median(spent), "pss_bytes": pss_bytes(pids),
            "handed_per_s": (after[0] - before[0]) / took, "sent_per_s": (after[1] - before[1]) / took}


def ticks(pids, seconds, interval):
    """CPU seconds of each of the ticks to come, all pids together."""
    spent = []
    sleep_to_middle(interval)
    before, until = sum(map(cpu_seconds, pids)), time.monotonic() + seconds
    while time.monotonic() < until:
        sleep_to_middle(interval)
        now = sum(map(cpu_seconds, pids))
        spent.append(now - before)
        before = now
    return spent
