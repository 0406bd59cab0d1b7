"""The samples, as their readers meet them: run (twice, on one store), built by the line in their header, installed.

Arguments name the class to run: Runs, Build, Install or Valgrind. Nothing here needs a collector.
"""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["BURR_BUILD"])
SOURCES = pathlib.Path(__file__).resolve().parent
SAMPLES = BUILD / "libexec" / "burr" / "examples"
AGAIN = "-run-2"  # what sample_new_id puts behind a name that is taken

# Project: its runs, and how many steps each has.
RUNS = {
    "demo_counter": {"count-to-1": 2, "count-to-10": 11, "count-to-100": 101},
    "demo_chat": {"chat-1-animals": 12, "chat-2-weather": 10, "chat-3-sums": 17},
    "demo_failure": {"order-1001": 3, "order-1002": 5},
    "demo_parallel": {
        "research-tea": 2,
        "research-tea:history": 4,
        "research-tea:farming": 3,
        "research-tea:chemistry": 5,
        "research-tea:customs": 2,
    },
    "demo_fork": {"trip-to-prague": 5, "trip-to-prague-by-train": 3},
    "demo_processes": {f"worker-{i}": 49 for i in range(1, 5)},
    "demo_cpp": {"guess-7": 13, "guess-42": 15, "guess-99": 13},
    "demo_own_loop": {"download-maps": 22, "download-music": 10, "download-photos": 14},
}
NAMES = list(RUNS)
# The thread sanitizer ends a forked child that starts a thread where one of its parent's had been.
LEFT_OUT = {"demo_processes"} if "thread" in os.environ.get("BURR_SANITIZED", "") else set()
RUNS = {program: runs for program, runs in RUNS.items() if program not in LEFT_OUT}
FIRST_STEP = {"trip-to-prague-by-train": 2}  # 0 where nothing else is said
OPEN_BETWEEN_STEPS = {"demo_chat"}  # its runs wait for their user
TYPES = {
    "begin_entry",
    "end_entry",
    "begin_span",
    "end_span",
    "attribute",
    "begin_stream",
    "first_item_stream",
    "end_stream",
    "end_application",
}


def samples():
    """[program, title] in the order to show."""
    return [line.split("\t") for line in (SAMPLES / "samples.txt").read_text().splitlines()]


