"""The service under a real systemd: installed, started, reloaded, watched over, stopped, removed."""
import json
import re
import time

import pytest

from machine import until

CONFIG = "/etc/memtide/memtided.conf"
DB = "/var/lib/memtide/memtide.db"
CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE = 1 << 2, 1 << 19


@pytest.fixture(scope="session")
def other(machine):
    """The pid of a Python of another user, whose memory the kernel shows to few."""
    machine.run("useradd --system someone; systemd-run --unit=other --uid=someone python3 -c 'import time; time.sleep(1e6)'")
    return int(machine.show("MainPID", "other.service"))


@pytest.fixture(scope="session")
def installed(machine, other):
    """What systemd/install printed."""
    return machine.install()


def wait_ok(machine, timeout=20):
    until(machine.ok, timeout, "/healthz ok; its log:\n" + machine.out("journalctl -u memtided -n 20 --no-pager"))


def restarted(machine, before):
    until(lambda: machine.main_pid() not in (0, before), 30, "memtided to be started again")
    wait_ok(machine)


def test_install_shows_the_processes_it_found(installed, other):
    assert "curl 'localhost:9733/processes?format=text'" in installed
    assert re.search(r"\b%d\b" % other, installed), installed


def test_service_is_ready_as_its_own_user(machine, installed):
    assert machine.show("ActiveState") == "active"
    assert machine.show("StatusText")
    assert machine.out("systemctl is-enabled memtided.service memtided.socket").split() == ["enabled", "enabled"]
    roles = machine.roles()
    assert set(roles) == {"memtided", "memtide-sampler", "memtide-api"}
    uid = machine.out("id -u memtide")
    for pid in roles.values():
        assert machine.status_of(pid)["Uid"].split() == [uid] * 4


def test_only_the_sampler_has_capabilities_in_force(machine, installed):
    roles = machine.roles()
    status = {name: machine.status_of(pid) for name, pid in roles.items()}
    assert int(status["memtide-sampler"]["CapEff"], 16) == CAP_SYS_PTRACE | CAP_DAC_READ_SEARCH
    assert int(status["memtided"]["CapEff"], 16) == 0
    assert int(status["memtide-api"]["CapPrm"], 16) == 0
    assert {s["NoNewPrivs"] for s in status.values()} == {"1"}


def test_figures_of_another_user_are_read_under_the_hardening(machine, installed, other):
    def complete():
        p = machine.json("/processes/%d" % other)
        return p if p["pss_bytes"] is not None else None
    p = until(complete, 70, "a detail pass over the other user's process")
    assert p["user"] == "someone" and p["unit"] == "other.service"
    assert all(p[key] is not None for key in ("rss_bytes", "anon_bytes", "uss_bytes", "fds", "threads", "rchar_bytes"))
    rss = 4096 * int(machine.out("cut -d' ' -f2 /proc/%d/statm" % other))
    assert abs(p["rss_bytes"] - rss) <= 4096 * 16


def test_unix_socket_is_for_the_group(machine, installed):
    assert machine.out("stat -c '%a %U %G' /run/memtide/memtide.sock") == "660 root memtide"
    assert machine.out("curl -sS --unix-socket /run/memtide/memtide.sock http://localhost/healthz") == "ok"


def test_journal_has_priorities(machine, installed):
    records = machine.journal()
    ours = [r for r in records if r.get("_COMM", "").startswith("memtide")]
    assert ours and {r["PRIORITY"] for r in ours} <= set("01234567")
    assert "6" in {r["PRIORITY"] for r in ours}
    assert not [r for r in ours if re.match(r"<\d>", str(r["MESSAGE"]))]


def test_reload_takes_a_changed_interval(machine, installed):
    machine.write(CONFIG, "interval = 1s\n")
    before = machine.main_pid()
    machine.run("systemctl reload memtided")
    until(lambda: machine.json("/processes")["interval_ms"] == 1000, what="the new interval in force")
    time.sleep(1)  # of the roles that it replaces, too, none may take it along
    assert machine.main_pid() == before and machine.show("NRestarts") == "0"


