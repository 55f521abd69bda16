"""Alerts: who is told of what was found, over HTTP and by a program; and what delivers them, memtide-alert, by itself."""
import json
import os
import re
import signal
import socket
import time

import psutil
import pytest

import programs
from memtided import until
from webhook import Webhook

BODY = {"event": "opened", "host": "here", "finding": {"id": 7, "kind": "leak", "severity": "warning", "title": "it\ngrows"}}


@pytest.fixture
def webhook():
    w = Webhook()
    yield w
    w.down()


@pytest.fixture
def deliver(folder):
    """Runs memtide-alert once, as memtided does: deliver("webhook", url) gives its status and what it said."""
    running = []

    def run(kind, target, body=None, env=None, wait=True):
        config = os.memfd_create("config")
        os.write(config, ("db = /nowhere\n%s = %s\n" % (kind, target)).encode())
        alert = os.memfd_create("alert")
        os.pwrite(alert, body if body is not None else json.dumps(BODY).encode(), 0)
        said = os.path.join(folder, "said")
        out = os.open(said, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        environment.update(env or {})
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate((config, alert, out))]
        pid = os.posix_spawn(programs.built("daemon/alert/memtide-alert"), ["memtide-alert", kind], environment,
                             file_actions=[(os.POSIX_SPAWN_DUP2, fd, 3 + i) for i, fd in enumerate(high)])
        for fd in (config, alert, out, *high):
            os.close(fd)
        running.append(pid)
        if not wait:
            return pid
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        running.remove(pid)
        with open(said, encoding="utf-8", errors="replace") as f:
            return status, f.read()

    yield run
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def script(folder, text, name="told"):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


# memtide-alert webhook

def test_it_posts_the_json(webhook, deliver):
    webhook.up()
    assert deliver("webhook", webhook.url) == (0, "")
    [r] = webhook.received
    assert (r["path"], json.loads(r["body"])) == ("/hook", BODY)
    assert r["headers"]["content-type"] == "application/json"
    assert re.fullmatch(r"memtide/\d+\.\d+\.\d+", r["headers"]["user-agent"])


def test_user_info_is_sent_and_never_said(webhook, deliver):
    webhook.answer = lambda r: (503, {}, b"")
    webhook.up()
    url = webhook.url.replace("http://", "http://someone:hunter2@") + "?key=topsecret"
    status, said = deliver("webhook", url)
    assert webhook.received[0]["headers"]["authorization"].startswith("Basic ")
    assert (status, said) == (1, "it answered 503\n")
    webhook.down()
    status, said = deliver("webhook", url)
    assert status == 1 and said.startswith("no answer: ") and len(said.splitlines()) == 1
    assert "hunter2" not in said and "topsecret" not in said and "someone" not in said


@pytest.mark.parametrize("answer, status", [
    (200, 0), (204, 0), (299, 0), (500, 1), (503, 1), (408, 1), (425, 1), (429, 1), (400, 3), (401, 3), (404, 3), (410, 3),
])
def test_the_answer_says_whether_to_try_again(webhook, deliver, answer, status):
    webhook.answer = lambda r: (answer, {}, b"")
    webhook.up()
    got, said = deliver("webhook", webhook.url)
    assert got == status
    assert said == ("" if status == 0 else "it answered %d\n" % answer)


def test_redirects_are_not_followed(webhook, deliver):
    webhook.answer = lambda r: (302, {"Location": "/elsewhere"}, b"")
    webhook.up()
    status, said = deliver("webhook", webhook.url)
    assert status == 1 and "302" in said and "redirect" in said
    assert [r["path"] for r in webhook.received] == ["/hook"]


def test_an_answer_without_end_is_cut_off(webhook, deliver):
    def flood(request):
        out = request["handler"].wfile
        out.write(b"HTTP/1.0 200 OK\r\n\r\n")
        try:
            while not webhook.stopping.is_set():
                out.write(b"x" * 65536)
        except OSError:
            return None
    webhook.answer = flood
    webhook.up()
    began = time.monotonic()
    assert deliver("webhook", webhook.url) == (0, "")
    assert time.monotonic() - began < 5


@pytest.mark.slow
def test_a_far_side_that_hangs_has_ten_seconds(webhook, deliver):
    webhook.answer = lambda r: webhook.stopping.wait(60) and None
    webhook.up()
    began = time.monotonic()
    status, said = deliver("webhook", webhook.url)
    assert status == 1 and said.startswith("no answer: ")
    assert 9 < time.monotonic() - began < 12


def test_a_proxy_is_taken_from_the_environment(webhook, deliver):
    webhook.up()
    assert deliver("webhook", "http://far.example/x", env={"http_proxy": "http://127.0.0.1:%d" % webhook.port}) == (0, "")
    assert webhook.received[0]["path"] == "http://far.example/x"


