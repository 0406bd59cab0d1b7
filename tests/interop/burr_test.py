"""Real Burr and this one on the same stores, both ways: Burr loads and serves what we wrote; we serve what Burr wrote.

Needs burr[start]==0.40.2 and pytest from PyPI, in a virtual environment of the build folder; where it cannot be had, the test is
skipped with the reason.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import BUILD, BURR, Collector  # noqa: E402
from venv_of import virtual_environment  # noqa: E402

VENV = BUILD / "interop-venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENT = "burr[start]==0.40.2"
SAMPLES = BUILD / "libexec" / "burr" / "examples"
PYTHON_PACKAGE = pathlib.Path(os.environ["BURR_SOURCE"]) / "agent" / "python"
REAL_STORE = pathlib.Path(
    os.environ.get("BURR_REAL_STORE", pathlib.Path(os.environ["BURR_SOURCE"]).parent / "shared" / "real-burr")
)

LOAD_ALL = """
import json, sys
from burr.tracking import LocalTrackingClient
answers = []
for project, app_id, partition_key, sequence_id in json.load(sys.stdin):
    client = LocalTrackingClient(project, storage_dir=sys.argv[1])
    loaded = client.load(partition_key, app_id, sequence_id)
    state, entry_point = LocalTrackingClient.load_state(project, app_id, storage_dir=sys.argv[1])
    answers.append({"loaded": {k: loaded[k] for k in ("app_id", "partition_key", "sequence_id", "position", "status")},
                    "state": loaded["state"].get_all(), "last": state, "entry_point": entry_point})
json.dump(answers, sys.stdout, default=str)
"""


COUNT = """
from burr.core import State, action

@action(reads=["count"], writes=["count"])
def count(state: State) -> State:
    return state.update(count=state["count"] + {step})