def test_reload_refuses_a_wrong_configuration_and_keeps_the_old(machine, installed):
    before, since = machine.main_pid(), machine.out("date +%s.%N")
    machine.write(CONFIG, "interval = 7parsecs\n")
    machine.run("systemctl reload memtided", check=False)
    said = until(lambda: [r for r in machine.journal("--since=@" + since, "-p", "warning") if "parsecs" in r["MESSAGE"]],
                 what="the refusal in the journal")
    assert "interval" in said[0]["MESSAGE"]
    assert machine.json("/processes")["interval_ms"] == 1000
    assert machine.main_pid() == before and machine.show("ActiveState") == "active"
    machine.write(CONFIG, "interval = 1s\n")


def test_heap_of_another_user_is_looked_into_under_the_hardening(machine, installed, other):
    machine.write(CONFIG, "interval = 1s\ninspect = periodic\ninspect-interval = 1s\n")
    machine.run("systemctl reload memtided")
    path = "/processes/%d/heap" % other

    def look_taken():  # a problem has no types
        look = json.loads(machine.curl(path, check=False) or "{}")
        return look if "types" in look else None
    look = until(look_taken, 30, "a look into the heap")
    assert look["complete"] and look["missing"] == [] and look["gc"]["enabled"] is True
    assert {"function", "_frozen_importlib.ModuleSpec"} <= {t["type"] for t in look["types"]}
    assert "sys.modules" in {c["name"] for c in look["containers"]}
    machine.write(CONFIG, "interval = 1s\n")
    machine.run("systemctl reload memtided")


@pytest.mark.parametrize("role", ["memtide-sampler", "memtide-api"])
def test_killed_role_comes_back(machine, installed, role):
    engine, before = machine.main_pid(), machine.roles()[role]
    machine.run("kill -9 %d" % before)
    until(lambda: machine.roles().get(role, before) != before, what=role + " to be started again")
    wait_ok(machine)
    assert machine.main_pid() == engine


def test_killed_engine_comes_back_and_takes_its_roles_along(machine, installed):
    before = machine.roles()
    machine.run("kill -9 %d" % before["memtided"])
    restarted(machine, before["memtided"])
    assert not set(before.values()) & set(machine.roles().values())


def test_watchdog_replaces_an_engine_that_hangs(machine, installed):
    machine.write("/etc/systemd/system/memtided.service.d/test.conf", "[Service]\nWatchdogSec=3\nTimeoutAbortSec=3\n")
    machine.run("systemctl daemon-reload; systemctl restart memtided")
    wait_ok(machine)
    time.sleep(7)  # it pings: nothing happens to a healthy one
    before = machine.main_pid()
    assert machine.show("NRestarts") == "0"
    machine.run("kill -STOP %d" % before)
    restarted(machine, before)
    assert machine.show("NRestarts") == "1"
    machine.run("rm -r /etc/systemd/system/memtided.service.d; systemctl daemon-reload; systemctl restart memtided")
    wait_ok(machine)


def test_database_is_for_the_group(machine, installed):
    machine.run("useradd --system --groups memtide reader; useradd --system stranger")
    query = "sqlite3 'file:%s?mode=ro' 'SELECT count(*) > 0, max(at) FROM sample'" % DB
    first = machine.out(query, user="reader")
    assert first.startswith("1|2")
    until(lambda: machine.out(query, user="reader") > first, what="a newer sample to be read while it runs")
    denied = machine.run(query, user="stranger", check=False)
    assert denied.returncode != 0 and "unable to open" in denied.stderr
    assert machine.out("stat -c '%a %U %G' " + DB) == "640 memtide memtide"
    assert machine.out("stat -c '%a %U %G' /var/lib/memtide") == "750 memtide memtide"


def test_stop_is_quick_and_clean(machine, installed):
    began = time.monotonic()
    machine.run("systemctl stop memtided.service")
    assert time.monotonic() - began < 2.5  # of which it has 2 s
    assert (machine.show("Result"), machine.show("ExecMainStatus"), machine.show("ExecMainCode")) == ("success", "0", "1")
    assert machine.out("ls /var/lib/memtide") == "memtide.db"
    assert machine.out("sqlite3 'file:%s?mode=ro' 'SELECT count(*) > 0 FROM process'" % DB, user="reader") == "1"


def test_socket_starts_the_service(machine, installed):
    machine.run("systemctl stop memtided.service")
    assert machine.show("ActiveState", "memtided.socket") == "active"
    assert "processes" in machine.json("/processes")
    until(lambda: machine.show("ActiveState") == "active", what="the service to be ready")