def run(program, store, *before, **environment):
    if pathlib.Path(program).name == "demo_processes":
        # Its forked children inherit memory and the list of threads, but no threads, and the leak sanitizer says so.
        environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return subprocess.run(
        [*before, program],
        env={**os.environ, "BURR_STORE": str(store), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def again(app_id):
    """The same run of the second time: what was spawned carries its parent's name in front."""
    name, colon, topic = app_id.partition(":")
    return name + AGAIN + colon + topic


def for_each_run(test):
    """The test once for every run in the store: project, app_id, its steps, the first one's number."""

    @functools.wraps(test)
    def all_runs(self):
        for project, runs in RUNS.items():
            for app_id, steps in runs.items():
                for name in (app_id, again(app_id)):
                    with self.subTest(project=project, app_id=name):
                        test(self, project, name, steps, FIRST_STEP.get(app_id, 0))

    return all_runs


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="burr-examples-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def assert_ran(self, ended):
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        self.assertEqual(ended.stderr, "")


class Runs(unittest.TestCase):
    """Every sample has run twice on one store, which the tests then read."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="burr-examples-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.store = cls.folder / "store"
        cls.ended = {}
        cls.after_first = {}
        for program in RUNS:
            first = run(SAMPLES / program, cls.store)
            cls.after_first[program] = cls.read_bytes(program)
            cls.ended[program] = (first, run(SAMPLES / program, cls.store))

    @classmethod
    def read_bytes(cls, project):
        return {path: path.read_bytes() for path in (cls.store / project).rglob("*") if path.is_file()}

    def app_json(self, project, app_id, name):
        return json.loads((self.store / project / app_id / name).read_text())

    def lines(self, project, app_id, name="log.jsonl"):
        """Fails the test on a line that is unfinished or no JSON object."""
        text = (self.store / project / app_id / name).read_text()
        self.assertTrue(text.endswith("\n"), f"{app_id}/{name}: its last line is torn")
        records = [json.loads(line) for line in text.splitlines()]
        for record in records:
            self.assertIsInstance(record, dict)
        return records

    def ends(self, project, app_id):
        return [r for r in self.lines(project, app_id) if r["type"] == "end_entry"]

    def test_the_list_names_every_sample(self):
        self.assertEqual([program for program, _ in samples()], NAMES)
        self.assertTrue(all(title for _, title in samples()))

    def test_each_ends_well_and_says_where_to_look(self):
        for program, ended in self.ended.items():
            for once, name_of in zip(ended, (str, again)):
                with self.subTest(program=program):
                    self.assertEqual(once.returncode, 0, once.stderr)
                    self.assertEqual(once.stderr, "")
                    for app_id in RUNS[program]:
                        if ":" in app_id:
                            continue  # spawned: reached from its parent
                        app_id = name_of(app_id)
                        place = rf"/p/{program}/run/{app_id}\?partition=|burr open {program} {app_id}\n"
                        self.assertRegex(once.stdout, place)

    def test_each_has_made_its_runs_and_no_others(self):
        self.assertEqual({p.name for p in self.store.iterdir() if p.is_dir()}, set(RUNS))
        for project, runs in RUNS.items():
            expected = set(runs) | {again(app_id) for app_id in runs}
            self.assertEqual({p.name for p in (self.store / project).iterdir()}, expected)

    def test_the_second_time_leaves_the_first_alone(self):
        for program, files in self.after_first.items():
            self.assertTrue(files)
            for path, content in files.items():
                self.assertEqual(path.read_bytes(), content, path)

    @for_each_run
    def test_steps_are_in_order_without_a_gap(self, project, app_id, steps, first):
        records = self.lines(project, app_id)
        self.assertLessEqual({r["type"] for r in records}, TYPES)
        entries = [r for r in records if r["type"] in ("begin_entry", "end_entry")]
        expected = [
            (kind, n) for n in range(first, first + steps) for kind in ("begin_entry", "end_entry")
        ]
        self.assertEqual([(r["type"], r["sequence_id"]) for r in entries], expected)
        self.assertNotIn("__burr_invalid", json.dumps(records))
        identities = [r["_rec"] for r in records]
        self.assertEqual(len(set(identities)), len(identities))

    @for_each_run
    def test_records_fit_the_graph(self, project, app_id, _steps, _first):
        graph = self.app_json(project, app_id, "graph.json")
        actions = {action["name"] for action in graph["actions"]}
        ways = {(t["from_"], t["to"]) for t in graph["transitions"]}
        names = [end["action"] for end in self.ends(project, app_id)]
        self.assertLessEqual(set(names), actions)
        if app_id.startswith("order-1002"):
            return  # an action that is tried again
        for way in zip(names, names[1:]):
            self.assertIn(way, ways)

    @for_each_run
    def test_actions_lead_to_their_source(self, project, app_id, _steps, _first):
        for action in self.app_json(project, app_id, "graph.json")["actions"]:
            expected = ".c" if project == "demo_own_loop" else "return"
            self.assertIn(expected, action["code"])

    @for_each_run
    def test_every_run_but_a_chat_is_finished(self, project, app_id, _steps, _first):
        records = self.lines(project, app_id)
        graph = self.app_json(project, app_id, "graph.json")
        ways_out = [t for t in graph["transitions"] if t["from_"] == self.ends(project, app_id)[-1]["action"]]
        said = any(r["type"] == "end_application" for r in records)
        finished = said or not ways_out or app_id.startswith("order-1001")
        self.assertEqual(finished, project not in OPEN_BETWEEN_STEPS)

    @for_each_run
    def test_failures(self, project, app_id, _steps, _first):
        failed = [r for r in self.ends(project, app_id) if r["exception"]]
        if project != "demo_failure":
            self.assertEqual(failed, [])
            return
        self.assertEqual([(r["action"], r["sequence_id"]) for r in failed], [("charge_card", 2)])
        self.assertIn("payment provider answered 402", failed[0]["exception"])
        self.assertTrue(failed[0]["state"]["card"].startswith("4000"))

    def test_the_resumed_order_goes_on_behind_its_failed_step(self):
        for app_id in ("order-1002", again("order-1002")):
            ends = self.ends("demo_failure", app_id)
            names = ["add_up", "reserve_stock", "charge_card", "charge_card", "ship"]
            self.assertEqual([r["action"] for r in ends], names)
            self.assertIsNone(ends[3]["exception"])
            self.assertEqual(ends[4]["state"]["parcel"], "on its way")
            writers = {r["_rec"].split(".")[0] for r in self.lines("demo_failure", app_id)}
            self.assertEqual(len(writers), 2)

    def test_the_fork_points_to_its_parent_and_ends_differently(self):
        for name_of in (str, again):
            parent, fork = name_of("trip-to-prague"), name_of("trip-to-prague-by-train")
            pointer = self.app_json("demo_fork", fork, "metadata.json")["parent_pointer"]
            self.assertEqual((pointer["app_id"], pointer["sequence_id"]), (parent, 1))
            children = self.lines("demo_fork", parent, "children.jsonl")
            found = [(c["event_type"], c["child"]["app_id"], c["sequence_id"]) for c in children]
            self.assertEqual(found, [("fork", fork, 1)])
            self.assertEqual(self.ends("demo_fork", parent)[-1]["action"], "stay_home")
            self.assertEqual(self.ends("demo_fork", fork)[-1]["action"], "book")

    def test_spawned_runs_and_their_parent_know_each_other(self):
        for name_of in (str, again):
            parent = name_of("research-tea")
            spawned = {name_of(a) for a in RUNS["demo_parallel"] if ":" in a}
            for app_id in spawned:
                metadata = self.app_json("demo_parallel", app_id, "metadata.json")
                pointer = metadata["spawning_parent_pointer"]
                self.assertEqual((pointer["app_id"], pointer["sequence_id"]), (parent, 0))
                self.assertEqual(metadata["partition_key"], "library")
            children = self.lines("demo_parallel", parent, "children.jsonl")
            self.assertEqual({c["child"]["app_id"] for c in children}, spawned)
            self.assertEqual({c["event_type"] for c in children}, {"spawn_start"})
            results = [self.ends("demo_parallel", a)[-1]["result"] for a in spawned]
            findings = self.ends("demo_parallel", parent)[-1]["state"]["findings"]
            self.assertCountEqual([f["finding"] for f in findings], [r["finding"] for r in results])

    def test_four_processes_wrote_at_the_same_time(self):
        if LEFT_OUT:
            self.skipTest(f"{', '.join(LEFT_OUT)}: a forked child cannot start a thread under the thread sanitizer")
        times = []
        pids = set()
        for app_id in RUNS["demo_processes"]:
            records = self.lines("demo_processes", app_id)
            times.append((records[0]["start_time"], records[-1]["end_time"]))
            pids.add(self.app_json("demo_processes", app_id, "metadata.json")["writer"]["pid"])
        self.assertEqual(len(pids), 4)
        self.assertLess(max(begin for begin, _ in times), min(end for _, end in times))

    def test_the_loop_has_steps_of_several_runs_open(self):
        events = []
        for app_id in RUNS["demo_own_loop"]:
            for r in self.lines("demo_own_loop", app_id):
                if r["type"] in ("begin_entry", "end_entry"):
                    events.append((r.get("start_time") or r["end_time"], r["type"] == "begin_entry"))
        opened, most = 0, 0
        for _, begins in sorted(events):
            opened += 1 if begins else -1
            most = max(most, opened)
        self.assertEqual((opened, most), (0, 3))

    def test_chats(self):
        partitions = set()
        for app_id, questions in (("chat-1-animals", 3), ("chat-2-weather", 2), ("chat-3-sums", 4)):
            records = self.lines("demo_chat", app_id)
            ends = self.ends("demo_chat", app_id)
            chat = ends[-1]["state"]["chat"]
            self.assertEqual([m["role"] for m in chat], ["user", "assistant"] * questions)
            self.assertTrue(all(m["content"] for m in chat))
            partitions.add(self.app_json("demo_chat", app_id, "metadata.json")["partition_key"])

            spans = {(r["action_sequence_id"], r["span_id"]): r for r in records if r["type"] == "begin_span"}
            self.assertEqual(len(spans), sum(r["type"] == "end_span" for r in records))
            self.assertTrue(any(s["parent_span_id"] for s in spans.values()))
            self.assertTrue(any(s["span_dependencies"] for s in spans.values()))
            tokens = [r for r in records if r["type"] == "attribute" and r["key"].startswith("gen_ai.usage.")]
            self.assertTrue(tokens)
            for r in tokens:
                self.assertGreater(r["value"], 0)
                self.assertEqual(spans[r["action_sequence_id"], r["span_id"]]["span_name"], "call_model")

            streamed = {r["action_sequence_id"]: r["items_streamed"] for r in records if r["type"] == "end_stream"}
            answers = [r["sequence_id"] for r in ends if r["action"] in ("respond", "answer_error")]
            self.assertEqual(sorted(streamed), answers)
            self.assertTrue(all(streamed.values()))
        self.assertEqual(partitions, {"user_1", "user_2"})
        names = [r["action"] for r in self.ends("demo_chat", "chat-3-sums")]
        self.assertEqual((names.count("use_tool"), names.count("answer_error")), (2, 2))


class Troubles(Folder):
    def test_a_store_that_cannot_be_reached(self):
        (self.folder / "file").write_text("")
        for program, _ in samples():
            with self.subTest(program=program):
                ended = run(SAMPLES / program, self.folder / "file" / "store")
                self.assertEqual(ended.returncode, 1)
                self.assertIn("cannot make the folder", ended.stderr)

    def test_tracking_switched_off(self):
        for program, _ in samples():
            with self.subTest(program=program):
                ended = run(SAMPLES / program, self.folder / "store", BURR_DISABLED="1")
                if program == "demo_fork":  # it needs the run that it forks
                    self.assertEqual(ended.returncode, 1)
                    self.assertIn("nothing is recorded", ended.stderr)
                else:
                    self.assert_ran(ended)
        self.assertFalse((self.folder / "store").exists())


class Build(Folder):
    """The line in a sample's header is all that it takes to build it."""

    def test_the_line_in_each_header(self):
        sources = sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.cpp")])
        self.assertEqual(len(sources), len(RUNS))
        for source in [*sources, SOURCES / "sample.h"]:
            shutil.copy(source, self.folder)
        pkgconfig = {"PKG_CONFIG_PATH": str(BUILD / "lib" / "pkgconfig")}
        for source in sources:
            with self.subTest(source=source.name):
                line = re.search(r"^ \*     (c.*)$", source.read_text(), re.MULTILINE).group(1)
                self.assertIn(" " + source.name + " ", line)
                built = subprocess.run(
                    line,
                    shell=True,
                    cwd=self.folder,
                    env={**os.environ, **pkgconfig},
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                self.assert_ran(built)
                self.assert_ran(run(self.folder / "a.out", self.folder / "store"))


class Install(Folder):
    """Installed, then moved elsewhere: programs, list and sources are there, and the library is found."""

    def test_installed_samples(self):
        prefix = self.folder / "installed"
        for script in (BUILD / "agent" / "cmake_install.cmake", BUILD / "agent" / "examples" / "cmake_install.cmake"):
            subprocess.run(
                ["cmake", f"-DCMAKE_INSTALL_PREFIX={prefix}", "-P", script],
                stdout=subprocess.DEVNULL,
                timeout=120,
                check=True,
            )
        prefix = prefix.rename(self.folder / "moved")
        installed = prefix / "libexec" / "burr" / "examples"
        self.assertEqual((installed / "samples.txt").read_text(), (SAMPLES / "samples.txt").read_text())
        self.assertEqual({p.name for p in installed.iterdir()}, {"samples.txt", *RUNS})
        sources = {p.name for p in (prefix / "share" / "burr" / "examples").iterdir()}
        expected = {p.name for pattern in ("*.c", "*.cpp", "*.h") for p in SOURCES.glob(pattern)}
        self.assertEqual(sources, expected)
        for program in RUNS:
            with self.subTest(program=program):
                self.assert_ran(run(installed / program, self.folder / "store"))


class Valgrind(Folder):
    """No sample loses memory, in none of its processes."""

    def test_no_leaks(self):
        command = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full"]
        command += ["--errors-for-leak-kinds=definite,indirect,possible", "--trace-children=yes"]
        for program, _ in samples():
            with self.subTest(program=program):
                self.assert_ran(run(SAMPLES / program, self.folder / "store", *command))


if __name__ == "__main__":
    unittest.main()
