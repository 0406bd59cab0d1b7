"""The program's command line, driven as a person or a script drives it.

Every collector listens on a port of its own (--port 0) over a store of its own, and is ended by the process that
the test started. Nothing sleeps: a test waits for a line, an exit, a connection or a byte in a fifo.
"""

import contextlib
import ctypes
import fcntl
import http.server
import json
import os
import pty
import queue
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import termios
import threading
import unittest
import urllib.request

BURR = os.environ.get("BURR", "")
WAIT_S = 30  # for what takes milliseconds; under a sanitizer on a busy machine

COMMANDS = ["serve", "stop", "status", "recover", "doctor", "open", "ls", "show", "steps", "state", "diff", "grep", "tail", "test-case", "verify", "demo", "completion", "help"]


def environment(**changes):
    """What a newcomer's shell has, without a display, SSH or settings of ours."""
    ours = ("BURR_", "burr_path", "SSH_", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "NO_COLOR")
    places = ("COLAB_", "CODESPACE", "GITHUB_CODESPACES", "VSCODE_", "TERM_PROGRAM", "JUPYTER", "JPY_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours + places)}
    env["BURR_EXAMPLES_DIR"] = "/nonexistent"
    env["TZ"] = "UTC"
    env.update(changes)
    return {k: v for k, v in env.items() if v is not None}


def run(*args, store=None, **options):
    env = options.pop("env", None) or environment()
    if store:
        env = dict(env, BURR_STORE=store)
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([BURR, *args], env=env, capture_output=True, text=True, timeout=WAIT_S, **options)


class Collector:
    """A burr that serves; its lines as they come."""

    def __init__(self, store, *args, env=None, **options):
        self.process = subprocess.Popen(
            [BURR, "--store", store, "--port", "0", "--no-open", *args],
            env=env or environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        self.lines = queue.Queue()
        self.seen = []
        self.ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def read_until(self, pattern):
        while True:
            line = self.lines.get(timeout=WAIT_S)
            if line is None:
                self.ended = True
                raise AssertionError(f"burr ended before {pattern!r}: {self.seen}")
            self.seen.append(line)
            found = re.search(pattern, line)
            if found:
                return found

    def url(self):
        url = self.read_until(r"UI\s+(http://\S+)").group(1)
        self.read_until(r"ends it$")
        return url

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        code = self.process.wait(timeout=WAIT_S)
        while not self.ended:
            line = self.lines.get(timeout=WAIT_S)
            if line is None:
                self.ended = True
                self.process.stdout.close()
            else:
                self.seen.append(line)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


def get_json(url):
    with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
        return json.load(answer)


class Answering(contextlib.AbstractContextManager):
    """A server of somebody else on a port of 127.0.0.1."""

    def __init__(self, answers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = answers.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(json.dumps(body if body is not None else {"detail": "Not Found"}).encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


BURR_PYTHON = {
    "/api/v0/version": {"version": "0.40.2"},
    "/ready": {"ready": True},
    "/api/v0/ready": True,
    "/api/v0/projects": [],
}


def write_app(store, project, app_id, steps, partition=None, metadata=None, children=()):
    """An application's files, as Burr writes them. steps: (action, state, exception), a None state is an open step."""
    folder = os.path.join(store, project, app_id)
    os.makedirs(folder, exist_ok=True)
    graph = {"type": "application", "entrypoint": "count", "actions": [], "transitions": []}
    facts = {"type": "application_metadata", "partition_key": partition, "parent_pointer": None}
    facts.update(metadata or {})
    for name, content in (("graph.json", graph), ("metadata.json", facts)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file)
    with open(os.path.join(folder, "log.jsonl"), "w", encoding="utf-8") as file:
        for i, (action, state, exception) in enumerate(steps):
            begin = {"type": "begin_entry", "start_time": f"2024-05-01T10:00:{i:02}.000000Z", "action": action}
            file.write(json.dumps({**begin, "inputs": {}, "sequence_id": i}) + "\n")
            if state is None:
                continue
            end = {"type": "end_entry", "end_time": f"2024-05-01T10:00:{i:02}.250000Z", "action": action}
            end.update(result=None, exception=exception, state=state, sequence_id=i)
            file.write(json.dumps(end) + "\n")
    with open(os.path.join(folder, "children.jsonl"), "w", encoding="utf-8") as file:
        for child in children:
            file.write(json.dumps(child) + "\n")


def write_samples(folder, names, code=0):
    os.makedirs(folder, exist_ok=True)
    for name in names:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nmkdir -p "$BURR_STORE/{name}"\necho "{name} speaks"\n')
            file.write(f'[ -z "$TOLD" ] || echo {name} >>"$TOLD"\nexit {code}\n')
        os.chmod(path, 0o755)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        # Beside the socket's limit a long TMPDIR would matter only to tests that are about short paths.
        self.folder = tempfile.mkdtemp(prefix="burr-cli-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = os.path.join(self.folder, "store")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def catalog_path(self):
        names = (name for name in os.listdir(self.store) if re.fullmatch(r"\.burr-catalog-\d+", name))
        return os.path.join(self.store, next(names))

    def check(self, result, code, out=None, err=None):
        self.assertEqual(result.returncode, code, result)
        if out is not None:
            self.assertRegex(result.stdout, out)
        if err is None:
            self.assertEqual(result.stderr, "")
        else:
            self.assertRegex(result.stderr, err)
            self.assertTrue(result.stderr.startswith("burr: "), result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        return result


class StartAndStop(Case):
    def test_serves_and_ends_by_sigterm(self):
        with Collector(self.store) as burr:
            url = burr.url()
            self.assertRegex(burr.seen[0], r"^burr \d+\.\d+\.\d+ · store ")
            status = get_json(url + "/api/v1/status")
            self.assertEqual(status["pid"], burr.process.pid)
            self.assertEqual(status["store"], self.store)
            self.assertEqual(status["url"], url)
            for key in ("version", "durability", "started", "uptime_s", "appending", "writers", "records", "trouble"):
                self.assertIn(key, status)
            self.assertEqual(get_json(url + "/healthz"), {"ok": True})
            self.assertEqual(get_json(url + "/api/v0/projects"), [])
            burr.signal(signal.SIGTERM)
            self.assertEqual(burr.wait(), 0)
            self.assertNotIn("\033", "".join(burr.seen))
        self.check(run("status", store=self.store), 3, r"not running")

    def test_counts_for_prometheus(self):
        line = re.compile(r"(burr_[a-z_]+)(?:\{[a-z]+=\"[^\"]*\"\})? (\d+)")
        with Collector(self.store) as burr:
            with urllib.request.urlopen(burr.url() + "/metrics", timeout=WAIT_S) as answer:
                self.assertTrue(answer.headers["content-type"].startswith("text/plain; version=0.0.4"))
                text = answer.read().decode()
        values = dict(line.fullmatch(each).groups() for each in text.splitlines() if not each.startswith("#"))
        typed = dict(re.findall(r"^# TYPE (\S+) (counter|gauge)$", text, re.MULTILINE))
        self.assertEqual(typed.keys(), values.keys())
        for name, kind in typed.items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
        self.assertEqual(values["burr_records_total"], "0")
        self.assertEqual(values["burr_dropped_records_total"], "0")

    def test_ends_by_sigint(self):
        with Collector(self.store) as burr:
            burr.url()
            burr.signal(signal.SIGINT)
            self.assertEqual(burr.wait(), 0)

    def test_second_sigint_ends_at_once_at_the_latest(self):
        # Ended at once, it does not join its threads, which is what the thread sanitizer looks for at an end.
        options = os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"
        with Collector(self.store, env=environment(TSAN_OPTIONS=options)) as burr:
            port = int(burr.url().rsplit(":", 1)[1])
            with socket.create_connection(("127.0.0.1", port)) as slow:
                slow.sendall(b"POST /api/v0/a/b/c/0/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
                burr.signal(signal.SIGINT)
                burr.read_until(r"^burr ends")
                burr.signal(signal.SIGINT)
                self.assertIn(burr.wait(), (0, 130))

    def test_sighup_ends_it_unless_ruled_out(self):
        with Collector(self.store) as burr:
            burr.url()
            burr.signal(signal.SIGHUP)
            self.assertEqual(burr.wait(), 0)
        ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with Collector(self.store, preexec_fn=ignore) as burr:
            url = burr.url()
            burr.signal(signal.SIGHUP)
            self.assertEqual(get_json(url + "/healthz"), {"ok": True})
            burr.signal(signal.SIGTERM)
            self.assertEqual(burr.wait(), 0)

    def test_without_standard_files(self):
        ready, told = os.pipe()
        script = 'exec "$0" --store "$1" --port 0 --no-open <&- >&- 2>&-'
        process = subprocess.Popen(
            ["sh", "-c", script, BURR, self.store], env=environment(), pass_fds=[told], start_new_session=True
        )
        os.close(told)
        try:
            # It has no way to tell us; a second burr waits until the first has said where it is.
            self.await_collector()
            with open(os.path.join(self.store, ".burr-collector"), encoding="utf-8") as file:
                self.assertEqual(json.load(file)["pid"], process.pid)
            self.check(run("stop", store=self.store), 0, r"stopped")
            self.assertEqual(process.wait(timeout=WAIT_S), 0)
        finally:
            os.close(ready)
            if process.poll() is None:
                process.kill()
                process.wait()

    def await_collector(self):
        """Watch the store's folder until a collector's note has an address."""
        os.makedirs(self.store, mode=0o700, exist_ok=True)
        watch = subprocess.Popen(
            [sys.executable, "-c", WATCHER, self.store], stdout=subprocess.PIPE, text=True
        )
        try:
            self.assertEqual(watch.communicate(timeout=WAIT_S)[0].strip(), "there")
        finally:
            if watch.poll() is None:
                watch.kill()

    def test_in_the_background_of_a_terminal_that_wants_no_output(self):
        leader, follower = pty.openpty()

        def take_terminal():
            os.setsid()
            fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

        script = 'stty tostop; set -m; "$0" --store "$1" --port 0 --no-open & read line; kill $!; wait $!; echo "code $?"'
        shell = subprocess.Popen(
            ["bash", "-c", script, BURR, self.store],
            env=environment(TERM="dumb"),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            preexec_fn=take_terminal,
        )
        os.close(follower)
        try:
            text = self.read_terminal(leader, r"burr stop ends it")
            self.assertIn("http://localhost:", text)
            os.write(leader, b"\n")
            self.assertIn("code 0", self.read_terminal(leader, r"code \d+"))
            shell.wait(timeout=WAIT_S)
        finally:
            os.close(leader)
            if shell.poll() is None:
                shell.kill()
                shell.wait()

    @staticmethod
    def read_terminal(leader, pattern):
        text = ""
        while not re.search(pattern, text):
            text += os.read(leader, 4096).decode()
        return text

    def test_two_starts_at_once_make_one_collector(self):
        burrs = [Collector(self.store, "--no-demo") for _ in range(5)]
        try:
            urls = [burr.read_until(r"UI\s+(http://\S+)").group(1) for burr in burrs]
            self.assertEqual(len(set(urls)), 1, urls)
            firsts = [burr for burr in burrs if burr.seen[0].startswith("burr 0")]
            self.assertEqual(len(firsts), 1)
            for burr in burrs:
                if burr is not firsts[0]:
                    self.assertEqual(burr.wait(), 0)
            self.check(run("stop", store=self.store), 0)
            self.assertEqual(firsts[0].wait(), 0)
        finally:
            for burr in burrs:
                burr.__exit__()

    def test_starts_after_one_that_was_killed(self):
        with Collector(self.store) as burr:
            burr.url()
            burr.signal(signal.SIGKILL)
            burr.wait()
        self.check(run("status", store=self.store), 3)
        with Collector(self.store) as burr:
            burr.url()
            self.check(run("stop", store=self.store), 0)
            self.assertEqual(burr.wait(), 0)

    def test_durability_is_the_stores(self):
        def serve(wanted, expected):
            with Collector(self.store, *(["--durability", wanted] if wanted else [])) as burr:
                self.assertEqual(get_json(burr.url() + "/api/v1/status")["durability"], expected)
                self.check(run("status", store=self.store), 0, rf"durable +{expected}\b")
                self.check(run("stop", store=self.store), 0)
                self.assertEqual(burr.wait(), 0)

        serve(None, "os")
        serve("group", "group")
        serve(None, "group")
        serve("power", "power")
        with open(os.path.join(self.store, ".burr-store")) as file:
            self.assertEqual(json.load(file), {"format": 1, "durability": "power"})
        serve("os", "os")
        self.check(run("serve", "--durability", "never", store=self.store), 2, err="os, group or power, not 'never'")

    def test_a_store_with_a_long_path(self):
        store = self.path(*["long-folder-name-" + "x" * 60] * 4)
        self.assertGreater(len(store), 108)
        with Collector(store) as burr:
            burr.url()
            self.check(run("status", store=store), 0, rf"pid +{burr.process.pid}\b")
            self.check(run("stop", store=store), 0, rf"process {burr.process.pid}\b")
            self.assertEqual(burr.wait(), 0)

    def test_what_it_makes_is_its_owner_s(self):
        with Collector(self.store) as burr:
            burr.url()
            self.assertEqual(os.stat(self.store).st_mode & 0o777, 0o700)
            for name in os.listdir(self.store):
                self.assertEqual(os.stat(os.path.join(self.store, name)).st_mode & 0o077, 0, name)


# inotify through ctypes: says "there" when the collector's note holds an address and the lock is held.
WATCHER = r"""
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init()
store = sys.argv[1]
libc.inotify_add_watch(fd, store.encode(), 0x2 | 0x100)
while True:
    try:
        with open(os.path.join(store, ".burr-collector")) as file:
            if json.load(file)["url"]:
                break
    except (OSError, ValueError, KeyError):
        pass
    os.read(fd, 4096)
print("there")
"""


class SecondBurr(Case):
    def test_says_where_the_first_is(self):
        with Collector(self.store) as burr:
            url = burr.url()
            second = self.check(run("--store", self.store), 0, rf"already running .*process {burr.process.pid}\b")
            self.assertIn(url, second.stdout)
            moved = self.check(run("--store", self.store, "--port", "1"), 0)
            self.assertIn("burr stop ends it", moved.stdout)
            self.assertEqual(get_json(url + "/healthz"), {"ok": True})

    def test_takes_over_from_a_first_that_ends_meanwhile(self):
        with Collector(self.store) as burr:
            burr.url()
        note = os.path.join(self.store, ".burr-collector")
        libc = ctypes.CDLL(None, use_errno=True)
        # One that never says where it is: the lock, and no note.
        with open(note, "r+b") as first, open(libc.inotify_init(), "rb", buffering=0) as reads:
            fcntl.lockf(first, fcntl.LOCK_EX)
            first.truncate(0)
            libc.inotify_add_watch(reads.fileno(), note.encode(), 0x10)  # IN_CLOSE_NOWRITE: the note was read
            with Collector(self.store) as second:
                reads.read(4096)
                fcntl.lockf(first, fcntl.LOCK_UN)
                self.assertEqual(get_json(second.url() + "/healthz"), {"ok": True})

    def test_opens_the_browser_where_there_is_a_display(self):
        fifo = self.path("opened")
        os.mkfifo(fifo)
        browser = self.path("browser")
        with open(browser, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\necho "$@" >"{fifo}"\n')
        os.chmod(browser, 0o755)
        write_app(self.store, "demo", "run/".strip("/"), [("count", {"n": 1}, None)], partition="a b")
        display = environment(DISPLAY=":99", BROWSER=f"/nonexistent:{browser} --new %s", BURR_STORE=self.store)
        with Collector(self.store) as burr:
            url = burr.url()
            for args, page in (
                ([], url),
                (["open"], url),
                (["open", "demo"], url + "/p/demo"),
                (["open", "demo", "run"], url + "/p/demo/run/run?partition=a%20b"),
            ):
                result = run(*args, env=display)
                self.check(result, 0, re.escape(page))
                with open(fifo, encoding="utf-8") as file:
                    self.assertEqual(file.read(), f"--new {page}\n")
            # A browser that does not exist, no browser, no display: no trouble either.
            self.check(run("open", env=dict(display, BROWSER="/nonexistent")), 0)
            self.check(run("open", "demo", "--no-open", env=display), 0)
            self.check(run("open", env=environment(BROWSER=browser, BURR_STORE=self.store)), 0)

    def test_tells_the_way_in_under_ssh(self):
        env = environment(SSH_CONNECTION="10.1.1.1 5000 10.2.2.2 22")
        with Collector(self.store, env=env) as burr:
            port = burr.url().rsplit(":", 1)[1]
            line = next(line for line in burr.seen if "ssh" in line)
            self.assertRegex(line, rf"ssh -L {port}:localhost:{port} \S+@10\.2\.2\.2$")
            env = dict(env, BURR_STORE=self.store, SSH_CONNECTION="10.1.1.1 5000 10.2.2.2 2222")
            self.check(run(env=env), 0, r"-p 2222 \S+@10\.2\.2\.2\n")


class PortTaken(Case):
    def start(self, port):
        return run("--store", self.store, "--port", str(port), "--no-open")

    def test_by_burr_s_own_server(self):
        with Answering(BURR_PYTHON) as other:
            result = self.check(self.start(other.port), 1, "^$", r"Burr's own server \(version 0\.40\.2\)")
            self.assertRegex(result.stderr, rf"port {other.port} is taken .*--port \d+")

    def test_by_a_burr_with_another_store(self):
        with Collector(self.path("other")) as burr:
            port = burr.url().rsplit(":", 1)[1]
            result = self.check(self.start(port), 1, "^$", r"another store, \S*/other \(process \d+\)")
            free = re.search(r"--port (\d+)", result.stderr).group(1)
            with Collector(self.store, "--port", free) as second:
                self.assertTrue(second.url().endswith(":" + free))

    def test_by_a_web_server(self):
        with Answering({}) as other:
            self.check(self.start(other.port), 1, "^$", r"another program \(python3\S*, process \d+\)")

    def test_by_one_that_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            self.check(self.start(port), 1, "^$", rf"port {port} is taken by another program")

    def test_the_store_stays_new(self):
        samples = self.path("samples")
        write_samples(samples, ["burr-demo-one"])
        env = environment(BURR_EXAMPLES_DIR=samples)
        with Answering(BURR_PYTHON) as other:
            result = run("--store", self.store, "--port", str(other.port), "--no-open", env=env)
            self.check(result, 1, err="Burr's own")
        with Collector(self.store, env=env) as burr:
            burr.url()
            self.assertTrue(any("sample program" in line for line in burr.seen), burr.seen)


class Refusals(Case):
    def test_addresses_that_are_none_of_ours(self):
        for host in ("127.0.0.1x", ""):
            self.check(run("--store", self.store, "--host", host), 2, "^$", f"there is no address '{host}'")
        self.assertFalse(os.path.exists(self.store))
        self.check(run("--store", self.store, "--host", "192.0.2.1"), 1, "^$", "listen on 192.0.2.1")

    def test_other_addresses_of_the_loopback(self):
        for host, url in (("127.0.0.2", "http://127.0.0.2:"), ("localhost", "http://localhost:")):
            with Collector(self.store, "--host", host) as burr:
                self.assertTrue(burr.url().startswith(url))
                self.check(run("status", store=self.store), 0, r"writers +0")
                self.check(run("stop", store=self.store), 0)
                self.assertEqual(burr.wait(), 0)

    def test_a_store_that_cannot_be_made(self):
        with open(self.path("file"), "w", encoding="utf-8"):
            pass
        self.check(run("--store", self.path("file", "store")), 1, "^$", r"store \S+/file/store: .*--store")
        self.check(run("--store", self.path("file")), 1, "^$", r"store \S+/file: ")

    def test_a_store_that_cannot_be_written(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everywhere")
        os.makedirs(self.store, mode=0o500)
        self.check(run("--store", self.store), 1, "^$", r"cannot write .*--store")

    def test_somebody_else_s_store(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give a folder away")
        os.makedirs(self.store)
        os.chown(self.store, 12345, -1)
        result = self.check(run("--store", self.store), 1, "^$", "belongs to user 12345")
        self.assertIn("--store", result.stderr)

    def test_a_store_of_a_newer_format(self):
        os.makedirs(self.store)
        with open(os.path.join(self.store, ".burr-store"), "w", encoding="utf-8") as file:
            file.write('{"format":99}')
        self.check(run("--store", self.store), 1, "^$", "format 99")
        self.check(run("ls", store=self.store), 1, "^$", "format 99")

    def test_command_lines_that_make_no_sense(self):
        for args, text in (
            (["shwo"], "did you mean show"),
            (["frobnicate"], "see burr help"),
            (["help", "nope"], "no command 'nope': see burr help"),
            (["help", "stats"], "did you mean (state|status|steps)"),
            (["--prot", "1"], "no option '--prot'"),
            (["-x"], "no option '-x'"),
            (["ls", "--port", "1"], "takes no --port"),
            (["--port"], "--port needs a value"),
            (["--port", "70000"], "from 1 to 65535"),
            (["--port", "http"], "from 1 to 65535"),
            (["--port="], "from 1 to 65535"),
            (["--no-open=1"], "takes no value"),
            (["--store="], "--store needs"),
            (["show", "demo"], "takes PROJECT APP"),
            (["ls", "a", "b"], r"takes \[PROJECT\]"),
            (["stop", "now"], "takes no names"),
            (["state", "a", "b", "--sequence-id", "x"], "the number of a step"),
            (["state", "a", "b", "--pretty", "--raw"], "exclude each other"),
            (["ls", "--limit", "-1"], "a number"),
        ):
            with self.subTest(args=args):
                self.check(run(*args, store=self.store), 2, "^$", text)
        self.assertFalse(os.path.exists(self.store))


class Reading(Case):
    def setUp(self):
        super().setUp()
        pointer = {"type": "pointer_data", "app_id": "count-2", "sequence_id": 1, "partition_key": None}
        child = {"type": "child_application_data", "child": dict(pointer, app_id="child-1", sequence_id=None)}
        child.update(event_type="fork", sequence_id=2)
        trace = "Traceback (most recent call last):\n  File \"x.py\"\nValueError: too many \x1b[31mred\n"
        count = [("count", {"n": i, "__SEQUENCE_ID": i}, None) for i in range(1, 4)]
        write_app(self.store, "demo", "count-1", count, partition="user é", children=[child])
        write_app(self.store, "demo", "count-2", count[:2] + [("fail", {"n": 9}, trace)], metadata={"parent_pointer": pointer})
        write_app(self.store, "demo", "日本", [("count", {"n": 1}, None), ("open", None, None)])
        write_app(self.store, "other", "only", [])
        os.makedirs(os.path.join(self.store, "demo", "bare"))
        for run_path in ("demo/bare", "other/only"):  # as old as their files, without a record
            for path, _, names in os.walk(os.path.join(self.store, run_path)):
                for name in [".", *names]:
                    os.utime(os.path.join(path, name), (1577880000, 1577880000))

    def test_ls(self):
        lines = self.check(run("ls", store=self.store), 0).stdout.splitlines()
        self.assertRegex(lines[0], r"^PROJECT +RUNS +LAST ACTIVE$")
        self.assertRegex(lines[1], r"^demo +4 +2024-05-01 10:00$")
        self.assertRegex(lines[2], r"^other +1 +2020-01-01 12:00$")
        lines = self.check(run("ls", "demo", store=self.store), 0).stdout.splitlines()
        self.assertRegex(lines[0], r"^RUN +PARTITION +STEPS +STARTED +LAST ACTIVE +STATUS +ERROR$")
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[2], r"^count-1 +user é +3 +2024-05-01 10:00 ")
        # Columns stand below each other, two columns wide characters counted as such.
        wide = next(line for line in lines if line.startswith("日本"))
        self.assertEqual(wide.index("2024") + 2, lines[2].index("2024"))
        # One long name moves the rest of its own line alone.
        write_app(self.store, "names", "n" * 150, [("count", {"n": 1}, None)])
        write_app(self.store, "names", "short", [("count", {"n": 1}, None)])
        lines = self.check(run("ls", "names", store=self.store), 0).stdout.splitlines()
        self.assertLess(max(len(line) for line in lines if not line.startswith("n")), 120)
        shutil.rmtree(os.path.join(self.store, "names"))
        lines = self.check(run("ls", "demo", "--limit", "1", store=self.store), 0).stdout.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("and 3 more: --limit 0", lines[2])

    def test_ls_json(self):
        answer = json.loads(self.check(run("ls", "--json", store=self.store), 0).stdout)
        self.assertEqual(answer["store"], self.store)
        self.assertEqual([p["name"] for p in answer["projects"]], ["demo", "other"])
        self.assertEqual(answer["projects"][0]["run_count"], 4)
        self.assertEqual(answer["projects"][0]["last_activity"], "2024-05-01T10:00:02.250000Z")
        self.assertEqual(answer["projects"][0]["statuses"]["failed"], 1)
        answer = json.loads(self.check(run("ls", "demo", "--json", "--limit", "2", store=self.store), 0).stdout)
        self.assertEqual(answer["total"], 4)
        self.assertEqual([r["app_id"] for r in answer["runs"]], ["count-2", "count-1"])
        self.assertEqual(answer["runs"][1]["partition_key"], "user é")
        self.assertEqual(answer["runs"][0]["step_count"], 3)

    def test_show(self):
        text = self.check(run("show", "demo", "count-2", store=self.store), 0).stdout
        self.assertIn("demo / count-2", text)
        self.assertRegex(text, r"forked from +count-2, step 1\n")
        self.assertRegex(text, r"(?m)^ +0  2024-05-01 10:00  count   ok      250 ms$")
        self.assertRegex(text, r"(?m)^ +2  2024-05-01 10:00  fail    failed  250 ms  n        ValueError: too many .\[31mred$")
        self.assertNotIn("\033", text)
        text = self.check(run("show", "demo", "count-1", store=self.store), 0).stdout
        self.assertRegex(text, r"partition +user é\n")
        self.assertRegex(text, r"fork +child-1, from step 2\n")
        self.assertNotIn("damaged", text)
        text = self.check(run("show", "demo", "日本", store=self.store), 0).stdout
        self.assertRegex(text, r"(?m)^ +1  2024-05-01 10:00  open    open$")
        write_app(self.store, "demo", "begun", [("open", None, None)])
        self.check(run("show", "demo", "begun", store=self.store), 0, r"started +2024-05-01 10:00\n")
        self.check(run("show", "demo", "bare", store=self.store), 0, "No step was recorded")

    def test_show_json(self):
        answer = json.loads(self.check(run("show", "demo", "count-2", "--json", store=self.store), 0).stdout)
        self.assertEqual(answer["parent"]["app_id"], "count-2")
        self.assertEqual([s["status"] for s in answer["steps"]], ["ok", "ok", "failed"])
        self.assertTrue(answer["steps"][2]["exception"].startswith("Traceback"))
        self.assertEqual(answer["steps"][0]["exception"], None)
        self.assertEqual(answer["children"], [])
        answer = json.loads(self.check(run("show", "demo", "bare", "--json", store=self.store), 0).stdout)
        self.assertEqual(answer["steps"], [])

    def test_state(self):
        state = lambda *args: self.check(run("state", "demo", *args, store=self.store), 0).stdout
        self.assertEqual(state("count-1").strip().replace(" ", ""), '{"n":3}')
        self.assertEqual(json.loads(state("count-1", "--sequence-id", "0")), {"n": 1})
        self.assertEqual(json.loads(state("count-1", "--sequence-id", "-2")), {"n": 2})
        self.assertEqual(state("count-1", "--pretty"), '{\n  "n": 3\n}\n')
        whole = json.loads(state("count-2", "--json"))
        self.assertEqual(whole["state"], {"n": 9})
        self.assertEqual(whole["status"], "failed")
        self.assertEqual(whole["position"], "fail")
        self.assertEqual(whole["sequence_id"], 2)
        # A beginning that only one run has.
        self.assertEqual(json.loads(state("日")), {"n": 1})
        self.check(run("state", "demo", "count-1", "--sequence-id", "7", store=self.store), 3, "^$", "sequence_id 7: burr show demo count-1 lists")
        self.check(run("state", "demo", "bare", store=self.store), 3, "^$", "no finished step")

    def test_ls_filter(self):
        listed = lambda *args: [
            r["app_id"] for r in json.loads(self.check(run("ls", "demo", "--json", *args, store=self.store), 0).stdout)["runs"]
        ]
        self.assertEqual(listed("--filter", "status:failed"), ["count-2"])
        self.assertEqual(listed("--filter", "status:failed -error:many"), [])
        self.assertEqual(listed("--filter", "state.n:>=3 app:count-*", "--sort", "first"), ["count-1", "count-2"])
        self.assertEqual(listed("--filter", 'partition:"user é"'), ["count-1"])
        self.assertEqual(sorted(listed("--sort=-steps", "--limit", "2")), ["count-1", "count-2"])
        text = self.check(run("ls", "demo", "--filter", "is:forked", store=self.store), 0).stdout.splitlines()
        self.assertRegex(text[0], r"^RUN +STEPS +STARTED +LAST ACTIVE +STATUS +ERROR$")
        self.assertRegex(text[1], r"^count-2 +3 +2024-05-01 10:00 .* failed +ValueError: too many .\[31mred")
        self.assertNotIn("\033", "".join(text))
        lines = self.check(run("ls", "demo", "--sort", "last", "--limit", "1", store=self.store), 0).stdout.splitlines()
        self.assertEqual((len(lines), "--limit 0" in lines[2]), (3, True))
        self.check(run("ls", "demo", "--filter", "steps:>99", store=self.store), 0, "^No run fits")
        self.check(run("ls", "demo", "--filter", "nope:1", store=self.store), 2, "^$", "byte 0: expected a key")
        self.check(run("ls", "demo", "--sort", "size", store=self.store), 2, "^$", "--sort is last, first")
        self.check(run("ls", "--filter", "status:ok", store=self.store), 2, "^$", "burr ls PROJECT")
        self.check(run("ls", "dem", "--filter", "status:ok", store=self.store), 3, "^$", "there is no project")
        self.check(run("help", "filter", store=self.store), 0, r"(?m)^  status:failed,lost ")

    def test_diff(self):
        text = self.check(run("diff", "demo", "count-1", "1", store=self.store), 0).stdout
        self.assertEqual(text, "What step 1 (count) changed:\n~ /n  1 → 2\n")
        text = self.check(run("diff", "demo", "count-1", "0", store=self.store), 0).stdout
        self.assertEqual(text, "What step 0 (count) left; what was before it is not recorded:\n+ /n  1\n")
        text = self.check(run("diff", "demo", "count-1", "2", "2", store=self.store), 0).stdout
        self.assertEqual(text, "From the state after step 2 to that after step 2:\nnothing\n")
        answer = json.loads(self.check(run("diff", "demo", "count-2", "0", "last", "--json", store=self.store), 0).stdout)
        change = {"kind": "changed", "path": "/n", "before": 1, "after": 9}
        self.assertEqual(answer, {"from": 0, "to": 2, "before_known": True, "changes": [change]})
        self.check(run("diff", "demo", "count-1", "7", store=self.store), 3, "^$", "burr show demo count-1 lists")
        self.check(run("diff", "demo", "count-1", "x", store=self.store), 2, "^$", "neither the number of a step")
        self.check(run("diff", "demo", "count-1", store=self.store), 2, "^$", "burr help diff")

    def test_grep(self):
        text = self.check(run("grep", "TOO MANY", "demo", store=self.store), 0).stdout
        self.assertRegex(text, r"^count-2 #2 fail exception: .*ValueError: too many .\[31mred.?\n$")
        self.assertNotIn("\033", text)
        write_app(self.store, "cut", "run", [("fail", {"n": 1}, f"{'a' * 40} {'b' * 58} the end")])
        self.check(run("grep", "the end", "cut", store=self.store), 0, r"^run #0 fail exception: \S")
        shutil.rmtree(os.path.join(self.store, "cut"))
        hits = json.loads(self.check(run("grep", "count", "demo", "count-1", "--json", store=self.store), 0).stdout)
        self.assertEqual([(h["app_id"], h["sequence_id"], h["field"]) for h in hits], [("count-1", i, "action") for i in range(3)])
        lines = self.check(run("grep", "count", "demo", "--limit", "2", store=self.store), 0).stdout.splitlines()
        self.assertEqual((len(lines), "--limit 0" in lines[-1]), (3, True))
        write_app(self.store, "long", "run", [("count", {"n": i}, None) for i in range(2100)])
        for limit, end in (("0", 2100), ("1700", 1700), ("2000", 2000)):
            lines = self.check(run("grep", "count", "long", "--limit", limit, store=self.store), 0).stdout.splitlines()
            self.assertEqual([line.split()[1] for line in lines[:end]], [f"#{i}" for i in range(end)])
            self.assertEqual(len(lines) - end, end < 2100)
        self.check(run("grep", "nowhere to be found", "demo", store=self.store), 3, "^$")
        self.check(run("grep", "", "demo", store=self.store), 2, "^$", "1 to 256 bytes")
        self.check(run("grep", "count", "none", store=self.store), 3, "^$", "there is no project 'none'")

    def test_tail(self):
        text = self.check(run("tail", "demo", "count-2", store=self.store), 0).stdout.splitlines()
        self.assertEqual(len(text), 3)
        self.assertRegex(text[0], r"^#0  2024-05-01 10:00  count  ok  250 ms$")
        self.assertRegex(text[2], r"^#2  2024-05-01 10:00  fail  failed  250 ms  ValueError: too many .\[31mred$")
        text = self.check(run("tail", "demo", "--limit", "1", store=self.store), 0).stdout.splitlines()
        self.assertRegex(text[0], r"^demo / ")
        self.assertRegex(text[1], r"^#2  .* failed  250 ms ")
        path = os.path.join(self.store, "demo", "count-2", "log.jsonl")
        with open(path, encoding="utf-8") as file:
            lines = file.read()
        self.assertEqual(self.check(run("tail", "demo", "count-2", "--json", "--limit", "0", store=self.store), 0).stdout, lines)
        self.check(run("tail", "demo", "bare", store=self.store), 3, "^$", "has recorded nothing yet")
        self.check(run("tail", "other", "--limit", "x", store=self.store), 2, "^$", "--limit is")

    def test_tail_follows(self):
        path = os.path.join(self.store, "demo", "count-1", "log.jsonl")
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)
        command = [BURR, "tail", "-f", "demo", "count-1", "--limit", "1", "--store", self.store]
        out = subprocess.PIPE
        with subprocess.Popen(command, env=environment(), stdout=out, stderr=out, text=True) as tail:
            self.assertRegex(tail.stdout.readline(), r"^#2 ")
            with open(path, "a", encoding="utf-8") as file:
                file.write(lines[0] + lines[1][:20])
                file.flush()
                file.write(lines[1][20:])
                file.flush()
            self.assertRegex(tail.stdout.readline(), r"^#0 .* 250 ms$")
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.writelines(lines[:2])
            os.rename(path + ".new", path)  # another log, read from its beginning
            self.assertRegex(tail.stdout.readline(), r"^#0 .* 250 ms$")
            shutil.rmtree(os.path.dirname(path))
            self.assertEqual(tail.stdout.readline(), "")
            self.assertRegex(tail.stderr.read(), "^burr: run 'count-1' was deleted\n$")
            self.assertEqual(tail.wait(WAIT_S), 3)

    def completed(self, *words):
        return self.check(run("__complete", *words, store=self.store), 0).stdout.splitlines()

    def test_completion(self):
        self.assertEqual(self.completed(""), COMMANDS)
        self.assertEqual(sorted(self.completed("ls", "")), ["demo", "other"])
        self.assertEqual(sorted(self.completed("show", "demo", "")), sorted(["bare", "count-1", "count-2", "日本"]))
        self.assertEqual(self.completed("diff", "demo", "count-1", ""), [])
        self.assertEqual(sorted(self.completed("grep", "text", "demo", "")), sorted(["bare", "count-1", "count-2", "日本"]))
        self.assertEqual(self.completed("ls", "--sort", "")[:2], ["last", "first"])
        self.assertEqual(self.completed("serve", "--durability", ""), ["os", "group", "power"])
        self.assertEqual(self.completed("--store", self.path("none"), "ls", ""), [])
        self.assertIn("--follow", self.completed("tail", "--"))
        self.assertNotIn("--follow", self.completed("ls", "--"))
        self.assertEqual(self.completed("help", ""), COMMANDS)
        self.assertEqual(self.completed("test-case", ""), ["create"])
        self.assertEqual(sorted(self.completed("grep", "text", "-p", "")), ["demo", "other"])
        self.assertEqual(sorted(self.completed("test-case", "create", "--project-name", "other", "--app-id", "")), ["only"])
        self.assertEqual(self.completed("steps", "--status", ""), ["ok", "failed", "open"])
        self.assertIn("--slower", self.completed("steps", "--"))
        self.check(run("completion", "csh"), 2, "^$", "bash, zsh and fish, not for 'csh'")

    def test_completion_in_shells(self):
        place = f'PATH="{os.path.dirname(BURR)}:$PATH"'
        told = "compdef() { :; }; compadd() { print -l -- ${(P)2}; }; words=(burr show demo count-); CURRENT=4"
        bash_line = f'COMP_WORDS=("{BURR}" show demo count-); COMP_CWORD=3; _burr; printf "%s\\n" "${{COMPREPLY[@]}}"'
        scripts = {
            "bash": ["bash", "-c", f"{place}; source <(burr completion bash); {bash_line}"],
            "zsh": ["zsh", "-fc", f"{place}; {told}; source =(burr completion zsh); _burr"],
            "fish": ["fish", "--no-config", "-c", f"set -x PATH {os.path.dirname(BURR)} $PATH; burr completion fish | source; complete -C 'burr show demo count-'"],
        }  # fmt: skip
        for shell, command in scripts.items():
            with self.subTest(shell=shell):
                if not shutil.which(shell):
                    print(f"SKIP: {shell} is not installed")
                    continue
                env = environment(BURR_STORE=self.store, PATH=os.environ["PATH"], HOME=self.folder)
                found = subprocess.run(command, env=env, capture_output=True, text=True, timeout=WAIT_S)
                self.assertLessEqual({"count-1", "count-2"}, set(found.stdout.split()), found)
                self.assertEqual(found.stderr, "")

    def test_the_manual(self):
        page = self.check(run("__manual"), 0).stdout
        for command in COMMANDS:
            self.assertIn(f".SS burr {command} ", page)
        self.assertIn("3  what was asked for is not there", page)
        if not shutil.which("groff"):
            print("SKIP: groff is not installed")
            return
        drawn = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True, timeout=WAIT_S)
        self.assertEqual((drawn.returncode, drawn.stderr), (0, ""))

    def test_verify(self):
        text = self.check(run("verify", store=self.store), 0).stdout
        self.assertRegex(text, r"^Read \d+ lines \([\d.]+ .?B\) of 5 runs: all is well\.\n$")
        path = os.path.join(self.store, "demo", "count-1", "log.jsonl")
        with open(path, "rb") as file:
            good = file.read()
        first = good.index(b"\n") + 1
        lone = b'{"type":"end_entry","action":"a"}\n'
        with open(path, "wb") as file:
            file.write(good[:first] + b"no record\n[1]\n" + lone + b"\xff\n" + good[first:] + b'{"type":')
        with open(os.path.join(self.store, "demo", "count-2", "graph.json"), "w", encoding="utf-8") as file:
            file.write("{")
        answer = json.loads(self.check(run("verify", "--json", store=self.store), 1).stdout)
        found = {(d["app_id"], d["file"], d["line"]): d for d in answer["damage"]}
        end = len(good) + 10 + 4 + len(lone) + 2
        lines = good.count(b"\n") + 4
        self.assertEqual(
            {place: d["offset"] for place, d in found.items()},
            {
                ("count-1", "log.jsonl", 2): first,
                ("count-1", "log.jsonl", 3): first + 10,
                ("count-1", "log.jsonl", 4): first + 14,
                ("count-1", "log.jsonl", 5): first + 14 + len(lone),
                ("count-1", "log.jsonl", lines + 1): end,
                ("count-2", "graph.json", 0): 0,
            },
        )
        self.assertEqual((answer["damage_count"], answer["run_count"]), (6, 5))
        text = self.check(run("verify", "demo", "count-1", store=self.store), 1).stdout
        self.assertRegex(text, rf"(?m)^demo / count-1  log\.jsonl line 2, byte {first}: not JSON at byte 0: ")
        self.assertRegex(text, r"of 1 run: 5 places are damaged\.\n$")
        self.check(run("verify", "demo", "日本", store=self.store), 0, "all is well")
        self.check(run("verify", "none", store=self.store), 3, "^$", "no project")

    def test_commands_that_make_the_catalog_together(self):
        for _ in range(5):
            for name in os.listdir(self.store):
                if name.startswith(".burr-catalog"):
                    os.unlink(os.path.join(self.store, name))
            command = [BURR, "ls", "demo", "--filter", "steps:3", "--store", self.store]
            commands = [subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) for _ in range(4)]
            self.assertEqual([made.wait(WAIT_S) for made in commands], [0] * 4)

    def test_one_command_waits_for_another_that_indexes(self):
        self.check(run("ls", "demo", "--filter", "steps:3", store=self.store), 0)
        other = sqlite3.connect(self.catalog_path(), isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(6, other.rollback).start()  # longer than a collector would wait
        self.check(run("ls", "demo", "--filter", "steps:3", store=self.store), 0, "(?m)^count-1 ")
        other.close()

    def test_the_same_with_a_collector(self):
        questions = (
            ["ls"],
            ["ls", "demo"],
            ["ls", "demo", "--filter", "status:failed,waiting", "--json"],
            ["grep", "count", "demo"],
            ["diff", "demo", "count-1", "1"],
            ["state", "demo", "count-1"],
            ["show", "demo", "count-1", "--json"],
            ["steps", "demo", "count-2", "--json"],
        )
        before = [run(*q, store=self.store).stdout for q in questions]
        with Collector(self.store) as burr:
            url = burr.url()
            self.assertEqual([run(*q, store=self.store).stdout for q in questions], before)
            self.check(run("show", "demo", "count-2", store=self.store), 0, re.escape(url + "/p/demo/run/count-2"))

    def test_unknown_names(self):
        for args, text in (
            (["ls", "dmeo"], "no project 'dmeo'; did you mean demo"),
            (["ls", "nothing-like-it"], "no project 'nothing-like-it': burr ls lists"),
            (["ls", ".."], r"no project '\.\.'"),
            (["ls", "a/b"], "no project 'a/b'"),
            (["show", "demo", "count"], "2 runs of project 'demo' begin with 'count'"),
            (["show", "demo", "cuont-1"], "no run 'cuont-1' in project 'demo'; did you mean count-1"),
            (["state", "demo", "../demo/count-1"], "no run"),
            (["state", "demo", ""], "no run ''"),
            (["state", "nope", "x"], "no project"),
        ):
            with self.subTest(args=args):
                self.check(run(*args, store=self.store), 3, "^$", text)

    def test_no_store(self):
        nowhere = self.path("nowhere")
        for args in (["ls"], ["show", "a", "b"], ["state", "a", "b"], ["stop"], ["open"]):
            self.check(run(*args, store=nowhere), 3, "^$", "no store at .*/nowhere yet")
        self.check(run("status", store=nowhere), 3, "not running on .*/nowhere")
        self.assertEqual(json.loads(run("status", "--json", store=nowhere).stdout), {"running": False, "store": nowhere})
        self.assertFalse(os.path.exists(nowhere))
        with open(nowhere, "w", encoding="utf-8"):
            self.check(run("ls", store=nowhere), 1, "^$", "nowhere is not a folder")
        os.remove(nowhere)
        os.makedirs(nowhere)
        self.check(run("ls", store=nowhere), 0, "The store is empty")
        self.assertEqual([name for name in os.listdir(nowhere) if not name.startswith(".burr-catalog-")], [])

    def test_damage(self):
        log = os.path.join(self.store, "demo", "count-1", "log.jsonl")
        with open(log, "ab") as file:
            file.write(b'\xff\xfe garbage\n{"type":"end_entry"}\n\n{"type":"begin_entry","sequ')
        for name, text in (("metadata.json", "{"), ("graph.json", ""), ("children.jsonl", "[]\nx\n{\"child\":1}\n{")):
            with open(os.path.join(self.store, "demo", "count-1", name), "w", encoding="utf-8") as file:
                file.write(text)
        self.check(run("ls", "demo", store=self.store), 0, "count-1 +3")
        self.check(run("show", "demo", "count-1", store=self.store), 0, r"damaged +2 lines of log.jsonl, graph.json, metadata.json\n")
        answer = json.loads(self.check(run("show", "demo", "count-1", "--json", store=self.store), 0).stdout)
        self.assertEqual((answer["children"], answer["partition_key"], answer["step_count"]), ([], None, 3))
        self.assertEqual(answer["damaged_count"], 2)
        self.assertEqual(json.loads(run("state", "demo", "count-1", store=self.store).stdout), {"n": 3})

    def test_a_reader_that_goes_away(self):
        read, write = os.pipe()
        os.close(read)
        try:
            env = environment(BURR_STORE=self.store)
            result = subprocess.run([BURR, "ls"], env=env, stdout=write, stderr=subprocess.PIPE, timeout=WAIT_S)
            self.assertEqual(result.stderr, b"")
            self.assertEqual(result.returncode, -signal.SIGPIPE)
        finally:
            os.close(write)

    def test_an_output_that_is_full(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full here")
        with open("/dev/full", "w", encoding="utf-8") as full:
            env = environment(BURR_STORE=self.store)
            result = subprocess.run([BURR, "ls"], env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=WAIT_S)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write the output", result.stderr)


class StatusAndStop(Case):
    def test_status(self):
        with Collector(self.store) as burr:
            url = burr.url()
            text = self.check(run("status", store=self.store), 0).stdout
            self.assertRegex(text, rf"^burr \S+ is running\n  UI +{url}\n  store +\S+\n  pid +{burr.process.pid}, up ")
            answer = json.loads(self.check(run("status", "--json", store=self.store), 0).stdout)
            self.assertIs(answer["running"], True)
            self.assertEqual((answer["url"], answer["pid"], answer["store"]), (url, burr.process.pid, self.store))
            self.assertEqual(answer["status"]["pid"], burr.process.pid)

    def test_options_before_the_command(self):
        with Collector(self.store) as burr:
            burr.url()
            self.check(run("--store", self.store, "status", "--json"), 0, '"running":true')
            self.check(run("--store=" + self.store, "stop"), 0)
            self.assertEqual(burr.wait(), 0)

    def test_status_of_one_that_does_not_answer(self):
        with Collector(self.store) as burr:
            burr.url()
            burr.signal(signal.SIGSTOP)
            try:
                self.check(run("status", store=self.store), 0, "does not answer")
            finally:
                burr.signal(signal.SIGCONT)
            self.check(run("stop", store=self.store), 0)
            self.assertEqual(burr.wait(), 0)

    def stop_between_transactions(self, burr):
        """Stopped within one it would keep the catalog locked."""
        catalog = sqlite3.connect(self.catalog_path(), timeout=0, isolation_level=None)
        with contextlib.closing(catalog):
            while True:
                burr.signal(signal.SIGSTOP)
                os.waitid(os.P_PID, burr.process.pid, os.WSTOPPED)
                try:
                    catalog.execute("BEGIN IMMEDIATE")
                    catalog.execute("ROLLBACK")
                    return
                except sqlite3.OperationalError:
                    burr.signal(signal.SIGCONT)

    def test_runs_are_found_beside_one_that_does_not_answer(self):
        with Collector(self.store) as burr:
            burr.url()
            self.stop_between_transactions(burr)
            try:
                write_app(self.store, "demo", "new", [("count", {"n": 1}, None)])
                self.check(run("ls", "demo", "--filter", "steps:1", store=self.store), 0, "(?m)^new ")
                self.check(run("grep", "count", "demo", store=self.store), 0, "^new #0 count action")
            finally:
                burr.signal(signal.SIGCONT)

    def test_stop_reaches_one_that_no_longer_answers_writers(self):
        with Collector(self.store) as burr:
            burr.url()
            path = os.path.join(self.store, ".burr-socket")
            for _ in range(500):  # guests that leave while they are greeted
                with socket.socket(socket.AF_UNIX) as guest:
                    guest.connect(path)
            self.check(run("stop", store=self.store), 0, rf"process {burr.process.pid}\b")
            self.assertEqual(burr.wait(), 0)

    def test_a_note_that_lies_stops_nobody(self):
        bystander = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        try:
            with Collector(self.store) as burr:
                burr.url()
                with open(os.path.join(self.store, ".burr-collector"), "w", encoding="utf-8") as file:
                    json.dump({"pid": bystander.pid, "url": "http://localhost:1"}, file)
                self.check(run("stop", store=self.store), 0, rf"process {burr.process.pid}\b")
                self.assertEqual(burr.wait(), 0)
            self.assertIsNone(bystander.poll())
        finally:
            bystander.stdin.close()
            bystander.wait()

    def test_nothing_runs(self):
        os.makedirs(self.store)
        with open(os.path.join(self.store, ".burr-collector"), "w", encoding="utf-8") as file:
            file.write('{"pid":1,"url":"http://localhost:1"}')
        self.check(run("stop", store=self.store), 3, "not running")
        self.check(run("status", store=self.store), 3, "not running")
        self.check(run("open", store=self.store), 3, "^$", "start it with burr")


class Samples(Case):
    def setUp(self):
        super().setUp()
        self.samples = self.path("samples")
        self.told = self.path("told")
        os.mkfifo(self.told)
        self.env = environment(BURR_EXAMPLES_DIR=self.samples, TOLD=self.told, BURR_STORE=self.store)
        write_samples(self.samples, ["burr-demo-one", "burr-demo-two"])
        with open(os.path.join(self.samples, "samples.txt"), "w", encoding="utf-8") as file:
            file.write("burr-demo-one\ta first look\tburr-demo-one\nburr-demo-none\tis not there\n")

    def hear(self, count):
        """What so many samples have written to the fifo."""
        heard = []
        while len(heard) < count:
            with open(self.told, encoding="utf-8") as file:
                heard += file.read().split()
        return sorted(heard)

    def test_a_new_store_gets_them_once(self):
        with Collector(self.store, env=self.env) as burr:
            burr.url()
            self.assertTrue(any("2 sample programs" in line for line in burr.seen), burr.seen)
            self.assertEqual(self.hear(2), ["burr-demo-one", "burr-demo-two"])
            self.check(run("stop", store=self.store), 0)
            burr.wait()
        with Collector(self.store, env=self.env) as burr:
            burr.url()
            self.assertFalse(any("sample" in line for line in burr.seen), burr.seen)

    def test_no_demo(self):
        for option in ("--no-demo", "--no-copy-demo_data", "--no-copy_demo_data"):
            with self.subTest(option=option), Collector(self.path(option), option, env=self.env) as burr:
                burr.url()
                self.assertFalse(any("sample" in line for line in burr.seen), burr.seen)

    def test_a_store_with_projects_is_not_new(self):
        write_app(self.store, "mine", "a", [])
        with Collector(self.store, env=self.env) as burr:
            burr.url()
            self.assertFalse(any("sample" in line for line in burr.seen), burr.seen)

    def test_list(self):
        text = self.check(run("demo", "--list", env=self.env), 0).stdout
        self.assertEqual(text, "SAMPLE  SHOWS\none     a first look\ntwo\n")
        self.assertFalse(os.path.exists(self.store))

    def test_run(self):
        env = dict(self.env, TOLD="")
        text = self.check(run("demo", env=env), 0).stdout
        self.assertRegex(text, r"^one  a first look\n  done in .*, project burr-demo-one\ntwo\n  done in ")
        self.assertIn("burr ls", text)
        self.assertTrue(os.path.isdir(os.path.join(self.store, "burr-demo-two")))
        text = self.check(run("demo", "two", "--store", self.path("second"), env=env), 0).stdout
        self.assertNotIn("one", text.replace("done", ""))
        self.check(run("demo", "one", "tow", env=env), 3, "^$", "no sample 'tow'; did you mean two")

    def test_names_without_their_beginning(self):
        write_samples(self.samples, ["demo_counter"])
        env = dict(self.env, TOLD="")
        for name in ("counter", "demo_counter"):
            self.check(run("demo", name, env=env), 0, r"^demo_counter\n  done in .*, project demo_counter\n")

    def test_one_that_fails(self):
        write_samples(self.samples, ["burr-demo-bad"], code=5)
        result = run("demo", env=dict(self.env, TOLD=""))
        self.check(result, 1, r"^one .*\n  done .*\nbad\n  failed: exit code 5: burr-demo-bad speaks\ntwo\n")

    def test_without_samples(self):
        for folder in (self.path("missing"), self.folder):
            env = dict(self.env, BURR_EXAMPLES_DIR=folder)
            self.check(run("demo", env=env), 1, "^$", "no sample programs in")
            with Collector(self.path("new-" + os.path.basename(folder)), env=env) as burr:
                burr.url()


class Help(Case):
    def test_every_text_fits_and_helps(self):
        texts = [run("--help"), run("help"), run("-h"), run("--version")]
        texts += [run("help", command) for command in COMMANDS] + [run(command, "--help") for command in COMMANDS]
        for result in texts:
            self.check(result, 0)
            self.assertTrue(result.stdout.endswith("\n"))
            for line in result.stdout.splitlines():
                self.assertLessEqual(len(line), 80, line)
                self.assertEqual(line, line.rstrip())

    def test_the_overview_names_every_command(self):
        text = run("--help").stdout
        for command in COMMANDS:
            self.assertRegex(text, rf"(?m)^  {command}\b")

    def test_every_option_is_explained_where_it_works(self):
        for command in COMMANDS:
            text = run("help", command).stdout
            for option in ("--store", "--json", "--limit", "--port", "--list", "--raw", "--no-open"):
                taken = "takes no --" not in run(command, option, "1", "a", "b", "c", "d").stderr
                self.assertEqual(option in text, taken, (command, option))

    def test_version_and_licenses(self):
        self.check(run("--version"), 0, r"^burr \d+\.\d+\.\d+\n$")
        self.check(run("--licenses"), 0, r"h2o")


if __name__ == "__main__":
    if not os.access(BURR, os.X_OK):
        print("SKIP: the program is not built ($BURR)")
        sys.exit(77)
    unittest.main(verbosity=2)
