"""Readers of what changes, while it changes: at the end each must have what a fresh question gives, however it began,
however often it lost its connection, and without having been told anything twice.
"""

import http.client
import json
import os
import random
import shutil
import sys
import threading
import time
import unittest
import urllib.parse

from api_v1_test import DOCUMENT, VALIDATOR, Served, quote
from cli_test import BURR, WAIT_S
from harness import SLOWER
from runs import Run, pointer

WRITES = 900 // SLOWER  # of the writer below
FOLLOWED = ["a b", "50%25 +1&x=?#", "long", "rewound"]
SCHEMAS = DOCUMENT["components"]["schemas"]
DELTAS = {"projects": "ProjectsDelta", "project": "ProjectDelta", "run": "RunDelta"}


def topic_of(*pieces):
    return "/".join(quote(piece) for piece in pieces)


def check_change(change):
    VALIDATOR.check(SCHEMAS["Changed"], change)
    if change["delta"] is not None:
        VALIDATOR.check(SCHEMAS[DELTAS[change["topic"].partition("/")[0]]], change["delta"])
    elif not change["refetch"]:
        raise AssertionError(f"a change that tells nothing: {change}")


class Copy:
    """What a reader shows: what it asked for, and what it was told since."""

    def __init__(self, server, topics):
        self.server = server
        self.topics = topics
        self.rows = {}
        self.cursors = {}  # of the answers that a topic was last read from

    def get(self, target, topic=None):
        answer = self.server.ask(target)
        while answer.status == 503:  # it is there, and not indexed yet
            answer = self.server.ask(target)
        if answer.status not in (200, 404):
            raise AssertionError(f"{target}: {answer.status} {answer.body[:300]}")
        if topic:
            self.cursors.setdefault(topic, int(answer.headers["burr-cursor"]))
        return answer.json() if answer.status == 200 else None

    def list_runs(self, project, topic):
        found = self.get(f"/api/v1/projects/{quote(project)}/runs?limit=1000", topic)
        return {row["app_id"]: row for row in found["runs"]}

    def list_steps(self, project, app_id, start=0, end=None):
        steps = {}
        while start is not None:
            limits = f"from={start}&limit=1000" + (f"&to={end}" if end is not None else "")
            found = self.get(f"/api/v1/projects/{quote(project)}/runs/{quote(app_id)}/steps?{limits}")
            steps.update((step["number"], step) for step in (found or {"steps": []})["steps"])
            start = found["next"] if found else None
        return steps

    def fetch(self, topic):
        """Its rows, anew; the cursor is that of the first answer."""
        kind, *names = map(urllib.parse.unquote, topic.split("/"))
        self.cursors.pop(topic, None)
        if kind == "projects":
            self.rows[topic] = {row["name"]: row for row in self.get("/api/v1/projects", topic)["projects"]}
        elif kind == "project":
            row = {row["name"]: row for row in self.get("/api/v1/projects", topic)["projects"]}.get(names[0])
            self.rows[topic] = (row, self.list_runs(names[0], topic))
        else:
            row = self.list_runs(names[0], topic).get(names[1])
            steps = self.list_steps(*names) if row else {}
            self.rows[topic] = (row, {n: step for n, step in steps.items() if n < row["step_count"]} if row else {})

    def fetch_all(self):
        for topic in self.topics:
            self.fetch(topic)
        return min(self.cursors.values())

    def apply(self, change):
        topic, delta = change["topic"], change["delta"]
        kind, *names = map(urllib.parse.unquote, topic.split("/"))
        if delta is None or change["refetch"] and kind != "run":
            self.fetch(topic)
        elif kind == "projects":
            self.put(self.rows[topic], delta["projects"], "name", delta["gone"])
        elif kind == "project":
            rows = self.rows[topic][1]
            self.put(rows, delta["runs"], "app_id", delta["gone"])
            self.rows[topic] = (delta["project"], rows if delta["project"] else {})
        else:
            row, steps = delta["run"], self.rows[topic][1]
            told = {step["number"]: step for step in delta["steps"]}
            if change["refetch"]:
                told = self.list_steps(*names, delta["from"], delta["to"])
            steps.update(told)
            count = row["step_count"] if row else 0
            self.rows[topic] = (row, {n: step for n, step in steps.items() if n < count})

    @staticmethod
    def put(rows, changed, key, gone):
        rows.update((row[key], row) for row in changed)
        for name in gone:
            rows.pop(name, None)


