"""Who gets in, and how: the token, TLS, and the proxies of the places where burr is often started.

Each test drives a real burr with the environment of such a place, through a proxy of its own that treats requests as the
place's does (proxy.py). What a browser makes of it is edge_browser_test.py's.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import unittest
import urllib.parse

from cli_test import BURR, Case, Collector, environment, run, write_app
from proxy import Proxy

SOURCE = pathlib.Path(os.environ.get("BURR_SOURCE", pathlib.Path(__file__).parents[2]))
DOCUMENT = json.loads((SOURCE / "collector/src/api/openapi.json").read_text(encoding="utf-8"))

COLAB = {"COLAB_RELEASE_TAG": "release-colab_20250909", "COLAB_JUPYTER_IP": "172.28.0.12", "JPY_PARENT_PID": "80"}
CODESPACE = {
    "CODESPACES": "true",
    "CODESPACE_NAME": "fuzzy-owl-7x",
    "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "app.github.dev",
    "VSCODE_IPC_HOOK_CLI": "/tmp/vscode-ipc.sock",
}


def colab_host(port):
    return f"x7k2-496ff2e9c6d22116-{port}-colab.googleusercontent.com"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


def ask(port, target, method="GET", tls=None, body=None, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    connection = kind("127.0.0.1", port, timeout=30, **({"context": tls} if tls else {}))
    try:
        connection.request(method, target, body, names)
        return Answer(connection.getresponse())
    finally:
        connection.close()


class EdgeCase(Case):
    def start(self, *options, env=None):
        """A ready burr: self.burr, with what it printed, and self.port, self.token."""
        self.burr = Collector(self.store, "--no-demo", *options, env=environment(**(env or {})))
        self.addCleanup(self.burr.__exit__)
        self.link = self.burr.read_until(r"UI\s+(https?://\S+)").group(1)
        self.burr.read_until(r"ends it$")
        url = urllib.parse.urlsplit(self.link)
        self.port = url.port
        self.token = url.fragment.removeprefix("token=")
        self.said = "\n".join(self.burr.seen)
        if url.scheme == "http":
            self.await_index()

    def await_index(self):
        while ask(self.port, "/ready").status != 200:
            pass

    def proxy(self, **options):
        proxy = Proxy(self.port, **options)
        self.addCleanup(proxy.close)
        return proxy

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path


class Token(EdgeCase):
    def test_is_asked_for_beyond_loopback(self):
        self.start("--host", "0.0.0.0")
        self.assertRegex(self.link, rf"^http://{re.escape(socket.gethostname())}:\d+/#token=[\w-]{{43}}$")
        self.assertIn("without --tls-cert", self.said)
        for path, operations in DOCUMENT["paths"].items():
            target = re.sub(r"\{[^}]*\}", "x", path)
            for method in operations:
                status = ask(self.port, target, method.upper(), Accept="text/html").status
                self.assertEqual(status == 401, path not in ("/healthz", "/ready"), path)
        for path in ("/api/v0/projects", "/api/v0/x/__none__/apps", "/api/nothing", "/metrics/x", "/p/x"):
            self.assertEqual(ask(self.port, path).status, 401, path)
        bearer = f"Bearer {self.token}"
        self.assertEqual(ask(self.port, "/api/v1/projects", Authorization=bearer).status, 200)
        self.assertEqual(ask(self.port, "/metrics", Authorization=bearer).status, 200)
        # This machine's name and its addresses are no work of a rebound name; others may be.
        for host, status in ((socket.gethostname(), 200), ("192.0.2.7:80", 200), ("evil.net", 403)):
            self.assertEqual(ask(self.port, "/healthz", Host=host).status, status, host)

    def test_the_commands_know_it(self):
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])
        self.start("--host", "0.0.0.0")
        for args, text in (
            (["status"], r"writers +0"),
            (["doctor"], r"collector +runs at"),
            (["ls"], r"\S"),
            (["open", "--no-open"], re.escape(self.link)),
            (["open", "--no-open", "demo"], rf"/p/demo#token={self.token}$"),
        ):
            result = run(*args, store=self.store)
            self.assertEqual((result.returncode, result.stderr), (0, ""), args)
            self.assertRegex(result.stdout, re.compile(text, re.MULTILINE))
        for args in (["status"], ["status", "--json"], ["doctor", "--json"]):
            self.assertNotIn(self.token, run(*args, store=self.store).stdout)
        self.assertEqual(os.stat(os.path.join(self.store, ".burr-collector")).st_mode & 0o777, 0o600)
        self.assertEqual(run("stop", store=self.store).returncode, 0)
        self.assertEqual(self.burr.wait(), 0)
        for path, _, names in os.walk(self.store):
            for name in names:
                with contextlib.suppress(OSError), open(os.path.join(path, name), "rb") as file:
                    self.assertNotIn(self.token.encode(), file.read(), name)

    def test_of_a_file_is_asked_for_on_loopback_too(self):
        path = self.write("token", "0123456789abcdef0123\n")
        self.start("--token-file", path)
        self.assertEqual(self.token, "0123456789abcdef0123")
        self.assertNotIn("others may read", self.said)
        self.assertEqual(ask(self.port, "/api/v1/projects").status, 401)
        self.assertRegex(run("status", store=self.store).stdout, r"writers +0")

    def test_of_an_open_file_is_told(self):
        self.start("--token-file", self.write("token", "0123456789abcdef0123", 0o644))
        self.assertIn("others may read the token", self.said)

    def test_of_a_file_that_is_no_good(self):
        for path, text in (
            (self.path("missing"), "missing: No such file"),
            (self.write("short", "short\n"), "openssl rand -hex 32"),
            (self.folder, "directory"),
        ):
            self.check(run("--store", self.store, "--token-file", path), 1, "^$", text)
        self.assertFalse(os.path.exists(self.store))

    def test_as_the_page_uses_it(self):
        self.start("--host", "0.0.0.0")
        page = ask(self.port, "/p/demo/run/x?step=3", Accept="text/html")
        self.assertEqual(page.status, 401)
        self.assertIn(b'<base href="../../../">', page.body)
        self.assertEqual(ask(self.port, "/burr-token.js").status, 200)
        entered = ask(
            self.port, "/api/v1/session?path=%2Fb%2F", "POST", Authorization=f"Bearer {self.token}", Origin=f"http://localhost:{self.port}"
        )
        self.assertEqual(entered.status, 204)
        cookie = entered.headers["set-cookie"]
        self.assertRegex(cookie, r"; Path=/b/; .*HttpOnly; SameSite=Lax$")
        pair = cookie.split(";")[0]
        self.assertEqual(ask(self.port, "/api/v1/session", Cookie=pair).status, 204)
        self.assertEqual(ask(self.port, "/p/demo", Cookie=pair, Accept="text/html").status, 200)
        self.assertEqual(ask(self.port, "/api/v1/session", Cookie=pair[:-1]).status, 401)


class Tls(EdgeCase):
    def setUp(self):
        super().setUp()
        self.cert, self.key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
            + ["-subj", "/CN=burr.test", "-addext", "subjectAltName=DNS:burr.test", "-keyout", self.key, "-out", self.cert],
            check=True,
            capture_output=True,
        )
        os.chmod(self.key, 0o600)

    def test_serves_and_the_commands_know_it(self):
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])
        self.start("--host", "0.0.0.0", "--tls-cert", self.cert, "--tls-key", self.key)
        self.assertTrue(self.link.startswith("https://"))
        self.assertNotIn("without --tls-cert", self.said)
        context = ssl.create_default_context(cafile=self.cert)
        context.check_hostname = False
        bearer = f"Bearer {self.token}"
        answer = ask(self.port, "/api/v1/projects", tls=context, Host="burr.test", Authorization=bearer)
        self.assertEqual(answer.status, 200)
        self.assertEqual(ask(self.port, "/healthz", tls=context, Host="evil.test").status, 403)
        cookie = ask(self.port, "/api/v1/session", "POST", tls=context, Authorization=bearer).headers["set-cookie"]
        self.assertTrue(cookie.endswith("; Secure"))
        for args, text in ((["status"], r"writers +0"), (["doctor"], r"collector +runs at https"), (["ls"], r"\S")):
            result = run(*args, store=self.store, cwd="/")
            self.assertEqual((result.returncode, result.stderr), (0, ""), args)
            self.assertRegex(result.stdout, text)
        # Somebody else's certificate in the file: then it is not the collector that we look for.
        os.rename(self.cert, self.cert + ".old")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x"]
            + ["-keyout", self.path("other.pem"), "-out", self.cert],
            check=True,
            capture_output=True,
        )
        self.assertIn("another certificate", run("status", store=self.store).stdout)

    def test_what_is_wrong_is_told(self):
        open_key = self.path("open.pem")
        with open(self.key, encoding="utf-8") as file:
            self.write("open.pem", file.read(), 0o644)
        for options, code, text in (
            (["--tls-cert", self.cert], 2, "--tls-cert is there without --tls-key"),
            (["--tls-key", self.key], 2, "--tls-key is there without --tls-cert"),
            (["--tls-cert", self.path("no"), "--tls-key", self.key], 1, "certificate .*/no: No such file"),
            (["--tls-cert", self.cert, "--tls-key", self.path("no")], 1, "key .*/no: No such file"),
            (["--tls-cert", self.key, "--tls-key", self.key], 1, "certificate .*key.pem: there is none"),
            (["--tls-cert", self.cert, "--tls-key", self.cert], 1, "key .*cert.pem: there is none"),
        ):
            self.check(run("--store", self.store, "--port", "0", *options), code, "^$", text)
        self.start("--tls-cert", self.cert, "--tls-key", open_key)
        self.assertIn("others may read the key", self.said)


class Places(EdgeCase):
    def check_place(self, env, said, hosts, ancestors, refused=()):
        self.start(env=env)
        for text in said:
            self.assertIn(text.replace("PORT", str(self.port)), self.said)
        for host in hosts:
            name = host.replace("PORT", str(self.port))
            answer = ask(self.port, "/healthz", Host=name)
            self.assertEqual(answer.status, 200, name)
            for source in ancestors:
                self.assertIn(source, answer.headers["content-security-policy"].split("frame-ancestors")[1])
            posted = ask(self.port, "/healthz", "POST", Host=f"localhost:{self.port}", Origin=f"https://{name}")
            self.assertEqual(posted.status, 405, name)  # let in, but nothing takes a POST there
        for host in ("evil.net", *refused):
            name = host.replace("PORT", str(self.port))
            self.assertEqual(ask(self.port, "/healthz", Host=name).status, 403, name)
            self.assertEqual(ask(self.port, "/healthz", "POST", Host="localhost", Origin=f"https://{name}").status, 403)

    def test_none(self):
        self.check_place({}, [], ["localhost:PORT"], ["http://localhost:*"], [colab_host("PORT")])
        self.assertNotIn("answers to", self.said)

    def test_colab(self):
        self.check_place(
            COLAB,
            ["Google Colab: in a cell: from google.colab import output; output.serve_kernel_port_as_iframe(PORT)", "answers to *-PORT-colab"],
            [colab_host("PORT"), "PORT-gpu-t4-s-kkb-usw4a0-85ayl83jjz0q-a.us-west4-1.prod.colab.dev", "172.28.0.12:PORT"],
            ["https://colab.research.google.com", "https://*.googleusercontent.com"],
            [colab_host(1), "x.googleusercontent.com", "1-x.prod.colab.dev"],
        )

    def test_codespaces(self):
        self.check_place(
            CODESPACE,
            ["GitHub Codespaces: https://fuzzy-owl-7x-PORT.app.github.dev"],
            ["fuzzy-owl-7x-PORT.app.github.dev"],
            ["https://fuzzy-owl-7x.github.dev", "vscode-webview:"],
            ["other-PORT.app.github.dev", "fuzzy-owl-7x-1.app.github.dev"],
        )

    def test_vscode(self):
        self.check_place(
            {"VSCODE_PROXY_URI": "https://{{port}}--main--ws--ada.apps.example.com/"},
            ["VS Code: https://PORT--main--ws--ada.apps.example.com/"],
            ["PORT--main--ws--ada.apps.example.com"],
            ["vscode-webview:", "https://vscode.dev"],
            ["1--main--ws--ada.apps.example.com"],
        )

    def test_jupyter(self):
        self.check_place(
            {"JUPYTER_SERVER_URL": "http://lab-3:8888/"}, ["Jupyter: http://lab-3:8888/proxy/PORT/"], ["lab-3:8888"], []
        )

    def test_a_variable_that_makes_no_sense(self):
        self.check_place({"VSCODE_PROXY_URI": "https://*/{{", "CODESPACES": "true", "CODESPACE_NAME": "a b; *"}, [], ["localhost"], [])


class Proxies(EdgeCase):
    """The page, its files, the API, a change and the event stream, as a browser asks for them through a proxy."""

    def replay(self, proxy, host, prefix=""):
        origin = f"https://{host}"

        def through(target, method="GET", body=None, **headers):
            return ask(proxy.port, prefix + target, method, body=body, Host=host, Origin=origin, Cookie="a=b", **headers)

        page = through("/p/demo", Accept="text/html")
        self.assertEqual(page.status, 200)
        self.assertIn(b"<base", page.body)
        for script in re.findall(rb'(?:src|href)="\./?(assets/[^"]+)"', page.body):
            self.assertEqual(through("/" + script.decode()).status, 200)
        self.assertTrue(through("/api/v1/projects").json()["projects"])
        self.assertEqual(through("/api/v1/projects/demo/runs/run").status, 200)
        note = {
            "span_id": None,
            "step_name": "x",
            "tags": ["a"],
            "observations": [{"data_fields": {}, "thumbs_up_thumbs_down": True, "data_pointers": []}],
        }
        made = through(
            "/api/v0/demo/run/__none__/0/annotations",
            "POST",
            json.dumps(note),
            Content_Type="application/json",
        )
        self.assertEqual(made.status, 200, made.body)
        self.assertNotEqual(ask(proxy.port, prefix + "/api/v0/projects", "POST", Host=host, Origin="https://evil.net").status, 200)
        stream = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
        self.addCleanup(stream.close)
        stream.request("GET", prefix + "/api/v1/events?topics=project/demo", headers={"Host": host, "Accept": "text/event-stream"})
        answer = stream.getresponse()
        self.assertEqual(answer.headers["content-type"], "text/event-stream")
        self.assertEqual(answer.readline(), b"event: hello\n")

    def test_colab_as_a_window(self):
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])
        self.start(env=COLAB)
        host = colab_host(self.port)
        self.replay(self.proxy(), host)
        # It says localhost, or the machine's address, and leaves the page's own Origin.
        self.replay(self.proxy(host=f"localhost:{self.port}", buffer=16), host)
        self.replay(self.proxy(host=f"172.28.0.12:{self.port}"), host)
        self.replay(self.proxy(host=f"localhost:{self.port}", origin=f"http://localhost:{self.port}"), host)

    def test_colab_that_holds_everything_back(self):
        """Its stream never comes, but the page, the lists and the runs do."""
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])
        self.start(env=COLAB)
        proxy = self.proxy(host=f"localhost:{self.port}", buffer=1 << 30)
        host = colab_host(self.port)
        self.assertEqual(ask(proxy.port, "/", Host=host, Accept="text/html").status, 200)
        self.assertTrue(ask(proxy.port, "/api/v1/projects", Host=host).json()["projects"])

    def test_codespaces_rewrites_both(self):
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])
        self.start(env=CODESPACE)
        rewritten = f"localhost:{self.port}"
        self.replay(self.proxy(host=rewritten, origin=f"http://{rewritten}"), f"fuzzy-owl-7x-{self.port}.app.github.dev")

    def test_jupyterhub_whose_name_nobody_told(self):
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])
        self.start(env={"JUPYTERHUB_SERVICE_PREFIX": "/user/ada/", "JPY_PARENT_PID": "7"})
        self.assertIn(f"Jupyter: /user/ada/proxy/{self.port}/", self.said)
        at = f"/user/ada/proxy/{self.port}"
        marks = {"X-Forwarded-Prefix": at, "X-Forwarded-Context": at, "X-ProxyContextPath": at}
        self.replay(self.proxy(prefix=at, headers=marks), "hub.example.org", at)
        # Another user's proxy reaches the port, too, but says so.
        others = {name: value.replace("ada", "eve") for name, value in marks.items()}
        proxy = self.proxy(prefix="/user/eve", headers=others)
        self.assertEqual(ask(proxy.port, "/user/eve/healthz", Host="hub.example.org").status, 403)

    def test_a_reverse_proxy_below_a_path_with_a_token(self):
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])
        self.start("--allowed-host", "tools.example.org", "--token-file", self.write("token", "0123456789abcdef0123"))
        proxy = self.proxy(prefix="/burr", headers={"Authorization": f"Bearer {self.token}"})
        self.replay(proxy, "tools.example.org", "/burr")

    def test_a_burr_in_the_background(self):
        """As a notebook's cell starts it: no terminal, its output in a pipe, its shell gone."""
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])
        shell = subprocess.run(
            ["sh", "-c", f'"{BURR}" --store "{self.store}" --port 0 >"{self.path("out")}" 2>&1 &'],
            env=environment(**COLAB),
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=True,
        )
        self.assertEqual(shell.returncode, 0)
        self.addCleanup(run, "stop", store=self.store)
        while run("status", store=self.store).returncode:
            pass
        opened = run("open", "--no-open", store=self.store).stdout
        self.port = int(re.search(r":(\d+)$", opened.strip()).group(1))
        self.await_index()
        self.replay(self.proxy(host=f"localhost:{self.port}"), colab_host(self.port))


if __name__ == "__main__":
    unittest.main(verbosity=2)
