"""What the API, version 0 and the commands say of a store in trouble: damage, size, a disk that is full or may not be
written, a store that is moved away or replaced under a collector that runs.

The disk is faults/shim.c's, which needs no rights. Who is root gives up the right to write where the modes forbid it.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest

from api_v1_test import DOCUMENT, VALIDATOR, Server, quote
from cli_test import BURR, WAIT_S, environment, run
from runs import Run

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))

import drive  # noqa: E402

CATALOG = ".burr-catalog-"
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_modes():
    """In a child of root's, before it becomes the program: modes count for it as for anybody."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl(PR_CAPBSET_DROP)")


def small_run(app_id, count=3):
    made = Run(app_id)
    for i in range(count):
        made.step(i, "talk", {"n": i})
    return made


class Trouble(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="burr-trouble-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = os.path.join(self.folder, "store")
        os.mkdir(self.store, 0o700)

    def serve(self, env=None, **options):
        server = Server(self.store, env, **options)
        self.addCleanup(server.close)
        return server

    def catalogs(self):
        return sorted(name for name in os.listdir(self.store) if name.startswith(CATALOG))

    def eventually(self, is_so, what):
        end = time.monotonic() + WAIT_S
        while not is_so():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def detail(self, server, target, status):
        answer = server.ask(target)
        self.assertEqual(answer.status, status, (target, answer.body[:300]))
        VALIDATOR.check(DOCUMENT["components"]["schemas"]["Error"], answer.json())
        return answer.json()["detail"]

    def counts(self, server):
        """What the two versions' lists say, of one project."""
        one = server.get("/api/v1/projects/p/runs")["total"]
        self.assertEqual(server.get("/api/v0/p/__none__/apps")["total"], one)
        return one

    def await_count(self, server, count, what):
        self.eventually(lambda: server.get("/api/v1/projects/p/runs")["total"] == count, what)
        self.assertEqual(self.counts(server), count)

    def command(self, *args, code=0):
        found = run(*args, store=self.store)
        self.assertEqual(found.returncode, code, (args, found.stdout, found.stderr))
        return found


class Sizes(Trouble):
    def test_large_states_and_lines(self):
        """States of 5 MB, and a line of 16 MiB: one more step than that is no record."""
        made = Run("large", zone="Z")
        text = "x" * (5 << 20)
        for i in range(3):
            made.step(i, "talk", {"n": i, "text": text})
        whole = '{"n":3,"text":"' + "y" * ((16 << 20) - 400) + '"}'
        made.line("begin_entry", made.at(None), action="talk", inputs={}, sequence_id=3)
        made.line("end_entry", made.at(None), action="talk", result=None, exception=None, sequence_id=3, state=whole)
        made.write(self.store, "p")
        server = self.serve()
        base = "/api/v1/projects/p/runs/large"
        self.assertEqual(server.get(base)["step_count"], 4)
        step = server.get(base + "/steps/3")
        self.assertIn("$cut", json.dumps(step["state"]))
        state = server.get(base + f"/steps/3/state?cut={1 << 30}")
        self.assertEqual(state, json.loads(whole))
        self.assertEqual(server.get(base + "/steps/2/state?pointer=/n"), 2)
        changed = server.get(base + "/difference?to=3")
        self.assertEqual((changed["added"], changed["removed"], changed["changed"]), (0, 0, 2))
        self.assertEqual([hit["number"] for hit in server.get(base + "/search?q=yyyy")["hits"]], [3])
        answer = server.ask("/api/v0/p/large/__none__/apps")
        ends = [step["step_end_log"]["state"]["n"] for step in answer.json()["steps"]]
        self.assertEqual((answer.headers["transfer-encoding"], ends), ("chunked", [0, 1, 2, 3]))
        self.assertEqual(json.loads(self.command("state", "p", "large").stdout), json.loads(whole))
        self.command("show", "p", "large")
        self.command("diff", "p", "large", "3")
        self.assertRegex(self.command("grep", "yyyy", "p").stdout, "large #3 talk state")
        self.assertRegex(self.command("tail", "p", "large").stdout, "talk")

    def test_damage_costs_itself(self):
        made = small_run("a")
        made.write(self.store, "p")
        with open(made.path, "rb") as file:
            lines = file.readlines()
        junk = [b"\xff\xfe\n", b"{\n", b'{"type":"end_entry"}\n', b"[]\n", b"\0" * 4096 + b"\n", b'{"type":"begin']
        with open(made.path, "wb") as file:
            file.write(b"".join(lines[:2] + junk[:-1] + lines[2:] + junk[-1:]))
        for name in ("graph.json", "metadata.json", "children.jsonl"):
            os.makedirs(os.path.join(self.store, "p", "b"), exist_ok=True)
            with open(os.path.join(self.store, "p", "b", name), "wb") as file:
                file.write(b'{"\xff')
        os.mkdir(os.path.join(self.store, "p", "b", "log.jsonl"))
        server = self.serve()
        self.assertEqual(self.counts(server), 2)
        base = "/api/v1/projects/p/runs/"
        found = server.get(base + "a")
        self.assertEqual((found["step_count"], found["damaged_count"]), (3, len(junk) - 1))
        self.assertEqual(server.get(base + "a/steps/2/state"), {"n": 2})
        found = server.get(base + "b")
        self.assertEqual((found["graph"], found["metadata"], found["children"], found["step_count"]), (None, None, [], 0))
        self.assertIn("no step number 0", self.detail(server, base + "b/steps/0", 404))
        self.assertEqual(server.get(base + "b/search?q=x")["hits"], [])
        steps = server.get("/api/v0/p/a/__none__/apps")["steps"]
        self.assertEqual([step["step_end_log"]["state"] for step in steps], [{"n": 0}, {"n": 1}, {"n": 2}])
        self.assertIn("graph.json", self.detail(server, "/api/v0/p/b/__none__/apps", 404))
        self.command("show", "p", "a")
        self.assertRegex(self.command("show", "p", "b").stdout, "damaged +log.jsonl, graph.json, metadata.json")
        self.command("verify", "p", code=1)


class Disks(Trouble):
    @unittest.skipIf(os.environ.get("BURR_SANITIZED"), "a sanitizer does not bear the shim")
    def test_a_full_disk(self):
        """The catalog's alone: what others write into the store still arrives."""
        made = small_run("first")
        made.write(self.store, "p")
        self.command("ls", "p", "--filter", "steps:3")  # which makes the catalog
        wal = os.path.join(self.store, self.catalogs()[0] + "-wal")
        disk = drive.Disk(os.path.join(self.folder, "control"), wal)
        server = self.serve(disk.environment)
        self.assertEqual(self.counts(server), 1)
        disk.become("full")
        with open(made.path, "ab") as file:
            before = len(made.lines)
            made.step(3, "talk", {"n": 3})
            file.write(b"".join(line + b"\n" for line in made.lines[before:]))
        for i in range(500):
            small_run(f"more-{i}").write(self.store, "p")
        self.eventually(lambda: server.get("/api/v1/status")["index"]["trouble"], "a full disk is not told")
        self.assertIn("full", server.get("/api/v1/status")["index"]["trouble"])
        self.assertRegex(self.command("status").stdout, r"index .*disk is full")
        seen = self.counts(server)  # as it was
        self.assertLess(seen, 501)
        self.assertEqual(len(server.get("/api/v0/p/first/__none__/apps")["steps"]), 4)  # the log's own
        self.assertEqual(json.loads(self.command("state", "p", "first").stdout), {"n": 3})
        self.assertEqual(len(server.get("/api/v0/p/more-499/__none__/apps")["steps"]), 3)
        server.get("/api/v1/projects/p/runs/first/steps/0/state")
        server.get("/api/v1/projects/p/search?q=talk")
        disk.become("whole")
        self.await_count(server, 501, "it does not go on")
        self.assertEqual(server.get("/api/v1/status")["index"]["trouble"], "")
        self.assertEqual(server.get("/api/v1/projects/p/runs/first")["step_count"], 4)

    @unittest.skipIf(os.environ.get("BURR_SANITIZED"), "a sanitizer does not bear the shim")
    def test_a_full_disk_from_the_start(self):
        """There is no room for a catalog in the store: a command makes one in a folder for temporary files."""
        small_run("a").write(self.store, "p")
        disk = drive.Disk(os.path.join(self.folder, "control"), self.store)
        disk.become("full")
        env = environment(BURR_STORE=self.store, **disk.environment)
        for args in (("ls", "p", "--filter", "steps:3"), ("ls", "p"), ("state", "p", "a"), ("show", "p", "a")):
            found = run(*args, env=env)
            self.assertEqual((found.returncode, found.stderr), (0, ""), args)
        self.assertEqual(self.catalogs(), [])

    def test_a_store_that_may_not_be_written(self):
        small_run("a").write(self.store, "p")
        os.chmod(self.store, 0o500)
        self.addCleanup(os.chmod, self.store, 0o700)
        for args, text in (
            (("ls", "p", "--filter", "steps:3"), "(?m)^a "),
            (("grep", "talk", "p"), "a #0 talk action"),
            (("state", "p", "a"), "2"),
            (("diff", "p", "a", "1"), "n"),
        ):
            found = run(*args, store=self.store, preexec_fn=obey_modes)
            self.assertEqual(found.returncode, 0, (args, found.stderr))
            self.assertRegex(found.stdout, text)
        self.assertEqual(self.catalogs(), [])
        found = run("serve", "--no-open", "--no-demo", "--port", "0", store=self.store, preexec_fn=obey_modes)
        self.assertEqual(found.returncode, 1)
        self.assertRegex(found.stderr, r"cannot write .*--store")

    def test_a_catalog_that_may_not_be_written(self):
        """One that nobody may write is left alone; another, in a folder for temporary files, takes its place."""
        small_run("a").write(self.store, "p")
        self.command("ls", "p", "--filter", "steps:3")
        path = os.path.join(self.store, self.catalogs()[0])
        os.chmod(path, 0o400)
        small_run("b").write(self.store, "p")
        server = self.serve(preexec_fn=obey_modes)
        self.assertEqual(self.counts(server), 2)
        small_run("c").write(self.store, "p")
        self.await_count(server, 3, "it does not see what is new")
        found = run("ls", "p", "--filter", "steps:3", store=self.store, preexec_fn=obey_modes)
        self.assertEqual(found.returncode, 0, found.stderr)
        for app_id in "abc":
            self.assertRegex(found.stdout, f"(?m)^{app_id} ")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o400)