def test_wrong_configuration_at_start_is_told_once(machine, installed):
    machine.run("systemctl stop memtided.service")
    machine.write(CONFIG, "interval = 7parsecs\n")
    assert machine.run("systemctl start memtided.service", check=False).returncode != 0
    assert machine.show("ExecMainStatus") == "2" and machine.show("NRestarts") == "0"
    machine.write(CONFIG, "interval = 1s\n")
    machine.run("systemctl reset-failed memtided.service memtided.socket; systemctl start memtided.socket memtided.service")
    wait_ok(machine)


@pytest.fixture
def reachable_socket(machine, installed):
    """A function that starts the service with a socket beyond loopback and this configuration; says whether it did."""
    dropin = "/etc/systemd/system/memtided.socket.d"

    def start(config):
        machine.write(CONFIG, config)
        machine.run("systemctl stop memtided.service; systemctl reset-failed memtided.service; systemctl daemon-reload;"
                    "systemctl restart memtided.socket", check=False)
        return machine.run("systemctl start memtided.service", check=False).returncode == 0

    machine.write(dropin + "/test.conf", "[Socket]\nListenStream=0.0.0.0:9734\n")
    yield start
    machine.run("rm -r " + dropin)
    assert start("interval = 1s\n")
    wait_ok(machine)


def test_socket_beyond_loopback_takes_a_token(machine, reachable_socket):
    assert not reachable_socket("interval = 1s\n")
    assert "token-file" in machine.out("journalctl -u memtided -n 20 --no-pager")
    machine.write("/etc/memtide/token", "0123456789abcdef\n")
    machine.run("chgrp memtide /etc/memtide/token; chmod 640 /etc/memtide/token")
    assert reachable_socket("interval = 1s\ntoken-file = /etc/memtide/token\n")
    asked = "curl -s -o /dev/null -w %{http_code} --max-time 5 "
    assert machine.out(asked + "localhost:9734/processes") == "401"
    assert machine.out(asked + "-H 'Authorization: Bearer 0123456789abcdef' localhost:9734/processes") == "200"
    assert machine.out(asked + "--unix-socket /run/memtide/memtide.sock localhost/processes") == "200"
    machine.run("rm /etc/memtide/token")


NARROW = """
import resource, time
with open("/proc/self/status") as f:
    size = [int(line.split()[1]) << 10 for line in f if line.startswith("VmSize")][0]
resource.setrlimit(resource.RLIMIT_AS, (size * 103 // 100, -1))
time.sleep(1e6)
"""
FAR_SIDE = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("/var/tmp/posted", "ab") as f:
            f.write(body)
        self.send_response(204)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""


@pytest.fixture(scope="class")
def narrow(machine, installed):
    """The pid of a Python that has nearly used up its memory limit; a program and a webhook are told of it."""
    machine.write("/usr/local/bin/told", "#!/bin/sh\necho told of $MEMTIDE_EVENT $MEMTIDE_KIND\ncat >>/var/lib/memtide/told\n")
    machine.write(CONFIG, "interval = 100ms\ndetail-interval = 100ms\nexec = /usr/local/bin/told\n"
                          "webhook = http://someone:hunter2@127.0.0.1:8099/hook\n")
    machine.write("/var/tmp/narrow.py", NARROW)
    machine.write("/var/tmp/far.py", FAR_SIDE)
    machine.run("chmod 755 /usr/local/bin/told; systemd-run --unit=far python3 /var/tmp/far.py; systemctl reload memtided;"
                "systemd-run --unit=narrow --uid=someone python3 /var/tmp/narrow.py")
    yield int(machine.show("MainPID", "narrow.service"))
    machine.run("systemctl stop narrow far; rm /usr/local/bin/told; rm -rf /etc/systemd/system/memtided.service.d")
    machine.write(CONFIG, "interval = 1s\n")
    machine.run("systemctl daemon-reload; systemctl restart memtided; rm /var/lib/memtide/told")
    wait_ok(machine)


