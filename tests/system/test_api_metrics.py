"""/metrics as Prometheus reads it, and /healthz."""
import re
import shutil
import subprocess

import psutil
import pytest

NAMES = {
    "memtide_app_processes": "gauge", "memtide_app_resident_memory_bytes": "gauge",
    "memtide_app_proportional_memory_bytes": "gauge", "memtide_app_unique_memory_bytes": "gauge", "memtide_app_swap_bytes": "gauge",
    "memtide_app_growth_bytes_per_second": "gauge", "memtide_app_seconds_to_limit": "gauge", "memtide_findings_open": "gauge",
    "memtide_findings_total": "counter", "memtide_process_growth_bytes_per_second": "gauge",
    "memtide_process_resident_memory_bytes": "gauge", "memtide_samples_total": "counter", "memtide_ticks_late_total": "counter",
    "memtide_sample_errors_total": "counter", "memtide_tick_duration_seconds": "summary", "memtide_database_size_bytes": "gauge",
    "memtide_database_oldest_sample_timestamp_seconds": "gauge", "memtide_last_tick_timestamp_seconds": "gauge",
    "memtide_build_info": "gauge", "process_resident_memory_bytes": "gauge", "process_cpu_seconds_total": "counter",
    "process_open_fds": "gauge", "process_start_time_seconds": "gauge",
}


def test_every_family_has_help_and_type(daemon):
    _, headers, body = daemon().get("/metrics")
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = body.decode()
    for name, kind in NAMES.items():
        assert "# TYPE %s %s\n" % (name, kind) in text and "# HELP %s " % name in text


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (package prometheus) is not installed")
def test_promtool_finds_nothing_wrong(daemon, python):
    p = python(name='host"i\\le\n.py')
    d = daemon()
    d.find(p.pid)
    for path in ("/metrics", "/metrics?processes=all"):
        checked = subprocess.run(["promtool", "check", "metrics"], input=d.get(path)[2], capture_output=True, timeout=20)
        assert checked.returncode == 0 and not checked.stderr, checked.stderr.decode()


def test_processes_only_on_request(daemon, python):
    p = python()
    d = daemon()
    found = d.find(p.pid)
    assert "\nmemtide_process_resident_memory_bytes{" not in d.get("/metrics")[2].decode()
    text = d.get("/metrics?processes=all")[2].decode()
    line = re.search(r'^memtide_process_resident_memory_bytes\{app="(.*)",pid="%d",id="%s"\} (\d+)$' % (p.pid, found["id"]), text, re.M)
    assert line and int(line.group(2)) == psutil.Process(p.pid).memory_info().rss
    for query in ("processes=some", "processes=", "processes=all&processes=all", "x=1"):
        assert d.get("/metrics?" + query)[0] == 400


def test_figures_of_the_daemon_itself(daemon):
    d = daemon()
    d.next_tick()
    m = d.metrics()
    assert m["process_resident_memory_bytes"] > 1 << 20 and m["process_cpu_seconds_total"] > 0 and m["process_open_fds"] > 3
    assert m["memtide_tick_duration_seconds_count"] >= 1 and m["memtide_tick_duration_seconds_sum"] > 0
    assert abs(m["process_start_time_seconds"] - psutil.Process(d.pid).create_time()) < 5
    assert m["memtide_database_size_bytes"] > 0


def test_health_is_two_letters(daemon):
    status, headers, body = daemon().get("/healthz")
    assert status == 200 and body == b"ok\n" and headers["content-type"].startswith("text/plain")
    assert daemon().get("/healthz?x=1")[0] == 400