class Places(Trouble):
    """Where the catalog lies, and whose."""

    def setUp(self):
        super().setUp()
        self.cache = os.path.join(self.folder, "cache")
        small_run("a").write(self.store, "p")

    def in_cache(self, *args, place="cache", code=0):
        env = environment(BURR_STORE=self.store, XDG_CACHE_HOME=self.cache, BURR_CATALOG=place)
        found = run(*args, env=env)
        self.assertEqual(found.returncode, code, (args, found.stdout, found.stderr))
        return found.stdout

    def doctor(self, **options):
        checks = json.loads(self.in_cache("doctor", "--json", **options))["findings"]
        return [check for check in checks if check["check"] == "catalog"]

    def test_versions_leave_each_other_alone(self):
        others = {".burr-catalog": b"older", ".burr-catalog-3-wal": b"", ".burr-catalog-9999": b"newer"}
        for name, content in others.items():
            with open(os.path.join(self.store, name), "wb") as file:
                file.write(content)
        server = self.serve()
        self.assertEqual(self.counts(server), 1)
        self.command("ls", "p", "--filter", "steps:3")
        for name, content in others.items():
            with open(os.path.join(self.store, name), "rb") as file:
                self.assertEqual(file.read(), content)
        told = self.doctor(place="store")
        self.assertEqual([check["level"] for check in told], ["ok", "note"])
        self.assertRegex(told[1]["text"], r"other versions of burr: .*\.burr-catalog\S* and 2 more, 10 B")

    def test_a_catalog_in_the_cache_folder(self):
        self.assertIn("a ", self.in_cache("ls", "p", "--filter", "steps:3"))
        self.assertEqual(self.catalogs(), [])
        (name,) = os.listdir(os.path.join(self.cache, "burr"))
        folder = os.path.join(self.cache, "burr", name)
        with open(os.path.join(folder, "store"), encoding="utf-8") as file:
            self.assertEqual(file.read(), self.store)
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        server = self.serve({"XDG_CACHE_HOME": self.cache, "BURR_CATALOG": "cache"})
        self.assertEqual(self.counts(server), 1)
        self.assertEqual((self.catalogs(), os.listdir(os.path.join(self.cache, "burr"))), ([], [name]))
        for file in os.listdir(folder):  # nobody is told of it, and it is made anew
            if file.startswith(CATALOG):
                os.unlink(os.path.join(folder, file))
        small_run("b").write(self.store, "p")
        self.await_count(server, 2, "a catalog that was deleted is not made anew")
        (told,) = self.doctor()
        self.assertRegex(told["text"], rf"{name}/\.burr-catalog-\d+, .*, as BURR_CATALOG=cache says")
        self.assertEqual(told["level"], "ok")

    def test_leftovers_of_stores_that_are_gone(self):
        self.in_cache("ls", "p", "--filter", "steps:3")
        os.rename(self.store, self.store + "-2")
        self.store += "-2"
        self.in_cache("ls", "p", "--filter", "steps:3")
        self.assertEqual(len(os.listdir(os.path.join(self.cache, "burr"))), 2)
        told = self.doctor()
        self.assertEqual([check["level"] for check in told], ["ok", "note"])
        self.assertRegex(told[1]["text"], r"other stores: \S+/cache/burr/[0-9a-f]{16}, ")

    def test_without_a_home_a_command_has_a_catalog_of_its_own(self):
        env = environment(BURR_STORE=self.store, HOME=None, XDG_CACHE_HOME=None, BURR_CATALOG="cache")
        found = run("ls", "p", "--filter", "steps:3", env=env)
        self.assertEqual((found.returncode, found.stderr), (0, ""))
        self.assertEqual(self.catalogs(), [])