class TestAlerts:
    def test_finding_is_in_the_journal_with_its_fields_and_explained(self, machine, narrow):
        with open(machine.root + machine.CLONE + "/daemon/engine/alerts_journal.h", encoding="utf-8") as f:
            message_id = re.search(r'MESSAGE_FINDING_OPENED "(\w+)"', f.read()).group(1)
        [entry] = until(lambda: machine.journal("MESSAGE_ID=" + message_id, "MEMTIDE_PID=%d" % narrow), 30, "an entry of the finding")
        assert (entry["MEMTIDE_KIND"], entry["PRIORITY"]) in (("limit", "4"), ("limit", "2"))
        assert entry["MEMTIDE_TITLE"] in entry["MESSAGE"] and entry["MEMTIDE_APP"] and entry["MEMTIDE_SEVERITY"]
        assert entry["MEMTIDE_PROCESS_ID"].startswith("%d-" % narrow) and entry["SYSLOG_IDENTIFIER"] == "memtided"
        assert machine.json("/findings/" + entry["MEMTIDE_FINDING"])["process"]["pid"] == narrow
        explained = machine.out("journalctl --no-pager -x -u memtided MESSAGE_ID=" + message_id)
        assert "memtide findings " + entry["MEMTIDE_FINDING"] in explained, explained

    def test_program_is_told_within_the_hardening(self, machine, narrow):
        until(lambda: '"pid": %d' % narrow in machine.run("cat /var/lib/memtide/told", check=False).stdout, 20, "the program to be told")
        until(lambda: [r for r in machine.journal() if r["MESSAGE"] == "exec: told of opened limit"], what="what it said in the journal")

    def test_webhook_takes_the_drop_in(self, machine, narrow):
        until(lambda: [r for r in machine.journal() if "don't reach the webhook http://127.0.0.1:8099" in r["MESSAGE"]],
              what="the failure in the journal")
        assert machine.run("cat /var/tmp/posted", check=False).stdout == ""
        machine.run("install -D -m 644 /usr/local/share/memtide/webhook.conf /etc/systemd/system/memtided.service.d/webhook.conf;"
                    "systemctl daemon-reload; systemctl restart memtided")
        until(lambda: '"pid": %d' % narrow in machine.run("cat /var/tmp/posted", check=False).stdout, 20, "the webhook to be told")
        assert not [r for r in machine.journal() if "hunter2" in r["MESSAGE"]]


def test_security_score(machine, installed):
    said = machine.out("systemd-analyze security --no-pager memtided.service")
    score = float(re.search(r"Overall exposure level for memtided.service: ([\d.]+)", said).group(1))
    assert score <= 1.5, said


def test_man_page_tells_every_option(machine, installed):
    page = machine.out("cat /usr/local/share/man/man8/memtided.8")
    for option in re.findall(r"^\s+--([a-z-]+)", machine.out("memtided --help"), re.M):
        assert option in page.replace("\\-", "-"), option


def test_installing_again_keeps_history_and_configuration(machine, installed, other):
    before = machine.main_pid()
    first = machine.json("/processes/%d" % other)["id"]
    said = machine.install()
    assert CONFIG + " stays as you edited it" in said
    assert machine.out("cat " + CONFIG) == "interval = 1s"
    assert machine.main_pid() != before and machine.show("ActiveState") == "active"
    assert machine.json("/processes/%d" % other)["id"] == first
    samples = machine.json("/processes/%d/samples?since=-2h" % other)["samples"]
    assert len(samples) > 10


def test_unknown_option_is_wrong_usage(machine, installed):
    got = machine.run("'%s/systemd/install' --frobnicate" % machine.CLONE, check=False)
    assert got.returncode == 2 and "--frobnicate" in got.stderr


def test_uninstall_leaves_the_data_and_purge_nothing(machine, installed):
    machine.install("--uninstall")
    assert machine.run("curl -s localhost:9733/healthz", check=False).returncode != 0
    left = "find / -xdev \\( -path /proc -o -path /home -o -path /var/log -o -path /var/tmp \\) -prune -o -name '*memtide*' -print"
    assert set(machine.out(left).split()) == {"/etc/memtide", CONFIG, "/var/lib/memtide", DB}
    assert machine.out("getent passwd memtide")
    machine.install("--purge")
    assert machine.out(left) == ""
    assert machine.run("getent passwd memtide; getent group memtide", check=False).stdout == ""
    assert machine.run("systemctl list-unit-files --no-legend 'memtide*'", check=False).stdout == ""
    machine.install("--purge")  # where nothing is left that is no error
