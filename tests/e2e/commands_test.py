"""Commands that look into a store: steps, search across it, test cases; with a collector, without one, and while
records are still in the spool of a program that stands still."""

import json
import os
import signal
import subprocess
import sys
import unittest

from harness import BURR, StoreTest


class Commands(StoreTest):
    def check(self, result, code, out=r"^", err=r"^$"):
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        self.assertRegex(result.stdout, out)
        self.assertRegex(result.stderr, err)
        return result.stdout

    def json(self, command, *args):
        return json.loads(self.check(self.burr(command, *args, "--json"), 0))


class Held(Commands):
    """What a call has recorded is seen at once, though the program that made it stands still and nobody else appends."""

    def stopped_writer(self, steps=3):
        (writer,) = self.holders(1, steps)
        with self.nobody_appends():
            self.go([writer])
            writer.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, writer.pid, os.WSTOPPED | os.WNOWAIT)
        self.assertEqual(os.path.getsize(self.log_path("app0")), 0)
        return writer

    def assert_all_seen(self):
        steps = self.json("steps", "project", "app0")["steps"]
        self.assertEqual([(s["sequence_id"], s["status"]) for s in steps], [(0, "ok"), (1, "ok"), (2, "ok"), (3, "open")])

    def test_without_a_collector(self):
        for command, pattern in (
            (["show", "project", "app0"], r"(?m)^  status +running$(.|\n)*^ +2 .* ok .*\n +3 .* open$"),
            (["steps", "project", "app0"], r"(?m)^ +2 .* ok .*\n +3 .* open$"),
            (["ls", "project"], r"(?m)^app0 +4 .* running$"),
            (["ls", "project", "--filter", "steps:4 state.n:2"], r"(?m)^app0 +4 "),
            (["grep", "work", "project"], r"(?m)^app0 #2 work action: "),
            (["tail", "project", "app0"], r"(?m)^#2 .* work  ok"),
        ):
            with self.subTest(command=command):
                writer = self.stopped_writer()
                self.check(self.burr(*command), 0, pattern)
                self.go_on(writer)

    def go_on(self, writer):
        """It ends its step and itself; each record is in the log once."""
        writer.send_signal(signal.SIGCONT)
        writer.communicate("go\n", timeout=60)
        self.assertEqual(writer.returncode, 0)
        kinds = [(r["type"], r["sequence_id"]) for r in self.log("app0")]
        self.assertEqual(kinds, [(kind, n) for n in range(4) for kind in ("begin_entry", "end_entry")])
        os.unlink(self.log_path("app0"))

    def test_with_a_collector(self):
        writer = self.stopped_writer()
        self.collector()
        self.assert_all_seen()
        self.go_on(writer)

    def test_after_a_collector_that_was_killed(self):
        collector = self.collector()
        (writer,) = self.holders(1, 3)
        collector.pause()
        self.go([writer])
        writer.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, writer.pid, os.WSTOPPED | os.WNOWAIT)
        collector.kill()
        self.assert_all_seen()

    def test_of_a_program_that_was_killed(self):
        writer = self.stopped_writer()
        writer.kill()
        writer.wait()
        self.assert_all_seen()
        self.check(self.burr("show", "project", "app0"), 0, r"(?m)^  status +lost, last seen ")

    def test_beside_a_collector_that_stands_still(self):
        collector = self.collector()
        (writer,) = self.holders(1, 3)
        collector.pause()
        self.go([writer])
        self.check(self.burr("steps", "project", "app0"), 0, "^", "^burr: the last records of running programs are not .*collector")


class ReadOnly(Commands):
    """A store that can only be read: the catalog is made in a temporary folder, and goes with the command."""

    def setUp(self):
        super().setUp()
        self.writer("record", "app", 0, 3).communicate(timeout=60)
        self.temporary = os.path.join(self.folder, "tmp")
        os.mkdir(self.temporary)
        os.chmod(self.temporary, 0o777)
        os.chmod(self.folder, 0o755)
        for path, _, files in os.walk(self.store):
            os.chmod(path, 0o555)
            for name in files:
                os.chmod(os.path.join(path, name), 0o444)
        self.addCleanup(lambda: [os.chmod(path, 0o755) for path, _, _ in os.walk(self.store)])

    def burr(self, command, *args):
        nobody = {"user": 65534} if os.geteuid() == 0 else {}  # no mode stops root
        return subprocess.run(
            [BURR, command, "--store", self.store, *args],
            capture_output=True,
            text=True,
            timeout=60,
            env=dict(os.environ, TMPDIR=self.temporary),
            **nobody,
        )

    def test_commands_work(self):
        before = sorted(os.listdir(self.store))
        for command, pattern in (
            (["ls"], r"(?m)^project +1 "),
            (["ls", "project"], r"(?m)^app +3 .* waiting$"),
            (["show", "project", "app"], r"(?m)^ +2 .* ok "),
            (["steps", "project", "app", "1"], r"(?m)^ +1 .* ok "),
            (["state", "project", "app"], '"n":2'),
            (["diff", "project", "app", "1"], "n  0 → 1"),
            (["grep", "work", "project"], r"(?m)^app #2 work action: "),
            (["tail", "project", "app"], r"(?m)^#2 .* work  ok"),
            (["verify"], "all is well"),
        ):
            with self.subTest(command=command):
                self.check(self.burr(*command), 0, pattern)
        self.assertEqual(sorted(os.listdir(self.store)), before)
        self.assertEqual(os.listdir(self.temporary), [])


if __name__ == "__main__":
    if not os.access(BURR, os.X_OK):
        print("SKIP: the program is not built ($BURR)")
        sys.exit(77)
    unittest.main(verbosity=2)