class Behind(Trouble):
    """The index cannot be written for a while, as it is another's turn."""

    @contextlib.contextmanager
    def held(self):
        (path,) = [name for name in self.catalogs() if not name.endswith(("-wal", "-shm"))]
        with contextlib.closing(sqlite3.connect(os.path.join(self.store, path), isolation_level=None)) as index:
            index.execute("BEGIN IMMEDIATE")
            yield
            index.execute("ROLLBACK")

    def test_a_run_that_is_not_indexed_yet(self):
        server = self.serve()
        target = "/api/v1/projects/p/runs/late"
        self.assertIn("no application late", self.detail(server, target, 404))
        with self.held():
            small_run("late").write(self.store, "p")
            for below in ("", "/steps", "/steps/0/state", "/search?q=talk"):
                self.assertIn("late is not indexed yet", self.detail(server, target + below, 503))
            self.assertIn("no application never", self.detail(server, target.replace("late", "never"), 404))
        self.eventually(lambda: server.ask(target).status == 200, "it is never indexed")

    def test_an_answer_that_was_behind_is_sent_again(self):
        """metadata.json is another one by then, and the log the same."""
        small_run("a").write(self.store, "p")
        server = self.serve()
        target = "/api/v1/projects/p/runs/a"
        with self.held():
            path = os.path.join(self.store, "p", "a", "metadata.json")
            metadata = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
            metadata["partition_key"] = "ann"
            pathlib.Path(path).write_text(json.dumps(metadata), encoding="utf-8")
            behind = server.ask(target)
            self.assertIsNone(behind.json()["partition_key"])
        self.await_partition(server, "ann")
        again = server.ask(target, if_none_match=behind.headers["etag"])
        self.assertEqual(again.status, 200)
        self.assertEqual(again.json()["partition_key"], "ann")

    def await_partition(self, server, key):
        target = f"/api/v1/projects/p/runs?filter=partition:{key}"
        self.eventually(lambda: server.get(target)["total"] == 1, "the change is never indexed")


