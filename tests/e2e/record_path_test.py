"""Promises 1 to 3, by the deed: writers and collectors that are stopped, killed, paused and handed over."""

import json
import os
import shutil
import signal
import subprocess
import unittest

from harness import SLOWER, WRITER, StoreTest


class ManyProcesses(StoreTest):
    def test_eight_processes_through_a_collector_that_is_stopped_and_started(self):
        steps = 2000 // SLOWER
        collector = self.collector()
        writers = [self.writer("record", f"app{i}", 0, steps) for i in range(8)]
        for fraction in (4, 2):
            # When the first writer has come this far, the collector changes.
            for line in writers[0].stdout:
                if int(line) >= steps // fraction:
                    break
            self.assertEqual(collector.stop(), 0)
            collector = self.collector()
        for writer in writers:
            writer.communicate()
            self.assertEqual(writer.returncode, 0)
        for i in range(8):
            self.assert_steps(f"app{i}", steps)

    def test_a_collector_is_killed_again_and_again(self):
        steps = 1500 // SLOWER
        writers = [self.writer("threads", f"app{i}", steps, 4) for i in range(2)]
        while any(writer.poll() is None for writer in writers):
            self.collector().kill()
        for writer in writers:
            self.assertEqual(writer.returncode, 0)
        for i in range(2):
            for j in range(4):
                self.assert_steps(f"app{i}-{j}", steps)

    def test_eight_processes_without_a_collector(self):
        steps = 300 // SLOWER
        writers = [self.writer("record", f"app{i}", 0, steps) for i in range(8)]
        for writer in writers:
            writer.communicate()
            self.assertEqual(writer.returncode, 0)
        for i in range(8):
            self.assert_steps(f"app{i}", steps)


class Killed(StoreTest):
    def killed_writer(self, app):
        """Kill a writer in the middle; the last step whose calls had returned."""
        writer = self.writer("record", app, 0, 1000000)
        last = -1
        for line in writer.stdout:
            last = int(line)
            if last == 200:
                writer.kill()
        writer.wait()
        return last

    def check_and_go_on(self):
        last = self.killed_writer("app")
        self.assertEqual(self.burr("recover").returncode, 0)
        records = self.log("app")
        ended = [r["sequence_id"] for r in records if r["type"] == "end_entry"]
        self.assertEqual(ended, list(range(len(ended))))
        self.assertGreaterEqual(ended[-1], last, "a step whose calls had returned is missing")
        self.assertEqual([], [name for name in os.listdir(self.store) if name.startswith(".burr-spool")])
        again = self.writer("turns", "app")
        again.communicate(f"{ended[-1]}\n")
        self.assertEqual(again.returncode, 0)
        self.assertEqual(self.log("app")[-1]["sequence_id"], ended[-1] + 1)

    def test_a_killed_writer_loses_nothing_that_had_returned(self):
        self.check_and_go_on()

    def test_nor_does_one_that_has_a_collector(self):
        self.collector()
        self.check_and_go_on()


