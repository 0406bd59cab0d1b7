"""The example programs: each records what it would record through Burr's own client, which is one line away."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
OUR_LINE = "from burr_collector import CollectorTrackingClient\n"
BURRS_LINE = "from burr.tracking import LocalTrackingClient as CollectorTrackingClient\n"
# What differs between two runs of one program, and what we add to Burr's records.
TIMES = {"start_time", "end_time", "time_logged", "stream_init_time", "first_item_time"}
OURS = {"_rec", "via"}


def run(source, home):
    program = pathlib.Path(home, "program.py")  # Burr reads the code of actions from the file
    program.write_text(source, encoding="utf-8")
    environment = {**os.environ, "HOME": home}
    return subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, timeout=120)


def without_injected(inputs):
    """Burr stores what it hands an action itself as well (__context), as a text that differs from run to run."""
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


def recorded(home):
    """What each run of the store says, without what differs from run to run; the runs in an order of their own."""
    runs = []
    for log in pathlib.Path(home, ".burr").glob("*/*/log.jsonl"):
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        kept = [{k: v for k, v in record.items() if k not in TIMES | OURS} for record in records]
        for record in kept:
            if "inputs" in record:
                record["inputs"] = without_injected(record["inputs"])
        graph = json.loads(log.with_name("graph.json").read_text(encoding="utf-8"))
        metadata = json.loads(log.with_name("metadata.json").read_text(encoding="utf-8"))
        parents = [bool(metadata[key]) for key in ("parent_pointer", "spawning_parent_pointer")]
        runs.append({"project": log.parent.parent.name, "records": kept, "graph": graph, "parents": parents})
    return sorted(runs, key=json.dumps)


def children(home):
    files = pathlib.Path(home, ".burr").glob("*/*/children.jsonl")
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


class Examples(unittest.TestCase):
    maxDiff = 4000

    def assert_recorded_alike(self, name, runs, spawned=0):
        source = (EXAMPLES / name).read_text(encoding="utf-8")
        self.assertEqual(source.count(OUR_LINE), 1)
        with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as burrs:
            for home, text in ((ours, source), (burrs, source.replace(OUR_LINE, BURRS_LINE))):
                ran = run(text, home)
                self.assertEqual((ran.returncode, ran.stderr), (0, ""), f"{name}: {ran.stdout}")
                self.assertIn("recorded as ", ran.stdout)
            self.assertEqual(len(recorded(ours)), runs)
            self.assertEqual(recorded(ours), recorded(burrs))
            self.assertEqual((children(ours), children(burrs)), (spawned, spawned))

    def test_counter(self):
        self.assert_recorded_alike("counter.py", 1)

    def test_a_chat_that_streams(self):
        self.assert_recorded_alike("chat.py", 1)

    def test_parallel_sub_applications(self):
        self.assert_recorded_alike("parallel.py", 4, spawned=3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
