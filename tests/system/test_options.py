"""Options, the configuration file, signals: what is accepted, and how what is not is said."""
import os
import signal
import socket
import stat
import time
import urllib.parse

import pytest

import programs
from memtided import UnixConnection

BAD = [
    ("interval", "50ms", "100ms"), ("interval", "2h", "1h"), ("interval", "abc", "100ms"), ("interval", "5", None),
    ("interval", "-5s", None), ("interval", "", None), ("interval", "99999999999999999999s", "1h"), ("interval", "1.5s", None),
    ("interval", "5s ", None), ("detail-interval", "x", None), ("retention", "forever", None), ("retention", "-1d", None),
    ("max-db-size", "1MiB", "4MiB"), ("max-db-size", "5XB", None), ("max-db-size", "-2GiB", None),
    ("max-db-size", "99999999999999999999GiB", None),
    ("listen", "nonsense", None), ("listen", "127.0.0.1:99999", "65535"), ("listen", "127.0.0.1:", None), ("listen", "unix:", None),
    ("listen", "[::1", None), ("listen", "unix:/" + "x" * 200, None), ("listen", "127.0.0.1:12x", None),
    ("min-growth", "0B", "1B"), ("min-growth", "8", None), ("min-growth", "-8MiB", None),
    ("include", "(", None), ("exclude", "[z-a]", None), ("token-file", "/nonexistent/token", None),
]


