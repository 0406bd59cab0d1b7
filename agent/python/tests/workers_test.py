"""Applications in many processes: what each says that it did is what the store holds, whoever is killed meanwhile.

BURR_TEST_SECONDS=60 makes the outages last a minute; the suite takes a few seconds.
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

from harness import StoreTest

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = float(os.environ.get("BURR_TEST_SECONDS", "2"))
WORKERS = 8
STEPS = 50  # of an application
BETWEEN_KILLS_S = 0.4
PREFORKED = 4
TURNS = 24


class Worker:
    """worker.py, whose words go to a file."""

    def __init__(self, store, folder, name, client="collector", steps=STEPS):
        self.said = os.path.join(folder, f"{name}.said")
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, HERE / "worker.py", client, store, "project", name, str(steps)],
                stdin=subprocess.PIPE, stdout=said, stderr=subprocess.PIPE,
            )  # fmt: skip

    def end(self):
        """Told to: it finishes its application. What it complained of."""
        return self.process.communicate(b"\n", timeout=120)[1].decode()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        with contextlib.suppress(ValueError):
            self.process.communicate()

    def steps_said(self):
        """{app_id: its number of steps}; fails on anything but 1, 2, 3, …"""
        counts = {}
        with open(self.said) as said:
            for line in said:
                app_id, sequence_id, count = line.split()
                counts[app_id] = counts.get(app_id, 0) + 1
                assert (int(sequence_id), int(count)) == (counts[app_id] - 1, counts[app_id]), line
        return counts


class Workers(StoreTest):
    def start(self, name, **options):
        worker = Worker(self.store, self.folder, name, **options)
        self.addCleanup(worker.kill)
        return worker

    def wait_for_words(self, workers):
        """Until each has said something."""
        deadline = time.monotonic() + 60
        while not all(os.path.getsize(worker.said) for worker in workers):
            self.assertLess(time.monotonic(), deadline, "a worker says nothing")
            time.sleep(0.02)

    def assert_recorded(self, app_id, steps, may_have_gone_on):
        """Steps 0 … steps-1 once, in order and whole. One whose process was killed may have begun, or ended and not said, one more."""
        records = self.log(app_id)
        expected = [(kind, n) for n in range(steps) for kind in ("begin_entry", "end_entry")]
        found = [(r["type"], r["sequence_id"]) for r in records]
        self.assertEqual(found[: len(expected)], expected, app_id)
        more = [("begin_entry", steps), ("end_entry", steps)][: len(found) - len(expected)]
        self.assertEqual(found[len(expected) :], more if may_have_gone_on else [], app_id)
        for record in records:
            if record["type"] == "end_entry":
                self.assertEqual(record["state"]["count"], record["sequence_id"] + 1, app_id)
        identities = [r["_rec"] for r in records]
        self.assertEqual(len(set(identities)), len(identities))

    def test_a_collector_that_is_killed_and_comes_back(self):
        workers = [self.start(f"worker{i}") for i in range(WORKERS)]
        self.wait_for_words(workers)
        end = time.monotonic() + SECONDS
        kills = 0
        while time.monotonic() < end:
            collector = self.collector()
            next_kill = time.monotonic() + BETWEEN_KILLS_S
            while time.monotonic() < next_kill:
                self.assertEqual([w.process.poll() for w in workers], [None] * WORKERS)
                time.sleep(0.02)
            collector.kill()
            kills += 1
        killed, ended = workers[::2], workers[1::2]
        for worker in killed:
            worker.kill()
        for worker in ended:
            self.assertEqual(worker.end(), "")
        self.assertEqual(self.burr("recover").returncode, 0)
        steps = 0
        for worker in workers:
            said = worker.steps_said()
            for number, (app_id, count) in enumerate(said.items(), start=1):
                last = worker in killed and number == len(said)
                self.assert_recorded(app_id, count, may_have_gone_on=last)
                steps += count
        print(f"{steps} steps of {WORKERS} processes in {SECONDS:g} s, {kills} kills of the collector", file=sys.stderr)
        self.assertGreater(kills, 1)

    def steps_served(self, collector):
        """{app_id: its number of steps}, as the collector lists them."""
        found, page = {}, {"has_another_page": True}
        while page["has_another_page"]:
            page = collector.get(f"/api/v0/project/__none__/apps?limit=100&offset={len(found)}")
            found.update({app["app_id"]: app["num_steps"] for app in page["applications"]})
            if not page["applications"]:
                break
        return found

    def test_both_clients_write_at_once_and_our_server_shows_it(self):
        collector = self.collector()
        clients = ("collector", "burr")
        workers = [self.start(f"{client}{i}", client=client) for i in range(WORKERS // 2) for client in clients]
        self.wait_for_words(workers)
        time.sleep(SECONDS / 4)
        for worker in workers:
            self.assertEqual(worker.end(), "")
        said = {app_id: steps for worker in workers for app_id, steps in worker.steps_said().items()}
        deadline = time.monotonic() + 60
        while self.steps_served(collector) != said:
            self.assertLess(time.monotonic(), deadline, "the list is not what was said")
            time.sleep(0.05)
        for worker in workers:
            app_id = list(worker.steps_said())[-1]
            steps = collector.get(f"/api/v0/project/{app_id}/__none__/apps")["steps"]
            states = [step["step_end_log"]["state"]["count"] for step in steps]
            self.assertEqual(states, list(range(1, said[app_id] + 1)))

    def prefork(self):
        """A server that loads the tracker, then forks; its workers, each with a socket on which to ask for a step."""
        ends = [socket.socketpair() for _ in range(PREFORKED)]
        fds = [theirs.fileno() for _, theirs in ends]
        process = subprocess.Popen(
            [sys.executable, HERE / "prefork.py", self.store, *map(str, fds)], pass_fds=fds, stdout=subprocess.DEVNULL
        )
        for _, theirs in ends:
            theirs.close()
        self.addCleanup(process.kill)
        for ours, _ in ends:
            ours.settimeout(60)
            self.addCleanup(ours.close)
        return process, [ours for ours, _ in ends]

    def take_turns(self):
        server, workers = self.prefork()
        pids = set()
        for turn in range(TURNS):
            worker = workers[turn % PREFORKED]
            worker.sendall(b"conversation\n")
            answer = json.loads(worker.recv(1000))
            self.assertEqual((answer["count"], answer["sequence_id"]), (turn + 1, turn))
            pids.add(answer["pid"])
        self.assertEqual(len(pids), PREFORKED)
        for worker in workers:
            worker.close()
        self.assertEqual(server.wait(timeout=60), 0)

    def test_preforked_workers_take_turns_on_one_application(self):
        self.take_turns()
        self.assert_recorded("conversation", TURNS, may_have_gone_on=False)

    def test_preforked_workers_take_turns_through_a_collector(self):
        collector = self.collector()
        self.take_turns()
        self.assertEqual(collector.stop(), 0)
        self.assert_recorded("conversation", TURNS, may_have_gone_on=False)


if __name__ == "__main__":
    unittest.main(verbosity=2)