class Reader(threading.Thread):
    """Keeps a copy until it is told that all was written, and it has all. `fails` says what went wrong."""

    def __init__(self, server, topics, seed):
        super().__init__(daemon=True)
        self.server = server
        self.copy = Copy(server, topics)
        self.random = random.Random(seed)
        self.last = 0  # cursor of the newest delta
        self.place = None  # where to go on
        self.written = threading.Event()
        self.done = False
        self.again = False
        self.look_again = 0  # when it may compare all that there is once more: most of its time is for what it is told
        self.fails = None
        self.connections = 0
        self.told = 0

    def run(self):
        try:
            while not self.is_done():
                self.connections += 1
                self.connect()
        except Exception as error:  # noqa: BLE001 told by the test
            self.fails = f"{type(error).__name__}: {error}"

    def is_done(self):
        began = time.monotonic()
        if not self.written.is_set() or not self.copy.rows or began < self.look_again:
            return self.done
        fresh = Copy(self.server, self.copy.topics)
        fresh.fetch_all()
        self.fails = None if fresh.rows == self.copy.rows else difference(self.copy.rows, fresh.rows)
        now = time.monotonic()
        self.look_again = now + 3 * (now - began)
        self.done = self.fails is None
        return self.done

    def take(self, change):
        check_change(change)
        self.told += 1
        if change["delta"] is not None:
            if change["cursor"] <= self.last:
                raise AssertionError(f"told twice, or out of order: {change} after {self.last}")
            self.last = change["cursor"]
        has_it = change["cursor"] <= self.copy.cursors[change["topic"]] and change["delta"] is not None
        if not has_it or self.again:
            self.copy.apply(change)

    def begin_anew(self):
        """Now and then a reader knows nothing again. What it knows already it may put in its place again, but then all of that: an
        older one alone would take the place of what is newer."""
        if self.place is None or self.random.random() < 0.2:
            self.again = self.random.random() < 0.5
            self.place = None
            self.last = 0
            return True
        return False


class Listener(Reader):
    """By a stream that breaks again and again."""

    def connect(self):
        if self.begin_anew() and self.random.random() < 0.5:
            self.place = str(self.copy.fetch_all())  # ask first, then listen from there
        headers = {} if self.place is None else {"Last-Event-ID": self.place}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=WAIT_S)
        connection.request("GET", "/api/v1/events?topics=" + quote(",".join(self.copy.topics)), headers=headers)
        response = connection.getresponse()
        try:
            if response.status != 200:
                raise AssertionError(f"{response.status}: {response.read()}")
            self.read(response, self.random.randrange(1, 60))
        finally:
            response.close()
            connection.close()

    def read(self, response, count):
        event = {}
        while count > 0:
            line = response.readline().decode()
            if not line:
                raise AssertionError("the stream has ended")
            if line != "\n":
                name, _, value = line.rstrip("\n").partition(": ")
                event[name] = value
                continue
            if event.get("event") == "hello" and self.place is None:
                VALIDATOR.check(SCHEMAS["Hello"], json.loads(event["data"]))
                self.copy.fetch_all()  # listen first, then ask; what came meanwhile waits in the socket
            elif event.get("event") == "change":
                self.take(json.loads(event["data"]))
            self.place = event["id"]
            count -= 1
            event = {}
            if self.is_done():
                return


class Poller(Reader):
    def connect(self):
        target = "/api/v1/changes?topics=" + quote(",".join(self.copy.topics))
        if self.begin_anew():
            if self.random.random() < 0.5:
                self.place = self.copy.fetch_all()
            else:
                self.place = self.ask(target)["cursor"]
                self.copy.fetch_all()
        answer = self.ask(f"{target}&after={self.place}&wait_ms={self.random.choice((0, 50, 500))}")
        for change in answer["changes"]:
            self.take(change)
        if answer["cursor"] < self.place:
            raise AssertionError("the cursor went back")
        self.place = answer["cursor"]

    def ask(self, target):
        answer = self.server.ask(target)
        if answer.status != 200:
            raise AssertionError(f"{target}: {answer.status} {answer.body}")
        VALIDATOR.check(SCHEMAS["Changes"], answer.json())
        return answer.json()