def test_a_certificate_that_nobody_signed_is_not_trusted(deliver, folder):
    import ssl
    import subprocess
    import threading
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                           "-addext", "subjectAltName=DNS:localhost", "-keyout", folder + "/key", "-out", folder + "/cert"],
                          capture_output=True, check=False)
    if made.returncode:
        pytest.skip("openssl can't make a certificate here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/cert", folder + "/key")
    got = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def serve():
            try:
                with context.wrap_socket(listening.accept()[0], server_side=True) as s:
                    got.append(s.recv(100))
            except (OSError, ssl.SSLError):
                pass
        t = threading.Thread(target=serve, daemon=True)
        t.start()
        status, said = deliver("webhook", "https://localhost:%d/" % listening.getsockname()[1])
        t.join(5)
    assert status == 1 and "certificate" in said, said
    assert not got, "it sent something all the same"


def test_it_has_no_rights_while_it_waits(webhook, deliver, root):
    webhook.answer = lambda r: webhook.stopping.wait(30) and None
    webhook.up()
    pid = deliver("webhook", webhook.url, wait=False)
    until(lambda: webhook.received, 5, "a request")
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert {int(status[c], 16) for c in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1" and "0" not in status["Uid"].split() + status["Gid"].split()
    open_now = {os.readlink("/proc/%d/fd/%s" % (pid, fd)).split(":")[0] for fd in os.listdir("/proc/%d/fd" % pid)
                if int(fd) > 2}
    assert not [o for o in open_now if o.startswith("/memfd")], "the settings are still open"
    assert os.getsid(pid) == pid


# memtide-alert exec

def test_the_program_gets_the_json_and_a_small_environment(deliver, folder):
    program = script(folder, "cat >%s/in\nenv | sort >%s/env\necho $# >%s/args\nls -l /proc/$$/fd | wc -l >%s/fds\n"
                     "grep -E '^(Cap|NoNew)' /proc/self/status >%s/rights\necho told\n" % ((folder,) * 5))
    assert deliver("exec", program, env={"SECRET": "x", "LANG": "de_DE.UTF-8"}) == (0, "told\n")
    assert json.loads(read(folder + "/in")) == BODY and read(folder + "/args") == "0\n"
    env = dict(line.split("=", 1) for line in read(folder + "/env").splitlines())
    env.pop("_", None), env.pop("PWD", None), env.pop("SHLVL", None), env.pop("OLDPWD", None)  # the shell's own
    assert env.pop("PATH") and env == {"LANG": "de_DE.UTF-8", "MEMTIDE_EVENT": "opened", "MEMTIDE_FINDING": "7",
                                       "MEMTIDE_KIND": "leak", "MEMTIDE_SEVERITY": "warning"}
    rights = dict(line.split(":\t") for line in read(folder + "/rights").splitlines())
    assert int(rights["CapPrm"], 16) == int(rights["CapEff"], 16) == 0 and rights["NoNewPrivs"] == "1"
    if os.geteuid() == 0:
        assert int(rights["CapBnd"], 16) == 0


def test_the_status_of_the_program_is_passed_on(deliver, folder):
    assert deliver("exec", script(folder, "echo why >&2\nexit 9\n")) == (9, "why\n")
    status, said = deliver("exec", os.path.join(folder, "absent"))
    assert status == 1 and "absent" in said and "No such file" in said
    with open(folder + "/nothing", "w", encoding="ascii") as f:
        f.write("no program\n")
    os.chmod(folder + "/nothing", 0o755)
    status, said = deliver("exec", folder + "/nothing")
    assert status == 1 and "Exec format" in said


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\x00", b'{"finding": 1}'])
def test_a_damaged_alert_runs_nothing(deliver, folder, body):
    status, said = deliver("exec", script(folder, "touch %s/ran\n" % folder), body=body)
    assert status == 1 and "damaged" in said
    assert not os.path.exists(folder + "/ran")


# Configuration

@pytest.mark.parametrize("option, value, word", [
    ("webhook", "ftp://example.org/", "http"), ("webhook", "http://", "host"), ("webhook", "example.org", "http"),
    ("webhook", "http://a:99999/", "65535"), ("exec", "/nonexistent/program", "No such file"), ("exec", "/etc", "directory"),
    ("exec", "/etc/passwd", "Permission denied"),
])
def test_a_target_that_can_not_be_is_refused(run_memtided, folder, option, value, word):
    for place in ("line", "file"):
        path = os.path.join(folder, "conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write("%s = %s\n" % (option, value) if place == "file" else "")
        got = run_memtided("--db", folder + "/m.db", "--config", path, *(["--" + option, value] if place == "line" else []))
        assert got.returncode == 2, got
        assert ("--" + option if place == "line" else path) in got.stderr and option in got.stderr
        assert value in got.stderr and word in got.stderr and "allowed" in got.stderr
        assert len(got.stderr.splitlines()) == 1
    assert not os.path.exists(folder + "/m.db")


def test_a_refused_url_is_quoted_without_its_user(run_memtided):
    got = run_memtided("--config", "/dev/null", "--webhook", "ftp://someone:hunter2@example.org/x")
    assert got.returncode == 2 and "example.org" in got.stderr
    assert "hunter2" not in got.stderr and "someone" not in got.stderr


def test_targets_are_settings_in_force(run_memtided, folder):
    program = script(folder, "")
    got = run_memtided("--config", "/dev/null", "--check-config", "--db", "/x", "--webhook", "https://u:p@h/x?y#z", "--exec", program)
    assert got.returncode == 0, got.stderr
    assert "webhook = https://u:p@h/x?y#z\n" in got.stdout and "exec = %s\n" % program in got.stdout


def test_the_catalogue_explains_every_event(folder):
    with open(os.path.join(programs.ROOT, "daemon/engine/alerts_journal.h"), encoding="utf-8") as f:
        ids = set(re.findall(r'#define MESSAGE_\w+ "([0-9a-f]{32})"', f.read()))
    with open(os.path.join(programs.ROOT, "systemd/memtide.catalog"), encoding="utf-8") as f:
        explained = re.findall(r"^-- ([0-9a-f]{32})$", f.read(), re.MULTILINE)
    assert len(ids) == 3 and sorted(explained) == sorted(ids)


# The daemon as a whole
#
# A finding on demand: of a process that has nearly used up its limit one is opened within a few ticks, and closed when it ends.

NARROW = """
import resource
with open("/proc/self/status") as f:
    size = [int(line.split()[1]) << 10 for line in f if line.startswith("VmSize")][0]
resource.setrlimit(resource.RLIMIT_AS, (size * 103 // 100, -1))
"""


@pytest.fixture
def quick(daemon, folder):
    """A factory of daemons that watch this test's processes alone: who else leaks on the machine is not told of."""
    def make(*options, **kw):
        return daemon("--detail-interval", "100ms", "--exclude", "^(?!.*%s/)" % re.escape(folder), *options, interval="100ms", **kw)
    return make


def found(d, pid, state="open", timeout=15):
    """The finding on a process, once it is there."""
    def asked():
        for f in d.json("/findings?state=" + state)["findings"]:
            if f["process"] and f["process"]["pid"] == pid:
                return f
        return None
    return d.wait_for(asked, timeout, "a finding on %d; the log:\n%s" % (pid, d.log()))


def told(webhook, n, timeout=15):
    until(lambda: len(webhook.received) >= n, timeout, "%d alerts; there are %s" % (n, [a["event"] for a in webhook.alerts]))
    return webhook.alerts


def of(alerts):
    return [(a["event"], a["finding"]["process"]["pid"]) for a in alerts]


def test_a_finding_is_told_when_it_opens_and_closes(quick, python, webhook):
    d = quick("--webhook", webhook.up().url)
    p = python(NARROW, name="narrow.py")
    finding = found(d, p.pid)
    first = told(webhook, 1)[0]
    assert (first["event"], first["host"]) == ("opened", socket.gethostname())
    assert first["finding"]["state"] == "open"
    p.kill()
    found(d, p.pid, "closed")
    second = told(webhook, 2)[1]
    assert second["event"] == "closed"
    assert second["finding"] == d.json("/findings/%d" % finding["id"])
    assert {k: second["finding"][k] for k in ("id", "kind", "process", "app", "opened_at")} == \
           {k: finding[k] for k in ("id", "kind", "process", "app", "opened_at")}
    d.next_tick()
    d.next_tick()
    assert len(webhook.received) == 2, "told more than once"
    said = d.log()
    assert "finding %d opened: " % finding["id"] in said and "finding %d closed: " % finding["id"] in said


def test_what_a_webhook_misses_comes_later_and_in_order(quick, python, webhook):
    d = quick(config="webhook = %s\n" % webhook.url.replace("//", "//someone:hunter2@"))
    one = python(NARROW, name="one.py")
    found(d, one.pid)
    two = python(NARROW, name="two.py")
    found(d, two.pid)
    one.kill()
    found(d, one.pid, "closed")
    d.wait_for(lambda: "alerts don't reach the webhook http://127.0.0.1" in d.log(), 5)
    webhook.up()
    assert of(told(webhook, 3, 30)) == [("opened", one.pid), ("opened", two.pid), ("closed", one.pid)]
    d.wait_for(lambda: "alerts reach the webhook" in d.log(), 5)
    assert d.log().count("don't reach") == 1, "each failure was logged"
    assert "hunter2" not in d.whole_log()


def test_a_webhook_that_fails_is_asked_again_and_one_that_refuses_is_not(quick, python, webhook):
    answers = [500, 429, 204, 400]
    webhook.answer = lambda r: (answers.pop(0) if answers else 204, {}, b"")
    d = quick("--webhook", webhook.up().url)
    one = python(NARROW, name="one.py")
    assert of(told(webhook, 3)) == [("opened", one.pid)] * 3
    assert webhook.received[1]["at"] - webhook.received[0]["at"] > 0.9
    assert webhook.received[2]["at"] - webhook.received[1]["at"] > 1.9
    two = python(NARROW, name="two.py")
    found(d, two.pid)
    one.kill()
    assert of(told(webhook, 5)[3:]) == [("opened", two.pid), ("closed", one.pid)]
    d.wait_for(lambda: "refused an alert, which is given up: it answered 400" in d.log(), 5)


@pytest.mark.slow
def test_a_webhook_that_hangs_holds_nobody_up(quick, python, webhook):
    webhook.answer = lambda r: webhook.stopping.wait(60) and None
    d = quick("--webhook", webhook.up().url)
    p = python(NARROW)
    told(webhook, 1)
    late = d.metrics()["memtide_ticks_late_total"]
    helper = d.wait_for(lambda: d.role("alert"), 5)
    began = time.monotonic()
    while helper.is_running() and helper.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() - began < 13, "it was not ended"
        assert d.health() == "ok"
        time.sleep(0.2)
    assert time.monotonic() - began > 8
    assert d.metrics()["memtide_ticks_late_total"] - late <= 2
    d.wait_for(lambda: "don't reach the webhook" in d.log(), 5)
    assert d.process(p.pid)
    told(webhook, 2)  # it hangs again: stopping is no slower for that
    d.terminate()


def test_what_was_not_delivered_outlives_a_kill(quick, python, webhook):
    d = quick("--webhook", webhook.url)
    one = python(NARROW, name="one.py")
    finding = found(d, one.pid)
    d.wait_for(lambda: "don't reach" in d.log(), 5)
    d.kill9()
    webhook.up()
    d.start()
    alerts = told(webhook, 1, 20)
    assert of(alerts) == [("opened", one.pid)] and alerts[0]["finding"]["id"] == finding["id"]
    d.restart()
    d.next_tick()
    d.next_tick()
    one.kill()
    assert of(told(webhook, 2)) == [("opened", one.pid), ("closed", one.pid)]


def test_a_program_is_told_as_well(quick, python, webhook, folder):
    os.chmod(folder, 0o777)
    program = script(folder, "echo heard $MEMTIDE_EVENT $MEMTIDE_KIND\ncat >>%s/heard\n" % folder)
    d = quick("--exec", program, "--webhook", webhook.url)  # which is down: that is no concern of the program's
    p = python(NARROW)
    finding = found(d, p.pid)
    until(lambda: read(folder + "/heard").endswith("\n"), 10, "the program to be told")
    [alert] = [json.loads(line) for line in read(folder + "/heard").splitlines()]
    assert (alert["event"], alert["finding"]["id"]) == ("opened", finding["id"])
    d.wait_for(lambda: "exec: heard opened limit" in d.log(), 5)


def test_targets_change_with_a_reload(quick, python, webhook, folder):
    d = quick(config="")
    one = python(NARROW, name="one.py")
    found(d, one.pid)
    d.write_config("webhook = %s\n" % webhook.up().url)
    d.proc.send_signal(signal.SIGHUP)
    d.wait_for(lambda: "configuration reloaded" in d.log(), 5)
    one.kill()
    assert of(told(webhook, 1)) == [("closed", one.pid)]
    d.write_config("exec = /nonexistent\n")
    d.proc.send_signal(signal.SIGHUP)
    d.wait_for(lambda: "the configuration stays as it was" in d.log() and "/nonexistent" in d.log(), 5)
    two = python(NARROW, name="two.py")
    assert of(told(webhook, 2)[1:]) == [("opened", two.pid)]


@pytest.mark.slow
def test_a_real_leak_is_told(quick, python, webhook):
    d = quick("--min-growth", "1MiB", "--webhook", webhook.up().url)
    p = python("import threading, time\nkept = []\ndef leak():\n    while True:\n        kept.append(b'x' * (256 << 10))\n"
               "        time.sleep(0.1)\nthreading.Thread(target=leak, daemon=True).start()\n", name="leaks.py")
    d.wait_for(lambda: [a for a in webhook.alerts if a["finding"]["kind"] == "leak"], 200)
    alert = [a for a in webhook.alerts if a["finding"]["kind"] == "leak"][0]
    assert alert["event"] == "opened" and alert["finding"]["process"]["pid"] == p.pid
    assert alert["finding"]["title"] and alert["finding"]["evidence"]
