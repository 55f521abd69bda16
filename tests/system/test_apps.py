"""Real servers: what they run is named, and a master and its workers, past and present, are one app."""
import os
import signal
import socket
import urllib.request

import psutil
import pytest

import programs
from memtided import until

SHOP = '''
from flask import Flask
app = Flask(__name__)
kept = []
@app.get("/")
def front():
    kept.append(bytearray(1 << 20))
    return "shop"
'''
PROJ = '''
from celery import Celery
app = Celery("proj", broker="filesystem://", broker_transport_options={
    "data_folder_in": "broker", "data_folder_out": "broker", "control_folder": "broker"})
@app.task
def add(x, y):
    return x + y
'''


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def needs(module):
    pytest.importorskip(module, reason="Debian's python3-%s is not installed" % module)


@pytest.fixture
def shop(folder):
    """A folder with a Flask application in shop.py."""
    path = os.path.join(folder, "work")
    os.mkdir(path)
    with open(os.path.join(path, "shop.py"), "w", encoding="utf-8") as f:
        f.write(SHOP)
    return path


def answering(port):
    def asked():
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=2) as r:
                return r.read() == b"shop"
        except OSError:
            return False
    until(asked, 20, "the shop to answer")


def everything_below(pid):
    return [pid] + [p.pid for p in psutil.Process(pid).children(recursive=True)]


def one_app(d, pids):
    """The app that all of the pids belong to."""
    def same():
        known = [d.process(pid) for pid in pids]
        if not all(known):
            return None
        apps = {p["app"]["id"] for p in known}
        return known[0]["app"] if len(apps) == 1 else None
    return d.wait_for(same, 6, "one app of %s" % pids)


def gunicorn(spawn, folder, port):
    p = spawn(["/usr/bin/gunicorn", "-w", "2", "-b", "127.0.0.1:%d" % port, "shop:app"], cwd=folder)
    answering(port)
    until(lambda: len(everything_below(p.pid)) == 3, 10, "two workers")
    return p


def test_flask_under_gunicorn_is_one_app_and_a_new_worker_stays_in_it(daemon, spawn, shop):
    needs("gunicorn")
    d = daemon()
    port = free_port()
    p = gunicorn(spawn, shop, port)
    master, first, second = everything_below(p.pid)
    app = one_app(d, [master, first, second])
    assert app["name"] == "gunicorn: shop"
    said = d.process(first)
    assert said["framework"] == "gunicorn", "what serves names it, though the application is Flask's"
    os.kill(first, signal.SIGTERM)
    until(lambda: first not in everything_below(p.pid) and len(everything_below(p.pid)) == 3, 10, "a new worker")
    third = (set(everything_below(p.pid)) - {master, second}).pop()
    assert one_app(d, [master, second, third]) == app
    d.find(first, state="exited")
    whole = d.json("/apps/" + app["id"])
    assert whole["processes"] == 3
    members = {int(m.split("-")[0]) for m in whole["members"]}
    assert {master, second, third} <= members
    listed = d.json("/processes?state=all&app=" + app["id"])["processes"]
    assert {x["pid"] for x in listed} == {master, first, second, third}
    assert [a for a in d.json("/apps")["apps"] if a["id"] == app["id"]][0]["name"] == "gunicorn: shop"


def test_an_apps_sums_are_those_of_its_processes(daemon, spawn, shop):
    needs("gunicorn")
    d = daemon("--detail-interval", "1s")
    p = gunicorn(spawn, shop, free_port())
    pids = everything_below(p.pid)
    app = one_app(d, pids)
    d.next_tick()
    d.next_tick()

    def sums():
        whole = d.json("/apps/" + app["id"])
        full = [psutil.Process(x).memory_full_info() for x in pids]
        return (whole["rss_bytes"] == sum(f.rss for f in full) and whole["pss_bytes"] == pytest.approx(sum(f.pss for f in full), rel=0.02)
                and whole["uss_bytes"] == pytest.approx(sum(f.uss for f in full), rel=0.02))
    d.wait_for(sums, 10, "the sums of RSS, PSS and USS")


def test_an_apps_id_survives_its_restart_and_the_daemons(daemon, spawn, shop):
    needs("gunicorn")
    d = daemon()
    p = gunicorn(spawn, shop, free_port())
    before = one_app(d, everything_below(p.pid))
    os.killpg(p.pid, signal.SIGTERM)
    p.wait()
    d.restart()
    again = gunicorn(spawn, shop, free_port())
    assert one_app(d, everything_below(again.pid)) == before


def test_flask_run_is_named_for_its_application(daemon, spawn, shop):
    needs("flask")
    d = daemon()
    port = free_port()
    p = spawn([programs.PYTHON, "-m", "flask", "--app", "shop", "run", "--port", port], cwd=shop)
    answering(port)
    said = d.find(p.pid)
    assert (said["framework"], said["app"]["name"]) == ("flask", "flask: shop")


def test_uwsgi_with_the_python_plugin_is_found_by_its_maps(daemon, spawn, shop):
    if not os.path.exists("/usr/lib/uwsgi/plugins/python3_plugin.so"):
        pytest.skip("Debian's uwsgi-plugin-python3 is not installed")
    d = daemon()
    port = free_port()
    p = spawn(["/usr/bin/uwsgi", "--plugin", "python3", "--http-socket", "127.0.0.1:%d" % port, "--master", "--processes", "2",
               "--wsgi-file", "shop.py", "--callable", "app", "--die-on-term"], cwd=shop)
    answering(port)
    pids = until(lambda: len(everything_below(p.pid)) == 3 and everything_below(p.pid), 10, "two workers")
    app = one_app(d, pids)
    said = d.process(pids[1])
    assert (said["framework"], said["python"]) == ("uwsgi", "3.11")
    assert app["name"] == "uwsgi: shop"
    assert said["rss_bytes"] > 1 << 20


def test_a_celery_worker_and_its_children_are_one_app(daemon, spawn, folder):
    needs("celery")
    with open(os.path.join(folder, "proj.py"), "w", encoding="utf-8") as f:
        f.write(PROJ)
    os.mkdir(os.path.join(folder, "broker"))
    d = daemon()
    p = spawn([programs.PYTHON, "-m", "celery", "-A", "proj", "worker", "--pool", "prefork", "-c", "2"], cwd=folder)
    pids = until(lambda: len(everything_below(p.pid)) == 3 and everything_below(p.pid), 30, "two pool processes")
    app = one_app(d, pids)
    assert app["name"] == "celery: proj"
    assert d.process(pids[2])["framework"] == "celery"


def test_scripts_and_modules_name_their_app(daemon, spawn, python):
    d = daemon()
    script = python(name="report.py")
    module = spawn([programs.PYTHON, "-m", "http.server", free_port()])
    code = spawn([programs.PYTHON, "-c", "import time; time.sleep(600)"])
    assert "report.py" in d.find(script.pid)["app"]["name"]
    assert d.find(module.pid)["app"]["name"].startswith("http.server")
    assert d.find(code.pid)["app"]["name"]


def test_one_script_in_two_folders_is_two_apps(daemon, python, folder):
    d = daemon()
    one, other = python(name="serve.py"), python(name="serve.py")
    a, b = d.find(one.pid)["app"], d.find(other.pid)["app"]
    assert a["id"] != b["id"] and a["name"] != b["name"]