def difference(one, other):
    """Where two copies differ, in short."""
    if isinstance(one, (dict, tuple, list)) and type(one) is type(other):
        keys = one.keys() | other.keys() if isinstance(one, dict) else range(max(len(one), len(other)))
        for key in keys:
            a, b = ((d.get(key) if isinstance(d, dict) else d[key] if key < len(d) else None) for d in (one, other))
            if a != b:
                return f"{key!r} → {difference(a, b)}"
    return f"{str(one)[:300]} instead of {str(other)[:300]}"


class Writer:
    """Whatever can happen to a store: runs that grow, are rewound, cut, replaced, deleted, spawned; projects, too."""

    def __init__(self, store, seed):
        self.store = store
        self.random = random.Random(seed)
        self.runs = {}
        for app_id in FOLLOWED:
            self.make(app_id)

    def make(self, app_id, **options):
        run = Run(app_id, **options).step(0, "hi", {"n": 0})
        run.write(self.store, "p")
        self.runs[app_id] = run

    def append(self, run, write):
        before = len(run.lines)
        write(run)
        with open(run.path, "ab") as file:
            file.write(b"".join(line + b"\n" for line in run.lines[before:]))

    def grow(self, run):
        count = self.random.choice((1, 1, 1, 2, 5, 150))
        following = run.steps[-1]["seq"] + 1

        def write(to):
            for seq in range(following, following + count):
                to.step(seq, "talk", {"n": seq, "x": seq % 3}, exception="no" if seq % 7 == 5 else None)

        self.append(run, write)

    def rewind(self, run):
        seq = self.random.randrange(run.steps[-1]["seq"] + 1)
        self.append(run, lambda to: to.step(seq, "tool", {"n": seq}))

    def open_and_end(self, run):
        """Steps that overlap: the first to begin ends last."""
        first = run.steps[-1]["seq"] + 1
        self.append(run, lambda to: to.begin(first, "hi").begin(first + 1, "talk"))
        self.append(run, lambda to: to.attribute(first, "k", 1).end(first + 1, {"n": 1}))
        self.append(run, lambda to: to.end(first, {"n": 2}))

    def replace(self, run):
        """The log is another one, perhaps shorter."""
        fresh = Run(run.app_id, zone=self.random.choice(("Z", "")))
        for seq in range(self.random.randrange(1, len(run.steps) + 2)):
            fresh.step(seq, "talk", {"n": -seq})
        fresh.path = run.path
        with open(run.path + ".new", "wb") as file:
            file.write(b"".join(line + b"\n" for line in fresh.lines))
        os.replace(run.path + ".new", run.path)
        self.runs[run.app_id] = fresh

    def delete(self, run):
        shutil.rmtree(os.path.dirname(run.path))
        self.make(run.app_id)

    def spawn(self, run):
        app_id = f"child-{self.random.randrange(20)}"
        old = self.runs.pop(app_id, None)
        if old:
            shutil.rmtree(os.path.dirname(old.path))
        self.make(app_id, spawned_by=pointer(run.app_id, 0))

    def other_project(self, run):
        path = os.path.join(self.store, "q")
        if os.path.exists(path):
            shutil.rmtree(path)
        else:
            Run("one").step(0, "hi", {"n": run.steps[-1]["seq"]}).write(self.store, "q")

    def write(self):
        kinds = {self.grow: 60, self.rewind: 12, self.open_and_end: 10, self.replace: 2, self.delete: 1, self.spawn: 4}
        kinds[self.other_project] = 1
        kind = self.random.choices(list(kinds), kinds.values())[0]
        kind(self.runs[self.random.choice(FOLLOWED)])