def says(text, *words):
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("option, value, allowed", BAD)
def test_a_bad_value_is_refused_naming_option_value_and_what_is_allowed(run_memtided, folder, option, value, allowed):
    given = run_memtided("--db", folder + "/m.db", "--%s=%s" % (option, value))
    assert given.returncode == 2, given
    says(given.stderr, "--" + option, value.strip()[:80])
    if allowed:
        says(given.stderr, allowed)
    assert len(given.stderr.strip().splitlines()) <= 2 and not given.stdout
    path = os.path.join(folder, "conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write("# a comment\n\n%s = %s\n" % (option, value))
    in_file = run_memtided("--config", path, "--check-config")
    if value.strip() == value and value:
        assert in_file.returncode == 2, in_file
        says(in_file.stderr, option, value[:80], *([path] if option != "token-file" else []))
    assert not os.path.exists(folder + "/m.db")


@pytest.mark.parametrize("argv, words", [
    (["--nonsense"], ["--nonsense"]), (["--interval"], ["--interval"]), (["stray"], ["stray"]), (["-x"], ["-x"]),
    (["--config", "/nonexistent.conf"], ["/nonexistent.conf"]), (["--show-secrets=perhaps"], ["show-secrets"]),
    (["--inspect", "always"], ["--inspect", "always", "off, on-finding or periodic"]), (["--inspect"], ["--inspect"]),
    (["--inspect-interval=31d"], ["--inspect-interval", "31d", "100ms to 30d"]),
    (["--nonsense\x1b[31m\n"], ["--nonsense"]),
])
def test_wrong_usage_is_status_2(run_memtided, argv, words):
    got = run_memtided(*argv)
    assert got.returncode == 2, got
    says(got.stderr, *words)
    assert "\x1b" not in got.stderr


@pytest.mark.parametrize("text, words", [
    ("nonsense = 1\n", ["nonsense"]), ("[memtided]\nnonsense = 1\n", ["nonsense"]), ("[other]\ninterval = 5s\n", ["other"]),
    ("show-secrets = perhaps\n", ["show-secrets", "perhaps", "yes", "no"]), ("interval = 5s\ninterval = 1y\n", ["interval", "1y"]),
    ("interval\n", ["1"]), ("[memtided\ninterval = 5s\n", ["1"]), ("\x00\x01\x02\n", []), ("= 5s\n", []),
    ("config = /etc/x\n", ["config"]),
    ('[app "x"]\ninterval = 5s\n', [":2:", "interval", "min-growth", "mute"]), ('[app "x"]\nmute = perhaps\n', [":2:", "mute", "yes or no"]),
    ('[app "x"]\ninspect = yes\n', [":2:", "inspect", "yes", "off, on-finding or periodic"]),
    ('\n[app "x"]\nmin-growth = 8MB\n', [":3:", "min-growth", "8MB", "64MiB"]), ("[app x]\n", [":1:", "app"]),
    ('[app ""]\n', [":1:"]), ('[app "x"]\nmute = yes\nmute = no\n', [":3:", "mute"]), ('mute = yes\n', [":1:", "mute"]),
])
def test_a_wrong_configuration_is_status_2(run_memtided, folder, text, words):
    path = os.path.join(folder, "conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    got = run_memtided("--config", path, "--check-config")
    assert got.returncode == 2, got
    says(got.stderr, path, *words)
    assert not got.stdout


def test_check_config_prints_what_it_would_read_back(run_memtided, folder):
    token = os.path.join(folder, "token")
    with open(token, "w", encoding="ascii") as f:
        f.write("0123456789abcdef\n")
    os.chmod(token, 0o600)
    options = ["--interval", "250ms", "--detail-interval", "90s", "--listen", "127.0.0.1:1", "--listen", "unix:/run/x y.sock",
               "--listen", "[::1]:7", "--retention", "400d", "--max-db-size", "64MiB", "--include", r"a;b #c\s\"x", "--include", "=",
               "--exclude", "[memtided]", "--show-secrets", "--min-growth", "3GiB", "--allow-host", "a.example", "--token-file", token,
               "--inspect", "periodic", "--inspect-interval", "90s", "--db", folder + "/some place/m.db"]
    first = run_memtided("--config", "/dev/null", "--check-config", *options)
    assert first.returncode == 0, first
    path = os.path.join(folder, "conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(first.stdout)
    again = run_memtided("--check-config", "--config", path)
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    says(first.stdout, "interval = 250ms", "retention = 400d", "max-db-size = 64MiB", "show-secrets = yes", "inspect = periodic",
         "inspect-interval = 90s")
    assert not os.path.exists(folder + "/some place")


def test_sections_for_apps_are_printed_as_they_would_be_read(run_memtided, folder):
    path = os.path.join(folder, "conf")
    sections = '\n[app "gunicorn: *"]\nmin-growth = 64MiB\nmute = no\n\n[app "a \'b\' \"c\" [d]; #é"]\ninspect = off\nmute = yes\n'
    with open(path, "w", encoding="utf-8") as f:
        f.write("min-growth = 1MiB\n" + sections)
    got = run_memtided("--config", path, "--check-config", "--db", folder + "/m.db", "--min-growth", "2MiB")
    assert got.returncode == 0, got
    says(got.stdout, "min-growth = 2MiB\n")
    assert got.stdout.endswith(sections)


def test_the_command_line_wins_and_replaces_a_repeated_key(run_memtided, folder):
    path = os.path.join(folder, "conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write("[memtided]\ninterval = 7s\ninclude = one\ninclude = two\nretention = 3d\n")
    got = run_memtided("--config", path, "--check-config", "--interval", "9s", "--include", "three").stdout
    says(got, "interval = 9s", "include = three", "retention = 3d")
    assert "one" not in got and "two" not in got
    assert run_memtided("--config", path, "--check-config").stdout.count("include = ") == 2


def test_help_and_version_are_printed_to_standard_output(run_memtided):
    text = run_memtided("--help")
    assert text.returncode == 0 and not text.stderr
    for option in ("db", "interval", "detail-interval", "listen", "allow-host", "token-file", "retention", "max-db-size",
                   "include", "exclude", "show-secrets", "min-growth", "inspect", "inspect-interval", "check-config", "version", "config"):
        assert "--" + option in text.stdout
    version = run_memtided("--version")
    assert version.returncode == 0 and len(version.stdout.split()) == 2


# Listening

def test_it_does_not_listen_beyond_loopback_without_a_token(run_memtided, folder):
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80"):
        got = run_memtided("--db", folder + "/m.db", "--listen", address)
        assert got.returncode == 2, got
        says(got.stderr, address, "token")


@pytest.mark.parametrize("content, mode, word", [("short", 0o600, "16"), ("0123456789abcdef", 0o644, "others")])
def test_a_bad_token_file_is_refused(run_memtided, folder, content, mode, word):
    path = os.path.join(folder, "token")
    with open(path, "w", encoding="ascii") as f:
        f.write(content)
    os.chmod(path, mode)
    got = run_memtided("--db", folder + "/m.db", "--listen", "127.0.0.1:0", "--token-file", path)
    assert got.returncode == 2, got
    says(got.stderr, path, word)
    assert content not in got.stderr


def test_a_token_is_asked_of_every_tcp_request_but_health(daemon, folder):
    path = os.path.join(folder, "token")
    with open(path, "w", encoding="ascii") as f:
        f.write("0123456789abcdef\n")
    os.chmod(path, 0o600)
    d = daemon("--token-file", path)
    assert d.get("/processes")[0] == 401
    assert d.get("/processes", Authorization="Bearer 0123456789abcdeX")[0] == 401
    assert d.get("/processes", Authorization="Bearer 0123456789abcdef")[0] == 200
    assert d.get("/healthz")[0] == 200
    assert "0123456789abcdef" not in d.whole_log()


def test_a_unix_socket_answers_its_group_alone_and_goes_with_the_daemon(daemon, folder):
    path = os.path.join(folder, "api.sock")
    d = daemon(listen=["unix:" + path])
    assert stat.S_ISSOCK(os.stat(path).st_mode) and stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert d.json("/processes?limit=1")["interval_ms"] == 200
    d.terminate()
    assert not os.path.exists(path)


def test_a_unix_socket_left_by_a_crash_is_taken_over(daemon, folder):
    path = os.path.join(folder, "api.sock")
    d = daemon(listen=["unix:" + path])
    d.kill9()
    assert os.path.exists(path)
    d.start()
    assert d.get("/healthz")[0] == 200


def test_several_addresses_answer(daemon, folder):
    path = os.path.join(folder, "api.sock")
    d = daemon(listen=["127.0.0.1:0", "unix:" + path])
    assert d.get("/healthz")[0] == 200
    connection = UnixConnection(path, 5)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()


def test_an_address_in_use_is_named(run_memtided, folder):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = str(s.getsockname()[1])
        got = run_memtided("--db", folder + "/m.db", "--listen", "127.0.0.1:" + port)
    assert got.returncode == 1, got
    says(got.stderr, "127.0.0.1", port)


# Signals

def test_a_reload_takes_the_new_settings(daemon, python):
    left_out = python(args=("--memtide-left-out",))
    d = daemon(interval=None, config="interval = 200ms\n")
    d.find(left_out.pid)
    d.write_config("interval = 400ms\nexclude = memtide-left-out\n")
    d.proc.send_signal(signal.SIGHUP)
    d.wait_for(lambda: d.json("/processes")["interval_ms"] == 400, 5, "the new interval")
    d.wait_for(lambda: left_out.pid not in {p["pid"] for p in d.json("/processes?limit=1000")["processes"]}, 5, "the new exclude")
    d.next_tick()
    assert d.health() == "ok"
    assert d.process(d.find(python().pid)["pid"])["state"] == "running"


def test_a_bad_reload_is_refused_with_its_reason_and_the_old_stays(daemon):
    d = daemon(interval=None, config="interval = 200ms\n")
    d.write_config("interval = 3y\n")
    d.proc.send_signal(signal.SIGHUP)
    d.wait_for(lambda: "3y" in d.log(), 5, "the reason")
    says(d.log(), "interval", "3y")
    d.next_tick()
    assert d.json("/processes")["interval_ms"] == 200
    assert d.proc.poll() is None and d.health() == "ok"
    d.write_config("interval = 300ms\n")
    d.proc.send_signal(signal.SIGHUP)
    d.wait_for(lambda: d.json("/processes")["interval_ms"] == 300, 5, "a good one after a bad one")


def test_many_reloads_lose_no_tick(daemon, python):
    from test_store import no_sample_missing
    d = daemon(interval=None, config="interval = 200ms\n")
    p = python()
    d.find(p.pid)
    began = time.time()
    for _ in range(15):
        d.proc.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    d.next_tick()
    no_sample_missing(d, p.pid, began, 0.4 if programs.sanitized() else 0.2)
    d.terminate()


def test_sigint_stops_it_with_status_0(daemon):
    d = daemon()
    d.terminate(sig=signal.SIGINT)


def test_sigterm_stops_it_within_two_seconds_under_load(daemon, python, spawn):
    d = daemon("--detail-interval", "100ms", interval="100ms")
    for _ in range(15):
        python()
    where = urllib.parse.urlsplit(d.url)
    if os.path.exists("/usr/bin/wrk"):
        spawn(["wrk", "-t1", "-c8", "-d30s", d.url + "/processes?limit=1000"])
    with socket.create_connection((where.hostname, where.port)) as idle:
        idle.sendall(b"GET /processes HTTP/1.1\r\n")  # a request that never ends
        d.next_tick()
        d.terminate()


def test_sigterm_while_it_starts_stops_it(daemon):
    for pause in (0.0, 0.02, 0.05, 0.1):
        d = daemon(wait=False)
        time.sleep(pause)
        d.members()
        d.proc.send_signal(signal.SIGTERM)
        status = d.proc.wait(5)
        assert status == 0 or (status == -signal.SIGTERM and pause <= 0.02), "after %g s: %d" % (pause, status)
        d.wait_gone()