class Moves(Trouble):
    TARGETS = (
        "/api/v1/projects",
        "/api/v1/projects/p/runs",
        "/api/v1/projects/p/runs/a",
        "/api/v1/projects/p/runs/a/steps",
        "/api/v1/projects/p/runs/a/steps/0/state",
        "/api/v1/projects/p/search?q=talk",
        "/api/v0/projects",
        "/api/v0/p/__none__/apps",
        "/api/v0/p/a/__none__/apps",
        "/api/v0/p/annotations",
    )

    def gone(self, server):
        for target in self.TARGETS:
            self.assertIn("was moved or removed", self.detail(server, target, 503))
        self.assertEqual(server.ask("/healthz").status, 200)
        self.eventually(lambda: "moved" in server.get("/api/v1/status")["index"]["trouble"], "status does not tell")

    def all_there(self, server):
        self.eventually(lambda: server.ask(self.TARGETS[0]).status == 200, "it does not come back")
        for target in self.TARGETS:
            self.assertEqual(server.ask(target).status, 200, target)

    def test_a_store_that_is_moved_away_and_back(self):
        small_run("a").write(self.store, "p")
        server = self.serve()
        self.all_there(server)
        away = self.store + "-away"
        os.rename(self.store, away)
        self.gone(server)
        small_run("b").write(away, "p")
        os.rename(away, self.store)
        self.all_there(server)
        self.await_count(server, 2, "what came meanwhile is not seen")

    def test_a_store_that_is_removed_and_restored(self):
        """Another folder is at its place: what is in it is not touched, and a new collector takes it."""
        small_run("a").write(self.store, "p")
        saved = self.store + "-saved"
        shutil.copytree(self.store, saved)
        server = self.serve()
        self.all_there(server)
        os.rename(self.store, self.store + "-trash")
        shutil.rmtree(self.store + "-trash", ignore_errors=True)  # SQLite's own files come and go
        self.gone(server)
        shutil.copytree(saved, self.store)
        self.gone(server)
        self.assertEqual(self.catalogs(), [])
        self.all_there(self.serve())


if __name__ == "__main__":
    if not os.access(BURR, os.X_OK):
        print("SKIP: the program is not built ($BURR)")
        sys.exit(77)
    unittest.main(verbosity=2)