class Following(Served):
    @classmethod
    def fill(cls):
        cls.writer = Writer(cls.store, 1)

    def test_all_readers_end_with_what_is_there(self):
        topics = ["projects", topic_of("project", "p"), *(topic_of("run", "p", app_id) for app_id in FOLLOWED)]
        topics += [topic_of("run", "q", "one"), topic_of("project", "q")]
        readers = [kind(self.server, topics, seed) for seed, kind in enumerate((Listener, Listener, Poller, Poller))]
        for reader in readers:
            reader.start()
        pause = threading.Event()
        for _ in range(WRITES):
            self.writer.write()
            pause.wait(0.002)  # a pace, so that there is something to be told between two
        for reader in readers:
            reader.written.set()
        until = time.monotonic() + WAIT_S
        for reader in readers:
            reader.join(max(0, until - time.monotonic()))
            self.assertIsNone(reader.fails)
            self.assertFalse(reader.is_alive(), "it has all, and does not know")
            self.assertGreater(reader.connections, 1)
            self.assertGreater(reader.told, 20)
        status = self.get("/api/v1/status")["http"]
        self.assertGreater(status["told"], status["deltas"])
        self.assertGreater(status["refetches"], 0)
        metrics = self.ask("/metrics").body.decode()
        for name in ("http_listeners", "live_deltas_total", "live_told_total", "live_refetches_total"):
            self.assertRegex(metrics, rf"(?m)^burr_{name} \d+$")

    def test_a_deleted_project_is_told_to_those_that_look_at_its_runs(self):
        Run("one").step(0, "hi", {"n": 0}).write(self.store, "gone")
        reader = self.look_at("gone", ["projects", "project/gone", "run/gone/one"])
        shutil.rmtree(os.path.join(self.store, "gone"))
        rows = reader.copy.rows
        while "gone" in rows["projects"] or rows["project/gone"][0] or rows["run/gone/one"][0]:
            self.follow(reader)

    def test_a_project_that_is_renamed_is_told_by_both_names(self):
        Run("one").step(0, "hi", {"n": 0}).write(self.store, "old")
        reader = self.look_at("old", ["projects", "project/old", "run/old/one", "project/new", "run/new/one"])
        os.rename(os.path.join(self.store, "old"), os.path.join(self.store, "new"))
        rows = reader.copy.rows
        while "old" in rows["projects"] or rows["project/old"][0] or rows["run/old/one"][0]:
            self.follow(reader)
        while "new" not in rows["projects"] or not rows["project/new"][0] or not rows["run/new/one"][0]:
            self.follow(reader)

    def test_the_newest_steps_are_told_of_more_than_can_be(self):
        run = Run("one").step(0, "hi", {"n": 0})
        run.write(self.store, "fast")
        reader = self.look_at("fast", ["run/fast/one"])
        target = f"/api/v1/changes?topics={quote('run/fast/one')}"
        place = reader.ask(f"{target}&wait_ms=0&after={reader.place}")["cursor"]  # from here on all is told
        for n in range(1, 301):
            run.step(n, "hi", {"n": n})
        with open(run.path, "ab") as file:
            file.write(b"".join(line + b"\n" for line in run.lines[2:]))
        changes = []
        while not changes or changes[-1]["delta"]["run"]["step_count"] < 301:
            answer = reader.ask(f"{target}&after={place}")
            changes += answer["changes"]
            place = answer["cursor"]
        partly = [change["delta"] for change in changes if change["refetch"]]
        self.assertTrue(partly)
        for delta in partly:
            count = delta["run"]["step_count"]
            self.assertEqual([step["number"] for step in delta["steps"]], list(range(count - 60, count)))
        newest = self.get("/api/v1/projects/fast/runs/one/steps?from=241")["steps"]
        told = {step["number"]: step for change in changes for step in change["delta"]["steps"]}
        self.assertEqual([told[step["number"]] for step in newest], newest)

    def look_at(self, project, topics):
        while not any(row["name"] == project for row in self.get("/api/v1/projects")["projects"]):
            pass
        reader = Poller(self.server, topics, 1)
        reader.place = reader.copy.fetch_all()
        return reader

    def follow(self, reader):
        topics = quote(",".join(reader.copy.topics))
        answer = reader.ask(f"/api/v1/changes?topics={topics}&after={reader.place}")
        self.assertTrue(answer["changes"], reader.copy.rows)
        for change in answer["changes"]:
            reader.take(change)
        reader.place = answer["cursor"]


if __name__ == "__main__":
    if not os.access(BURR, os.X_OK):
        print("SKIP: the program is not built ($BURR)")
        sys.exit(77)
    unittest.main(verbosity=2)
