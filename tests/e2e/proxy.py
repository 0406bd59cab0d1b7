"""Proxies like those that stand between a notebook's page and a port of its machine.

A Proxy takes a browser's requests, over TLS where it was given a certificate, and passes each on to a burr: with
another Host and Origin, without cookies in either direction, and its answer only as `buffer` bytes of it have come.
"""

import http.client
import http.server
import ssl
import threading

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host", "content-length", "cookie", "origin")


class Proxy:
    """host: the Host to say to burr; "" for the browser's own. origin: likewise. prefix: where burr is shown, taken off
    the path. pages: what the proxy answers by itself, by Host. certificate: (cert, key) to speak TLS with."""

    def __init__(self, burr_port, host="", origin="", headers=None, prefix="", buffer=1, pages=None, certificate=None):
        proxy = self
        self.burr_port, self.host, self.origin, self.prefix, self.buffer = burr_port, host, origin, prefix, buffer
        self.headers = headers or {}
        self.pages = pages or {}
        self.seen = []  # (method, target, status)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                proxy.handle(self)

            do_GET = do_POST = do_PUT = do_HEAD = do_OPTIONS = handle_one

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def handle(self, request):
        request.close_connection = True
        page = self.pages.get(request.headers.get("Host", "").split(":")[0])
        if page is not None:
            self.answer(request, 200, [("content-type", "text/html")], page.encode())
        elif not request.path.startswith(self.prefix + "/"):
            self.answer(request, 404, [], b"not proxied")
        else:
            self.pass_on(request)

    @staticmethod
    def answer(request, status, headers, body):
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.send_header("connection", "close")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def pass_on(self, request):
        headers = {n: v for n, v in request.headers.items() if n.lower() not in HOP_BY_HOP}
        headers["Host"] = self.host or request.headers["Host"]
        if request.headers.get("Origin"):
            headers["Origin"] = self.origin or request.headers["Origin"]
        headers.update(self.headers)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.burr_port, timeout=60)
        try:
            connection.request(request.command, request.path[len(self.prefix) :], body or None, headers)
            answer = connection.getresponse()
            self.seen.append((request.command, request.path, answer.status))
            request.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in (*HOP_BY_HOP, "set-cookie", "date", "server"):
                    request.send_header(name, value)
            request.send_header("connection", "close")
            request.end_headers()
            held = b""
            while chunk := answer.read1(65536):
                held += chunk
                if len(held) >= self.buffer:
                    request.wfile.write(held)
                    held = b""
            request.wfile.write(held)
        except (OSError, http.client.HTTPException):
            pass  # either side has gone
        finally:
            connection.close()
