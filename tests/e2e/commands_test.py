"""Commands that look into a store: steps, search across it, test cases; with a collector, without one, and while
records are still in the spool of a program that stands still."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from harness import BUILD, BURR, StoreTest


class Commands(StoreTest):
    def check(self, result, code, out=r"^", err=r"^$"):
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        self.assertRegex(result.stdout, out or "^")
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

    def somebody_appends(self):
        with open(os.path.join(self.store, ".burr-append"), "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

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

    def ask_api(self, path):
        """Ask a collector that has just started, before it looks at spools by itself for the second time."""
        self.stopped_writer()
        recorded = time.monotonic()
        collector = self.collector()
        deadline = time.monotonic() + 30
        while not self.somebody_appends():
            self.assertLess(time.monotonic(), deadline)
        time.sleep(max(0, recorded + 0.06 - time.monotonic()))  # INGEST_HELD_MS: its age is what counts
        return collector.get(path)

    def test_by_the_api(self):
        answer = self.ask_api("/api/v1/projects/project/runs/app0/steps")
        self.assertEqual([step["sequence_id"] for step in answer["steps"]], [0, 1, 2, 3])

    def test_by_version_0(self):
        answer = self.ask_api("/api/v0/project/app0/__none__/apps")
        self.assertEqual([step["step_start_log"]["sequence_id"] for step in answer["steps"]], [0, 1, 2, 3])

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


class Search(Written):
    def setUp(self):
        super().setUp()
        for n, (project, app) in enumerate([("one", "a"), ("two", "b"), ("one", "c"), ("three", "d")]):
            text = begin(60 * n, {"q": f"needle {n}"}) + end(60 * n, {"n": n})
            self.write(project, app, text.replace("T00:00:", f"T00:0{n}:"))

    def test_the_whole_store(self):
        lines = self.check(self.burr("grep", "needle"), 0).splitlines()
        self.assertEqual([line.split(" #")[0] for line in lines], ["three / d", "one / c", "two / b", "one / a"])
        hits = self.json("grep", "NEEDLE")
        self.assertEqual([(h["project"], h["app_id"], h["field"]) for h in hits][:2], [("three", "d", "inputs"), ("one", "c", "inputs")])
        lines = self.check(self.burr("grep", "needle", "--limit", "2"), 0).splitlines()
        self.assertEqual((len(lines), lines[2]), (3, "… there may be more: --limit 0 shows all"))

    def test_a_project_and_a_run(self):
        for args, runs in ((["-p", "one"], ["c", "a"]), (["one"], ["c", "a"]), (["--project", "one", "a"], ["a"]), (["one", "a"], ["a"])):
            with self.subTest(args=args):
                lines = self.check(self.burr("grep", "needle", *args), 0).splitlines()
                self.assertEqual([line.split(" #")[0] for line in lines], runs)
        self.check(self.burr("grep", "needle 0", "two"), 3, "^$")
        self.check(self.burr("grep", "needle 9", "--json"), 3, r"^\[\]\n$")
        self.check(self.burr("grep", "needle", "-p", "one", "a", "b"), 2, "^$", "named twice")

    def test_the_same_with_a_collector(self):
        before = self.json("grep", "needle")
        collector = self.collector()
        self.assertEqual(self.json("grep", "needle"), before)
        runs = []
        cursor = ""
        while cursor is not None:
            page = collector.get("/api/v1/search?q=needle" + (f"&cursor={cursor}" if cursor else ""))
            runs += page["runs"]
            cursor = page["next"]
        self.assertEqual([(r["project"], r["app_id"]) for r in runs], [(h["project"], h["app_id"]) for h in before])


class Steps(Written):
    """Of a run of 500 steps, one of which failed, was tried again, and took long."""

    def setUp(self):
        super().setUp()
        text = "".join(begin(n) + end(n, {"n": n // 50}) for n in range(417))
        text += begin(417) + end(417, {"n": 8}, exception="Traceback (most recent call last):\n  File\nValueError: no\n")
        text += begin(417) + end(417, {"n": 8}).replace(".000006Z", ".250006Z", 1)
        text += "".join(begin(n) + end(n, {"n": n // 50, "slow": True}) for n in range(418, 500)) + begin(500)
        self.write("project", "long", text)

    def numbers(self, *args):
        return [s["sequence_id"] for s in self.json("steps", "project", "long", *args)["steps"]]

    def test_which(self):
        self.assertEqual(self.numbers(), list(range(501)))
        self.assertEqual(self.numbers("--limit", "3"), [498, 499, 500])
        self.assertEqual(self.numbers("417"), list(range(412, 423)))
        self.assertEqual(self.numbers("2"), list(range(8)))
        self.assertEqual(self.numbers("10..12"), [10, 11, 12])
        self.assertEqual(self.numbers("..2"), [0, 1, 2])
        self.assertEqual(self.numbers("499.."), [499, 500])
        self.assertEqual(self.numbers("100..", "--limit", "2"), [100, 101])
        self.assertEqual(self.numbers("--status", "open"), [500])
        self.assertEqual(self.numbers("--status", "failed"), [])
        self.assertEqual(self.numbers("--status", "failed", "--attempts"), [417])
        self.assertEqual(self.numbers("416..418", "--attempts"), [416, 417, 417, 418])
        self.assertEqual(self.numbers("--changed", "slow"), [418])
        self.assertEqual(self.numbers("--changed", "n", "--limit", "0"), list(range(50, 500, 50)))
        self.assertEqual(self.numbers("--slower", "0.2s"), [417])
        self.assertEqual(self.numbers("--action", "none"), [])

    def test_a_table(self):
        lines = self.check(self.burr("steps", "project", "long"), 0).splitlines()
        self.assertRegex(lines[0], r"^… 481 earlier steps: --limit 0 shows all$")
        self.assertRegex(lines[1], r"^STEP +STARTED +ACTION +STATUS +TOOK$")
        self.assertRegex(lines[-1], r"^ 500 .* work +(open|unknown)$")
        self.assertEqual(len(lines), 22)
        lines = self.check(self.burr("steps", "project", "long", "417", "--attempts"), 0).splitlines()
        self.assertRegex(lines[0], r"^STEP +ATTEMPT +STARTED +ACTION +STATUS +TOOK +CHANGED +ERROR$")
        self.assertRegex(lines[6], r"^ 417 +1 +\S.* work +failed +0 µs +ValueError: no$")
        self.assertRegex(lines[7], r"^ 417 +2 +\S.* work +ok +250 ms$")
        self.assertRegex(lines[8], r"^ 418 +1 +\S.* work +ok +0 µs +slow$")
        lines = self.check(self.burr("steps", "project", "long", "100.."), 0).splitlines()
        self.assertEqual(lines[-1], "… 381 more steps: 120.. goes on")

    def test_folded(self):
        lines = self.check(self.burr("steps", "project", "long", "--fold"), 0).splitlines()
        self.assertRegex(lines[1], r"^0\.\.499 .* work +×500 ")
        self.assertRegex(lines[2], r"^ +500 .* work +open")
        groups = self.json("steps", "project", "long", "--fold", "--attempts")["groups"]
        self.assertEqual(groups[0], {"from": 0, "to": 416, "times": 417, "actions": ["work"]})
        self.assertEqual([groups[1]["sequence_id"], groups[2]["from"]], [417, 417])

    def test_mistakes(self):
        for args, code, text in (
            (["501"], 3, "run 'long' has no step 501"),
            (["9999"], 3, "run 'long' has no step 9999"),
            (["x"], 2, "neither the number of a step nor a range"),
            (["5..3"], 2, "neither the number"),
            ([".."], 2, "neither the number"),
            (["-1"], 2, "no option '-1'"),
            (["--status", "done"], 2, "--status is ok, failed or open"),
            (["--slower", "soon"], 2, "--slower is a time like"),
        ):
            with self.subTest(args=args):
                self.check(self.burr("steps", "project", "long", *args), code, "", text)
        self.check(self.burr("steps", "project", "long", "--action", "none"), 0, "^No step fits")


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

    def test_an_action_that_is_called_like_a_keyword(self):
        for action in ("class", "default", "_Bool", "main"):
            with self.subTest(action=action):
                steps = [begin(i, action=action) + end(i, {"n": i}, action=action) for i in range(2)]
                self.write("project", action, "".join(steps))
                create = ["project", action, "--sequence-id", "1", "--template"]
                text = self.check(self.create(*create, "pytest"), 0)
                compile(text, "test.py", "exec")
                self.assertIn(f"from application import {action}_ ", text)
                self.assertIn(f"&{action}_)", self.check(self.create(*create, "c"), 0))

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