class HandedOver(StoreTest):
    def hand_over(self, turns, between=lambda turn: None):
        players = [self.writer("turns", "app"), self.writer("turns", "app")]
        for turn in range(turns):
            between(turn)
            player = players[turn % 2]
            player.stdin.write(f"{turn - 1}\n")
            player.stdin.flush()
            self.assertEqual(player.stdout.readline(), f"{turn}\n")
        for player in players:
            player.communicate()
            self.assertEqual(player.returncode, 0)
        self.assert_steps("app", turns)

    def test_two_processes_take_turns_1000_times(self):
        self.collector()
        self.hand_over(1000 // SLOWER)

    def test_without_a_collector(self):
        self.hand_over(1000 // SLOWER)

    def test_while_a_collector_comes_and_goes(self):
        running = []

        def between(turn):
            if turn % 50 == 25:
                running.append(self.collector())
            elif turn % 50 == 0 and running:
                running.pop().stop()

        self.hand_over(300 // SLOWER, between)


class Outage(StoreTest):
    """Nothing takes records for a while: they wait in the spool, and no call waits."""

    def outage(self, begin, end):
        writer = self.writer("wait", "app", 300, 20)
        self.assertEqual(writer.stdout.readline(), "ready\n")
        begin()
        writer.stdin.write("go\n")
        writer.stdin.flush()
        calls = []
        for line in writer.stdout:
            if line == "recorded\n":
                break
            status, ms = line.split()
            calls.append((status, int(ms)))
        self.assertEqual(len(calls), 20)
        end()
        out, _ = writer.communicate("go\n")
        self.assertEqual(writer.returncode, 0)
        self.assertEqual(out, "flushed BURR_OK stored 21 dropped 0\n")
        self.assertEqual([r["sequence_id"] for r in self.log("app")], list(range(20)))
        return calls

    def assert_no_call_waited(self, calls):
        self.assertEqual({status for status, _ in calls}, {"BURR_OK"})
        self.assertLess(sum(ms for _, ms in calls), 300)

    def test_a_paused_collector(self):
        collector = self.collector()
        self.assert_no_call_waited(self.outage(collector.pause, lambda: collector.signal(signal.SIGCONT)))

    def test_a_paused_collector_that_is_then_killed(self):
        collector = self.collector()
        self.assert_no_call_waited(self.outage(collector.pause, collector.kill))

    def full_disk(self, with_collector):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small file system")
        os.mkdir(self.store)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", self.store], capture_output=True, text=True
        )
        if mounted.returncode != 0:
            self.skipTest("no file system can be mounted here: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", self.store], check=True)
        if with_collector:
            self.collector()
        filler = os.path.join(self.store, "filler")

        def fill():
            with open(filler, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass

        self.assert_no_call_waited(self.outage(fill, lambda: os.unlink(filler)))

    def test_a_full_disk(self):
        self.full_disk(with_collector=False)

    def test_a_full_disk_under_a_collector(self):
        self.full_disk(with_collector=True)


class WithBurr(StoreTest):
    """Burr's own client appends to the same log, line by line, as it does: write and flush."""

    def append_as_burr(self, count):
        with open(self.log_path("app"), "a", encoding="utf-8") as file:
            for n in range(count):
                record = {
                    "type": "begin_entry",
                    "start_time": "2024-08-27T11:57:10.123456",
                    "action": "burr",
                    "inputs": {},
                    "sequence_id": n,
                }
                file.write(json.dumps(record) + "\n")
                file.flush()

    def both(self):
        steps = 400 // SLOWER
        writer = self.writer("record", "app", 0, steps)
        self.assertEqual(writer.stdout.readline(), "0\n")
        self.append_as_burr(steps)
        writer.communicate()
        self.assertEqual(writer.returncode, 0)
        records = self.log("app")
        theirs = [r["sequence_id"] for r in records if r["action"] == "burr"]
        ours = [r["sequence_id"] for r in records if r["type"] == "end_entry"]
        self.assertEqual(theirs, list(range(steps)))
        self.assertEqual(ours, list(range(steps)))

    def test_both_write_one_log(self):
        self.both()

    def test_both_write_one_log_under_a_collector(self):
        self.collector()
        self.both()

    def test_half_a_line_is_not_written_into(self):
        collector = self.collector()
        self.writer("record", "app", 0, 1).communicate()
        with open(self.log_path("app"), "a", encoding="utf-8") as file:
            file.write('{"type":"begin_entry","action":"burr","sta')
        self.writer("record", "app", 1, 1).communicate()
        collector.stop()
        self.assert_steps("app", 2)
        with open(self.log_path("app") + ".torn", encoding="utf-8") as file:
            self.assertEqual(file.read(), '{"type":"begin_entry","action":"burr","sta\n')


class LongPath(StoreTest):
    def test_a_store_whose_path_is_longer_than_a_sockets(self):
        self.store = os.path.join(self.folder, "x" * 120, "store")
        collector = self.collector()
        self.writer("record", "app", 0, 3).communicate()
        self.assertEqual(collector.stop(), 0)
        self.assert_steps("app", 3)


if __name__ == "__main__":
    assert WRITER.exists() and shutil.which(str(WRITER))
    unittest.main(verbosity=2)
