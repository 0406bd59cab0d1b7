"""Commands that look into a store: steps, search across it, test cases; with a collector, without one, and while
records are still in the spool of a program that stands still."""

import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

from harness import BUILD, BURR, StoreTest


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


ACTION = """
#include <burr/burr.h>
BURR_ACTION(work, "n", "n app", "by")
{
	burr_set_int(step, "n", burr_get_int(step, "n") + burr_input_int(step, "by", 0));
	burr_set_text(step, "app", "a \\"quoted\\" \\\\ text");
	return BURR_OK;
}
"""


def line(kind, seq, **members):
    times = {"begin_entry": "start_time", "end_entry": "end_time"}
    record = {"type": kind, times[kind]: f"2026-01-01T00:00:{seq % 60:02}.{seq // 60:06}Z", "action": "work", "sequence_id": seq}
    return json.dumps({**record, **members}, ensure_ascii=False, separators=(",", ":")) + "\n"


def begin(seq, inputs=None, **members):
    return line("begin_entry", seq, inputs=inputs or {}, **members)


def end(seq, state, exception=None, **members):
    return line("end_entry", seq, exception=exception, result=None, **members, state=state)


class Written(Commands):
    """Logs that the test writes."""

    def write(self, project, app, text, **metadata):
        folder = os.path.join(self.store, project, app)
        os.makedirs(folder)
        with open(os.path.join(folder, "log.jsonl"), "w", encoding="utf-8") as log:
            log.write(text)
        with open(os.path.join(folder, "metadata.json"), "w", encoding="utf-8") as file:
            json.dump({"type": "application_metadata", "partition_key": None, **metadata}, file)


class TestCase(Written):
    def setUp(self):
        super().setUp()
        text = 'a "quoted" \\ text'
        self.write(
            "project",
            "application-1",
            begin(0) + end(0, {"n": 1, "é": "日本", "__PRIOR_STEP": "x"})
            + begin(1, {"by": 4, "__context": {}}) + end(1, {"n": 5, "é": "日本", "app": text})
            + begin(2) + end(2, {"n": 5}, exception="it broke"),
        )  # fmt: skip
        self.write("project", "fork-1", begin(1, {"by": 1}) + end(1, {"n": 2}), parent_pointer={"app_id": "application-1", "sequence_id": 0})
        self.first = {"action": "work", "name": "work_applicat_1", "input_state": {"n": 1, "é": "日本"}, "expected_state": {"n": 5, "é": "日本", "app": text}}

    def create(self, *args):
        return self.burr("test-case", "create", *args)

    def test_the_case_alone(self):
        text = self.check(self.create("--project-name", "project", "--app-id", "application-1", "--sequence-id", "1"), 0)
        self.assertEqual(json.loads(text), [self.first])
        self.assertEqual(text, json.dumps([self.first], indent=2, ensure_ascii=False) + "\n")
        self.assertEqual(self.check(self.create("project", "appl", "--sequence-id", "1"), 0), text)

    def test_a_file_of_cases(self):
        path = os.path.join(self.folder, "cases.json")
        self.check(self.create("project", "application-1", "--sequence-id", "1", "--target-file-name", path), 0, "def test_work")
        failed = self.create("project", "application-1", "--sequence-id", "-1", "--target-file-name", path)
        self.check(failed, 0, "def test_work", "the step failed, so what its state should be is to be filled in")
        self.check(self.create("project", "fork-1", "--sequence-id", "1", "--target-file-name", path), 0)
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)
        self.assertEqual(cases[0], self.first)
        self.assertEqual((cases[1]["input_state"], cases[1]["expected_state"]), ({"n": 5}, {"TODO:": "fill this in"}))
        self.assertEqual(cases[2]["input_state"], {"n": 1, "é": "日本"})
        with open(path, "w", encoding="utf-8") as file:
            file.write("{}")
        refused = self.create("project", "application-1", "--sequence-id", "1", "--target-file-name", path)
        self.check(refused, 1, "^$", "is no list of test cases")
        nowhere = os.path.join(self.folder, "none", "cases.json")
        refused = self.create("project", "application-1", "--sequence-id", "1", "--target-file-name", nowhere)
        self.check(refused, 1, "^$", "cannot write .*No such file")

    def test_a_state_that_is_not_recorded(self):
        out = self.create("project", "application-1", "--sequence-id", "0")
        text = self.check(out, 0, r"^\[", "the state before step 0 is not recorded")
        self.assertEqual(json.loads(text)[0]["input_state"], {"TODO:": "fill this in"})

    def test_mistakes(self):
        for args, code, text in (
            (["project", "application-1"], 2, "needs --project-name, --app-id and --sequence-id"),
            (["project", "application-1", "--sequence-id", "9"], 3, "no finished step with sequence_id 9"),
            (["project", "nope", "--sequence-id", "1"], 3, "no run 'nope'"),
            (["project", "application-1", "--sequence-id", "1", "--partition-key", "x"], 3, "partition key"),
            (["project", "application-1", "--sequence-id", "1", "--template", "rust"], 2, "--template is pytest or c"),
        ):
            with self.subTest(args=args):
                self.check(self.create(*args), code, "^$", text)
        self.check(self.burr("test-case", "make", "a", "b"), 2, "^$", "knows create, not 'make'")

    def test_the_program_for_libburr(self):
        compiler = shutil.which("cc")
        if not compiler:
            self.skipTest("there is no C compiler")
        source = os.path.join(self.folder, "test_work.c")
        program = os.path.join(self.folder, "test_work")
        with open(source, "w", encoding="utf-8") as file:
            file.write(self.check(self.create("project", "application-1", "--sequence-id", "1", "--template", "c"), 0))
        with open(os.path.join(self.folder, "work.c"), "w", encoding="utf-8") as file:
            file.write(ACTION)
        include = os.path.join(os.environ["BURR_SOURCE"], "agent", "include")
        library = os.path.join(BUILD, "lib")
        flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", *os.environ.get("CFLAGS", "").split()]
        link = ["-L" + library, "-Wl,-rpath," + library, "-lburr"]
        made = subprocess.run([compiler, *flags, "-I" + include, source, "-o", program, *link], capture_output=True, text=True, timeout=60)
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        self.check(subprocess.run([program], capture_output=True, text=True, timeout=60), 0)
        with open(source, encoding="utf-8") as file:
            other = file.read().replace('\\"n\\":5', '\\"n\\":6')
        with open(source, "w", encoding="utf-8") as file:
            file.write(other)
        subprocess.run([compiler, *flags, "-I" + include, source, "-o", program, *link], check=True, timeout=60)
        self.check(subprocess.run([program], capture_output=True, text=True, timeout=60), 1, "^$", r'expected .*"n":6.*\n.*"n":5')


if __name__ == "__main__":
    if not os.access(BURR, os.X_OK):
        print("SKIP: the program is not built ($BURR)")
        sys.exit(77)
    unittest.main(verbosity=2)
