"""The far side of a webhook: a real HTTP server that says what it was told, and answers as a test wants."""
import http.server
import json
import socket
import threading
import time


class Webhook:
    """answer(request) gives (status, headers, body) or None, which hangs up; by default 204. received: what came, each a
    dict with path, headers (names in lower case), body. Not listening until up()."""

    def __init__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = "http://127.0.0.1:%d/hook" % self.port
        self.received = []
        self.answer = lambda request: (204, {}, b"")
        self.server = None
        self.stopping = threading.Event()

    @property
    def alerts(self):
        return [json.loads(r["body"]) for r in self.received]

    def up(self):
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body,
                           "at": time.monotonic(), "handler": self}
                webhook.received.append(request)
                answer = webhook.answer(request)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def down(self):
        self.stopping.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None
