/* What a command line runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proc/framework.h"

enum { ARGS_MAX = 12 };

struct example {
        const char *args[ARGS_MAX];
        const char *framework, *application;
        bool relative;
};

static const struct surroundings in_shop = { .name = "python3", .folder = "/srv/shop" };

static void assert_found(const struct example *e, const struct surroundings *around)
{
        struct program found;
        size_t n = 0;

        while (n < ARGS_MAX && e->args[n])
                n++;
        assert_int_equal(program_find((char *const *)e->args, n, around, &found), 0);
        if (e->framework)
                assert_string_equal(found.framework ? found.framework : "(none)", e->framework);
        else
                assert_null(found.framework);
        assert_string_equal(found.application, e->application);
        assert_int_equal(found.relative, e->relative);
        program_done(&found);
}

static void servers_name_what_they_serve(void **state)
{
        static const struct example examples[] = {
                { { "python3", "-m", "flask", "--app", "shop", "run" }, "flask", "shop" },
                { { "/usr/bin/python3", "/usr/bin/flask", "--app=shop.web:create_app('x')", "run", "-p", "80" },
                  "flask", "shop.web" },
                { { "/usr/bin/python3", "/usr/bin/flask", "-A", "src/shop.py", "run" }, "flask", "shop", true },
                { { "/srv/v/bin/python", "/srv/v/bin/flask", "-Aapp:app", "run" }, "flask", "app", true },
                { { "python3", "-m", "flask", "run" }, "flask", "shop", true },
                { { "/usr/bin/python3", "/usr/bin/gunicorn", "-w", "4", "shop:app" }, "gunicorn", "shop" },
                { { "/usr/bin/python3", "/usr/bin/gunicorn", "-c", "x.py", "shop.wsgi:application" }, "gunicorn",
                  "shop" },
                { { "/usr/bin/python3", "/usr/bin/gunicorn", "shop.wsgi", "-b", "localhost:http", "-w4" }, "gunicorn",
                  "shop" },
                { { "/usr/bin/python3", "/usr/bin/gunicorn", "--reload", "shop:create_app()" }, "gunicorn", "shop" },
                { { "/usr/bin/python3", "/usr/bin/gunicorn", "--some-new-flag", "shop:app" }, "gunicorn", "shop" },
                { { "/usr/bin/python3", "/usr/bin/gunicorn", "-k", "uvicorn.workers.UvicornWorker", "shop.asgi:app" },
                  "gunicorn", "shop" },
                { { "/usr/bin/python3", "/usr/bin/gunicorn", "--bind", "unix:sock", "shop:app" }, "gunicorn", "shop" },
                { { "/usr/bin/python3", "/usr/bin/gunicorn", "-c", "conf.py" }, "gunicorn", "shop", true },
                { { "python3", "-m", "gunicorn", "app:app" }, "gunicorn", "app", true },
                { { "python3", "-m", "gunicorn.app.wsgiapp", "shop:app" }, "gunicorn", "shop" },
                { { "gunicorn: master [shop:app]" }, "gunicorn", "shop" },
                { { "gunicorn: worker [shop.wsgi:application]", "", "" }, "gunicorn", "shop" },
                { { "uwsgi", "--http", ":8000", "--module", "shop.wsgi:application" }, "uwsgi", "shop" },
                { { "/usr/bin/uwsgi", "--http-socket", ":80", "--wsgi-file", "/srv/shop/wsgi.py" }, "uwsgi", "shop" },
                { { "/usr/bin/uwsgi-core", "-w", "orders" }, "uwsgi", "orders" },
                { { "uwsgi", "--ini", "/etc/uwsgi/apps-enabled/shop.ini" }, "uwsgi", "shop" },
                { { "uwsgi", "/srv/orders/uwsgi.ini" }, "uwsgi", "orders" },
                { { "uwsgi", "--ini=orders.ini:prod" }, "uwsgi", "orders", true },
                { { "uwsgi", "--mount", "/=orders.py" }, "uwsgi", "orders", true },
                { { "/usr/bin/python3", "/usr/bin/celery", "-A", "proj", "worker" }, "celery", "proj" },
                { { "python", "-m", "celery", "--app=proj.celery:app", "worker" }, "celery", "proj" },
                { { "[celeryd: celery@host:MainProcess] -active- (-A proj worker -l info)" }, "celery", "proj" },
                { { "[celeryd: celery@host:ForkPoolWorker-1]" }, "celery", "shop", true },
                { { "/usr/bin/python3", "/usr/bin/uvicorn", "shop.main:app", "--reload", "--host", "0.0.0.0" },
                  "uvicorn", "shop" },
                { { "python3", "-m", "uvicorn", "--factory", "shop:make" }, "uvicorn", "shop" },
                { { "/usr/bin/python3", "/usr/bin/hypercorn", "-b", "h:80", "shop:app" }, "hypercorn", "shop" },
                { { "/usr/bin/python3", "/usr/bin/daphne", "-b", "0.0.0.0", "-p", "8001", "shop.asgi:application" },
                  "daphne", "shop" },
                { { "/usr/bin/python3", "/usr/bin/waitress-serve", "--listen=*:8080", "--call", "shop:create_app" },
                  "waitress", "shop" },
                { { "/usr/bin/python3", "/usr/bin/granian", "--interface", "asgi", "shop:app" }, "granian", "shop" },
                { { "/usr/bin/python3", "/usr/bin/rq", "worker", "high" }, "rq", "shop", true },
                { { "/usr/bin/python3", "/usr/bin/dramatiq", "-p", "2", "shop.tasks" }, "dramatiq", "shop" },
                { { "/usr/bin/python3", "/usr/bin/huey_consumer.py", "shop.app.huey", "-w", "2" }, "huey", "shop" },
                { { "/usr/bin/python3", "/usr/bin/airflow", "scheduler" }, "airflow", "scheduler" },
                { { "airflow scheduler -- DagFileProcessorManager" }, "airflow", "scheduler" },
                { { "/usr/bin/python3", "/usr/bin/jupyter-lab", "--no-browser" }, "jupyter", "lab", true },
                { { "/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "/x.json" }, "jupyter", "kernel", true },
                { { "/usr/bin/python3", "/usr/bin/streamlit", "run", "dash.py" }, "streamlit", "dash.py", true },
        };

        (void)state;
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                assert_found(&examples[i], &in_shop);
}

static void django_is_its_project(void **state)
{
        static const struct surroundings nowhere = {};
        static const struct example examples[] = {
                { { "python3", "manage.py", "runserver" }, "django", "shop", true },
                { { "python3", "./manage.py", "migrate" }, "django", "shop", true },
                { { "python3", "/opt/orders/manage.py", "runserver", "0:80" }, "django", "orders" },
                { { "python3", "/opt/orders/src/manage.py", "runserver" }, "django", "orders" },
                { { "python3", "-m", "django", "runserver", "--settings=orders.settings" }, "django", "orders" },
                { { "/usr/bin/python3", "/usr/bin/django-admin", "runserver" }, "django", "shop", true },
        };
        static const struct example unknown = { { "python3", "manage.py", "runserver" }, "django", "manage", true };

        (void)state;
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                assert_found(&examples[i], &in_shop);
        assert_found(&unknown, &nowhere);
}

static void a_unit_names_what_the_arguments_do_not(void **state)
{
        static const struct surroundings in_unit = { .unit = "orders.service", .folder = "/" };
        static const struct surroundings in_session = { .unit = "user@1000.service", .folder = "/home/u/till" };
        static const struct example flask = { { "python3", "-m", "flask", "run" }, "flask", "orders" };
        static const struct example till = { { "python3", "-m", "flask", "run" }, "flask", "till", true };

        (void)state;
        assert_found(&flask, &in_unit);
        assert_found(&till, &in_session);
}

static void plain_programs_are_their_script_or_module(void **state)
{
        static const struct example examples[] = {
                { { "python3", "/srv/report.py", "--flask" }, NULL, "/srv/report.py" },
                { { "python3", "report.py" }, NULL, "report.py", true },
                { { "python3", "-u", "-W", "ignore", "-X", "dev", "report.py" }, NULL, "report.py", true },
                { { "python3", "-um", "http.server", "80" }, NULL, "http.server" },
                { { "python3", "-mhttp.server" }, NULL, "http.server" },
                { { "python3", "-c", "import flask" }, NULL, "python -c" },
                { { "python3", "-Ec", "1" }, NULL, "python -c" },
                { { "python3" }, NULL, "python" },
                { { "python3", "-i" }, NULL, "python" },
                { { "python3", "-" }, NULL, "python" },
                { { "python3", "-c" }, NULL, "python" },
                { { "python3", "celery.py" }, NULL, "celery.py", true },
                { { NULL }, NULL, "python3" },
                { { "" }, NULL, "python3" },
                { { "worker 3 [idle]" }, NULL, "python3" },
                { { "/opt/embed", "x" }, NULL, "/opt/embed" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                assert_found(&examples[i], &in_shop);
}

static void a_false_argv0_is_no_title(void **state)
{
        static const struct surroundings around = { .name = "python3", .is_python = true };
        static const struct example renamed = { { "x", "-c", "pass" }, NULL, "python -c" };
        static const struct example title = { { "gunicorn: master [shop:app]" }, "gunicorn", "shop" };

        (void)state;
        assert_found(&renamed, &around);
        assert_found(&title, &around);
}

static void what_multiprocessing_started_is_marked(void **state)
{
        const char *args[] = { "python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(3)",
                               "--multiprocessing-fork" };
        struct program found;

        (void)state;
        assert_int_equal(program_find((char *const *)args, 4, &in_shop, &found), 0);
        assert_true(found.spawned);
        program_done(&found);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(servers_name_what_they_serve),
                cmocka_unit_test(django_is_its_project),
                cmocka_unit_test(a_unit_names_what_the_arguments_do_not),
                cmocka_unit_test(plain_programs_are_their_script_or_module),
                cmocka_unit_test(a_false_argv0_is_no_title),
                cmocka_unit_test(what_multiprocessing_started_is_marked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