"""


def setUpModule():
    virtual_environment(VENV, ["burr", "pytest"], [REQUIREMENT, "pytest"])


class BurrServer:
    """Burr's own server on a store."""

    def __init__(self, store):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [PYTHON, "-m", "uvicorn", "burr.tracking.server.run:app", "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "burr_path": str(store)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Uvicorn running" in line:
                return
        raise RuntimeError("Burr's server did not start: " + "".join(lines))

    def stop(self):
        self.process.terminate()
        self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait(timeout=30)


class Interop(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="burr-interop-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_samples(self, store):
        for program in sorted(SAMPLES.glob("demo_*")):
            ran = subprocess.run(
                [program], env={**os.environ, "BURR_STORE": str(store)}, capture_output=True, text=True, timeout=60
            )
            self.assertEqual(ran.returncode, 0, ran.stderr)

    def state_of(self, store, project, app_id, *options):
        out = subprocess.run(
            [BURR, "state", "--store", store, project, app_id, "--json", *options], capture_output=True, text=True
        )
        self.assertEqual(out.returncode, 0, out.stderr)
        return json.loads(out.stdout)

    def finished_steps(self, log):
        with open(log, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        return [r["sequence_id"] for r in records if r["type"] == "end_entry"]

    def run_python_examples(self, store):
        environment = {
            **os.environ,
            "BURR_STORE": str(store),
            "BURR_LIBRARY": str(BUILD / "lib" / "libburr.so.0"),
            "BURR_TELEMETRY_ENABLED": "false",
            "PYTHONPATH": str(PYTHON_PACKAGE),
        }
        for program in sorted((PYTHON_PACKAGE / "examples").glob("*.py")):
            ran = subprocess.run([PYTHON, program], env=environment, capture_output=True, text=True, timeout=60)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), program)

    def test_burr_loads_what_we_wrote(self):
        store = self.folder / "ours"
        self.run_samples(store)
        self.assertGreater(self.load_all(store), 50)

    def test_burr_loads_and_serves_what_the_python_client_wrote(self):
        store = self.folder / "python"
        self.run_python_examples(store)
        self.assertGreater(self.load_all(store), 10)
        self.serve_both(store, "--write")

    def load_all(self, store):
        """Burr's own client loads some steps of each run, and gives what `burr state` gives. How many."""
        questions = []
        for log in sorted(store.glob("*/*/log.jsonl")):
            steps = self.finished_steps(log)
            metadata = json.loads((log.parent / "metadata.json").read_text())
            questions += [
                (log.parent.parent.name, log.parent.name, metadata["partition_key"], number)
                for number in steps[:: max(1, len(steps) // 5)]
            ]
        ran = subprocess.run(
            [PYTHON, "-c", LOAD_ALL, store], input=json.dumps(questions), capture_output=True, text=True
        )
        self.assertEqual(ran.returncode, 0, ran.stderr)
        for (project, app_id, partition_key, number), answer in zip(questions, json.loads(ran.stdout)):
            self.assertEqual(answer["loaded"]["sequence_id"], number)
            self.assertEqual(answer["loaded"]["partition_key"], partition_key)
            ours = self.state_of(store, project, app_id, "--sequence-id", str(number))
            theirs = {k: v for k, v in answer["state"].items() if not k.startswith("__")}
            self.assertEqual(theirs, ours["state"])
            self.assertEqual(answer["loaded"]["position"], ours["position"])
            last = self.state_of(store, project, app_id)
            hidden = {"__SEQUENCE_ID": last["sequence_id"]}
            self.assertEqual(answer["last"], {**last["state"], **hidden})
            self.assertEqual(answer["entry_point"], last["position"])
        return len(questions)

    def compare(self, reference, ours, store, *options):
        ran = subprocess.run(
            [sys.executable, HERE / "compare_v0.py", reference, ours, store, *options], capture_output=True, text=True
        )
        print(ran.stdout.strip().splitlines()[-1] if ran.stdout else "")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def serve_both(self, store, *options):
        copy = self.folder / "copy"
        shutil.copytree(store, copy, ignore=shutil.ignore_patterns(".burr-*"))
        theirs = BurrServer(copy)
        self.addCleanup(theirs.stop)
        ours = Collector(store)
        self.addCleanup(ours.stop)
        self.compare(theirs.url, ours.url, store, *options)

    def test_burrs_server_and_ours_answer_the_same_for_what_we_wrote(self):
        store = self.folder / "ours"
        self.run_samples(store)
        self.serve_both(store, "--write")

    def test_and_for_what_burr_wrote(self):
        if not REAL_STORE.is_dir():
            self.skipTest(f"{REAL_STORE} is not there")
        store = self.folder / "real"
        shutil.copytree(REAL_STORE, store)
        self.serve_both(store, "--write")

    def test_a_test_case_runs_under_pytest(self):
        store = self.folder / "ours"
        subprocess.run([SAMPLES / "demo_counter"], env={**os.environ, "BURR_STORE": str(store)}, check=True, capture_output=True, timeout=60)
        tests = self.folder / "tests"
        tests.mkdir()
        for number in ("0", "3"):
            made = subprocess.run(
                [BURR, "test-case", "create", "--store", store, "--project-name", "demo_counter", "--app-id", "count-to-10"]
                + ["--sequence-id", number, "--target-file-name", "cases.json"],
                cwd=tests, capture_output=True, text=True,
            )  # fmt: skip
            self.assertEqual((made.returncode, made.stderr), (0, ""))
        (tests / "test_count.py").write_text(made.stdout)
        burrs_own = "from burr.testing import load_test_cases; print(len(load_test_cases('cases.json')[0]))"
        loaded = subprocess.run([PYTHON, "-c", burrs_own], cwd=tests, capture_output=True, text=True)
        self.assertEqual((loaded.stdout, loaded.returncode), ("2\n", 0), loaded.stderr)
        for step, code, told in ((1, 0, "2 passed"), (2, 1, "2 failed")):
            (tests / "application.py").write_text(COUNT.format(step=step))
            ran = subprocess.run([PYTHON, "-B", "-m", "pytest", "-q"], cwd=tests, capture_output=True, text=True, timeout=120)
            self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
            self.assertIn(told, ran.stdout)

    def burr_writes(self, store, app_id, source="new"):
        ran = subprocess.run([PYTHON, HERE / "burr_counter.py", store, "mixed", app_id, source], capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return int(ran.stdout)

    def test_both_in_one_store_while_a_collector_runs(self):
        store = self.folder / "both"
        collector = Collector(store)
        self.addCleanup(collector.stop)
        self.assertEqual(self.burr_writes(store, "theirs"), 5)
        writer = subprocess.run(
            [BUILD / "tests" / "e2e_writer", "record", store, "mixed", "ours", "0", "3"], capture_output=True, text=True
        )
        self.assertEqual(writer.returncode, 0, writer.stderr)
        # Burr forks one of its runs with a collector looking on.
        self.assertEqual(self.burr_writes(store, "fork", "theirs"), 5)
        self.assertEqual(self.state_of(store, "mixed", "theirs")["state"]["count"], 5)
        self.assertEqual(self.state_of(store, "mixed", "ours")["state"], {"n": 2, "app": "ours"})
        # What Burr wrote shows by itself: the collector is told of changes, the stream says when it has looked.
        url = f"{collector.url}/api/v1/events?topics=project/mixed"
        with urllib.request.urlopen(url, timeout=30) as stream:
            while collector.get("/api/v0/mixed/__none__/apps?limit=10&offset=0")["total"] < 3:
                self.assertTrue(stream.readline(), "the stream ended")
        for app_id, steps in (("theirs", 6), ("ours", 3), ("fork", 0)):
            run = collector.get(f"/api/v0/mixed/{app_id}/__none__/apps")
            self.assertEqual(len(run["steps"]), steps)
        self.assertEqual(run["parent_pointer"]["app_id"], "theirs")


if __name__ == "__main__":
    program = unittest.main(verbosity=2, exit=False)
    result = program.result
    if result.wasSuccessful() and result.testsRun == 0 and result.skipped:
        print("SKIP: " + result.skipped[0][1])
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() else 1)
