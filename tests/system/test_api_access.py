"""Who may ask: the Host must be ours, and the token right where one is set."""
import json
import os

import pytest

TOKEN = "0123456789abcdefghij-._~+/=="


@pytest.mark.parametrize("host", ["localhost", "LocalHost:9733", "localhost.", "sub.localhost", "127.0.0.1", "127.8.9.1:80",
                                  "10.1.2.3:9733", "[::1]", "[2001:db8::1]:9733", "memory.example", "MEMORY.example:8080"])
def test_our_names_are_served(daemon, host):
    assert daemon("--allow-host", "memory.example").get("/processes", Host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "memory.example.evil.example",
                                  "other.memory.example", "[::1", "localhost:port", "2130706433"])
def test_foreign_names_are_421(daemon, host):
    d = daemon("--allow-host", "memory.example")
    for path in ("/processes", "/healthz", "/metrics", "/nowhere"):
        status, headers, body = d.get(path, Host=host)
        assert status == 421 and headers["content-type"] == "application/problem+json"
        problem = json.loads(body)
        assert problem["status"] == 421 and host.split(":")[0] in problem["detail"] and problem["allowed"]


def test_host_comes_before_the_token_and_the_token_before_the_rest(daemon, folder):
    d = daemon(*token_option(folder))
    assert d.get("/processes", Host="evil.example")[0] == 421
    assert d.get("/nowhere")[0] == 401
    assert d.request("/processes", method="POST")[0] == 401
    assert d.get("/nowhere?x=1", Authorization="Bearer " + TOKEN)[0] == 404
    assert d.request("/processes?x=1", method="POST", Authorization="Bearer " + TOKEN)[0] == 405
    assert d.get("/processes?x=1", Authorization="Bearer " + TOKEN)[0] == 400


def token_option(folder):
    path = os.path.join(folder, "token")
    with open(path, "w", encoding="ascii") as f:
        f.write(TOKEN + "\n")
    os.chmod(path, 0o600)
    return "--token-file", path


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer ", "Bearer x", "Bearer " + TOKEN[:-1], "Bearer " + TOKEN + "x",
                                  "Basic " + TOKEN, TOKEN, "Bearer  " + TOKEN.upper(), "Bearer " + TOKEN + ", Bearer x"])
def test_a_wrong_token_is_401(daemon, folder, sent):
    d = daemon(*token_option(folder))
    for path in ("/processes", "/metrics", "/apps"):
        status, headers, body = d.get(path, **({} if sent is None else {"Authorization": sent}))
        assert status == 401 and headers["www-authenticate"].startswith("Bearer")
        assert headers["content-type"] == "application/problem+json" and TOKEN not in body.decode()
    assert d.get("/healthz")[2] == b"ok\n"


def test_the_right_token_is_served(daemon, folder):
    d = daemon(*token_option(folder))
    for scheme in ("Bearer ", "bearer ", "BEARER  "):
        assert d.get("/processes", Authorization=scheme + TOKEN)[0] == 200


def test_a_unix_socket_needs_no_token(daemon, folder):
    d = daemon(*token_option(folder), listen=("unix:" + os.path.join(folder, "s"),))
    assert d.unix and d.get("/processes")[0] == 200
    assert d.get("/processes", Host="evil.example")[0] == 421
