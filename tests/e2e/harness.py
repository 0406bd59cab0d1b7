"""What the end-to-end tests share: programs under test, temporary stores, a collector, and reading logs.

Everything waits on events (a line of output, the end of a process), and every process that is started is ended by
its own handle.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

BUILD = pathlib.Path(os.environ["BURR_BUILD"])
BURR = pathlib.Path(os.environ["BURR"])
WRITER = BUILD / "tests" / "e2e_writer"
# Sanitizer builds are slower; the counts of the larger tests are divided by this.
SLOWER = int(os.environ.get("BURR_TEST_SLOWER", "1"))


class Collector:
    """`burr serve` on a store. Started when it has printed its address; stop() and kill() end it."""

    def __init__(self, store, *options):
        environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "SSH_CONNECTION")}
        self.process = subprocess.Popen(
            [BURR, "serve", "--store", store, "--port", "0", "--no-open", "--no-demo", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.lines = []
        self.url = None
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"http://\S+:\d+", line)
            if found:
                self.url = found.group(0).replace("localhost", "127.0.0.1")
                break
        if not self.url:
            raise RuntimeError("the collector did not start: " + "".join(self.lines))

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def signal(self, number):
        self.process.send_signal(number)

    def pause(self):
        """SIGSTOP it; returns when it stands still."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def stop(self):
        """End it as its owner would; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self._reap()

    def kill(self):
        self.process.kill()
        return self._reap()

    def _reap(self):
        self.lines += self.process.stdout.readlines()
        self.process.stdout.close()
        return self.process.wait(timeout=60)


class StoreTest(unittest.TestCase):
    """A test with an empty store in self.store, and helpers whose processes end with the test."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="burr-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = os.path.join(self.folder, "store")

    def collector(self, *options, store=None):
        collector = Collector(store or self.store, *options)
        self.addCleanup(self._end_collector, collector)
        return collector

    @staticmethod
    def _end_collector(collector):
        with contextlib.suppress(ProcessLookupError, ValueError):
            collector.signal(signal.SIGCONT)
        if collector.process.poll() is None:
            collector.kill()
        elif not collector.process.stdout.closed:
            collector.process.stdout.close()

    def writer(self, mode, *args, store=None):
        process = subprocess.Popen(
            [WRITER, mode, store or self.store, "project", *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self._end_writer, process)
        return process

    @staticmethod
    def _end_writer(process):
        if process.poll() is None:
            process.kill()
        process.wait(timeout=60)
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def burr(self, command, *args):
        """A command of the program on the store, to its end."""
        return subprocess.run([BURR, command, "--store", self.store, *args], capture_output=True, text=True, timeout=60)

    @contextlib.contextmanager
    def nobody_appends(self):
        """While it lasts no program gets a record out of its spool."""
        fd = os.open(os.path.join(self.store, ".burr-append"), os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def holders(self, count, steps):
        """Writers app0, app1, … that have made their applications and wait for go()."""
        writers = [self.writer("hold", f"app{i}", steps) for i in range(count)]
        for writer in writers:
            self.assertEqual(writer.stdout.readline(), "ready\n")
        return writers

    def go(self, writers):
        """Record the steps and begin one more."""
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
        for writer in writers:
            self.assertEqual(writer.stdout.readline(), "holding\n")

    def log_path(self, app, project="project"):
        return os.path.join(self.store, project, app, "log.jsonl")

    def log(self, app):
        """The records of a log; fails the test on an unfinished or unreadable line."""
        with open(self.log_path(app), "rb") as file:
            text = file.read()
        self.assertTrue(text == b"" or text.endswith(b"\n"), f"{app}: the last line is torn")
        return [json.loads(line) for line in text.decode("utf-8").splitlines()]

    def assert_steps(self, app, count):
        """Steps 0 … count-1, each begun and ended once, in order, each with its own state."""
        expected = [(kind, n) for n in range(count) for kind in ("begin_entry", "end_entry")]
        records = self.log(app)
        self.assertEqual([(r["type"], r["sequence_id"]) for r in records], expected)
        for record in records:
            if record["type"] == "end_entry":
                self.assertEqual(record["state"], {"n": record["sequence_id"], "app": app})
        identities = [r["_rec"] for r in records]
        self.assertEqual(len(set(identities)), len(identities))
